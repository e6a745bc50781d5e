//! A mirror: what was saved, made into a copy that can be browsed from the disk.
//!
//! Which references can become paths is known when all is saved, not before. So bodies are saved as they are while the
//! crawl runs, and a list says which URL has which file; at the end of the crawl every page and style sheet is rewritten.
//! Invariant: rewriting can be broken off at any instant and done again. What a file will hold is noted before it gets
//! its place, so that a file that was done is known by its bytes; of one that was done only what is absolute is looked at
//! again. Edge: a job that is interrupted is not rewritten before it has come to its end.

mod finish;
mod list;

use std::fs::File;
use std::path::{Path, PathBuf};

use super::aside::{Aside, AsideSink};
use super::output::Output;
use super::{FilesSettings, Layout, Start};
use crate::error::{Error, Result};
use crate::fingerprint::Fingerprints;

/// What was saved, to be rewritten at the end.
pub(crate) struct Mirror {
    /// The folder.
    folder: PathBuf,
    /// The list of what was saved.
    list: File,
    list_path: PathBuf,
    /// The file in the job that notes what was done.
    done: Option<PathBuf>,
    fingerprints: Fingerprints,
}

impl Mirror {
    /// What the list's mark is kept by.
    pub(crate) const NAME: &'static str = "mirror";

    /// Begins a list of what is saved, where the settings ask for a mirror: in a job's folder, or in a file without a name.
    ///
    /// # Errors
    /// When the list cannot be opened, or does not hold what its mark says.
    pub(crate) fn open(
        files: Option<&FilesSettings>,
        job: Option<&Path>,
        start: Start<'_>,
        fingerprints: Fingerprints,
    ) -> Result<Option<(Box<dyn super::Sink>, Self)>> {
        let mirrored = files.filter(|files| files.layout == Layout::Browsable);
        let Some(folder) = mirrored.map(|files| files.folder.clone()) else {
            return Ok(None);
        };
        let aside = Aside::open(job, Self::NAME, start)?;
        let done = job.map(|job| job.join("mirrored"));
        if let Some(done) = done.as_ref().filter(|_| !matches!(start, Start::At(_))) {
            // Of a job that begins again nothing is done.
            match std::fs::remove_file(done) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::output(done, error));
                }
                _ => {}
            }
        }
        let mirror = Self {
            list: aside.reader,
            list_path: aside.path,
            done,
            fingerprints,
            folder: folder.clone(),
        };
        let sink = AsideSink::new(aside.output, move |visit, output: &mut Output| {
            list::write(visit, &folder, output)
        });
        Ok(Some((Box::new(sink), mirror)))
    }

    /// Rewrites every page and style sheet that was saved. Answers how many were changed, and which file the first
    /// seed is in, where it was saved.
    ///
    /// # Errors
    /// When a file cannot be read or written, or the list is damaged.
    pub(crate) fn finish(self) -> Result<(u64, Option<PathBuf>)> {
        finish::finish(self)
    }
}

#[cfg(test)]
mod tests;
