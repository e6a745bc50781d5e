//! The seam between an output and who reads it.

use std::ops::ControlFlow;

use super::record::Recorded;

/// What to do with an item of an output, decided by its number before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Read it.
    Read,
    /// Go on with the next one.
    Skip,
    /// Skip it and everything after it.
    Stop,
}

/// An item of an output: a record, or `None` for anything else.
pub(crate) type Item = Option<Box<Recorded>>;

/// Chooses items of an output by their numbers, from 1, and takes those that it chose.
pub(crate) trait Visitor {
    /// Whether to read the item with this number.
    fn choose(&mut self, _number: u64) -> Choice {
        Choice::Read
    }

    /// Takes an item; `Break` ends the reading.
    fn take(&mut self, number: u64, item: Item) -> ControlFlow<()>;
}
