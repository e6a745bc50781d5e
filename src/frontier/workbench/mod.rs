//! The workbench: which host may be asked next, and when.
//!
//! The workbench has the jobs of many hosts. A host that can be asked now stands in the ready queue and gets one
//! turn at a time, so that no host blocks the others; a host that must wait is one entry in a heap, ordered by
//! time; a host whose address has no room stands in the queue of that address. Invariant: a host is in one of the
//! three exactly when it has a job and room for it; a host whose window has shrunk since it was listed leaves when
//! its turn comes. Knows nothing of disks or sockets; what other runs do is known to the shared pace.

mod addresses;
mod departures;
mod fresh;
mod neighbours;
mod overflow;
mod segments;
mod shared;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use std::collections::HashMap;

use addresses::{Addresses, HostIndex};

use super::access::Access;
use super::home::Home;
use super::host::Host;
use super::limits::Limits;
use super::pace::Pace;
use super::reuse::FreshPages;
use super::window::{Reply, Window};
use crate::job::{Job, Reach, Role};
use crate::page::failure::FetchError;
use crate::shared::SharedPace;
use crate::url::HostKey;

/// The number of hosts from which on those without state are forgotten.
const HOSTS: usize = 10_000;
/// The most jobs of one host that wait here, if a store has the rest.
const LINE: usize = 512;
/// The most jobs of all hosts that wait here, if a store has the rest.
const LINES: usize = 65_536;

/// The jobs that wait in memory, and the hosts that may be asked next.
pub(crate) struct Workbench {
    limits: Limits,
    /// Whether each host has a window of its own, within its limit.
    adaptive: bool,
    addresses: Addresses,
    /// What is known about the robots.txt of a new host.
    access: Access,
    /// Whether a store has the jobs that do not fit in here.
    overflows: bool,
    places: HashMap<HostKey, HostIndex>,
    hosts: Vec<Option<Host>>,
    vacant: Vec<HostIndex>,
    ready: VecDeque<HostIndex>,
    later: BinaryHeap<Reverse<(Instant, HostIndex)>>,
    /// Jobs that wait on their own: one URL backs off, not its host.
    delayed: BinaryHeap<Reverse<Delayed>>,
    waiting: usize,
    /// Jobs that wait only in the store.
    beyond: u64,
    /// Hosts whose queue is short and that have more jobs in the store.
    wanting: VecDeque<HostIndex>,
    /// Hosts that have more jobs than were committed to the store.
    uncommitted: Vec<HostIndex>,
    /// When the run went on, and how long after its last requests, if it was resumed.
    resumed: Option<(Instant, Duration)>,
    /// Whether any host has a delay of its own.
    pub(crate) paced: bool,
    /// The longest delay that a robots.txt may ask for.
    max_crawl_delay: Duration,
    /// Whether new jobs are no longer accepted.
    closed: bool,
    /// The pages that are used without asking, if any are.
    fresh: Option<FreshPages>,
    tidy_at: usize,
    /// What other runs on this machine do; `None` if it does not matter.
    shared: Option<SharedPace>,
}

struct Delayed {
    at: Instant,
    job: Box<Job>,
}

/// The outcome of asking the workbench for the next job.
pub(crate) enum Turn {
    /// A job that may be sent now.
    Job(Box<Job>),
    /// A job whose page is used without asking its host.
    Fresh(Box<Job>),
    /// The robots.txt of this host, before any other job of it; it is then in flight.
    Robots(HostKey, Reach),
    /// A job that is not to be sent: its host was given up, or forbids it.
    Refused(Box<Job>, FetchError),
    /// Nothing before this moment.
    NotBefore(Instant),
    /// Waiting alone will not make anything ready.
    Nothing,
}

