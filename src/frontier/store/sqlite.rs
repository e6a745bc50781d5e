//! The store in SQLite: one file, one writer, one transaction per checkpoint.
//!
//! WAL and `synchronous=FULL`: a commit that returned survives a crash of the machine. Rows are stored in the order
//! of their numbers and rewritten once, when they settle; one index lists a host's rows in that order. Users may
//! open the file with any SQLite: the table `urls` and the views `failed` and `waiting` are meant to be read.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::change::{raise, write_state};
use super::folder::{Counter, Folder};
use super::known::{read_known, write_known, write_list, write_value};
use super::row::{reach_of, reach_text, role_of, via_of};
use super::{Batch, Change, Known, Row, State, Store, Want, check};
use crate::error::{Error, Result};
use crate::url::HostKey;

/// The format that is written here. Another number means other tables.
const FORMAT: u32 = 2;
/// The mark of our files: "haul".
const APPLICATION: i64 = 0x6861_756c;
/// The oldest SQLite that is safe: earlier ones could lose commits when resetting the log.
const LEAST: i32 = 3_053_000;

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
    /// The page that the last leased row was found on.
    last_page: (u64, Option<Arc<str>>),
}

impl Sqlite {
    /// Starts a job in a folder that has none.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn create(folder: &Folder, known: &Known) -> Result<Self> {
        // Under another name until it is complete: a kill in between leaves a folder without a job, not a damaged
        // one.
        let draft = folder.draft()?;
        let failed = |error| broken(&draft, &error);
        let mut database = Connection::open(&draft).map_err(failed)?;
        restrict(&draft)?;
        let transaction = database.transaction().map_err(failed)?;
        transaction.execute_batch(SCHEMA).map_err(failed)?;
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
            last_page: (0, None),
            path,
        })
    }

    /// Opens the job in a folder, and returns what is known about it.
    ///
    /// # Errors
    /// When there is none, it is damaged, or of another format. Then nothing was changed.
    pub(crate) fn open(folder: &Folder) -> Result<(Self, Known)> {
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
        let store = Self {
            database,
            counter,
            commits,
            hosts,
            superseded: known.superseded,
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
            if batch.superseded > 0 {
                self.superseded += batch.superseded;
                write_value(&transaction, "superseded", &self.superseded)?;
            }
            if batch.raised > 0 {
                write_value(&transaction, "raised", &batch.raised)?;
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

pub(super) const COLUMNS: &str = "id, host, fingerprint, url, role, via, depth, row, found_on, reach, request, sum, state, status, \
     class, message, state_sum";

/// A row as it was read from the table, not verified yet.
pub(super) struct Kept {
    pub(super) row: Row,
    pub(super) host: i64,
    reach: String,
    sum: i64,
    state: Option<State>,
    state_sum: i64,
}

pub(super) fn kept(row: &rusqlite::Row<'_>) -> rusqlite::Result<Kept> {
    let reach: String = row.get(9)?;
    Ok(Kept {
        host: row.get(1)?,
        sum: row.get(11)?,
        state: State::from_columns(row.get(12)?, row.get(13)?, row.get(14)?, row.get(15)?),
        state_sum: row.get(16)?,
        row: Row {
            id: row.get::<_, i64>(0)?.cast_unsigned(),
            host: HostKey::nowhere(),
            fingerprint: row.get::<_, i64>(2)?.cast_unsigned(),
            url: row.get::<_, String>(3)?.into(),
            role: role_of(row.get(4)?),
            via: via_of(row.get(5)?),
            depth: row.get(6)?,
            row: row.get::<_, Option<i64>>(7)?.map(i64::cast_unsigned),
            found_on: row.get::<_, i64>(8)?.cast_unsigned(),
            found_on_url: None,
            reach: reach_of(&reach),
            request: row.get::<_, Option<String>>(10)?.map(Into::into),
            state: State::Waiting(0),
        },
        reach,
    })
}

impl Kept {
    /// The row without its host; `None` if it does not match its check sums.
    pub(super) fn sound(self) -> Option<Row> {
        let mut row = self.row;
        row.state = self.state?;
        let sound = self.sum == check::of_row(&row, self.host, &self.reach)
            && self.state_sum == check::of_state(row.id, &row.state);
        sound.then_some(row)
    }

    pub(super) fn into_row(self, host: &HostKey, path: &Path) -> Result<Row> {
        let id = self.row.id;
        let Some(mut row) = self.sound() else {
            let problem = format!(
                "damaged: row {id} of urls does not match its check sum; nothing was changed",
            );
            return Err(Error::damaged(path, problem));
        };
        row.host = host.clone();
        Ok(row)
    }
}

/// Opens an existing database, and verifies that it is intact and ours.
pub(super) fn open(path: &Path, flags: OpenFlags) -> Result<Connection> {
    if !path.exists() {
        return Err(Error::store(path, "there is no job here"));
    }
    let database =
        Connection::open_with_flags(path, flags).map_err(|error| broken(path, &error))?;
    check_whole(&database, path)?;
    Ok(database)
}

/// Verifies that a database is intact and ours.
pub(super) fn check_whole(database: &Connection, path: &Path) -> Result<()> {
    let failed = |error| broken(path, &error);
    let number =
        |name: &str| database.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    if number("application_id").map_err(failed)? != APPLICATION {
        return Err(Error::damaged(
            path,
            "damaged, or not a job of haul; nothing was changed",
        ));
    }
    let format = number("user_version").map_err(failed)?;
    if format != i64::from(FORMAT) {
        return Err(Error::OtherFormat {
            path: path.to_owned(),
            found: format,
            known: FORMAT.into(),
        });
    }
    let verdict: String = database
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(failed)?;
    if verdict != "ok" {
        let problem = format!("damaged: {verdict}; nothing was changed");
        return Err(Error::damaged(path, problem));
    }
    Ok(())
}

/// Passes every row of a database to `take`, oldest first.
pub(super) fn each_row(
    database: &Connection,
    path: &Path,
    take: &mut dyn FnMut(Row) -> Result<()>,
) -> Result<()> {
    let failed = |error| broken(path, &error);
    let by_host = read_hosts(database, path)?;
    let hosts: HashMap<i64, HostKey> = by_host.into_iter().map(|(key, id)| (id, key)).collect();
    let mut statement = database
        .prepare(&format!("SELECT {COLUMNS} FROM urls ORDER BY id"))
        .map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let kept = kept(row).map_err(failed)?;
        let Some(host) = hosts.get(&kept.host) else {
            let problem = format!("damaged: row {} of urls has no host", kept.row.id);
            return Err(Error::damaged(path, problem));
        };
        take(kept.into_row(host, path)?)?;
    }
    Ok(())
}

fn read_hosts(database: &Connection, path: &Path) -> Result<HashMap<HostKey, i64>> {
    let failed = |error| broken(path, &error);
    let mut hosts = HashMap::new();
    let mut statement = database
        .prepare("SELECT id, host, sum FROM hosts")
        .map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let id: i64 = row.get(0).map_err(failed)?;
        let text: String = row.get(1).map_err(failed)?;
        let sum: i64 = row.get(2).map_err(failed)?;
        let key = HostKey::kept(&text).filter(|_| sum == check::of_text(&id.to_string(), &text));
        let Some(key) = key else {
            let problem =
                format!("damaged: host {id} does not match its check sum; nothing was changed");
            return Err(Error::damaged(path, problem));
        };
        hosts.insert(key, id);
    }
    Ok(hosts)
}

fn prepare(database: &Connection, path: &Path) -> Result<()> {
    if rusqlite::version_number() < LEAST {
        let problem = format!("SQLite {} is too old to keep a job", rusqlite::version());
        return Err(Error::store(path, problem));
    }
    let settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -32768; \
         PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 4000;";
    database
        .execute_batch(settings)
        .map_err(|error| broken(path, &error))
}

fn restrict(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .map_err(|source| Error::output(path, source))
}

/// The error for a failed database: an output error for a full disk, else a store error.
pub(super) fn broken(path: &Path, error: &rusqlite::Error) -> Error {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::ReadOnly) => {
            Error::output(path, std::io::Error::other(error.to_string()))
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Error::damaged(path, format!("damaged: {error}; nothing was changed"))
        }
        _ => Error::store(path, error.to_string()),
    }
}
