//! The store in SQLite: one file, one writer, one transaction per checkpoint.
//!
//! WAL and `synchronous=FULL`: a commit that returned survives a crash of the machine. Rows are stored in the order
//! of their numbers and rewritten once, when they settle; one index lists a host's rows in that order. Users may
//! open the file with any SQLite: the table `urls` and the views `failed` and `waiting` are meant to be read.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::change::{raise, write_state};
use super::database::{APPLICATION, FORMAT, broken, open, prepare, restrict};
use super::folder::{Counter, JobFolder};
use super::known::{read_known, write_known, write_list, write_value};
use super::requests;
use super::row::reach_text;
use super::table::{COLUMNS, Kept, each_row, kept, read_hosts};
use super::{Batch, Change, Known, Row, Store, Want, check};
use crate::error::{Error, Result};
use crate::frontier::terms::Terms;
use crate::past::table as pages;
use crate::url::HostKey;

const SCHEMA: &str = "
CREATE TABLE job(name TEXT PRIMARY KEY, value TEXT NOT NULL, sum INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE hosts(id INTEGER PRIMARY KEY, host TEXT NOT NULL UNIQUE, sum INTEGER NOT NULL) STRICT;
CREATE TABLE urls(
    id INTEGER PRIMARY KEY, host INTEGER NOT NULL, fingerprint INTEGER NOT NULL, url TEXT NOT NULL,
    role INTEGER NOT NULL, via INTEGER NOT NULL, depth INTEGER NOT NULL, row INTEGER, found_on INTEGER NOT NULL,
    reach TEXT NOT NULL, request TEXT, sum INTEGER NOT NULL,
    state INTEGER NOT NULL, status INTEGER, class TEXT, message TEXT, state_sum INTEGER NOT NULL
) STRICT;
CREATE INDEX urls_by_host ON urls(host);
CREATE VIEW waiting AS SELECT id, url, depth FROM urls WHERE state IN (0, 4);
CREATE VIEW failed AS SELECT id, url, status, class, message FROM urls WHERE state = 2;
CREATE VIEW skipped AS SELECT id, url, class, message FROM urls WHERE state = 3;
";

/// A job in a SQLite file.
pub(crate) struct Sqlite {
    pub(super) database: Connection,
    path: PathBuf,
    pub(super) counter: Counter,
    pub(super) commits: u64,
    hosts: HashMap<HostKey, i64>,
    /// See [`Known`].
    superseded: u64,
    /// The number of this session; 0 before it has begun.
    session: i64,
    /// The page that the last leased row was found on.
    last_page: (u64, Option<Arc<str>>),
}

impl Sqlite {
    /// Starts a job in a folder that has none.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn create(folder: &JobFolder, known: &Known) -> Result<Self> {
        // Under another name until it is complete: a kill in between leaves a folder without a job, not a damaged
        // one.
        let draft = folder.draft()?;
        let failed = |error| broken(&draft, &error);
        let mut database = Connection::open(&draft).map_err(failed)?;
        restrict(&draft)?;
        let transaction = database.transaction().map_err(failed)?;
        transaction
            .execute_batch(SCHEMA)
            .and_then(|()| pages::create(&transaction))
            .and_then(|()| requests::create(&transaction))
            .map_err(failed)?;
        transaction
            .pragma_update(None, "application_id", APPLICATION)
            .map_err(failed)?;
        transaction
            .pragma_update(None, "user_version", FORMAT)
            .map_err(failed)?;
        write_known(&transaction, known, 0).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        database.close().map_err(|(_, error)| failed(error))?;
        let counter = Counter::create(folder.path())?;
        folder.publish(&draft)?;
        let path = folder.database();
        let database = Connection::open(&path).map_err(|error| broken(&path, &error))?;
        prepare(&database, &path)?;
        Ok(Self {
            database,
            counter,
            commits: 0,
            hosts: HashMap::new(),
            superseded: known.superseded,
            session: 0,
            last_page: (0, None),
            path,
        })
    }

    /// Opens the job in a folder, and returns what is known about it.
    ///
    /// # Errors
    /// When there is none, it is damaged, or of another format. Then nothing was changed.
    pub(crate) fn open(folder: &JobFolder) -> Result<(Self, Known)> {
        let path = folder.database();
        let database = open(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        prepare(&database, &path)?;
        let (known, commits) = read_known(&database, &path)?;
        let (counter, counted) = Counter::open(folder.path())?;
        if commits < counted {
            let problem = format!(
                "damaged: it holds {commits} commits of {counted}, so records are missing from it; nothing was changed"
            );
            return Err(Error::damaged(&path, problem));
        }
        let hosts = read_hosts(&database, &path)?;
        pages::create(&database)
            .and_then(|()| requests::create(&database))
            .map_err(|error| broken(&path, &error))?;
        let store = Self {
            database,
            counter,
            commits,
            hosts,
            superseded: known.superseded,
            session: 0,
            last_page: (0, None),
            path,
        };
        Ok((store, known))
    }

    /// Replaces the settings of the job.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(crate) fn change(&mut self, settings: &BTreeMap<String, String>) -> Result<()> {
        write_value(&self.database, "settings", settings).map_err(|error| self.failed(&error))
    }

    /// Notes the working folder of this session.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn note_directory(&mut self, directory: &str) -> Result<()> {
        write_value(&self.database, "directory", &directory).map_err(|error| self.failed(&error))
    }

    /// Whether nothing was committed to it yet.
    pub(crate) fn is_new(&self) -> bool {
        self.commits == 0
    }

    /// Until when hosts asked not to be contacted, in microseconds since 1970, if that is later than `now`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn held_hosts(&self, now: i64, longest: u64) -> Result<Vec<(HostKey, i64)>> {
        let held = requests::held_hosts(&self.database, now, longest);
        held.map_err(|error| self.failed(&error))
    }

    /// Notes that a session begins now, in microseconds since 1970, with these limits.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn begin_session(&mut self, now: i64, terms: &Terms) -> Result<()> {
        let begun = requests::begin(&self.database, now, self.commits, terms);
        self.session = begun.map_err(|error| self.failed(&error))?;
        Ok(())
    }

    pub(super) fn failed(&self, error: &rusqlite::Error) -> Error {
        broken(&self.path, error)
    }

    fn take_in(&mut self, batch: &Batch) -> rusqlite::Result<()> {
        let transaction = self.database.transaction()?;
        {
            let mut insert_host = transaction
                .prepare_cached("INSERT INTO hosts(id, host, sum) VALUES (?1, ?2, ?3)")?;
            let mut insert = transaction.prepare_cached(
                "INSERT INTO urls(id, host, fingerprint, url, role, via, depth, row, found_on, reach, request, sum, \
                 state, status, class, message, state_sum) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            )?;
            for row in &batch.found {
                let host = match self.hosts.get(&row.host) {
                    Some(host) => *host,
                    None => {
                        let id = self.hosts.len() as i64 + 1;
                        let key = row.host.as_str();
                        let sum = check::of_text(&id.to_string(), key);
                        insert_host.execute(params![id, key, sum])?;
                        self.hosts.insert(row.host.clone(), id);
                        id
                    }
                };
                let reach = reach_text(row.reach);
                let (state, status, class, message) = row.state.columns();
                insert.execute(params![
                    row.id.cast_signed(),
                    host,
                    row.fingerprint.cast_signed(),
                    &*row.url,
                    row.role as u8,
                    row.via as u8,
                    row.depth,
                    row.row.map(u64::cast_signed),
                    row.found_on.cast_signed(),
                    reach,
                    row.request.as_deref(),
                    check::of_row(row, host, &reach),
                    state,
                    status,
                    class,
                    message,
                    check::of_state(row.id, &row.state),
                ])?;
            }
            for change in &batch.changes {
                match change {
                    Change::Settled(settled) => {
                        write_state(&transaction, settled.id, &settled.state)?;
                    }
                    Change::Raised(raised) => raise(&transaction, raised)?,
                    Change::Forgotten(id) => {
                        let mut forget =
                            transaction.prepare_cached("DELETE FROM urls WHERE id = ?1")?;
                        forget.execute([id.cast_signed()])?;
                    }
                }
            }
            for (id, fingerprint, snapshot) in &batch.snapshots {
                pages::write(&transaction, *id, *fingerprint, snapshot)?;
            }
            requests::write(&transaction, self.session, &batch.requests, &batch.robots)?;
            if let Some(ended) = batch.ended {
                requests::end(&transaction, self.session, ended)?;
            }
            if batch.superseded > 0 {
                self.superseded += batch.superseded;
                write_value(&transaction, "superseded", &self.superseded)?;
            }
            if batch.raised > 0 {
                write_value(&transaction, "raised", &batch.raised)?;
            }
            if let Some(cookies) = &batch.cookies {
                write_value(&transaction, "cookies", cookies)?;
            }
            if let Some(hsts) = &batch.hsts {
                write_value(&transaction, "hsts", hsts)?;
            }
            write_value(&transaction, "commits", &self.commits)?;
            write_value(&transaction, "marks", &batch.marks)?;
            write_list(&transaction, batch.list)?;
        }
        transaction.commit()
    }
}