impl Workbench {
    pub(in crate::frontier) fn new(limits: Limits, access: Access) -> Self {
        let paced = limits.are_paced();
        Self {
            limits,
            adaptive: false,
            addresses: Addresses::default(),
            access,
            overflows: false,
            places: HashMap::new(),
            hosts: Vec::new(),
            vacant: Vec::new(),
            ready: VecDeque::new(),
            later: BinaryHeap::new(),
            delayed: BinaryHeap::new(),
            waiting: 0,
            beyond: 0,
            wanting: VecDeque::new(),
            uncommitted: Vec::new(),
            resumed: None,
            paced,
            max_crawl_delay: Duration::MAX,
            closed: false,
            fresh: None,
            tidy_at: HOSTS,
            shared: None,
        }
    }

    /// Gives each host a window of its own from now on, limited by the limit of all hosts.
    pub(crate) fn adapt(&mut self) {
        self.adaptive = true;
    }

    /// The number of jobs that wait here.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// The number of jobs that wait only in the store.
    pub(crate) fn beyond(&self) -> u64 {
        self.beyond
    }

    /// Appends a job to its host's queue. If a store has the rest, a long queue only counts it.
    pub(crate) fn put(&mut self, job: Box<Job>, now: Instant) {
        if self.closed {
            return;
        }
        let place = self.place(&job.host, now);
        let crowded = self.overflows && self.waiting >= LINES;
        let overflows = self.overflows;
        let host = self.host_at(place);
        let long = overflows && (host.beyond > 0 || host.waiting.len() >= LINE);
        if crowded || long {
            if host.beyond == 0 {
                host.last = host.last.max(job.id - 1);
            }
            self.put_beyond(place);
            return;
        }
        host.last = job.id;
        host.waiting.push_back(job);
        self.waiting += 1;
        self.list(place, now);
    }

    /// Puts a job near the front of its host's queue again, at once or after its own back-off.
    pub(crate) fn put_back(&mut self, job: Box<Job>, after: Duration, now: Instant) {
        self.waiting += 1;
        if after.is_zero() {
            self.put_returned(job, now);
        } else {
            self.delayed.push(Reverse(Delayed {
                at: now + after,
                job,
            }));
        }
    }

    /// Inserts a returned job.
    ///
    /// Jobs that were sent before go ahead of those that were not, in the order in which they come back. A host
    /// that is down gets another job first, to find out whether the host or the URL is to blame.
    fn put_returned(&mut self, job: Box<Job>, now: Instant) {
        let place = self.place(&job.host, now);
        let host = self.host_at(place);
        let returned = host.waiting.partition_point(|job| !job.is_fresh());
        let first = usize::from(host.health.is_out()).min(host.waiting.len());
        let index = match job.role {
            Role::Robots => 0,
            _ => returned.max(first),
        };
        host.waiting.insert(index, job);
        self.list(place, now);
    }

    /// The next job that may be sent now; it is then in flight.
    pub(crate) fn next(&mut self, now: Instant) -> Turn {
        self.wake(now);
        while let Some(place) = self.ready.pop_front() {
            if self.waits_on_for_address(place) {
                continue;
            }
            let turn = self.turn(place, now);
            self.call_next(place, now);
            if let Some(turn) = turn {
                return turn;
            }
        }
        let later = self.later.peek().map(|Reverse((at, _))| *at);
        let delayed = self.delayed.peek().map(|Reverse(delayed)| delayed.at);
        match [later, delayed].into_iter().flatten().min() {
            Some(at) => Turn::NotBefore(at),
            None => Turn::Nothing,
        }
    }

