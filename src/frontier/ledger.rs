//! The ledger: the parts of a run that outlive its process, on their way to the store.
//!
//! Rows and settled jobs are collected here and committed in batches, each together with the marks of the sinks: a
//! job is settled for good in the same transaction that records how far the sinks are durable.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use super::Frontier;
use super::differences::Differences;
use super::earlier::{self, Earlier};
use super::store::{
    Batch, Change, Folder, Known, ListMark, Reader, Row, Settled, Sqlite, State, Store, StoreReply,
    StoreThread, Want,
};
use crate::error::Result;
use crate::fingerprint::Fingerprints;
use crate::tally::Totals;
use crate::visit::Visit;
use crate::wait::Waits;

/// Rows after which a commit is due, however short the time since the last one.
const COMMIT_AFTER: usize = 50_000;
/// The key under which a job stores what its run waits for, next to the marks of its sinks.
const WAITS_KEY: &str = "waits";
/// The key under which a job stores the totals of the lines without a row.
const LINES_KEY: &str = "lines";

/// The parts of a run that outlive its process.
pub(crate) struct Ledger {
    store: StoreThread,
    batch: Batch,
    /// How far the list was read, including what is not committed yet.
    list: ListMark,
    /// Whether a commit is under way.
    committing: bool,
    /// What the run waits for, and whether that changed since the last commit.
    waits: Waits,
    waits_changed: bool,
    /// Totals of the lines that were never admitted, over all sessions.
    lines: Totals,
    /// The locked folder: it is unlocked last, after the store is closed.
    _folder: Folder,
}

/// A job that is open but not restored yet.
pub(crate) struct Opened {
    store: Sqlite,
    folder: Folder,
    known: Known,
}

