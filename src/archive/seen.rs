//! Payloads that have been seen, with their records, to recognize repeated ones.
//!
//! It is bounded: beyond [`PAYLOADS`], the first ones stay known and no more are added. Only a fingerprint of each
//! digest is stored, so whoever finds a position has to compare the digest of the record there.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64;

/// The most payloads remembered: 24 bytes each, plus the free space of the table.
const PAYLOADS: usize = 1 << 20;

/// The positions of payloads that have been seen.
#[derive(Debug, Default)]
pub(crate) struct SeenPayloads(HashMap<u64, RecordPosition>);

/// The position of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordPosition {
    /// The number of the file in its series.
    pub(crate) file: u32,
    /// The offset in the file.
    pub(crate) offset: u64,
}

impl SeenPayloads {
    /// Where a payload may have been seen first.
    pub(crate) fn find(&self, digest: &str) -> Option<RecordPosition> {
        self.0.get(&key(digest)).copied()
    }

    /// Records where a payload was seen, unless it was seen before.
    pub(crate) fn note(&mut self, digest: &str, position: RecordPosition) {
        if self.0.len() < PAYLOADS {
            self.0.entry(key(digest)).or_insert(position);
        }
    }
}

fn key(digest: &str) -> u64 {
    xxh3_64(digest.as_bytes())
}
