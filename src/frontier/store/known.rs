//! What a store knows about the job as a whole: named values, each with a check sum.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, params};

use super::database::broken;
use super::{Known, ListMark, check};
use crate::error::{Error, Result};

/// Reads what is known about the job, and the number of its commits.
pub(super) fn read_known(database: &Connection, path: &Path) -> Result<(Known, u64)> {
    let mut values = BTreeMap::new();
    let failed = |error| broken(path, &error);
    let mut statement = database
        .prepare("SELECT name, value, sum FROM job")
        .map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let (name, value): (String, String) =
            (row.get(0).map_err(failed)?, row.get(1).map_err(failed)?);
        let sum: i64 = row.get(2).map_err(failed)?;
        if sum != check::of_text(&name, &value) {
            let problem = format!(
                "damaged: {name:?} of job does not match its check sum; nothing was changed"
            );
            return Err(Error::store(path, problem));
        }
        values.insert(name, value);
    }
    let read = |name: &str| {
        values
            .get(name)
            .ok_or_else(|| Error::damaged(path, format!("damaged: job has no {name:?}")))
    };
    let number = |name: &str| -> Result<u64> {
        read(name)?
            .parse()
            .map_err(|_| Error::damaged(path, format!("damaged: {name:?} of job is not a number")))
    };
    let wrong = |error: serde_json::Error| Error::damaged(path, format!("damaged: {error}"));
    let kept = |name: &str| -> Result<Option<serde_json::Value>> {
        let value = values.get(name).map(|text| serde_json::from_str(text));
        value.transpose().map_err(wrong)
    };
    let known = Known {
        seed: number("seed")?,
        marks: serde_json::from_str(read("marks")?).map_err(wrong)?,
        list: ListMark {
            row: number("list_row")?,
            taken: number("list_taken")?,
            done: number("list_done")? != 0,
        },
        settings: serde_json::from_str(read("settings")?).map_err(wrong)?,
        directory: kept("directory")?.and_then(|text| Some(text.as_str()?.to_owned())),
        pass: u32::try_from(number("pass")?).unwrap_or(u32::MAX),
        raised: u32::try_from(number("raised")?).unwrap_or(u32::MAX),
        superseded: number("superseded")?,
        cookies: kept("cookies")?,
        hsts: kept("hsts")?,
        reads: kept("reads")?.and_then(|reads| reads.as_u64()),
    };
    Ok((known, number("commits")?))
}

pub(super) fn write_known(
    database: &Connection,
    known: &Known,
    commits: u64,
) -> rusqlite::Result<()> {
    write_value(database, "seed", &known.seed)?;
    write_value(database, "marks", &known.marks)?;
    write_value(database, "settings", &known.settings)?;
    if let Some(reads) = known.reads {
        write_value(database, "reads", &reads)?;
    }
    if let Some(directory) = &known.directory {
        write_value(database, "directory", directory)?;
    }
    write_value(database, "pass", &known.pass)?;
    write_value(database, "raised", &known.raised)?;
    write_value(database, "superseded", &known.superseded)?;
    write_value(database, "commits", &commits)?;
    write_list(database, known.list)
}

pub(super) fn write_list(database: &Connection, list: ListMark) -> rusqlite::Result<()> {
    write_value(database, "list_row", &list.row)?;
    write_value(database, "list_taken", &list.taken)?;
    write_value(database, "list_done", &u8::from(list.done))
}

pub(super) fn write_value(
    database: &Connection,
    name: &str,
    value: &impl serde::Serialize,
) -> rusqlite::Result<()> {
    let text = serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let sum = check::of_text(name, &text);
    database
        .prepare_cached(
            "INSERT INTO job(name, value, sum) VALUES (?1, ?2, ?3) \
             ON CONFLICT(name) DO UPDATE SET value = excluded.value, sum = excluded.sum",
        )?
        .execute(params![name, text, sum])
        .map(|_| ())
}
