//! Sinks: where records go.
//!
//! A sink is plain blocking code; all of them run on one thread behind a bounded queue (`Writer`), so records
//! never interleave and a slow disk slows the run instead of filling memory. A sink that fails stops the run. Each says
//! what it [wants](Sink::wants), and only that is computed. A new format is one file and one line in [`open`].

mod csv;
mod field;
mod files;
mod folder;
mod jsonl;
mod name;
mod names;
mod output;
mod record;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod schema;
mod template;
#[cfg(test)]
mod tests;
mod text;
mod value;
mod writer;

use std::path::PathBuf;
use std::str::FromStr;

pub use files::Files;
pub use record::{FIELDS, Record, SCHEMA};
pub use template::Template;
pub(crate) use writer::Writer;

use crate::error::{Error, Result};
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

    /// Hands everything written so far to the system: a reader of a pipe sees it.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn flush(&mut self) -> Result<()>;

    /// Writes what comes last, and makes sure that all of it is on disk.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn finish(self: Box<Self>) -> Result<()>;
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkSettings {
    /// How they are written.
    pub format: Format,
    /// Where.
    pub destination: Destination,
    /// A template for each record, instead of a format.
    pub template: Option<Template>,
    /// Whether records hold the decoded text.
    pub body: bool,
    /// The folder that bodies are saved to, each under a name made from its URL.
    pub folder: Option<PathBuf>,
    /// Whether the text format is coloured.
    pub color: bool,
}

/// The names of the formats, as `--format` takes them.
pub const FORMATS: [&str; 3] = ["text", "jsonl", "csv"];

impl Default for SinkSettings {
    fn default() -> Self {
        Self {
            format: Format::Text,
            destination: Destination::Stdout,
            template: None,
            body: false,
            folder: None,
            color: false,
        }
    }
}

impl Format {
    /// The format that a file's name asks for.
    pub fn of_path(path: &std::path::Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "jsonl" | "ndjson" | "json" => Some(Format::Jsonl),
            "csv" => Some(Format::Csv),
            "txt" | "text" => Some(Format::Text),
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
            other => Err(format!("no format {other:?}: {}", FORMATS.join(", "))),
        }
    }
}

/// Opens the sink that the settings describe.
///
/// # Errors
/// When a file cannot be created.
pub fn open(settings: &SinkSettings) -> Result<Box<dyn Sink>> {
    let output = output::Output::open(&settings.destination)?;
    Ok(match (&settings.template, settings.format) {
        (Some(template), _) => Box::new(template::TemplateSink::new(output, template.clone())),
        (None, Format::Text) => Box::new(text::Text::new(output, settings.color)),
        (None, Format::Jsonl) => Box::new(jsonl::Jsonl::new(output, settings.body)),
        (None, Format::Csv) => Box::new(csv::Csv::new(output, settings.body)?),
    })
}

/// Opens the folder that bodies are saved to, where the settings name one.
///
/// # Errors
/// When it cannot be created or written.
pub fn open_files(settings: &SinkSettings) -> Result<Option<Files>> {
    settings.folder.as_deref().map(Files::open).transpose()
}

/// What the sinks of these settings want, before they are opened.
pub fn wants(settings: &SinkSettings) -> Wants {
    let records = match (&settings.template, settings.format) {
        (Some(template), _) => template.wants(),
        (None, Format::Text) => Wants::NOTHING,
        (None, Format::Jsonl | Format::Csv) => Wants {
            digest: true,
            title: true,
            text: settings.body,
            content: false,
        },
    };
    let files = Wants {
        content: settings.folder.is_some(),
        ..Wants::NOTHING
    };
    records.and(files)
}

/// A write error on a destination, for people.
fn failed(destination: &Destination, source: std::io::Error) -> Error {
    match destination {
        Destination::Stdout => Error::output("standard output", source),
        Destination::File { path, .. } => Error::output(path, source),
    }
}
