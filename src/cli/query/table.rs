//! Rows for people: columns that fit the terminal, or a line for each value where there are too many columns.
//!
//! The first rows are held back until they show how wide each column has to be; all others are written at once. What
//! servers sent is cleaned.

use std::io::Write;

use haul::clean;
use haul::query::{Cell, QueryRows};

use super::writer::{Writer, hexadecimal, number, written};

/// The rows that decide on the widths.
const SAMPLE: usize = 200;
/// The narrowest that a column is made, unless all its values are narrower.
const NARROWEST: usize = 8;
/// The space between two columns.
const GAP: usize = 2;
/// The most characters of a value that are looked at.
const LONGEST: usize = 500;

/// Writes a table.
pub(super) struct Table<W> {
    output: W,
    columns: usize,
    names: Vec<String>,
    held: Vec<Vec<Shown>>,
    layout: Option<Layout>,
}

/// A value as it is shown.
struct Shown {
    text: String,
    is_number: bool,
}

/// How rows are laid out.
enum Layout {
    /// In columns of these widths.
    Columns(Vec<usize>),
    /// A line for each value, after a name of this width.
    Lines(usize),
}

impl<W: Write> Table<W> {
    /// A table that is at most so many columns wide.
    pub(super) fn new(output: W, columns: usize) -> Self {
        Self {
            output,
            columns,
            names: Vec::new(),
            held: Vec::new(),
            layout: None,
        }
    }

    /// Decides how rows are laid out, and writes those that were held back.
    fn lay_out(&mut self) -> haul::Result<()> {
        let mut widths: Vec<usize> = self.names.iter().map(|name| width(name)).collect();
        for row in &self.held {
            for (wide, shown) in widths.iter_mut().zip(row) {
                *wide = (*wide).max(width(&shown.text));
            }
        }
        let layout = match fit(&mut widths, self.columns) {
            true => Layout::Columns(widths),
            false => Layout::Lines(self.names.iter().map(|name| width(name)).max().unwrap_or(0)),
        };
        if let Layout::Columns(widths) = &layout {
            let names = self.names.iter().zip(widths);
            let names: Vec<_> = names
                .map(|(name, wide)| padded(name, *wide, false))
                .collect();
            let head = names.join(&" ".repeat(GAP));
            let rules: Vec<_> = widths.iter().map(|wide| "-".repeat(*wide)).collect();
            let rules = rules.join(&" ".repeat(GAP));
            written(writeln!(self.output, "{}\n{rules}", head.trim_end()))?;
        }
        for row in std::mem::take(&mut self.held) {
            self.write(&layout, &row)?;
        }
        self.layout = Some(layout);
        Ok(())
    }

    fn write(&mut self, layout: &Layout, row: &[Shown]) -> haul::Result<()> {
        match layout {
            Layout::Columns(widths) => {
                let cells = row.iter().zip(widths);
                let cells: Vec<_> = cells
                    .map(|(shown, wide)| padded(&shown.text, *wide, shown.is_number))
                    .collect();
                let line = cells.join(&" ".repeat(GAP));
                written(writeln!(self.output, "{}", line.trim_end()))
            }
            Layout::Lines(names) => {
                for (name, shown) in self.names.iter().zip(row) {
                    let room = self.columns.saturating_sub(names + GAP).max(NARROWEST);
                    let line = format!(
                        "{}{}{}",
                        padded(name, *names, false),
                        " ".repeat(GAP),
                        cut(&shown.text, room)
                    );
                    written(writeln!(self.output, "{}", line.trim_end()))?;
                }
                written(writeln!(self.output))
            }
        }
    }
}

impl<W: Write> QueryRows for Table<W> {
    fn columns(&mut self, names: &[String]) -> haul::Result<()> {
        self.names = names.iter().map(|name| cleaned(name)).collect();
        Ok(())
    }

