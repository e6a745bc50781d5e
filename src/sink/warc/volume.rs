//! The files of an archive, one after the other, and records into them.
//!
//! A file has its own name from its first byte: every record in it is whole and readable at once, also after a kill,
//! which tears the last one at most; a job cuts that off at its mark. A name that is changed at the end (`.open`) would
//! have to be changed back when a job goes on. Invariant: a file is whole and on disk before the next one is begun,
//! so a mark is the number of the last file and how far that is.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::output::Output;
use super::super::{Destination, Mark, Start};
use super::member::Member;
use crate::archive::{Head, RecordPosition, Records, SeenPayloads, series};
use crate::error::{Error, Result};

/// Bytes of a body in a file that are moved at a time.
const CHUNK: usize = 64 << 10;

/// The field that tells payloads apart.
const PAYLOAD: &str = "WARC-Payload-Digest";

/// The bytes of a body.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source<'a> {
    /// In memory; there may be none.
    Memory(&'a [u8]),
    /// In a file.
    File(&'a Path),
}

/// The files of an archive.
pub(super) struct Volume {
    /// The first of them; `None` on standard output.
    path: Option<PathBuf>,
    number: u32,
    /// After how many bytes the next file is begun; 0 for never.
    rotate: u64,
    output: Output,
    member: Member,
    /// Where the first record of a file begins.
    base: u64,
}

impl Volume {
    /// # Errors
    /// When a file cannot be opened, or is not what its mark says.
    pub(super) fn open(destination: &Destination, rotate: u64, start: Start<'_>) -> Result<Self> {
        let Destination::File { path, append } = destination else {
            return Ok(Self {
                path: None,
                number: 0,
                rotate: 0,
                output: Output::open(destination, start)?,
                member: Member::Plain,
                base: 0,
            });
        };
        let number = match start {
            Start::At(mark) => number_of(mark),
            Start::Fresh | Start::Over if *append && rotate > 0 => series::last(path, 0),
            Start::Fresh | Start::Over => 0,
        };
        let first = Destination::File {
            path: series::numbered(path, number),
            append: *append,
        };
        let output = Output::open(&first, start)?;
        if rotate > 0 {
            remove_after(path, number)?;
        }
        let packed = path
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("gz"));
        Ok(Self {
            path: Some(path.clone()),
            number,
            rotate,
            output,
            member: if packed {
                Member::gzip()
            } else {
                Member::Plain
            },
            base: 0,
        })
    }

    /// Opens a file that has one archive inside, behind a header; there is no next one.
    ///
    /// # Errors
    /// When it cannot be opened, or is not what its mark says.
    pub(super) fn within(path: &Path, header: &[u8], start: Start<'_>) -> Result<Self> {
        let destination = Destination::File {
            path: path.to_owned(),
            append: false,
        };
        let mut output = Output::open(&destination, start)?;
        if output.is_new() {
            output.buffer().extend_from_slice(header);
        }
        Ok(Self {
            path: Some(path.to_owned()),
            number: 0,
            rotate: 0,
            output,
            member: Member::gzip(),
            base: header.len() as u64,
        })
    }

    /// What was written to, for what comes behind the records.
    pub(super) fn into_output(self) -> Output {
        self.output
    }

    /// Whether nothing was written into the file that is open.
    pub(super) fn is_new(&self) -> bool {
        self.output.is_new()
    }

    /// Whether the next record belongs into another file.
    pub(super) fn is_full(&self) -> bool {
        self.rotate > 0
            && self
                .output
                .length()
                .is_some_and(|length| length >= self.rotate)
    }

    /// Makes sure that this file is on disk, and begins the next one.
    ///
    /// # Errors
    /// When either cannot be written.
    pub(super) fn turn(&mut self) -> Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let next = Destination::File {
            path: series::numbered(path, self.number + 1),
            append: false,
        };
        self.output.checkpoint()?;
        self.output = Output::open(&next, Start::Fresh)?;
        self.number += 1;
        Ok(())
    }

    /// The name of the file that is open, without its folder.
    pub(super) fn name(&self) -> Option<String> {
        let path = series::numbered(self.path.as_deref()?, self.number);
        Some(path.file_name()?.to_string_lossy().into_owned())
    }

    /// Where the next record goes; `None` where it could not be read back.
    pub(super) fn place(&self) -> Option<RecordPosition> {
        self.path.as_ref()?;
        Some(RecordPosition {
            file: self.number,
            offset: self.output.length()?,
        })
    }

    /// The head of the answer that has this payload, where there is one: read back, as a digest alone may lie.
    ///
    /// # Errors
    /// When what waits cannot be written.
    pub(super) fn find(&mut self, seen: &SeenPayloads, payload: &str) -> Result<Option<Head>> {
        let (Some(place), Some(path)) = (seen.find(payload), &self.path) else {
            return Ok(None);
        };
        self.output.flush()?;
        let path = series::numbered(path, place.file);
        // A file that somebody has taken away since is no reason to stop: the body is written again.
        let records = Records::open(&path, place.offset, u64::MAX);
        let head = records
            .and_then(|mut records| records.next())
            .ok()
            .flatten();
        Ok(head.filter(|head| is_answer(head) && head.get(PAYLOAD) == Some(payload)))
    }

    /// Takes in the payloads of an archive that is gone on with.
    pub(super) fn recall(&self, seen: &mut SeenPayloads) {
        let Some(path) = &self.path else {
            return;
        };
        for file in 0..=self.number {
            let path = series::numbered(path, file);
            let Ok(mut records) = Records::open(&path, self.base, u64::MAX) else {
                continue;
            };
            // What cannot be read is not referred to.
            while let Ok(Some(head)) = records.next() {
                if let Some(payload) = head.get(PAYLOAD).filter(|_| is_answer(&head)) {
                    let offset = head.offset;
                    seen.note(payload, RecordPosition { file, offset });
                }
            }
        }
    }

    /// Writes a record: its head, the first bytes of its block, and the rest of it.
    ///
    /// # Errors
    /// When it cannot be written; when the file of a body has not the bytes that it had.
    pub(super) fn put(
        &mut self,
        head: &[u8],
        block: &[u8],
        body: Source<'_>,
        length: u64,
    ) -> Result<()> {
        self.add(head)?;
        self.add(block)?;
        let mut put = 0;
        body.each(|chunk| {
            put += chunk.len() as u64;
            self.add(chunk)
        })?;
        if put != length {
            let problem = io::Error::other("a body changed while it was written");
            return Err(Error::output(body.path(), problem));
        }
        // ISO 28500 4: two empty lines end a record.
        self.add(b"\r\n\r\n")?;
        self.member.end(self.output.buffer());
        self.output.record_done()
    }

    fn add(&mut self, bytes: &[u8]) -> Result<()> {
        self.member.add(bytes, self.output.buffer());
        self.output.record_done() // of a large record, what there is of it goes out
    }

    /// # Errors
    /// When what waits cannot be written.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.output.flush()
    }

    /// # Errors
    /// When it cannot be written, or cannot be cut back.
    pub(super) fn checkpoint(&mut self) -> Result<Mark> {
        Ok(numbered(self.output.checkpoint()?, self.number))
    }

    /// # Errors
    /// When it cannot be written.
    pub(super) fn finish(self) -> Result<Option<Mark>> {
        let number = self.number;
        Ok(self.output.finish()?.map(|mark| numbered(mark, number)))
    }
}

