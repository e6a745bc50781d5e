//! Where records are written.

use std::path::{Path, PathBuf};

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
