//! What is written, and where: the settings of each sink, and of the folder that bodies are saved to.

use std::path::PathBuf;

use super::format_settings::TextSettings;
use super::{Destination, Format, parquet};
use crate::archive::LIST;

/// A place for records, and what they look like there.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkSettings {
    /// Where they are written.
    pub destination: Destination,
    /// How.
    pub format: Format,
}

/// The folder that bodies are saved to, each in a file of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesSettings {
    /// The folder; made where there is none.
    pub folder: PathBuf,
    /// How the files in it are named.
    pub layout: Layout,
}

/// How the files that bodies are saved to are named, and what becomes of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// After their URLs; their bytes are those that were sent.
    AsSent,
    /// After their URLs, with the suffixes that a browser knows them by.
    ///
    /// When a crawl ends, their references are rewritten so that they lead to each other.
    Browsable,
}

impl Default for SinkSettings {
    /// Lines for people on standard output.
    fn default() -> Self {
        Self {
            destination: Destination::Stdout,
            format: Format::Text(TextSettings::default()),
        }
    }
}

impl SinkSettings {
    /// Records in this file, written anew, in this format.
    ///
    /// ```
    /// use haul::sink::{Format, RecordSettings, SinkSettings};
    ///
    /// let with_text = RecordSettings { body: true, ..RecordSettings::default() };
    /// let sink = SinkSettings::file("pages.jsonl", Format::Jsonl(with_text));
    /// assert!(sink.is_rewindable());
    /// ```
    pub fn file(path: impl Into<PathBuf>, format: Format) -> Self {
        let destination = Destination::file(path);
        Self {
            destination,
            format,
        }
    }

    /// Whether what is written can be taken back after a crash: a job may use no other. Standard output, a pipe and a
    /// device cannot be cut; a file that is not there yet can.
    pub fn is_rewindable(&self) -> bool {
        match (&self.destination, &self.format) {
            (Destination::File { path, .. }, Format::Parquet(_)) => parquet::is_rewindable(path),
            (destination, _) => destination.is_rewindable(),
        }
    }
}

impl FilesSettings {
    /// Bodies as they were sent, in this folder.
    pub fn folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            layout: Layout::AsSent,
        }
    }

    /// The list of its files. What was saved there before stays listed. A copy that is made for browsing has none.
    pub(crate) fn index(&self) -> Option<Destination> {
        (self.layout == Layout::AsSent).then(|| Destination::File {
            path: self.folder.join(LIST),
            append: true,
        })
    }
}
