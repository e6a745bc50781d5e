//! The errors of an output that cannot be read.

use std::fmt::Display;
use std::io;
use std::path::Path;

use crate::error::Error;

pub(super) fn unreadable(path: &Path, source: io::Error) -> Error {
    Error::Unreadable {
        path: path.to_owned(),
        source,
    }
}

pub(super) fn refused(path: &Path, problem: &str) -> Error {
    Error::Table {
        name: path.display().to_string(),
        problem: problem.to_owned(),
    }
}

/// An output that is damaged: `after` is the last line, or row, that was read.
pub(super) fn damaged(path: &Path, unit: &str, after: u64, problem: &dyn Display) -> Error {
    refused(path, &format!("damaged after {unit} {after}: {problem}"))
}

pub(super) fn not_ours(path: &Path) -> Error {
    refused(
        path,
        "no records of haul: they are read from its .jsonl, .csv, .sqlite, .parquet and .arrow outputs",
    )
}
