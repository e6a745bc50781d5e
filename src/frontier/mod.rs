//! The frontier: which URLs are still to be fetched, and when.
//!
//! The life of a job. A line of the list, or a link that the scope accepts, is **admitted** unless the same request
//! was seen before. It then waits on the **workbench**, in the queue of its host, until the host may be asked; if a
//! job folder stores the run, whatever does not fit there waits in the **store**. It is **leased** when the loop
//! takes it: from then on it is in flight and counts against its host's limit. It returns as a visit, and the
//! frontier **notes** it: a redirect or a retry is the same job waiting again, on its new host or until its
//! back-off is over; anything else is **settled**: the visit goes to the sinks and the job is forgotten. If
//! robots.txt is to be obeyed, the frontier requests a host's robots.txt first. That is a job like any other,
//! except that only the frontier sees its result.
//!
//! Invariant: each admitted job is in exactly one place: waiting, in flight, or settled. The frontier reads
//! no clock (logic takes `now`), opens no socket, and has one owner, the loop.

mod access;
mod admission;
mod again;
mod anew;
mod attempt;
mod awaited;
mod claim;
mod company;
mod departure;
mod differences;
mod earlier;
mod explain;
mod health;
mod home;
mod hops;
mod host;
mod host_pace;
mod inspect;
mod landing;
mod late;
mod ledger;
mod limits;
mod loads;
mod logins;
mod machine;
#[doc(hidden)]
pub mod measure;
mod pace;
mod pause;
mod plan;
mod raise;
mod rate;
mod redirected;
mod requests;
mod retry;
mod reuse;
mod secured;
mod seen;
mod segments;
mod settings;
mod since;
mod splits;
mod storage;
mod store;
mod stored;
mod terms;
#[cfg(test)]
mod tests;
mod waits;
mod walls;
mod window;
mod workbench;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;

pub(crate) use admission::Discovery;
pub use again::{PutBack, put_back};
pub(crate) use claim::{Claim, Ranks};
pub(crate) use earlier::EarlierTotals;
pub use explain::{Explanation, Sighting, Standing, Step, explain};
pub use host_pace::HostPace;
pub use inspect::{Cause, HostCounts, Inspection, ListPosition, inspect, is_job};
pub(crate) use landing::{Again, Gate, Noted};
use ledger::Ledger;
pub(crate) use ledger::{OpenJob, stored_marks};
pub(crate) use plan::FrontierPlan;
pub(crate) use requests::{LoggedRequest, Peer, microseconds};
pub(crate) use reuse::FreshPages;
pub use settings::{Duplicates, FrontierSettings, Rate, RetryOn, Robots, Run};
pub(crate) use since::since;
pub(crate) use storage::PendingCommit;
pub(crate) use store::{
    JOB_FILES, JOB_VIEWS, JobFolder, ListMark, Reader as JobReader, Row, State as RowState,
    job_views, last_commit,
};
pub use terms::{HostTerms, Terms};

use crate::error::Result;
use crate::hsts::StrictHosts;
use crate::job::segments::Segments;
use crate::job::{Job, Probe, Request, Reuse, Role};
use crate::shared::{ShareSettings, SharedPace};
use crate::url::HostKey;
use crate::url::fingerprint::Fingerprints;
use crate::visit::Visit;
use access::Access;
use awaited::Awaited;
use claim::Recipes;
use health::LONGEST_PAUSE;
use hops::Hops;
use limits::Limits;
use logins::Logins;
use machine::Machine;
use pace::Pace;
pub(crate) use pause::{Change, Pause};
use redirected::RedirectedPages;
use seen::Seen;
use splits::Splits;
use workbench::{Turn, Workbench};

/// Jobs that may wait while others can be sent at once: enough to keep every lane busy.
const AHEAD: usize = 4096;
/// The most jobs that may wait: how far to look ahead for a host that is ready.
const FAR_AHEAD: usize = 65_536;
/// Pages that wait at a time, beside those that were read with them.
const PAGES_AHEAD: usize = 64;
/// The most hosts of the list that are remembered.
const MAX_NAMED: usize = 100_000;