impl Source<'_> {
    /// Hands the bytes over, a piece at a time.
    ///
    /// # Errors
    /// When the file cannot be read, and whatever is said of a piece.
    pub(super) fn each(self, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let path = match self {
            Self::Memory(bytes) => return take(bytes),
            Self::File(path) => path,
        };
        let lost = |source: io::Error| {
            let problem = format!("the body that was kept there cannot be read: {source}");
            Error::output(path, io::Error::new(source.kind(), problem))
        };
        let mut file = File::open(path).map_err(lost)?;
        let mut chunk = vec![0; CHUNK];
        loop {
            match file.read(&mut chunk).map_err(lost)? {
                0 => return Ok(()),
                count => take(&chunk[..count])?,
            }
        }
    }

    fn path(self) -> PathBuf {
        match self {
            Self::Memory(_) => PathBuf::from("memory"),
            Self::File(path) => path.to_owned(),
        }
    }
}

/// Whether a record holds the body whose digest it has, and a reader can begin at it.
fn is_answer(head: &Head) -> bool {
    head.is_findable && head.kind() == "response"
}

/// The number of the file that a mark is in. A mark that says nonsense is refused where the file is opened.
fn number_of(mark: &Mark) -> u32 {
    let number = mark.0.get("file").and_then(serde_json::Value::as_u64);
    number
        .and_then(|number| number.try_into().ok())
        .unwrap_or(0)
}

fn numbered(mark: Mark, number: u32) -> Mark {
    match mark.length() {
        Some(bytes) if number > 0 => Mark(json!({ "bytes": bytes, "file": number })),
        _ => mark,
    }
}

/// Removes the files of a series that come after one of them, the last first: a kill on the way leaves no gap.
fn remove_after(path: &Path, number: u32) -> Result<()> {
    for late in (number + 1..=series::last(path, number)).rev() {
        let late = series::numbered(path, late);
        fs::remove_file(&late).map_err(|source| Error::output(late, source))?;
    }
    Ok(())
}
