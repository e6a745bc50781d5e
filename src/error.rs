//! What ends a run.
//!
//! A failed fetch is data and lives in [`FetchError`](crate::FetchError), inside a visit. [`Error`] is for
//! the moments when going on would be wrong: the output cannot be written, the input cannot be read, a
//! setting contradicts another. Each message names the file, the line or the flag, and keeps its cause.

use std::io;
use std::path::PathBuf;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A reason why the run cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An input list that cannot be opened or read.
    #[error("cannot read the list {name}")]
    Input {
        /// The file's path, or `standard input`.
        name: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// An input table whose shape is not what was asked for.
    #[error("{name}: {problem}")]
    Table {
        /// The file's path, or `standard input`.
        name: String,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// A file or folder that is there and may not be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// An output that cannot be created or written: a full disk, a folder without permission.
    #[error("cannot write {}", path.display())]
    Output {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Standard output was closed by its reader; the quiet end of `haul … | head`.
    #[error("standard output was closed")]
    Closed,
    /// A setting that cannot hold, alone or beside another.
    #[error("{0}")]
    Setting(String),
    /// TLS roots or a client that cannot be set up.
    #[error("cannot set up {what}")]
    Setup {
        /// The part that failed to start.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A job folder that another process works on.
    #[error("{}: another haul works on this job", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// A job folder that cannot be gone on with: damaged, of another format, or no job at all.
    #[error("{}: {problem}", path.display())]
    Store {
        /// The folder, or the file in it.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// A thread or child process of an engine that is gone and could not be replaced.
    #[error("the engine stopped: {0}")]
    Engine(String),
}

impl Error {
    /// Wraps a write error on `path`, telling a closed pipe from a full disk.
    pub fn output(path: impl Into<PathBuf>, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::BrokenPipe {
            return Error::Closed;
        }
        Error::Output {
            path: path.into(),
            source,
        }
    }

    /// A job folder that cannot be gone on with.
    pub(crate) fn store(path: impl Into<PathBuf>, problem: impl Into<String>) -> Self {
        Error::Store {
            path: path.into(),
            problem: problem.into(),
        }
    }

    /// Wraps whatever kept a part from starting.
    pub(crate) fn setup(
        what: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Error::Setup {
            what,
            source: source.into(),
        }
    }
}
