//! Records in files of Arrow, batch by batch.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value};

use super::error::{damaged, not_ours, unreadable};
use super::item::{Choice, Visitor};
use super::record::Recorded;
use super::wanted::{REQUIRED, Wanted};
use crate::error::Result;
use crate::input::arrow::{Batches, rows};

/// Passes each row to the visitor.
///
/// # Errors
/// If it cannot be read to its end, or has no records.
pub(super) fn each(
    path: &Path,
    end: Option<u64>,
    wanted: Wanted,
    visitor: &mut dyn Visitor,
) -> Result<()> {
    let file = File::open(path).map_err(|source| unreadable(path, source))?;
    let file = file.take(end.unwrap_or(u64::MAX));
    let batches = Batches::open(file).map_err(|error| damaged(path, "row", 0, &error))?;
    let schema = batches.schema();
    let has = |name: &&str| schema.column_with_name(name).is_some();
    if !REQUIRED.iter().all(has) || !has(&"final_url") {
        return Err(not_ours(path));
    }
    let columns: Vec<usize> = (0..schema.fields().len())
        .filter(|at| wanted.has(schema.field(*at).name()))
        .collect();
    let mut number = 0;
    for batch in batches {
        let batch = batch.and_then(|batch| batch.project(&columns).map_err(std::io::Error::other));
        let batch = batch.map_err(|error| damaged(path, "row", number, &error))?;
        for row in rows(batch) {
            number += 1;
            match visitor.choose(number) {
                Choice::Read => {}
                Choice::Skip => continue,
                Choice::Stop => return Ok(()),
            }
            let record = Box::new(record(row, wanted));
            if visitor.take(number, Some(record)).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn record(row: Map<String, Value>, wanted: Wanted) -> Recorded {
    let mut record = Recorded::default();
    for (name, value) in row {
        match (name.as_str(), value) {
            (_, Value::Null) => {}
            ("headers", Value::Object(headers)) => {
                for (header, value) in headers {
                    if let Value::String(value) = value {
                        record.headers.insert(header, value);
                    }
                }
            }
            ("fields", value) => record.fields = Some(value),
            // A recipe that was not tried on the page is null.
            ("items", Value::Object(mut items)) => {
                items.retain(|_, items| !items.is_null());
                record.items = (!items.is_empty()).then_some(items.into());
            }
            (_, Value::String(text)) => record.set(wanted, &name, &text),
            (_, value) => record.set(wanted, &name, &value.to_string()),
        }
    }
    record
}
