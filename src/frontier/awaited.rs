//! The pages that a job was left with, and waits for.

use std::collections::HashMap;

use super::store::Row;
use crate::error::{Error, Result};
use crate::job::Job;

/// What a job was left with, by the rows of the archive.
#[derive(Debug, Default)]
pub(super) struct Awaited(pub(super) HashMap<u64, Known>);

/// What is known of a row that waits for its page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    id: u64,
    fingerprint: u64,
    pass: u32,
}

impl Awaited {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn add(&mut self, row: &Row, pass: u32) {
        let known = Known {
            id: row.id,
            fingerprint: row.fingerprint,
            pass,
        };
        self.0.extend(row.row.map(|row| (row, known)));
    }

    pub(super) fn take(&mut self, row: u64) -> Option<Known> {
        self.0.remove(&row)
    }
}

impl Known {
    /// Makes the job that was read the one that waited for it.
    ///
    /// # Errors
    /// When it is another page: the archive is not what it was.
    pub(super) fn fit(self, job: &mut Job, fingerprint: u64) -> Result<()> {
        if fingerprint != self.fingerprint {
            let row = job.row.unwrap_or_default();
            return Err(changed(&format!("page {row} is now {}", job.url)));
        }
        (job.id, job.pass) = (self.id, self.pass);
        Ok(())
    }
}

pub(super) fn changed(how: &str) -> Error {
    Error::ArchiveChanged {
        how: how.to_owned(),
    }
}
