//! Raising: what happens when a stronger claim is found for a known URL.

use std::time::Instant;

use super::Frontier;
use super::admission::Discovery;
use super::claim::{Claim, MAX_RAISES, Ranks, SeenAs, is_there};
use super::store::{Change, Raised, State};
use crate::error::Result;
use crate::job::{Job, Role, Via};
use crate::visit::Visit;
use crate::visit::skip::Skip;

/// The reason not to fetch a page yet again.
const ASKED_OFTEN: Skip = Skip::AskedOften {
    limit: MAX_RAISES as u16,
};

impl Frontier {
    /// Sets how claims are compared from now on.
    pub(crate) fn rank(&mut self, ranks: Ranks) {
        self.ranks = ranks;
    }

    /// What a URL was seen as; `None` if it was never seen.
    ///
    /// # Errors
    /// When the memory of seen URLs cannot be read.
    pub(crate) fn seen_as(&self, fingerprint: u64) -> Result<Option<SeenAs>> {
        Ok(self.seen.get(fingerprint)?.map(SeenAs::unpack))
    }

    /// Whether a claim is stronger than what a URL was seen as.
    ///
    /// For a URL that was rejected: whether the scope has not judged it in this role yet.
    pub(crate) fn outranks(&self, claim: &Claim<'_>, seen: &SeenAs) -> bool {
        match seen.is_admitted() {
            true => self.ranks.any() && seen.raise(claim, self.ranks, &self.recipes).any(),
            false => !seen.was_judged(claim.role),
        }
    }

    /// Notes that the scope rejected a known URL in this role too.
    ///
    /// # Errors
    /// When the memory of seen URLs cannot be written.
    pub(crate) fn refuse(&mut self, fingerprint: u64, seen: &mut SeenAs, role: Role) -> Result<()> {
        seen.note_judged(role);
        self.seen.put(fingerprint, seen.pack())
    }

    /// Applies a stronger claim to a known URL, which the scope accepts by that claim.
    ///
    /// Returns the reason if the URL should be fetched again but is not.
    ///
    /// # Errors
    /// When the memory of seen URLs cannot be written.
    pub(crate) fn raise(
        &mut self,
        discovery: Discovery<'_>,
        mut seen: SeenAs,
        now: Instant,
    ) -> Result<Option<Skip>> {
        let fingerprint = discovery.fingerprint;
        if !seen.is_admitted() {
            let discovery = Discovery {
                is_refused_page: discovery.role != Role::Page && seen.was_judged(Role::Page),
                ..discovery
            };
            // A rejected URL has no record, so another row may replace it.
            if let Some(ledger) = self.ledger.as_mut().filter(|_| seen.id > 0) {
                ledger.note_change(Change::Forgotten(seen.id));
            }
            return self.admit_link(discovery, now).map(|()| None);
        }
        let claim = discovery.claim();
        let raise = seen.raise(&claim, self.ranks, &self.recipes);
        seen.apply(&claim, raise, &mut self.recipes);
        // Once the run has all the records that it may write, nothing is fetched again.
        let asks = seen.is_settled && seen.is_worth(raise) && !self.workbench.is_closed();
        let spent = seen.raises >= MAX_RAISES;
        let mut state = None;
        if !seen.is_settled {
            self.raised.insert(seen.id);
        } else if asks && !spent {
            // A page that is only nearer would give the same record; as a page, or by another recipe, it gives a
            // new one.
            let has_record = raise.role || raise.recipe;
            state = Some(self.refetch(&discovery, &mut seen, has_record, now));
        }
        self.note_raise(&seen, state);
        self.seen.put(fingerprint, seen.pack())?;
        Ok((asks && spent).then_some(ASKED_OFTEN))
    }

    /// Queues a page that has its record again: for its links alone, or for a new record.
    fn refetch(
        &mut self,
        discovery: &Discovery<'_>,
        seen: &mut SeenAs,
        has_record: bool,
        now: Instant,
    ) -> State {
        let mut job = self.new_job(discovery.url.clone(), discovery.on, discovery.remote, now);
        job.via = discovery.via;
        job.found_on = Some(discovery.page.clone());
        if seen.id <= self.last_seed {
            (job.row, job.via, job.found_on) = (Some(seen.id), Via::Seed, None);
            job.request = self.requests.get(&seen.id).cloned();
        }
        self.requeue(job, seen, has_record, now)
    }

