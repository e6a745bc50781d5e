//! A replacement for Parquet in builds without it.

use std::path::Path;

use super::{Destination, RecordSettings, Sink, Start};
use crate::error::{Error, Result, Setting};
use crate::visit::fields::Table;

/// Returns an error that says how to get it.
///
/// # Errors
/// Always.
pub(super) fn open(
    _: &Destination,
    _: &RecordSettings,
    _: &[Table],
    _: Start<'_>,
) -> Result<Box<dyn Sink>> {
    Err(Error::invalid(
        Setting::Output,
        "this haul was built without its feature parquet",
    ))
}

/// Leaves the refusal to [`open`].
pub(super) fn is_rewindable(_: &Path) -> bool {
    true
}

/// Whether a folder is a Parquet dataset that haul wrote. None can be recognized without Parquet.
pub fn is_dataset(_: &Path) -> bool {
    false
}

/// No variants for the contract suite.
#[cfg(test)]
pub(super) mod suite {
    use super::super::samples::Case;
    use super::*;

    /// A function that opens a variant.
    pub(crate) type Open = fn(&Case, Start<'_>) -> Result<Box<dyn Sink>>;

    pub(crate) const MEMBERS: [(Open, bool); 0] = [];

    pub(crate) fn numbers(_: &Path) -> Vec<usize> {
        Vec::new()
    }
}
