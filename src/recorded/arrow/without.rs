//! A replacement without the feature `parquet`: files of Arrow cannot be read.

use std::path::Path;

use super::error::refused;
use super::item::Visitor;
use super::wanted::Wanted;
use crate::error::Result;

/// Returns an error in place of the records.
///
/// # Errors
/// Always.
pub(super) fn each(path: &Path, _: Option<u64>, _: Wanted, _: &mut dyn Visitor) -> Result<()> {
    Err(refused(path, "this haul was built without Arrow"))
}
