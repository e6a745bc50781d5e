//! Side files that a run writes and reads back at its end: in the job's folder, or unnamed.
//!
//! Invariant: the file is a sequence of whole entries; in a job, up to its mark. Edge: an unnamed file disappears with
//! the process.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::growing::GrowingFile;
use super::output::Output;
use super::{Mark, Sink, Start};
use crate::error::{Error, Result};
use crate::parse::Wants;
use crate::visit::Visit;

/// A file that is written during a run and read at its end.
pub(super) struct Aside {
    /// Writes the file.
    pub(super) output: Output,
    /// Reads the file.
    pub(super) reader: File,
    /// The path, for messages.
    pub(super) path: PathBuf,
}

impl Aside {
    /// Opens `name` in the job's folder, or an unnamed file when there is no job.
    ///
    /// # Errors
    /// When the file cannot be opened, or does not match its mark.
    pub(super) fn open(job: Option<&Path>, name: &str, start: Start<'_>) -> Result<Self> {
        let path = job.map_or_else(std::env::temp_dir, |folder| folder.join(name));
        let failed = |source| Error::output(&path, source);
        let (file, reader) = match job {
            Some(_) => {
                let file = GrowingFile::open(&path, false, start)?;
                (file, File::open(&path).map_err(failed)?)
            }
            None => {
                let file = GrowingFile::unnamed(tempfile::tempfile().map_err(failed)?, &path);
                let reader = file.reader().map_err(failed)?;
                (file, reader)
            }
        };
        Ok(Self {
            output: Output::to_file(file),
            reader,
            path,
        })
    }
}

/// The sink that writes part of each visit to a side file, with a given function.
pub(super) struct AsideSink<W> {
    output: Output,
    write: W,
}

impl<W: FnMut(&Visit, &mut Output) -> Result<()>> AsideSink<W> {
    pub(super) fn new(output: Output, write: W) -> Self {
        Self { output, write }
    }
}

impl<W: FnMut(&Visit, &mut Output) -> Result<()> + Send> Sink for AsideSink<W> {
    fn wants(&self) -> Wants {
        Wants::NOTHING
    }

    fn write(&mut self, visit: &Visit) -> Result<()> {
        (self.write)(visit, &mut self.output)
    }

    /// Does nothing: nobody reads the file before the end.
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    /// Always true: the file ends with the run.
    fn take_back(&mut self) -> bool {
        true
    }

    fn checkpoint(&mut self) -> Result<Mark> {
        self.output.checkpoint()
    }

    fn finish(self: Box<Self>) -> Result<Option<Mark>> {
        self.output.finish()
    }
}
