//! A replacement without the feature `parquet`: its files cannot be read.

use std::path::Path;

use super::error::refused;
use super::recorded::Item;
use crate::error::Result;
use crate::seeds::feeder::Enough;

/// Returns an error in place of the records.
///
/// # Errors
/// Always.
pub(super) fn each(path: &Path, _: &mut dyn FnMut(Item) -> Result<(), Enough>) -> Result<()> {
    Err(refused(path, "this haul was built without Parquet"))
}
