//! Sinks: where records go.
//!
//! A sink is plain blocking code; all of them run on one thread behind a bounded queue (`Writer`), so records
//! never interleave and a slow disk slows the run instead of filling memory. A sink that fails stops the run. Each says
//! what it [wants](Sink::wants), and only that is computed. A new format is one file and one line in [`open`].
//!
//! A job asks its sinks for [marks](Mark) and keeps them; when it goes on, each sink begins [at](Start::At) its mark, and
//! every record is there once. A sink knows its own mark and nothing of who keeps it.

mod aside;
#[cfg(test)]
mod contract;
mod counts;
#[cfg(test)]
mod crash;
mod csv;
mod edges;
mod field;
mod files;
mod folder;
mod growing;
mod hold;
mod holders;
mod index;
mod journal;
mod jsonl;
mod kept;
mod lines;
mod mark;
mod mirror;
mod name;
mod names;
mod output;
mod packing;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(not(feature = "parquet"))]
#[path = "parquet/without.rs"]
mod parquet;
mod record;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod schema;
mod sinks;
mod sqlite;
mod tail;
mod template;
#[cfg(test)]
mod tests;
mod text;
mod value;
mod wacz;
mod warc;
mod writer;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use http::HeaderName;

pub(crate) use counts::Counter;
pub use counts::Counts;
pub use files::Files;
pub(crate) use holders::Holders;
pub use kept::Kept;
use lines::Lines;
pub use mark::{Mark, Start};
pub(crate) use mirror::Mirror;
pub use record::{FIELDS, Record, SCHEMA};
pub(crate) use sinks::{Marks, Sinks};
pub use template::Template;
pub use warc::ArchiveSettings;
pub(crate) use writer::Writer;

use crate::archive::LIST;
use crate::error::{Error, Result};
use crate::fields::Table;
use crate::parse::Wants;
use crate::visit::Visit;

/// Somewhere that records go.
pub trait Sink: Send {
    /// What it needs to know of a page, beyond its head.
    fn wants(&self) -> Wants;

    /// Takes one visit.
    ///
    /// # Errors
    /// When it cannot be written: the run stops.
    fn write(&mut self, visit: &Visit) -> Result<()>;

    /// Hands everything written so far to the system: a reader of a pipe sees it. Where nothing is held back there is
    /// nothing to do.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    /// All sinks of the run were flushed: from now on what is there stays.
    fn keep(&mut self) {}

    /// Whether what was flushed cannot be taken back. Such a sink is flushed after the others.
    fn is_final(&self) -> bool {
        false
    }

    /// After an error: forgets what was written since it was last told to [`keep`](Self::keep) what is there, so that no
    /// half record stays and nothing is there that the user is told to fetch again. Answers whether what is there now is
    /// exactly what was there then; where that is not known, nobody is told what is missing.
    fn take_back(&mut self) -> bool {
        false
    }

    /// Makes sure that everything written so far survives a crash of the machine, and says how far that is. Waits for
    /// the disk: a run without a job never asks.
    ///
    /// # Errors
    /// As [`write`](Self::write); where what was written cannot be taken back, as on standard output, and by default.
    fn checkpoint(&mut self) -> Result<Mark> {
        let problem = "a job cannot write to a sink that has no marks: after a kill nothing could be taken back from it";
        Err(Error::Setting(problem.into()))
    }

    /// Writes what comes last, and makes sure that all of it is on disk. Answers a mark as
    /// [`checkpoint`](Self::checkpoint) does, to go on from should there be more to write one day; `None` where there is
    /// none, and by default.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn finish(self: Box<Self>) -> Result<Option<Mark>> {
        Ok(None)
    }
}

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A line for people.
    Text,
    /// A JSON object a line.
    Jsonl,
    /// RFC 4180, a header line first.
    Csv,
    /// The links of each page instead of its record, as RFC 4180: from, to, kind, nofollow.
    Edges,
    /// The links of each page instead of its record, as a digraph for Graphviz.
    Dot,
    /// WARC 1.1: every answer with its bytes as received. By the suffix of its file as it is, in gzip members (`.gz`),
    /// or with its index in a package (`.wacz`).
    Warc,
    /// A SQLite file: a table of pages, and one for each recipe.
    Sqlite,
    /// A folder of Parquet files: the pages, and a table of each recipe's items.
    Parquet,
    /// The list of the files that bodies were saved to, JSON Lines in their folder.
    Index,
}

/// Where records are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// A file; `append` keeps what is in it.
    File {
        /// Its path.
        path: PathBuf,
        /// Whether what is in it stays.
        append: bool,
    },
}

