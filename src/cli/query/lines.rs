//! Rows for programs: CSV and JSON Lines, written one by one.

use std::io::Write;

use haul::is_formula;
use haul::query::{Cell, QueryRows};
use serde_json::value::RawValue;

use super::writer::{Writer, hexadecimal, number, written};

/// Writes CSV with a header line, as a run does: a cell that a spreadsheet would take for a formula is prefixed with an
/// apostrophe.
pub(super) struct Csv<W: Write>(csv::Writer<W>);

/// Writes an object for each row, with the columns in their order.
pub(super) struct JsonLines<W> {
    output: W,
    /// The names of the columns as JSON, each different.
    names: Vec<String>,
    line: String,
}

impl<W: Write> Csv<W> {
    pub(super) fn new(output: W) -> Self {
        Self(csv::Writer::from_writer(output))
    }

    fn record(&mut self, cells: impl Iterator<Item = String>) -> haul::Result<()> {
        let cells: Vec<String> = cells.collect();
        let record = self.0.write_record(&cells);
        written(record.map_err(|error| match error.into_kind() {
            csv::ErrorKind::Io(source) => source, // so that a reader who has enough is known as such
            _ => std::io::Error::other("a row has another number of columns"),
        }))
    }
}

impl<W: Write> QueryRows for Csv<W> {
    fn columns(&mut self, names: &[String]) -> haul::Result<()> {
        self.record(names.iter().map(|name| harmless(name)))
    }

    fn row(&mut self, cells: &[Cell<'_>]) -> haul::Result<()> {
        self.record(cells.iter().map(|cell| match cell {
            Cell::Null => String::new(),
            Cell::Bool(value) => value.to_string(),
            Cell::Integer(value) => value.to_string(),
            Cell::Number(value) => number(*value),
            Cell::Text(text) | Cell::Json(text) => harmless(text),
            Cell::Bytes(bytes) => hexadecimal(bytes),
        }))
    }
}

impl<W: Write> Writer for Csv<W> {
    fn finish(&mut self) -> haul::Result<()> {
        written(self.0.flush())
    }
}

/// A cell that no spreadsheet evaluates.
fn harmless(text: &str) -> String {
    match is_formula(text.as_bytes()) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}

impl<W: Write> JsonLines<W> {
    pub(super) fn new(output: W) -> Self {
        Self {
            output,
            names: Vec::new(),
            line: String::new(),
        }
    }
}

impl<W: Write> QueryRows for JsonLines<W> {
    fn columns(&mut self, names: &[String]) -> haul::Result<()> {
        let mut used: Vec<String> = Vec::new();
        for name in names {
            let numbered = (2..).map(|number| format!("{name}_{number}"));
            let mut free = std::iter::once(name.clone()).chain(numbered);
            used.extend(free.find(|name| !used.contains(name)));
        }
        self.names = used.iter().map(|name| quoted(name)).collect();
        Ok(())
    }

    fn row(&mut self, cells: &[Cell<'_>]) -> haul::Result<()> {
        self.line.clear();
        for (place, (name, cell)) in self.names.iter().zip(cells).enumerate() {
            self.line.push(if place == 0 { '{' } else { ',' });
            self.line.push_str(name);
            self.line.push(':');
            match cell {
                Cell::Null => self.line.push_str("null"),
                Cell::Bool(value) => self.line.push_str(&value.to_string()),
                Cell::Integer(value) => self.line.push_str(&value.to_string()),
                Cell::Number(value) => self.line.push_str(&number(*value)),
                Cell::Text(text) => self.line.push_str(&quoted(text)),
                Cell::Json(text) => self.line.push_str(&on_one_line(text)),
                Cell::Bytes(bytes) => self.line.push_str(&quoted(&hexadecimal(bytes))),
            }
        }
        self.line.push_str("}\n");
        written(self.output.write_all(self.line.as_bytes()))
    }
}

impl<W: Write> Writer for JsonLines<W> {
    fn finish(&mut self) -> haul::Result<()> {
        written(self.output.flush())
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// JSON on one line, as it was written; what is no JSON after all becomes a text.
fn on_one_line(text: &str) -> String {
    match serde_json::from_str::<&RawValue>(text) {
        // In JSON, a line break can only be between tokens.
        Ok(value) => value.get().replace(['\n', '\r'], " "),
        Err(_) => quoted(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_objects_on_one_line_each_with_every_column() {
        let mut written = Vec::new();
        let mut lines = JsonLines::new(&mut written);
        let names = ["a", "a", "a_2", "b\""].map(str::to_owned);
        lines.columns(&names).unwrap();
        lines
            .row(&[
                Cell::Json("{\"x\":\n [1]}"),
                Cell::Json("no\n"),
                Cell::Bytes(&[0, 255]),
                Cell::Bool(true),
            ])
            .unwrap();
        lines
            .row(&[
                Cell::Null,
                Cell::Integer(i64::MIN),
                Cell::Number(f64::INFINITY),
                Cell::Text("x\ny"),
            ])
            .unwrap();
        lines.finish().unwrap();
        assert_eq!(
            String::from_utf8(written).unwrap(),
            "{\"a\":{\"x\":  [1]},\"a_2\":\"no\\n\",\"a_2_2\":\"00ff\",\"b\\\"\":true}\n\
             {\"a\":null,\"a_2\":-9223372036854775808,\"a_2_2\":null,\"b\\\"\":\"x\\ny\"}\n"
        );
    }

    #[test]
    fn a_spreadsheet_evaluates_no_cell() {
        let mut written = Vec::new();
        let mut csv = Csv::new(&mut written);
        csv.columns(&["title".to_owned()]).unwrap();
        csv.row(&[Cell::Text("=cmd()")]).unwrap();
        csv.row(&[Cell::Integer(-1)]).unwrap();
        csv.row(&[Cell::Text("a,\"b\"")]).unwrap();
        csv.finish().unwrap();
        drop(csv);
        let text = String::from_utf8(written).unwrap();
        assert_eq!(text, "title\n'=cmd()\n-1\n\"a,\"\"b\"\"\"\n");
    }
}
