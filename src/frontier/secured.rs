//! Requests that are sent over https because their host asked for that (HSTS).
//!
//! A link gets its https URL before anything else looks at it. Any other job keeps the URL that was asked for until it is
//! about to be sent: then it moves to the queue of the https host, and a hop says so, as the internal redirect of a
//! browser does. Invariant: whatever is requested, its https URL was in the seen test.

use std::time::{Instant, SystemTime};

use super::claim::SeenAs;
use super::store::Row;
use super::{Duplicates, Frontier};
use crate::cookies::seconds;
use crate::error::Result;
use crate::hsts::StrictHosts;
use crate::job::{Hop, Job, Reuse, Role};
use crate::url::PageUrl;
use crate::visit::Visit;

/// The status of the hop, as browsers have it.
const INTERNAL: u16 = 307;

impl Frontier {
    /// Obeys `Strict-Transport-Security` from now on.
    pub(crate) fn obey_hsts(&mut self) {
        self.strict_hosts = Some(StrictHosts::default());
    }

    /// Restores the policies of an earlier session of the job.
    pub(crate) fn restore_hsts(&mut self, stored: serde_json::Value) {
        if let Some(hosts) = &mut self.strict_hosts {
            hosts.restore(stored);
        }
    }

    /// Takes the policy of a response.
    pub(super) fn take_hsts(&mut self, visit: &Visit) {
        if let Some(hosts) = &mut self.strict_hosts
            && let Ok(page) = &visit.outcome
        {
            hosts.take(&visit.job.url, &page.headers.0, seconds(SystemTime::now()));
        }
    }

    /// The https URL that is requested instead of an http URL; `None` if the URL is requested as it is.
    pub(crate) fn secured(&self, url: &PageUrl) -> Option<PageUrl> {
        let hosts = self.strict_hosts.as_ref()?;
        hosts.secured(url, seconds(SystemTime::now()))
    }

    /// Replaces the links of a page to hosts that are reached over https only.
    pub(crate) fn secure_links(&self, visit: &mut Visit) {
        if self.strict_hosts.as_ref().is_none_or(StrictHosts::is_empty) {
            return;
        }
        if let Some(found) = &mut visit.parsed.found {
            found.replace(|link| {
                let url = self.secured(&PageUrl::parse(link).ok()?)?;
                let fingerprint = self.fingerprints.of(url.as_str());
                Some((url.as_str().to_owned(), fingerprint))
            });
        }
    }

    /// Restores that the https URL of a row of an earlier session was seen.
    ///
    /// # Errors
    /// When the memory of seen URLs cannot be written.
    pub(super) fn restore_as_sent(&mut self, row: &Row) -> Result<()> {
        let is_http = self.strict_hosts.is_some() && row.url.starts_with("http:");
        let url = is_http.then(|| PageUrl::parse(&row.url).ok()).flatten();
        let Some(url) = url.and_then(|url| self.secured(&url)) else {
            return Ok(());
        };
        let fingerprint = self.fingerprints.of(url.as_str());
        match self.settings.duplicates {
            _ if self.is_crawl && row.role == Role::Sitemap => {
                self.is_new_sitemap(fingerprint).map(drop)
            }
            _ if self.is_crawl => self
                .seen
                .admit(fingerprint, SeenAs::of(row).pack())
                .map(drop),
            Duplicates::Once => {
                let number = row.row.unwrap_or_default();
                self.seen.admit(fingerprint, number).map(drop)
            }
            Duplicates::Keep => Ok(()),
        }
    }

    /// The fingerprint of a request, as it will be sent.
    pub(super) fn fingerprint_as_sent(&self, job: &Job) -> u64 {
        match self.secured(&job.url) {
            None => job.fingerprint(self.fingerprints),
            Some(url) if job.is_plain() => self.fingerprints.of(url.as_str()),
            Some(url) => {
                let mut sent = job.clone();
                sent.url = url;
                sent.fingerprint(self.fingerprints)
            }
        }
    }

    /// Moves a job that is about to be sent to the https host of its URL, if it is to be reached over https only.
    ///
    /// # Errors
    /// When the memory of seen URLs cannot be read or written.
    pub(super) fn move_to_https(
        &mut self,
        mut job: Box<Job>,
        now: Instant,
    ) -> Result<Option<Box<Job>>> {
        let Some(url) = self.secured(&job.url) else {
            return Ok(Some(job));
        };
        if self.is_crawl && job.id > 0 && job.has_record() && job.is_plain() {
            let seen = SeenAs::new(job.id, job.role, job.depth, true);
            let fingerprint = self.fingerprints.of(url.as_str());
            self.seen.admit(fingerprint, seen.pack())?;
        }
        self.workbench.landed(&job.host, None, None, now, |_| ());
        let asked = std::mem::replace(&mut job.url, url);
        job.host = job.url.host_key();
        job.reuse = Reuse::Unknown;
        job.hops.push(Hop {
            is_internal: true,
            ..Hop::new(asked, INTERNAL)
        });
        self.workbench.put_back(job, std::time::Duration::ZERO, now);
        Ok(None)
    }
}
