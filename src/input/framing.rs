//! Splits lines into records: where a record of a table ends, and its cells.
//!
//! Quotes follow RFC 4180. A quote that opens a cell but is not properly closed (by a quote before a delimiter or
//! the end of a line) within the limits of a record is an ordinary character, as in `5" pipe`, and the next line is
//! the next record. Invariant: a record is bounded in bytes and in lines, and no line is lost.

use std::collections::VecDeque;
use std::io::{self, Read};

use memchr::memchr;

use super::lines::{BeforeWait, Line, Lines};

/// The most lines of one record.
const LINES: usize = 10_000;
/// The most bytes of one line, unless records of several lines may be even longer.
const LONGEST_LINE: usize = 16 << 20;

/// How cells are separated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) delimiter: u8,
    /// Whether cells may be quoted.
    pub(crate) quotes: bool,
    /// Whether all quotes can be trusted: in a table written by haul.
    pub(crate) strict: bool,
    /// The most bytes of a record of several lines.
    pub(crate) longest: usize,
}

/// The cells of a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cells {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// One record.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    pub(crate) cells: Cells,
    /// The line it starts on.
    pub(crate) line: u64,
    /// What is wrong with it.
    pub(crate) problem: Option<&'static str>,
}

/// A table that is read record by record.
pub(crate) struct Records<R> {
    lines: Lines<R>,
    dialect: Dialect,
    /// Lines that were read ahead and turned out to be records of their own.
    queue: VecDeque<Line>,
    first: Line,
    /// The lines after the first that belong to the current record.
    inside: Vec<Line>,
}

/// What a line does to a quoted cell that started on an earlier line.
#[derive(Debug, PartialEq, Eq)]
enum Closing {
    /// The cell continues.
    Open,
    /// The cell ends at a delimiter or the end of the line.
    Proper,
    /// There is a quote in the middle of the cell.
    Improper,
}

impl Cells {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.bytes[start..end])
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// Splits a record; returns the position of a quote that opens a cell and is never closed.
    ///
    /// In that case the cells are not valid. The quote at `literal` does not open a cell.
    pub(crate) fn split(
        &mut self,
        text: &[u8],
        dialect: Dialect,
        literal: Option<usize>,
    ) -> Option<usize> {
        self.bytes.clear();
        self.ends.clear();
        let mut at = 0;
        loop {
            if dialect.quotes && text.get(at) == Some(&b'"') && literal != Some(at) {
                let open = at;
                at += 1;
                loop {
                    let Some(length) = memchr(b'"', &text[at..]) else {
                        return Some(open);
                    };
                    self.bytes.extend_from_slice(&text[at..at + length]);
                    at += length + 1;
                    if text.get(at) != Some(&b'"') {
                        break;
                    }
                    self.bytes.push(b'"');
                    at += 1;
                }
            }
            // An unquoted cell, or text after a closing quote, which other readers add to the cell, too.
            let rest = &text[at..];
            let length = memchr(dialect.delimiter, rest).unwrap_or(rest.len());
            self.bytes.extend_from_slice(&rest[..length]);
            self.ends.push(self.bytes.len());
            at += length;
            if at == text.len() {
                return None;
            }
            at += 1;
        }
    }
}

impl<R: Read> Records<R> {
    pub(crate) fn new(mut lines: Lines<R>, dialect: Dialect) -> Self {
        lines.set_longest(dialect.longest.max(LONGEST_LINE));
        if dialect.quotes {
            lines.distinguish_line_ends();
        }
        Self {
            lines,
            dialect,
            queue: VecDeque::new(),
            first: Line::default(),
            inside: Vec::new(),
        }
    }

    /// Reads the next record, skipping blank lines; returns `false` at the end.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub(crate) fn next(
        &mut self,
        record: &mut Record,
        wait: &mut impl BeforeWait,
    ) -> io::Result<bool> {
        self.inside.clear();
        loop {
            let mut first = std::mem::take(&mut self.first);
            let any = self.take_line(&mut first, wait)?;
            self.first = first;
            if !any {
                return Ok(false);
            }
            if !self.first.bytes.trim_ascii().is_empty() || self.first.cut {
                break;
            }
        }
        record.line = self.first.number;
        record.problem = self.first.cut.then_some("a line longer than 16 MiB");
        let Some(open) = record.cells.split(&self.first.bytes, self.dialect, None) else {
            return Ok(true);
        };
        let ended = match self.first.cut {
            true => false,
            false => self.read_quoted(record, wait)?,
        };
        if !ended {
            for line in self.inside.drain(..).rev() {
                self.queue.push_front(line);
            }
            let text = &self.first.bytes;
            record.cells.split(text, self.dialect, Some(open));
        }
        Ok(true)
    }

    /// The lines after the first that belong to the last record: they are inside quotes.
    pub(crate) fn inside(&self) -> &[Line] {
        &self.inside
    }

    /// Reads to the end of a record with open quotes.
    ///
    /// `false` if they are never closed, or not properly.
    fn read_quoted(&mut self, record: &mut Record, wait: &mut impl BeforeWait) -> io::Result<bool> {
        let mut text = self.first.bytes.clone();
        text.extend_from_slice(self.first.end.bytes());
        let mut line = Line::default();
        while self.take_line(&mut line, wait)? {
            let closing = closing(&line.bytes, self.dialect.delimiter);
            let fits = text.len() + line.bytes.len() <= self.dialect.longest
                && self.inside.len() < LINES
                && !line.cut;
            if self.dialect.strict {
                if fits {
                    text.extend_from_slice(&line.bytes);
                }
                if closing != Closing::Open {
                    if !fits {
                        text.push(b'"');
                    }
                    if record.cells.split(&text, self.dialect, None).is_none() {
                        return Ok(true);
                    }
                }
                if fits {
                    text.extend_from_slice(line.end.bytes());
                }
                continue;
            }
            self.inside.push(std::mem::take(&mut line));
            let line = &self.inside[self.inside.len() - 1];
            if !fits || closing == Closing::Improper {
                return Ok(false);
            }
            text.extend_from_slice(&line.bytes);
            if closing == Closing::Proper && record.cells.split(&text, self.dialect, None).is_none()
            {
                return Ok(true);
            }
            text.extend_from_slice(line.end.bytes());
        }
        if self.dialect.strict {
            record.problem = Some("a torn record: its quotes are never closed");
        }
        Ok(false)
    }

    fn take_line(&mut self, line: &mut Line, wait: &mut impl BeforeWait) -> io::Result<bool> {
        match self.queue.pop_front() {
            Some(queued) => {
                *line = queued;
                Ok(true)
            }
            None => self.lines.next(line, wait),
        }
    }
}

