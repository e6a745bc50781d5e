//! CSV and TSV: a header line, and a column that holds the URL. The other columns are carried through.

use std::io::{BufRead, Read};
use std::sync::Arc;

use csv::{ByteRecord, ReaderBuilder, StringRecord, Terminator};
use serde_json::Value;

use super::entry::{Maker, bad};
use super::{Enough, Feeder};
use crate::error::{Error, Result};
use crate::job::Request;

/// # Errors
/// When the input cannot be read, or has no such column.
pub(super) fn read(
    name: &str,
    input: Box<dyn BufRead>,
    delimiter: u8,
    maker: &mut Maker,
    feeder: &mut Feeder<'_>,
) -> Result<Result<(), Enough>> {
    // Ended by line feeds alone, as then the reader counts them right; a carriage return before one is taken off below.
    let mut table = ReaderBuilder::new()
        .delimiter(delimiter)
        .terminator(Terminator::Any(b'\n'))
        .flexible(true)
        .from_reader(input.chain(&b"\n"[..])); // so that the last record is ended like the others
    let mut header = table
        .headers()
        .map_err(|error| unreadable(name, error))?
        .clone();
    header.trim();
    let column = column(name, &header, feeder.settings.url_column.as_deref())?;
    let names: Vec<Arc<str>> = header.iter().map(Arc::from).collect();
    let mut bytes = ByteRecord::new();
    loop {
        match table.read_byte_record(&mut bytes) {
            Ok(false) => return Ok(Ok(())),
            Ok(true) => {}
            Err(error) => return Err(unreadable(name, error)),
        }
        if matches!(bytes.as_slice(), b"\r" | b"") && bytes.len() == 1 {
            continue; // a blank line
        }
        // The reader is past the record and its line feed; blank lines before it are counted too.
        let inside = bytes
            .iter()
            .flatten()
            .filter(|byte| **byte == b'\n')
            .count() as u64;
        let line = table.position().line().saturating_sub(inside + 1);
        match feeder.wants(line) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(enough) => return Ok(Err(enough)),
        }
        // A line that is no UTF-8 is one bad line, and no more.
        let record = match text(&bytes) {
            Some(record) => record,
            None => {
                let told = String::from_utf8_lossy(bytes.get(column).unwrap_or_default());
                let entry = bad(feeder.row, &told, "not UTF-8".into(), None);
                match feeder.feed(entry) {
                    Ok(()) => continue,
                    Err(enough) => return Ok(Err(enough)),
                }
            }
        };
        let cells = names
            .iter()
            .zip(&record)
            .enumerate()
            .filter(|(index, _)| *index != column);
        let columns: Vec<_> = cells
            .map(|(_, (name, cell))| (name.clone(), Value::from(*cell)))
            .collect();
        let request = (!columns.is_empty()).then(|| Request {
            columns,
            ..Request::default()
        });
        let entry = match record
            .get(column)
            .map(|cell| cell.trim())
            .filter(|url| !url.is_empty())
        {
            Some(url) => maker.request(feeder.row, url, request),
            None => bad(
                feeder.row,
                record.first().copied().unwrap_or_default(),
                format!("no URL in column {:?}", &names[column]),
                request,
            ),
        };
        if feeder.feed(entry).is_err() {
            return Ok(Err(Enough));
        }
    }
}

/// The cells as text, without the carriage return that ends the line.
fn text(bytes: &ByteRecord) -> Option<Vec<&str>> {
    let mut cells = bytes
        .iter()
        .map(|cell| str::from_utf8(cell).ok())
        .collect::<Option<Vec<_>>>()?;
    if let Some(last) = cells.last_mut() {
        *last = last.strip_suffix('\r').unwrap_or(last);
    }
    Some(cells)
}

/// The place of the URL's column.
fn column(name: &str, header: &StringRecord, wanted: Option<&str>) -> Result<usize> {
    let named = |wanted: &str| {
        header
            .iter()
            .position(|column| column.trim().eq_ignore_ascii_case(wanted))
    };
    let Some(wanted) = wanted else {
        return Ok(named("url").unwrap_or(0));
    };
    let numbered = || {
        wanted
            .parse::<usize>()
            .ok()
            .filter(|number| (1..=header.len()).contains(number))
            .map(|number| number - 1)
    };
    named(wanted).or_else(numbered).ok_or_else(|| {
        let known: Vec<_> = header.iter().collect();
        let problem = format!("no column {wanted:?}: the columns are {}", known.join(", "));
        Error::Table {
            name: name.to_owned(),
            problem,
        }
    })
}

fn unreadable(name: &str, error: csv::Error) -> Error {
    match error.into_kind() {
        csv::ErrorKind::Io(source) => Error::Input {
            name: name.to_owned(),
            source,
        },
        other => Error::Table {
            name: name.to_owned(),
            problem: format!("{other:?}"),
        },
    }
}
