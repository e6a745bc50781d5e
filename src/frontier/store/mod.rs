//! The store: the parts of a crawl that must outlive its process.
//!
//! Big, durable, and without any notion of time. Three verbs: **commit** writes what was admitted and settled since
//! the last commit, together with the marks of the sinks, all of it or nothing; **lease** returns the next waiting
//! rows of a host; **restore** reads everything back when a job is resumed. Leases are not written: rows are
//! numbered in the order of admission and each host's queue is first in, first out, so the rows that are not in
//! memory are "all above this number", and whatever has not settled when a process dies waits again.
//!
//! An implementation is plain blocking code on a thread of its own, behind a [`StoreThread`].

mod again;
mod change;
mod check;
mod database;
mod folder;
mod known;
mod reader;
mod requests;
mod row;
mod sqlite;
mod table;
#[cfg(test)]
mod tests;
mod thread;
mod views;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use folder::{JOB_FILES, JobFolder, database};
pub(crate) use reader::{Reader, last_commit};
pub(crate) use requests::ObeyedRobots;
pub(crate) use row::{Change, Raised, Row, Settled, State};
pub(crate) use sqlite::Sqlite;
pub(crate) use thread::{StoreReply, StoreThread};
pub(crate) use views::{JOB_VIEWS, job_views};

use crate::error::Result;
use crate::frontier::requests::RequestLog;
use crate::page::snapshot::Snapshot;
use crate::url::HostKey;

/// The changes of one commit: written completely or not at all.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// URLs that were admitted, or skipped for good.
    pub(crate) found: Vec<Row>,
    /// Changes to rows that are stored or in `found`, in the order in which they happened.
    pub(crate) changes: Vec<Change>,
    /// Records that later ones replace from now on.
    pub(crate) superseded: u64,
    /// The number of passes for raised pages; see [`Known::raised`].
    pub(crate) raised: u32,
    /// How far each sink is durable, by sink name.
    pub(crate) marks: BTreeMap<String, serde_json::Value>,
    /// How far the list was read.
    pub(crate) list: ListMark,
    /// The cookies, if they changed.
    pub(crate) cookies: Option<serde_json::Value>,
    /// The hosts that are reached over https only, if they changed.
    pub(crate) hsts: Option<serde_json::Value>,
    /// What a later run needs to know about pages: by the number of the URL, with the fingerprint of the page's own.
    pub(crate) snapshots: Vec<(u64, u64, Arc<Snapshot>)>,
    /// The requests that came back.
    pub(crate) requests: RequestLog,
    /// The robots.txt of hosts that are obeyed from now on.
    pub(crate) robots: Vec<ObeyedRobots>,
    /// When the session ended, in microseconds since 1970, if this is its last batch.
    pub(crate) ended: Option<i64>,
}

/// How far the list was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ListMark {
    /// The last row that was read.
    pub(crate) row: u64,
    /// The number of rows that were used.
    pub(crate) taken: u64,
    /// Whether the list was read to its end.
    pub(crate) done: bool,
}

/// A request for rows, because the workbench has room for them.
#[derive(Debug, Clone)]
pub(crate) struct Want {
    pub(crate) host: HostKey,
    /// The last number that the workbench had.
    pub(crate) after: u64,
    pub(crate) count: usize,
}

/// What a store knows about the job as a whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Known {
    /// The seed of the job's fingerprints.
    pub(crate) seed: u64,
    /// The marks of the last commit.
    pub(crate) marks: BTreeMap<String, serde_json::Value>,
    /// How far the list was read.
    pub(crate) list: ListMark,
    /// The settings that the job was started with: each value as text, by name.
    pub(crate) settings: BTreeMap<String, String>,
    /// The working folder of the last session, where the relative paths of its outputs start.
    ///
    /// `None` in jobs of earlier versions, and where it is not UTF-8.
    pub(crate) directory: Option<String>,
    /// The number of times that failures were put back.
    pub(crate) pass: u32,
    /// The number of passes for raised pages, fetched again for a recipe or a nearer link.
    ///
    /// It is the most such passes for one page in each session, added up over all sessions.
    pub(crate) raised: u32,
    /// Records that were replaced: those of URLs that were put back or fetched again.
    pub(crate) superseded: u64,
    /// The cookies that the run had; `None` if it had none.
    pub(crate) cookies: Option<serde_json::Value>,
    /// The hosts that are reached over https only; `None` if none is known.
    pub(crate) hsts: Option<serde_json::Value>,
    /// Identifies what is read out of pages; `None` for a job of an earlier version.
    pub(crate) reads: Option<u64>,
}

impl Known {
    /// The highest pass number that a record may have.
    pub(crate) fn last_pass(&self) -> u32 {
        self.pass.saturating_add(self.raised)
    }
}

/// Durable storage for the rows of a job.
pub(crate) trait Store: Send {
    /// Writes a batch so that it survives a crash of the machine, completely or not at all.
    ///
    /// # Errors
    /// When it cannot be written: the run stops, and earlier commits stay.
    fn commit(&mut self, batch: &Batch) -> Result<()>;

    /// The next waiting rows of a host, oldest first.
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
