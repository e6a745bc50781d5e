//! Jobs that come with their page: no requests are sent, so no limits of hosts apply.
//!
//! The store does not keep their pages. So when a job is resumed, the archive is read again, and each unfinished row
//! gets its page when the reading reaches it.

use std::time::Duration;

use super::awaited::changed;
use super::{Duplicates, Frontier, FrontierSettings, Robots, Run};
use crate::error::Result;
use crate::job::rows::Rows;

impl FrontierSettings {
    /// Adapts the settings to a list of stored pages: each has a record, redirects included.
    pub(crate) fn of_stored_pages(self) -> Self {
        Self {
            duplicates: Duplicates::Keep,
            max_redirects: 0,
            ..self.of_archives()
        }
    }

    /// Adapts the settings to pages that come from archives and not from hosts.
    pub(crate) fn of_archives(self) -> Self {
        Self {
            run: Run::Stored,
            robots: Robots::Ignore,
            per_host: 0,
            per_ip: 0,
            adaptive: false,
            delay: Duration::ZERO,
            hosts: Vec::new(),
            rate: None,
            ..self
        }
    }
}

impl Frontier {
    /// Whether jobs come with their pages. In a crawl, pages are looked up instead.
    pub(super) fn takes_pages(&self) -> bool {
        self.settings.run == Run::Stored && !self.is_crawl
    }

    /// The rows that still wait for their pages.
    pub(crate) fn awaited(&self) -> Rows {
        Rows::of(self.awaited.0.keys().copied().collect(), None)
    }

    /// Whether any rows still wait for their pages.
    pub(crate) fn has_awaited(&self) -> bool {
        self.awaited.len() > 0
    }

    /// Checks, after the whole archive was read, that every awaited page was in it.
    ///
    /// # Errors
    /// When one was not, because the archive was changed.
    pub(crate) fn await_no_more(&self) -> Result<()> {
        match self.awaited.0.keys().min() {
            Some(row) => Err(changed(&format!("page {row} is no longer there"))),
            None => Ok(()),
        }
    }
}
