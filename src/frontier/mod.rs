//! The frontier: what is still to be asked, and when.
//!
//! The life of a job. A line of the list is **admitted**: a request that was seen before is settled at once, as
//! a duplicate. It then waits on the **workbench**, in the line of its host, until the host may be asked. It is **leased**
//! when the loop takes it: now it is in flight, and counts against its host's limit. It comes back as a visit,
//! and the frontier **notes** it: a redirect or another try is the same job waiting again, on its new host or after
//! its back-off; anything else is **settled**: the visit goes to the sinks and the job is forgotten.
//!
//! Invariant: each admitted row is in exactly one place: waiting, in flight, or settled. The frontier reads
//! no clock (logic takes `now`), opens no socket, and has one owner, the loop.

mod host;
mod pace;
mod retry;
mod seen;
mod settings;
mod workbench;

use std::collections::HashSet;
use std::time::{Duration, Instant, SystemTime};

use http::Method;

pub use settings::{Duplicates, FrontierSettings, Rate, RetryOn, Run};

use crate::error::Result;
use crate::fingerprint::Fingerprints;
use crate::job::{Attempt, Hop, Job, Reach, Via, is_idempotent};
use crate::url::{HostKey, UrlError};
use crate::visit::{FetchError, Visit};
use pace::Pace;
use retry::{Circumstances, Verdict};
use seen::Seen;
use workbench::{Turn, Workbench};

/// Jobs that wait at a time while they can be sent as they come: enough to keep every lane busy.
const AHEAD: usize = 4096;
/// Jobs that may wait at the most: how far the frontier looks ahead for a host that can be asked while others must wait.
const FAR_AHEAD: usize = 65_536;
/// Hosts that the list named and that are remembered, at the most.
const NAMED: usize = 100_000;

/// What is still to be asked.
pub(crate) struct Frontier {
    settings: FrontierSettings,
    method: Method,
    pace: Pace,
    workbench: Workbench,
    /// A job that may be sent as far as its host goes, and waits for the run's own rate.
    stalled: Option<Box<Job>>,
    seen: Seen,
    fingerprints: Fingerprints,
    /// Hosts that the user's list named: redirects may lead there, wherever they are.
    named: HashSet<HostKey>,
    last_named: Option<HostKey>,
    random: fastrand::Rng,
}

/// What the frontier has to give.
pub(crate) enum Next {
    /// A job that may be sent now; it is in flight from here on.
    Job(Box<Job>),
    /// A job that is settled at once, as its host is being left alone.
    Settled(Box<Visit>),
    /// Nothing before this moment.
    NotBefore(Instant),
    /// Nothing at all: waiting alone will not make anything ready.
    Nothing,
}

/// What became of a visit.
pub(crate) enum Noted {
    /// It is over: write it.
    Settled(Box<Visit>),
    /// The job waits again: another try, or the next hop.
    Again(Again),
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

impl Frontier {
    /// `method` is the run's own, for lines that name none.
    pub(crate) fn new(settings: FrontierSettings, method: Method) -> Self {
        let workbench = Workbench::new(settings.per_host, settings.delay);
        let pace = Pace::rate(settings.rate);
        let mut random = fastrand::Rng::new();
        let fingerprints = Fingerprints::seeded(random.u64(..));
        Self {
            settings,
            method,
            pace,
            workbench,
            stalled: None,
            seen: Seen::default(),
            fingerprints,
            named: HashSet::new(),
            last_named: None,
            random,
        }
    }

    /// Takes a job in. `Some`: it is settled already, as a duplicate or because nothing is to be asked.
    ///
    /// # Errors
    /// When the memory of what was seen cannot be kept.
    pub(crate) fn admit(&mut self, job: Box<Job>, now: Instant) -> Result<Option<Visit>> {
        if self.settings.duplicates == Duplicates::Once
            && let Some(of) = self.seen.admit(self.fingerprint(&job), job.row.unwrap_or_default())?
        {
            return Ok(Some(Visit::unsent(job, FetchError::Duplicate { of })));
        }
        if self.settings.run == Run::Dry {
            return Ok(Some(Visit::unsent(
                job,
                FetchError::Skipped("--dry-run".into()),
            )));
        }
        self.name(&job.host);
        self.workbench.put(job, now);
        Ok(None)
    }

    /// Whether more of the list should be read: always when little waits, and far ahead while nothing of what waits may
    /// be sent (`starved`).
    pub(crate) fn wants_more(&self, starved: bool) -> bool {
        self.workbench.waiting() < if starved { FAR_AHEAD } else { AHEAD }
    }

    /// Jobs that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.workbench.waiting() + usize::from(self.stalled.is_some())
    }

