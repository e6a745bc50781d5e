//! A replacement for Arrow in builds without it.

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
        "this haul was built without its feature parquet, which Arrow belongs to",
    ))
}

/// Leaves the refusal to [`open`].
///
/// # Errors
/// Never.
pub(super) fn repair_end(_: &std::path::Path) -> std::io::Result<u64> {
    Ok(0)
}

/// No variants for the contract suite.
#[cfg(test)]
pub(super) mod suite {
    use std::path::Path;

    pub(crate) const MEMBERS: [bool; 0] = [];

    pub(crate) fn numbers(_: &Path) -> Vec<usize> {
        Vec::new()
    }
}
