//! Bytes on their way to a file or to standard output, buffered.

use std::io::{self, Write};

use super::Destination;
use super::growing::GrowingFile;
use super::mark::{Mark, Start};
use super::packing::{Packer, Packing};
use crate::error::{Error, Result, Setting};

/// Bytes that wait before they are written.
const BUFFER: usize = 256 << 10;

/// A buffered destination. Nothing is lost without a word: [`finish`](Self::finish) tells the last error.
pub(super) struct Output {
    target: Target,
    buffer: Vec<u8>,
    packer: Option<Packer>,
    /// How long the file was when what is in it was last to stay.
    kept: u64,
}

enum Target {
    Stdout(io::Stdout),
    File(GrowingFile),
}

impl Output {
    /// # Errors
    /// When the file cannot be created, or does not hold what its mark says; where a job writes to standard output.
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

    /// As [`open`](Self::open), packed where the file's suffix asks for it.
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

    /// To a file that is open.
    pub(super) fn to_file(file: GrowingFile) -> Self {
        Self::to(Target::File(file))
    }

    fn to(target: Target) -> Self {
        let kept = match &target {
            Target::Stdout(_) => 0,
            Target::File(file) => file.length(),
        };
        Self {
            target,
            buffer: Vec::with_capacity(BUFFER + (64 << 10)),
            packer: None,
            kept,
        }
    }

    /// Whether nothing was written here before: a header line is due.
    pub(super) fn is_new(&self) -> bool {
        match &self.target {
            Target::Stdout(_) => true,
            Target::File(file) => file.is_empty(),
        }
    }

    /// The mark that a checkpoint would give here, without one; `None` where there is none to give.
    pub(super) fn position(&self) -> Option<Mark> {
        self.length().map(Mark::of_length)
    }

    /// Where the next byte goes; `None` on standard output. Of nothing that is packed.
    pub(super) fn length(&self) -> Option<u64> {
        match &self.target {
            Target::Stdout(_) => None,
            Target::File(file) => Some(file.length() + self.buffer.len() as u64),
        }
    }

    /// The buffer to write a record into; call [`record_done`](Self::record_done) after it.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// A whole record is in the buffer.
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

    /// Writes what waits; of what is packed, the members that are whole or old enough to end.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.spill()
    }

    /// What was flushed stays.
    pub(super) fn keep(&mut self) {
        if let Target::File(file) = &self.target {
            self.kept = file.length();
        }
    }

    /// After a write that failed: forgets all records since the last [`keep`](Self::keep). Answers whether exactly the
    /// records before it are in the file.
    pub(super) fn take_back(&mut self) -> bool {
        self.buffer.clear();
        match &mut self.target {
            Target::Stdout(_) => false,
            Target::File(file) => self.packer.is_none() && file.cut_back(self.kept),
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

    /// Writes what waits, and all that the packer has.
    fn hand_over(&mut self) -> Result<()> {
        self.flush()?;
        let Some(packer) = &mut self.packer else {
            return Ok(());
        };
        let rest = packer.end();
        let rest = rest.map_err(|source| Error::setup("a packed output", source))?;
        self.target.write(&rest)
    }

    /// Writes what waits, waits for the disk, and says how far that is.
    ///
    /// # Errors
    /// When it cannot be written, or cannot be cut back: standard output, a pipe, a device.
    pub(super) fn checkpoint(&mut self) -> Result<Mark> {
        self.hand_over()?;
        self.keep(); // what is before a mark is never cut off
        match &mut self.target {
            Target::Stdout(_) => Err(not_rewindable()),
            Target::File(file) => file.checkpoint(),
        }
    }

    /// Writes what waits, and waits for the disk. Answers how far that is; `None` where there is none to wait for.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn finish(mut self) -> Result<Option<Mark>> {
        self.hand_over()?;
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
