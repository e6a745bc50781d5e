//! How far the reading of a list has progressed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::settings::SeedSource;

/// How far the reading has progressed, in bytes.
pub(super) struct Progress {
    pub(super) read: Arc<AtomicU64>,
    /// The total size of all inputs, if known.
    size: Option<u64>,
}

impl Progress {
    pub(super) fn new(sources: &[SeedSource]) -> Self {
        let size = |source: &SeedSource| match source {
            SeedSource::Urls(urls) => Some(urls.iter().map(|url| url.len() as u64).sum()),
            SeedSource::File(path) => path
                .metadata()
                .ok()
                .filter(std::fs::Metadata::is_file)
                .map(|metadata| metadata.len()),
            // A rerun of failures is bounded, and their number is known.
            SeedSource::Failures(_) | SeedSource::Stdin => None,
            // How many of its bytes are pages is not known before they are read.
            SeedSource::Archive(_) => None,
        };
        Self {
            read: Arc::default(),
            size: sources.iter().map(size).sum(),
        }
    }

    pub(super) fn add(&self, bytes: usize) {
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The expected total number of entries, if the rest is like what has been read.
    pub(super) fn estimate(&self, entries: u64) -> Option<u64> {
        let read = self.read.load(Ordering::Relaxed);
        let size = self.size.filter(|_| read > 0)?;
        Some(entries.max((entries as f64 * size as f64 / read as f64) as u64))
    }
}
