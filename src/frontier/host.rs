//! One host: its jobs, its limits, its robots.txt and its health.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::access::Access;
use super::company::Company;
use super::health::Health;
use super::home::Home;
use super::limits::HostLimits;
use super::pace::Pace;
use super::window::{Reply, Window};
use crate::job::Job;
use crate::job::departed::Departed;
use crate::url::HostKey;

/// Resets of a quota that are no further apart are the same one: servers round them to seconds.
const SAME_RESET: Duration = Duration::from_millis(1500);

/// How often to look whether a request has left whose connection is still being opened.
const SOONEST_LOOK: Duration = Duration::from_millis(1);
const LATEST_LOOK: Duration = Duration::from_millis(100);

/// One host, with its jobs and limits.
pub(crate) struct Host {
    pub(crate) key: HostKey,
    pub(crate) waiting: VecDeque<Box<Job>>,
    pub(crate) in_flight: usize,
    pub(crate) pace: Pace,
    /// The most requests in flight; 0 for no limit.
    pub(crate) per_host: usize,
    /// Where the lane of the last request notes when that leaves, if it may not have left.
    departing: Option<Arc<Departed>>,
    /// The end of a wait for `Retry-After`, a back-off or a delay.
    pub(crate) not_before: Option<Instant>,
    /// When the quota of the host is filled up again, after it was used up.
    pub(crate) quota_reset: Option<Instant>,
    /// Whether the host is in the ready queue or in the heap. Owned by the workbench.
    pub(crate) listed: bool,
    /// An adaptive limit on requests in flight; without it, the limit of all hosts applies.
    pub(crate) window: Option<Box<Window>>,
    /// The address of the host, if addresses have a limit.
    pub(crate) home: Home,
    /// Whether that address is known, not guessed.
    pub(crate) is_located: bool,
    /// Whether the robots.txt of the host is known.
    pub(crate) access: Access,
    /// Whether the host ever responded: then it exists, and a refused connection is an outage.
    pub(crate) has_answered: bool,
    /// The delay that its robots.txt asks for, as far as the settings allow.
    pub(crate) crawl_delay: Duration,
    /// Jobs of the host that wait only in the store, behind those in its queue.
    pub(crate) beyond: u64,
    /// The number of the last job that was in the queue: all jobs in the store have higher ones.
    pub(crate) last: u64,
    /// Whether the store was asked for more jobs of the host.
    pub(crate) asked: bool,
    pub(crate) health: Health,
    /// What the other runs do that ask this host.
    pub(crate) company: Company,
}

impl Host {
    pub(crate) fn new(key: HostKey, limits: HostLimits, access: Access) -> Self {
        Self {
            key,
            waiting: VecDeque::new(),
            in_flight: 0,
            pace: limits.pace,
            per_host: limits.per_host,
            departing: None,
            not_before: None,
            quota_reset: None,
            listed: false,
            window: None,
            home: Home::default(),
            is_located: true,
            access,
            has_answered: false,
            crawl_delay: Duration::ZERO,
            beyond: 0,
            last: 0,
            asked: false,
            health: Health::default(),
            company: Company::default(),
        }
    }

    /// Whether a job could be sent, apart from the time.
    pub(crate) fn has_work(&self) -> bool {
        let Some(first) = self.waiting.front() else {
            return false;
        };
        // While robots.txt is in flight, only three kinds of jobs may be sent: that one, whatever another host's
        // robots.txt redirects to, and jobs that do not depend on it.
        let open = !self.access.is_asked() || !first.role.heeds_robots();
        open && self.has_room()
    }

    fn has_room(&self) -> bool {
        let own = self
            .window
            .as_ref()
            .map_or(self.per_host, |window| window.size());
        // A host that was paused gets one request first, and then more with each response.
        let recovering = self.health.room().unwrap_or(usize::MAX);
        let room = (own == 0 || self.in_flight < own) && self.in_flight < recovering;
        // A host whose address is unknown gets one request first, which finds the address out.
        room && (self.is_located || self.in_flight == 0)
    }

    /// Notes a request that was sent.
    pub(crate) fn sent(&mut self, now: Instant) {
        self.not_before = self.company.take_delay();
        self.in_flight += 1;
        if let Some(window) = &mut self.window {
            window.sent(now);
        }
    }

    /// Notes that a request is sent to a lane now, from when the delay counts for the time being.
    ///
    /// Returns where the lane notes when the request leaves, from when the delay really counts; `None` without a delay.
    pub(crate) fn departs(&mut self, now: Instant) -> Option<Arc<Departed>> {
        let period = self.pace.period();
        if period.is_zero() || self.pace.makes_up() {
            return None;
        }
        self.hold(now + period);
        self.departing = Some(Arc::default());
        self.departing.clone()
    }

    /// Notes when a request left that came back.
    pub(crate) fn departed(&mut self, request: Option<&Arc<Departed>>, at: Instant) {
        let is_last = |last: &Arc<Departed>| request.is_some_and(|one| Arc::ptr_eq(one, last));
        if self.departing.as_ref().is_some_and(is_last) {
            self.departing = None;
        }
        if !self.pace.makes_up() && !self.pace.period().is_zero() {
            self.hold(at + self.pace.period());
        }
    }

    /// When to ask again whether the next request keeps its distance from the last one, which may not have left yet.
    pub(crate) fn departs_late(&mut self, now: Instant) -> Option<Instant> {
        let departing = self.departing.as_ref()?;
        let period = self.pace.period();
        match departing.at() {
            None if self.in_flight > 0 => {
                Some(now + (period / 10).clamp(SOONEST_LOOK, LATEST_LOOK))
            }
            None => {
                self.departing = None;
                None
            }
            Some(at) => {
                self.departing = None;
                self.hold(at + period);
                self.held(now)
            }
        }
    }

    /// Notes a request that came back.
    pub(crate) fn landed(&mut self, reply: Option<Reply>, now: Instant) {
        if let (Some(window), Some(reply)) = (&mut self.window, reply) {
            window.heard(reply, self.in_flight, now);
        }
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// The moment that the host waits for, if it is in the future.
    pub(crate) fn held(&self, now: Instant) -> Option<Instant> {
        let window = self.window.as_ref().and_then(|window| window.not_before());
        self.not_before.max(window).filter(|until| *until > now)
    }

    /// The number of jobs that wait, including those in the store.
    pub(crate) fn jobs(&self) -> u64 {
        self.waiting.len() as u64 + self.beyond
    }

    /// Whether nothing waits and nothing is in flight.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.in_flight == 0 && self.beyond == 0
    }

    /// Whether the host may be forgotten: no delay, hold, window or health would be lost.
    pub(crate) fn is_unremarkable(&self, now: Instant) -> bool {
        self.is_idle()
            && self.health.is_well()
            && !self.access.is_asked()
            && self
                .window
                .as_ref()
                .is_none_or(|window| window.rate().is_none())
            && self.not_before.is_none_or(|until| until <= now)
    }

    /// Notes that nothing is left of the host's quota until this moment.
    ///
    /// Returns whether that is news, and not one of several responses that say the same.
    pub(crate) fn quota_is_spent(&mut self, until: Instant) -> bool {
        self.hold(until);
        let known = self
            .quota_reset
            .filter(|known| until <= *known + SAME_RESET);
        self.quota_reset = self.quota_reset.max(Some(until));
        known.is_none()
    }

    pub(crate) fn hold(&mut self, until: Instant) {
        self.not_before = Some(self.not_before.map_or(until, |before| before.max(until)));
    }
}