/// The jobs of a run that are not finished yet.
pub(crate) struct Frontier {
    settings: FrontierSettings,
    terms: Terms,
    method: Method,
    is_crawl: bool,
    read_external: bool,
    pace: Pace,
    /// Whether requests that are sent late must not be made up for.
    is_held_by_rate: bool,
    /// When the run may send its next request, by its rate.
    not_before: Option<Instant>,
    workbench: Workbench,
    /// A job whose host is ready, but which waits for the run's own rate limit.
    stalled: Option<Box<Job>>,
    stalled_until: Option<Instant>,
    seen: Seen,
    fingerprints: Fingerprints,
    /// What makes one claim stronger than another.
    ranks: Ranks,
    recipes: Recipes,
    /// Jobs, waiting or in flight, that got a stronger claim after they were admitted.
    raised: HashSet<u64>,
    /// The list's own requests (method, headers, body) for seeds that may be fetched again.
    requests: HashMap<u64, Arc<Request>>,
    /// The number of the last seed of a crawl.
    last_seed: u64,
    /// The number of the job's last pass, and how many of its passes were for raised pages.
    last_pass: u32,
    raised_before: u32,
    /// The number of the last job that was admitted.
    last_id: u64,
    /// Records that the run may still write.
    budget: Option<u64>,
    /// Hosts in the user's list: redirects and links may go to them, wherever they are.
    named: HashSet<HostKey>,
    last_named: Option<HostKey>,
    /// Jobs that are leased and have not come back yet.
    in_flight: usize,
    machine: Machine,
    /// The hosts that want their logins proved.
    logins: Logins,
    /// Jobs whose bodies are received in segments.
    splits: Splits,
    /// The responses of followed redirects, if an output wants them.
    hops: Hops,
    /// Pages of a crawl that may redirect only until cookies are set.
    redirected: RedirectedPages,
    /// Hosts that are reached over https only; `None` if HSTS is ignored.
    strict_hosts: Option<StrictHosts>,
    /// Hosts that were paused, slowed or given up since `take_pauses` was last called.
    pauses: Vec<Pause>,
    /// The parts of the run that outlive the process, if a job folder stores it.
    ledger: Option<Ledger>,
    /// Stored pages that the job was left with, until the archive is read up to them.
    awaited: Awaited,
    random: fastrand::Rng,
}

/// The outcome of asking the frontier for the next job.
pub(crate) enum Next {
    /// A job that may be sent now; from here on it is in flight.
    Job(Box<Job>),
    /// A job that is settled without a request: its host was given up, or forbids it.
    Settled(Box<Visit>),
    /// Nothing before this moment.
    NotBefore(Instant),
    /// Nothing at all: waiting alone will not make anything ready.
    Nothing,
}

impl Frontier {
    /// A frontier without jobs.
    pub(crate) fn new(plan: FrontierPlan) -> Self {
        let settings = plan.settings;
        let access = match settings.robots {
            Robots::Obey => Access::Unknown,
            Robots::Ignore => Access::Open,
        };
        let terms = Terms::of(&settings, plan.per_host);
        let limits = Limits::new(&terms);
        let mut workbench = Workbench::new(limits, access);
        workbench.limit_addresses(settings.per_ip);
        workbench.limit_crawl_delay(settings.max_crawl_delay);
        if settings.adaptive {
            workbench.adapt();
        }
        if settings.max_records == Some(0) {
            workbench.close();
        }
        let mut random = fastrand::Rng::new();
        let pace = Pace::rate(settings.rate);
        Self {
            is_held_by_rate: !pace.period().is_zero() && !pace.makes_up(),
            not_before: None,
            pace,
            budget: settings.max_records,
            settings,
            terms,
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
            logins: Logins::new(plan.template),
            splits: Splits::default(),
            hops: Hops::default(),
            redirected: RedirectedPages::default(),
            strict_hosts: None,
            pauses: Vec::new(),
            ledger: None,
            awaited: Awaited::default(),
            random,
        }
    }

    /// Stores the response of each followed redirect until its job is over.
    pub(crate) fn store_hops(&mut self) {
        self.hops.enable();
    }

    /// Shares the pace of hosts with the other runs on this machine.
    pub(crate) fn share(&mut self, share: ShareSettings) {
        let longest_pause = retry::longest(&self.settings).max(LONGEST_PAUSE);
        self.workbench.share(SharedPace::new(share, longest_pause));
    }

    /// What the user should know about the shared pace, once.
    pub(crate) fn take_notice(&mut self) -> Option<String> {
        self.workbench.take_notice()
    }

    /// The fingerprints of this run's URLs.
    pub(crate) fn fingerprints(&self) -> Fingerprints {
        self.fingerprints
    }

    /// Whether more of the list should be read.
    ///
    /// Yes if few jobs wait, and far ahead while no waiting job may be sent (`starved`).
    pub(crate) fn wants_more(&self, starved: bool) -> bool {
        if self.takes_pages() {
            return self.workbench.waiting() < PAGES_AHEAD;
        }
        self.workbench.waiting() < if starved { FAR_AHEAD } else { AHEAD }
    }

