//! Fetches a list of URLs and receives the visits as a stream.
//!
//! `cargo run --example stream -- http://example.org/ …`
//!
//! Without arguments, it fetches from a practice server.

#![allow(clippy::print_stdout)] // a program may print

use std::error::Error;

use haul::origin::{Origin, OriginSettings};
use haul::{Config, Runner};

fn main() -> Result<(), Box<dyn Error>> {
    let site = Origin::start(OriginSettings {
        pages: 10,
        ..OriginSettings::default()
    })?;
    let mut urls: Vec<String> = std::env::args().skip(1).collect();
    if urls.is_empty() {
        urls = (0..10)
            .map(|page| site.url(&format!("/page/{page}")))
            .collect();
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let pages = runtime.block_on(titles(urls))?;
    println!("{pages} pages");
    Ok(())
}

/// Prints the title of each page, and returns how many pages there were.
pub(crate) async fn titles(urls: Vec<String>) -> haul::Result<usize> {
    let mut config = Config::urls(urls);
    config.parse.wants.title = true;
    let mut visits = Runner::new(config).visits();
    let mut pages = 0;
    while let Some(visit) = visits.next().await {
        let visit = visit?;
        match visit.failure() {
            Some(failure) => println!("{} failed: {failure}", visit.job.url),
            None => {
                pages += 1;
                let title = visit.parsed.title.as_deref().unwrap_or("(no title)");
                println!("{} {title}", visit.job.url);
            }
        }
    }
    Ok(pages)
}
