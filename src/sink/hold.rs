//! Outputs held against a second run: two that write to one file would mix their records, or empty each other's.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::error::{Error, Result};
use crate::lock;

/// Locks what is at a path until the answer is dropped; `None` where there is nothing yet that could be locked: no plain
/// file, and no folder.
///
/// # Errors
/// When another run writes there.
pub(super) fn hold(path: &Path) -> Result<Option<File>> {
    let is_ours = |found: fs::Metadata| found.is_file() || found.is_dir();
    if !fs::metadata(path).is_ok_and(is_ours) {
        return Ok(None);
    }
    // One that may not be read is opened for writing in a moment, and that says so.
    let Ok(file) = File::open(path) else {
        return Ok(None);
    };
    match lock::lock(&file) {
        Ok(true) => Ok(Some(file)),
        Ok(false) => Err(Error::output(
            path,
            io::Error::other("another haul is writing to it; wait for it, or name another output"),
        )),
        Err(error) if lock::is_unsupported(&error) => Ok(None),
        Err(error) => Err(Error::output(path, error)),
    }
}
