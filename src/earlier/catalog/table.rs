//! A table of pages in a temporary database, while it is made.

use std::path::Path;

use rusqlite::Connection;
use tempfile::TempPath;

use crate::error::{Error, Result};
use crate::page::body::SPOOL_PREFIX;
use crate::page::snapshot::Snapshot;
use crate::past::{PastPlan, table};
use crate::url::PageUrl;
use crate::url::fingerprint::Fingerprints;

/// A table of pages that is being made.
pub(super) struct Table {
    database: Connection,
    file: TempPath,
    fingerprints: Fingerprints,
}

/// A table that is complete.
pub(super) struct FinishedTable {
    pub(super) plan: PastPlan,
    /// Its file, which is removed on drop.
    pub(super) file: TempPath,
}

impl Table {
    /// Creates it in a temporary file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn create() -> Result<Self> {
        let mut builder = tempfile::Builder::new();
        let file = builder.prefix(SPOOL_PREFIX).suffix(".tmp").tempfile();
        let file = file.map_err(|source| Error::output(std::env::temp_dir(), source))?;
        let file = file.into_temp_path();
        let database = Connection::open(&file).and_then(|database| {
            // Nobody reads it before it is complete, and nobody needs it after a crash.
            database.execute_batch(
                "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;",
            )?;
            table::create(&database)?;
            database.execute_batch("BEGIN")?;
            Ok(database)
        });
        Ok(Self {
            database: database.map_err(|error| failed(&file, &error))?,
            file,
            fingerprints: Fingerprints::seeded(fastrand::u64(..)),
        })
    }

    /// Adds a page with a number of its own.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn add(&mut self, number: u64, url: &PageUrl, snapshot: &Snapshot) -> Result<()> {
        let fingerprint = self.fingerprints.of(url.as_str());
        let written = table::write(&self.database, number, fingerprint, snapshot);
        written.map_err(|error| failed(&self.file, &error))
    }

    /// Takes a page back.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn remove(&mut self, number: u64) -> Result<()> {
        let removed = table::remove(&self.database, number);
        removed.map_err(|error| failed(&self.file, &error))
    }

    /// Completes it; the bodies are in the archive, if there is one.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn finish(self, archive: Option<&Path>) -> Result<FinishedTable> {
        let Self {
            database,
            file,
            fingerprints,
        } = self;
        let ended = database.execute_batch("COMMIT");
        let closed = ended.and_then(|()| database.close().map_err(|(_, error)| error));
        closed.map_err(|error| failed(&file, &error))?;
        Ok(FinishedTable {
            plan: PastPlan {
                database: file.to_path_buf(),
                seed: fingerprints.seed(),
                archive: archive.map(Path::to_path_buf),
            },
            file,
        })
    }
}

fn failed(file: &Path, error: &rusqlite::Error) -> Error {
    Error::output(file, std::io::Error::other(error.to_string()))
}
