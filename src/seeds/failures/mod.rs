//! Outputs that haul wrote, read again: which URLs failed and have no better record since.
//!
//! The newest record of a request counts, as records are in the order in which they were written. Memory is bounded by the
//! failures: an output is read once to find them, and once more to make jobs of them. A record holds no headers and
//! no body: a request that had a body of its own is named, never sent without it.

mod jsonl;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(not(feature = "parquet"))]
#[path = "without_parquet.rs"]
mod parquet;
mod sqlite;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};
use xxhash_rust::xxh3::Xxh3;

use super::entry::Maker;
use super::source::opened;
use super::{Enough, Entry, Feeder, json, table};
use crate::error::{Error, Result};
use crate::job::Request;
use crate::rows::Rows;

/// Classes of errors that are decisions, not failures: what was not meant to be asked.
const DECISIONS: [&str; 3] = ["robots", "skipped", "duplicate"];

/// The failures in an output that haul wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failures {
    path: PathBuf,
    format: Format,
    /// The numbers of the records to fetch again, from 1.
    chosen: Rows,
    /// How many records those are.
    pub count: u64,
    /// How many requests failed in all.
    pub of: u64,
    /// Rows that were sent with a method whose body no record holds.
    pub with_bodies: Rows,
    /// How many requests those are.
    pub with_bodies_count: u64,
    /// Lines that were no URL: they are none the second time either.
    pub malformed: u64,
    /// Lines of the output that are no records.
    pub foreign: u64,
}

/// What an output is, by its first bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Format {
    #[default]
    Jsonl,
    Csv,
    Sqlite,
    Parquet,
}

/// What a record says about its request and its end.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Recorded {
    row: Option<u64>,
    url: String,
    status: Option<u16>,
    error: Option<String>,
    duplicate_of: Option<u64>,
    method: Option<String>,
    depth: Option<u16>,
    found_on: Option<String>,
    columns: Map<String, Value>,
    /// Which pass over failures wrote it; outputs of earlier versions do not say.
    pass: u32,
}

/// An item of an output: a record, or something else.
type Item = Option<Recorded>;

