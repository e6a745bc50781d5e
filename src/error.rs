//! Errors that end a run.
//!
//! A failed fetch is data: a [`FetchError`](crate::FetchError) inside a visit. [`Error`] is for problems after which
//! a run cannot continue: the output cannot be written, the input cannot be read, a setting contradicts another. Each
//! message names the file, the line or the setting, and keeps its cause. No message mentions the command line: the
//! program that uses the library knows which flag helps.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::text::clean::clean;

/// A `Result` with the error of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A problem after which a run cannot continue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An input list that cannot be opened or read.
    #[error("cannot read the list {name}")]
    Input {
        /// The file's path, or `standard input`.
        name: String,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// An input table that does not have the expected columns or format.
    #[error("{name}: {problem}")]
    Table {
        /// The file's path, or `standard input`.
        name: String,
        /// What is wrong with it, and how to fix it.
        problem: String,
    },
    /// An input table without a column of URLs, or without the one that was named.
    #[error("{name}: {problem}")]
    UrlColumn {
        /// The file's path, or `standard input`.
        name: String,
        /// What is wrong, and which columns there are.
        problem: String,
    },
    /// An archive where a list of URLs was expected.
    #[error("{name}: an archive, not a list")]
    ArchiveAsList {
        /// The file's path, or `standard input`.
        name: String,
    },
    /// A file or folder that exists but cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// An output that cannot be created or written: a full disk, a folder without permission.
    #[error("cannot write {}", path.display())]
    Output {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// An output that is not as the job left it: deleted, changed, or damaged. haul did not change it.
    #[error("cannot go on with {}: {problem}", path.display())]
    NotAsLeft {
        /// The file or folder.
        path: PathBuf,
        /// How the job left it, and how it is now.
        problem: String,
    },
    /// Standard output was closed by its reader, as in `haul … | head`: the run ends quietly.
    #[error("standard output was closed")]
    Closed,
    /// Settings that cannot be used. The message is in terms of the user's input: expressions, patterns, file names.
    #[error("{0}")]
    Setting(String),
    /// A setting whose value cannot be used, alone or in combination with others.
    #[error("{setting}: {problem}")]
    Invalid {
        /// The setting.
        setting: Setting,
        /// Why it cannot be used.
        problem: String,
    },
    /// The archive that a job reads has changed since the job was started.
    #[error("the archive has changed since the job was started: {how}")]
    ArchiveChanged {
        /// What is different.
        how: String,
    },
    /// A job that was started with other settings: its records would mix two sets of rules.
    #[error("the job in {} was started with other settings:{}", folder.display(), lines(differences))]
    SettingsDiffer {
        /// The folder.
        folder: PathBuf,
        /// What differs.
        differences: Vec<Difference>,
        /// Whether changes are allowed, and these are the ones that cannot change.
        fixed: bool,
    },
    /// A part that cannot be set up, such as TLS roots or an HTTP client.
    #[error("cannot set up {what}")]
    Setup {
        /// The part that failed to start.
        what: &'static str,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A job folder that another process is using.
    #[error("{}: another haul is working on this job", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// A file of a job that is damaged. haul did not change it.
    #[error("{}: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A damaged mark: the stored progress of one part of a job.
    #[error("the job's mark of its {of} is damaged")]
    DamagedMark {
        /// The part.
        of: &'static str,
    },
    /// A job in an unsupported format.
    #[error("{}: the job has format {found}, but this version of haul supports format {known}", path.display())]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The format of this version.
        known: i64,
    },
    /// A job folder that cannot be used: there is no job in it, or it cannot be read.
    #[error("{}: {problem}", path.display())]
    Store {
        /// The folder, or the file in it.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A thread or child process of an engine died and could not be replaced.
    #[error("the engine stopped: {0}")]
    Engine(String),
}

/// A setting that [`Error::Invalid`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Setting {
    /// The HTTP method of requests.
    Method,
    /// The file with additional CA certificates.
    Authorities,
    /// The file with the client certificate.
    ClientCertificate,
    /// The file with the key of the client certificate.
    ClientKey,
    /// The public keys that servers may have.
    Pins,
    /// Memory for decoded pages.
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
    /// The axis of a comparison's throughput sweep.
    Sweep,
    /// The map of a comparison.
    Map,
    /// The number of URLs in a comparison.
    Limit,
    /// The earlier run that a run compares with.
    Since,
}

/// A setting whose value differs from the one that a job was started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its name.
    pub name: String,
    /// Its value then; `None` if it was not set.
    pub then: Option<String>,
    /// Its value now; `None` if it is not set.
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
            Setting::Authorities => "CA certificates",
            Setting::ClientCertificate => "client certificate",
            Setting::ClientKey => "client key",
            Setting::Pins => "pinned keys",
            Setting::Memory => "memory",
            Setting::Output => "output",
            Setting::PracticeServer => "practice server",
            Setting::Pages => "pages",
            Setting::Rounds => "rounds",
            Setting::TimeBudget => "time budget",
            Setting::Sweep => "sweep",
            Setting::Map => "map",
            Setting::Limit => "limit",
            Setting::Since => "earlier job",
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

/// Differences, one per line.
fn lines(differences: &[Difference]) -> String {
    let lines = differences
        .iter()
        .map(|difference| format!("\n  {difference}"));
    lines.collect()
}

impl Error {
    /// Wraps a write error on `path`; a closed pipe becomes [`Error::Closed`].
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

    /// A setting whose value cannot be used.
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

    /// A job folder that cannot be used.
    pub(crate) fn store(path: impl Into<PathBuf>, problem: impl Into<String>) -> Self {
        Error::Store {
            path: path.into(),
            problem: problem.into(),
        }
    }

    /// Wraps the cause why a part could not be set up.
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
