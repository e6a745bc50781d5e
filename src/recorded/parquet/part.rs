//! The parts of a table: which there are, and their rows.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;

use crate::error::Result;
use crate::recorded::error::{not_ours, refused, unreadable};
use crate::recorded::wanted::REQUIRED;

/// The folder of the records in a dataset of an earlier version.
///
/// In newer ones it is the dataset's own folder.
pub(super) const PAGES: &str = "pages";

/// The rows of a part: of records, with the columns that are wanted, or whole items.
///
/// # Errors
/// If it cannot be read, or is not a table of records when it should be.
pub(super) fn rows(
    part: &Path,
    records: Option<&dyn Fn(&str) -> bool>,
) -> Result<RowIter<'static>> {
    let failed = |error| refused(part, &format!("cannot be read: {error}"));
    let file = File::open(part).map_err(|source| unreadable(part, source))?;
    let reader = SerializedFileReader::new(file).map_err(failed)?;
    let Some(is_wanted) = records else {
        return Ok(reader.into_iter());
    };
    let schema = reader.metadata().file_metadata().schema();
    let has = |name: &str| {
        schema
            .get_fields()
            .iter()
            .any(|column| column.name() == name)
    };
    if !REQUIRED.into_iter().all(has) {
        return Err(not_ours(part));
    }
    let columns = schema.get_fields().iter();
    let columns = columns.filter(|column| is_wanted(column.name())).cloned();
    let wanted = Type::group_type_builder(schema.name()).with_fields(columns.collect());
    let wanted = wanted.build().map_err(failed)?;
    reader.into_iter().project(Some(wanted)).map_err(failed)
}

/// The files of the table of pages, in the order they were written.
pub(super) fn parts(path: &Path) -> Result<Vec<PathBuf>> {
    let parts = match parts_in(&path.join(PAGES)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => parts_in(path),
        parts => parts,
    };
    let parts = parts.map_err(|source| unreadable(path, source))?;
    match parts.is_empty() {
        true => Err(not_ours(path)),
        false => Ok(parts),
    }
}

/// The parts in the folder of a table.
pub(super) fn parts_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut parts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let part = entry?.path();
        let is_hidden = part
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if part.extension().is_some_and(|end| end == "parquet") && !is_hidden {
            parts.push(part);
        }
    }
    parts.sort();
    Ok(parts)
}
