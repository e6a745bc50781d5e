//! Raising: what becomes of a URL that is known and that a stronger claim is laid to.

use std::time::Instant;

use super::Frontier;
use super::admission::Discovery;
use super::claim::{Claim, Ranks, SeenAs, TIMES, is_there};
use super::store::{Change, Raised, State};
use crate::error::Result;
use crate::job::{Job, Role, Via};
use crate::skip::Skip;
use crate::visit::Visit;

/// Why a page is not asked once more.
const ASKED_OFTEN: Skip = Skip::AskedOften {
    limit: TIMES as u16,
};

impl Frontier {
    /// From now on claims are compared by this.
    pub(crate) fn rank(&mut self, ranks: Ranks) {
        self.ranks = ranks;
    }

    /// What a URL was seen as; `None` where it was never seen.
    ///
    /// # Errors
    /// When the memory of what was seen cannot be read.
    pub(crate) fn seen_as(&self, fingerprint: u64) -> Result<Option<SeenAs>> {
        Ok(self.seen.get(fingerprint)?.map(SeenAs::unpack))
    }

    /// Whether a claim is stronger than what a URL was seen as. Where it was passed over, whether the scope has not been
    /// asked about it as this.
    pub(crate) fn outranks(&self, claim: &Claim<'_>, seen: &SeenAs) -> bool {
        match seen.is_admitted() {
            true => self.ranks.any() && seen.raise(claim, self.ranks, &self.recipes).any(),
            false => !seen.was_judged(claim.role),
        }
    }

    /// The scope turned a known URL away as this too.
    ///
    /// # Errors
    /// When the memory of what was seen cannot be kept.
    pub(crate) fn refuse(&mut self, fingerprint: u64, seen: &mut SeenAs, role: Role) -> Result<()> {
        seen.judged(role);
        self.seen.put(fingerprint, seen.pack())
    }

    /// Takes a stronger claim in, for a URL that belongs to the crawl by it. Answers why it is not asked again, where it
    /// should have been.
    ///
    /// # Errors
    /// When the memory of what was seen cannot be kept.
    pub(crate) fn raise(
        &mut self,
        found: Discovery<'_>,
        mut seen: SeenAs,
        now: Instant,
    ) -> Result<Option<Skip>> {
        let fingerprint = found.fingerprint;
        if !seen.is_admitted() {
            let found = Discovery {
                is_refused_page: found.role != Role::Page && seen.was_judged(Role::Page),
                ..found
            };
            // What was passed over has no record: another row takes its place.
            if let Some(ledger) = self.ledger.as_mut().filter(|_| seen.id > 0) {
                ledger.changed(Change::Forgotten(seen.id));
            }
            return self.admit_found(found, now).map(|()| None);
        }
        let claim = found.claim();
        let raise = seen.raise(&claim, self.ranks, &self.recipes);
        seen.take(&claim, raise, &mut self.recipes);
        // Where the run has all records that it may have, nothing is asked again.
        let asks = seen.is_settled && seen.is_worth(raise) && !self.workbench.is_closed();
        let spent = seen.raises >= TIMES;
        let mut state = None;
        if !seen.is_settled {
            self.raised.insert(seen.id);
        } else if asks && !spent {
            // Nearer, it says the same; as a page, or by another recipe, there is more to tell.
            let has_record = raise.role || raise.recipe;
            state = Some(self.ask_again(&found, &mut seen, has_record, now));
        }
        self.note_raise(&seen, state);
        self.seen.put(fingerprint, seen.pack())?;
        Ok((asks && spent).then_some(ASKED_OFTEN))
    }

    /// Asks a page again that has its record: for its links alone, or for another record.
    fn ask_again(
        &mut self,
        found: &Discovery<'_>,
        seen: &mut SeenAs,
        has_record: bool,
        now: Instant,
    ) -> State {
        let mut job = self.job(found.url.clone(), found.on, found.remote, now);
        job.via = found.via;
        job.found_on = Some(found.page.clone());
        if seen.id <= self.last_seed {
            (job.row, job.via, job.found_on) = (Some(seen.id), Via::Seed, None);
            job.request = self.requests.get(&seen.id).cloned();
        }
        self.put_again(job, seen, has_record, now)
    }

