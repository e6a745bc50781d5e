//! Landing: what happens to a visit that came back.

use std::time::{Duration, Instant, SystemTime};

use http::Method;

use super::access::Access;
use super::attempt::{attempt, is_mismatch};
use super::departure::Departure;
use super::health::{Effect, Limits, Trouble};
use super::pause::{Change, Pause};
use super::retry::{self, Circumstances, Verdict, Wait};
use super::window::Reply;
use super::{Frontier, FrontierSettings, Run};
use crate::error::Result;
use crate::job::segments::Segments;
use crate::job::{Hop, Job, Probe, Reuse, Role, Via, is_idempotent};
use crate::page::Page;
use crate::page::failure::FetchError;
use crate::text::secret::without_password;
use crate::url::{HostKey, PageUrl, UrlError};
use crate::visit::Visit;
use crate::visit::skip::Skip;

/// The most redirects of a robots.txt (RFC 9309 2.3.1.2).
const ROBOTS_REDIRECTS: u16 = 5;
/// Unprocessed requests of one job after which its host is considered to be in trouble.
const UNPROCESSED_ENOUGH: u16 = 3;

/// What happens next to a visit.
pub(crate) enum Noted {
    /// It is over and can be written.
    Settled(Box<Visit>),
    /// The job waits again: for a retry, or the next hop.
    Again(Again),
    /// A host's robots.txt is known now; the list has the sitemaps in it.
    Robots(Box<Visit>, Vec<String>),
}

/// Why a job waits again.
#[derive(Debug)]
pub(crate) enum Again {
    /// For a retry.
    Retry {
        host: HostKey,
        cause: String,
        /// The least time until the retry.
        after: Duration,
    },
    /// For the next hop of a redirect.
    Redirect,
    /// For a GET, because HEAD was refused.
    Get,
    /// For an answer to a challenge.
    Login,
    /// For the segments of its body, or to join them.
    Segment,
    /// To be asked, because what an earlier run has cannot be used.
    Asked,
}

/// The state of a visit's host, as far as it matters for a retry.
#[derive(Debug, Clone, Copy, Default)]
struct HostState {
    /// Whether the host is paused, or has not responded since it was.
    is_out: bool,
    /// Whether a refusal was the host's and not the job's own.
    is_excused: bool,
}

/// Decides whether a redirect may be followed, if targets must belong to the crawl.
pub(crate) trait Gate {
    /// Whether the target of a redirect belongs to the crawl.
    fn lets_in(&mut self, from: &Job, target: &PageUrl) -> bool;
}

