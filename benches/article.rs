//! Extracts the articles of a list of pages as JSON, with the time each took:
//! `cargo bench --bench article -- LIST.json`.
//!
//! `benches/article/score.py` makes the list, runs this alongside other libraries, and compares the results. Without a
//! list, there is nothing to do.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

use std::time::Instant;

use haul::PageUrl;
use haul::extract::{ExtractSettings, Extractor, Page, PageFormat};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(list) = std::env::args().find(|argument| argument.ends_with(".json")) else {
        println!("which pages? see benches/article/README.md");
        return Ok(());
    };
    let pages: Vec<serde_json::Value> = serde_json::from_slice(&std::fs::read(list)?)?;
    let extractor = Extractor::compile(&ExtractSettings {
        article: true,
        ..ExtractSettings::default()
    })?;
    let mut answers = serde_json::Map::new();
    for page in &pages {
        let text = |name: &str| page[name].as_str().unwrap_or_default();
        let bytes = std::fs::read(text("path"))?;
        let html = String::from_utf8_lossy(&bytes);
        let url = PageUrl::parse(text("url"))?;
        let started = Instant::now();
        let extracted = extractor.extract(&Page {
            url: &url,
            text: &html,
            source: PageFormat::Html,
            encoding: encoding_rs::UTF_8,
            recipes: &[],
        });
        let seconds = started.elapsed().as_secs_f64();
        let answer = serde_json::json!({ "text": extracted.article, "seconds": seconds });
        answers.insert(text("id").to_owned(), answer);
    }
    println!("{}", serde_json::Value::Object(answers));
    Ok(())
}
