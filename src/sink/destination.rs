//! The destination of records: standard output or a file.

use std::path::{Path, PathBuf};

/// The place that records are written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// A file.
    File {
        /// The path of the file.
        path: PathBuf,
        /// Whether to keep its content and write after it.
        append: bool,
    },
}

impl Destination {
    /// Returns a file that is emptied first.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let (path, append) = (path.into(), false);
        Self::File { path, append }
    }

    /// Returns the path of the file; `None` for standard output.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Stdout => None,
            Self::File { path, .. } => Some(path),
        }
    }

    /// Whether it is a file that can be cut back, or one that does not exist yet.
    pub(crate) fn is_rewindable(&self) -> bool {
        let is_file = |path| std::fs::metadata(path).map_or(true, |metadata| metadata.is_file());
        self.path().is_some_and(is_file)
    }
}
