//! Jobs that bring their answer along: no host is asked, so nothing of what hosts bear applies to them.
//!
//! Only their pages are not kept. So those that a job was left with are awaited: the archive is read again, and each is
//! handed to its job when the reading comes to its row.

use std::time::Duration;

use super::awaited::changed;
use super::{Duplicates, Frontier, FrontierSettings, Robots, Run};
use crate::error::Result;
use crate::rows::Rows;

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
