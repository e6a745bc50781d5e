//! The journal: rows that are not in any part yet, for a job to resume with.
//!
//! A part every second would make thousands per hour, and rows that wait only in memory would be lost; so a job
//! also writes each row to this file next to the parts, and restarts the file once a part contains the rows. Its
//! first line says after which parts its rows come; if those are not the parts of the mark, then the rows of the
//! mark are the first ones of the part that came next. So every mark stays valid whatever was written after it, and
//! no part has to wait until its mark has been saved.
//!
//! The first line is followed by frames: a little-endian length of eight bytes, then the table's index and the
//! row's values in postcard format.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::super::Destination;
use super::super::growing::sync_entry;
use super::super::mark::{Mark, Start};
use super::super::output::Output;
use super::part::OPEN;
use super::rows::Rows;
use super::shape::Shape;
use crate::error::{Error, Result};
use crate::visit::fields::Value;

/// The name of the journal in the folder for files that are not parts.
pub(super) const NAME: &str = "journal";
/// The start of the first line; the number is the version of the format.
const HEAD: &str = "haul rows 1";
/// The longest first line.
const LINE: u64 = 64 << 10;

/// The file of rows that are waiting for a part.
pub(super) struct Journal {
    output: Output,
    path: PathBuf,
}

/// How much of the journal belongs to a mark.
pub(super) enum JournalState {
    /// Its rows were read, and end at this offset.
    ReadTo(u64),
    /// The journal belongs to other parts, or does not exist.
    Unrelated,
}

impl Journal {
    /// Starts a journal whose rows come after these parts, given as one number per table.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn begin(dataset: &Path, after: &[u64]) -> Result<Self> {
        Self::create(dataset.join(NAME), after)
    }

    /// Like [`begin`](Self::begin), but with these rows in it.
    ///
    /// The new journal is on disk before an older one is replaced.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn with(dataset: &Path, after: &[u64], rows: &[Vec<Vec<Value>>]) -> Result<Self> {
        let path = dataset.join(NAME);
        let open = dataset.join(format!(".{NAME}{OPEN}"));
        let mut journal = Self::create(open.clone(), after)?;
        for (table, rows) in rows.iter().enumerate() {
            for row in rows {
                journal.add(table, row)?;
            }
        }
        let length = journal.output.length().unwrap_or_default();
        journal.output.finish()?;
        fs::rename(open, &path)
            .and_then(|()| sync_entry(&path))
            .map_err(|source| Error::output(&path, source))?;
        Self::resume(dataset, length)
    }

    /// Resumes a journal, cutting off everything after this length.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn resume(dataset: &Path, length: u64) -> Result<Self> {
        let path = dataset.join(NAME);
        let mark = Mark::of_length(length);
        let output = Output::open(&destination(&path), Start::At(&mark))?;
        Ok(Self { output, path })
    }

    fn create(path: PathBuf, after: &[u64]) -> Result<Self> {
        let mut output = Output::open(&destination(&path), Start::Over)?;
        output.buffer().extend_from_slice(&head(after));
        Ok(Self { output, path })
    }

    /// Records a row.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn add(&mut self, table: usize, row: &[Value]) -> Result<()> {
        let failed = |source: postcard::Error| Error::output(&self.path, io::Error::other(source));
        let frame = postcard::to_stdvec(&(table, row)).map_err(failed)?;
        let buffer = self.output.buffer();
        buffer.extend_from_slice(&(frame.len() as u64).to_le_bytes());
        buffer.extend_from_slice(&frame);
        self.output.record_done()
    }

    /// Writes buffered rows to the file.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.output.flush()
    }

    /// Waits until everything is on disk.
    ///
    /// # Errors
    /// If the system reports one.
    pub(super) fn checkpoint(&mut self) -> Result<()> {
        self.output.checkpoint().map(drop)
    }
}

/// Reads as many rows per table as a mark says, if the journal belongs to its parts.
///
/// # Errors
/// If there are fewer, or the journal is damaged.
pub(super) fn read(
    dataset: &Path,
    after: &[u64],
    counts: &[usize],
    shapes: &[Shape],
    rows: &mut [Rows],
) -> Result<JournalState> {
    let path = dataset.join(NAME);
    let refused = |problem: String| Error::not_as_left(&path, problem);
    let Some(mut frames) = Frames::open(&path).map_err(|source| Error::output(&path, source))?
    else {
        return Ok(JournalState::Unrelated);
    };
    if frames.head != head(after) {
        return Ok(JournalState::Unrelated);
    }
    while rows
        .iter()
        .zip(counts)
        .any(|(rows, count)| rows.count < *count)
    {
        let frame = frames
            .next()
            .map_err(|source| Error::output(&path, source))?;
        let Some((table, row)) = frame else {
            let count: usize = rows.iter().map(|rows| rows.count).sum();
            return Err(refused(format!(
                "it has {count} rows, and the job left {} in it: somebody changed it; put it back as it was",
                counts.iter().sum::<usize>()
            )));
        };
        match rows.get_mut(table) {
            Some(of) if of.count < counts[table] => of.push(&shapes[table], &row),
            _ => {
                return Err(refused("it is damaged: put it back as it was".to_owned()));
            }
        }
    }
    Ok(JournalState::ReadTo(frames.at))
}

/// The number of rows waiting in a dataset, from any run.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn pending_rows(dataset: &Path) -> Result<u64> {
    let path = dataset.join(NAME);
    let count = || {
        let mut count = 0;
        if let Some(mut frames) = Frames::open(&path)? {
            while frames.next()?.is_some() {
                count += 1;
            }
        }
        Ok(count)
    };
    count().map_err(|source| Error::output(&path, source))
}

/// Removes the journal.
///
/// # Errors
/// The error of the system.
pub(super) fn remove(dataset: &Path) -> Result<()> {
    let path = dataset.join(NAME);
    match fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::output(path, source)),
        _ => Ok(()),
    }
}

/// The frames of a journal.
struct Frames {
    file: BufReader<File>,
    head: Vec<u8>,
    /// The offset after the last frame that was read.
    at: u64,
    length: u64,
}

impl Frames {
    fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let length = file.metadata()?.len();
        let mut file = BufReader::new(file);
        let mut head = Vec::new();
        (&mut file).take(LINE).read_until(b'\n', &mut head)?;
        Ok(Some(Self {
            file,
            at: head.len() as u64,
            head,
            length,
        }))
    }

    /// The next complete frame; `None` if there is none.
    fn next(&mut self) -> io::Result<Option<(usize, Vec<Value>)>> {
        let left = self.length.saturating_sub(self.at);
        if left < 8 {
            return Ok(None);
        }
        let mut length = [0; 8];
        self.file.read_exact(&mut length)?;
        let length = u64::from_le_bytes(length);
        if length > left - 8 {
            return Ok(None);
        }
        let mut frame = Vec::new();
        (&mut self.file).take(length).read_to_end(&mut frame)?;
        self.at += 8 + length;
        Ok(postcard::from_bytes(&frame).ok())
    }
}

fn head(after: &[u64]) -> Vec<u8> {
    let numbers: String = after.iter().map(|number| format!(" {number}")).collect();
    format!("{HEAD}{numbers}\n").into_bytes()
}

fn destination(path: &Path) -> Destination {
    Destination::File {
        path: path.to_owned(),
        append: false,
    }
}