    /// The turn of one host; `None` if it has nothing to send now.
    fn turn(&mut self, place: HostIndex, now: Instant) -> Option<Turn> {
        let host = self.host_at(place);
        host.listed = false;
        if !host.has_work() {
            return None;
        }
        let first = host.waiting.front()?;
        let missing = host.access.is_missing(first, now);
        let refusal = host.access.refusal(first).filter(|_| !missing);
        let reach = first.reach;
        let refusal = refusal.or_else(|| {
            let reason = host.health.given_up(now)?;
            Some(FetchError::HostDown {
                failures: reason.failures,
                last: reason.last,
                during: reason.during,
            })
        });
        if let Some(error) = refusal {
            let job = self.take_first(place, now)?;
            return Some(Turn::Refused(job, error));
        }
        if !missing && self.is_fresh(place, now) {
            return self.take_first(place, now).map(Turn::Fresh);
        }
        if let Some(until) = self.not_before(place, now) {
            self.host_at(place).listed = true;
            self.later.push(Reverse((until, place)));
            return None;
        }
        let host = self.host_at(place);
        host.sent(now);
        let robots = missing.then(|| host.key.clone());
        if missing {
            host.access = Access::Asked;
        }
        self.came_to_address(place);
        match robots {
            Some(key) => Some(Turn::Robots(key, reach)),
            None => self.take_first(place, now).map(Turn::Job),
        }
    }

    fn take_first(&mut self, place: HostIndex, now: Instant) -> Option<Box<Job>> {
        let job = self.host_at(place).waiting.pop_front()?;
        self.waiting -= 1;
        self.want(place);
        self.list(place, now);
        Some(job)
    }

    /// Limits the delay that any robots.txt may ask for from now on; zero for no limit.
    pub(crate) fn limit_crawl_delay(&mut self, limit: Duration) {
        self.max_crawl_delay = match limit {
            Duration::ZERO => Duration::MAX,
            limit => limit,
        };
    }

    /// Notes that the run goes on now, so long after hosts may have been asked before: delays count from now, unless they
    /// are over anyway.
    pub(in crate::frontier) fn resumed(&mut self, now: Instant, since: Duration) {
        self.resumed = Some((now, since));
    }

    /// Notes a host's robots.txt, so that its jobs can be sent, no faster than it asks for.
    ///
    /// Returns the delay that it asks for and the delay that is used.
    pub(crate) fn set_access(
        &mut self,
        key: &HostKey,
        access: Access,
        now: Instant,
    ) -> Option<(Duration, Duration)> {
        let asked = match &access {
            Access::Known(rules, _) => rules.crawl_delay(),
            _ => None,
        };
        let kept = asked.map(|delay| delay.min(self.max_crawl_delay));
        let own = self.limits.of(key).pace.period();
        let slowed = asked.zip(kept.filter(|delay| *delay > own));
        let place = self.place(key, now);
        let host = self.host_at(place);
        host.access = access;
        if let Some((_, kept)) = slowed {
            host.crawl_delay = kept;
            host.pace = Pace::every(kept);
            host.hold(now + kept);
            self.paced = true;
        }
        self.list(place, now);
        slowed
    }

    /// Notes that a job is no longer in flight: what came back, and from where.
    ///
    /// `note` updates the host before it is asked again.
    pub(crate) fn landed<T>(
        &mut self,
        key: &HostKey,
        reply: Option<Reply>,
        from: Option<IpAddr>,
        now: Instant,
        note: impl FnOnce(&mut Host) -> T,
    ) -> T {
        let place = self.place(key, now);
        let host = self.host_at(place);
        host.landed(reply, now);
        let noted = note(host);
        self.left_address(place, from, now);
        self.list(place, now);
        noted
    }

    /// The host of a key; a new one is created.
    pub(crate) fn host(&mut self, key: &HostKey, now: Instant) -> &mut Host {
        let place = self.place(key, now);
        self.host_at(place)
    }

    /// All jobs that wait here, in no order.
    pub(crate) fn jobs(&self) -> impl Iterator<Item = &Box<Job>> {
        let delayed = self.delayed.iter().map(|Reverse(delayed)| &delayed.job);
        self.hosts
            .iter()
            .flatten()
            .flat_map(|host| &host.waiting)
            .chain(delayed)
    }

    /// The hosts that are known now.
    pub(super) fn known_hosts(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter().flatten()
    }

    /// The hosts that wait, each with the moment that it waits for.
    pub(super) fn held_hosts(&self) -> impl Iterator<Item = (Instant, &Host)> {
        self.later.iter().filter_map(|Reverse((at, place))| {
            Some((*at, self.hosts.get(*place as usize)?.as_ref()?))
        })
    }

