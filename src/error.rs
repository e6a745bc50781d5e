//! What ends a run.
//!
//! A failed fetch is data and lives in [`FetchError`](crate::FetchError), inside a visit. [`Error`] is for
//! the moments when going on would be wrong: the output cannot be written, the input cannot be read, a
//! setting contradicts another. Each message names the file, the line or the setting, and keeps its cause. None knows a
//! command line: which flag helps is for the program around the library to say.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::clean::clean;

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
    /// An input table of which no column holds URLs, or not the one that was named.
    #[error("{name}: {problem}")]
    UrlColumn {
        /// The file's path, or `standard input`.
        name: String,
        /// Why, and which columns there are.
        problem: String,
    },
    /// An archive where a list of URLs was expected.
    #[error("{name}: an archive, not a list")]
    ArchiveAsList {
        /// The file's path, or `standard input`.
        name: String,
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
    /// An output that is not as the job left it: gone, changed by somebody, or damaged. Nothing was changed in it.
    #[error("cannot go on with {}: {problem}", path.display())]
    NotAsLeft {
        /// The file or folder.
        path: PathBuf,
        /// How it was left, and how it is.
        problem: String,
    },
    /// Standard output was closed by its reader; the quiet end of `haul … | head`.
    #[error("standard output was closed")]
    Closed,
    /// Settings that cannot hold, in words of whoever gave them: expressions, patterns, names of files.
    #[error("{0}")]
    Setting(String),
    /// A setting whose value cannot hold, alone or beside others.
    #[error("{setting}: {problem}")]
    Invalid {
        /// The setting.
        setting: Setting,
        /// Why it cannot hold.
        problem: String,
    },
    /// The archive that a job reads has changed since the job was started.
    #[error("the archive has changed since the job was started: {how}")]
    ArchiveChanged {
        /// What is different.
        how: String,
    },
    /// A job that was started with other settings: its records would follow two sets of rules.
    #[error("the job in {} was started with other settings:{}", folder.display(), lines(differences))]
    SettingsDiffer {
        /// The folder.
        folder: PathBuf,
        /// What differs.
        differences: Vec<Difference>,
        /// Whether some may change, and these are those that cannot.
        fixed: bool,
    },
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
    /// A file of a job that is damaged. Nothing was changed in it.
    #[error("{}: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// What a job keeps of a part of itself, which is damaged.
    #[error("the job's mark of its {of} is damaged")]
    DamagedMark {
        /// The part.
        of: &'static str,
    },
    /// A job of another format.
    #[error("{}: a job of format {found}, and this haul knows format {known}", path.display())]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The format of this version.
        known: i64,
    },
    /// A job folder that cannot be gone on with: no job is in it, or it cannot be read.
    #[error("{}: {problem}", path.display())]
    Store {
        /// The folder, or the file in it.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A thread or child process of an engine that is gone and could not be replaced.
    #[error("the engine stopped: {0}")]
    Engine(String),
}

/// A setting that [`Error::Invalid`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Setting {
    /// The HTTP method of requests.
    Method,
    /// The file with more certificates of authorities.
    Authorities,
    /// Memory for pages that are decoded.
    Memory,
    /// Where records are written.
    Output,
    /// The practice server of a comparison.
    PracticeServer,
    /// Pages of the practice server.
    Pages,
    /// Rounds of each engine in a comparison.
    Rounds,
    /// How long all rounds of a comparison may take.
    TimeBudget,
    /// Along what a comparison measures throughput.
    Sweep,
    /// The map of a comparison.
    Map,
    /// How many URLs are compared with.
    Limit,
}

/// A setting that a job was begun with, beside what it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its name.
    pub name: String,
    /// What it was; `None` where it was not set.
    pub then: Option<String>,
    /// What it is; `None` where it is not set.
    pub now: Option<String>,
}

/// Why an output is not as the job left it, on its way through an [`io::Error`] to [`Error::output`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotAsLeft(pub(crate) String);

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Setting::Method => "method",
            Setting::Authorities => "certificates of authorities",
            Setting::Memory => "memory",
            Setting::Output => "output",
            Setting::PracticeServer => "practice server",
            Setting::Pages => "pages",
            Setting::Rounds => "rounds",
            Setting::TimeBudget => "time budget",
            Setting::Sweep => "sweep",
            Setting::Map => "map",
            Setting::Limit => "limit",
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| match value {
            Some(value) => clean(&value.replace('\n', ", ")).into_owned(),
            None => "not set".to_owned(),
        };
        let (then, now) = (shown(&self.then), shown(&self.now));
        write!(f, "{}: {then} then, {now} now", self.name)
    }
}

/// Differences, each on a line of its own.
fn lines(differences: &[Difference]) -> String {
    let lines = differences
        .iter()
        .map(|difference| format!("\n  {difference}"));
    lines.collect()
}

impl Error {
    /// Wraps a write error on `path`, telling a closed pipe from a full disk.
    pub fn output(path: impl Into<PathBuf>, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::BrokenPipe {
            return Error::Closed;
        }
        match source.downcast::<NotAsLeft>() {
            Ok(NotAsLeft(problem)) => Self::not_as_left(path, problem),
            Err(source) => Error::Output {
                path: path.into(),
                source,
            },
        }
    }

    /// An output that is not as the job left it.
    pub(crate) fn not_as_left(path: impl Into<PathBuf>, problem: impl Into<String>) -> Self {
        Error::NotAsLeft {
            path: path.into(),
            problem: problem.into(),
        }
    }

    /// A setting whose value cannot hold.
    pub(crate) fn invalid(setting: Setting, problem: impl Into<String>) -> Self {
        Error::Invalid {
            setting,
            problem: problem.into(),
        }
    }

    /// A file of a job that is damaged.
    pub(crate) fn damaged(path: impl Into<PathBuf>, problem: impl Into<String>) -> Self {
        Error::Damaged {
            path: path.into(),
            problem: problem.into(),
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
