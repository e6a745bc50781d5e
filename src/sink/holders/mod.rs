//! Who links where: kept in a crawl that has to tell the pages that hold broken links.
//!
//! A page may be met before or after what it links to fails, so the links of each page are kept as fingerprints, 8 bytes
//! each, behind the page's URL; and every failure with its URL. One walk through the file at the end says who holds
//! what ([`report`](Holders::report)). Invariant: the file is a row of whole entries, one for each record, in a job up to
//! its mark. Edge: the file is in the job's folder, or has no name and is gone with the process.

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

use self::dead::Dead;
use self::entries::Entries;
use self::moves::Moves;
use self::table::Table;
use super::aside::{Aside, AsideSink};
use super::output::Output;
use super::{Sink, Start};
use crate::broken::{Broken, NAMED};
use crate::error::Result;
use crate::fingerprint::Fingerprints;

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

    /// Finds who holds what is broken, and writes all of it to a CSV where one is named: URL, class, status and holder, a
    /// row for each holder. What redirects goes to another one: URL, status, target and holder.
    ///
    /// # Errors
    /// When the file cannot be read or a CSV not be written.
    pub(crate) fn report(self, csv: Option<&Path>, redirects: Option<&Path>) -> Result<Broken> {
        let head = ["url", "class", "status", "holder"];
        let mut entries = Entries::of(self.file, self.path);
        let mut dead = Dead::find(&mut entries, self.fingerprints)?;
        let moves = Moves::find(&mut entries, self.fingerprints)?;
        let missing = fragments::missing(&mut entries, &moves, self.fingerprints, None)?;
        if !missing.is_empty() {
            dead.lack(&missing, &mut entries)?;
        }
        drop(missing);
        if let Some(path) = redirects {
            let mut table = Table::begin(path, &["url", "status", "target", "holder"])?;
            moves.list(&mut entries, &mut table)?;
            table.end()?;
        }
        let mut table = csv.map(|path| Table::begin(path, &head)).transpose()?;
        if !dead.urls.is_empty() {
            dead.hold(&mut entries, table.as_mut())?;
        }
        if let Some(mut table) = table {
            for url in dead.urls.iter().filter(|url| url.held == 0) {
                dead::row(&mut table, url, "")?;
            }
            table.end()?;
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