    fn requeue(
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
            ledger.note_pass(self.raised_before.saturating_add(seen.raises.into()));
            ledger.note_superseded(has_record);
        }
        self.workbench.put_back(job, std::time::Duration::ZERO, now);
        state
    }

    /// Queues a page that has its record again, for a new record, as what it was seen as before.
    ///
    /// # Errors
    /// When the memory of seen URLs cannot be written.
    pub(super) fn refetch_as_seen(
        &mut self,
        fingerprint: u64,
        job: Box<Job>,
        seen: &mut SeenAs,
        now: Instant,
    ) -> Result<()> {
        let state = self.requeue(job, seen, true, now);
        self.note_raise(seen, Some(state));
        self.seen.put(fingerprint, seen.pack())
    }

    fn note_raise(&mut self, seen: &SeenAs, state: Option<State>) {
        if let Some(ledger) = &mut self.ledger {
            ledger.note_change(Change::Raised(Raised {
                id: seen.id,
                role: seen.role(),
                depth: seen.depth(),
                recipes: self.recipes.of(seen),
                state,
            }));
        }
    }

    /// Updates a job that is about to be sent with the claims found since it was admitted.
    ///
    /// # Errors
    /// When the memory of seen URLs cannot be read.
    pub(super) fn catch_up(&mut self, job: &mut Job) -> Result<()> {
        if self.raised.is_empty() || !self.raised.remove(&job.id) {
            return Ok(());
        }
        let fingerprint = self.fingerprints.of(job.own_url().as_str());
        let Some(seen) = self.seen_as(fingerprint)? else {
            return Ok(());
        };
        let recipes = self.recipes.of(&seen);
        if job.is_reread && recipes != job.recipes {
            job.is_reread = false;
            if let Some(ledger) = &mut self.ledger {
                ledger.note_superseded(true);
            }
        }
        job.role = seen.role();
        job.depth = seen.depth();
        job.recipes = recipes;
        Ok(())
    }

    /// Lowers a visit's depth by claims that arrived in flight, before its links are followed.
    ///
    /// # Errors
    /// When the memory of seen URLs cannot be read.
    pub(crate) fn lower_depth(&mut self, job: &mut Job) -> Result<()> {
        if self.raised.is_empty() || !self.raised.contains(&job.id) {
            return Ok(());
        }
        let fingerprint = self.fingerprints.of(job.own_url().as_str());
        if let Some(seen) = self.seen_as(fingerprint)?
            && job.role == seen.role()
        {
            job.depth = job.depth.min(seen.depth());
        }
        Ok(())
    }

    /// Notes that a URL's record is about to be written.
    ///
    /// If a stronger claim arrived while the URL was in flight, too late to be applied, it is queued again.
    ///
    /// Returns the reason if it should be fetched again but is not.
    ///
    /// # Errors
    /// When the memory of seen URLs cannot be written.
    pub(super) fn settle_claims(&mut self, visit: &Visit, now: Instant) -> Result<Option<Skip>> {
        let job = &visit.job;
        let watched = self.is_crawl && self.ranks.any();
        if !watched || job.id == 0 || !job.role.has_record() || !job.is_plain() {
            return Ok(None);
        }
        let url = job.own_url();
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
            let spent = seen.raises >= MAX_RAISES;
            skip = (spent && (wanted || page)).then_some(ASKED_OFTEN);
            if !spent && (wanted || page) {
                let mut refetched = job.clone();
                refetched.hops.clear();
                refetched.attempts.clear();
                (refetched.retries, refetched.free_tries) = (0, 0);
                (refetched.url, refetched.host, refetched.since) =
                    (url.clone(), url.host_key(), now);
                let state = self.requeue(refetched, &mut seen, true, now);
                self.note_raise(&seen, Some(state));
            }
        }
        self.seen.put(fingerprint, seen.pack())?;
        Ok(skip)
    }
}