fn closing(line: &[u8], delimiter: u8) -> Closing {
    let mut rest = line;
    while let Some(at) = memchr(b'"', rest) {
        rest = &rest[at + 1..];
        match rest.first() {
            Some(b'"') => rest = &rest[1..],
            _ => {
                let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
                return match rest.get(spaces) {
                    None => Closing::Proper,
                    Some(next) if *next == delimiter => Closing::Proper,
                    Some(_) => Closing::Improper,
                };
            }
        }
    }
    Closing::Open
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAS: Dialect = Dialect {
        delimiter: b',',
        quotes: true,
        strict: false,
        longest: 1 << 16,
    };

    fn split(text: &str, dialect: Dialect) -> Vec<(u64, String)> {
        let mut records = Records::new(Lines::new(text.as_bytes(), 1 << 16), dialect);
        let (mut record, mut all) = (Record::default(), Vec::new());
        while records.next(&mut record, &mut ()).unwrap() {
            let cells = record.cells.iter().map(String::from_utf8_lossy);
            all.push((record.line, cells.collect::<Vec<_>>().join("|")));
        }
        all
    }

    fn cells(text: &str) -> Vec<String> {
        split(text, COMMAS)
            .into_iter()
            .map(|(_, cells)| cells)
            .collect()
    }

    #[test]
    fn a_stray_quote_is_a_character_and_the_next_line_is_a_record() {
        assert_eq!(
            cells("a,\"5 inch\nb,x\nc,y\n"),
            ["a|\"5 inch", "b|x", "c|y"]
        );
        assert_eq!(
            cells("a,\"5 inch, black\nb,\"6 inch\r\nc,\"7\" pipe\nd,\"8\n"),
            ["a|\"5 inch| black", "b|\"6 inch", "c|7 pipe", "d|\"8"]
        );
        assert_eq!(cells("\"5 inch,a\n\"y\",b"), ["\"5 inch|a", "y|b"]);
        assert_eq!(cells("a,5\" pipe\nb,x\""), ["a|5\" pipe", "b|x\""]);
        assert_eq!(cells("a,\"x\rb,y\rc,z"), ["a|\"x", "b|y", "c|z"]);
    }

    #[test]
    fn a_quoted_cell_may_span_lines_and_keeps_their_endings() {
        let text = "a,\"one\r\ntwo\"\"2\"\"\n\",z\nb,\"\"\nc,\"x\"\"\ny\" ,\"1\n2\"\n";
        assert_eq!(
            split(text, COMMAS),
            [
                (1, "a|one\r\ntwo\"2\"\n|z".to_owned()),
                (4, "b|".to_owned()),
                (5, "c|x\"\ny |1\n2".to_owned())
            ]
        );
    }

    #[test]
    fn a_record_is_bounded_and_lines_beyond_the_limit_are_records() {
        let rows = "b,x\n".repeat(200_000);
        let records = cells(&format!("a,\"5 inch\n{rows}c,y\"\n"));
        assert_eq!(records.len(), 200_002);
        assert_eq!((&*records[0], &*records[200_001]), ("a|\"5 inch", "c|y\""));
    }

    #[test]
    fn a_cell_of_a_table_written_by_haul_is_never_split_into_rows() {
        let strict = Dialect {
            strict: true,
            longest: 32,
            ..COMMAS
        };
        let text = format!(
            "a,\"{}\n1,http://x.example/\n\"\nb,y\nc,\"torn\nd,z\n",
            "x".repeat(20)
        );
        let records = split(&text, strict);
        let lines: Vec<_> = records.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [1, 4, 5], "{records:?}");
    }

    #[test]
    fn tab_separated_tables_have_no_quotes() {
        let tabs = Dialect {
            delimiter: b'\t',
            quotes: false,
            ..COMMAS
        };
        let records = split("a\t\"5 inch\nb\t\"x\ty\"\n", tabs);
        assert_eq!(records[0].1, "a|\"5 inch");
        assert_eq!(records[1].1, "b|\"x|y\"");
    }
}