    fn put_again(
        &mut self,
        mut job: Box<Job>,
        seen: &mut SeenAs,
        has_record: bool,
        now: Instant,
    ) -> State {
        seen.raises += 1;
        seen.is_settled = false;
        job.id = seen.id;
        job.role = seen.role();
        job.depth = seen.depth();
        job.recipes = self.recipes.of(seen);
        job.pass = self.last_pass.saturating_add(seen.raises.into());
        job.is_reread = !has_record;
        job.leased = Some(now); // it was sent before: the run has counted its record
        let state = match has_record {
            true => State::Waiting(job.pass),
            false => State::Reread(job.pass),
        };
        if let Some(ledger) = &mut self.ledger {
            ledger.passed(self.raised_before.saturating_add(seen.raises.into()));
            ledger.superseded(has_record);
        }
        self.workbench.put_back(job, std::time::Duration::ZERO, now);
        state
    }

    fn note_raise(&mut self, seen: &SeenAs, state: Option<State>) {
        if let Some(ledger) = &mut self.ledger {
            ledger.changed(Change::Raised(Raised {
                id: seen.id,
                role: seen.role(),
                depth: seen.depth(),
                recipes: self.recipes.of(seen),
                state,
            }));
        }
    }

    /// Brings a job that is about to be sent up to what was claimed since it was admitted.
    ///
    /// # Errors
    /// When the memory of what was seen cannot be read.
    pub(super) fn catch_up(&mut self, job: &mut Job) -> Result<()> {
        if self.raised.is_empty() || !self.raised.remove(&job.id) {
            return Ok(());
        }
        let fingerprint = self.fingerprints.of(job.first_url().as_str());
        let Some(seen) = self.seen_as(fingerprint)? else {
            return Ok(());
        };
        let recipes = self.recipes.of(&seen);
        if job.is_reread && recipes != job.recipes {
            job.is_reread = false;
            if let Some(ledger) = &mut self.ledger {
                ledger.superseded(true);
            }
        }
        job.role = seen.role();
        job.depth = seen.depth();
        job.recipes = recipes;
        Ok(())
    }

    /// Before a visit's links are followed: they are as near as its URL was found to be while it was in flight.
    ///
    /// # Errors
    /// When the memory of what was seen cannot be read.
    pub(crate) fn come_nearer(&mut self, job: &mut Job) -> Result<()> {
        if self.raised.is_empty() || !self.raised.contains(&job.id) {
            return Ok(());
        }
        let fingerprint = self.fingerprints.of(job.first_url().as_str());
        if let Some(seen) = self.seen_as(fingerprint)?
            && job.role == seen.role()
        {
            job.depth = job.depth.min(seen.depth());
        }
        Ok(())
    }

    /// Notes that the record of a URL is on its way. What was claimed of it while it was in flight, and could not be taken into
    /// account, is asked for now.
    ///
    /// # Errors
    /// When the memory of what was seen cannot be kept.
    pub(super) fn settle_claims(&mut self, visit: &Visit, now: Instant) -> Result<Option<Skip>> {
        let job = &visit.job;
        let watched = self.is_crawl && self.ranks.any();
        if !watched || job.id == 0 || !job.role.has_record() || !job.is_plain() {
            return Ok(None);
        }
        let url = job.first_url();
        let fingerprint = self.fingerprints.of(url.as_str());
        let Some(mut seen) = self.seen_as(fingerprint)?.filter(|seen| seen.id == job.id) else {
            return Ok(None);
        };
        seen.settle(visit);
        let mut skip = None;
        if self.raised.remove(&job.id) && !self.workbench.is_closed() {
            let recipes = self.recipes.of(&seen);
            let wanted = recipes != job.recipes && is_there(visit);
            let page = job.role != seen.role() && seen.leads();
            let spent = seen.raises >= TIMES;
            skip = (spent && (wanted || page)).then_some(ASKED_OFTEN);
            if !spent && (wanted || page) {
                let mut again = job.clone();
                again.hops.clear();
                again.attempts.clear();
                (again.retries, again.free_tries) = (0, 0);
                (again.url, again.host, again.since) = (url.clone(), url.host_key(), now);
                let state = self.put_again(again, &mut seen, true, now);
                self.note_raise(&seen, Some(state));
            }
        }
        self.seen.put(fingerprint, seen.pack())?;
        Ok(skip)
    }
}
