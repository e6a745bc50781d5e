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
pub(crate) fn read_only(path: &Path, is_unchanging: bool) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if !is_unchanging {
        return Connection::open_with_flags(path, flags);
    }
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let name = percent_encode(whole.as_os_str().as_encoded_bytes(), ESCAPED);
    let url = format!("file:{name}?immutable=1");
    Connection::open_with_flags(url, flags | OpenFlags::SQLITE_OPEN_URI)
}
