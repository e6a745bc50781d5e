//! The database file: what exists at its path, and putting a new file there.
//!
//! Invariant: a file appears under its name only when it is complete; a file that is not an output of haul is not
//! touched.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::super::growing::sync_entry;
use super::super::mark::Mark;
use super::broken::{broken, refused};
use crate::error::{Error, Result};
use crate::recorded::SQLITE_MARK;

/// The first bytes of every SQLite file.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// The offset of the application id (the SQLite file format, 1.3).
const APPLICATION_AT: usize = 68;
/// Suffixes of the files that SQLite creates next to an open file.
const SIDE_FILES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// What exists at a path.
#[derive(Debug, PartialEq, Eq)]
enum Existing {
    Nothing,
    Ours,
    Other,
}

/// Creates an empty output, or keeps an existing one to append to.
///
/// # Errors
/// If something else exists there, or it cannot be written.
pub(super) fn create(path: &Path, append: bool) -> Result<()> {
    let existing = existing(path).map_err(|source| Error::output(path, source))?;
    match existing {
        Existing::Ours if append => return Ok(()),
        Existing::Ours | Existing::Nothing => {}
        Existing::Other => {
            return Err(refused(
                path,
                "it exists, and is not a SQLite output of haul's: it is not overwritten; choose another file, or move it away",
            ));
        }
    }
    // The target, if the path is a symbolic link.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let draft = with_suffix(&path, ".draft");
    remove(&draft).map_err(|source| Error::output(&draft, source))?;
    let failed = |error: rusqlite::Error| broken(&draft, &error);
    let database = Connection::open(&draft).map_err(failed)?;
    let marked = database.pragma_update(None, "application_id", SQLITE_MARK);
    marked.map_err(failed)?;
    database.close().map_err(|(_, error)| failed(error))?;
    let placed = remove_side_files(&path)
        .and_then(|()| fs::rename(&draft, &path))
        .and_then(|()| sync_entry(&path));
    placed.map_err(|source| Error::output(&path, source))
}

/// The number of pages the file had at its mark.
///
/// # Errors
/// If the file is gone, or the mark is not valid.
pub(super) fn pages(path: &Path, mark: &Mark) -> Result<i64> {
    let pages = mark.0.get("pages").and_then(serde_json::Value::as_i64);
    let Some(pages) = pages.filter(|pages| *pages >= 0) else {
        return Err(Error::not_as_left(path, "the job's mark of it is damaged"));
    };
    match existing(path).map_err(|source| Error::output(path, source))? {
        Existing::Ours => Ok(pages),
        Existing::Other => Err(Error::not_as_left(
            path,
            format!(
                "it is not the file any more in which the job left {pages} pages: put that back"
            ),
        )),
        Existing::Nothing => Err(Error::not_as_left(
            path,
            format!("it is gone, and the job left {pages} pages in it: put it back"),
        )),
    }
}

fn existing(path: &Path) -> io::Result<Existing> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => return Ok(Existing::Other),
        Ok(found) if found.len() == 0 => return Ok(Existing::Nothing),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Existing::Nothing),
        Err(error) => return Err(error),
    }
    let mut head = Vec::new();
    File::open(path)?.take(100).read_to_end(&mut head)?;
    let application_id = head.get(APPLICATION_AT..APPLICATION_AT + 4);
    let ours = head.starts_with(MAGIC) && application_id == Some(&SQLITE_MARK.to_be_bytes()[..]);
    Ok(if ours {
        Existing::Ours
    } else {
        Existing::Other
    })
}

/// The path with a suffix appended.
pub(super) fn with_suffix(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    PathBuf::from(name)
}

fn remove_side_files(path: &Path) -> io::Result<()> {
    SIDE_FILES
        .iter()
        .try_for_each(|end| remove(&with_suffix(path, end)))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
