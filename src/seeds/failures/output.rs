//! An output of an earlier run, and which of its records are fetched again.

use std::path::Path;

use crate::job::rows::Rows;
use crate::recorded::Output;

/// The failures in an output written by haul.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failures {
    pub(super) output: Output,
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

impl Failures {
    /// The path of the output.
    pub fn path(&self) -> &Path {
        self.output.path()
    }

    /// The name of its format, as in `--format`.
    pub fn format(&self) -> &'static str {
        self.output.format().name()
    }
}
