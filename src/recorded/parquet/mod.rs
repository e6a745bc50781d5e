//! Records in folders of Parquet files, read part by part.

mod items;
mod layout;
mod part;

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use parquet::record::{Field, Row};

use super::error::damaged;
use super::item::{Choice, Visitor};
use super::record::Recorded;
use super::wanted::Wanted;
use crate::error::Result;
use items::Items;
pub(crate) use layout::Layout;
use part::{parts, rows};

/// The column that joins the tables.
const PAGE: &str = "page";

/// Passes each row of the table of pages to the visitor.
///
/// # Errors
/// If a part cannot be read, or there is no such table.
pub(super) fn each(path: &Path, wanted: Wanted, visitor: &mut dyn Visitor) -> Result<()> {
    let mut items = match wanted.values {
        true => Items::open(path)?,
        false => Items::default(),
    };
    let mut number = 0;
    for part in parts(path)? {
        let is_wanted = |name: &str| name == PAGE || wanted.has(name);
        let mut after = 0;
        for row in rows(&part, Some(&is_wanted))? {
            let row = row.map_err(|error| damaged(&part, "row", after, &error))?;
            (number, after) = (number + 1, after + 1);
            match visitor.choose(number) {
                Choice::Read => {}
                Choice::Skip => continue,
                Choice::Stop => return Ok(()),
            }
            let mut recorded = Box::<Recorded>::default();
            let page = set(&mut recorded, wanted, &row);
            if let Some(page) = page.filter(|_| !items.is_empty()) {
                (recorded.fields, recorded.items) = items.of_page(page)?;
            }
            if visitor.take(number, Some(recorded)).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Sets the fields of a record from a row, and returns the number of its page.
fn set(record: &mut Recorded, wanted: Wanted, row: &Row) -> Option<i64> {
    let mut page = None;
    for (name, field) in row.get_column_iter() {
        match field {
            Field::Long(number) if name == PAGE => page = Some(*number),
            Field::Str(text) => record.set(wanted, name, text),
            Field::Int(number) => record.set(wanted, name, &number.to_string()),
            Field::Long(number) => record.set(wanted, name, &number.to_string()),
            Field::TimestampMillis(milliseconds) if name == "sent" => {
                let since = u64::try_from(*milliseconds).map(Duration::from_millis);
                record.sent = since.ok().and_then(|since| UNIX_EPOCH.checked_add(since));
            }
            Field::Bool(flag) => record.set(wanted, name, &flag.to_string()),
            Field::Group(headers) => {
                for (header, value) in headers.get_column_iter() {
                    if let Field::Str(value) = value {
                        record.headers.insert(header.clone(), value.clone());
                    }
                }
            }
            _ => {}
        }
    }
    page
}
