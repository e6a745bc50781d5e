//! The formats of records, and the file names that select them.

use std::path::Path;
use std::str::FromStr;

use super::format_settings::{ArchiveSettings, RecordSettings, TemplateSettings, TextSettings};
use super::packing::Packing;
use super::sqlite;
use super::wants::{ARCHIVED, wants_of_records};
use crate::parse::Wants;

/// The names of the formats that `--format` accepts.
pub const FORMATS: [&str; 7] = ["text", "jsonl", "csv", "warc", "sqlite", "parquet", "arrow"];

/// The format that records are written in.
#[derive(Debug, Clone, PartialEq)]
pub enum Format {
    /// One human-readable line per record.
    Text(TextSettings),
    /// One JSON object per line.
    Jsonl(RecordSettings),
    /// CSV as in RFC 4180, with a header line.
    Csv(RecordSettings),
    /// Lines made from the user's template.
    Template(TemplateSettings),
    /// The links of each page instead of its record, as CSV: from, to, kind, nofollow.
    Edges,
    /// The links of each page instead of its record, as a digraph for Graphviz.
    Dot,
    /// WARC 1.1: every response with its bytes as received.
    ///
    /// The suffix of the file decides whether it is plain, in gzip members (`.gz`), or packaged with its index
    /// (`.wacz`).
    Warc(ArchiveSettings),
    /// A SQLite file: a table of pages, and one table per recipe.
    Sqlite(RecordSettings),
    /// A folder of Parquet files: the pages, and one table per recipe for its items.
    Parquet(RecordSettings),
    /// Arrow IPC: a file with a footer, or a stream on standard output; items are nested in their records.
    Arrow(RecordSettings),
}

impl Format {
    /// The name of the format, as `--format` accepts it.
    pub const fn name(&self) -> &'static str {
        match self {
            Format::Text(_) => "text",
            Format::Jsonl(_) => "jsonl",
            Format::Csv(_) => "csv",
            Format::Template(_) => "template",
            Format::Edges => "edges",
            Format::Dot => "dot",
            Format::Warc(_) => "warc",
            Format::Sqlite(_) => "sqlite",
            Format::Parquet(_) => "parquet",
            Format::Arrow(_) => "arrow",
        }
    }

    /// Whether the format is bytes that no terminal can show.
    pub const fn is_binary(&self) -> bool {
        matches!(
            self,
            Format::Warc(_) | Format::Sqlite(_) | Format::Parquet(_) | Format::Arrow(_)
        )
    }

    /// The record settings, if the format writes whole records.
    pub fn records(&self) -> Option<&RecordSettings> {
        match self {
            Format::Jsonl(records)
            | Format::Csv(records)
            | Format::Sqlite(records)
            | Format::Parquet(records)
            | Format::Arrow(records) => Some(records),
            Format::Text(_)
            | Format::Template(_)
            | Format::Edges
            | Format::Dot
            | Format::Warc(_) => None,
        }
    }

    /// The record settings, to be changed, if the format writes whole records.
    pub fn records_mut(&mut self) -> Option<&mut RecordSettings> {
        match self {
            Format::Jsonl(records)
            | Format::Csv(records)
            | Format::Sqlite(records)
            | Format::Parquet(records)
            | Format::Arrow(records) => Some(records),
            Format::Text(_)
            | Format::Template(_)
            | Format::Edges
            | Format::Dot
            | Format::Warc(_) => None,
        }
    }

    /// Returns the link graph format that a file name selects: `.csv`, `.dot` or `.gv`.
    pub fn of_graph(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Format::Edges),
            "dot" | "gv" => Some(Format::Dot),
            _ => None,
        }
    }

    /// Returns the format that a file name selects.
    pub fn of_path(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        if name.ends_with(".warc.gz") {
            return "warc".parse().ok();
        }
        if Packing::of_path(path).is_some() {
            let inner = Self::of_path(Path::new(path.file_stem()?))?;
            let packs = matches!(inner, Format::Jsonl(_) | Format::Csv(_) | Format::Text(_));
            return packs.then_some(inner);
        }
        let name = match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "warc" | "wacz" => "warc",
            "jsonl" | "ndjson" | "json" => "jsonl",
            "csv" => "csv",
            "txt" | "text" => "text",
            "parquet" => "parquet",
            "arrow" | "feather" => "arrow",
            end if sqlite::is_name(end) => "sqlite",
            _ => return None,
        };
        name.parse().ok()
    }

    /// What a sink in this format will need from a page, known before it is opened.
    pub(crate) fn wants(&self) -> Wants {
        match self {
            Format::Template(settings) => settings.template.wants(),
            Format::Text(_) | Format::Edges | Format::Dot => Wants::NOTHING,
            Format::Warc(_) => ARCHIVED,
            Format::Jsonl(records)
            | Format::Csv(records)
            | Format::Sqlite(records)
            | Format::Parquet(records)
            | Format::Arrow(records) => wants_of_records(records.body),
        }
    }
}

impl FromStr for Format {
    type Err = String;

    /// Reads the name of a format; its settings are the defaults.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Format::Text(TextSettings::default())),
            "jsonl" | "json" => Ok(Format::Jsonl(RecordSettings::default())),
            "csv" => Ok(Format::Csv(RecordSettings::default())),
            "warc" => Ok(Format::Warc(ArchiveSettings::default())),
            "sqlite" => Ok(Format::Sqlite(RecordSettings::default())),
            "parquet" => Ok(Format::Parquet(RecordSettings::default())),
            "arrow" => Ok(Format::Arrow(RecordSettings::default())),
            other => Err(format!(
                "unknown format {other:?}; the formats are {}",
                FORMATS.join(", ")
            )),
        }
    }
}
