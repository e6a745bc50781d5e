//! A read-only view of a job, whether or not a haul process works on it.
//!
//! Invariant: nothing is locked and nothing is written. A job in use has a log, and is read next to its writer, in
//! one snapshot. A job that is not in use has no log, and is opened as a file that does not change: otherwise
//! SQLite would leave files of its own next to it, and could not read a job on a read-only medium.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Params, params};

use super::database::{broken, check_whole};
use super::folder::{Counter, counter, database, job_exists};
use super::known::read_known;
use super::requests::{self, ObeyedRobots, Session};
use super::table::{COLUMNS, each_row, kept};
use super::{Known, Row};
use crate::error::{Error, Result};
use crate::frontier::requests::Block;
use crate::past::{PastPlan, has_log, read_only, table as pages};
use crate::url::HostKey;

/// The most rows of one URL that are read: a list may repeat it any number of times.
const MAX_SAME: i64 = 10;

/// A read-only view of a job.
pub(crate) struct Reader {
    database: Connection,
    path: PathBuf,
    known: Known,
    /// Whether nobody writes to it.
    is_unchanging: bool,
    /// The commits that were counted when it was opened.
    counted: u64,
}

impl Reader {
    /// Calls `ask` on a job, all in one snapshot.
    ///
    /// # Errors
    /// When there is no job, or it is damaged, or its format is another one.
    pub(crate) fn read<T>(folder: &Path, ask: impl Fn(&Self) -> Result<T>) -> Result<T> {
        let path = database(folder);
        if !job_exists(folder)? {
            return Err(Error::store(folder, "there is no job here"));
        }
        if !is_worked_on(&path) {
            let answer = Self::open(folder, &path, true).and_then(|reader| ask(&reader));
            if !is_worked_on(&path) {
                return answer;
            }
            // A haul process started meanwhile: the rows may be half old and half new.
        }
        ask(&Self::open(folder, &path, false)?)
    }

