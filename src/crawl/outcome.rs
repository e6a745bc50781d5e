//! How a run went, for whoever started it.

use std::path::PathBuf;

use crate::error::Error;
use crate::rows::Rows;
use crate::sink::Counts;
use crate::tally::{Tally, Totals};

/// How a run went.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The figures.
    pub tally: Tally,
    /// How it ended.
    pub ended: Ended,
    /// The rows that have no record, where it ended early and no job keeps them.
    pub missing: Rows,
    /// How often each field was there, where any were read; over all sessions of a job.
    pub counts: Option<Counts>,
    /// Jobs that still wait, in the job that keeps them.
    pub waiting: u64,
    /// What the sessions before this one came to, in the job that keeps them.
    pub earlier: Totals,
    /// The file that a mirror begins with: the first seed's.
    pub mirror: Option<PathBuf>,
    /// Why an output could not be written any more, where that ended it.
    pub failure: Option<Error>,
}

impl Outcome {
    /// What all records came to: those of this run, and in a job those of the sessions before.
    pub fn totals(&self) -> Totals {
        self.earlier + self.tally.totals()
    }

    /// The outcome of a run with these figures, in which nothing is missing: for tests of code that takes one.
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

    /// Of a run that was stopped before it began: every row is missing.
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
    /// Its time was up.
    TimeUp,
    /// An output could not be written any more: a disk is full.
    OutputFailed,
}
