//! CSV as in RFC 4180: a header line, then one line per record, lists as JSON text.
//!
//! The columns are always the same: the extra columns of a seed list are one JSON object in the column `columns`. A
//! cell that a spreadsheet would take for a formula is prefixed with an apostrophe; numbers keep their sign.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use http::HeaderName;

use super::field::Field;
use super::lines::{Lines, Render};
use super::output::Output;
use super::packing::Packing;
use super::{Destination, Record, RecordSettings, Start};
use crate::error::{Error, Result};
use crate::parse::Wants;
use crate::text::formula::is_formula;
use crate::visit::Visit;
use crate::visit::fields::{Column, SELECTED, Table, Value};

/// The longest header line that is read, in bytes.
const MAX_HEADER: u64 = 1 << 20;

/// Renders records as CSV lines.
pub(super) struct Csv {
    body: bool,
    /// The fields that have a column.
    fields: &'static [Field],
    /// The header fields to record: one more column each.
    headers: Vec<HeaderName>,
    /// The number of fields selected from pages: one more column each.
    selected: usize,
    cell: Vec<u8>,
    /// Makes the writer of a line; its own buffer, since the CSV writer wants to own one.
    builder: csv::WriterBuilder,
}

impl Csv {
    /// Opens a CSV file, and writes its header line if it is new.
    ///
    /// # Errors
    /// When the file has other columns, or the header line cannot be written.
    pub(super) fn open(
        to: &Destination,
        settings: &RecordSettings,
        tables: &[Table],
        start: Start<'_>,
    ) -> Result<Lines<Self>> {
        if let Destination::File { path, append } = to
            && (*append || matches!(start, Start::At(_)))
        {
            check_columns(path, &columns(settings, tables))?;
        }
        let mut output = Output::open_packed(to, start)?;
        let fields = fields(settings);
        let selected = selected_columns(tables);
        let mut builder = csv::WriterBuilder::new();
        builder.buffer_capacity(1 << 10);
        let csv = Self {
            body: settings.body,
            fields,
            headers: settings.headers.clone(),
            selected: selected.len(),
            cell: Vec::new(),
            builder,
        };
        if output.is_new() {
            let mut line = csv.builder.from_writer(output.buffer());
            line.write_record(columns(settings, tables))
                .and_then(|()| Ok(line.flush()?))
                .map_err(|source| Error::setup("a CSV header", source))?;
        }
        Ok(Lines::new(output, csv, start))
    }
}

/// The names of the columns.
pub(super) fn columns(settings: &RecordSettings, tables: &[Table]) -> Vec<String> {
    let names = fields(settings).iter().map(|field| field.name().to_owned());
    // A user's field may have the same name as one of the record's.
    let selected = selected_columns(tables).iter();
    let selected = selected.map(|column| format!("{SELECTED}.{}", column.name));
    let headers = settings
        .headers
        .iter()
        .map(|name| format!("headers.{name}"));
    names.chain(headers).chain(selected).collect()
}

/// Returns the number of cells in a line.
pub(super) fn cells(line: &[u8]) -> usize {
    first_record(line).map_or(0, |record| record.len())
}

fn fields(settings: &RecordSettings) -> &'static [Field] {
    const ALL: &[Field] = &Field::ALL;
    match settings.body {
        true => ALL,
        false => &ALL[..Field::Body as usize],
    }
}

/// The columns of the fields selected from pages, which are the first table.
fn selected_columns(tables: &[Table]) -> &[Column] {
    let first = tables.first();
    let selected = first.filter(|table| table.name == SELECTED);
    selected.map_or(&[], |table| &table.columns)
}

/// Refuses a file whose columns differ from this run's: it would mix two tables.
fn check_columns(path: &Path, now: &[String]) -> Result<()> {
    let Some(header) = header(path) else {
        return Ok(());
    };
    let text = |cell| String::from_utf8_lossy(cell).into_owned();
    let known: Vec<_> = header.iter().map(text).collect();
    if known == now {
        return Ok(());
    }
    let only = |of: &[String], other: &[String]| {
        let only: Vec<_> = of
            .iter()
            .filter(|name| !other.contains(name))
            .cloned()
            .collect();
        match only.is_empty() {
            true => "none".to_owned(),
            false => only.join(", "),
        }
    };
    Err(Error::Setting(format!(
        "{}: its columns are not those that this run writes (only in the file: {}; only in this run: {}): write to \
         another file, or with the settings that it was written with",
        path.display(),
        only(&known, now),
        only(now, &known)
    )))
}

/// Reads the header line of a file; `None` if it has no complete one or cannot be read.
///
/// A file that cannot be read is reported later, when it is opened for writing.
fn header(path: &Path) -> Option<csv::ByteRecord> {
    if !std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return None;
    }
    let reader: Box<dyn Read> = match Packing::of_path(path) {
        Some(packing) => packing.reader(path).ok()?,
        None => Box::new(std::fs::File::open(path).ok()?),
    };
    let mut line = Vec::new();
    let mut reader = BufReader::new(reader.take(MAX_HEADER));
    reader.read_until(b'\n', &mut line).ok()?;
    line.ends_with(b"\n").then(|| first_record(&line))?
}

fn first_record(bytes: &[u8]) -> Option<csv::ByteRecord> {
    let mut reader = csv::ReaderBuilder::new();
    let mut records = reader
        .has_headers(false)
        .from_reader(bytes)
        .into_byte_records();
    records.next()?.ok()
}

impl Render for Csv {
    fn wants(&self) -> Wants {
        super::wants::wants_of_records(self.body)
    }

