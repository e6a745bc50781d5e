//! The bytes of an archive, compressed or not, with their offsets in the file.
//!
//! Gzip members follow each other, one per record or one for many records, and are read as one stream. Invariant:
//! only one buffer of bytes is in memory. Edge: if a member contains many records, only the first of them can be
//! found again by its offset.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::bufread::GzDecoder;

/// The number of bytes read and decompressed at a time.
const BUFFER: usize = 64 << 10;

/// The bytes of an archive, starting at some offset.
pub(crate) struct Stream {
    source: Source,
    buffer: Vec<u8>,
    at: usize,
    /// The offset in the file at which the current member, or the file, starts.
    member: u64,
    /// The number of its bytes that have been consumed.
    taken: u64,
}

enum Source {
    Plain(Counted),
    Packed(Box<GzDecoder<Counted>>),
    End(u64),
}

/// A file that counts how much of it has been consumed.
struct Counted {
    file: io::Take<BufReader<File>>,
    position: u64,
}

impl Stream {
    /// Opens a part of a file: at most `length` bytes from `start` on.
    ///
    /// # Errors
    /// The error of the system.
    pub(crate) fn open(path: &Path, start: u64, length: u64) -> io::Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(start))?;
        let mut counted = Counted {
            file: BufReader::with_capacity(BUFFER, file).take(length),
            position: start,
        };
        let source = match counted.fill_buf()? {
            [] => Source::End(start),
            [0x1F, 0x8B, ..] => Source::Packed(Box::new(GzDecoder::new(counted))),
            _ => Source::Plain(counted),
        };
        Ok(Self {
            source,
            buffer: Vec::new(),
            at: 0,
            member: start,
            taken: 0,
        })
    }

    /// The next bytes; empty at the end.
    ///
    /// # Errors
    /// The error of the system or the decoder.
    pub(crate) fn fill(&mut self) -> io::Result<&[u8]> {
        while self.at == self.buffer.len() {
            if matches!(self.source, Source::End(_)) {
                break;
            }
            self.buffer.resize(BUFFER, 0);
            self.at = 0;
            let read = match &mut self.source {
                Source::Plain(file) => file.read(&mut self.buffer),
                Source::Packed(member) => member.read(&mut self.buffer),
                Source::End(_) => Ok(0),
            };
            self.buffer.truncate(*read.as_ref().unwrap_or(&0));
            if read? == 0 {
                self.next_member()?;
            }
        }
        Ok(&self.buffer[self.at..])
    }

    /// Consumes bytes that have been read.
    pub(crate) fn take(&mut self, count: usize) {
        self.at += count;
        self.taken += count as u64;
    }

    /// The offset of the next byte in the file, and whether reading can start there.
    pub(crate) fn place(&self) -> (u64, bool) {
        match &self.source {
            Source::Plain(_) => (self.member + self.taken, true),
            Source::Packed(_) => (self.member, self.taken == 0),
            Source::End(end) => (*end, true),
        }
    }

    fn next_member(&mut self) -> io::Result<()> {
        let source = std::mem::replace(&mut self.source, Source::End(0));
        let mut counted = match source {
            Source::Packed(member) => member.into_inner(),
            Source::Plain(file) => file,
            end @ Source::End(_) => {
                self.source = end;
                return Ok(());
            }
        };
        let is_end = counted.fill_buf()?.is_empty();
        (self.member, self.taken) = (counted.position, 0);
        self.source = match is_end {
            true => Source::End(counted.position),
            false => Source::Packed(Box::new(GzDecoder::new(counted))),
        };
        Ok(())
    }
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(into)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl BufRead for Counted {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.file.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.position += count as u64;
        self.file.consume(count);
    }
}