    /// The number of jobs that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.workbench.waiting()
            + self.workbench.beyond() as usize
            + self.awaited.len()
            + self.splits.len()
            + usize::from(self.stalled.is_some())
    }

    /// Whether the robots.txt of any host asks for a delay.
    pub(crate) fn is_paced(&self) -> bool {
        self.workbench.paced
    }

    /// The rows of the jobs that still wait, in no order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = u64> {
        self.workbench
            .jobs()
            .chain(&self.stalled)
            .map(|job| &**job)
            .chain(self.splits.jobs())
            .filter_map(|job| job.row)
    }

    /// The next job, or a settled visit if its host was given up or forbids it.
    ///
    /// # Errors
    /// When the memory of seen URLs cannot be read.
    pub(crate) fn next(&mut self, now: Instant) -> Result<Next> {
        let until = self.machine.not_before(now);
        if let Some(until) = until.max(self.not_before.filter(|until| *until > now)) {
            return Ok(Next::NotBefore(until));
        }
        if !self.machine.has_room(self.in_flight) {
            return Ok(Next::Nothing); // a job in flight makes room when it returns
        }
        if let Some(job) = self.splits.next() {
            self.in_flight += 1;
            return Ok(Next::Job(job));
        }
        let mut job = loop {
            let job = match self.stalled.take() {
                Some(job) => {
                    // Its host was ready before the run's rate allowed the job: the host's delay counts from now.
                    let asked = self.workbench.ask_again(&job.host, now);
                    let (Ok(until) | Err(until)) = asked;
                    self.workbench.host(&job.host, now).hold(until);
                    if asked.is_err() {
                        self.workbench.landed(&job.host, None, None, now, |_| ());
                        self.workbench.put_back(job, Duration::ZERO, now);
                        continue;
                    }
                    job
                }
                None => match self.workbench.next(now) {
                    Turn::Job(job) | Turn::Fresh(job) => job,
                    Turn::Robots(host, reach) => match Job::robots(&host, reach, now) {
                        Some(job) => job,
                        None => return Ok(Next::Nothing), // cannot happen: a host's key is the beginning of a URL
                    },
                    Turn::NotBefore(at) => return Ok(Next::NotBefore(at)),
                    Turn::Nothing => return Ok(Next::Nothing),
                    Turn::Refused(job, error) if job.role == Role::Robots => {
                        let host = job.first_url().host_key();
                        self.workbench
                            .set_access(&host, Access::closed(error, now), now);
                        return self.next(now);
                    }
                    Turn::Refused(job, error) if job.role == Role::Segment => {
                        self.end_segment(Visit::unsent(job, error), now);
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
            if let Some(job) = self.move_to_https(job, now)? {
                break job;
            }
        };
        if job.reuse != Reuse::Yes
            && let Err(at) = self.pace.ask(now)
        {
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
        self.logins.sign(&mut job);
        job.leased = Some(now);
        self.in_flight += 1;
        Ok(Next::Job(job))
    }

    /// Uses the pages of an earlier run from now on, as long as they are fresh.
    pub(crate) fn reuse(&mut self, pages: FreshPages) {
        self.workbench.reuse(pages);
    }

    /// Notes that a leased job is sent now.
    ///
    /// Time may pass between the two: the run's rate, a program's hook, a busy machine. A delay counts from here, because a
    /// server sees when a request was sent, and not when it was decided on.
    pub(crate) fn sent(&mut self, job: &mut Job, now: Instant) {
        job.leased = Some(now);
        job.departed = None;
        if job.reuse == Reuse::Yes || matches!(job.segments, Some(Segments::Complete(_))) {
            return; // no host is asked
        }
        if self.is_held_by_rate {
            self.not_before = Some(now + self.pace.period());
        }
        if self.workbench.paced {
            job.departed = self.workbench.sent(&job.host, now);
        }
    }

    /// The hosts that were paused, slowed or given up since the last call.
    pub(crate) fn take_pauses(&mut self) -> Vec<Pause> {
        std::mem::take(&mut self.pauses)
    }

    /// Uses up one record of the run's budget.
    ///
    /// After the last one, only jobs that must have a record are sent.
    fn spend(&mut self) {
        if let Some(budget) = &mut self.budget {
            *budget = budget.saturating_sub(1);
            if *budget == 0 {
                self.workbench.close();
            }
        }
    }
}
