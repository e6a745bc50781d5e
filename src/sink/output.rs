//! Bytes on their way to a file or to standard output, buffered.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};

use super::{Destination, failed};
use crate::error::Result;

/// Bytes that wait before they are written.
const BUFFER: usize = 256 << 10;

/// A buffered destination. Nothing is lost without a word: [`finish`](Self::finish) tells the last error.
pub(super) struct Output {
    destination: Destination,
    file: Target,
    buffer: Vec<u8>,
}

enum Target {
    Stdout(io::Stdout),
    File(File),
}

impl Output {
    /// # Errors
    /// When the file cannot be created.
    pub(super) fn open(destination: &Destination) -> Result<Self> {
        let file = match destination {
            Destination::Stdout => Target::Stdout(io::stdout()),
            Destination::File { path, append } => {
                let mut options = OpenOptions::new();
                options
                    .create(true)
                    .write(true)
                    .append(*append)
                    .truncate(!append);
                Target::File(
                    options
                        .open(path)
                        .map_err(|source| failed(destination, source))?,
                )
            }
        };
        Ok(Self {
            destination: destination.clone(),
            file,
            buffer: Vec::with_capacity(BUFFER + (64 << 10)),
        })
    }

    /// Whether nothing was written here before: a header line is due.
    pub(super) fn is_new(&self) -> bool {
        match &self.file {
            Target::Stdout(_) => true,
            Target::File(file) => file.metadata().map_or(true, |metadata| metadata.len() == 0),
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
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn flush(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = match &mut self.file {
            Target::Stdout(stdout) => {
                let mut locked = stdout.lock();
                locked.write_all(&self.buffer).and_then(|()| locked.flush())
            }
            Target::File(file) => file.write_all(&self.buffer),
        };
        self.buffer.clear();
        written.map_err(|source| failed(&self.destination, source))
    }

    /// Writes what waits, and waits for the disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn finish(mut self) -> Result<()> {
        self.flush()?;
        match &self.file {
            // A device or a pipe cannot be synced and need not be.
            Target::File(file) if file.metadata().is_ok_and(|metadata| metadata.is_file()) => file
                .sync_data()
                .map_err(|source| failed(&self.destination, source)),
            _ => Ok(()),
        }
    }
}
