//! Records in SQLite, in the order they were written.

mod items;

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::error::{damaged, not_ours, refused};
use super::item::{Choice, Visitor};
use super::record::Recorded;
use super::wanted::{REQUIRED, Wanted};
use crate::error::{Error, Result};
use items::Tables;

/// Marks a file as an output of haul: "haur". A job's own store has a different mark.
pub(crate) const SQLITE_MARK: i32 = 0x6861_7572;
/// The type of a column whose texts are JSON. SQLite takes it for text, as it contains that word.
pub(crate) const JSON_COLUMN: &str = "JSON TEXT";

/// Passes each row of the table of pages to the visitor, up to the page `end`.
///
/// # Errors
/// If the database cannot be read, or has no such table.
pub(super) fn each(
    path: &Path,
    end: Option<u64>,
    wanted: Wanted,
    visitor: &mut dyn Visitor,
) -> Result<()> {
    let failed = |error| broken(path, 0, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(path, flags).map_err(failed)?;
    let names = columns(&database).map_err(failed)?;
    if !REQUIRED
        .iter()
        .all(|name| names.iter().any(|known| known == name))
    {
        return Err(not_ours(path));
    }
    let is_header = |name: &String| wanted.response && name.starts_with("headers_");
    let names: Vec<_> = names
        .into_iter()
        .filter(|name| wanted.has(name) || is_header(name))
        .collect();
    let tables = match wanted.values {
        true => Tables::of(&database).map_err(failed)?,
        false => Tables::default(),
    };
    let quoted: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let query = format!(
        "SELECT page_id, {} FROM pages WHERE page_id <= ?1 ORDER BY page_id",
        quoted.join(", ")
    );
    let mut pages = database.prepare(&query).map_err(failed)?;
    let end = end.and_then(|end| i64::try_from(end).ok());
    let mut rows = pages.query([end.unwrap_or(i64::MAX)]).map_err(failed)?;
    let mut number = 0;
    loop {
        let after = number;
        let failed = |error| broken(path, after, &error);
        let Some(row) = rows.next().map_err(failed)? else {
            return Ok(());
        };
        number += 1;
        match visitor.choose(number) {
            Choice::Read => {}
            Choice::Skip => continue,
            Choice::Stop => return Ok(()),
        }
        let mut recorded = Box::<Recorded>::default();
        for (index, name) in (1..).zip(&names) {
            match row.get_ref(index).map_err(failed)? {
                ValueRef::Integer(value) => recorded.set(wanted, name, &value.to_string()),
                ValueRef::Text(text) => {
                    recorded.set(wanted, name, &String::from_utf8_lossy(text));
                }
                ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => {}
            }
        }
        if !tables.is_empty() {
            let page = row.get(0).map_err(failed)?;
            (recorded.fields, recorded.items) = tables.of_page(&database, page).map_err(failed)?;
        }
        if visitor.take(number, Some(recorded)).is_break() {
            return Ok(());
        }
    }
}

/// The columns of the table of pages; none if there is no such table.
fn columns(database: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut columns = database.prepare("SELECT name FROM pragma_table_info('pages')")?;
    let names = columns.query_map([], |row| row.get(0))?;
    names.collect()
}

fn broken(path: &Path, after: u64, error: &rusqlite::Error) -> Error {
    match after {
        0 => refused(path, &format!("its tables cannot be read: {error}")),
        after => damaged(path, "row", after, error),
    }
}