    /// Opens a job to be read for a while; whoever does so [checks](Self::check) at the end.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) fn hold(folder: &Path) -> Result<Self> {
        let path = database(folder);
        if !job_exists(folder)? {
            return Err(Error::store(folder, "there is no job here"));
        }
        Self::open(folder, &path, !is_worked_on(&path))
    }

    /// Checks that no haul process has worked on the job since it was opened: what was read might be half old and half
    /// new.
    ///
    /// # Errors
    /// When one has.
    pub(crate) fn check(&self, folder: &Path) -> Result<()> {
        let is_same =
            || !is_worked_on(&self.path) && Counter::read(folder).ok() == Some(self.counted);
        match self.is_unchanging && !is_same() {
            true => Err(Error::Locked {
                path: folder.to_owned(),
            }),
            false => Ok(()),
        }
    }

    fn open(folder: &Path, path: &Path, unchanging: bool) -> Result<Self> {
        // Read before the snapshot: the counter is written after each commit, so the snapshot has at least as many.
        let counted = Counter::read(folder)?;
        let failed = |error| broken(path, &error);
        let database = read_only(path, unchanging).map_err(failed)?;
        database.execute_batch("BEGIN").map_err(failed)?;
        check_whole(&database, path)?;
        let (known, commits) = read_known(&database, path)?;
        if commits < counted {
            let problem =
                format!("damaged: it holds {commits} commits of {counted}; nothing was changed");
            return Err(Error::damaged(path, problem));
        }
        Ok(Self {
            database,
            path: path.to_owned(),
            known,
            is_unchanging: unchanging,
            counted,
        })
    }

    /// The database itself, outside of any snapshot, and its path.
    ///
    /// # Errors
    /// When the snapshot cannot be left.
    pub(crate) fn into_database(self) -> Result<(Connection, PathBuf)> {
        let left = self.database.execute_batch("COMMIT");
        left.map_err(|error| broken(&self.path, &error))?;
        Ok((self.database, self.path))
    }

    /// What is known about the job as a whole.
    pub(crate) fn known(&self) -> &Known {
        &self.known
    }

    /// Whether nobody writes to the job, or may have to finish writing.
    pub(crate) fn is_unchanging(&self) -> bool {
        self.is_unchanging
    }

    /// Whether the job keeps what a later run needs to know about its pages.
    pub(crate) fn has_pages(&self) -> bool {
        pages::exists(&self.database).unwrap_or(false)
    }

    /// Where the job keeps what a later run needs to know about its pages; `None` if it does not, or still writes there.
    pub(crate) fn past(&self) -> Option<PastPlan> {
        (self.has_pages() && self.is_unchanging).then(|| PastPlan {
            database: self.path.clone(),
            seed: self.known.seed,
            archive: None,
        })
    }

    /// The sessions of the job, by their numbers; `None` if a version that kept none has made it.
    ///
    /// # Errors
    /// When one is damaged.
    pub(crate) fn sessions(&self) -> Result<Option<BTreeMap<i64, Session>>> {
        let failed = |error| broken(&self.path, &error);
        if !requests::exist(&self.database).map_err(failed)? {
            return Ok(None);
        }
        let sessions = requests::read_sessions(&self.database).map_err(failed)?;
        sessions.map(Some).ok_or_else(|| self.damaged("sessions"))
    }

    /// Passes each block of requests to `take`, with its session, in the order in which they were committed.
    ///
    /// # Errors
    /// When one is damaged, and the errors of `take`.
    pub(crate) fn each_block(&self, take: &mut dyn FnMut(i64, Block) -> Result<()>) -> Result<()> {
        requests::each_block(&self.database, take)
            .map_err(|error| broken(&self.path, &error))?
            .unwrap_or_else(|| Err(self.damaged("requests")))
    }

    /// Passes each robots.txt that was obeyed to `take`, with its session, in the order in which they were known.
    ///
    /// # Errors
    /// When one is damaged, and the errors of `take`.
    pub(crate) fn each_robots(
        &self,
        take: &mut dyn FnMut(i64, ObeyedRobots) -> Result<()>,
    ) -> Result<()> {
        requests::each_robots(&self.database, take)
            .map_err(|error| broken(&self.path, &error))?
            .unwrap_or_else(|| Err(self.damaged("robots")))
    }

    fn damaged(&self, table: &str) -> Error {
        let problem = format!("damaged: a row of {table} does not match its check sum");
        Error::damaged(&self.path, problem)
    }

    /// Whether the job has a URL of any of these hosts.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(crate) fn knows_any(&self, hosts: &[HostKey]) -> Result<bool> {
        for host in hosts {
            let query = "SELECT 1 FROM hosts WHERE host = ?1";
            let mut found = self.database.prepare_cached(query);
            let found = found
                .as_mut()
                .map_err(|error| broken(&self.path, error))?
                .exists([host.as_str()]);
            if found.map_err(|error| broken(&self.path, &error))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Passes every row to `take`, oldest first.
    ///
    /// # Errors
    /// When one is damaged.
    pub(crate) fn each_row(&self, take: &mut dyn FnMut(Row) -> Result<()>) -> Result<()> {
        each_row(&self.database, &self.path, take)
    }

    /// The row with this number.
    ///
    /// # Errors
    /// When it is damaged.
    pub(crate) fn row(&self, id: u64) -> Result<Option<Row>> {
        let rows = self.rows("id = ?1", [id.cast_signed()])?;
        Ok(rows.into_iter().next())
    }

    /// The rows of a URL, oldest first, at most ten.
    ///
    /// A list entry with a method, headers or a body has another fingerprint.
    ///
    /// # Errors
    /// When one is damaged.
    pub(crate) fn rows_of(&self, fingerprint: u64, url: &str) -> Result<Vec<Row>> {
        let wanted = params![fingerprint.cast_signed(), url, MAX_SAME];
        self.rows("fingerprint = ?1 OR url = ?2 ORDER BY id LIMIT ?3", wanted)
    }

    /// The first seeds, at most `limit`.
    ///
    /// # Errors
    /// When one is damaged.
    pub(crate) fn seeds(&self, limit: u32) -> Result<Vec<Row>> {
        self.rows("row IS NOT NULL ORDER BY id LIMIT ?1", [limit])
    }

    /// The number of URLs of the same host that wait before this one.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(crate) fn ahead_of(&self, row: &Row) -> Result<u64> {
        self.count(
            "host = (SELECT id FROM hosts WHERE host = ?1) AND id < ?2 AND state IN (0, 4)",
            params![row.host.as_str(), row.id.cast_signed()],
        )
    }

    /// The number of records of pages and page parts, done or failed.
    ///
    /// # Errors
    /// When they cannot be counted.
    pub(crate) fn records(&self) -> Result<u64> {
        // This is the number that `--limit` counts.
        self.count("state IN (1, 2) AND role IN (0, 1)", [])
    }

    fn count(&self, which: &str, wanted: impl Params) -> Result<u64> {
        let query = format!("SELECT count(*) FROM urls WHERE {which}");
        let count: rusqlite::Result<i64> =
            self.database.query_row(&query, wanted, |row| row.get(0));
        Ok(count
            .map_err(|error| broken(&self.path, &error))?
            .cast_unsigned())
    }

    fn rows(&self, which: &str, wanted: impl Params) -> Result<Vec<Row>> {
        let failed = |error| broken(&self.path, &error);
        let mut statement = self
            .database
            .prepare_cached(&format!("SELECT {COLUMNS} FROM urls WHERE {which}"))
            .map_err(failed)?;
        let matches = statement.query_map(wanted, kept).map_err(failed)?;
        let mut hosts = HashMap::new();
        let mut rows = Vec::new();
        for stored in matches {
            let stored = stored.map_err(failed)?;
            let host = match hosts.get(&stored.host) {
                Some(host) => host,
                None => hosts.entry(stored.host).or_insert(self.host(stored.host)?),
            };
            rows.push(stored.into_row(host, &self.path)?);
        }
        Ok(rows)
    }

    fn host(&self, id: i64) -> Result<HostKey> {
        let text: Option<String> = self
            .database
            .query_row("SELECT host FROM hosts WHERE id = ?1", [id], |row| {
                row.get(0)
            })
            .optional()
            .map_err(|error| broken(&self.path, &error))?;
        let key = text.and_then(|text| HostKey::kept(&text));
        key.ok_or_else(|| Error::damaged(&self.path, format!("damaged: there is no host {id}")))
    }
}

/// Whether a haul process works on a job: its database has a log.
fn is_worked_on(database: &Path) -> bool {
    has_log(database)
}

/// When a job was last written to, in seconds since 1970.
pub(crate) fn last_commit(folder: &Path) -> Option<u64> {
    let changed = counter(folder).metadata().ok()?.modified().ok()?;
    let since = changed.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(since.as_secs())
}
