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
    input: Input,
    buffer: Vec<u8>,
    at: usize,
    /// The offset in the file at which the current member, or the file, starts.
    member: u64,
    /// The number of its bytes that have been consumed.
    consumed: u64,
}

enum Input {
    Plain(Counted),
    Gzip(Box<GzDecoder<Counted>>),
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
        let input = match counted.fill_buf()? {
            [] => Input::End(start),
            [0x1F, 0x8B, ..] => Input::Gzip(Box::new(GzDecoder::new(counted))),
            _ => Input::Plain(counted),
        };
        Ok(Self {
            input,
            buffer: Vec::new(),
            at: 0,
            member: start,
            consumed: 0,
        })
    }

    /// The next bytes; empty at the end.
    ///
    /// # Errors
    /// The error of the system or the decoder.
    pub(crate) fn fill(&mut self) -> io::Result<&[u8]> {
        while self.at == self.buffer.len() {
            if matches!(self.input, Input::End(_)) {
                break;
            }
            self.buffer.resize(BUFFER, 0);
            self.at = 0;
            let read = match &mut self.input {
                Input::Plain(file) => file.read(&mut self.buffer),
                Input::Gzip(member) => member.read(&mut self.buffer),
                Input::End(_) => Ok(0),
            };
            self.buffer.truncate(*read.as_ref().unwrap_or(&0));
            if read? == 0 {
                self.next_member()?;
            }
        }
        Ok(&self.buffer[self.at..])
    }

    /// Consumes bytes that have been read.
    pub(crate) fn consume(&mut self, count: usize) {
        self.at += count;
        self.consumed += count as u64;
    }

    /// The offset of the next byte in the file, and whether reading can start there.
    pub(crate) fn position(&self) -> (u64, bool) {
        match &self.input {
            Input::Plain(_) => (self.member + self.consumed, true),
            Input::Gzip(_) => (self.member, self.consumed == 0),
            Input::End(end) => (*end, true),
        }
    }

    fn next_member(&mut self) -> io::Result<()> {
        let input = std::mem::replace(&mut self.input, Input::End(0));
        let mut counted = match input {
            Input::Gzip(member) => member.into_inner(),
            Input::Plain(file) => file,
            end @ Input::End(_) => {
                self.input = end;
                return Ok(());
            }
        };
        let is_end = counted.fill_buf()?.is_empty();
        (self.member, self.consumed) = (counted.position, 0);
        self.input = match is_end {
            true => Input::End(counted.position),
            false => Input::Gzip(Box::new(GzDecoder::new(counted))),
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
