//! The settings of each format.
//!
//! Each format with options has its own struct, so an option that a format does not support cannot be set.

use http::HeaderName;

use super::template::Template;
use crate::text::size::ByteSize;

/// The settings of human-readable lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TextSettings {
    /// Whether lines are coloured.
    pub color: bool,
}

/// What a record includes in addition to its fixed fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordSettings {
    /// Whether it includes the decoded text.
    pub body: bool,
    /// The header fields of responses that it includes.
    pub headers: Vec<HeaderName>,
}

/// The settings of lines made from the user's template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateSettings {
    /// The template of a line.
    pub template: Template,
    /// The header fields of responses that `%{headers}` includes.
    pub headers: Vec<HeaderName>,
}

/// What an archive records about the run, and the size of its files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArchiveSettings {
    /// Bytes after which a new file is started; 0 for a single file.
    ///
    /// The records of a visit stay together, so a file may be larger by up to one visit.
    pub rotate: ByteSize,
    /// The command that started the run; whoever sets it hides its secrets.
    pub command: Option<String>,
    /// Who runs the crawl, and how to reach them.
    pub operator: Option<String>,
}
