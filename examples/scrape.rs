//! Scrapes typed fields with a recipe.
//!
//! `cargo run --example scrape -- recipe.toml http://example.org/ …`

#![allow(clippy::print_stdout)] // a program may print

use std::error::Error;

use haul::extract::Recipe;
use haul::{Config, Runner};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let file = words.next().ok_or("usage: scrape RECIPE URL …")?;
    let recipe = std::fs::read_to_string(&file)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    for items in runtime.block_on(items(&recipe, words.collect()))? {
        println!("{items}");
    }
    Ok(())
}

/// The items of each page, as JSON.
pub(crate) async fn items(recipe: &str, urls: Vec<String>) -> Result<Vec<String>, Box<dyn Error>> {
    let recipe = Recipe::check(recipe, "recipe").map_err(|problems| {
        let problems = problems
            .iter()
            .map(|problem| format!("line {}: {}", problem.line, problem.text));
        problems.collect::<Vec<_>>().join("\n")
    })?;
    let mut config = Config::urls(urls);
    config.parse.extract.recipes = vec![recipe];
    let mut visits = Runner::new(config).visits();
    let mut found = Vec::new();
    while let Some(visit) = visits.next().await {
        let fields = visit?.parsed.fields.take();
        found.extend(fields.and_then(|fields| fields.items));
    }
    Ok(found)
}