impl Frontier {
    /// Takes a visit back from the engine, and decides whether its job is over.
    pub(crate) fn note(
        &mut self,
        mut visit: Box<Visit>,
        gate: &mut impl Gate,
        now: Instant,
    ) -> Noted {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.log(&visit, now);
        if matches!(visit.job.segments, Some(Segments::Complete(_))) {
            return self.end_join(visit, now);
        }
        if visit.job.reuse == Reuse::Yes {
            return self.end_reuse(visit, now);
        }
        self.take_hsts(&visit);
        let is_stored = self.settings.run == Run::Stored;
        let clock = SystemTime::now();
        let host_state = match is_stored {
            true => self
                .workbench
                .landed(&visit.job.host, None, None, now, |_| HostState::default()),
            false => self.land(&visit, clock, now),
        };
        if !is_stored && self.logins.is_challenge(&mut visit) {
            // The server did not act on the request, so this is the same try.
            self.workbench.put_back(visit.job, Duration::ZERO, now);
            return Noted::Again(Again::Login);
        }
        if visit.parsed.lacks_earlier && visit.job.reuse != Reuse::Unreadable {
            return self.ask_again(*visit, now);
        }
        let mut visit = match self.split(visit, now) {
            Ok(noted) => return noted,
            Err(visit) => visit,
        };
        let asked = match &visit.outcome {
            Ok(page) if page.status >= 300 && !is_stored => {
                retry::wait(page, &self.settings, clock)
            }
            _ => Wait::Unnamed,
        };
        // RFC 9110 10.2.3: with a redirect, `Retry-After` is the least time before the next request.
        if asked != Wait::TooLong
            && let Some(again) = self.redirect(&mut visit, gate, now)
        {
            match again {
                Ok(job) => {
                    let after = asked.named().unwrap_or_default();
                    self.workbench.put_back(job, after, now);
                    return Noted::Again(Again::Redirect);
                }
                Err(error) => visit.outcome = Err(error),
            }
            return self.end(visit, now);
        }
        if is_stored || is_of_another_body(&visit) {
            return self.end(visit, now); // no host sent this, and another try would find the same
        }
        let probed = visit.job.probed_with();
        let method = probed.as_ref().or_else(|| visit.job.method());
        let idempotent = is_idempotent(method.unwrap_or(&self.method));
        let circumstances = Circumstances {
            retries: visit.job.retries,
            free_tries: visit.job.free_tries,
            idempotent,
            had_mismatch: visit.job.attempts.iter().any(is_mismatch),
            host_is_out: host_state.is_out,
            excused: host_state.is_excused,
            random: self.random.f64(),
            now: clock,
        };
        let cut = cut_short(&visit).map(Err);
        let judged = cut.as_ref().unwrap_or(&visit.outcome);
        let verdict = match visit.parsed.accepted {
            true => Verdict::Done, // a response like any other
            false => retry::verdict(judged, &self.settings, circumstances),
        };
        if probed == Some(Method::HEAD) && retry::refuses_head(&visit, verdict) {
            let Visit {
                mut job, outcome, ..
            } = *visit;
            job.probe = Probe::Get;
            let attempt = attempt(outcome, &job, now);
            job.attempts.push(attempt);
            self.workbench.put_back(job, Duration::ZERO, now);
            return Noted::Again(Again::Get);
        }
        let (after, costs) = match verdict {
            Verdict::Done => return self.end(visit, now),
            Verdict::WithMachine if !self.machine.may_recover(now) => {
                return self.end(visit, now);
            }
            Verdict::Again { after, costs } => (after, costs),
            Verdict::WithHost { costs } => (Duration::ZERO, costs),
            Verdict::WithMachine => (Duration::ZERO, false),
        };
        visit.outcome = cut.unwrap_or(visit.outcome);
        let cause = match &visit.outcome {
            Ok(page) => page.status.to_string(),
            Err(error) => error.class().to_owned(),
        };
        let Visit {
            mut job, outcome, ..
        } = *visit;
        match costs {
            true => job.retries = job.retries.saturating_add(1),
            false => job.free_tries = job.free_tries.saturating_add(1),
        }
        // A request that was never processed does not count as an attempt.
        if !matches!(&outcome, Err(error) if error.is_unprocessed()) {
            let attempt = attempt(outcome, &job, now);
            job.attempts.push(attempt);
        }
        let host = job.host.clone();
        self.workbench.put_back(job, after, now);
        let until = self.workbench.host(&host, now).held(now);
        let wait = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        Noted::Again(Again::Retry {
            host,
            cause,
            after: after.max(wait),
        })
    }

    /// Ends a job: nothing more is requested for it.
    pub(super) fn end(&mut self, mut visit: Box<Visit>, now: Instant) -> Noted {
        if visit.job.role == Role::Segment {
            return self.end_segment(*visit, now);
        }
        if visit.job.role != Role::Robots {
            return Noted::Settled(visit);
        }
        let host = visit.job.first_url().host_key();
        let access = Access::of(&mut visit, now);
        if let Some(ledger) = &mut self.ledger {
            ledger.note_robots(&host, access.rules(), now);
        }
        let sitemaps = match &access {
            Access::Known(rules, _) => rules.sitemaps().to_vec(),
            _ => Vec::new(),
        };
        if let Some((asked, kept)) = self.workbench.set_access(&host, access, now) {
            let change = Change::Slowed { asked, kept };
            self.pauses.push(Pause { host, change });
        }
        Noted::Robots(visit, sitemaps)
    }

    /// Notes that a visit is over for good and that its record is about to be written.
    ///
    /// Returns the reason if it should be fetched again but is not.
    ///
    /// # Errors
    /// When the memory of seen URLs cannot be written.
    pub(crate) fn settle(&mut self, visit: &Visit, now: Instant) -> Result<Option<Skip>> {
        self.hops.release(&visit.job);
        if visit.job.id == 0 {
            // A line that was never admitted, or a robots.txt.
            if let Some(ledger) = &mut self.ledger {
                ledger.note_line(visit);
            }
            return Ok(None);
        }
        if let Some(ledger) = &mut self.ledger {
            ledger.note_settled(visit);
            if let Some(snapshot) = &visit.parsed.snapshot {
                let fingerprint = self.fingerprints.of(visit.job.url.as_str());
                ledger.note_snapshot(visit.job.id, fingerprint, snapshot.clone());
            }
        }
        self.settle_claims(visit, now)
    }

