//! The position in a list.

use crate::job::rows::Rows;

/// How far an earlier session has read the list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Position {
    /// The last row that was read: everything up to it is skipped.
    pub(crate) row: u64,
    /// The number of entries that were used.
    pub(crate) taken: u64,
    /// Rows that were used but have no record yet: they are read again.
    pub(crate) again: Rows,
}
