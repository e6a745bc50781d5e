//! Admission: which URLs are let in, and whether they were seen before.

use std::sync::Arc;
use std::time::Instant;

use super::claim::{Claim, SeenAs};
use super::store::{Row, State};
use super::{Duplicates, Frontier, MAX_NAMED, Run};
use crate::error::Result;
use crate::job::{Job, Reach, Role, Via};
use crate::page::failure::FetchError;
use crate::url::{HostKey, PageUrl};
use crate::visit::Visit;

/// A URL that was found in a page and was never seen before.
pub(crate) struct Discovery<'a> {
    pub(crate) url: PageUrl,
    pub(crate) fingerprint: u64,
    /// The job of the page.
    pub(crate) on: &'a Job,
    /// The URL of that page, shared by the records of all that it links to.
    pub(crate) page: &'a Arc<str>,
    /// The IP address of the page.
    pub(crate) remote: Option<std::net::IpAddr>,
    pub(crate) role: Role,
    pub(crate) via: Via,
    pub(crate) depth: u16,
    /// The recipe that the page asks for.
    pub(crate) recipe: Option<&'a Arc<str>>,
    /// Whether the scope rejected it as a page, and it is a part of one.
    pub(crate) is_refused_page: bool,
}

impl Discovery<'_> {
    /// The claim that this link makes.
    pub(crate) fn claim(&self) -> Claim<'_> {
        Claim {
            role: self.role,
            depth: self.depth,
            recipe: self.recipe,
        }
    }
}

impl Frontier {
    /// Admits a line of the list, or returns a settled visit for a duplicate or in a dry run.
    ///
    /// # Errors
    /// When the memory of seen URLs cannot be written.
    pub(crate) fn admit(&mut self, mut job: Box<Job>, now: Instant) -> Result<Option<Visit>> {
        let fingerprint = self.fingerprint_as_sent(&job);
        let row = job.row.unwrap_or_default();
        if let Some(awaited) = self.awaited.take(row) {
            awaited.fit(&mut job, fingerprint)?;
            self.workbench.put(job, now);
            return Ok(None);
        }
        let known = match self.settings.duplicates {
            _ if self.is_crawl => {
                // A seed has the number of its row: all seeds are read before any link is found.
                let seen = SeenAs::new(row, Role::Page, 0, true);
                let known = self.seen.admit(fingerprint, seen.pack())?;
                known.map(|known| SeenAs::unpack(known).id)
            }
            Duplicates::Keep => None,
            Duplicates::Once => self.seen.admit(fingerprint, row)?,
        };
        if let Some(of) = known {
            return Ok(Some(Visit::unsent(job, FetchError::Duplicate { of })));
        }
        if self.settings.run == Run::Dry {
            return Ok(Some(Visit::unsent(
                job,
                FetchError::Skipped("dry run".into()),
            )));
        }
        self.remember_host(&job.host);
        if self.is_crawl {
            self.last_id = row - 1;
            self.last_seed = row;
            if self.ranks.by_recipe
                && let Some(request) = &job.request
            {
                self.requests.insert(row, request.clone());
            }
        }
        let fingerprint = job.fingerprint(self.fingerprints);
        self.register(&mut job, fingerprint, 0);
        self.workbench.put(job, now);
        Ok(None)
    }

    /// Marks a sitemap as seen, and returns whether it is new.
    ///
    /// A URL that is read as a sitemap is not fetched as a page any more: it has no record.
    ///
    /// # Errors
    /// When the memory of seen URLs cannot be written.
    pub(crate) fn is_new_sitemap(&mut self, fingerprint: u64) -> Result<bool> {
        let known = self.seen.admit(fingerprint, SeenAs::SITEMAP.pack())?;
        Ok(known.is_none())
    }

    /// Admits a new URL that belongs to the crawl.
    ///
    /// # Errors
    /// When the memory of seen URLs cannot be written.
    pub(crate) fn admit_link(&mut self, discovery: Discovery<'_>, now: Instant) -> Result<()> {
        if discovery.role != Role::Sitemap {
            let mut seen = SeenAs::new(self.last_id + 1, discovery.role, discovery.depth, true);
            if discovery.is_refused_page {
                seen.note_judged(Role::Page);
            }
            if let Some(recipe) = discovery.recipe {
                self.recipes.add(&mut seen, recipe);
            }
            self.seen.put(discovery.fingerprint, seen.pack())?;
        }
        let mut job = self.new_job(discovery.url, discovery.on, discovery.remote, now);
        job.via = discovery.via;
        job.role = discovery.role;
        job.depth = discovery.depth;
        let is_nested = discovery.role == Role::Sitemap && discovery.on.role == Role::Sitemap;
        if is_nested || discovery.via == Via::Redirect {
            job.nesting = discovery.on.nesting.saturating_add(1);
        }
        job.found_on = Some(discovery.page.clone());
        job.recipes.extend(discovery.recipe.cloned());
        self.register(&mut job, discovery.fingerprint, discovery.on.id);
        self.workbench.put(job, now);
        Ok(())
    }