/// What records look like and where they go.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkSettings {
    /// How they are written.
    pub format: Format,
    /// Where.
    pub destination: Destination,
    /// A template for each record, instead of a format.
    pub template: Option<Template>,
    /// Whether records hold the decoded text.
    pub body: bool,
    /// The header fields of answers that records hold.
    pub headers: Vec<HeaderName>,
    /// The folder that bodies are saved to, each under a name made from its URL.
    pub folder: Option<PathBuf>,
    /// How the files in it are named.
    pub layout: Layout,
    /// Whether the text format is coloured.
    pub color: bool,
    /// What is read out of pages: the tables that [`Item::table`](crate::fields::Item::table) counts in. Filled in when a
    /// run starts.
    pub tables: Vec<Table>,
    /// What an archive says of the run, and how large its files are.
    pub archive: ArchiveSettings,
}

/// How the files that bodies are saved to are named, and what becomes of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// After their URLs; their bytes are those that were sent.
    AsSent,
    /// After their URLs, with the ends that a browser knows them by; when a crawl ends, their references are rewritten so
    /// that they lead to each other.
    Browsable,
}

/// The names of the formats, as `--format` takes them.
pub const FORMATS: [&str; 6] = ["text", "jsonl", "csv", "warc", "sqlite", "parquet"];

/// What an archive wants of a page.
const ARCHIVED: Wants = Wants {
    title: true,
    raw: true,
    ..Wants::NOTHING
};

impl Default for SinkSettings {
    fn default() -> Self {
        Self {
            format: Format::Text,
            destination: Destination::Stdout,
            template: None,
            body: false,
            headers: Vec::new(),
            folder: None,
            layout: Layout::AsSent,
            color: false,
            tables: Vec::new(),
            archive: ArchiveSettings::default(),
        }
    }
}

impl SinkSettings {
    /// Whether what is written can be taken back after a crash: a job may use no other. Standard output, a pipe and a
    /// device cannot be cut; a file that is not there yet can.
    pub fn is_rewindable(&self) -> bool {
        match &self.destination {
            Destination::Stdout => false,
            Destination::File { path, .. }
                if self.format == Format::Parquet && self.template.is_none() =>
            {
                parquet::is_rewindable(path)
            }
            Destination::File { path, .. } => {
                std::fs::metadata(path).map_or(true, |found| found.is_file())
            }
        }
    }
}

impl Format {
    /// Its name, as `--format` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Jsonl => "jsonl",
            Format::Csv => "csv",
            Format::Edges => "edges",
            Format::Dot => "dot",
            Format::Warc => "warc",
            Format::Sqlite => "sqlite",
            Format::Parquet => "parquet",
            Format::Index => "index",
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
    pub fn of_path(path: &std::path::Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        if name.ends_with(".warc.gz") {
            return Some(Format::Warc);
        }
        if packing::Packing::of_path(path).is_some() {
            let inner = Self::of_path(Path::new(path.file_stem()?))?;
            let packs = matches!(inner, Format::Jsonl | Format::Csv | Format::Text);
            return packs.then_some(inner);
        }
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "warc" | "wacz" => Some(Format::Warc),
            "jsonl" | "ndjson" | "json" => Some(Format::Jsonl),
            "csv" => Some(Format::Csv),
            "txt" | "text" => Some(Format::Text),
            "parquet" => Some(Format::Parquet),
            end if sqlite::is_name(end) => Some(Format::Sqlite),
            _ => None,
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Format::Text),
            "jsonl" | "json" => Ok(Format::Jsonl),
            "csv" => Ok(Format::Csv),
            "warc" => Ok(Format::Warc),
            "sqlite" => Ok(Format::Sqlite),
            "parquet" => Ok(Format::Parquet),
            other => Err(format!("no format {other:?}: {}", FORMATS.join(", "))),
        }
    }
}

/// What the sink of these settings is called from session to session: a job keeps its mark by this name.
///
/// The format and the path as the settings have it: the same command in another folder finds the mark, and no file.
pub fn name(settings: &SinkSettings) -> String {
    let format = match &settings.template {
        Some(_) => "template",
        None => settings.format.name(),
    };
    match &settings.destination {
        Destination::Stdout => format!("{format}:-"),
        Destination::File { path, .. } => format!("{format}:{}", spelled(path)),
    }
}

/// As [`name`], of the folder that bodies are saved to, where the settings name one.
pub fn files_name(settings: &SinkSettings) -> Option<String> {
    let folder = settings.folder.as_deref()?;
    Some(format!("files:{}", spelled(folder)))
}

