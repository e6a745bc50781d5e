//! An output of an earlier run, and which of its records are fetched again.

use std::path::{Path, PathBuf};

use crate::job::rows::Rows;

/// The failures in an output written by haul.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failures {
    pub(super) path: PathBuf,
    pub(super) format: OutputFormat,
    /// The numbers of the records to fetch again, from 1.
    pub(super) chosen: Rows,
    /// The number of records to fetch again.
    pub count: u64,
    /// The number of all failed requests.
    pub of: u64,
    /// Rows that were sent with a method whose body is not in the record.
    pub with_bodies: Rows,
    /// The number of those requests.
    pub with_bodies_count: u64,
    /// Lines that were not URLs: fetching them again cannot help.
    pub malformed: u64,
    /// Lines of the output that are not records.
    pub foreign: u64,
}

/// The format of an output, detected from its first bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum OutputFormat {
    #[default]
    Jsonl,
    Csv,
    Sqlite,
    Parquet,
}

impl Failures {
    /// The path of the output.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of its format, as in `--format`.
    pub fn format(&self) -> &'static str {
        match self.format {
            OutputFormat::Jsonl => "jsonl",
            OutputFormat::Csv => "csv",
            OutputFormat::Sqlite => "sqlite",
            OutputFormat::Parquet => "parquet",
        }
    }
}
