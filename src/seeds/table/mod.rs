//! CSV and TSV: rows with a URL column. The other columns are carried through.

mod kind;
mod layout;

use std::sync::Arc;

use serde_json::Value;

pub(super) use self::kind::TableKind;
use self::layout::Layout;
pub(super) use self::layout::has_url_header;
use super::entry::{Entry, JobBuilder, bad};
use super::feeder::{Enough, Feeder};
use super::{json, words};
use crate::error::{Error, Result};
use crate::input::encoding;
use crate::input::framing::{Cells, Record, Records};
use crate::input::lines::{BeforeWait, Line};
use crate::input::{Input, unreadable};
use crate::job::Request;

/// Checks that a table has a column of URLs.
///
/// # Errors
/// If there is none that can be recognized, or the table cannot be read.
pub(super) fn check(
    name: &str,
    lines: &mut Input,
    kind: TableKind,
    column: Option<&str>,
) -> Result<()> {
    detect_layout(name, lines, kind, column, &mut ()).map(|_| ())
}

fn detect_layout(
    name: &str,
    lines: &mut Input,
    kind: TableKind,
    column: Option<&str>,
    wait: &mut impl BeforeWait,
) -> Result<Option<Layout>> {
    let sample = lines.sample(2, wait);
    let sample = sample.map_err(|source| unreadable(name, source))?;
    layout::detect(sample, kind, column).map_err(|problem| Error::UrlColumn {
        name: name.to_owned(),
        problem,
    })
}

/// Reads a table.
///
/// # Errors
/// If the input cannot be read, or has no column of URLs.
pub(super) fn read(
    name: &str,
    mut lines: Input,
    kind: TableKind,
    maker: &mut JobBuilder,
    feeder: &mut Feeder<'_>,
) -> Result<Result<(), Enough>> {
    let column = feeder.settings.url_column.as_deref();
    let Some(layout) = detect_layout(name, &mut lines, kind, column, feeder)? else {
        return Ok(Ok(()));
    };
    let mut records = Records::new(lines, layout.dialect);
    let mut record = Record::default();
    loop {
        let any = records.next(&mut record, feeder);
        if !any.map_err(|source| unreadable(name, source))? {
            return Ok(Ok(()));
        }
        if record.line <= layout.before {
            continue;
        }
        match feeder.wants(record.line) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(enough) => return Ok(Err(enough)),
        }
        let entry = layout.entry(feeder.row, &record, maker);
        if feeder.feed(entry).is_err() {
            return Ok(Err(Enough));
        }
        for line in records
            .inside()
            .iter()
            .filter(|line| layout.is_like_a_row(line))
        {
            match feeder.wants(line.number) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(enough) => return Ok(Err(enough)),
            }
            let problem = format!(
                "a row inside quotes that open on line {}: is there a stray quote?",
                record.line
            );
            let text = encoding::text(&line.bytes);
            if feeder.feed(bad(feeder.row, &text, problem, None)).is_err() {
                return Ok(Err(Enough));
            }
        }
    }
}

impl Layout {
    fn entry(&self, row: u64, record: &Record, maker: &mut JobBuilder) -> Entry {
        let url = record.cells.get(self.column).unwrap_or_default();
        let request = match self.of_records {
            true => self.request_of_record(record),
            false => Ok(self.other_columns(record)),
        };
        let request = match (request, record.problem) {
            (Ok(request), None) => request,
            // The cells that were read may be cut off.
            (Ok(_), Some(problem)) => {
                return bad(row, &encoding::text(url), problem.to_owned(), None);
            }
            (Err(problem), _) => return bad(row, &encoding::text(url), problem, None),
        };
        let request = request.says_something().then_some(request);
        match str::from_utf8(url) {
            Ok(text) if words::trimmed(text).is_empty() => {
                let first = record.cells.get(0).unwrap_or_default();
                let problem = format!("no URL in column {:?}", &self.names[self.column]);
                bad(row, &encoding::text(first), problem, request)
            }
            Ok(text) => maker.request(row, words::unwrapped(text), request),
            Err(_) => bad(row, &encoding::text(url), "not UTF-8".to_owned(), request),
        }
    }

    /// The other cells as columns, by name; those beyond the header by number.
    fn other_columns(&self, record: &Record) -> Request {
        let cells = record.cells.iter().enumerate();
        let columns = cells.filter(|(index, _)| *index != self.column);
        let columns = columns.map(|(index, cell)| {
            let name = self.names.get(index).cloned();
            let name = name.unwrap_or_else(|| Arc::from((index + 1).to_string()));
            (name, Value::from(encoding::text(cell)))
        });
        Request {
            columns: columns.collect(),
            ..Request::default()
        }
    }

    /// The request and columns of a record written by haul.
    ///
    /// # Errors
    /// If its request cannot be made again.
    fn request_of_record(&self, record: &Record) -> Result<Request, String> {
        let cell = |name: &str| {
            let at = self.names.iter().position(|known| **known == *name)?;
            str::from_utf8(record.cells.get(at)?).ok()
        };
        let columns = cell("columns").and_then(|text| serde_json::from_str(text).ok());
        let columns: serde_json::Map<String, Value> = columns.unwrap_or_default();
        Ok(Request {
            method: json::recorded_method(cell("method"))?,
            columns: columns
                .into_iter()
                .map(|(name, value)| (Arc::from(name), value))
                .collect(),
            ..Request::default()
        })
    }

    /// Whether a line inside quotes looks like a row of its own.
    ///
    /// It is not fetched, because the quotes count, but it is reported, because one of them may be left over from
    /// an earlier row.
    fn is_like_a_row(&self, line: &Line) -> bool {
        let mut cells = Cells::default();
        let is_closed = cells.split(&line.bytes, self.dialect, None).is_none();
        let url = cells.get(self.column).unwrap_or_default();
        is_closed
            && cells.len() > 1
            && cells.len() == self.names.len()
            && !url.contains(&b'"')
            && layout::is_url(words::trimmed(&encoding::text(url)))
    }
}
