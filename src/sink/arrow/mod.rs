//! Arrow: typed records in batches, as a stream on standard output or in a file.
//!
//! A file (`.arrow`, also called Feather) has a footer, by which readers find the batches; a stream has none, and is read
//! while it is written. Rows are collected until they become a batch. Invariant: a mark is the end of a batch. Edge: a file
//! that a kill left has no footer, so readers refuse it; the job that wrote it, or a run that appends to it, goes on after
//! its last whole batch.

mod cells;
mod message;
mod row;
#[cfg(test)]
pub(super) mod suite;
#[cfg(test)]
mod tests;

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};

use self::cells::Cells;
use self::message::Messages;
use self::row::Row;
use super::output::Output;
use super::{Destination, Mark, RecordSettings, Sink, Start};
use crate::error::{Error, Result};
use crate::parse::Wants;
use crate::visit::Visit;
use crate::visit::fields::Table;

/// The most rows of a batch: enough for readers to work on columns, few enough to wait for.
const ROWS: usize = 8192;
/// The most memory that the rows of a batch take, in bytes.
const BYTES: usize = 8 << 20;
/// How long rows of a file may wait for their batch, so that a slow run does not write a batch for each.
const WAIT: Duration = Duration::from_secs(1);

/// Records as Arrow.
struct Arrow {
    output: Output,
    /// The file; `None` for a stream.
    file: Option<PathBuf>,
    row: Row,
    cells: Vec<Cells>,
    schema: SchemaRef,
    messages: Messages,
    /// The number of rows that wait for their batch, the bytes that they take, and since when.
    rows: usize,
    bytes: usize,
    since: Option<Instant>,
    /// Whether no row waited when the output was last kept.
    is_kept: bool,
    /// The number of records written by this run or job.
    records: u64,
}

/// Opens the output that the settings describe.
///
/// # Errors
/// When a file cannot be created, does not match its mark, or has other columns.
pub(super) fn open(
    to: &Destination,
    settings: &RecordSettings,
    tables: &[Table],
    start: Start<'_>,
) -> Result<Box<dyn Sink>> {
    let (row, columns) = Row::of(settings, tables);
    let fields: Vec<_> = columns.iter().map(cells::field).collect();
    let schema = Arc::new(Schema::new(fields));
    let messages =
        Messages::of(&schema).map_err(|source| Error::setup("an Arrow schema", source))?;
    // A pipe or a device gets a stream.
    let file = to.path().filter(|_| to.is_rewindable());
    if let (Destination::File { append, .. }, Some(path)) = (to, file) {
        let is_continued = *append || matches!(start, Start::At(_));
        if is_continued && fs::metadata(path).is_ok_and(|found| found.len() > 0) {
            prepare(path, &messages, start).map_err(|source| Error::output(path, source))?;
        }
    }
    let file = file.map(Path::to_owned);
    let mut output = Output::open(to, start)?;
    if output.is_new() {
        let magic = file.as_ref().map_or(&[][..], |_| &message::MAGIC[..]);
        output.buffer().extend_from_slice(magic);
        output.buffer().extend_from_slice(&messages.schema);
    }
    Ok(Box::new(Arrow {
        output,
        file,
        row,
        cells: columns.iter().map(Cells::of).collect(),
        schema,
        messages,
        rows: 0,
        bytes: 0,
        since: None,
        is_kept: true,
        records: match start {
            Start::At(mark) => mark.records(),
            Start::Fresh | Start::Over => 0,
        },
    }))
}

/// Checks the columns of a file that is written on, and cuts off its end and its footer unless there is a mark.
fn prepare(path: &Path, messages: &Messages, start: Start<'_>) -> io::Result<()> {
    let found = message::find(path, u64::MAX)?;
    if found.schema != messages.schema {
        let problem = "its columns are not those that this run would write: write to another file";
        return Err(io::Error::other(problem));
    }
    match start {
        Start::At(_) => Ok(()),
        Start::Fresh | Start::Over => cut(path, found.end),
    }
}

/// Cuts off half a batch at the end of a file that is appended to; returns how many bytes that were.
///
/// # Errors
/// When it cannot be read or written, or is no Arrow file.
pub(super) fn repair_end(path: &Path) -> io::Result<u64> {
    let found = message::find(path, u64::MAX)?;
    if found.is_whole {
        return Ok(0);
    }
    let length = fs::metadata(path)?.len();
    cut(path, found.end)?;
    Ok(length - found.end)
}

fn cut(path: &Path, length: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(length)
}

impl Arrow {
    /// Turns the rows that wait into a batch.
    fn close_batch(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let arrays = self.cells.iter_mut().map(Cells::take).collect();
        (self.rows, self.bytes, self.since) = (0, 0, None);
        let buffer = self.output.buffer();
        let added = RecordBatch::try_new(self.schema.clone(), arrays)
            .and_then(|batch| self.messages.batch(&batch, buffer));
        added.map_err(|source| Error::setup("an Arrow batch", source))?;
        self.output.record_done()
    }

    fn is_due(&self) -> bool {
        self.file.is_none() || self.since.is_some_and(|since| since.elapsed() >= WAIT)
    }
}

impl Sink for Arrow {
    fn wants(&self) -> Wants {
        self.row.wants()
    }

    fn write(&mut self, visit: &Visit) -> Result<()> {
        let values = self.row.values(visit);
        let mut too_long = false;
        for (cells, value) in self.cells.iter_mut().zip(&values) {
            match cells.push(value) {
                Ok(bytes) => self.bytes += bytes,
                Err(cells::TooLong) => too_long = true,
            }
        }
        self.rows += 1;
        self.records += 1;
        if too_long {
            let problem = "a text of 2 GiB or more does not fit into an Arrow batch: limit the size of bodies";
            let name = self.file.as_deref().unwrap_or(Path::new("standard output"));
            return Err(Error::output(name, io::Error::other(problem)));
        }
        if self.since.is_none() {
            self.since = Some(Instant::now());
        }
        match self.rows >= ROWS || self.bytes >= BYTES {
            true => self.close_batch(),
            false => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<()> {
        if self.is_due() {
            self.close_batch()?;
        }
        self.output.flush()
    }

    fn keep(&mut self) {
        self.is_kept = self.rows == 0;
        self.output.keep();
    }

    fn take_back(&mut self) -> bool {
        let _ = self.cells.iter_mut().map(Cells::take).collect::<Vec<_>>();
        (self.rows, self.bytes, self.since) = (0, 0, None);
        self.output.take_back() && self.is_kept
    }

    fn checkpoint(&mut self) -> Result<Mark> {
        self.close_batch()?;
        let mark = self.output.checkpoint()?;
        Ok(mark.with_records(self.records))
    }

    fn finish(mut self: Box<Self>) -> Result<Option<Mark>> {
        self.close_batch()?;
        self.output.flush()?;
        // Writing is resumed before the end, which is then written again.
        let position = self.output.position();
        let batches = match &self.file {
            None => None,
            Some(path) => {
                let until = self.output.length().unwrap_or_default();
                let found = message::find(path, until);
                let found = found.map_err(|source| Error::output(path, source))?;
                Some(found.batches)
            }
        };
        let end = message::end(&self.schema, batches.as_deref());
        self.output.buffer().extend_from_slice(&end);
        let is_file = self.output.finish()?.is_some();
        let mark = position.filter(|_| is_file);
        Ok(mark.map(|mark| mark.with_records(self.records)))
    }
}
