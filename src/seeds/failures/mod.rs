//! Reads haul's own outputs again: which URLs failed and have no better record since.
//!
//! The newest record of a request counts; records are in the order they were written. Memory is bounded by the
//! number of failures: an output is read once to find them, and a second time to turn them into jobs. A record
//! contains no request headers and no request body: a request that had its own body is listed, but never sent
//! without it.

mod error;
mod jsonl;
mod output;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(not(feature = "parquet"))]
#[path = "without_parquet.rs"]
mod parquet;
mod recorded;
mod sqlite;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use error::{not_ours, refused, unreadable};
pub use output::Failures;
use output::OutputFormat;
pub(super) use recorded::Recorded;
use recorded::{FailureKind, Item};

use super::entry::JobBuilder;
use super::feeder::{Enough, Feeder};
use super::input::open_lines;
use super::table;
use crate::error::Result;
use crate::job::rows::Rows;

impl Failures {
    /// Reads an output of any format that stores records.
    ///
    /// These are JSON Lines and CSV, possibly compressed, SQLite, and folders of Parquet files. `wanted` decides by
    /// status and error class whether a failure is fetched again.
    ///
    /// # Errors
    /// If the output cannot be read, or was not written by haul.
    pub fn read(path: &Path, wanted: &dyn Fn(Option<u16>, &str) -> bool) -> Result<Self> {
        let format = detect_format(path)?;
        let mut failing: HashMap<u64, (u64, FailureKind)> = HashMap::new();
        let (mut number, mut records, mut foreign) = (0, 0, 0);
        each(path, format, &mut |item| {
            number += 1;
            let Some(recorded) = item else {
                foreign += 1;
                return Ok(());
            };
            records += 1;
            if recorded.duplicate_of.is_some() {
                return Ok(());
            }
            match recorded.failure_kind(wanted) {
                Some(kind) => failing.insert(recorded.request_hash(), (number, kind)),
                None => failing.remove(&recorded.request_hash()),
            };
            Ok(())
        })?;
        if records == 0 && foreign > 0 {
            return Err(not_ours(path));
        }
        let mut failures = Self {
            path: path.to_owned(),
            format,
            of: failing.len() as u64,
            foreign,
            ..Self::default()
        };
        let (mut chosen, mut with_bodies) = (Vec::new(), Vec::new());
        for (number, kind) in failing.into_values() {
            match kind {
                FailureKind::Wanted => chosen.push(number),
                FailureKind::Other => {}
                FailureKind::Malformed => failures.malformed += 1,
                FailureKind::WithBody(row) => {
                    failures.with_bodies_count += 1;
                    with_bodies.extend(row);
                }
            }
        }
        failures.count = chosen.len() as u64;
        failures.chosen = Rows::of(chosen, None);
        failures.with_bodies = Rows::of(with_bodies, None);
        Ok(failures)
    }

    /// Turns the failures into jobs, with the rows of their records.
    pub(super) fn feed(
        &self,
        maker: &mut JobBuilder,
        feeder: &mut Feeder<'_>,
    ) -> Result<Result<(), Enough>> {
        let mut number = 0;
        let mut ended = false;
        each(&self.path, self.format, &mut |item| {
            number += 1;
            // Anything after this was appended by the run itself.
            let last = self.chosen.last().unwrap_or_default();
            if number > last {
                return Err(Enough);
            }
            let Some(recorded) = item.filter(|_| self.chosen.contains(number)) else {
                return Ok(());
            };
            let rows = feeder.settings.rows.as_ref();
            if rows.is_some_and(|rows| recorded.row.is_none_or(|row| !rows.contains(row))) {
                return Ok(());
            }
            feeder.row = feeder.rows_before + number;
            let fed = feeder.feed(recorded.into_entry(maker));
            ended = fed.is_err();
            fed
        })?;
        Ok(if ended { Err(Enough) } else { Ok(()) })
    }
}

/// Calls `visit` for each record of an output, in order, until it has enough.
fn each(
    path: &Path,
    format: OutputFormat,
    visit: &mut dyn FnMut(Item) -> Result<(), Enough>,
) -> Result<()> {
    let name = path.display().to_string();
    let open = || {
        let file = File::open(path).map_err(|source| unreadable(path, source))?;
        open_lines(&name, Box::new(file))
    };
    match format {
        OutputFormat::Jsonl => {
            jsonl::each(open()?, visit).map_err(|source| unreadable(path, source))
        }
        OutputFormat::Csv => match table::each_record(open()?, visit) {
            Ok(true) => Ok(()),
            Ok(false) => Err(not_ours(path)),
            Err(source) => Err(unreadable(path, source)),
        },
        OutputFormat::Sqlite => sqlite::each(path, visit),
        OutputFormat::Parquet => parquet::each(path, visit),
    }
}

/// The format of an output.
fn detect_format(path: &Path) -> Result<OutputFormat> {
    let unreadable = |source| unreadable(path, source);
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Ok(OutputFormat::Parquet);
    }
    if !metadata.is_file() {
        let problem =
            "a pipe or a device: failures can only be read from a file, because it is read twice";
        return Err(refused(path, problem));
    }
    let mut head = [0; 16];
    let mut file = File::open(path).map_err(unreadable)?;
    let length = file.read(&mut head).map_err(unreadable)?;
    if head[..length].starts_with(b"SQLite format 3\0") {
        return Ok(OutputFormat::Sqlite);
    }
    let file = File::open(path).map_err(unreadable)?;
    let mut lines = open_lines(&path.display().to_string(), Box::new(file))?;
    let sample = lines.sample(1, &mut ()).map_err(unreadable)?;
    match sample.trim_ascii_start().first() {
        Some(b'{') | None => Ok(OutputFormat::Jsonl),
        Some(_) => Ok(OutputFormat::Csv),
    }
}
