//! Parquet's variants in the contract suite, and a reader that is independent of the writer.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Row, RowAccessor};

use super::super::samples::Case;
use super::super::{Sink, Start};
use super::{Bounds, Parquet, Tables};
use crate::error::Result;
use crate::recorded::Layout;

/// A function that opens a variant.
pub(crate) type Open = fn(&Case, Start<'_>) -> Result<Box<dyn Sink>>;

/// New and appended datasets; a new part every few rows, and one at each checkpoint.
pub(crate) const MEMBERS: [(Open, bool); 4] = [
    (Case::open, false),
    (Case::open, true),
    (after_rows, true),
    (every_checkpoint, false),
];

fn after_rows(case: &Case, start: Start<'_>) -> Result<Box<dyn Sink>> {
    Ok(Box::new(with_part_rows(case, start, 30)?))
}

/// A sink with other bounds.
pub(super) fn bounded(case: &Case, start: Start<'_>, bounds: Bounds) -> Result<Parquet> {
    let tables = tables(case)?;
    Parquet::open(&case.settings.destination, tables, start, bounds)
}

/// The tables of a sink.
pub(super) fn tables(case: &Case) -> Result<Tables> {
    let records = case.settings.format.records().unwrap();
    Tables::of(records, &case.plan.tables)
}

/// A sink whose parts have this many rows.
pub(super) fn with_part_rows(case: &Case, start: Start<'_>, rows: usize) -> Result<Parquet> {
    let bounds = Bounds {
        rows,
        ..super::BOUNDS
    };
    bounded(case, start, bounds)
}

fn every_checkpoint(case: &Case, start: Start<'_>) -> Result<Box<dyn Sink>> {
    let bounds = Bounds {
        age: Duration::ZERO,
        ..super::BOUNDS
    };
    Ok(Box::new(bounded(case, start, bounds)?))
}

/// The rows of a table, part by part.
pub(super) fn rows(table: &Path) -> Vec<Row> {
    let entries = fs::read_dir(table).unwrap();
    let mut parts: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    parts.sort();
    let rows = parts.iter().flat_map(|part| {
        let reader = SerializedFileReader::new(File::open(part).unwrap()).unwrap();
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().collect();
        rows
    });
    rows.map(Result::unwrap).collect()
}

/// The numbers of the pages in order, checking that each has its things.
pub(crate) fn numbers(dataset: &Path) -> Vec<usize> {
    let mut things: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for row in rows(&Layout::Beside.table(dataset, "thing")) {
        let page_things = things.entry(row.get_long(0).unwrap()).or_default();
        assert_eq!(row.get_long(2).unwrap(), page_things.len() as i64);
        page_things.push(row.to_string());
    }
    let mut last = 0;
    let number = |row: Row| {
        let (page, number) = (row.get_long(0).unwrap(), row.get_long(1).unwrap());
        assert!(page > last, "{page} after {last}");
        last = page;
        let things_of_page = things.remove(&page).unwrap_or_default();
        assert_eq!(things_of_page.len() as i64, number % 3, "{number}");
        let counts: Vec<_> = (0..number % 4).map(|count| count.to_string()).collect();
        for (item, thing) in things_of_page.iter().enumerate() {
            let expected = format!(
                "{{page: {page}, url: \"http://h.example/{number:05}\", item: {item}, name: \"{number:05}\", \
                 counts: [{}], parts: [{{of: {number}}}]}}",
                counts.join(", ")
            );
            assert_eq!(*thing, expected);
        }
        number as usize
    };
    let numbers = rows(dataset).into_iter().map(number).collect();
    assert!(things.is_empty(), "things without a page: {things:?}");
    numbers
}
