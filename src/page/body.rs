//! The bytes of a response body, as received: in memory if small, in a file if large.
//!
//! Invariant: a spooled file belongs to exactly one [`Spool`]; dropping it removes the file, unless [`Spool::keep`]
//! passed it on. So a response that nobody wants leaves nothing behind.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The prefix of every temporary file's name.
///
/// Files left behind by a crash are recognised by it.
pub(crate) const SPOOL_PREFIX: &str = ".haul-";

/// The bytes of a response body, before any decoding.
#[derive(Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Body {
    /// All bytes in memory; at most the spool threshold.
    Memory(Bytes),
    /// The bytes in a file of their own.
    Spooled(Spool),
    /// Only the number of bytes: nothing in this run wants the bytes of large bodies.
    Dropped(u64),
}

/// A temporary file with a large body, removed on drop.
#[derive(Debug, Serialize, Deserialize)]
pub struct Spool {
    path: PathBuf,
    length: u64,
    /// The SHA-256 of the file's bytes, if it was computed while writing.
    pub(crate) digest: Option<[u8; 32]>,
    kept: bool,
}

impl Body {
    /// A body without bytes.
    pub const fn empty() -> Self {
        Body::Memory(Bytes::new())
    }

    /// The number of bytes.
    pub fn len(&self) -> u64 {
        match self {
            Body::Memory(bytes) => bytes.len() as u64,
            Body::Spooled(spool) => spool.length,
            Body::Dropped(length) => *length,
        }
    }

    /// Whether the body has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// At most the first `limit` bytes.
    ///
    /// # Errors
    /// The spooled file cannot be read.
    pub fn head(&self, limit: usize) -> io::Result<Bytes> {
        match self {
            Body::Memory(bytes) => Ok(bytes.slice(..bytes.len().min(limit))),
            Body::Spooled(spool) => {
                let mut head = Vec::with_capacity(limit.min(spool.length as usize));
                File::open(&spool.path)?
                    .take(limit as u64)
                    .read_to_end(&mut head)?;
                Ok(head.into())
            }
            Body::Dropped(_) => Ok(Bytes::new()),
        }
    }
}

impl Body {
    /// Drops a spooled file without removing it, as another process owns it now.
    pub(crate) fn hand_over(self) {
        if let Body::Spooled(spool) = self {
            spool.keep();
        }
    }
}

impl Spool {
    /// Takes ownership of a file of `length` bytes.
    pub(crate) fn adopt(path: PathBuf, length: u64, digest: Option<[u8; 32]>) -> Self {
        Self {
            path,
            length,
            digest,
            kept: false,
        }
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of bytes in the file.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// The same bytes in a second file next to it: a hard link if the file system can, otherwise a copy.
    ///
    /// # Errors
    /// The error of the operating system.
    pub(crate) fn twin(&self) -> io::Result<Self> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(SPOOL_PREFIX).suffix(".tmp");
        let link = builder.make_in(folder, |path| std::fs::hard_link(&self.path, path));
        let temporary = match link {
            Ok(link) => link.into_temp_path(),
            Err(_) => {
                let mut copy = builder.tempfile_in(folder)?;
                io::copy(&mut File::open(&self.path)?, copy.as_file_mut())?;
                copy.into_temp_path()
            }
        };
        let path = temporary.keep().map_err(|error| error.error)?;
        Ok(Self::adopt(path, self.length, self.digest))
    }

    /// Leaves the file where it is. From now on it belongs to the caller.
    pub fn keep(mut self) -> PathBuf {
        self.kept = true;
        std::mem::take(&mut self.path)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if !self.kept {
            // If the file is gone already, that is fine; if the folder does not allow removal, that is up to its
            // owner.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
