//! The store: what a crawl knows that must outlive its process.
//!
//! Big, durable, and knows nothing of time. Three verbs: **commit** takes in what was found and settled since the last
//! commit, with the marks of the sinks, all of it or nothing; **lease** gives the next rows of a host that wait; **restore**
//! reads everything back when a job is resumed. Leases are not written: rows are numbered in the order of
//! admission and each host's line is first in, first out, so that what is not in memory is "all above this number", and
//! whatever has not settled when a process dies waits again.
//!
//! A member is plain blocking code on a thread of its own, behind a [`Keeper`].

mod again;
mod change;
mod check;
mod folder;
mod keeper;
mod known;
mod reader;
mod row;
mod sqlite;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub(crate) use folder::{Folder, JOB_FILES, database};
pub(crate) use keeper::{Answer, Keeper};
pub(crate) use reader::{Reader, last_commit};
pub(crate) use row::{Change, Raised, Row, Settled, State};
pub(crate) use sqlite::Sqlite;

use crate::error::Result;
use crate::url::HostKey;

/// What one commit takes in: all of it or nothing.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// URLs that were admitted, or skipped for good.
    pub(crate) found: Vec<Row>,
    /// What became of rows that were known, or are among the found, in the order in which it happened.
    pub(crate) changes: Vec<Change>,
    /// Records that later ones replace from now on.
    pub(crate) superseded: u64,
    /// How many passes more than over its failures the job had; as [`Known::raised`].
    pub(crate) raised: u32,
    /// How far each sink is durable, by its name.
    pub(crate) marks: BTreeMap<String, serde_json::Value>,
    /// How far the list was read.
    pub(crate) list: ListMark,
}

/// How far the list was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ListMark {
    /// The last row that was read.
    pub(crate) row: u64,
    /// Rows that were taken of it.
    pub(crate) taken: u64,
    /// Whether it was read to its end.
    pub(crate) done: bool,
}

/// Rows that the workbench has room for.
#[derive(Debug, Clone)]
pub(crate) struct Want {
    pub(crate) host: HostKey,
    /// The last number that it had.
    pub(crate) after: u64,
    pub(crate) count: usize,
}

/// What a store knows of the job as a whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Known {
    /// The seed of the job's fingerprints.
    pub(crate) seed: u64,
    /// The marks of the last commit.
    pub(crate) marks: BTreeMap<String, serde_json::Value>,
    /// How far the list was read.
    pub(crate) list: ListMark,
    /// What the job was begun with: each setting as text, by its name.
    pub(crate) settings: BTreeMap<String, String>,
    /// How often its failures were put back.
    pub(crate) pass: u32,
    /// The most times that a page was asked again in a session since recipes or nearer links led there, over all sessions
    /// together. Each is a pass of its own.
    pub(crate) raised: u32,
    /// Records that later ones replace: of each URL that was put back, or asked again, the one before.
    pub(crate) superseded: u64,
}

impl Known {
    /// The number of the last pass that a record may have.
    pub(crate) fn last_pass(&self) -> u32 {
        self.pass.saturating_add(self.raised)
    }
}

/// A place where a job lives.
pub(crate) trait Store: Send {
    /// Takes a batch in: it survives a crash of the machine, all of it, or nothing of it does.
    ///
    /// # Errors
    /// When it cannot be written: the run stops, and what was committed before stays.
    fn commit(&mut self, batch: &Batch) -> Result<()>;

    /// The next rows of a host that wait, oldest first.
    ///
    /// # Errors
    /// When they cannot be read, or are damaged.
    fn lease(&mut self, want: &Want) -> Result<Vec<Row>>;

    /// Reads every row back, oldest first.
    ///
    /// # Errors
    /// When any is damaged.
    fn restore(&mut self, take: &mut dyn FnMut(Row) -> Result<()>) -> Result<()>;
}
