//! The outcome of a run, for its caller.

use std::path::PathBuf;

use crate::error::Error;
use crate::job::rows::Rows;
use crate::run::tally::{Tally, Totals};
use crate::sink::Counts;

/// The outcome of a run.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The statistics of the run.
    pub tally: Tally,
    /// How it ended.
    pub ended: Ended,
    /// The rows without a record, if the run ended early and has no job.
    pub missing: Rows,
    /// How often each field matched, if fields were extracted; over all sessions of a job.
    pub counts: Option<Counts>,
    /// The number of URLs that still wait in the job's store.
    pub waiting: u64,
    /// The totals of the job's earlier sessions.
    pub earlier: Totals,
    /// The entry page of a mirror: the file of the first seed.
    pub mirror: Option<PathBuf>,
    /// The error of the output that could no longer be written, if that ended the run.
    pub failure: Option<Error>,
}

impl Outcome {
    /// The totals of all records: those of this run, and those of the job's earlier sessions.
    pub fn totals(&self) -> Totals {
        self.earlier + self.tally.totals()
    }

    /// Makes an outcome with nothing missing, for tests of code that takes one.
    pub fn new(tally: Tally, ended: Ended) -> Self {
        Self {
            tally,
            ended,
            missing: Rows::default(),
            counts: None,
            waiting: 0,
            earlier: Totals::default(),
            mirror: None,
            failure: None,
        }
    }

    /// Makes the outcome of a run that was stopped before it started: every row is missing.
    pub(super) fn never_begun() -> Self {
        Self {
            missing: Rows::of(Vec::new(), Some(1)),
            ..Self::new(Tally::default(), Ended::Interrupted)
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Every row has its record.
    Complete,
    /// It was interrupted.
    Interrupted,
    /// It reached its time limit.
    TimeUp,
    /// An output could no longer be written, as when a disk is full.
    OutputFailed,
}
