//! Who links where: kept in a crawl that has to tell the pages that hold broken links.
//!
//! A page may be met before or after what it links to fails, so the links of each page are kept as fingerprints, 8 bytes
//! each, behind the page's URL; and every failure with its URL. One walk through the file at the end says who holds
//! what ([`report`](Holders::report)). Invariant: the file is a row of whole entries, one for each record, in a job up to
//! its mark. Edge: the file is in the job's folder, or has no name and is gone with the process.

mod entry;
mod report;

use std::fs::File;
use std::path::{Path, PathBuf};

use super::growing::GrowingFile;
use super::{Mark, Sink, Start};
use crate::broken::Broken;
use crate::error::{Error, Result};
use crate::fingerprint::Fingerprints;
use crate::parse::Wants;
use crate::visit::Visit;

/// Bytes that wait before they are written.
const BUFFER: usize = 256 << 10;

/// The sink that keeps the links.
struct Keeper {
    file: GrowingFile,
    buffer: Vec<u8>,
    fingerprints: Fingerprints,
}

/// What was kept, to be read at the end.
pub(crate) struct Holders {
    file: File,
    path: PathBuf,
    fingerprints: Fingerprints,
}

impl Holders {
    /// What its mark is kept by.
    pub(crate) const NAME: &'static str = "links";

    /// Begins to keep links, in a job's file or in one without a name. The sink is done when the report is asked for.
    ///
    /// # Errors
    /// When the file cannot be opened, or does not hold what its mark says.
    pub(crate) fn open(
        job: Option<&Path>,
        start: Start<'_>,
        fingerprints: Fingerprints,
    ) -> Result<(Box<dyn Sink>, Self)> {
        let (path, file) = match job {
            Some(folder) => {
                let path = folder.join(Self::NAME);
                let file = GrowingFile::open(&path, false, start)?;
                (path, file)
            }
            None => {
                let path = std::env::temp_dir();
                let file = tempfile::tempfile().map_err(|source| Error::output(&path, source))?;
                let file = GrowingFile::unnamed(file, &path);
                (path, file)
            }
        };
        let reader = match job {
            Some(_) => File::open(&path),
            None => file.reader(),
        };
        let holders = Self {
            file: reader.map_err(|source| Error::output(&path, source))?,
            path,
            fingerprints,
        };
        let keeper = Keeper {
            file,
            buffer: Vec::with_capacity(BUFFER + (64 << 10)),
            fingerprints,
        };
        Ok((Box::new(keeper), holders))
    }

    /// Finds who holds what is broken, and writes all of it to a CSV where one is named: URL, class, status and holder, a
    /// row for each holder.
    ///
    /// # Errors
    /// When the file cannot be read or the CSV not be written.
    pub(crate) fn report(self, csv: Option<&Path>) -> Result<Broken> {
        report::report(self.file, &self.path, self.fingerprints, csv)
    }
}

impl Keeper {
    fn hand_over(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = self.file.write(&self.buffer);
        self.buffer.clear();
        written
    }
}

impl Sink for Keeper {
    fn wants(&self) -> Wants {
        Wants::NOTHING
    }

    fn write(&mut self, visit: &Visit) -> Result<()> {
        entry::write(visit, self.fingerprints, &mut self.buffer);
        match self.buffer.len() >= BUFFER {
            true => self.hand_over(),
            false => Ok(()),
        }
    }

    /// Nobody reads it before the end.
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<Mark> {
        self.hand_over()?;
        self.file.checkpoint()
    }

    fn finish(mut self: Box<Self>) -> Result<Option<Mark>> {
        self.hand_over()?;
        self.file.finish()
    }
}
