//! The SQLite file of a job: how it is opened, and the checks that it is intact, ours, and of the known format.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::error::{Error, Result};

/// The format that is written here. Another number means other tables.
pub(super) const FORMAT: u32 = 2;
/// The mark of our files: "haul".
pub(super) const APPLICATION: i64 = 0x6861_756c;
/// The oldest SQLite that is safe: earlier ones could lose commits when resetting the log.
pub(super) const LEAST: i32 = 3_053_000;

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

pub(super) fn prepare(database: &Connection, path: &Path) -> Result<()> {
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

pub(super) fn restrict(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .map_err(|source| Error::output(path, source))
}

/// The error for a failed database: an output error for a full disk, else a store error.
pub(super) fn broken(path: &Path, error: &rusqlite::Error) -> Error {
    use rusqlite::ErrorCode;
    let is_of_another_type = matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..)
    );
    if is_of_another_type {
        return Error::damaged(path, format!("damaged: {error}; nothing was changed"));
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::ReadOnly) => {
            Error::output(path, std::io::Error::other(error.to_string()))
        }
        // Our statements are always the same: if one is refused (`SQLITE_ERROR`), the tables are not as we made them.
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown) => {
            Error::damaged(path, format!("damaged: {error}; nothing was changed"))
        }
        _ => Error::store(path, error.to_string()),
    }
}