    /// The jobs that wait on their own, each with the moment that it waits for.
    pub(super) fn delayed_jobs(&self) -> impl Iterator<Item = (Instant, &Job)> {
        let delayed = self.delayed.iter();
        delayed.map(|Reverse(delayed)| (delayed.at, &*delayed.job))
    }

    /// The host of a key, if it is known.
    pub(super) fn known(&self, key: &HostKey) -> Option<&Host> {
        self.hosts.get(*self.places.get(key)? as usize)?.as_ref()
    }

    /// Moves hosts and jobs whose time has come to the queues.
    fn wake(&mut self, now: Instant) {
        while self.later.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            if let Some(Reverse((_, place))) = self.later.pop() {
                self.ready.push_back(place);
            }
        }
        while self
            .delayed
            .peek()
            .is_some_and(|Reverse(delayed)| delayed.at <= now)
        {
            if let Some(Reverse(delayed)) = self.delayed.pop() {
                self.put_returned(delayed.job, now);
            }
        }
    }

    /// Restores the invariant for one host.
    fn list(&mut self, place: HostIndex, now: Instant) {
        let host = self.host_at(place);
        if host.listed || !host.has_work() {
            return;
        }
        host.listed = true;
        if !self.waits_for_address(place) {
            self.line_up(place, now);
        }
    }

    /// Puts a host into the ready queue, or into the heap if it must wait.
    ///
    /// Returns whether it is in the queue.
    fn line_up(&mut self, place: HostIndex, now: Instant) -> bool {
        let held = self.host_at(place).held(now);
        match held {
            Some(until) => self.later.push(Reverse((until, place))),
            None => self.ready.push_back(place),
        }
        held.is_none()
    }

    fn host_at(&mut self, place: HostIndex) -> &mut Host {
        self.hosts[place as usize]
            .as_mut()
            .expect("a place that is listed or in the table is taken")
    }

    fn place(&mut self, key: &HostKey, now: Instant) -> HostIndex {
        if let Some(place) = self.places.get(key) {
            return *place;
        }
        if self.places.len() >= self.tidy_at {
            self.tidy(now);
        }
        let mut host = Host::new(key.clone(), self.limits.of(key), self.access.clone());
        if let Some((begun, since)) = self.resumed.filter(|_| self.paced)
            && host.pace.period() > since
        {
            host.hold(begun + host.pace.period());
        }
        host.home = self.home_of(key);
        host.is_located = !self.has_addresses() || matches!(host.home, Home::At(_));
        host.window = self.adaptive.then(|| match host.per_host {
            0 => Box::new(Window::new(usize::MAX)),
            limit => Box::new(Window::new(limit)),
        });
        let host = Some(host);
        let place = match self.vacant.pop() {
            Some(place) => {
                self.hosts[place as usize] = host;
                place
            }
            None => {
                self.hosts.push(host);
                (self.hosts.len() - 1) as HostIndex
            }
        };
        self.places.insert(key.clone(), place);
        place
    }

    /// Forgets hosts without state, so that a long list of hosts runs in flat memory.
    fn tidy(&mut self, now: Instant) {
        let mut forgotten = Vec::new();
        // A host that was just asked keeps its delay: its own pace decides whether that still matters.
        for (place, host) in self.hosts.iter_mut().enumerate() {
            let forget = host.as_ref().is_some_and(|host| {
                !host.listed && host.is_unremarkable(now) && host.pace.ask(now).is_ok()
            });
            if forget && let Some(host) = host.take() {
                self.vacant.push(place as HostIndex);
                forgotten.push(host.key);
            }
        }
        for key in forgotten {
            self.places.remove(&key);
        }
        self.tidy_at = HOSTS.max(self.places.len() * 2);
    }
}

impl PartialEq for Delayed {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at && self.job.id == other.job.id
    }
}

impl Eq for Delayed {}

impl PartialOrd for Delayed {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Delayed {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.job.id).cmp(&(other.at, other.job.id))
    }
}