impl Failures {
    /// Reads an output: JSON Lines or CSV, packed or not, SQLite, or a folder of Parquet files. `wanted` says of a status
    /// and the class of an error whether such a failure is fetched again.
    ///
    /// # Errors
    /// When it cannot be read, or haul did not write it.
    pub fn read(path: &Path, wanted: &dyn Fn(Option<u16>, &str) -> bool) -> Result<Self> {
        let format = format_of(path)?;
        let mut failing: HashMap<u64, (u64, Kind)> = HashMap::new();
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
            match recorded.kind(wanted) {
                Some(kind) => failing.insert(recorded.request(), (number, kind)),
                None => failing.remove(&recorded.request()),
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
                Kind::Wanted => chosen.push(number),
                Kind::Other => {}
                Kind::Malformed => failures.malformed += 1,
                Kind::WithBody(row) => {
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

    /// The output.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of its format, as `--format` takes it.
    pub fn format(&self) -> &'static str {
        match self.format {
            Format::Jsonl => "jsonl",
            Format::Csv => "csv",
            Format::Sqlite => "sqlite",
            Format::Parquet => "parquet",
        }
    }

    /// Makes jobs of the failures. Their records have the rows that they had.
    pub(super) fn feed(
        &self,
        maker: &mut Maker,
        feeder: &mut Feeder<'_>,
    ) -> Result<Result<(), Enough>> {
        let mut number = 0;
        let mut ended = false;
        each(&self.path, self.format, &mut |item| {
            number += 1;
            // What the run itself appends comes later.
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

/// What a failure is to whoever fetches it again.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Wanted,
    Other,
    Malformed,
    WithBody(Option<u64>),
}

impl Recorded {
    /// What kind of failure it is; `None` where it is none.
    fn kind(&self, wanted: &dyn Fn(Option<u16>, &str) -> bool) -> Option<Kind> {
        let class = self.error.as_deref().filter(|class| !class.is_empty())?;
        if DECISIONS.contains(&class) {
            return None;
        }
        Some(match class {
            "malformed" => Kind::Malformed,
            class if !wanted(self.status, class) => Kind::Other,
            _ if json::recorded_method(self.method.as_deref()).is_err() => Kind::WithBody(self.row),
            _ => Kind::Wanted,
        })
    }

    /// What tells its request from others.
    fn request(&self) -> u64 {
        let mut hash = Xxh3::new();
        hash.update(&self.row.unwrap_or_default().to_le_bytes());
        for text in [
            self.url.as_str(),
            self.method.as_deref().unwrap_or_default(),
        ] {
            hash.update(&(text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
        hash.digest()
    }

    fn into_entry(self, maker: &mut Maker) -> Entry {
        let columns = self.columns.into_iter();
        let request = Request {
            method: json::recorded_method(self.method.as_deref()).unwrap_or_default(),
            columns: columns
                .map(|(name, value)| (Arc::from(name), value))
                .collect(),
            ..Request::default()
        };
        let request = request.says_something().then_some(request);
        let mut entry = maker.request(self.row.unwrap_or_default(), &self.url, request);
        if let Entry::Job(job) = &mut entry {
            job.row = self.row;
            job.pass = self.pass.saturating_add(1);
            job.depth = self.depth.unwrap_or_default();
            job.found_on = self.found_on.map(Arc::from);
        }
        entry
    }

    /// Out of the cells of a table, by the names of their columns.
    pub(super) fn of_cells<'c>(cells: impl Iterator<Item = (&'c str, Cow<'c, str>)>) -> Self {
        let mut recorded = Self::default();
        cells.for_each(|(name, text)| recorded.set(name, &text));
        recorded
    }

    /// Fills in a field of this name from a table of texts.
    fn set(&mut self, name: &str, text: &str) {
        let some = || (!text.is_empty()).then(|| text.to_owned());
        match name {
            "row" => self.row = text.parse().ok(),
            PASS => self.pass = text.parse().unwrap_or_default(),
            "url" => self.url = text.to_owned(),
            "status" => self.status = text.parse().ok(),
            "error" => self.error = some(),
            "duplicate_of" => self.duplicate_of = text.parse().ok(),
            "method" => self.method = some(),
            "depth" => self.depth = text.parse().ok(),
            "found_on" => self.found_on = some(),
            "columns" => self.columns = serde_json::from_str(text).unwrap_or_default(),
            _ => {}
        }
    }
}

/// The fields of a record that say what its request was and how it ended.
const WANTED: [&str; 9] = [
    "row",
    "url",
    "status",
    "error",
    "duplicate_of",
    "method",
    "depth",
    "found_on",
    "columns",
];

/// The field that says which pass wrote a record.
const PASS: &str = "pass";

/// Calls `tell` for each record of an output, in their order, until it has enough.
fn each(
    path: &Path,
    format: Format,
    tell: &mut dyn FnMut(Item) -> Result<(), Enough>,
) -> Result<()> {
    let name = path.display().to_string();
    let open = || {
        let file = File::open(path).map_err(|source| unreadable(path, source))?;
        opened(&name, Box::new(file))
    };
    match format {
        Format::Jsonl => jsonl::each(open()?, tell).map_err(|source| unreadable(path, source)),
        Format::Csv => match table::each_record(open()?, tell) {
            Ok(true) => Ok(()),
            Ok(false) => Err(not_ours(path)),
            Err(source) => Err(unreadable(path, source)),
        },
        Format::Sqlite => sqlite::each(path, tell),
        Format::Parquet => parquet::each(path, tell),
    }
}

/// What an output is.
fn format_of(path: &Path) -> Result<Format> {
    let unreadable = |source| unreadable(path, source);
    let found = fs::metadata(path).map_err(unreadable)?;
    if found.is_dir() {
        return Ok(Format::Parquet);
    }
    if !found.is_file() {
        let problem = "a pipe or a device: its failures are found in a file, which is read twice";
        return Err(refused(path, problem));
    }
    let mut head = [0; 16];
    let mut file = File::open(path).map_err(unreadable)?;
    let length = file.read(&mut head).map_err(unreadable)?;
    if head[..length].starts_with(b"SQLite format 3\0") {
        return Ok(Format::Sqlite);
    }
    let file = File::open(path).map_err(unreadable)?;
    let mut lines = opened(&path.display().to_string(), Box::new(file))?;
    let sample = lines.sample(1, &mut ()).map_err(unreadable)?;
    match sample.trim_ascii_start().first() {
        Some(b'{') | None => Ok(Format::Jsonl),
        Some(_) => Ok(Format::Csv),
    }
}

fn unreadable(path: &Path, source: io::Error) -> Error {
    Error::Input {
        name: path.display().to_string(),
        source,
    }
}

fn refused(path: &Path, problem: &str) -> Error {
    Error::Table {
        name: path.display().to_string(),
        problem: problem.to_owned(),
    }
}

fn not_ours(path: &Path) -> Error {
    refused(
        path,
        "no records of haul: failures are read out of its .jsonl, .csv, .sqlite and .parquet outputs",
    )
}
