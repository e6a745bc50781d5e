//! The cache: responses that any run of this user may use again, by the rules of HTTP (RFC 9111).
//!
//! It is a SQLite database in a folder, which several processes may use at the same time. Lanes look pages up; one thread
//! writes, in batches. Invariant: it is bounded in bytes, the entries that were not used for longest go first, and nothing
//! is in it that `no-store` forbids or that was asked with something that may be a secret. Edge: an entry that is damaged
//! is not there; a cache that cannot be written is no longer used, and nothing else ends because of it.

mod reader;
mod table;
mod writer;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::text::size::ByteSize;

pub(crate) use reader::Reader;
pub(crate) use writer::{Answer, Writer};

/// The name of the database in its folder.
const DATABASE: &str = "cache.db";

/// Where the cache is, and how large it may become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheSettings {
    /// The folder; it is created if it does not exist.
    pub folder: PathBuf,
    /// The most bytes of bodies and header fields, compressed.
    pub size: ByteSize,
}

impl CacheSettings {
    /// The default size.
    pub const SIZE: ByteSize = ByteSize::mib(1024);

    fn database(&self) -> PathBuf {
        database(&self.folder)
    }
}

fn database(folder: &Path) -> PathBuf {
    folder.join(DATABASE)
}
