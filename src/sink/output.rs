//! Buffered output to a file or to standard output.

use std::io::{self, Write};

use super::Destination;
use super::growing::GrowingFile;
use super::mark::{Mark, Start};
use super::packing::{Packer, Packing};
use crate::error::{Error, Result, Setting};

/// The number of buffered bytes at which the buffer is written.
const BUFFER: usize = 256 << 10;

/// A buffered destination. No error is lost: [`finish`](Self::finish) returns the last one.
pub(super) struct Output {
    target: Target,
    buffer: Vec<u8>,
    packer: Option<Packer>,
    /// The length of the file at the last [`keep`](Self::keep).
    kept_length: u64,
}

enum Target {
    Stdout(io::Stdout),
    File(GrowingFile),
}

impl Output {
    /// Opens the destination.
    ///
    /// # Errors
    /// When the file cannot be created, or does not match its mark, or when a job writes to standard output.
    pub(super) fn open(destination: &Destination, start: Start<'_>) -> Result<Self> {
        let target = match destination {
            Destination::Stdout if start == Start::Fresh => Target::Stdout(io::stdout()),
            Destination::Stdout => return Err(not_rewindable()),
            Destination::File { path, append } => {
                Target::File(GrowingFile::open(path, *append, start)?)
            }
        };
        Ok(Self::to(target))
    }

    /// Opens the destination, compressed if the file's suffix selects that.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(super) fn open_packed(destination: &Destination, start: Start<'_>) -> Result<Self> {
        let packing = match destination {
            Destination::Stdout => None,
            Destination::File { path, .. } => Packing::of_path(path),
        };
        let mut output = Self::open(destination, start)?;
        output.packer = packing.map(Packer::new);
        Ok(output)
    }

    /// Makes an output to an open file.
    pub(super) fn to_file(file: GrowingFile) -> Self {
        Self::to(Target::File(file))
    }

    fn to(target: Target) -> Self {
        let kept_length = match &target {
            Target::Stdout(_) => 0,
            Target::File(file) => file.length(),
        };
        Self {
            target,
            buffer: Vec::with_capacity(BUFFER + (64 << 10)),
            packer: None,
            kept_length,
        }
    }

    /// Whether nothing was written before, so that a header line is needed.
    pub(super) fn is_new(&self) -> bool {
        match &self.target {
            Target::Stdout(_) => true,
            Target::File(file) => file.is_empty(),
        }
    }

    /// Returns the mark of the current position without a checkpoint; `None` on standard output.
    pub(super) fn position(&self) -> Option<Mark> {
        self.length().map(Mark::of_length)
    }

    /// Returns the position of the next byte; `None` on standard output.
    ///
    /// Not for compressed outputs.
    pub(super) fn length(&self) -> Option<u64> {
        match &self.target {
            Target::Stdout(_) => None,
            Target::File(file) => Some(file.length() + self.buffer.len() as u64),
        }
    }

    /// Returns the buffer to write a record into.
    ///
    /// Call [`record_done`](Self::record_done) afterwards.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Notes that a whole record is in the buffer, and writes the buffer if it is full.
    ///
    /// # Errors
    /// When the buffer was full and could not be written.
    pub(super) fn record_done(&mut self) -> Result<()> {
        if self.buffer.len() >= BUFFER {
            self.spill()
        } else {
            Ok(())
        }
    }

    /// Writes the buffer; of a compressed output, the members that are complete or due to end.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.spill()
    }

    /// Notes that what was flushed stays.
    pub(super) fn keep(&mut self) {
        if let Target::File(file) = &self.target {
            self.kept_length = file.length();
        }
    }

    /// After a failed write: drops all records since the last [`keep`](Self::keep).
    ///
    /// Returns whether the file now contains exactly the records before it.
    pub(super) fn take_back(&mut self) -> bool {
        self.buffer.clear();
        match &mut self.target {
            Target::Stdout(_) => false,
            Target::File(file) => self.packer.is_none() && file.cut_back(self.kept_length),
        }
    }

    fn spill(&mut self) -> Result<()> {
        if self.buffer.is_empty() && !self.packer.as_ref().is_some_and(Packer::is_due) {
            return Ok(());
        }
        let written = match &mut self.packer {
            None => self.target.write(&self.buffer),
            Some(packer) => match packer.pack(&self.buffer) {
                Ok(packed) => self.target.write(&packed),
                Err(source) => Err(Error::setup("a packed output", source)),
            },
        };
        self.buffer.clear();
        written
    }

    /// Writes the buffer, and ends the packer's open member.
    fn write_all(&mut self) -> Result<()> {
        self.flush()?;
        let Some(packer) = &mut self.packer else {
            return Ok(());
        };
        let rest = packer.end();
        let rest = rest.map_err(|source| Error::setup("a packed output", source))?;
        self.target.write(&rest)
    }

    /// Writes the buffer, waits for the disk, and returns the mark.
    ///
    /// # Errors
    /// When it cannot be written, or cannot be cut back, as standard output, a pipe or a device.
    pub(super) fn checkpoint(&mut self) -> Result<Mark> {
        self.write_all()?;
        self.keep(); // nothing before a mark is ever cut off
        match &mut self.target {
            Target::Stdout(_) => Err(not_rewindable()),
            Target::File(file) => file.checkpoint(),
        }
    }

    /// Writes the buffer, and waits for the disk.
    ///
    /// Returns the mark; `None` if the target is not a plain file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn finish(mut self) -> Result<Option<Mark>> {
        self.write_all()?;
        match self.target {
            Target::Stdout(_) => Ok(None),
            Target::File(file) => file.finish(),
        }
    }
}

impl Target {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Target::Stdout(stdout) => {
                let mut locked = stdout.lock();
                let written = locked.write_all(bytes).and_then(|()| locked.flush());
                written.map_err(|source| Error::output("standard output", source))
            }
            Target::File(file) => file.write(bytes),
        }
    }
}

fn not_rewindable() -> Error {
    Error::invalid(
        Setting::Output,
        "standard output cannot be cut back after a crash: a job needs a file to write to",
    )
}
