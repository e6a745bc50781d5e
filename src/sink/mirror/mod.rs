//! A mirror: turns saved files into a copy that can be browsed from disk.
//!
//! Which references can become paths is known only when everything has been saved. So bodies are saved unchanged
//! during the crawl, and a list records which URL is in which file; at the end of the crawl every page and style
//! sheet is rewritten. Invariant: rewriting can be interrupted at any moment and repeated. The hash of a file's new
//! content is recorded before the file is replaced, so a rewritten file is recognized by its bytes; in such a file
//! only absolute references are looked at again. Edge: an interrupted job is not rewritten before it has finished.

mod finish;
mod list;

use std::fs::File;
use std::path::{Path, PathBuf};

use super::aside::{Aside, AsideSink};
use super::output::Output;
use super::{FilesSettings, Layout, Start};
use crate::error::{Error, Result};
use crate::url::fingerprint::Fingerprints;

/// The saved files, to be rewritten at the end.
pub(crate) struct Mirror {
    /// The folder of the mirror.
    folder: PathBuf,
    /// The list of saved files.
    list: File,
    list_path: PathBuf,
    /// The file in the job's folder that records which files have been rewritten.
    done: Option<PathBuf>,
    fingerprints: Fingerprints,
}

impl Mirror {
    /// The name under which the list's mark is stored.
    pub(crate) const NAME: &'static str = "mirror";

    /// Starts a list of saved files if the settings ask for a mirror.
    ///
    /// It is in the job's folder, or in an unnamed temporary file.
    ///
    /// # Errors
    /// If the list cannot be opened, or does not match its mark.
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
            // In a job that starts over, nothing has been rewritten yet.
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
}

#[cfg(test)]
mod tests;
