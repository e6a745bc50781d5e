//! The workbench: which host may be asked next, and when.
//!
//! Holds the jobs of many hosts. A host that can be asked now stands in a line and gets one turn at a time, so
//! that no host hides another; a host that must wait is one entry in a heap, ordered by the moment; one whose address has no
//! room stands in the line of that address. Invariant: a host is in one of the three exactly when it has a job and room for it;
//! one whose window has narrowed since it was listed leaves when its turn comes. Knows nothing of disks or sockets.

mod addresses;
mod overflow;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use std::collections::HashMap;

use addresses::Addresses;
pub(crate) use addresses::Home;

use super::access::Access;
use super::host::Host;
use super::pace::Pace;
use super::window::{Reply, Window};
use crate::job::{Job, Reach, Role};
use crate::url::HostKey;
use crate::visit::FetchError;

/// Hosts that are remembered after their last job; beyond it, those with nothing to remember are forgotten.
const HOSTS: usize = 10_000;
/// Jobs of one host that wait here at the most, where a store has the rest.
const LINE: usize = 512;
/// Jobs of all hosts, likewise.
const LINES: usize = 65_536;

/// A place in the table of hosts.
type Place = u32;

/// Which host may be asked next, and when.
pub(crate) struct Workbench {
    per_host: usize,
    delay: Duration,
    /// Whether each host has a window of its own, with `per_host` as its limit.
    adaptive: bool,
    addresses: Addresses,
    /// What is known of a new host's robots.txt.
    access: Access,
    /// Whether a store has what does not fit in here.
    overflows: bool,
    places: HashMap<HostKey, Place>,
    hosts: Vec<Option<Host>>,
    vacant: Vec<Place>,
    ready: VecDeque<Place>,
    later: BinaryHeap<Reverse<(Instant, Place)>>,
    /// Jobs that wait on their own: a back-off of one URL, not of its host.
    delayed: BinaryHeap<Reverse<Delayed>>,
    waiting: usize,
    /// Jobs that wait in the store alone.
    beyond: u64,
    /// Hosts whose line is short and that have more in the store.
    wanting: VecDeque<Place>,
    /// Hosts that have more in the store than was committed to it.
    uncommitted: Vec<Place>,
    /// Whether any host has a delay of its own.
    pub(crate) paced: bool,
    /// The longest delay that a robots.txt may ask for.
    max_crawl_delay: Duration,
    /// Whether nothing new is taken any more.
    closed: bool,
    tidy_at: usize,
}

struct Delayed {
    at: Instant,
    job: Box<Job>,
}

/// What the workbench has to give.
pub(crate) enum Turn {
    /// A job that may be sent now.
    Job(Box<Job>),
    /// The robots.txt of this host, before anything else of it; it is then in flight.
    Robots(HostKey, Reach),
    /// A job that is not to be sent: its host was given up, or forbids it.
    Refused(Box<Job>, FetchError),
    /// Nothing before this moment.
    NotBefore(Instant),
    /// Waiting alone will not make anything ready.
    Nothing,
}

impl Workbench {
    pub(crate) fn new(per_host: usize, delay: Duration, access: Access) -> Self {
        Self {
            per_host,
            delay,
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
            paced: false,
            max_crawl_delay: Duration::MAX,
            closed: false,
            tidy_at: HOSTS,
        }
    }

    /// From now on each host has a window of its own, with the limit of all as its limit.
    pub(crate) fn adapt(&mut self) {
        self.adaptive = true;
    }

    /// Jobs that wait here.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Jobs that wait in the store alone.
    pub(crate) fn beyond(&self) -> u64 {
        self.beyond
    }

    /// Puts a job at the end of its host's line. Where a store has the rest, a long line only counts it.
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

    /// Puts a job that comes back near the head of its host's line, at once or after a while of its own.
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

    /// Jobs that were sent before go ahead of those that were not, in the order in which they come back. A host that is down is
    /// next asked for something else, to find out whether it is the host or the URL.
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

