//! A database that is only read, and the outputs attached to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rusqlite::{Connection, ErrorCode};

use crate::error::{Error, Result};
use crate::past::{attach, has_log, read_only};
use crate::recorded::SQLITE_MARK;

/// A database that is only read, and the outputs attached to it.
pub(super) struct Database {
    pub(super) connection: Connection,
    path: PathBuf,
    /// The files that nobody may change while they are read, as SQLite does not look for changes.
    unchanging: Vec<(PathBuf, State)>,
}

/// What shows that a file was changed.
#[derive(Debug, PartialEq, Eq)]
struct State(Option<(u64, SystemTime)>, bool);

impl Database {
    /// A job's own database.
    pub(super) fn of_job(connection: Connection, path: PathBuf, is_unchanging: bool) -> Self {
        let state = is_unchanging.then(|| (path.clone(), State::of(&path)));
        Self {
            connection,
            unchanging: state.into_iter().collect(),
            path,
        }
    }

    /// A SQLite output.
    ///
    /// # Errors
    /// When there is none, or it is damaged, or not one of haul's.
    pub(super) fn of_output(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Err(Error::store(path, "there is no job and no output here"));
        }
        let is_unchanging = !has_log(path);
        let state = is_unchanging.then(|| (path.to_owned(), State::of(path)));
        let failed = |error| broken(path, &error);
        let connection = read_only(path, is_unchanging).map_err(failed)?;
        check_mark(&connection, "main", path)?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            unchanging: state.into_iter().collect(),
        })
    }

    /// Attaches a SQLite output under a name.
    ///
    /// # Errors
    /// As [`of_output`](Self::of_output).
    pub(super) fn attach(&mut self, path: &Path, name: &str) -> Result<()> {
        let is_unchanging = !has_log(path);
        if is_unchanging {
            self.unchanging.push((path.to_owned(), State::of(path)));
        }
        attach(&self.connection, path, name, is_unchanging)
            .map_err(|error| broken(path, &error))?;
        check_mark(&self.connection, name, path)
    }

    /// Checks that nobody has changed a file that was taken for unchanging: what was read might be half old and half new.
    ///
    /// # Errors
    /// When somebody has.
    pub(super) fn check_unchanged(&self) -> Result<()> {
        let changed = |(path, state): &&(PathBuf, State)| State::of(path) != *state;
        match self.unchanging.iter().find(changed) {
            Some((path, _)) => Err(Error::Locked { path: path.clone() }),
            None => Ok(()),
        }
    }

    pub(super) fn broken(&self, error: &rusqlite::Error) -> Error {
        broken(&self.path, error)
    }
}

impl State {
    fn of(path: &Path) -> Self {
        let found = fs::metadata(path).ok();
        let state = found.and_then(|found| Some((found.len(), found.modified().ok()?)));
        Self(state, has_log(path))
    }
}

/// # Errors
/// When a database is not an output of haul.
fn check_mark(database: &Connection, name: &str, path: &Path) -> Result<()> {
    let mark = format!("PRAGMA {name}.application_id");
    let mark = database.query_row(&mark, [], |row| row.get::<_, i32>(0));
    match mark.map_err(|error| broken(path, &error))? {
        SQLITE_MARK => Ok(()),
        _ => Err(Error::damaged(
            path,
            "damaged, or not a SQLite output of haul",
        )),
    }
}

fn broken(path: &Path, error: &rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Error::damaged(path, format!("damaged: {error}"))
        }
        _ => Error::store(path, error.to_string()),
    }
}
