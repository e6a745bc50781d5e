//! Payloads that were seen, and in which record: a page that says the same again is told by its digest.
//!
//! Bounded: beyond [`PAYLOADS`] the first stay known and no more are taken in. What is kept is a fingerprint of a digest;
//! whoever finds a place compares the digest that stands there.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64;

/// Payloads that are remembered at most: 24 bytes each, and what a table leaves free.
const PAYLOADS: usize = 1 << 20;

/// Payloads that were seen.
#[derive(Debug, Default)]
pub(crate) struct Seen(HashMap<u64, Place>);

/// Where a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// In which file of a series.
    pub(crate) file: u32,
    /// Where in it.
    pub(crate) offset: u64,
}

impl Seen {
    /// Where a payload may have been seen first.
    pub(crate) fn find(&self, digest: &str) -> Option<Place> {
        self.0.get(&key(digest)).copied()
    }

    /// Notes where a payload was seen, where it was not seen before.
    pub(crate) fn note(&mut self, digest: &str, place: Place) {
        if self.0.len() < PAYLOADS {
            self.0.entry(key(digest)).or_insert(place);
        }
    }
}

fn key(digest: &str) -> u64 {
    xxh3_64(digest.as_bytes())
}
