//! What a run keeps aside, to be read when it ends: a file in the job's folder, or one without a name.
//!
//! Invariant: the file is a row of whole entries, in a job up to its mark. Edge: a file without a name is gone with the
//! process.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::growing::GrowingFile;
use super::output::Output;
use super::{Mark, Sink, Start};
use crate::error::{Error, Result};
use crate::parse::Wants;
use crate::visit::Visit;

/// A file that is written while a run goes on, and read at its end.
pub(super) struct Aside {
    /// To be written.
    pub(super) output: Output,
    /// To be read.
    pub(super) reader: File,
    /// Where it is, for messages.
    pub(super) path: PathBuf,
}

impl Aside {
    /// Opens it: `name` in a job's folder.
    ///
    /// # Errors
    /// When it cannot be opened, or does not hold what its mark says.
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

/// The sink that keeps something of each visit aside, by a function that writes it.
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

    /// Nobody reads it before the end.
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    /// It ends with the run.
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
