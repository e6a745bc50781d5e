//! One URL a line; `#` begins a comment, blank lines are nothing.

use std::io::{self, BufRead};

use memchr::memchr;

use super::entry::{Maker, bad};
use super::{Enough, Entry, Feeder};

/// The longest line: beyond it no URL can be, and the rest of the line is passed over.
const LONGEST: usize = 1 << 20;

/// URLs given as arguments: each is a row.
pub(super) fn arguments(
    urls: &[String],
    maker: &mut Maker,
    feeder: &mut Feeder<'_>,
) -> Result<(), Enough> {
    for (index, url) in urls.iter().enumerate() {
        feeder.progress.add(url.len());
        if feeder.wants(index as u64 + 1)? {
            let entry = maker.url(feeder.row, url.trim());
            feeder.feed(entry)?;
        }
    }
    Ok(())
}

/// # Errors
/// When the input cannot be read.
pub(super) fn read(
    input: &mut dyn BufRead,
    maker: &mut Maker,
    feeder: &mut Feeder<'_>,
) -> io::Result<Result<(), Enough>> {
    let entry = |maker: &mut Maker, row: u64, line: &[u8]| -> Option<Entry> {
        let line = line.trim_ascii();
        if line.is_empty() || line[0] == b'#' {
            return None;
        }
        Some(match std::str::from_utf8(line) {
            Ok(text) => maker.url(row, text),
            Err(_) => bad(
                row,
                &String::from_utf8_lossy(line),
                "not UTF-8".into(),
                None,
            ),
        })
    };
    lines(input, feeder, |feeder, line| {
        match entry(maker, feeder.row, line) {
            Some(entry) => feeder.feed(entry),
            None => Ok(()),
        }
    })
}

/// Calls `each` for every line that is wanted, without its end; at most [`LONGEST`] bytes of it.
///
/// # Errors
/// When the input cannot be read.
pub(super) fn lines(
    input: &mut dyn BufRead,
    feeder: &mut Feeder<'_>,
    mut each: impl FnMut(&mut Feeder<'_>, &[u8]) -> Result<(), Enough>,
) -> io::Result<Result<(), Enough>> {
    let mut carried = Vec::new();
    let mut number = 0;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        let length = buffer.len();
        let mut rest = buffer;
        while let Some(end) = memchr(b'\n', rest) {
            number += 1;
            let (line, after) = rest.split_at(end);
            rest = &after[1..];
            let done = match feeder.wants(number) {
                Ok(true) if carried.is_empty() => each(feeder, line),
                Ok(true) => {
                    carried.extend_from_slice(
                        &line[..line.len().min(LONGEST - carried.len().min(LONGEST))],
                    );
                    each(feeder, &carried)
                }
                Ok(false) => Ok(()),
                Err(enough) => Err(enough),
            };
            carried.clear();
            if done.is_err() {
                return Ok(Err(Enough));
            }
        }
        carried.extend_from_slice(&rest[..rest.len().min(LONGEST - carried.len().min(LONGEST))]);
        input.consume(length);
        // What a slow pipe has sent is handed over before it is waited for.
        if feeder.hand_over().is_err() {
            return Ok(Err(Enough));
        }
    }
    if carried.is_empty() {
        return Ok(Ok(()));
    }
    number += 1;
    match feeder.wants(number) {
        Ok(true) => Ok(each(feeder, &carried)),
        Ok(false) => Ok(Ok(())),
        Err(enough) => Ok(Err(enough)),
    }
}
