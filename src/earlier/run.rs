//! An earlier run, opened from a path.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::job::JobRun;
use super::page::{PageVisitor, Wants};
use super::reach::{Reach, Unasked};
use super::records::Sources;
use super::saved::Texts;
use super::{archive, records};
use crate::archive::Archive;
use crate::error::{Error, Result};
use crate::frontier::is_job;
use crate::recorded::Output;

/// An earlier run, as it was written.
pub struct EarlierRun {
    path: PathBuf,
    source: Source,
}

enum Source {
    Job(Box<JobRun>),
    Records(Output),
    Archive(PathBuf),
}

/// The kind of source, which decides what can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunKind {
    /// A job folder.
    Job,
    /// An output with records.
    Records,
    /// An archive.
    Archive,
}

impl EarlierRun {
    /// Opens a job folder, an output or an archive. Its first bytes, or what is in a folder, decide which it is.
    ///
    /// # Errors
    /// When there is nothing at this path, it cannot be read, or is a job that is damaged or of another format.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self {
            source: Source::open(path)?,
            path: path.to_owned(),
        })
    }

    /// The path that it was opened from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The kind of source.
    pub fn kind(&self) -> RunKind {
        match &self.source {
            Source::Job(_) => RunKind::Job,
            Source::Records(_) => RunKind::Records,
            Source::Archive(_) => RunKind::Archive,
        }
    }

    /// Passes the chosen pages to the visitor, in order; returns the number of items that are not records.
    ///
    /// # Errors
    /// When it cannot be read to its end; the message names the file and the place.
    pub fn pages(&self, wants: Wants, visitor: &mut dyn PageVisitor) -> Result<u64> {
        match &self.source {
            Source::Job(job) => job.pages(wants, visitor),
            Source::Records(output) => {
                let beside = self.path.parent().unwrap_or(Path::new(""));
                let folders = [PathBuf::new(), beside.to_owned()];
                let sources = Sources {
                    texts: Texts::new(&folders, [])?,
                    kept: None,
                };
                records::each(output, &sources, wants, visitor)
            }
            Source::Archive(path) => {
                let archive = Archive::open(path).map_err(archive::damaged)?;
                archive::each(archive, wants, visitor).map(|_| 0)
            }
        }
    }

    /// Passes the URLs that it knew and did not request to `take`, and returns how far it got.
    ///
    /// # Errors
    /// When the job is damaged.
    pub fn unasked(&self, take: &mut dyn FnMut(Unasked<'_>)) -> Result<Reach> {
        match &self.source {
            Source::Job(job) => job.unasked(take),
            Source::Records(_) | Source::Archive(_) => Ok(Reach::Unknown),
        }
    }
}

impl Source {
    fn open(path: &Path) -> Result<Self> {
        if is_job(path) {
            return JobRun::open(path).map(Box::new).map(Self::Job);
        }
        let unreadable = |source| Error::Unreadable {
            path: path.to_owned(),
            source,
        };
        let found = std::fs::metadata(path).map_err(unreadable)?;
        if found.is_dir() {
            return Ok(match has_parts(path).map_err(unreadable)? {
                true => Self::Records(Output::open(path)?),
                false => Self::Archive(path.to_owned()),
            });
        }
        let mut head = [0; 4];
        let is_package = found.is_file()
            && File::open(path)
                .and_then(|mut file| file.read_exact(&mut head))
                .is_ok_and(|()| head == *b"PK\x03\x04");
        if is_package {
            return Ok(Self::Archive(path.to_owned()));
        }
        match Output::open(path) {
            Err(Error::ArchiveAsList { .. }) => Ok(Self::Archive(path.to_owned())),
            output => output.map(Self::Records),
        }
    }
}

/// Whether a folder has parts of a Parquet dataset, in the layout of any version.
fn has_parts(folder: &Path) -> std::io::Result<bool> {
    let pages = folder.join("pages");
    let folder = if pages.is_dir() { &pages } else { folder };
    for entry in std::fs::read_dir(folder)? {
        if Path::new(&entry?.file_name())
            .extension()
            .is_some_and(|end| end == "parquet")
        {
            return Ok(true);
        }
    }
    Ok(false)
}