    /// The turn of one host. `None`: it has nothing to give now.
    fn turn(&mut self, place: Place, now: Instant) -> Option<Turn> {
        let per_host = self.per_host;
        let host = self.host_at(place);
        host.listed = false;
        if !host.has_work(per_host) {
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
        if let Some(until) = host.held(now).or_else(|| host.pace.ask(now).err()) {
            host.listed = true;
            self.later.push(Reverse((until, place)));
            return None;
        }
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

    fn take_first(&mut self, place: Place, now: Instant) -> Option<Box<Job>> {
        let job = self.host_at(place).waiting.pop_front()?;
        self.waiting -= 1;
        self.want(place);
        self.list(place, now);
        Some(job)
    }

    /// From now on no robots.txt may ask for a longer delay; zero for no limit.
    pub(crate) fn limit_crawl_delay(&mut self, limit: Duration) {
        self.max_crawl_delay = match limit {
            Duration::ZERO => Duration::MAX,
            limit => limit,
        };
    }

    /// A host's robots.txt is known now: its line moves on, no faster than the delay that it asks for. Answers that delay, and
    /// the one that is kept.
    pub(crate) fn admitted_by(
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
        let slowed = asked.zip(kept.filter(|delay| *delay > self.delay));
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

    /// A job is no longer in flight: what came back, and from where. `note` notes how it went, before the host is asked again.
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

    /// The host of a key; made when it is new.
    pub(crate) fn host(&mut self, key: &HostKey, now: Instant) -> &mut Host {
        let place = self.place(key, now);
        self.host_at(place)
    }

    /// Everything that still waits, in no order.
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

    /// How many requests may be in flight on one host; 0 for no limit.
    pub(super) fn per_host(&self) -> usize {
        self.per_host
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

    /// The host of a key, where it is known.
    pub(super) fn known(&self, key: &HostKey) -> Option<&Host> {
        self.hosts.get(*self.places.get(key)? as usize)?.as_ref()
    }

    /// Whose time has come goes to the line.
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
    fn list(&mut self, place: Place, now: Instant) {
        let per_host = self.per_host;
        let host = self.host_at(place);
        if host.listed || !host.has_work(per_host) {
            return;
        }
        host.listed = true;
        if !self.waits_for_address(place) {
            self.line_up(place, now);
        }
    }

    /// Puts a host into the line, or into the heap while it is held. Answers whether it is in the line.
    fn line_up(&mut self, place: Place, now: Instant) -> bool {
        let held = self.host_at(place).held(now);
        match held {
            Some(until) => self.later.push(Reverse((until, place))),
            None => self.ready.push_back(place),
        }
        held.is_none()
    }

    fn host_at(&mut self, place: Place) -> &mut Host {
        self.hosts[place as usize]
            .as_mut()
            .expect("a place that is listed or in the table is taken")
    }

    fn place(&mut self, key: &HostKey, now: Instant) -> Place {
        if let Some(place) = self.places.get(key) {
            return *place;
        }
        if self.places.len() >= self.tidy_at {
            self.tidy(now);
        }
        let mut host = Host::new(key.clone(), self.delay, self.access.clone());
        host.home = self.home_of(key);
        host.is_located = !self.has_addresses() || matches!(host.home, Home::At(_));
        host.window = self.adaptive.then(|| match self.per_host {
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
                (self.hosts.len() - 1) as Place
            }
        };
        self.places.insert(key.clone(), place);
        place
    }

    /// Forgets hosts that have nothing to be remembered for, so that a long list of hosts stays in flat memory.
    fn tidy(&mut self, now: Instant) {
        let mut forgotten = Vec::new();
        // A host that was just asked keeps its delay: its own pace is asked whether it still matters.
        for (place, host) in self.hosts.iter_mut().enumerate() {
            let forget = host.as_ref().is_some_and(|host| {
                !host.listed && host.is_unremarkable(now) && host.pace.ask(now).is_ok()
            });
            if forget && let Some(host) = host.take() {
                self.vacant.push(place as Place);
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
