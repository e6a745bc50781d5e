//! Records in SQLite, in the order they were written.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::error::refused;
use super::recorded::{Item, PASS, Recorded, WANTED};
use crate::error::Result;
use crate::seeds::feeder::Enough;

/// Calls `visit` for each row of the table of pages.
///
/// # Errors
/// If the database cannot be read, or has no such table.
pub(super) fn each(path: &Path, visit: &mut dyn FnMut(Item) -> Result<(), Enough>) -> Result<()> {
    let failed = |error: rusqlite::Error| {
        refused(path, &format!("its table of pages cannot be read: {error}"))
    };
    let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let database = database.map_err(failed)?;
    let mut columns = WANTED.to_vec();
    let has_passes = "SELECT count(*) FROM pragma_table_info('pages') WHERE name = 'pass'";
    let passes: i64 = database
        .query_row(has_passes, [], |row| row.get(0))
        .map_err(failed)?;
    columns.extend((passes > 0).then_some(PASS));
    let query = format!("SELECT {} FROM pages ORDER BY page_id", columns.join(", "));
    let mut pages = database.prepare(&query).map_err(failed)?;
    let mut rows = pages.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let mut recorded = Recorded::default();
        for (index, name) in columns.iter().enumerate() {
            match row.get_ref(index).map_err(failed)? {
                ValueRef::Integer(number) => recorded.set(name, &number.to_string()),
                ValueRef::Text(text) => recorded.set(name, &String::from_utf8_lossy(text)),
                ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => {}
            }
        }
        if visit(Some(recorded)).is_err() {
            break;
        }
    }
    Ok(())
}
