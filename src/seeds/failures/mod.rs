//! Reads haul's own outputs again: which URLs failed and have no better record since.
//!
//! The newest record of a request counts; records are in the order they were written. Memory is bounded by the
//! number of failures: an output is read once to find them, and a second time to turn them into jobs. A record
//! contains no request headers and no request body: a request that had its own body is listed, but never sent
//! without it.

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

use super::entry::JobBuilder;
use super::source::open_lines;
use super::{Enough, Entry, Feeder, json, table};
use crate::error::{Error, Result};
use crate::job::Request;
use crate::rows::Rows;

/// Error classes that are decisions rather than failures: what was not meant to be fetched.
const DECISIONS: [&str; 3] = ["robots", "skipped", "duplicate"];

/// The failures in an output written by haul.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failures {
    path: PathBuf,
    format: OutputFormat,
    /// The numbers of the records to fetch again, from 1.
    chosen: Rows,
    /// The number of records to fetch again.
    pub count: u64,
    /// The number of all failed requests.
    pub of: u64,
    /// Rows that were sent with a method whose body is not in the record.
    pub with_bodies: Rows,
    /// The number of those requests.
    pub with_bodies_count: u64,
    /// Lines that were not URLs: fetching them again cannot help.
    pub malformed: u64,
    /// Lines of the output that are not records.
    pub foreign: u64,
}

/// The format of an output, detected from its first bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum OutputFormat {
    #[default]
    Jsonl,
    Csv,
    Sqlite,
    Parquet,
}

/// What a record says about its request and its outcome.
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
    /// The pass over failures that wrote it; outputs of earlier versions do not say.
    pass: u32,
}

/// An item of an output: a record, or `None` for anything else.
type Item = Option<Recorded>;

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

    /// The path of the output.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of its format, as in `--format`.
    pub fn format(&self) -> &'static str {
        match self.format {
            OutputFormat::Jsonl => "jsonl",
            OutputFormat::Csv => "csv",
            OutputFormat::Sqlite => "sqlite",
            OutputFormat::Parquet => "parquet",
        }
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

/// How a failure is treated when fetching again.
#[derive(Debug, Clone, Copy)]
enum FailureKind {
    Wanted,
    Other,
    Malformed,
    WithBody(Option<u64>),
}

impl Recorded {
    /// The kind of failure; `None` if it is not one.
    fn failure_kind(&self, wanted: &dyn Fn(Option<u16>, &str) -> bool) -> Option<FailureKind> {
        let class = self.error.as_deref().filter(|class| !class.is_empty())?;
        if DECISIONS.contains(&class) {
            return None;
        }
        Some(match class {
            "malformed" => FailureKind::Malformed,
            class if !wanted(self.status, class) => FailureKind::Other,
            _ if json::recorded_method(self.method.as_deref()).is_err() => {
                FailureKind::WithBody(self.row)
            }
            _ => FailureKind::Wanted,
        })
    }

    /// A hash that identifies the request.
    fn request_hash(&self) -> u64 {
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

    fn into_entry(self, maker: &mut JobBuilder) -> Entry {
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

    /// Builds it from the cells of a table and the names of their columns.
    pub(super) fn from_cells<'c>(cells: impl Iterator<Item = (&'c str, Cow<'c, str>)>) -> Self {
        let mut recorded = Self::default();
        cells.for_each(|(name, text)| recorded.set(name, &text));
        recorded
    }

    /// Sets the field of this name from its text.
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

/// The fields of a record that describe its request and its outcome.
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

/// The field that names the pass that wrote a record.
const PASS: &str = "pass";

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
        "no records of haul: failures are read from its .jsonl, .csv, .sqlite and .parquet outputs",
    )
}