    /// Updates the host of a visit: one request less is in flight, and its health changes.
    fn land(&mut self, visit: &Visit, clock: SystemTime, now: Instant) -> HostState {
        let job = &visit.job;
        let sent = job.leased.unwrap_or(now);
        let random = self.random.f64();
        self.machine.note(&visit.outcome, sent, random, now);
        if self.workbench.paced
            && let Some(departure) = Departure::of(visit, now)
        {
            // It may have left long after it was leased, if its connection had to be opened first.
            self.workbench.departed(job, departure.at(), now);
        }
        let from = visit.outcome.as_ref().ok().and_then(|page| page.remote);
        let from = from.map(|remote| remote.ip());
        let settings = &self.settings;
        let pauses = &mut self.pauses;
        // What the host asked for holds for every run. Its silence may be the fault of this one: a proxy, a deadline.
        let mut asked_until = None;
        let state = self
            .workbench
            .landed(&job.host, reply(visit, clock), from, now, |host| {
                // Without its robots.txt nothing else of a host can be fetched: if more than a few jobs need it, it
                // is worth waiting for.
                let many = settings.pause_after.max(1) as usize;
                let gates = job.role == Role::Robots && host.jobs() >= many as u64;
                host.has_answered |= visit.outcome.is_ok();
                if let Ok(page) = &visit.outcome
                    && let Some(wait) = retry::quota(page, settings, clock)
                    && host.quota_is_spent(now + wait)
                {
                    pauses.push(Pause::of_quota(host, now + wait));
                    asked_until = Some(now + wait);
                }
                let trouble = match &visit.outcome {
                    Ok(page) if retry::refuses(page) => {
                        refusal(page, visit.parsed.accepted, settings, clock)
                    }
                    Ok(_) => None,
                    // A request that was not processed means something only when that happens repeatedly.
                    Err(FetchError::Unprocessed(_)) if job.free_tries < UNPROCESSED_ENOUGH => {
                        return HostState::default();
                    }
                    Err(error @ FetchError::Unprocessed(_)) => {
                        Some(Trouble::Silent(error.class(), 1))
                    }
                    Err(error) if retry::is_silence(error) => {
                        let is_outage = host.has_answered && retry::never_arrived(error);
                        let weight = match gates || is_outage {
                            true => settings.pause_after,
                            false => 1,
                        };
                        Some(Trouble::Silent(error.class(), weight))
                    }
                    Err(error) if retry::is_bad_response(error) => None,
                    Err(_) => return HostState::default(),
                };
                let Some(trouble) = trouble else {
                    host.health.note_response(sent);
                    return HostState::default();
                };
                // A wait that the server asks for is kept, whether or not the failure is news.
                if let Trouble::Refused(_, Some(wait)) = trouble {
                    host.hold(now + wait);
                }
                let is_old_news = host.health.failed_since(sent);
                let is_refusal = matches!(trouble, Trouble::Refused(..));
                let effect = host.health.note_trouble(
                    trouble,
                    (job.id, sent),
                    limits(settings),
                    random,
                    now,
                );
                match effect {
                    Effect::None => {}
                    Effect::Extend(wait) => {
                        host.hold(now + wait);
                        asked_until = asked_until.max(Some(now + wait));
                    }
                    Effect::Pause(wait) => {
                        host.hold(now + wait);
                        if is_refusal {
                            asked_until = asked_until.max(Some(now + wait));
                        }
                        pauses.push(Pause::of(host, Some(now + wait)));
                    }
                    Effect::GivenUp => pauses.push(Pause::of(host, None)),
                }
                HostState {
                    // If failures pause no host, nothing else would keep the job from coming back at once.
                    is_out: host.health.is_out() && settings.pause_after > 0,
                    is_excused: is_old_news || gates || host.health.is_shared(),
                }
            });
        if let Some(until) = asked_until {
            self.workbench.tell_others(&job.host, until);
        }
        state
    }

