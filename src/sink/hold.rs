//! Locks on outputs against a second run.
//!
//! Two runs that write to one file would mix their records, or empty each other's file.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::error::{Error, Result};
use crate::run::lock;

/// Locks the file or folder at a path until the result is dropped.
///
/// `None` if neither a plain file nor a folder is there, or it cannot be locked.
///
/// # Errors
/// When another run is writing there.
pub(super) fn hold(path: &Path) -> Result<Option<File>> {
    let is_lockable = |metadata: fs::Metadata| metadata.is_file() || metadata.is_dir();
    if !fs::metadata(path).is_ok_and(is_lockable) {
        return Ok(None);
    }
    // A file without read permission is opened for writing soon, which reports the error.
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
