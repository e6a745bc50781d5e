//! What stands for Parquet where haul was built without it.

use std::path::Path;

use super::{Destination, RecordSettings, Sink, Start};
use crate::error::{Error, Result};
use crate::fields::Table;

/// Says how to get it.
///
/// # Errors
/// Always.
pub(super) fn open(
    _: &Destination,
    _: &RecordSettings,
    _: &[Table],
    _: Start<'_>,
) -> Result<Box<dyn Sink>> {
    Err(Error::Setting(
        "this haul was built without Parquet: build it with --features parquet".into(),
    ))
}

/// Leaves it to [`open`] to say no.
pub(super) fn is_rewindable(_: &Path) -> bool {
    true
}

/// None can be read either.
pub(super) fn is_dataset(_: &Path) -> bool {
    false
}

/// No members for the contract suite.
#[cfg(test)]
pub(super) mod suite {
    use super::super::samples::Case;
    use super::*;

    /// How a member is opened.
    pub(crate) type Open = fn(&Case, Start<'_>) -> Result<Box<dyn Sink>>;

    pub(crate) const MEMBERS: [(Open, bool); 0] = [];

    pub(crate) fn numbers(_: &Path) -> Vec<usize> {
        Vec::new()
    }
}
