//! Opens a database to be read only.

use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection, OpenFlags};

/// The characters to escape when a path becomes a `file:` URL.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.');

/// Opens a database that is not written to here.
///
/// `is_unchanging` says that nobody writes to it: then SQLite leaves no files of its own next to it, and can read it on a
/// read-only medium.
///
/// # Errors
/// When it cannot be opened.
pub(crate) fn read_only(path: &Path, is_unchanging: bool) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(url(path, is_unchanging), flags)
}

/// Attaches a second database under a name, in the same way.
///
/// # Errors
/// When it cannot be opened.
pub(crate) fn attach(
    database: &Connection,
    path: &Path,
    name: &str,
    is_unchanging: bool,
) -> rusqlite::Result<()> {
    let attach = format!("ATTACH ?1 AS {name}");
    database.execute(&attach, [url(path, is_unchanging)])?;
    Ok(())
}

/// Whether a database has a log: somebody writes to it, or was killed while writing.
pub(crate) fn has_log(path: &Path) -> bool {
    let mut log = path.to_owned().into_os_string();
    log.push("-wal");
    Path::new(&log).exists()
}

fn url(path: &Path, is_unchanging: bool) -> String {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let name = percent_encode(whole.as_os_str().as_encoded_bytes(), ESCAPED);
    match is_unchanging {
        true => format!("file:{name}?immutable=1"),
        false => format!("file:{name}?mode=ro"),
    }
}