    /// The rows that still wait, in no order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = u64> {
        self.workbench
            .jobs()
            .chain(&self.stalled)
            .filter_map(|job| job.row)
    }

    /// The next job. A host that failed too often answers for its jobs at once: they come as settled visits.
    pub(crate) fn next(&mut self, now: Instant) -> Next {
        let job = match self.stalled.take() {
            Some(job) => {
                // Its turn came before the run's: its host's delay counts from now.
                let delay = self.settings.delay;
                self.workbench.host(&job.host, now).hold(now + delay);
                job
            }
            None => match self.workbench.next(now) {
                Turn::Job(job) => job,
                Turn::NotBefore(at) => return Next::NotBefore(at),
                Turn::Nothing => return Next::Nothing,
                Turn::Down {
                    job,
                    failures,
                    last,
                } => {
                    let last = last.to_owned();
                    let error = FetchError::HostDown { failures, last };
                    return Next::Settled(Box::new(Visit::unsent(job, error)));
                }
            },
        };
        if let Err(at) = self.pace.ask(now) {
            self.stalled = Some(job);
            return Next::NotBefore(at);
        }
        Next::Job(job)
    }

    /// Takes a visit back from the engine.
    pub(crate) fn note(&mut self, mut visit: Box<Visit>, now: Instant) -> Noted {
        self.land(&visit, now);
        if let Some(again) = self.redirect(&mut visit, now) {
            return match again {
                Ok(job) => {
                    self.workbench.put_back(job, Duration::ZERO, now);
                    Noted::Again(Again::Redirect)
                }
                Err(error) => {
                    visit.outcome = Err(error);
                    Noted::Settled(visit)
                }
            };
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
            Verdict::Done => return Noted::Settled(visit),
            Verdict::Again(after) => (after, false),
            Verdict::HoldHost(after) => (after, true),
        };
        let host = self.workbench.host(&visit.job.host, now);
        if !host.may_retry() {
            return Noted::Settled(visit);
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
        Noted::Again(Again::Retry {
            host: key,
            cause,
            after,
            held,
        })
    }

    /// The host's side of a visit: room for another, and how it has been doing.
    fn land(&mut self, visit: &Visit, now: Instant) {
        let after = self.settings.give_up_after;
        let host = self.workbench.landed(&visit.job.host, now);
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
        now: Instant,
    ) -> Option<Result<Box<Job>, FetchError>> {
        let limit = self.settings.max_redirects;
        let page = visit.outcome.as_ref().ok()?;
        let location = page.target().filter(|_| limit > 0)?;
        if visit.job.hops.len() >= usize::from(limit) {
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
                let target = location.chars().take(200).collect();
                return Some(Err(FetchError::BadRedirect { target, problem }));
            }
        };
        let remote = page.remote.map(|remote| remote.ip());
        let host = target.host_key();
        let named = self.named.contains(&host)
            || visit.job.reach == Reach::Anywhere && host == visit.job.host;
        let reach = if named {
            Reach::Anywhere
        } else {
            Reach::PublicOr(remote)
        };
        let hop = Hop {
            url: visit.job.url.clone(),
            status: page.status,
        };
        let mut hops = std::mem::take(&mut visit.job.hops);
        hops.push(hop);
        let mut job = visit.job.clone();
        job.url = target;
        job.host = host;
        job.via = Via::Redirect;
        job.reach = reach;
        job.hops = hops;
        job.since = now;
        Some(Ok(job))
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

    fn fingerprint(&self, job: &Job) -> u64 {
        let Some(request) = job.request.as_deref().filter(|request| {
            request.method.is_some() || request.body.is_some() || !request.headers.is_empty()
        }) else {
            return self.fingerprints.of(job.url.as_str());
        };
        let mut hash = self.fingerprints.begin(job.url.as_str());
        hash.update(
            request
                .method
                .as_ref()
                .map_or("", Method::as_str)
                .as_bytes(),
        );
        for (name, value) in &request.headers {
            hash.update(b"\n");
            hash.update(name.as_str().as_bytes());
            hash.update(value.as_bytes());
        }
        hash.update(b"\n\n");
        hash.update(request.body.as_deref().unwrap_or_default());
        hash.digest()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::PageUrl;

    #[test]
    fn a_host_that_waits_takes_nothing_from_the_rate_of_the_run() {
        let now = Instant::now();
        let settings = FrontierSettings {
            rate: Some("1/h".parse().unwrap()),
            ..FrontierSettings::default()
        };
        let mut frontier = Frontier::new(settings, Method::GET);
        let job = Job::seed(1, PageUrl::parse("http://a.example/").unwrap());
        let later = now + Duration::from_secs(1);
        frontier.workbench.host(&job.host, now).hold(later);
        assert!(frontier.admit(Box::new(job), now).unwrap().is_none());
        assert!(matches!(frontier.next(now), Next::NotBefore(at) if at == later));
        assert!(matches!(frontier.next(later), Next::Job(_)));
    }
}