/// The sink of the list of the files that bodies are saved to, where the settings name a folder for them. What was saved
/// there before stays listed. A copy that is made for browsing has none.
pub fn index_of(settings: &SinkSettings) -> Option<SinkSettings> {
    let folder = settings.folder.as_deref()?;
    (settings.layout == Layout::AsSent).then(|| SinkSettings {
        format: Format::Index,
        destination: Destination::File {
            path: folder.join(LIST),
            append: true,
        },
        ..SinkSettings::default()
    })
}

/// Whether a folder is a Parquet dataset that haul wrote.
pub fn is_dataset(path: &Path) -> bool {
    parquet::is_dataset(path)
}

/// Opens the sink that the settings describe.
///
/// # Errors
/// When a file cannot be created; when it is not what its mark says, which somebody must have changed; where a job
/// writes to standard output.
pub fn open(settings: &SinkSettings, start: Start<'_>) -> Result<Box<dyn Sink>> {
    let output = || output::Output::open_packed(&settings.destination, start);
    if let Some(template) = &settings.template {
        let filled = template::Filled::new(template.clone(), settings.headers.clone());
        return Ok(Box::new(Lines::new(output()?, filled, start)));
    }
    Ok(match (settings.format, &settings.destination) {
        (Format::Text, _) => {
            let color = settings.color;
            Box::new(Lines::new(output()?, text::Text { color }, start))
        }
        (Format::Jsonl, _) => {
            let render = jsonl::Jsonl {
                body: settings.body,
                headers: settings.headers.clone(),
            };
            Box::new(Lines::new(output()?, render, start))
        }
        (Format::Csv, _) => Box::new(csv::Csv::open(settings, start)?),
        (Format::Edges, _) => Box::new(edges::Edges::open(settings, edges::Form::Csv, start)?),
        (Format::Dot, _) => Box::new(edges::Edges::open(settings, edges::Form::Dot, start)?),
        (Format::Warc, Destination::File { path, .. }) if is_wacz(path) => {
            Box::new(wacz::Wacz::open(settings, start)?)
        }
        (Format::Warc, _) => Box::new(warc::Warc::open(settings, start)?),
        (Format::Parquet, _) => parquet::open(settings, start)?,
        (Format::Index, to) => Box::new(index::Index::open(to, start)?),
        (Format::Sqlite, _) => Box::new(sqlite::Sqlite::open(settings, start)?),
    })
}

/// Opens the folder that bodies are saved to, where the settings name one. A job names a file of its own, the journal,
/// that the names of the files are kept in.
///
/// # Errors
/// When it cannot be created or written; when the journal is not what its mark says, or there is a mark and no journal.
pub fn open_files(
    settings: &SinkSettings,
    start: Start<'_>,
    journal: Option<&Path>,
) -> Result<Option<Files>> {
    let Some(folder) = settings.folder.as_deref() else {
        return Ok(None);
    };
    let files = match (journal, start) {
        (Some(journal), _) => Files::with_journal(folder, start, journal),
        (None, Start::At(_)) => Err(Error::Setting(format!(
            "nobody kept the names of the files in {}: a job needs a journal of them",
            folder.display()
        ))),
        (None, Start::Fresh | Start::Over) => Files::open(folder),
    };
    let mut files = files?;
    files.arrange(settings.layout);
    Ok(Some(files))
}

/// What the sinks of these settings want, before they are opened.
pub fn wants(settings: &SinkSettings) -> Wants {
    let records = match (&settings.template, settings.format) {
        (Some(template), _) => template.wants(),
        (None, Format::Text | Format::Edges | Format::Dot | Format::Index) => Wants::NOTHING,
        (None, Format::Warc) => ARCHIVED,
        (None, Format::Jsonl | Format::Csv | Format::Sqlite | Format::Parquet) => {
            wants_of_records(settings.body)
        }
    };
    let files = Wants {
        content: settings.folder.is_some(),
        ..Wants::NOTHING
    };
    records.and(files)
}

/// What whole records want of a page.
fn wants_of_records(body: bool) -> Wants {
    Wants {
        digest: true,
        title: true,
        text: body,
        ..Wants::NOTHING
    }
}

/// Whether a file's name asks for a package.
fn is_wacz(path: &Path) -> bool {
    path.extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("wacz"))
}

/// A path as text that two paths never share; plain where the path is plain.
fn spelled(path: &Path) -> String {
    match path.to_str() {
        Some(text) => text.to_owned(),
        None => path
            .as_os_str()
            .as_encoded_bytes()
            .escape_ascii()
            .to_string(),
    }
}
