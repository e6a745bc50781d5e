//! The ledger: the parts of a run that outlive its process, on their way to the store.
//!
//! Rows and settled jobs are collected here and committed in batches, each together with the marks of the sinks: a
//! job is settled for good in the same transaction that records how far the sinks are durable.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::differences::Differences;
use super::earlier::{self, EarlierTotals};
use super::requests::microseconds;
use super::store::{
    Batch, Change, JobFolder, Known, ListMark, ObeyedRobots, Reader, Row, Settled, Sqlite, State,
    StoreThread,
};
use crate::error::Result;
use crate::page::snapshot::Snapshot;
use crate::robots::Rules;
use crate::run::tally::Totals;
use crate::run::wait::Waits;
use crate::url::HostKey;
use crate::visit::Visit;

/// Rows after which a commit is due, however short the time since the last one.
pub(super) const COMMIT_AFTER: usize = 50_000;
/// The key under which a job stores what its run waits for, next to the marks of its sinks.
pub(super) const WAITS_KEY: &str = "waits";
/// The key under which a job stores the totals of the lines without a row.
pub(super) const LINES_KEY: &str = "lines";

/// The parts of a run that outlive its process.
pub(crate) struct Ledger {
    pub(super) store: StoreThread,
    pub(super) batch: Batch,
    /// When the session began: times of requests are counted from here.
    pub(super) epoch: Instant,
    /// How far the list was read, including what is not committed yet.
    pub(super) list: ListMark,
    /// Whether a commit is under way.
    pub(super) committing: bool,
    /// When the last commit was durable; at first, when the job was opened.
    pub(super) committed: Instant,
    /// What the run waits for, and whether that changed since the last commit.
    pub(super) waits: Waits,
    pub(super) waits_changed: bool,
    /// Totals of the lines that were never admitted, over all sessions.
    pub(super) lines: Totals,
    /// The locked folder: it is unlocked last, after the store is closed.
    pub(super) _folder: JobFolder,
}

/// A job that is open but not restored yet.
pub(crate) struct OpenJob {
    pub(super) store: Sqlite,
    pub(super) folder: JobFolder,
    pub(super) known: Known,
}

/// The folder that relative paths start from; `None` if it is gone, or is not UTF-8.
fn working_folder() -> Option<String> {
    std::env::current_dir()
        .ok()?
        .into_os_string()
        .into_string()
        .ok()
}

/// The sinks' marks of the job in a folder; empty if there is no readable job.
pub(crate) fn stored_marks(folder: &Path) -> BTreeMap<String, serde_json::Value> {
    Reader::read(folder, |reader| Ok(reader.known().marks.clone())).unwrap_or_default()
}

/// Removes and returns what the run waited for from a job's marks.
pub(super) fn take_waits(marks: &mut BTreeMap<String, serde_json::Value>) -> Waits {
    let waits = marks.remove(WAITS_KEY);
    waits
        .and_then(|waits| serde_json::from_value(waits).ok())
        .unwrap_or_default()
}

/// Removes and returns the totals of the lines without a row from a job's marks.
pub(super) fn take_lines(marks: &mut BTreeMap<String, serde_json::Value>) -> Totals {
    let lines = marks.remove(LINES_KEY);
    lines
        .and_then(|lines| serde_json::from_value(lines).ok())
        .unwrap_or_default()
}

impl OpenJob {
    /// Opens the job in a folder, or starts one with these settings.
    ///
    /// An existing job keeps its settings, except those that may change. `reads` identifies what is read out of pages.
    ///
    /// # Errors
    /// When the job is damaged, was started with other settings, or the folder cannot be written to.
    pub(crate) fn open(
        folder: JobFolder,
        settings: &BTreeMap<String, String>,
        may_change: &[String],
        reads: u64,
    ) -> Result<Self> {
        let directory = working_folder();
        if folder.has_job() {
            let (mut store, known) = Sqlite::open(&folder)?;
            let differences = Differences::between(&known.settings, settings);
            differences.check(folder.path(), may_change)?;
            if !differences.is_empty() {
                store.change(settings)?;
            }
            if let Some(directory) = directory.filter(|now| known.directory.as_ref() != Some(now)) {
                store.note_directory(&directory)?;
            }
            return Ok(Self {
                store,
                folder,
                known,
            });
        }
        let known = Known {
            seed: fastrand::u64(..),
            settings: settings.clone(),
            reads: Some(reads),
            directory,
            ..Known::default()
        };
        let store = Sqlite::create(&folder, &known)?;
        Ok(Self {
            store,
            folder,
            known,
        })
    }