/// The sinks' marks of the job in a folder; empty if there is no readable job.
pub(crate) fn marks_left(folder: &Path) -> BTreeMap<String, serde_json::Value> {
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

impl Opened {
    /// Opens the job in a folder, or starts one with these settings.
    ///
    /// An existing job keeps its settings, except those that may change.
    ///
    /// # Errors
    /// When the job is damaged, was started with other settings, or the folder cannot be written to.
    pub(crate) fn open(
        folder: Folder,
        settings: &BTreeMap<String, String>,
        may_change: &[String],
    ) -> Result<Self> {
        if folder.has_job() {
            let (mut store, known) = Sqlite::open(&folder)?;
            let differences = Differences::between(&known.settings, settings);
            differences.check(folder.path(), may_change)?;
            if !differences.is_empty() {
                store.change(settings)?;
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
    pub(crate) fn earlier(&self) -> Earlier {
        Earlier::with(take_lines(&mut self.known.marks.clone()))
    }

    /// How far the list was read.
    pub(crate) fn list(&self) -> ListMark {
        self.known.list
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

impl Frontier {
    /// Stores the run in a job from now on, and resumes that job; `take` gets each of its rows.
    ///
    /// # Errors
    /// When a row is damaged.
    pub(crate) fn keep(
        &mut self,
        opened: Opened,
        mut take: impl FnMut(&Row),
        now: Instant,
    ) -> Result<()> {
        let Opened {
            mut store,
            folder,
            mut known,
        } = opened;
        self.fingerprints = Fingerprints::seeded(known.seed);
        (self.last_pass, self.raised_before) = (known.last_pass(), known.raised);
        if !self.takes_pages() {
            self.workbench.overflow(); // a row of the store would come without its page
        }
        store.restore(&mut |row| {
            take(&row);
            self.restore(&row, now)
        })?;
        self.ledger = Some(Ledger {
            store: StoreThread::start(store)?,
            batch: Batch::default(),
            list: known.list,
            committing: false,
            waits: Waits::default(),
            waits_changed: false,
            lines: take_lines(&mut known.marks),
            _folder: folder,
        });
        Ok(())
    }

    /// Notes what the run waits for, so that anybody who inspects the job can report it.
    pub(crate) fn keep_waits(&mut self, waits: &Waits) {
        if let Some(ledger) = &mut self.ledger
            && ledger.waits != *waits
        {
            ledger.waits.clone_from(waits);
            ledger.waits_changed = true;
        }
    }

    /// Whether the run is stored in a job.
    pub(crate) fn is_kept(&self) -> bool {
        self.ledger.is_some()
    }

    /// Notes how far the list has been read, in all sessions.
    pub(crate) fn list_was_read(&mut self, list: ListMark) {
        if let Some(ledger) = &mut self.ledger {
            ledger.list = list;
        }
    }

    /// Whether a commit is due early: much was collected, or a host needs it to continue.
    pub(crate) fn wants_commit(&self) -> bool {
        self.ledger.as_ref().is_some_and(|ledger| {
            let gathered = ledger.batch.found.len() + ledger.batch.changes.len();
            !ledger.committing && (gathered >= COMMIT_AFTER || self.workbench.needs_commit())
        })
    }

    /// Whether there is something to commit and no commit under way.
    pub(crate) fn may_commit(&self) -> bool {
        self.ledger.as_ref().is_some_and(|ledger| {
            let batch = &ledger.batch;
            let empty =
                batch.found.is_empty() && batch.changes.is_empty() && batch.list == ledger.list;
            !ledger.committing && (!empty || ledger.waits_changed)
        })
    }

    /// Takes what was collected so far, for the commit that follows the sinks' marks.
    pub(crate) fn gather(&mut self) -> Option<Gathered> {
        let ledger = self.ledger.as_mut()?;
        ledger.committing = true;
        ledger.waits_changed = false;
        let next = Batch {
            list: ledger.list,
            ..Batch::default()
        };
        let mut batch = std::mem::replace(&mut ledger.batch, next);
        batch.list = ledger.list;
        let lines = serde_json::to_value(ledger.lines);
        batch
            .marks
            .extend(Some(LINES_KEY.to_owned()).zip(lines.ok()));
        Some(Gathered(batch))
    }

    /// Commits what was collected, now that the sinks are durable that far.
    pub(crate) fn commit(
        &mut self,
        gathered: Gathered,
        marks: BTreeMap<String, impl serde::Serialize>,
    ) {
        if let Some(ledger) = &mut self.ledger {
            let mut batch = gathered.0;
            // A mark is JSON already, so nothing is dropped here.
            let values = marks
                .into_iter()
                .filter_map(|(name, mark)| Some((name, serde_json::to_value(mark).ok()?)));
            batch.marks.extend(values);
            let waits = serde_json::to_value(&ledger.waits);
            batch
                .marks
                .extend(Some(WAITS_KEY.to_owned()).zip(waits.ok()));
            ledger.store.commit(batch);
        }
    }

    /// Asks the store for the jobs that the workbench has room for.
    pub(crate) fn lease(&mut self) {
        let Some(ledger) = &mut self.ledger else {
            return;
        };
        while let Some((host, after, count)) = self.workbench.next_want() {
            ledger.store.lease(Want { host, after, count });
        }
    }

    /// Whether the store owes replies.
    pub(crate) fn awaits_store(&self) -> bool {
        self.ledger
            .as_ref()
            .is_some_and(|ledger| ledger.store.is_busy())
    }

    /// Whether the store has jobs that are not on the workbench.
    pub(crate) fn has_more(&self) -> bool {
        self.workbench.beyond() > 0
    }

    /// The next reply of the store. Cancel-safe.
    ///
    /// # Errors
    /// Any failure of the store.
    pub(crate) async fn store_answer(&mut self) -> Result<StoreReply> {
        match &mut self.ledger {
            Some(ledger) => ledger.store.next().await,
            None => std::future::pending().await,
        }
    }

    /// Applies a reply of the store.
    ///
    /// # Errors
    /// When a row is damaged.
    pub(crate) fn take(&mut self, reply: StoreReply, now: Instant) -> Result<()> {
        match reply {
            StoreReply::Committed => {
                if let Some(ledger) = &mut self.ledger {
                    ledger.committing = false;
                }
                self.workbench.committed();
            }
            StoreReply::Leased { host, rows, wanted } => {
                let jobs: Result<Vec<_>> = rows.into_iter().map(|row| row.into_job(now)).collect();
                self.workbench.refill(&host, jobs?, wanted, now);
            }
        }
        Ok(())
    }
}

/// The changes of one commit.
pub(crate) struct Gathered(Batch);
