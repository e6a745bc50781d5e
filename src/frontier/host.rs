//! One host: its jobs, its limits, what its robots.txt says, and how it has been doing.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::access::Access;
use super::pace::Pace;
use super::window::{Reply, Window};
use super::workbench::Home;
use crate::job::{Job, Role};
use crate::url::HostKey;

/// Retries that a host may have beyond a fifth of its requests: enough for a short list.
const RETRIES_ALLOWED: f64 = 10.0;
/// Retries that each request earns its host.
const RETRIES_EARNED: f64 = 0.2;
/// How long a host that kept failing is left alone before it is asked once more.
const LEFT_ALONE: Duration = Duration::from_secs(30);

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
    /// Jobs of it that wait in the store alone, behind those of its line.
    pub(crate) beyond: u64,
    /// The last number that its line had: all that is beyond is above it.
    pub(crate) last: u64,
    /// Whether the store was asked for more of it.
    pub(crate) asked: bool,
    health: Health,
    retries_left: f64,
}

/// The circuit breaker.
#[derive(Debug, Default)]
struct Health {
    failures: u32,
    last: &'static str,
    down_until: Option<Instant>,
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
            beyond: 0,
            last: 0,
            asked: false,
            health: Health::default(),
            retries_left: RETRIES_ALLOWED,
        }
    }

    /// Whether a job could go out but for the time.
    pub(crate) fn has_work(&self, per_host: usize) -> bool {
        let Some(first) = self.waiting.front() else {
            return false;
        };
        // While its robots.txt is on the way only that goes out, and what another host's robots.txt redirects to.
        let open = !self.access.is_asked() || first.role == Role::Robots;
        open && self.has_room(per_host)
    }

    fn has_room(&self, per_host: usize) -> bool {
        let own = self
            .window
            .as_ref()
            .map_or(per_host, |window| window.size());
        // One that nobody knows the address of asks once, to learn it.
        let room = own == 0 || self.in_flight < own;
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

    /// Whether nothing would be lost by forgetting it.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.in_flight == 0 && self.beyond == 0
    }

    /// Whether it may be forgotten without forgetting a promise: a hold, a delay, a bad name.
    pub(crate) fn is_unremarkable(&self, now: Instant) -> bool {
        self.is_idle()
            && self.health.failures == 0
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

    /// Notes a request that was answered, whatever the status.
    pub(crate) fn answered(&mut self) {
        self.health = Health::default();
        self.retries_left = (self.retries_left + RETRIES_EARNED).min(RETRIES_ALLOWED);
    }

    /// Notes a request that the host did not answer. `after` failures in a row close it; 0 for never.
    pub(crate) fn failed(&mut self, class: &'static str, after: u32, now: Instant) {
        self.health.failures = self.health.failures.saturating_add(1);
        self.health.last = class;
        if after > 0 && self.health.failures >= after {
            self.health.down_until = Some(now + LEFT_ALONE);
        }
    }

    /// Takes one try from the budget. No: the host has had more than its share of retries.
    pub(crate) fn may_retry(&mut self) -> bool {
        let may = self.retries_left >= 1.0;
        if may {
            self.retries_left -= 1.0;
        }
        may
    }

    /// Whether the host is being left alone; asked again later, one job goes through to see.
    pub(crate) fn is_down(&mut self, now: Instant) -> Option<(u32, &'static str)> {
        let until = self.health.down_until?;
        if now >= until {
            self.health.down_until = Some(now + LEFT_ALONE);
            return None;
        }
        Some((self.health.failures, self.health.last))
    }
}
