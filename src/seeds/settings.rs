//! Where seeds come from, and which of them are used.

use std::path::PathBuf;
use std::str::FromStr;

use super::failures::Failures;
use super::shard::Shard;
use crate::job::rows::Rows;
use crate::page::checksum::Checksum;

/// Where seeds come from, and which of them are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedSettings {
    /// The inputs, in order.
    pub sources: Vec<SeedSource>,
    /// The format of files and standard input.
    pub format: ListFormat,
    /// The column with the URL, by name or by number from 1; by default `url`, or else detected.
    pub url_column: Option<String>,
    /// The SHA-256 that each body must have, for rows without a column `sha256`.
    pub checksum: Option<Checksum>,
    /// The rows to use; `None` for all.
    pub rows: Option<Rows>,
    /// The shard whose rows are used; `None` for all.
    pub shard: Option<Shard>,
    /// The most entries to use.
    pub limit: Option<u64>,
}

/// One input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeedSource {
    /// URLs given as arguments.
    Urls(Vec<String>),
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
    /// The failures in the output of an earlier run.
    Failures(Failures),
    /// The pages of an archive, sent along with their jobs: the network is not used.
    Archive(PathBuf),
}

/// The format of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListFormat {
    /// By the file's suffix, ignoring `.gz` and `.zst`; otherwise by its first line.
    BySuffix,
    /// One URL per line; `#` starts a comment.
    Text,
    /// RFC 4180, with a header line.
    Csv,
    /// The same, with tabs.
    Tsv,
    /// One JSON object per line, with `url`.
    Jsonl,
}

impl SeedSettings {
    /// Settings for these URLs.
    pub fn urls<T: Into<String>>(urls: impl IntoIterator<Item = T>) -> Self {
        Self::of(vec![SeedSource::Urls(
            urls.into_iter().map(Into::into).collect(),
        )])
    }

    /// Settings for the pages of these archives.
    pub fn stored<T: Into<PathBuf>>(archives: impl IntoIterator<Item = T>) -> Self {
        let archives = archives.into_iter().map(Into::into);
        Self::of(archives.map(SeedSource::Archive).collect())
    }

    /// Settings for these inputs, with all of their rows.
    pub fn of(sources: Vec<SeedSource>) -> Self {
        Self {
            sources,
            format: ListFormat::BySuffix,
            url_column: None,
            checksum: None,
            rows: None,
            shard: None,
            limit: None,
        }
    }
}

impl Default for SeedSettings {
    /// No input: for a run whose seeds come from a [`channel`](super::channel).
    fn default() -> Self {
        Self::of(Vec::new())
    }
}

impl SeedSettings {
    /// The archives among the inputs.
    pub(crate) fn archives(&self) -> impl Iterator<Item = &PathBuf> {
        self.sources.iter().filter_map(|source| match source {
            SeedSource::Archive(path) => Some(path),
            _ => None,
        })
    }
}

impl FromStr for ListFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(ListFormat::BySuffix),
            "text" => Ok(ListFormat::Text),
            "csv" => Ok(ListFormat::Csv),
            "tsv" => Ok(ListFormat::Tsv),
            "jsonl" => Ok(ListFormat::Jsonl),
            other => Err(format!(
                "unknown list format {other:?}: auto, text, csv, tsv, jsonl"
            )),
        }
    }
}
