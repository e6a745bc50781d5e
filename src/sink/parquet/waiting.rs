//! The rows that no part holds yet, in a file beside the parts: what a job goes on with.
//!
//! A part each second would be thousands in an hour, and rows that wait in memory alone would be lost: so a job writes
//! each row here too, and begins the file again when a part has them. Its first line says after which parts its rows
//! come; where those are not the parts of the mark, the rows of the mark are the first of the part that came next. So
//! every mark holds, whatever was written after it, and no part waits for its mark to be kept.
//!
//! Behind the line are frames: a length of eight bytes, little-endian, and the table's place and the values in postcard.

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
use crate::fields::Value;

/// Its name in the folder of what is no part.
pub(super) const NAME: &str = "journal";
/// What the first line begins with; the number is that of the format.
const HEAD: &str = "haul rows 1";
/// The first line is no longer.
const LINE: u64 = 64 << 10;

/// The file of the rows that wait.
pub(super) struct Waiting {
    output: Output,
    path: PathBuf,
}

/// How much of the file belongs to a mark.
pub(super) enum Left {
    /// Its rows are read, and end here.
    Until(u64),
    /// It is of other parts, or not there.
    Elsewhere,
}

impl Waiting {
    /// Begins the file: its rows come after these parts, one number a table.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn begin(dataset: &Path, after: &[u64]) -> Result<Self> {
        Self::create(dataset.join(NAME), after)
    }

    /// As [`begin`](Self::begin), with these rows in it, and the file is on disk before an older one is gone.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn with(dataset: &Path, after: &[u64], rows: &[Vec<Vec<Value>>]) -> Result<Self> {
        let path = dataset.join(NAME);
        let open = dataset.join(format!(".{NAME}{OPEN}"));
        let mut waiting = Self::create(open.clone(), after)?;
        for (table, rows) in rows.iter().enumerate() {
            for row in rows {
                waiting.add(table, row)?;
            }
        }
        let length = waiting.output.length().unwrap_or_default();
        waiting.output.finish()?;
        fs::rename(open, &path)
            .and_then(|()| sync_entry(&path))
            .map_err(|source| Error::output(&path, source))?;
        Self::go_on(dataset, length)
    }

    /// Goes on with the file; what is behind this length is cut off.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn go_on(dataset: &Path, length: u64) -> Result<Self> {
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

    /// Notes a row.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn add(&mut self, table: usize, row: &[Value]) -> Result<()> {
        let failed = |source: postcard::Error| Error::output(&self.path, io::Error::other(source));
        let frame = postcard::to_stdvec(&(table, row)).map_err(failed)?;
        let buffer = self.output.buffer();
        buffer.extend_from_slice(&(frame.len() as u64).to_le_bytes());
        buffer.extend_from_slice(&frame);
        self.output.record_done()
    }

    /// # Errors
    /// When it cannot be written.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.output.flush()
    }

    /// Waits until all of it is on disk.
    ///
    /// # Errors
    /// When the disk says no.
    pub(super) fn checkpoint(&mut self) -> Result<()> {
        self.output.checkpoint().map(drop)
    }
}

/// Reads as many rows a table as a mark says, if the file is of its parts.
///
/// # Errors
/// When it has fewer, or is damaged.
pub(super) fn read(
    dataset: &Path,
    after: &[u64],
    counts: &[usize],
    shapes: &[Shape],
    rows: &mut [Rows],
) -> Result<Left> {
    let path = dataset.join(NAME);
    let refused = |problem: String| Error::not_as_left(&path, problem);
    let Some(mut frames) = Frames::open(&path).map_err(|source| Error::output(&path, source))?
    else {
        return Ok(Left::Elsewhere);
    };
    if frames.head != head(after) {
        return Ok(Left::Elsewhere);
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
            let found: usize = rows.iter().map(|rows| rows.count).sum();
            return Err(refused(format!(
                "it has {found} rows, and the job left {} in it: somebody changed it; put it back as it was",
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
    Ok(Left::Until(frames.at))
}

/// How many rows wait in a dataset, whoever left them.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn left(dataset: &Path) -> Result<u64> {
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

/// Removes the file.
///
/// # Errors
/// When the system says no.
pub(super) fn remove(dataset: &Path) -> Result<()> {
    let path = dataset.join(NAME);
    match fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::output(path, source)),
        _ => Ok(()),
    }
}

/// The frames of a file.
struct Frames {
    file: BufReader<File>,
    head: Vec<u8>,
    /// The position behind the last frame read.
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

    /// The next whole frame; `None` where there is none.
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
