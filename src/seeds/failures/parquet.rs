//! Records in a folder of Parquet files, read part by part.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use parquet::schema::types::Type;

use super::error::{not_ours, refused, unreadable};
use super::recorded::{Item, PASS, Recorded, WANTED};
use crate::error::Result;
use crate::seeds::feeder::Enough;

/// The folder of the records in a dataset of an earlier version.
///
/// In newer ones it is the dataset's own folder.
const PAGES: &str = "pages";

/// Calls `visit` for each row of the table of pages.
///
/// # Errors
/// If a part cannot be read, or there is no such table.
pub(super) fn each(path: &Path, visit: &mut dyn FnMut(Item) -> Result<(), Enough>) -> Result<()> {
    for part in parts(path)? {
        let failed = |error| refused(&part, &format!("cannot be read: {error}"));
        let file = File::open(&part).map_err(|source| unreadable(&part, source))?;
        let reader = SerializedFileReader::new(file).map_err(failed)?;
        let schema = reader.metadata().file_metadata().schema();
        let columns = schema.get_fields().iter();
        let columns: Vec<_> = columns
            .filter(|column| WANTED.contains(&column.name()) || column.name() == PASS)
            .cloned()
            .collect();
        let wanted = Type::group_type_builder(schema.name()).with_fields(columns);
        let wanted = wanted.build().map_err(failed)?;
        for row in reader.get_row_iter(Some(wanted)).map_err(failed)? {
            if visit(Some(record_of(&row.map_err(failed)?))).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The files of the table, in the order they were written.
fn parts(path: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(path.join(PAGES)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::read_dir(path),
        entries => entries,
    };
    let entries = entries.map_err(|source| unreadable(path, source))?;
    let mut parts = Vec::new();
    for entry in entries {
        let part = entry.map_err(|source| unreadable(path, source))?.path();
        if part.extension().is_some_and(|end| end == "parquet") {
            parts.push(part);
        }
    }
    if parts.is_empty() {
        return Err(not_ours(path));
    }
    parts.sort();
    Ok(parts)
}

fn record_of(row: &Row) -> Recorded {
    let mut record = Recorded::default();
    for (name, field) in row.get_column_iter() {
        match field {
            Field::Str(text) => record.set(name, text),
            Field::Int(number) => record.set(name, &number.to_string()),
            Field::Long(number) => record.set(name, &number.to_string()),
            _ => {}
        }
    }
    record
}