    /// The marks of the sinks, by sink name.
    pub(crate) fn marks<T: serde::de::DeserializeOwned>(&self) -> BTreeMap<String, T> {
        let marks = self.known.marks.iter();
        marks
            .filter(|(name, _)| ![WAITS_KEY, LINES_KEY].contains(&name.as_str()))
            .filter_map(|(name, mark)| Some((name.clone(), T::deserialize(mark.clone()).ok()?)))
            .collect()
    }

    /// Totals of the earlier sessions, before the rows are counted.
    pub(crate) fn earlier(&self) -> EarlierTotals {
        EarlierTotals::with(take_lines(&mut self.known.marks.clone()))
    }

    /// How far the list was read.
    pub(crate) fn list(&self) -> ListMark {
        self.known.list
    }

    /// Removes and returns the hosts that are reached over https only.
    pub(crate) fn take_hsts(&mut self) -> Option<serde_json::Value> {
        self.known.hsts.take()
    }

    /// Removes and returns the cookies that the run had.
    pub(crate) fn take_cookies(&mut self) -> Option<serde_json::Value> {
        self.known.cookies.take()
    }
}

impl Ledger {
    /// Adds the row of a URL that was admitted or rejected.
    pub(super) fn add_row(&mut self, row: Row) {
        self.batch.found.push(row);
    }

    /// Counts a line that is over and was never admitted.
    pub(super) fn note_line(&mut self, visit: &Visit) {
        earlier::count_line(&mut self.lines, visit);
    }

    /// Notes a job that is over.
    pub(super) fn note_settled(&mut self, visit: &Visit) {
        // A page that was to be read again for its links alone, and failed, has a second record.
        self.note_superseded(visit.job.is_reread && visit.has_record());
        self.note_change(Change::Settled(Settled {
            id: visit.job.id,
            state: State::of(visit),
        }));
    }

    /// Notes what a later run needs to know about the page that a URL led to.
    pub(super) fn note_snapshot(&mut self, id: u64, fingerprint: u64, snapshot: Arc<Snapshot>) {
        self.batch.snapshots.push((id, fingerprint, snapshot));
    }

    /// Notes the robots.txt of a host, which is obeyed from now on.
    pub(super) fn note_robots(&mut self, host: &HostKey, rules: Rules, now: Instant) {
        let at = microseconds(now.saturating_duration_since(self.epoch));
        let host = host.clone();
        self.batch.robots.push(ObeyedRobots { at, host, rules });
    }

    /// Adds a change to a known URL.
    pub(super) fn note_change(&mut self, change: Change) {
        self.batch.changes.push(change);
    }

    /// Notes that a job is sent in a pass of its own; `raised` is as in [`Known`].
    pub(super) fn note_pass(&mut self, raised: u32) {
        self.batch.raised = self.batch.raised.max(raised);
    }

    /// Notes whether the next record replaces an earlier one.
    pub(super) fn note_superseded(&mut self, is_replaced: bool) {
        self.batch.superseded += u64::from(is_replaced);
    }
}

impl State {
    fn of(visit: &Visit) -> Self {
        let status = visit.outcome.as_ref().ok().map(|page| page.status);
        let failure = visit.failure();
        match (&visit.outcome, failure) {
            (Ok(page), Some(class)) => State::Failed {
                status,
                class: class.to_owned(),
                message: format!("HTTP {}", page.status),
            },
            (Ok(_), None) => State::Done(status),
            (Err(error), Some(class)) => State::Failed {
                status,
                class: class.to_owned(),
                message: error.to_string(),
            },
            (Err(error), None) => State::Skipped {
                class: error.class().to_owned(),
                message: error.to_string(),
            },
        }
    }
}