impl Store for Sqlite {
    fn commit(&mut self, batch: &Batch) -> Result<()> {
        self.commits += 1;
        self.take_in(batch).map_err(|error| self.failed(&error))?;
        self.counter.set(self.commits)
    }

    fn lease(&mut self, want: &Want) -> Result<Vec<Row>> {
        let Some(host) = self.hosts.get(&want.host) else {
            return Ok(Vec::new());
        };
        let read = || -> rusqlite::Result<Vec<Kept>> {
            let mut statement = self.database.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM urls WHERE host = ?1 AND id > ?2 AND state IN (0, 4) ORDER BY id LIMIT ?3"
            ))?;
            let rows = statement.query_map(
                params![host, want.after.cast_signed(), want.count as i64],
                kept,
            )?;
            rows.collect()
        };
        let kept = read().map_err(|error| self.failed(&error))?;
        let mut rows = Vec::with_capacity(kept.len());
        for kept in kept {
            let mut row = kept.into_row(&want.host, &self.path)?;
            if row.found_on != self.last_page.0 {
                let url: Option<String> = self
                    .database
                    .prepare_cached("SELECT url FROM urls WHERE id = ?1")
                    .and_then(|mut statement| {
                        statement
                            .query_row([row.found_on.cast_signed()], |row| row.get(0))
                            .optional()
                    })
                    .map_err(|error| self.failed(&error))?;
                self.last_page = (row.found_on, url.map(Arc::from));
            }
            row.found_on_url = self.last_page.1.clone();
            rows.push(row);
        }
        Ok(rows)
    }

    fn restore(&mut self, take: &mut dyn FnMut(Row) -> Result<()>) -> Result<()> {
        each_row(&self.database, &self.path, take)
    }
}
