//! Cookie walls of a crawl: pages that redirect visitors away until these have the right cookies.
//!
//! `/` redirects to `/set`, which sets a cookie and redirects back. In a crawl each of the two has a record of its own,
//! and `/` was seen, so nobody would request it again. So a page whose record is a redirect is fetched again, for a new
//! record, if it would be sent other cookies than before, and either the page that it redirected to redirects too and
//! sets cookies, or another redirect leads to it. Invariant: a page is fetched again only a few times.

use std::time::Instant;

use http::header::SET_COOKIE;

use super::Frontier;
use super::claim::MAX_RAISES;
use super::redirected::Redirected;
use crate::error::Result;
use crate::job::Role;
use crate::url::PageUrl;
use crate::visit::Visit;

/// The most times that a page is fetched again: sites have a wall for each of a few questions.
const TIMES: u8 = 3;

impl Frontier {
    /// Watches for cookie walls from now on.
    pub(crate) fn watch_walls(&mut self) {
        self.redirected.are_wanted = true;
    }

    /// Notes a page that was settled, and queues pages again that it may have opened the way to.
    ///
    /// `sent` is a hash of the cookies that the page was sent, and `cookies` answers that of those that a URL would be
    /// sent now.
    ///
    /// # Errors
    /// When the memory of seen URLs cannot be read or written.
    pub(crate) fn pass_walls(
        &mut self,
        visit: &Visit,
        sent: u64,
        cookies: &mut impl FnMut(&PageUrl) -> u64,
        now: Instant,
    ) -> Result<()> {
        let job = &visit.job;
        let Ok(page) = &visit.outcome else {
            return Ok(());
        };
        let is_page = matches!(job.role, Role::Page | Role::Asset) && job.has_record();
        if !is_page || !job.is_plain() || !self.redirected.are_wanted {
            return Ok(());
        }
        let fingerprint = self.fingerprints.of(job.own_url().as_str());
        let target = page.target().and_then(|target| job.url.join(&target).ok());
        let Some(target) = target else {
            return Ok(());
        };
        let target = self.fingerprints.of(target.as_str());
        let times = self
            .redirected
            .get(fingerprint)
            .map_or(0, |page| page.times);
        let sets_cookies = page.headers.0.contains_key(SET_COOKIE);
        let mut opened = match sets_cookies {
            true => self.redirected.to(fingerprint),
            false => Vec::new(),
        };
        if !opened.contains(&target) {
            opened.push(target);
        }
        for page in opened {
            self.fetch_behind_wall(page, cookies, now)?;
        }
        let mut job = job.clone();
        job.hops.clear();
        job.attempts.clear();
        let page = Redirected {
            job,
            target: Some(target),
            sent,
            times,
            sets_cookies,
        };
        self.redirected.remember(fingerprint, page);
        // The page that it redirected to may have come back first, with the cookies that this one lacked.
        let target = self.redirected.get(target);
        if target.is_some_and(|target| target.sets_cookies) {
            self.fetch_behind_wall(fingerprint, cookies, now)?;
        }
        Ok(())
    }

    /// Queues a page again, if it would be sent other cookies than before.
    fn fetch_behind_wall(
        &mut self,
        fingerprint: u64,
        cookies: &mut impl FnMut(&PageUrl) -> u64,
        now: Instant,
    ) -> Result<()> {
        let Some(page) = self.redirected.get(fingerprint) else {
            return Ok(());
        };
        let url = page.job.own_url().clone();
        if page.times >= TIMES || cookies(&url) == page.sent || self.workbench.is_closed() {
            return Ok(());
        }
        page.times += 1;
        page.target = None; // until it is settled again
        page.sent = cookies(&url);
        let mut job = page.job.clone();
        let Some(mut seen) = self.seen_as(fingerprint)?.filter(|seen| seen.id == job.id) else {
            return Ok(());
        };
        if seen.raises >= MAX_RAISES {
            return Ok(());
        }
        (job.retries, job.free_tries, job.since) = (0, 0, now);
        (job.host, job.url) = (url.host_key(), url);
        self.refetch_as_seen(fingerprint, job, &mut seen, now)
    }
}
