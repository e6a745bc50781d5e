//! The frontier: what is still to be asked, and when.
//!
//! The life of a job. A line of the list, or a link that the scope lets in, is **admitted**: a request that was seen before is
//! none. It then waits on the **workbench**, in the line of its host, until the host may be asked; where a job folder keeps
//! the run, what does not fit there waits in the **store**. It is **leased** when the loop takes it: now it is in flight, and
//! counts against its host's limit. It comes back as a visit, and the frontier **notes** it: a redirect or another try is the same
//! job waiting again, on its new host or after its back-off; anything else is **settled**: the visit goes to the sinks and
//! the job is forgotten. A host whose robots.txt is to be obeyed is asked for that first: a job like any other, that nobody but
//! the frontier sees the end of.
//!
//! Invariant: each admitted job is in exactly one place: waiting, in flight, or settled. The frontier reads
//! no clock (logic takes `now`), opens no socket, and has one owner, the loop.

mod access;
mod admission;
mod again;
mod claim;
mod differences;
mod earlier;
mod explain;
mod health;
mod hops;
mod host;
mod inspect;
mod landing;
mod ledger;
mod machine;
#[doc(hidden)]
pub mod measure;
mod pace;
mod pause;
mod plan;
mod raise;
mod retry;
mod seen;
mod settings;
mod store;
#[cfg(test)]
mod tests;
mod waits;
mod window;
mod workbench;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use http::Method;

pub(crate) use admission::Discovery;
pub use again::{PutBack, put_back};
pub(crate) use claim::{Claim, Ranks};
pub(crate) use earlier::Earlier;
pub use explain::{Explanation, Sighting, Standing, Step, explain};
pub use inspect::{Cause, HostCounts, Inspection, ListPosition, inspect, is_job};
pub(crate) use landing::{Again, Gate, Noted};
use ledger::Ledger;
pub(crate) use ledger::{Gathered, Opened, marks_left};
pub(crate) use plan::FrontierPlan;
pub use settings::{Duplicates, FrontierSettings, Rate, RetryOn, Robots, Run};
pub(crate) use store::{Folder, JOB_FILES, ListMark, Row};

use crate::error::Result;
use crate::fingerprint::Fingerprints;
use crate::job::{Job, Probe, Request, Role};
use crate::url::HostKey;
use crate::visit::Visit;
use access::Access;
use claim::Recipes;
use hops::Hops;
use machine::Machine;
use pace::Pace;
pub(crate) use pause::{Change, Pause};
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
    is_crawl: bool,
    read_external: bool,
    pace: Pace,
    workbench: Workbench,
    /// A job that may be sent as far as its host goes, and waits for the run's own rate.
    stalled: Option<Box<Job>>,
    stalled_until: Option<Instant>,
    seen: Seen,
    fingerprints: Fingerprints,
    /// What makes one claim stronger than another.
    ranks: Ranks,
    recipes: Recipes,
    /// Jobs that wait or are in flight, and of which more is known than they were admitted with.
    raised: HashSet<u64>,
    /// What the list says of seeds that may be asked again.
    requests: HashMap<u64, Arc<Request>>,
    /// The number of the last seed of a crawl.
    last_seed: u64,
    /// The number of the last pass of a job, and how many of its passes were over pages that were raised.
    last_pass: u32,
    raised_before: u32,
    /// The number of the last job that was admitted.
    last_id: u64,
    /// Records that the run may still have.
    budget: Option<u64>,
    /// Hosts that the user's list named: redirects and links may lead there, wherever they are.
    named: HashSet<HostKey>,
    last_named: Option<HostKey>,
    /// Jobs that were handed out and are not back yet.
    in_flight: usize,
    machine: Machine,
    /// Redirects on the way, where an output keeps them.
    hops: Hops,
    /// Hosts that are asked less than before, until somebody looks.
    pauses: Vec<Pause>,
    /// What outlives the process, where a job folder keeps the run.
    ledger: Option<Ledger>,
    random: fastrand::Rng,
}

/// What the frontier has to give.
pub(crate) enum Next {
    /// A job that may be sent now; it is in flight from here on.
    Job(Box<Job>),
    /// A job that is settled at once: its host was given up, or forbids it.
    Settled(Box<Visit>),
    /// Nothing before this moment.
    NotBefore(Instant),
    /// Nothing at all: waiting alone will not make anything ready.
    Nothing,
}

