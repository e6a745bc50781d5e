//! Text lists: one URL per line, with comments.

use std::io;
use std::sync::Arc;

use serde_json::Value;

use super::entry::{Entry, JobBuilder, bad};
use super::feeder::{Enough, Feeder};
use super::words::{self, Words};
use crate::input::lines::Line;
use crate::input::{Input, LONGEST};
use crate::job::Request;

/// The column that stores what follows a URL and a tab.
const NOTE: &str = "note";

/// Reads URLs given as arguments; each is a row.
pub(super) fn arguments(
    urls: &[String],
    maker: &mut JobBuilder,
    feeder: &mut Feeder<'_>,
) -> Result<(), Enough> {
    for (index, url) in urls.iter().enumerate() {
        feeder.progress.add(url.len());
        if feeder.wants(index as u64 + 1)? {
            let entry = maker.url(feeder.row, url);
            feeder.feed(entry)?;
        }
    }
    Ok(())
}

/// Reads a text list.
///
/// # Errors
/// If the input cannot be read.
pub(super) fn read(
    lines: &mut Input,
    maker: &mut JobBuilder,
    feeder: &mut Feeder<'_>,
) -> io::Result<Result<(), Enough>> {
    let mut line = Line::default();
    while lines.next(&mut line, feeder)? {
        let fed = match feeder.wants(line.number) {
            Ok(true) => feed(&line, maker, feeder),
            Ok(false) => Ok(()),
            Err(enough) => Err(enough),
        };
        if fed.is_err() {
            return Ok(fed);
        }
    }
    Ok(Ok(()))
}

fn feed(line: &Line, maker: &mut JobBuilder, feeder: &mut Feeder<'_>) -> Result<(), Enough> {
    // A comment may be in any encoding; in a URL, invalid UTF-8 becomes U+FFFD, which no URL contains.
    let text = String::from_utf8_lossy(&line.bytes);
    let row = feeder.row;
    match words::parse_line(&text) {
        Words::Nothing => Ok(()),
        _ if line.cut => {
            let problem = format!("longer than {} MiB: write one URL per line", LONGEST >> 20);
            feeder.feed(bad(row, &text, problem, None))
        }
        Words::Url(url, None) => {
            let entry = maker.url(row, url);
            feeder.feed(entry)
        }
        Words::Url(url, Some(note)) => {
            let request = Request {
                columns: vec![(Arc::from(NOTE), Value::from(note))],
                ..Request::default()
            };
            let entry = maker.request(row, url, Some(request));
            feeder.feed(entry)
        }
        Words::Urls(urls) => {
            let entries: Vec<Entry> = urls.iter().map(|url| maker.url(row, url)).collect();
            feeder.feed_row(entries)
        }
        Words::Bad(problem) => feeder.feed(bad(row, &text, problem.to_owned(), None)),
    }
}
