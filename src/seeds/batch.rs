//! Entries on their way to the frontier, some at a time.

use super::entry::Entry;

/// The number of entries sent at a time.
pub(super) const BATCH: usize = 512;

/// Some entries, and how far the reading has progressed.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) entries: Vec<Entry>,
    /// The number of entries so far, including these.
    pub(crate) read: u64,
    /// The row of the last of them.
    pub(crate) last_row: u64,
    /// The expected total number of entries; `None` if the input sizes are not known.
    pub(crate) estimate: Option<u64>,
    /// Whether the run may have begun before: a program sends seeds as they come.
    pub(crate) is_late: bool,
}