impl Frontier {
    pub(crate) fn new(plan: FrontierPlan) -> Self {
        let settings = plan.settings;
        let access = match settings.robots {
            Robots::Obey => Access::Unknown,
            Robots::Ignore => Access::Open,
        };
        let mut workbench = Workbench::new(plan.per_host, settings.delay, access);
        workbench.limit_addresses(settings.per_ip);
        workbench.limit_crawl_delay(settings.max_crawl_delay);
        if settings.adaptive {
            workbench.adapt();
        }
        if settings.max_records == Some(0) {
            workbench.close();
        }
        let mut random = fastrand::Rng::new();
        Self {
            pace: Pace::rate(settings.rate),
            budget: settings.max_records,
            settings,
            method: plan.method,
            is_crawl: plan.is_crawl,
            read_external: plan.read_external,
            workbench,
            stalled: None,
            stalled_until: None,
            seen: Seen::default(),
            fingerprints: Fingerprints::seeded(random.u64(..)),
            ranks: Ranks::default(),
            recipes: Recipes::default(),
            raised: HashSet::new(),
            requests: HashMap::new(),
            last_seed: 0,
            last_pass: 0,
            raised_before: 0,
            last_id: 0,
            named: HashSet::new(),
            last_named: None,
            in_flight: 0,
            machine: Machine::default(),
            hops: Hops::default(),
            pauses: Vec::new(),
            ledger: None,
            random,
        }
    }

    /// Keeps each redirect that is followed as it was answered, until its job is over.
    pub(crate) fn keep_hops(&mut self) {
        self.hops.keep();
    }

    /// What tells this run's URLs apart.
    pub(crate) fn fingerprints(&self) -> Fingerprints {
        self.fingerprints
    }

    /// Whether more of the list should be read: always when little waits, and far ahead while nothing of what waits may
    /// be sent (`starved`).
    pub(crate) fn wants_more(&self, starved: bool) -> bool {
        self.workbench.waiting() < if starved { FAR_AHEAD } else { AHEAD }
    }

    /// Jobs that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.workbench.waiting()
            + self.workbench.beyond() as usize
            + usize::from(self.stalled.is_some())
    }

    /// Whether any host has a delay that its robots.txt asks for.
    pub(crate) fn is_paced(&self) -> bool {
        self.workbench.paced
    }

    /// The rows that still wait, in no order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = u64> {
        self.workbench
            .jobs()
            .chain(&self.stalled)
            .filter_map(|job| job.row)
    }

    /// The next job. The jobs of a host that was given up, and those that it forbids, come as settled visits.
    ///
    /// # Errors
    /// When the memory of what was seen cannot be read.
    pub(crate) fn next(&mut self, now: Instant) -> Result<Next> {
        if let Some(until) = self.machine.not_before(now) {
            return Ok(Next::NotBefore(until));
        }
        if !self.machine.has_room(self.in_flight) {
            return Ok(Next::Nothing); // one that is in flight makes room
        }
        let mut job = match self.stalled.take() {
            Some(job) => {
                // Its turn came before the run's: its host's delay counts from now.
                let delay = self.settings.delay;
                self.workbench.host(&job.host, now).hold(now + delay);
                job
            }
            None => match self.workbench.next(now) {
                Turn::Job(job) => job,
                Turn::Robots(host, reach) => match Job::robots(&host, reach, now) {
                    Some(job) => job,
                    None => return Ok(Next::Nothing), // a host's key is the beginning of a URL
                },
                Turn::NotBefore(at) => return Ok(Next::NotBefore(at)),
                Turn::Nothing => return Ok(Next::Nothing),
                Turn::Refused(job, error) if job.role == Role::Robots => {
                    let host = job.first_url().host_key();
                    self.workbench
                        .admitted_by(&host, Access::closed(error, now), now);
                    return self.next(now);
                }
                Turn::Refused(job, error) => {
                    let visit = Box::new(Visit::unsent(job, error));
                    if visit.has_record() && visit.job.is_fresh() {
                        self.spend();
                    }
                    return Ok(Next::Settled(visit));
                }
            },
        };
        if let Err(at) = self.pace.ask(now) {
            self.stalled = Some(job);
            self.stalled_until = Some(at);
            return Ok(Next::NotBefore(at));
        }
        self.catch_up(&mut job)?;
        if job.is_fresh() && job.has_record() {
            self.spend();
        }
        self.stalled_until = None;
        if self.read_external {
            job.probe = Probe::Read;
        }
        job.leased = Some(now);
        self.in_flight += 1;
        Ok(Next::Job(job))
    }

    /// The hosts that were paused, slowed or given up since this was last called.
    pub(crate) fn take_pauses(&mut self) -> Vec<Pause> {
        std::mem::take(&mut self.pauses)
    }

    /// One record of those that the run may have. After the last one nothing new is sent: only what is promised a record.
    fn spend(&mut self) {
        if let Some(budget) = &mut self.budget {
            *budget = budget.saturating_sub(1);
            if *budget == 0 {
                self.workbench.close();
            }
        }
    }
}
