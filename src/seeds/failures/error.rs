//! The errors of an output that cannot be read.

use std::io;
use std::path::Path;

use crate::error::Error;

pub(super) fn unreadable(path: &Path, source: io::Error) -> Error {
    Error::Input {
        name: path.display().to_string(),
        source,
    }
}

pub(super) fn refused(path: &Path, problem: &str) -> Error {
    Error::Table {
        name: path.display().to_string(),
        problem: problem.to_owned(),
    }
}

pub(super) fn not_ours(path: &Path) -> Error {
    refused(
        path,
        "no records of haul: failures are read from its .jsonl, .csv, .sqlite and .parquet outputs",
    )
}