    fn row(&mut self, cells: &[Cell<'_>]) -> haul::Result<()> {
        let row: Vec<Shown> = cells.iter().map(shown).collect();
        match self.layout.take() {
            Some(layout) => {
                let done = self.write(&layout, &row);
                self.layout = Some(layout);
                done
            }
            None => {
                self.held.push(row);
                match self.held.len() >= SAMPLE {
                    true => self.lay_out(),
                    false => Ok(()),
                }
            }
        }
    }
}

impl<W: Write> Writer for Table<W> {
    fn finish(&mut self) -> haul::Result<()> {
        if self.layout.is_none() && !self.names.is_empty() {
            self.lay_out()?;
        }
        written(self.output.flush())
    }
}

/// Narrows the widest columns until all fit next to each other; `false` if they would become too narrow.
fn fit(widths: &mut [usize], columns: usize) -> bool {
    let room = columns.saturating_sub(GAP * widths.len().saturating_sub(1));
    loop {
        let sum: usize = widths.iter().sum();
        if sum <= room {
            return true;
        }
        let widest = widths.iter().copied().max().unwrap_or(0);
        if widest <= NARROWEST {
            return false;
        }
        // All of the widest ones lose the same, down to the next narrower one.
        let count = widths.iter().filter(|wide| **wide == widest).count();
        let next = widths.iter().copied().filter(|wide| *wide < widest).max();
        let least = next.unwrap_or(0).max(NARROWEST);
        let lose = (sum - room).div_ceil(count).min(widest - least).max(1);
        for wide in widths.iter_mut().filter(|wide| **wide == widest) {
            *wide -= lose;
        }
    }
}

fn shown(cell: &Cell<'_>) -> Shown {
    let text = match cell {
        Cell::Null => String::new(),
        Cell::Bool(value) => value.to_string(),
        Cell::Integer(value) => value.to_string(),
        Cell::Number(value) if value.is_finite() => number(*value),
        Cell::Number(value) => value.to_string(),
        Cell::Text(text) | Cell::Json(text) => cleaned(text),
        Cell::Bytes(bytes) => hexadecimal(&bytes[..bytes.len().min(LONGEST)]),
    };
    Shown {
        text,
        is_number: matches!(cell, Cell::Integer(_) | Cell::Number(_)),
    }
}

/// Text from elsewhere, on one line and not longer than anybody wants to see.
fn cleaned(text: &str) -> String {
    let start = text
        .char_indices()
        .nth(LONGEST)
        .map_or(text, |(at, _)| &text[..at]);
    clean(start).into_owned()
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn cut(text: &str, room: usize) -> String {
    match width(text) <= room {
        true => text.to_owned(),
        false => text
            .chars()
            .take(room.saturating_sub(1))
            .chain(['…'])
            .collect(),
    }
}

fn padded(text: &str, wide: usize, to_the_right: bool) -> String {
    let text = cut(text, wide);
    let space = " ".repeat(wide.saturating_sub(width(&text)));
    match to_the_right {
        true => format!("{space}{text}"),
        false => format!("{text}{space}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: usize, names: &[&str], rows: &[Vec<Cell<'_>>]) -> String {
        let mut written = Vec::new();
        let mut table = Table::new(&mut written, columns);
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        table.columns(&names).unwrap();
        for row in rows {
            table.row(row).unwrap();
        }
        table.finish().unwrap();
        String::from_utf8(written).unwrap()
    }

    #[test]
    fn columns_fit_the_terminal_and_what_servers_sent_is_cleaned() {
        let url = "http://a.example/".to_owned() + &"x".repeat(90);
        let rows = [
            vec![
                Cell::Text(&url),
                Cell::Integer(200),
                Cell::Text("a\u{1b}[2J\nb"),
            ],
            vec![Cell::Text("y"), Cell::Integer(7), Cell::Null],
        ];
        let text = table(40, &["url", "status", "title"], &rows);
        assert!(text.lines().all(|line| width(line) <= 40), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(text.contains("…     200"), "{text}");
    }

    #[test]
    fn many_columns_become_a_line_for_each_value() {
        let names: Vec<String> = (0..12).map(|number| format!("column_{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let long = "long ".repeat(30);
        let text = table(60, &names, &[vec![Cell::Text(&long); 12]]);
        assert_eq!(text.lines().count(), 13, "{text}");
        assert!(text.lines().all(|line| width(line) <= 60), "{text}");
    }

    #[test]
    fn rows_beyond_the_sample_are_written_at_once_and_cut_to_its_widths() {
        let mut rows = vec![vec![Cell::Text("short")]; SAMPLE];
        rows.push(vec![Cell::Text("much longer than the others")]);
        let text = table(80, &["a"], &rows);
        assert_eq!(text.lines().last(), Some("much…"));
    }

    #[test]
    fn a_result_without_rows_still_has_its_columns() {
        assert_eq!(table(80, &["a", "b"], &[]), "a  b\n-  -\n");
    }
}
