//! Finds the torn end that a crash leaves in a file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::packing::Packing;

/// The number of bytes read at a time.
pub(super) const CHUNK: usize = 256 << 10;

/// The state of the end of a file, and its repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing to repair.
    Whole,
    /// A newline is missing, and is added.
    Unended,
    /// This number of bytes of half a record are cut off.
    Torn(u64),
}

impl End {
    /// The end of a file of which so many bytes are cut off.
    pub(super) const fn of_torn(bytes: u64) -> Self {
        match bytes {
            0 => Self::Whole,
            bytes => Self::Torn(bytes),
        }
    }
}

/// Returns the start of the last member of a compressed file if it is incomplete.
///
/// Calls `on_bytes` with the start of each member and its decompressed bytes.
///
/// # Errors
/// When the file cannot be read, or is damaged elsewhere.
pub(super) fn torn_member(
    path: &Path,
    packing: Packing,
    mut on_bytes: impl FnMut(u64, &[u8]),
) -> io::Result<Option<u64>> {
    let mut reader = PositionedReader::open(path, 0)?;
    while !reader.fill_buf()?.is_empty() {
        let start = reader.at;
        let unpacked = packing.unpack(&mut reader, |bytes| {
            on_bytes(start, bytes);
            Ok(())
        });
        match unpacked {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Some(start)),
            // A crash of the machine may leave a file longer than what was written, filled with zeros.
            Err(_) if is_zeros(path, start)? => return Ok(Some(start)),
            Err(error) => {
                let problem =
                    format!("it is damaged at byte {start}: {error}; write to another file");
                return Err(io::Error::other(problem));
            }
        }
    }
    Ok(None)
}

/// A reader of a file that counts its position.
pub(super) struct PositionedReader {
    reader: BufReader<File>,
    pub(super) at: u64,
}

impl PositionedReader {
    pub(super) fn open(path: &Path, start: u64) -> io::Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(start))?;
        Ok(Self {
            reader: BufReader::with_capacity(CHUNK, file),
            at: start,
        })
    }
}

impl Read for PositionedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl BufRead for PositionedReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.at += count as u64;
        self.reader.consume(count);
    }
}

/// Whether the rest of a file is only zeros.
pub(super) fn is_zeros(path: &Path, start: u64) -> io::Result<bool> {
    let mut reader = PositionedReader::open(path, start)?;
    loop {
        let bytes = reader.fill_buf()?;
        let length = bytes.len();
        if length == 0 || bytes.iter().any(|byte| *byte != 0) {
            return Ok(length == 0);
        }
        reader.consume(length);
    }
}
