//! Landing: what becomes of a visit that came back.

use std::time::{Duration, Instant, SystemTime};

use super::access::Access;
use super::retry::{self, Circumstances, Verdict};
use super::store::{Row, State};
use super::window::Reply;
use super::{Duplicates, Frontier};
use crate::error::Result;
use crate::job::{Attempt, Hop, Job, Role, Via, is_idempotent};
use crate::url::{HostKey, PageUrl, UrlError};
use crate::visit::{FetchError, Visit};

/// Redirects that a robots.txt may take (RFC 9309 2.3.1.2).
const ROBOTS_REDIRECTS: u16 = 5;

/// What became of a visit.
pub(crate) enum Noted {
    /// It is over: write it.
    Settled(Box<Visit>),
    /// The job waits again: another try, or the next hop.
    Again(Again),
    /// A host's robots.txt is known now; these are the sitemaps that it names.
    Robots(Box<Visit>, Vec<String>),
}

/// Why a job waits again.
#[derive(Debug)]
pub(crate) enum Again {
    /// Another try.
    Retry {
        host: HostKey,
        cause: String,
        after: Duration,
        /// Whether the whole host waits.
        held: bool,
    },
    /// The next hop.
    Redirect,
}

/// Says whether a redirect may be followed, where targets have to belong to the crawl.
pub(crate) trait Gate {
    /// Whether a page that was never seen before belongs to the crawl.
    fn lets_in(&mut self, from: &Job, target: &PageUrl) -> bool;
}

impl Frontier {
    /// Takes a visit back from the engine.
    ///
    /// # Errors
    /// When the memory of what was seen cannot be kept.
    pub(crate) fn note(
        &mut self,
        mut visit: Box<Visit>,
        gate: &mut impl Gate,
        now: Instant,
    ) -> Result<Noted> {
        self.land(&visit, now);
        if let Some(again) = self.redirect(&mut visit, gate, now)? {
            match again {
                Ok(job) => {
                    self.workbench.put_back(job, Duration::ZERO, now);
                    return Ok(Noted::Again(Again::Redirect));
                }
                Err(error) => visit.outcome = Err(error),
            }
            return Ok(self.over(visit, now));
        }
        let idempotent = is_idempotent(visit.job.method().unwrap_or(&self.method));
        let around = Circumstances {
            attempts: visit.job.attempts.len(),
            idempotent,
            random: self.random.f64(),
            now: SystemTime::now(),
        };
        let verdict = retry::verdict(&visit.outcome, &self.settings, around);
        let (after, held) = match verdict {
            Verdict::Done => return Ok(self.over(visit, now)),
            Verdict::Again(after) => (after, false),
            Verdict::HoldHost(after) => (after, true),
        };
        let host = self.workbench.host(&visit.job.host, now);
        if !host.may_retry() {
            return Ok(self.over(visit, now));
        }
        if held {
            host.hold(now + after);
        }
        let cause = match &visit.outcome {
            Ok(page) => page.status.to_string(),
            Err(error) => error.class().to_owned(),
        };
        let Visit {
            mut job, outcome, ..
        } = *visit;
        job.attempts.push(attempt(outcome, job.since, now));
        let key = job.host.clone();
        self.workbench
            .put_back(job, if held { Duration::ZERO } else { after }, now);
        Ok(Noted::Again(Again::Retry {
            host: key,
            cause,
            after,
            held,
        }))
    }

    /// Nothing more is asked for this job.
    fn over(&mut self, mut visit: Box<Visit>, now: Instant) -> Noted {
        if visit.job.role != Role::Robots {
            return Noted::Settled(visit);
        }
        let host = visit.job.first_url().host_key();
        let access = Access::of(&mut visit, now);
        let sitemaps = match &access {
            Access::Known(rules, _) => rules.sitemaps().to_vec(),
            _ => Vec::new(),
        };
        self.workbench.admitted_by(&host, access, now);
        Noted::Robots(visit, sitemaps)
    }