    fn add(&mut self, visit: &Visit, out: &mut Vec<u8>) -> Result<()> {
        let record = Record::of(visit, self.body).with_headers(visit, &self.headers);
        let mut line = self.builder.from_writer(out);
        let cell = &mut self.cell;
        let mut write = || {
            for field in self.fields {
                cell.clear();
                field.write(&record, cell);
                if is_formula(cell) {
                    cell.insert(0, b'\'');
                }
                line.write_field(&*cell)?;
            }
            for number in 0..self.headers.len() {
                cell.clear();
                if let Some(value) = record.headers.and_then(|headers| headers.value(number)) {
                    cell.extend_from_slice(value.as_bytes());
                }
                if is_formula(cell) {
                    cell.insert(0, b'\'');
                }
                line.write_field(&*cell)?;
            }
            for index in 0..self.selected {
                cell.clear();
                if let Some(value) = selected(visit, index) {
                    value.cell(cell);
                }
                if is_formula(cell) {
                    cell.insert(0, b'\'');
                }
                line.write_field(&*cell)?;
            }
            line.write_record(None::<&[u8]>)?;
            Ok(line.flush()?)
        };
        write().map_err(|source: csv::Error| Error::setup("a CSV record", source))
    }
}

/// Returns a value that was selected from a page.
fn selected(visit: &Visit, index: usize) -> Option<&Value> {
    let extraction = visit.parsed.fields.as_deref()?;
    // Selected fields are the first table, with a single item.
    extraction.selected.as_ref()?;
    let item = extraction
        .fields
        .items
        .iter()
        .find(|item| item.table == 0)?;
    item.values.get(index)
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, Written, format, open};
    use super::super::{FIELDS, Format};
    use super::*;

    fn cells(text: &str) -> Vec<csv::StringRecord> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(text.as_bytes());
        reader.records().map(|record| record.unwrap()).collect()
    }

    #[test]
    fn every_cell_matches_the_json_of_its_record() {
        let visits = samples::every();
        let rows = cells(&Written::all("csv", true, &visits));
        assert_eq!(rows[0].iter().collect::<Vec<_>>(), FIELDS);
        assert_eq!(rows.len(), visits.len() + 1);
        for (row, visit) in rows[1..].iter().zip(&visits) {
            let json = serde_json::to_value(Record::of(visit, true)).unwrap();
            for (name, cell) in FIELDS.iter().zip(row) {
                let cell = cell.strip_prefix('\'').unwrap_or(cell);
                match json.get(name).unwrap_or(&serde_json::Value::Null) {
                    serde_json::Value::Null => assert_eq!(cell, "", "{name}"),
                    serde_json::Value::String(text) => assert_eq!(cell, text, "{name}"),
                    serde_json::Value::Number(number) => {
                        assert_eq!(
                            cell.parse::<f64>().unwrap(),
                            number.as_f64().unwrap(),
                            "{name}"
                        );
                    }
                    other => assert_eq!(
                        &serde_json::from_str::<serde_json::Value>(cell).unwrap(),
                        other,
                        "{name}"
                    ),
                }
            }
        }
    }

    #[test]
    fn the_body_is_a_column_only_on_request() {
        let rows = cells(&Written::all("csv", false, &samples::every()));
        assert_eq!(
            rows[0].iter().collect::<Vec<_>>(),
            FIELDS[..FIELDS.len() - 1]
        );
    }

    #[test]
    fn a_title_that_a_spreadsheet_would_run_gets_an_apostrophe() {
        let mut visit = samples::page(200);
        for title in ["=1+1", "+1", "-1+cmd", "@sum", "\tx", "\rx", "-"] {
            visit.parsed.title = Some(title.to_owned());
            let rows = cells(&Written::all("csv", false, std::slice::from_ref(&visit)));
            assert_eq!(&rows[1][Field::Title as usize], format!("'{title}"));
        }
        for plain in ["-12.5", "a=b", "'", "—", "\"x\", y\nz"] {
            visit.parsed.title = Some(plain.to_owned());
            let rows = cells(&Written::all("csv", false, std::slice::from_ref(&visit)));
            assert_eq!(&rows[1][Field::Title as usize], plain);
        }
    }

    #[test]
    fn each_requested_header_field_has_a_column() {
        let written = Written::new();
        let names = ["server", "etag"].map(HeaderName::from_static);
        let format = Format::Csv(RecordSettings {
            body: false,
            headers: names.to_vec(),
        });
        written.write(&format, false, &[samples::page(200)]);
        let rows = cells(&written.text());
        let last = |row: &csv::StringRecord| {
            let cells: Vec<_> = row.iter().map(str::to_owned).collect();
            cells[cells.len() - 2..].to_vec()
        };
        assert_eq!(last(&rows[0]), ["headers.server", "headers.etag"]);
        assert_eq!(last(&rows[1]), ["origin/1", ""]);
    }

    #[test]
    fn a_file_with_other_columns_is_not_appended_to() {
        let written = Written::new();
        written.append("csv", &[samples::page(200)]);
        let before = written.text();
        let settings = written.settings(&format("csv", false), true);
        let with_body = written.settings(&format("csv", true), true);
        let error = open(&with_body, Start::Fresh).err().unwrap();
        let problem = error.to_string();
        assert!(
            problem.contains("only in the file: none; only in this run: body"),
            "{problem}"
        );
        let mark = open(&settings, Start::Fresh).unwrap().finish().unwrap();
        assert!(open(&with_body, Start::At(&mark.unwrap())).is_err());
        assert_eq!(written.text(), before);
    }

    #[test]
    fn appending_writes_no_second_header() {
        let written = Written::new();
        written.append("csv", &[samples::page(200)]);
        written.append("csv", &[samples::page(404)]);
        let rows = cells(&written.text());
        assert_eq!(rows.len(), 3);
        assert_eq!(
            (&rows[0][0], &rows[1][4], &rows[2][4]),
            ("row", "200", "404")
        );
    }
}
