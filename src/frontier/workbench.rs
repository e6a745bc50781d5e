//! The workbench: which host may be asked next, and when.
//!
//! Holds the jobs of many hosts. A host that can be asked now stands in a line and gets one turn at a time, so
//! that no host hides another; a host that must wait is one entry in a heap, ordered by the moment. Invariant: a
//! host is in the line or in the heap exactly when it has a job and room for it. Knows nothing of disks or sockets.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

use std::collections::HashMap;

use super::host::Host;
use crate::job::Job;
use crate::url::HostKey;

/// Hosts that are remembered after their last job; beyond it, those with nothing to remember are forgotten.
const HOSTS: usize = 10_000;

/// A place in the table of hosts.
type Place = u32;

/// Which host may be asked next, and when.
pub(crate) struct Workbench {
    per_host: usize,
    delay: Duration,
    places: HashMap<HostKey, Place>,
    hosts: Vec<Option<Host>>,
    vacant: Vec<Place>,
    ready: VecDeque<Place>,
    later: BinaryHeap<Reverse<(Instant, Place)>>,
    /// Jobs that wait on their own: a back-off of one URL, not of its host.
    delayed: BinaryHeap<Reverse<Delayed>>,
    waiting: usize,
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
    /// A job whose host is being left alone, as it failed so often in a row, the last time so.
    Down {
        job: Box<Job>,
        failures: u32,
        last: &'static str,
    },
    /// Nothing before this moment.
    NotBefore(Instant),
    /// Waiting alone will not make anything ready.
    Nothing,
}

impl Workbench {
    pub(crate) fn new(per_host: usize, delay: Duration) -> Self {
        Self {
            per_host,
            delay,
            places: HashMap::new(),
            hosts: Vec::new(),
            vacant: Vec::new(),
            ready: VecDeque::new(),
            later: BinaryHeap::new(),
            delayed: BinaryHeap::new(),
            waiting: 0,
            tidy_at: HOSTS,
        }
    }

    /// Jobs that wait here.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Puts a job at the end of its host's line.
    pub(crate) fn put(&mut self, job: Box<Job>, now: Instant) {
        let place = self.place(&job.host, now);
        self.waiting += 1;
        self.host_at(place).waiting.push_back(job);
        self.list(place, now);
    }

    /// Puts a job that comes back at the head of its host's line, at once or after a while of its own.
    pub(crate) fn put_back(&mut self, job: Box<Job>, after: Duration, now: Instant) {
        self.waiting += 1;
        if after.is_zero() {
            self.put_first(job, now);
        } else {
            self.delayed.push(Reverse(Delayed {
                at: now + after,
                job,
            }));
        }
    }

    fn put_first(&mut self, job: Box<Job>, now: Instant) {
        let place = self.place(&job.host, now);
        self.host_at(place).waiting.push_front(job);
        self.list(place, now);
    }

    /// The next job that may be sent now; it is then in flight.
    pub(crate) fn next(&mut self, now: Instant) -> Turn {
        self.wake(now);
        while let Some(place) = self.ready.pop_front() {
            let host = self.host_at(place);
            host.listed = false;
            if let Some((failures, last)) = host.is_down(now) {
                let Some(job) = host.waiting.pop_front() else {
                    continue;
                };
                self.waiting -= 1;
                self.list(place, now);
                return Turn::Down {
                    job,
                    failures,
                    last,
                };
            }
            let held = host.not_before.filter(|until| *until > now);
            if let Some(until) = held.or_else(|| host.pace.ask(now).err()) {
                host.listed = true;
                self.later.push(Reverse((until, place)));
                continue;
            }
            let Some(job) = host.waiting.pop_front() else {
                continue;
            };
            host.not_before = None;
            host.in_flight += 1;
            self.waiting -= 1;
            self.list(place, now);
            return Turn::Job(job);
        }
        let later = self.later.peek().map(|Reverse((at, _))| *at);
        let delayed = self.delayed.peek().map(|Reverse(delayed)| delayed.at);
        match [later, delayed].into_iter().flatten().min() {
            Some(at) => Turn::NotBefore(at),
            None => Turn::Nothing,
        }
    }

