//! What is written, and where: the settings of each sink, and of the folder that bodies are saved to.
//!
//! Each format that can be told anything has a struct of its own, so what a format cannot do cannot be said.

use std::path::{Path, PathBuf};

use http::HeaderName;

use super::{Format, Template, parquet};
use crate::archive::LIST;
use crate::size::ByteSize;

/// A place for records, and what they look like there.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkSettings {
    /// Where they are written.
    pub destination: Destination,
    /// How.
    pub format: Format,
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

/// How a line for people looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TextSettings {
    /// Whether it is coloured.
    pub color: bool,
}

/// What a record holds beside what every record holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordSettings {
    /// Whether it holds the decoded text.
    pub body: bool,
    /// The header fields of answers that it holds.
    pub headers: Vec<HeaderName>,
}

/// A line of the user's own making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateSettings {
    /// What it looks like.
    pub template: Template,
    /// The header fields of answers that `%{headers}` holds.
    pub headers: Vec<HeaderName>,
}

/// What an archive says of the run, and how large its files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveSettings {
    /// After how many bytes the next file is begun; 0 for one file. What belongs to one visit stays together, so a
    /// file is larger by up to one visit.
    pub rotate: ByteSize,
    /// The command that the run was started with, its secrets hidden by whoever sets it.
    pub command: Option<String>,
    /// Who runs it, and how to reach them.
    pub operator: Option<String>,
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

impl Default for ArchiveSettings {
    fn default() -> Self {
        Self {
            rotate: ByteSize(0),
            command: None,
            operator: None,
        }
    }
}

impl Destination {
    /// A file that is written anew.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let (path, append) = (path.into(), false);
        Self::File { path, append }
    }

    /// The file, where it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Stdout => None,
            Self::File { path, .. } => Some(path),
        }
    }

    /// Whether it is a file that can be cut, or one that is not there yet.
    pub(crate) fn is_rewindable(&self) -> bool {
        let is_file = |path| std::fs::metadata(path).map_or(true, |found| found.is_file());
        self.path().is_some_and(is_file)
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
