//! An output of haul: its format, and how it is read.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::error::{refused, unreadable};
use super::item::Visitor;
use super::wanted::Wanted;
use super::{arrow, csv, jsonl, parquet, sqlite};
use crate::error::Result;
use crate::input::{Input, open_lines};

/// The format of an output, detected from its first bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum OutputFormat {
    #[default]
    Jsonl,
    Csv,
    Sqlite,
    Parquet,
    Arrow,
}

/// An output that haul wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Output {
    path: PathBuf,
    format: OutputFormat,
    /// The bytes, or the rows of SQLite, after which the rest is ignored.
    end: Option<u64>,
}

impl OutputFormat {
    /// The name of the format, as `--format` accepts it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            OutputFormat::Jsonl => "jsonl",
            OutputFormat::Csv => "csv",
            OutputFormat::Sqlite => "sqlite",
            OutputFormat::Parquet => "parquet",
            OutputFormat::Arrow => "arrow",
        }
    }
}

impl Output {
    /// Opens an output, and detects its format. Whether it has records shows when it is read.
    ///
    /// # Errors
    /// If it cannot be read, is an archive, or is a pipe, which could not be read twice.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            format: detect_format(path)?,
            end: None,
        })
    }

    /// Ignores what comes after the mark of a job: a killed process may have left more, and torn records.
    #[must_use]
    pub(crate) fn up_to(mut self, mark: &Value) -> Self {
        let name = match self.format {
            OutputFormat::Jsonl | OutputFormat::Csv | OutputFormat::Arrow => "bytes",
            OutputFormat::Sqlite => "pages",
            // A part is complete, or is not there.
            OutputFormat::Parquet => return self,
        };
        self.end = mark.get(name).and_then(Value::as_u64);
        self
    }

    /// The path of the output.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The format of the output.
    pub(crate) fn format(&self) -> OutputFormat {
        self.format
    }

    /// Passes every item that the visitor chooses to it, in order.
    ///
    /// # Errors
    /// If haul did not write it, or it cannot be read to its end.
    pub(crate) fn each(&self, wanted: Wanted, visitor: &mut dyn Visitor) -> Result<()> {
        match self.format {
            OutputFormat::Jsonl => jsonl::each(&self.path, self.lines()?, wanted, visitor),
            OutputFormat::Csv => csv::each(&self.path, self.lines()?, wanted, visitor),
            OutputFormat::Sqlite => sqlite::each(&self.path, self.end, wanted, visitor),
            OutputFormat::Parquet => parquet::each(&self.path, wanted, visitor),
            OutputFormat::Arrow => arrow::each(&self.path, self.end, wanted, visitor),
        }
    }

    fn lines(&self) -> Result<Input> {
        let file = File::open(&self.path).map_err(|source| unreadable(&self.path, source))?;
        let file = file.take(self.end.unwrap_or(u64::MAX));
        open_lines(&self.path.display().to_string(), Box::new(file))
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
            "a pipe or a device: records can only be read from a file, because it is read twice";
        return Err(refused(path, problem));
    }
    let mut head = [0; 16];
    let mut file = File::open(path).map_err(unreadable)?;
    let length = file.read(&mut head).map_err(unreadable)?;
    if head[..length].starts_with(b"SQLite format 3\0") {
        return Ok(OutputFormat::Sqlite);
    }
    if head[..length].starts_with(b"ARROW1") {
        return Ok(OutputFormat::Arrow);
    }
    let file = File::open(path).map_err(unreadable)?;
    let mut lines = open_lines(&path.display().to_string(), Box::new(file))?;
    let sample = lines.sample(1, &mut ()).map_err(unreadable)?;
    match sample.trim_ascii_start().first() {
        Some(b'{') | None => Ok(OutputFormat::Jsonl),
        Some(_) => Ok(OutputFormat::Csv),
    }
}
