//! Seeds that a program sends to a running crawl.
//!
//! They differ from the seeds of a list in one way: links were found before them. So their numbers are above those of
//! all links found so far, and a URL may already be known.

use std::sync::Arc;
use std::time::Instant;

use super::admission::Discovery;
use super::claim::SeenAs;
use super::store::Change;
use super::{Frontier, Run};
use crate::error::Result;
use crate::job::{Job, Role, Via};
use crate::page::failure::FetchError;
use crate::visit::Visit;

impl Frontier {
    /// Admits a seed of a running crawl.
    ///
    /// Returns its visit if it is already settled, because the crawl has its URL or no requests are sent.
    ///
    /// # Errors
    /// When the set of seen URLs cannot be stored.
    pub(crate) fn admit_late(&mut self, mut job: Box<Job>, now: Instant) -> Result<Option<Visit>> {
        let skipped = |job, why: &str| Visit::unsent(job, FetchError::Skipped(why.into()));
        if self.settings.run == Run::Dry {
            return Ok(Some(skipped(job, "dry run")));
        }
        self.remember_host(&job.host);
        let fingerprint = self.fingerprint_as_sent(&job);
        match self.seen_as(fingerprint)? {
            Some(seen) if seen.is_admitted() && seen.role() == Role::Page => {
                self.come_near(&job, seen, fingerprint, now)?;
                return Ok(Some(skipped(job, "the crawl has this URL already")));
            }
            Some(seen) if !seen.is_admitted() => {
                if let Some(ledger) = self.ledger.as_mut().filter(|_| seen.id > 0) {
                    ledger.note_change(Change::Forgotten(seen.id));
                }
            }
            // An asset or a link out of the scope has a record of its own kind; now it also becomes a page.
            Some(_) | None => {}
        }
        // The number of a seed that was there from the start is its row; that of any other is above its row.
        self.last_id = self.last_id.max(job.row.unwrap_or_default());
        let seen = SeenAs::new(self.last_id + 1, Role::Page, 0, true);
        self.seen.put(fingerprint, seen.pack())?;
        let fingerprint = job.fingerprint(self.fingerprints);
        self.register(&mut job, fingerprint, 0);
        self.workbench.put(job, now);
        Ok(None)
    }

    /// Raises a page that the crawl already has to the depth of a seed.
    fn come_near(
        &mut self,
        seed: &Job,
        seen: SeenAs,
        fingerprint: u64,
        now: Instant,
    ) -> Result<()> {
        let page = Arc::from(seed.url.as_str());
        let found = Discovery {
            url: seed.url.clone(),
            fingerprint,
            on: seed,
            page: &page,
            remote: None,
            role: Role::Page,
            via: Via::Seed,
            depth: 0,
            recipe: None,
            is_refused_page: false,
        };
        if seed.is_plain() && self.outranks(&found.claim(), &seen) {
            self.raise(found, seen, now)?;
        }
        Ok(())
    }
}
