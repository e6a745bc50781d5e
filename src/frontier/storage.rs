//! A stored run: how the frontier resumes from the store, commits to it, and leases jobs from it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::ledger::{COMMIT_AFTER, LINES_KEY, Ledger, OpenJob, WAITS_KEY, take_lines};
use super::requests::{microseconds, since_1970};
use super::store::{
    Batch, ListMark, Row, Sqlite, Store, StoreReply, StoreThread, Want, last_commit,
};
use super::{Frontier, Run};
use crate::error::Result;
use crate::hsts::StrictHosts;
use crate::run::wait::Waits;
use crate::url::fingerprint::Fingerprints;
use crate::visit::Visit;

/// How long after its last commit a session may have sent requests that nobody knows of, if it was killed; a commit is
/// dated to the second.
const UNKNOWN: Duration = Duration::from_secs(3);

impl Frontier {
    /// Stores the run in a job from now on, and resumes that job; `take` gets each of its rows.
    ///
    /// # Errors
    /// When a row is damaged.
    pub(crate) fn keep(
        &mut self,
        opened: OpenJob,
        mut take: impl FnMut(&Row),
        now: Instant,
    ) -> Result<()> {
        let OpenJob {
            mut store,
            folder,
            mut known,
        } = opened;
        self.fingerprints = Fingerprints::seeded(known.seed);
        (self.last_pass, self.raised_before) = (known.last_pass(), known.raised);
        if !self.takes_pages() {
            self.workbench.overflow(); // a row of the store would come without its page
        }
        let (clock, epoch) = (since_1970(SystemTime::now()), Instant::now());
        self.keep_distance(&store, folder.path(), clock, epoch)?;
        store.restore(&mut |row| {
            take(&row);
            self.restore(&row, now)
        })?;
        store.begin_session(clock, &self.terms)?;
        self.ledger = Some(Ledger {
            epoch,
            store: StoreThread::start(store)?,
            batch: Batch::default(),
            list: known.list,
            committing: false,
            committed: now,
            waits: Waits::default(),
            waits_changed: false,
            lines: take_lines(&mut known.marks),
            _folder: folder,
        });
        Ok(())
    }

    /// Keeps the distance from what the session before sent: its delays and the waits that hosts asked for outlive it.
    ///
    /// # Errors
    /// When the log of requests cannot be read.
    fn keep_distance(
        &mut self,
        store: &Sqlite,
        folder: &Path,
        clock: i64,
        now: Instant,
    ) -> Result<()> {
        if store.is_new() {
            return Ok(());
        }
        let last = last_commit(folder).map_or(i64::MIN, |last| (last * 1_000_000).cast_signed());
        let since = Duration::from_micros(clock.saturating_sub(last).unsigned_abs());
        self.workbench.resumed(now, since.saturating_sub(UNKNOWN));
        let longest = match self.settings.max_retry_after {
            Duration::ZERO => u64::MAX,
            limit => microseconds(limit),
        };
        for (host, until) in store.held_hosts(clock, longest)? {
            let wait = Duration::from_micros((until - clock).unsigned_abs());
            self.workbench.host(&host, now).hold(now + wait);
        }
        Ok(())
    }

    /// Notes what the run waits for, so that anybody who inspects the job can report it.
    pub(crate) fn note_waits(&mut self, waits: &Waits) {
        if let Some(ledger) = &mut self.ledger
            && ledger.waits != *waits
        {
            ledger.waits.clone_from(waits);
            ledger.waits_changed = true;
        }
    }

    /// Stores the cookies with the next commit.
    pub(crate) fn note_cookies(&mut self, cookies: serde_json::Value) {
        if let Some(ledger) = &mut self.ledger {
            ledger.batch.cookies = Some(cookies);
        }
    }

    /// When the last commit was durable, or the job was opened; `None` if the run is not stored.
    pub(crate) fn committed(&self) -> Option<Instant> {
        self.ledger.as_ref().map(|ledger| ledger.committed)
    }

    /// Whether the run is stored in a job.
    pub(crate) fn is_stored(&self) -> bool {
        self.ledger.is_some()
    }

    /// Notes how far the list has been read, in all sessions.
    pub(crate) fn note_list_mark(&mut self, list: ListMark) {
        if let Some(ledger) = &mut self.ledger {
            ledger.list = list;
        }
    }

    /// Whether a commit is due early: much was collected, or a host needs it to continue.
    pub(crate) fn wants_commit(&self) -> bool {
        self.ledger.as_ref().is_some_and(|ledger| {
            let batch = &ledger.batch;
            let gathered = batch.found.len() + batch.changes.len() + batch.requests.len();
            !ledger.committing && (gathered >= COMMIT_AFTER || self.workbench.needs_commit())
        })
    }

    /// Whether there is something to commit and no commit under way.
    pub(crate) fn may_commit(&self) -> bool {
        self.ledger.as_ref().is_some_and(|ledger| {
            let batch = &ledger.batch;
            let empty =
                batch.found.is_empty() && batch.changes.is_empty() && batch.list == ledger.list;
            let empty = empty && batch.requests.is_empty();
            !ledger.committing && (!empty || ledger.waits_changed)
        })
    }

    /// Takes what was collected so far, for the commit that follows the sinks' marks.
    pub(crate) fn gather(&mut self) -> Option<PendingCommit> {
        let ledger = self.ledger.as_mut()?;
        ledger.committing = true;
        ledger.waits_changed = false;
        let next = Batch {
            list: ledger.list,
            ..Batch::default()
        };
        let mut batch = std::mem::replace(&mut ledger.batch, next);
        batch.list = ledger.list;
        batch.hsts = self.strict_hosts.as_mut().and_then(StrictHosts::changes);
        let lines = serde_json::to_value(ledger.lines);
        batch
            .marks
            .extend(Some(LINES_KEY.to_owned()).zip(lines.ok()));
        Some(PendingCommit(batch))
    }

    /// Commits what was collected, now that the sinks are durable that far.
    pub(crate) fn commit(
        &mut self,
        gathered: PendingCommit,
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

    /// Notes in the next commit that the session is over, so that the job has every request of it.
    pub(crate) fn note_end(&mut self) {
        if let Some(ledger) = &mut self.ledger {
            ledger.batch.ended = Some(since_1970(SystemTime::now()));
        }
    }

    /// Adds the request of a visit that came back to the job's log, whatever becomes of it.
    pub(crate) fn log(&mut self, visit: &Visit, now: Instant) {
        let is_real = self.settings.run == Run::Real;
        if let Some(ledger) = self.ledger.as_mut().filter(|_| is_real) {
            ledger.batch.requests.add(visit, ledger.epoch, now);
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
    pub(crate) async fn store_reply(&mut self) -> Result<StoreReply> {
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
                    ledger.committed = now;
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
pub(crate) struct PendingCommit(Batch);