    /// Notes that a visit is over for good, where the run is kept: its record is on its way to the sinks.
    pub(crate) fn settle(&mut self, visit: &Visit) {
        let Some(ledger) = &mut self.ledger else {
            return;
        };
        if visit.job.id == 0 {
            return; // a line that was never admitted, or a robots.txt
        }
        if self.settings.duplicates == Duplicates::Pages {
            // What a redirect led to is seen, from now on also by whoever resumes the job.
            let hops = visit.job.hops.iter().skip(1).map(|hop| &hop.url);
            let last = (!visit.job.hops.is_empty()).then_some(&visit.job.url);
            for url in hops.chain(last) {
                self.last_id += 1;
                let mut part = visit.job.as_ref().clone();
                part.id = self.last_id;
                part.url = url.clone();
                part.host = url.host_key();
                part.via = Via::Redirect;
                part.request = None;
                let mut row = Row::of(&part, self.fingerprints.of(url.as_str()), visit.job.id);
                row.state = State::Part(visit.job.id);
                ledger.found(row);
            }
        }
        ledger.settled(visit);
    }

    /// The host's side of a visit: room for another, and how it has been doing.
    fn land(&mut self, visit: &Visit, now: Instant) {
        let after = self.settings.give_up_after;
        let from = visit.outcome.as_ref().ok().and_then(|page| page.remote);
        let from = from.map(|remote| remote.ip());
        let host = self
            .workbench
            .landed(&visit.job.host, reply(visit), from, now);
        match &visit.outcome {
            Ok(_) => host.answered(),
            Err(
                error @ (FetchError::Dns(_)
                | FetchError::Connect(_)
                | FetchError::Closed
                | FetchError::Tls { .. }
                | FetchError::Timeout { .. }
                | FetchError::Protocol(_)),
            ) => host.failed(error.class(), after, now),
            Err(_) => {}
        }
    }

    /// `None`: no redirect to follow. `Some(Err)`: one that cannot be followed.
    fn redirect(
        &mut self,
        visit: &mut Visit,
        gate: &mut impl Gate,
        now: Instant,
    ) -> Result<Option<Result<Box<Job>, FetchError>>> {
        let limit = match visit.job.role {
            Role::Robots => ROBOTS_REDIRECTS,
            _ => self.settings.max_redirects,
        };
        let Ok(page) = &visit.outcome else {
            return Ok(None);
        };
        let Some(location) = page.target().filter(|_| limit > 0) else {
            return Ok(None);
        };
        if visit.job.hops.len() >= usize::from(limit) {
            return Ok(Some(Err(FetchError::TooManyRedirects { limit })));
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
                let target = location.chars().take(200).collect();
                return Ok(Some(Err(FetchError::BadRedirect { target, problem })));
            }
        };
        if !self.may_follow(&visit.job, &target, gate)? {
            return Ok(None);
        }
        let host = target.host_key();
        let remote = page.remote.map(|remote| remote.ip());
        let reach = self.reach(&host, &visit.job, remote);
        let hop = Hop {
            url: visit.job.url.clone(),
            status: page.status,
        };
        let mut job = visit.job.clone();
        job.url = target;
        job.host = host;
        job.via = Via::Redirect;
        job.reach = reach;
        job.hops.push(hop);
        job.since = now;
        Ok(Some(Ok(job)))
    }

    /// In a crawl a redirect is a link: its target must be new and belong to the crawl, or its record is the redirect itself.
    fn may_follow(&mut self, job: &Job, target: &PageUrl, gate: &mut impl Gate) -> Result<bool> {
        if self.settings.duplicates != Duplicates::Pages || job.role == Role::Robots {
            return Ok(true);
        }
        let fingerprint = self.fingerprints.of(target.as_str());
        let own = job.hops.iter().map(|hop| &hop.url).chain([&job.url]);
        if own
            .into_iter()
            .any(|url| self.fingerprints.of(url.as_str()) == fingerprint)
        {
            return Ok(true); // to itself, as with a cookie: the limit ends it
        }
        Ok(self.is_new(fingerprint)? && gate.lets_in(job, target))
    }
}

/// What a visit says of how much its host bears.
fn reply(visit: &Visit) -> Option<Reply> {
    match &visit.outcome {
        Ok(page) if matches!(page.status, 429 | 503) => Some(Reply::Refused),
        Ok(page) => Some(Reply::Answered(page.timing.first_byte)),
        Err(FetchError::Connect(_) | FetchError::Timeout { .. }) => Some(Reply::Lost),
        Err(_) => None,
    }
}

fn attempt(
    outcome: Result<crate::page::Page, FetchError>,
    since: Instant,
    now: Instant,
) -> Attempt {
    match outcome {
        Ok(page) => Attempt {
            status: Some(page.status),
            error: None,
            took: page.timing.total,
        },
        Err(error) => Attempt {
            status: None,
            error: Some(error),
            took: now.saturating_duration_since(since),
        },
    }
}