    /// The job of a redirect, if there is one to follow; an error if it cannot be followed.
    fn redirect(
        &mut self,
        visit: &mut Visit,
        gate: &mut impl Gate,
        now: Instant,
    ) -> Option<Result<Box<Job>, FetchError>> {
        let limit = match visit.job.role {
            Role::Robots => ROBOTS_REDIRECTS,
            Role::Segment => 0,
            _ => self.settings.max_redirects,
        };
        let Ok(page) = &visit.outcome else {
            return None;
        };
        let location = page.target().filter(|_| limit > 0)?;
        let pages = matches!(visit.job.role, Role::Page | Role::Asset);
        let before = if pages { visit.job.nesting } else { 0 };
        let hops = visit.job.hops.iter().filter(|hop| !hop.is_internal);
        if hops.count() + usize::from(before) >= usize::from(limit) {
            return Some(Err(FetchError::TooManyRedirects { limit }));
        }
        let target = match visit.job.url.join(&location) {
            Ok(target) => target,
            Err(error) => {
                let problem = match error {
                    UrlError::Scheme(scheme) => {
                        format!("{scheme}: is not followed, only http: and https: are")
                    }
                    other => other.to_string(),
                };
                let target = without_password(&location).chars().take(200).collect();
                return Some(Err(FetchError::BadRedirect { target, problem }));
            }
        };
        if !self.is_one_job(&visit.job, &target, gate) {
            return None;
        }
        let host = target.host_key();
        let remote = page.remote.map(|remote| remote.ip());
        let reach = self.allowed_reach(&host, &visit.job, remote);
        let status = page.status;
        let (sent, took) = (page.timing.sent, page.timing.total);
        let asked_wait = retry::asked_wait(page);
        let answer = match self.hops.wants(&visit.job) {
            // The outcome of this visit is not used any more, because its job goes on.
            true => std::mem::replace(&mut visit.outcome, Err(FetchError::Cancelled)).ok(),
            false => None,
        };
        let hop = Hop {
            url: visit.job.url.clone(),
            status,
            answer: answer.and_then(|page| self.hops.store(page)),
            is_internal: false,
            sent,
            took: Some(took),
            asked_wait,
        };
        let mut job = visit.job.clone();
        job.url = target;
        job.host = host;
        job.reuse = Reuse::Unknown;
        job.via = Via::Redirect;
        job.reach = reach;
        job.hops.push(hop);
        job.since = now;
        Some(Ok(job))
    }

    /// Whether a redirect is followed as a part of its own job.
    ///
    /// In a crawl each URL has its own record: there the target is a link of the page that redirects, so that it
    /// does not matter which of the two is fetched first. Not so if a page redirects to itself, a seed has its own
    /// method, headers or body, or there is no record.
    fn is_one_job(&self, job: &Job, target: &PageUrl, gate: &mut impl Gate) -> bool {
        if !self.is_crawl || !job.is_plain() {
            return true;
        }
        match job.role {
            Role::Robots | Role::Segment => true,
            Role::Sitemap => target.same_origin(&job.url) || gate.lets_in(job, target),
            Role::External => gate.lets_in(job, target),
            Role::Page | Role::Asset => {
                let secured = self.secured(target);
                let target = secured.as_ref().unwrap_or(target);
                self.fingerprints.of(target.as_str()) == self.fingerprints.of(job.url.as_str())
            }
        }
    }

    /// Whether a redirect of a crawl may be followed to its target.
    pub(crate) fn redirects(&self, job: &Job) -> bool {
        job.nesting < self.settings.max_redirects
    }
}

fn limits(settings: &FrontierSettings) -> Limits {
    Limits {
        pause_after: settings.pause_after,
        max_down: settings.max_down,
    }
}

/// The trouble that a 429 or 503 means for its host; `None` if the user accepts it.
fn refusal(
    page: &Page,
    accepted: bool,
    settings: &FrontierSettings,
    clock: SystemTime,
) -> Option<Trouble> {
    let wait = retry::wait(page, settings, clock);
    let is_final = accepted || settings.retries == 0 || !settings.retry_on.status(page.status);
    match wait {
        Wait::Unnamed | Wait::TooLong if is_final => None,
        wait => Some(Trouble::Refused(page.status, wait.named())),
    }
}

/// The failure of a page whose compressed body ended early, as if the connection was cut.
fn cut_short(visit: &Visit) -> Option<FetchError> {
    let page = visit.outcome.as_ref().ok()?;
    let fault = visit.parsed.fault.as_ref()?;
    (visit.parsed.ends_early && page.status < 400).then(|| FetchError::Decode(fault.clone()))
}

/// Whether a segment need not be tried again: it is not of the body that it was to be a part of.
fn is_of_another_body(visit: &Visit) -> bool {
    visit.job.role == Role::Segment && matches!(visit.outcome, Err(FetchError::Spool(_)))
}

/// What a visit shows about the load that its host can handle.
fn reply(visit: &Visit, clock: SystemTime) -> Option<Reply> {
    match &visit.outcome {
        Ok(page)
            if page.status == 503
                && page.retry_after(clock).is_none()
                && page.quota_reset(clock).is_none() =>
        {
            Some(Reply::Unavailable)
        }
        Ok(page) if retry::refuses(page) => Some(Reply::Refused),
        Ok(page) => Some(Reply::Answered(page.timing.first_byte)),
        Err(FetchError::Connect(_) | FetchError::Timeout { .. }) => Some(Reply::Lost),
        Err(_) => None,
    }
}
