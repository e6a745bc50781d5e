//! Admission: what comes in, and whether it was seen before.

use std::sync::Arc;
use std::time::Instant;

use super::claim::{Claim, SeenAs};
use super::store::{Row, State};
use super::{Duplicates, Frontier, NAMED, Run};
use crate::error::Result;
use crate::job::{Job, Reach, Role, Via};
use crate::url::{HostKey, PageUrl};
use crate::visit::{FetchError, Visit};

/// A URL that a page led to and that was never seen before.
pub(crate) struct Discovery<'a> {
    pub(crate) url: PageUrl,
    pub(crate) fingerprint: u64,
    /// The job of the page.
    pub(crate) on: &'a Job,
    /// That page's URL, for the records of all that it leads to.
    pub(crate) page: &'a Arc<str>,
    /// The page's own address.
    pub(crate) remote: Option<std::net::IpAddr>,
    pub(crate) role: Role,
    pub(crate) via: Via,
    pub(crate) depth: u16,
    /// The recipe that the page wants for it.
    pub(crate) recipe: Option<&'a Arc<str>>,
    /// Whether the scope turned it away as a page, and it is a part of one.
    pub(crate) is_refused_page: bool,
}

impl Discovery<'_> {
    /// What it claims of the URL.
    pub(crate) fn claim(&self) -> Claim<'_> {
        Claim {
            role: self.role,
            depth: self.depth,
            recipe: self.recipe,
        }
    }
}

impl Frontier {
    /// Takes a line of the list in. `Some`: it is settled already, as a duplicate or because nothing is to be asked.
    ///
    /// # Errors
    /// When the memory of what was seen cannot be kept.
    pub(crate) fn admit(&mut self, mut job: Box<Job>, now: Instant) -> Result<Option<Visit>> {
        let fingerprint = self.fingerprint(&job);
        let row = job.row.unwrap_or_default();
        let known = match self.settings.duplicates {
            _ if self.is_crawl => {
                // A seed has the number of its row: all seeds are read before anything is found.
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
                FetchError::Skipped("--dry-run".into()),
            )));
        }
        self.name(&job.host);
        if self.is_crawl {
            self.last_id = row - 1;
            self.last_seed = row;
            if self.ranks.by_recipe
                && let Some(request) = &job.request
            {
                self.requests.insert(row, request.clone());
            }
        }
        self.enter(&mut job, fingerprint, 0);
        self.workbench.put(job, now);
        Ok(None)
    }

    /// Whether a sitemap was never seen before; now it was. What a sitemap is read as is no page any more: it has no record.
    ///
    /// # Errors
    /// When the memory of what was seen cannot be kept.
    pub(crate) fn is_new_sitemap(&mut self, fingerprint: u64) -> Result<bool> {
        let known = self.seen.admit(fingerprint, SeenAs::SITEMAP.pack())?;
        Ok(known.is_none())
    }

    /// Takes a new URL in that belongs to the crawl.
    ///
    /// # Errors
    /// When the memory of what was seen cannot be kept.
    pub(crate) fn admit_found(&mut self, found: Discovery<'_>, now: Instant) -> Result<()> {
        if found.role != Role::Sitemap {
            let mut seen = SeenAs::new(self.last_id + 1, found.role, found.depth, true);
            if found.is_refused_page {
                seen.judged(Role::Page);
            }
            if let Some(recipe) = found.recipe {
                self.recipes.add(&mut seen, recipe);
            }
            self.seen.put(found.fingerprint, seen.pack())?;
        }
        let mut job = self.job(found.url, found.on, found.remote, now);
        job.via = found.via;
        job.role = found.role;
        job.depth = found.depth;
        let is_nested = found.role == Role::Sitemap && found.on.role == Role::Sitemap;
        if is_nested || found.via == Via::Redirect {
            job.nesting = found.on.nesting.saturating_add(1);
        }
        job.found_on = Some(found.page.clone());
        job.recipes.extend(found.recipe.cloned());
        self.enter(&mut job, found.fingerprint, found.on.id);
        self.workbench.put(job, now);
        Ok(())
    }

    /// Remembers that a new URL does not belong to the crawl, and why.
    ///
    /// # Errors
    /// When the memory of what was seen cannot be kept.
    pub(crate) fn pass_over(
        &mut self,
        found: Discovery<'_>,
        class: &str,
        message: impl Fn() -> String,
    ) -> Result<()> {
        self.last_id += 1;
        if found.role != Role::Sitemap {
            let mut seen = SeenAs::new(self.last_id, found.role, found.depth, false);
            if found.is_refused_page {
                seen.judged(Role::Page);
            }
            self.seen.put(found.fingerprint, seen.pack())?;
        }
        let Some(ledger) = &mut self.ledger else {
            return Ok(());
        };
        ledger.found(Row {
            id: self.last_id,
            fingerprint: found.fingerprint,
            host: found.url.host_key(),
            url: found.url.as_str().into(),
            role: found.role,
            via: found.via,
            depth: found.depth,
            row: None,
            found_on: found.on.id,
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

    /// Gives an admitted job its number, and notes it where the run is kept.
    fn enter(&mut self, job: &mut Job, fingerprint: u64, found_on: u64) {
        self.last_id += 1;
        job.id = self.last_id;
        if let Some(ledger) = &mut self.ledger {
            ledger.found(Row::of(job, fingerprint, found_on));
        }
    }

    pub(super) fn job(
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
        let reach = self.reach(&host, on, remote);
        let mut job = Box::new(Job::seed_on(0, url, host));
        job.row = None;
        job.reach = reach;
        job.since = now;
        job
    }

    /// Which addresses a URL may lead to that an answer of this job led to.
    pub(super) fn reach(
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

    fn name(&mut self, host: &HostKey) {
        // A list goes through its hosts in runs: the last one is known without looking.
        if self.last_named.as_ref() != Some(host) {
            self.last_named = Some(host.clone());
            if self.named.len() < NAMED {
                self.named.insert(host.clone());
            }
        }
    }

    /// Takes a row back that the job had when it was left.
    ///
    /// # Errors
    /// When the memory of what was seen cannot be kept.
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
            self.name(&row.host);
        }
        match row.state {
            State::Waiting(_) => self.workbench.put_away(&row.host, now),
            State::Reread(_) => {
                self.workbench.put_away(&row.host, now);
                self.spend(); // it has its record
            }
            State::Done(_) | State::Failed { .. } if row.role.has_record() => self.spend(),
            State::Skipped { .. } if row.row.is_some() => self.spend(), // what is listed has a record
            _ => {}
        }
        Ok(())
    }

    /// What a row of a crawl was seen as.
    fn restore_seen(&mut self, row: &Row) -> Result<()> {
        let mut seen = SeenAs::of(row);
        if self.ranks.by_recipe {
            let (request, recipes) = row.kept()?;
            for recipe in recipes {
                self.recipes.add(&mut seen, &recipe);
            }
            if let Some((row, request)) = row.row.zip(request) {
                self.requests.insert(row, Arc::new(request));
            }
        }
        if let Some(row) = row.row {
            self.last_seed = self.last_seed.max(row);
        }
        self.seen.put(row.fingerprint, seen.pack())
    }

    fn fingerprint(&self, job: &Job) -> u64 {
        job.fingerprint(self.fingerprints)
    }
}
