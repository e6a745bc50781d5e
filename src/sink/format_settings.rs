//! The settings of each format.
//!
//! Each format that can be told anything has a struct of its own, so what a format cannot do cannot be said.

use http::HeaderName;

use super::template::Template;
use crate::size::ByteSize;

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

impl Default for ArchiveSettings {
    fn default() -> Self {
        Self {
            rotate: ByteSize(0),
            command: None,
            operator: None,
        }
    }
}
