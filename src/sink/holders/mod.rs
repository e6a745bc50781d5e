//! Records which pages link where, to report the pages with broken links.
//!
//! It is used in crawls that check links. A page may be visited before or after its link targets fail, so the links
//! of each page are stored as fingerprints of 8 bytes after the page's URL, and every failure is stored with its
//! URL. Reading the file at the end shows which pages have broken links ([`report`](Holders::report)). Invariant:
//! the file is a sequence of whole entries, in the order of the records, and in a job ends at its mark. Edge: the
//! file is in the job's folder, or is unnamed and disappears with the process.

mod dead;
mod entries;
mod entry;
mod fragments;
mod moves;
mod table;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};

use self::dead::DeadLinks;
use self::entries::Entries;
use self::moves::Redirects;
use self::table::Table;
use super::aside::{Aside, AsideSink};
use super::output::Output;
use super::{Sink, Start};
use crate::error::Result;
use crate::url::fingerprint::Fingerprints;
use crate::visit::broken::{Broken, NAMED};

/// The recorded links, to be read at the end.
pub(crate) struct Holders {
    file: File,
    path: PathBuf,
    fingerprints: Fingerprints,
}

impl Holders {
    /// The name under which the file's mark is stored.
    pub(crate) const NAME: &'static str = "links";

    /// Starts recording links, in a job's file or in an unnamed one.
    ///
    /// The sink must be finished before the report is made.
    ///
    /// # Errors
    /// If the file cannot be opened, or does not match its mark.
    pub(crate) fn open(
        job: Option<&Path>,
        start: Start<'_>,
        fingerprints: Fingerprints,
    ) -> Result<(Box<dyn Sink>, Self)> {
        let aside = Aside::open(job, Self::NAME, start)?;
        let holders = Self {
            file: aside.reader,
            path: aside.path,
            fingerprints,
        };
        let sink = AsideSink::new(aside.output, move |visit, output: &mut Output| {
            entry::write(visit, fingerprints, output.buffer());
            output.record_done()
        });
        Ok((Box::new(sink), holders))
    }

    /// Finds the pages with broken links, and writes them to CSV files.
    ///
    /// The first has a row with URL, class, status and holder for each page that links to a broken URL; the second
    /// has URL, status, target and holder of redirects.
    ///
    /// # Errors
    /// If the entries cannot be read, or a CSV cannot be written.
    pub(crate) fn report(self, csv: Option<&Path>, redirects: Option<&Path>) -> Result<Broken> {
        let head = ["url", "class", "status", "holder"];
        let mut entries = Entries::of(self.file, self.path);
        let mut dead = DeadLinks::find(&mut entries, self.fingerprints)?;
        let redirected = Redirects::find(&mut entries, self.fingerprints)?;
        let missing = fragments::missing(&mut entries, &redirected, self.fingerprints, None)?;
        if !missing.is_empty() {
            dead.add_missing_fragments(&missing, &mut entries)?;
        }
        drop(missing);
        if let Some(path) = redirects {
            let mut table = Table::create(path, &["url", "status", "target", "holder"])?;
            redirected.write_rows(&mut entries, &mut table)?;
            table.finish()?;
        }
        let mut table = csv.map(|path| Table::create(path, &head)).transpose()?;
        if !dead.urls.is_empty() {
            dead.find_linking_pages(&mut entries, table.as_mut())?;
        }
        if let Some(mut table) = table {
            for url in dead.urls.iter().filter(|url| url.held == 0) {
                dead::write_row(&mut table, url, "")?;
            }
            table.finish()?;
        }
        let count = dead.urls.len() as u64;
        dead.urls.truncate(NAMED);
        Ok(Broken {
            count,
            urls: dead.urls,
            complete: true,
        })
    }
}
