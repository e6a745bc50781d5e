//! One host: its jobs, its limits, what its robots.txt says, and how it has been doing.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::access::Access;
use super::health::Health;
use super::pace::Pace;
use super::window::{Reply, Window};
use super::workbench::Home;
use crate::job::Job;
use crate::url::HostKey;

/// One host.
pub(crate) struct Host {
    pub(crate) key: HostKey,
    pub(crate) waiting: VecDeque<Box<Job>>,
    pub(crate) in_flight: usize,
    pub(crate) pace: Pace,
    /// Not to be asked before: `Retry-After`, back-off, delay.
    pub(crate) not_before: Option<Instant>,
    /// Whether it stands in the ready line or in the heap. Owned by the workbench.
    pub(crate) listed: bool,
    /// How much it bears, where that is found out; else the limit of all hosts is its own.
    pub(crate) window: Option<Box<Window>>,
    /// Where it lives, where addresses have a limit.
    pub(crate) home: Home,
    /// Whether that is known, and no guess.
    pub(crate) is_located: bool,
    /// Whether its robots.txt is known.
    pub(crate) access: Access,
    /// Whether it ever answered: then it is there, and a refused connection is an outage.
    pub(crate) has_answered: bool,
    /// The delay that its robots.txt asks for, as far as it is kept.
    pub(crate) crawl_delay: Duration,
    /// Jobs of it that wait in the store alone, behind those of its line.
    pub(crate) beyond: u64,
    /// The last number that its line had: all that is beyond is above it.
    pub(crate) last: u64,
    /// Whether the store was asked for more of it.
    pub(crate) asked: bool,
    pub(crate) health: Health,
}

impl Host {
    pub(crate) fn new(key: HostKey, delay: Duration, access: Access) -> Self {
        Self {
            key,
            waiting: VecDeque::new(),
            in_flight: 0,
            pace: Pace::every(delay),
            not_before: None,
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
        }
    }

    /// Whether a job could go out but for the time.
    pub(crate) fn has_work(&self, per_host: usize) -> bool {
        let Some(first) = self.waiting.front() else {
            return false;
        };
        // While its robots.txt is on the way only that goes out, what another host's robots.txt redirects to, and what does
        // not depend on it.
        let open = !self.access.is_asked() || !first.role.heeds_robots();
        open && self.has_room(per_host)
    }

    fn has_room(&self, per_host: usize) -> bool {
        let own = self
            .window
            .as_ref()
            .map_or(per_host, |window| window.size());
        // One that was paused is met by one request first, and then by more with each answer.
        let recovering = self.health.room().unwrap_or(usize::MAX);
        let room = (own == 0 || self.in_flight < own) && self.in_flight < recovering;
        // One that nobody knows the address of asks once, to learn it.
        room && (self.is_located || self.in_flight == 0)
    }

    /// Notes a request that was sent.
    pub(crate) fn sent(&mut self, now: Instant) {
        self.not_before = None;
        self.in_flight += 1;
        if let Some(window) = &mut self.window {
            window.sent(now);
        }
    }

    /// Notes a request that came back.
    pub(crate) fn landed(&mut self, reply: Option<Reply>, now: Instant) {
        if let (Some(window), Some(reply)) = (&mut self.window, reply) {
            window.heard(reply, self.in_flight, now);
        }
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// The moment it waits for, if it does.
    pub(crate) fn held(&self, now: Instant) -> Option<Instant> {
        let window = self.window.as_ref().and_then(|window| window.not_before());
        self.not_before.max(window).filter(|until| *until > now)
    }

    /// Jobs that wait, in the store too.
    pub(crate) fn jobs(&self) -> u64 {
        self.waiting.len() as u64 + self.beyond
    }

    /// Whether nothing would be lost by forgetting it.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.in_flight == 0 && self.beyond == 0
    }

    /// Whether it may be forgotten without forgetting a promise: a hold, a delay, a bad name.
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

    pub(crate) fn hold(&mut self, until: Instant) {
        self.not_before = Some(self.not_before.map_or(until, |before| before.max(until)));
    }
}