    /// A job is no longer in flight. Answers with its host, to note how it went.
    pub(crate) fn landed(&mut self, key: &HostKey, now: Instant) -> &mut Host {
        let place = self.place(key, now);
        let host = self.host_at(place);
        host.in_flight = host.in_flight.saturating_sub(1);
        self.list(place, now);
        self.host_at(place)
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
                self.put_first(delayed.job, now);
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
        match host.not_before.filter(|until| *until > now) {
            Some(until) => self.later.push(Reverse((until, place))),
            None => self.ready.push_back(place),
        }
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
        let host = Some(Host::new(key.clone(), self.delay));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::PageUrl;

    const SECOND: Duration = Duration::from_secs(1);

    fn job(row: u64, url: &str) -> Box<Job> {
        Box::new(Job::seed(row, PageUrl::parse(url).unwrap()))
    }

    fn rows(workbench: &mut Workbench, now: Instant) -> Vec<u64> {
        std::iter::from_fn(|| match workbench.next(now) {
            Turn::Job(job) => job.row,
            _ => None,
        })
        .collect()
    }

    #[test]
    fn hosts_take_turns_and_no_host_has_more_in_flight_than_its_limit() {
        let now = Instant::now();
        let mut workbench = Workbench::new(2, Duration::ZERO);
        for row in 0..4 {
            workbench.put(job(row, "http://a.example/"), now);
        }
        for row in 10..12 {
            workbench.put(job(row, "http://b.example/"), now);
        }
        assert_eq!(rows(&mut workbench, now), [0, 10, 1, 11]);
        assert!(matches!(workbench.next(now), Turn::Nothing));
        workbench.landed(&job(0, "http://a.example/").host, now);
        assert_eq!(rows(&mut workbench, now), [2]);
    }

    #[test]
    fn a_held_host_is_one_entry_in_the_heap_and_hides_nobody() {
        let now = Instant::now();
        let mut workbench = Workbench::new(0, Duration::ZERO);
        for row in 0..1000 {
            workbench.put(job(row, "http://slow.example/"), now);
        }
        workbench
            .host(&job(0, "http://slow.example/").host, now)
            .hold(now + SECOND);
        workbench.put(job(5000, "http://fast.example/"), now);
        assert_eq!(rows(&mut workbench, now), [5000]);
        assert_eq!(workbench.later.len(), 1);
        assert!(matches!(workbench.next(now), Turn::NotBefore(at) if at == now + SECOND));
        assert_eq!(rows(&mut workbench, now + SECOND).len(), 1000);
    }

    #[test]
    fn a_job_that_backs_off_does_not_hold_its_host() {
        let now = Instant::now();
        let mut workbench = Workbench::new(1, Duration::ZERO);
        workbench.put(job(1, "http://a.example/1"), now);
        workbench.put(job(2, "http://a.example/2"), now);
        let Turn::Job(first) = workbench.next(now) else {
            panic!("one is ready")
        };
        workbench.landed(&first.host.clone(), now);
        workbench.put_back(first, SECOND, now);
        assert_eq!(rows(&mut workbench, now), [2]);
        workbench.landed(&job(2, "http://a.example/2").host, now);
        assert!(matches!(workbench.next(now), Turn::NotBefore(at) if at == now + SECOND));
        assert_eq!(rows(&mut workbench, now + SECOND), [1]);
        assert_eq!(workbench.waiting(), 0);
    }

    #[test]
    fn hosts_with_nothing_to_remember_are_forgotten() {
        let now = Instant::now();
        let mut workbench = Workbench::new(8, Duration::ZERO);
        for row in 0..50_000u64 {
            let job = job(row, &format!("http://h{row}.example/"));
            let key = job.host.clone();
            workbench.put(job, now);
            assert_eq!(rows(&mut workbench, now), [row]);
            workbench.landed(&key, now);
        }
        assert!(
            workbench.hosts.len() <= HOSTS + 1,
            "{}",
            workbench.hosts.len()
        );
    }
}
