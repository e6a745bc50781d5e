//! The errors of a database that cannot be written.

use std::io;
use std::path::Path;

use crate::error::Error;

pub(super) fn broken(path: &Path, error: &rusqlite::Error) -> Error {
    refused(path, &error.to_string())
}

pub(super) fn refused(path: &Path, problem: &str) -> Error {
    Error::output(path, io::Error::other(problem.to_owned()))
}