    /// Remembers that a new URL does not belong to the crawl, and why.
    ///
    /// # Errors
    /// When the memory of seen URLs cannot be written.
    pub(crate) fn reject(
        &mut self,
        discovery: Discovery<'_>,
        class: &str,
        message: impl Fn() -> String,
    ) -> Result<()> {
        self.last_id += 1;
        if discovery.role != Role::Sitemap {
            let mut seen = SeenAs::new(self.last_id, discovery.role, discovery.depth, false);
            if discovery.is_refused_page {
                seen.note_judged(Role::Page);
            }
            self.seen.put(discovery.fingerprint, seen.pack())?;
        }
        let Some(ledger) = &mut self.ledger else {
            return Ok(());
        };
        ledger.add_row(Row {
            id: self.last_id,
            fingerprint: discovery.fingerprint,
            host: discovery.url.host_key(),
            url: discovery.url.as_str().into(),
            role: discovery.role,
            via: discovery.via,
            depth: discovery.depth,
            row: None,
            found_on: discovery.on.id,
            found_on_url: None,
            reach: Reach::PublicOr(None),
            request: None,
            state: State::Skipped {
                class: class.to_owned(),
                message: message(),
            },
        });
        Ok(())
    }

    /// Gives an admitted job its number, and a row if the run is stored.
    pub(super) fn register(&mut self, job: &mut Job, fingerprint: u64, found_on: u64) {
        self.last_id += 1;
        job.id = self.last_id;
        if let Some(ledger) = &mut self.ledger {
            ledger.add_row(Row::of(job, fingerprint, found_on));
        }
    }

    pub(super) fn new_job(
        &self,
        url: PageUrl,
        on: &Job,
        remote: Option<std::net::IpAddr>,
        now: Instant,
    ) -> Box<Job> {
        let host = if url.origin_text() == on.host.as_str() {
            on.host.clone()
        } else {
            url.host_key()
        };
        let reach = self.allowed_reach(&host, on, remote);
        let mut job = Box::new(Job::seed_on(0, url, host));
        job.row = None;
        job.reach = reach;
        job.since = now;
        job
    }

    /// The IP addresses that are allowed for a URL found in the response to this job.
    pub(super) fn allowed_reach(
        &self,
        host: &HostKey,
        on: &Job,
        remote: Option<std::net::IpAddr>,
    ) -> Reach {
        let named = self.named.contains(host) || on.reach == Reach::Anywhere && *host == on.host;
        if named {
            Reach::Anywhere
        } else {
            Reach::PublicOr(remote)
        }
    }

    pub(super) fn remember_host(&mut self, host: &HostKey) {
        // A list has runs of the same host, so the last one is remembered separately.
        if self.last_named.as_ref() != Some(host) {
            self.last_named = Some(host.clone());
            if self.named.len() < MAX_NAMED {
                self.named.insert(host.clone());
            }
        }
    }

    /// Restores a row of an earlier session.
    ///
    /// # Errors
    /// When the memory of seen URLs cannot be written.
    pub(crate) fn restore(&mut self, row: &Row, now: Instant) -> Result<()> {
        self.last_id = self.last_id.max(row.id);
        match self.settings.duplicates {
            _ if self.is_crawl && row.role == Role::Sitemap => {
                self.is_new_sitemap(row.fingerprint)?;
            }
            _ if self.is_crawl => self.restore_seen(row)?,
            Duplicates::Keep => {}
            Duplicates::Once => {
                self.seen
                    .admit(row.fingerprint, row.row.unwrap_or_default())?;
            }
        }
        if row.via == Via::Seed {
            self.remember_host(&row.host);
        }
        self.restore_as_sent(row)?;
        self.redirected.restore(row, now)?;
        match row.state {
            State::Waiting(pass) if self.takes_pages() => self.awaited.add(row, pass),
            State::Waiting(_) => self.workbench.put_away(&row.host, now),
            State::Reread(_) => {
                self.workbench.put_away(&row.host, now);
                self.spend(); // it has its record
            }
            State::Done(_) | State::Failed { .. } if row.role.has_record() => self.spend(),
            State::Skipped { .. } if row.row.is_some() => self.spend(), // a skipped line has a record
            _ => {}
        }
        Ok(())
    }

    /// Restores what a row of a crawl was seen as.
    fn restore_seen(&mut self, row: &Row) -> Result<()> {
        let mut seen = SeenAs::of(row);
        if self.ranks.by_recipe {
            let (request, recipes) = row.stored_request()?;
            for recipe in recipes {
                self.recipes.add(&mut seen, &recipe);
            }
            if let Some((row, request)) = row.row.zip(request) {
                self.requests.insert(row, Arc::new(request));
            }
        }
        // The number of a seed that came late is not its row.
        if let Some(row) = row.row.filter(|number| *number == row.id) {
            self.last_seed = self.last_seed.max(row);
        }
        self.seen.put(row.fingerprint, seen.pack())
    }
}
