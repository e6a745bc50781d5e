//! Jobs that bring their answer along: no host is asked, so nothing of what hosts bear applies to them.
//!
//! Only their pages are not kept. So those that a job was left with are awaited: the archive is read again, and each is
//! handed to its job when the reading comes to its row.

use std::collections::HashMap;
use std::time::Duration;

use super::store::Row;
use super::{Duplicates, Frontier, FrontierSettings, Robots, Run};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::rows::Rows;

/// Pages that wait at a time, beside those that were read with them.
pub(super) const AHEAD: usize = 64;

impl FrontierSettings {
    /// The same where the pages of archives are the list: each has its record, and none leads on.
    pub(crate) fn of_stored_pages(self) -> Self {
        Self {
            duplicates: Duplicates::Keep,
            max_redirects: 0,
            ..self.of_archives()
        }
    }

    /// The same where archives answer and not hosts.
    pub(crate) fn of_archives(self) -> Self {
        Self {
            run: Run::Stored,
            robots: Robots::Ignore,
            per_host: 0,
            per_ip: 0,
            adaptive: false,
            delay: Duration::ZERO,
            rate: None,
            ..self
        }
    }
}

/// What a job was left with, by the rows of the archive.
#[derive(Debug, Default)]
pub(super) struct Awaited(HashMap<u64, Known>);

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

impl Frontier {
    /// Whether jobs come with their pages. In a crawl, pages are looked up.
    pub(super) fn takes_pages(&self) -> bool {
        self.settings.run == Run::Stored && !self.is_crawl
    }

    /// The rows whose pages the job was left with.
    pub(crate) fn awaited(&self) -> Rows {
        Rows::of(self.awaited.0.keys().copied().collect(), None)
    }

    /// Whether there are any.
    pub(crate) fn has_awaited(&self) -> bool {
        self.awaited.len() > 0
    }

    /// Makes sure that the whole archive was read, and every page was there that was awaited.
    ///
    /// # Errors
    /// When one was not: the archive is not what it was.
    pub(crate) fn await_no_more(&self) -> Result<()> {
        match self.awaited.0.keys().min() {
            Some(row) => Err(changed(&format!("page {row} is no longer there"))),
            None => Ok(()),
        }
    }
}

fn changed(how: &str) -> Error {
    Error::ArchiveChanged {
        how: how.to_owned(),
    }
}
