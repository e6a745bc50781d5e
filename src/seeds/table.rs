//! CSV and TSV: a header line, and a column that holds the URL. The other columns are carried through.

use std::io::BufRead;
use std::sync::Arc;

use csv::{Position, ReaderBuilder, StringRecord};
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
    let mut table = ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .from_reader(input);
    let header = table
        .headers()
        .map_err(|error| unreadable(name, error))?
        .clone();
    let column = column(name, &header, feeder.settings.url_column.as_deref())?;
    let names: Vec<Arc<str>> = header.iter().map(Arc::from).collect();
    let mut record = StringRecord::new();
    loop {
        let line = table.position().line();
        match table.read_record(&mut record) {
            Ok(false) => return Ok(Ok(())),
            Ok(true) => {}
            // A line that is no UTF-8 is one bad line; a broken input is the end.
            Err(error) if !error.is_io_error() => {
                let line = error.position().map_or(line, Position::line);
                let entry = bad(feeder.rows_before + line, "", error.to_string(), None);
                match feeder.wants(line) {
                    Ok(true) if feeder.feed(entry).is_ok() => continue,
                    Ok(false) => continue,
                    _ => return Ok(Err(Enough)),
                }
            }
            Err(error) => return Err(unreadable(name, error)),
        }
        let line = record.position().map_or(line, Position::line);
        match feeder.wants(line) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(enough) => return Ok(Err(enough)),
        }
        let cells = names
            .iter()
            .zip(record.iter())
            .enumerate()
            .filter(|(index, _)| *index != column);
        let columns: Vec<_> = cells
            .map(|(_, (name, cell))| (name.clone(), Value::from(cell)))
            .collect();
        let request = (!columns.is_empty()).then(|| Request {
            columns,
            ..Request::default()
        });
        let entry = match record
            .get(column)
            .map(str::trim)
            .filter(|url| !url.is_empty())
        {
            Some(url) => maker.request(feeder.row, url, request),
            None => bad(
                feeder.row,
                record.iter().next().unwrap_or_default(),
                format!("no URL in column {:?}", &names[column]),
                request,
            ),
        };
        if feeder.feed(entry).is_err() {
            return Ok(Err(Enough));
        }
    }
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
