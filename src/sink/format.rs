//! The formats of records, and the names of files that ask for them.

use std::path::Path;
use std::str::FromStr;

use super::format_settings::{ArchiveSettings, RecordSettings, TemplateSettings, TextSettings};
use super::packing::Packing;
use super::sqlite;
use super::wants::{ARCHIVED, wants_of_records};
use crate::parse::Wants;

/// The names of the formats, as `--format` takes them.
pub const FORMATS: [&str; 6] = ["text", "jsonl", "csv", "warc", "sqlite", "parquet"];

/// How records are written.
#[derive(Debug, Clone, PartialEq)]
pub enum Format {
    /// A line for people.
    Text(TextSettings),
    /// A JSON object a line.
    Jsonl(RecordSettings),
    /// RFC 4180, a header line first.
    Csv(RecordSettings),
    /// A line of the user's own making.
    Template(TemplateSettings),
    /// The links of each page instead of its record, as RFC 4180: from, to, kind, nofollow.
    Edges,
    /// The links of each page instead of its record, as a digraph for Graphviz.
    Dot,
    /// WARC 1.1: every answer with its bytes as received. By the suffix of its file as it is, in gzip members (`.gz`),
    /// or with its index in a package (`.wacz`).
    Warc(ArchiveSettings),
    /// A SQLite file: a table of pages, and one for each recipe.
    Sqlite(RecordSettings),
    /// A folder of Parquet files: the pages, and a table of each recipe's items.
    Parquet(RecordSettings),
}

impl Format {
    /// Its name, as `--format` takes it.
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
        }
    }

    /// What is said of records in this format, where they are whole records.
    pub fn records(&self) -> Option<&RecordSettings> {
        match self {
            Format::Jsonl(records)
            | Format::Csv(records)
            | Format::Sqlite(records)
            | Format::Parquet(records) => Some(records),
            Format::Text(_)
            | Format::Template(_)
            | Format::Edges
            | Format::Dot
            | Format::Warc(_) => None,
        }
    }

    /// The same, to say something else.
    pub fn records_mut(&mut self) -> Option<&mut RecordSettings> {
        match self {
            Format::Jsonl(records)
            | Format::Csv(records)
            | Format::Sqlite(records)
            | Format::Parquet(records) => Some(records),
            Format::Text(_)
            | Format::Template(_)
            | Format::Edges
            | Format::Dot
            | Format::Warc(_) => None,
        }
    }

    /// The format of a map of the site that a file's name asks for: `.csv`, `.dot` or `.gv`.
    pub fn of_graph(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Format::Edges),
            "dot" | "gv" => Some(Format::Dot),
            _ => None,
        }
    }

    /// The format that a file's name asks for.
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
            end if sqlite::is_name(end) => "sqlite",
            _ => return None,
        };
        name.parse().ok()
    }

    /// What a sink in this format wants of a page, before it is opened.
    pub(crate) fn wants(&self) -> Wants {
        match self {
            Format::Template(settings) => settings.template.wants(),
            Format::Text(_) | Format::Edges | Format::Dot => Wants::NOTHING,
            Format::Warc(_) => ARCHIVED,
            Format::Jsonl(records)
            | Format::Csv(records)
            | Format::Sqlite(records)
            | Format::Parquet(records) => wants_of_records(records.body),
        }
    }
}

impl FromStr for Format {
    type Err = String;

    /// Reads the name of a format, with everything else as it is by default.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Format::Text(TextSettings::default())),
            "jsonl" | "json" => Ok(Format::Jsonl(RecordSettings::default())),
            "csv" => Ok(Format::Csv(RecordSettings::default())),
            "warc" => Ok(Format::Warc(ArchiveSettings::default())),
            "sqlite" => Ok(Format::Sqlite(RecordSettings::default())),
            "parquet" => Ok(Format::Parquet(RecordSettings::default())),
            other => Err(format!("no format {other:?}: {}", FORMATS.join(", "))),
        }
    }
}
