//! The bytes of an answer, as received: in memory while small, in a file when large.
//!
//! Invariant: a spooled file belongs to exactly one [`Spool`]; dropping it removes the file, unless
//! [`Spool::keep`] handed it on. So an answer that nobody wants leaves nothing behind.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// What the name of every temporary file starts with: one that a crash left behind is known by it.
pub(crate) const SPOOL_PREFIX: &str = ".haul-";

/// The bytes of an answer, before any decoding.
#[derive(Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Body {
    /// All in memory; at most the spool threshold.
    Memory(Bytes),
    /// In a file of its own.
    Spooled(Spool),
    /// Counted and let go: nothing in this run wants the bytes of large bodies.
    Dropped(u64),
}

/// A temporary file that holds a large body; removed on drop.
#[derive(Debug, Serialize, Deserialize)]
pub struct Spool {
    path: PathBuf,
    length: u64,
    /// SHA-256 of the file's bytes, where it was taken while writing.
    pub(crate) digest: Option<[u8; 32]>,
    kept: bool,
}

impl Body {
    /// A body without bytes.
    pub const fn empty() -> Self {
        Body::Memory(Bytes::new())
    }

    /// How many bytes.
    pub fn len(&self) -> u64 {
        match self {
            Body::Memory(bytes) => bytes.len() as u64,
            Body::Spooled(spool) => spool.length,
            Body::Dropped(length) => *length,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// At most the first `limit` bytes.
    ///
    /// # Errors
    /// When the spooled file cannot be read.
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
    /// Lets go of a spooled file without removing it: another process has taken it over.
    pub(crate) fn hand_over(self) {
        if let Body::Spooled(spool) = self {
            spool.keep();
        }
    }
}

impl Spool {
    /// Takes over a file of `length` bytes.
    pub(crate) fn adopt(path: PathBuf, length: u64, digest: Option<[u8; 32]>) -> Self {
        Self {
            path,
            length,
            digest,
            kept: false,
        }
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes are in it.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// The same bytes under another name beside it: linked where the file system can, else copied.
    ///
    /// # Errors
    /// What the system said.
    pub(crate) fn twin(&self) -> io::Result<Self> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(SPOOL_PREFIX).suffix(".tmp");
        let linked = builder.make_in(folder, |path| std::fs::hard_link(&self.path, path));
        let temporary = match linked {
            Ok(linked) => linked.into_temp_path(),
            Err(_) => {
                let mut copy = builder.tempfile_in(folder)?;
                io::copy(&mut File::open(&self.path)?, copy.as_file_mut())?;
                copy.into_temp_path()
            }
        };
        let path = temporary.keep().map_err(|error| error.error)?;
        Ok(Self::adopt(path, self.length, self.digest))
    }

    /// Leaves the file where it is: its name is the caller's from now on.
    pub fn keep(mut self) -> PathBuf {
        self.kept = true;
        std::mem::take(&mut self.path)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if !self.kept {
            // Gone already is as good as removed; a folder that forbids it is the owner's business.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
