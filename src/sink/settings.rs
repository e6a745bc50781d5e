//! The settings of each sink, and of the folder that bodies are saved to.

use std::path::PathBuf;

use super::format_settings::TextSettings;
use super::{Destination, Format, parquet};
use crate::archive::LIST;

/// The destination and format of records.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkSettings {
    /// Where records are written.
    pub destination: Destination,
    /// The format of records.
    pub format: Format,
}

/// The folder that bodies are saved to, each in its own file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesSettings {
    /// The folder; created if it does not exist.
    pub folder: PathBuf,
    /// How the files in it are named.
    pub layout: Layout,
    /// The modification time of the files.
    pub modified: Modified,
}

/// How saved bodies are named, and whether they are rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Named after their URLs, with the bytes as sent.
    AsSent,
    /// Named by the `Content-Disposition` of their responses, with the bytes as sent; without one, after their URLs.
    ///
    /// Of several responses with the same name, the first keeps it, and the others get a hash. A file that exists
    /// already is not replaced.
    NamedByServer,
    /// Named after their URLs, with the suffixes that browsers recognize.
    ///
    /// When a crawl ends, their references are rewritten to point to each other.
    Browsable,
}

/// The modification time of saved bodies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Modified {
    /// When they were saved.
    #[default]
    WhenSaved,
    /// As `Last-Modified` says; when they were saved if it is missing, no date, or in the future.
    AsServerSays,
}

impl Default for SinkSettings {
    /// Human-readable lines on standard output.
    fn default() -> Self {
        Self {
            destination: Destination::Stdout,
            format: Format::Text(TextSettings::default()),
        }
    }
}

impl SinkSettings {
    /// Returns a sink that writes records in a format to a file, which is emptied first.
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

    /// Whether records can be taken back after a crash, as a job requires of its sinks.
    ///
    /// Standard output, a pipe and a device cannot be cut back; a file that does not exist yet can.
    pub fn is_rewindable(&self) -> bool {
        match (&self.destination, &self.format) {
            (Destination::File { path, .. }, Format::Parquet(_)) => parquet::is_rewindable(path),
            (destination, _) => destination.is_rewindable(),
        }
    }
}

impl FilesSettings {
    /// Returns the settings to save bodies as sent to a folder.
    pub fn folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            layout: Layout::AsSent,
            modified: Modified::WhenSaved,
        }
    }

    /// The destination of the list of saved files; `None` for a copy made for browsing.
    ///
    /// Files that were saved there before stay listed.
    pub(crate) fn index(&self) -> Option<Destination> {
        (self.layout != Layout::Browsable).then(|| Destination::File {
            path: self.folder.join(LIST),
            append: true,
        })
    }
}
