//! Crawls a host and stores its titles in SQLite with a custom sink.
//!
//! `cargo run --example titles -- http://example.org/ titles.sqlite`

#![allow(clippy::print_stdout)] // a program may print

use std::error::Error;

use haul::parse::Wants;
use haul::sink::Sink;
use haul::{Config, Runner, Visit};
use rusqlite::Connection;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [seed, file] = &words[..] else {
        return Err("usage: titles URL FILE".into());
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(crawl(seed, file.clone()))?;
    println!("{} records", outcome.tally.visited);
    Ok(())
}

/// Crawls the seed's host, obeying robots.txt.
pub(crate) async fn crawl(seed: &str, file: String) -> haul::Result<haul::Outcome> {
    let titles = Wants {
        title: true,
        ..Wants::NOTHING
    };
    let runner = Runner::new(Config::crawl([seed])).sink("titles", titles, move |_| {
        let database = Connection::open(file).map_err(failed)?;
        let table = "CREATE TABLE IF NOT EXISTS titles(url TEXT PRIMARY KEY, title TEXT)";
        database.execute_batch(table).map_err(failed)?;
        Ok(Titles(database))
    });
    runner.run(|_| ()).await
}

struct Titles(Connection);

impl Sink for Titles {
    fn wants(&self) -> Wants {
        Wants {
            title: true,
            ..Wants::NOTHING
        }
    }

    fn write(&mut self, visit: &Visit) -> haul::Result<()> {
        let row = (visit.job.url.as_str(), &visit.parsed.title);
        let insert = "INSERT OR REPLACE INTO titles VALUES (?1, ?2)";
        self.0.execute(insert, row).map(drop).map_err(failed)
    }
}

fn failed(error: rusqlite::Error) -> haul::Error {
    haul::Error::output("the titles", std::io::Error::other(error))
}
