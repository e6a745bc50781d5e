//! The sequence of files of an archive, and the writing of records into them.
//!
//! A file has its final name from its first byte: every record in it is complete and readable at once, even after a
//! kill, which tears at most the last one; a job cuts that off at its mark. A temporary name (`.open`) would have
//! to be restored when a job resumes. Invariant: a file is complete and on disk before the next one is started, so
//! a mark is the number of the last file and its length.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::output::Output;
use super::super::{Destination, Mark, Start};
use super::member::Member;
use crate::archive::{Head, RecordPosition, Records, SeenPayloads, series};
use crate::error::{Error, Result};

/// The number of bytes copied at a time from a body in a file.
const CHUNK: usize = 64 << 10;

/// The field that identifies a payload.
const PAYLOAD: &str = "WARC-Payload-Digest";

/// The bytes of a body.
#[derive(Debug, Clone, Copy)]
pub(super) enum BodyBytes<'a> {
    /// In memory; possibly empty.
    Memory(&'a [u8]),
    /// In a file.
    File(&'a Path),
}

/// The sequence of files of an archive.
pub(super) struct Volume {
    /// The path of the first file; `None` for standard output.
    path: Option<PathBuf>,
    number: u32,
    /// The number of bytes after which the next file is started; 0 for never.
    rotate: u64,
    output: Output,
    member: Member,
    /// The offset of the first record in a file.
    base: u64,
}

impl Volume {
    /// Opens the file to write to.
    ///
    /// # Errors
    /// If a file cannot be opened, or does not match its mark.
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

    /// Opens a file with a single archive inside it, after a header.
    ///
    /// # Errors
    /// If it cannot be opened, or does not match its mark.
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

    /// The output, for writing what follows the records.
    pub(super) fn into_output(self) -> Output {
        self.output
    }

    /// Whether nothing has been written to the open file.
    pub(super) fn is_new(&self) -> bool {
        self.output.is_new()
    }

    /// Whether the next record belongs in another file.
    pub(super) fn is_full(&self) -> bool {
        self.rotate > 0
            && self
                .output
                .length()
                .is_some_and(|length| length >= self.rotate)
    }

    /// Makes sure that this file is on disk, and starts the next one.
    ///
    /// # Errors
    /// If either cannot be written.
    pub(super) fn open_next(&mut self) -> Result<()> {
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

    /// The name of the open file, without its folder.
    pub(super) fn name(&self) -> Option<String> {
        let path = series::numbered(self.path.as_deref()?, self.number);
        Some(path.file_name()?.to_string_lossy().into_owned())
    }

    /// The position of the next record; `None` if it could not be read back.
    pub(super) fn position(&self) -> Option<RecordPosition> {
        self.path.as_ref()?;
        Some(RecordPosition {
            file: self.number,
            offset: self.output.length()?,
        })
    }

    /// The head of the response with this payload, if there is one.
    ///
    /// It is read back from the file, because the index of seen payloads may be wrong.
    ///
    /// # Errors
    /// If buffered bytes cannot be written.
    pub(super) fn find(&mut self, seen: &SeenPayloads, payload: &str) -> Result<Option<Head>> {
        let (Some(position), Some(path)) = (seen.find(payload), &self.path) else {
            return Ok(None);
        };
        self.output.flush()?;
        let path = series::numbered(path, position.file);
        // A file that has been removed since is no reason to stop: the body is written again.
        let records = Records::open(&path, position.offset, u64::MAX);
        let head = records
            .and_then(|mut records| records.next())
            .ok()
            .flatten();
        Ok(head.filter(|head| has_payload(head) && head.get(PAYLOAD) == Some(payload)))
    }

    /// Loads the payloads of an archive that is being resumed.
    pub(super) fn load_payloads(&self, seen: &mut SeenPayloads) {
        let Some(path) = &self.path else {
            return;
        };
        for file in 0..=self.number {
            let path = series::numbered(path, file);
            let Ok(mut records) = Records::open(&path, self.base, u64::MAX) else {
                continue;
            };
            // Records that cannot be read are not referred to.
            while let Ok(Some(head)) = records.next() {
                if let Some(payload) = head.get(PAYLOAD).filter(|_| has_payload(&head)) {
                    let offset = head.offset;
                    seen.note(payload, RecordPosition { file, offset });
                }
            }
        }
    }

    /// Writes a record: its head, the first bytes of its block, and the rest of it.
    ///
    /// # Errors
    /// If it cannot be written, or if the file of a body has changed.
    pub(super) fn write_record(
        &mut self,
        head: &[u8],
        block: &[u8],
        body: BodyBytes<'_>,
        length: u64,
    ) -> Result<()> {
        self.add(head)?;
        self.add(block)?;
        let mut written = 0;
        body.each(|chunk| {
            written += chunk.len() as u64;
            self.add(chunk)
        })?;
        if written != length {
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
        self.output.record_done() // a large record is written piece by piece
    }

    /// Writes buffered bytes to the file.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.output.flush()
    }

    /// Makes everything durable, and returns a mark.
    ///
    /// # Errors
    /// If it cannot be written, or cannot be cut back.
    pub(super) fn checkpoint(&mut self) -> Result<Mark> {
        Ok(numbered(self.output.checkpoint()?, self.number))
    }

    /// Completes the last file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn finish(self) -> Result<Option<Mark>> {
        let number = self.number;
        Ok(self.output.finish()?.map(|mark| numbered(mark, number)))
    }
}

impl BodyBytes<'_> {
    /// Calls a function with the bytes, a piece at a time.
    ///
    /// # Errors
    /// If the file cannot be read, or the function fails.
    pub(super) fn each(self, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let path = match self {
            Self::Memory(bytes) => return take(bytes),
            Self::File(path) => path,
        };
        let unreadable = |source: io::Error| {
            let problem = format!("the body stored there cannot be read: {source}");
            Error::output(path, io::Error::new(source.kind(), problem))
        };
        let mut file = File::open(path).map_err(unreadable)?;
        let mut chunk = vec![0; CHUNK];
        loop {
            match file.read(&mut chunk).map_err(unreadable)? {
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

/// Whether a record contains the body that its digest is of, and reading can start at it.
fn has_payload(head: &Head) -> bool {
    head.is_findable && head.kind() == "response"
}

/// The number of the file that a mark refers to.
///
/// An invalid mark is refused when the file is opened.
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

/// Removes later files of a series, last one first, so that a kill leaves no gap.
fn remove_after(path: &Path, number: u32) -> Result<()> {
    for obsolete in (number + 1..=series::last(path, number)).rev() {
        let obsolete = series::numbered(path, obsolete);
        fs::remove_file(&obsolete).map_err(|source| Error::output(obsolete, source))?;
    }
    Ok(())
}
