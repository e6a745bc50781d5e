//! A simulated host for a window: a server with workers or a limit, and an eager client.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use super::{Reply, Window};

/// A server.
#[derive(Debug, Clone)]
pub(super) struct Server {
    /// Requests that it works on at a time; the others queue.
    pub(super) hands: usize,
    /// The time that it works on one request.
    pub(super) work: Duration,
    /// How much longer or shorter that may be, as a share of it.
    pub(super) noise: f64,
    /// The requests per second, one second's worth at once, beyond which it returns 429.
    pub(super) rate: Option<f64>,
    /// The requests in flight beyond which it returns 503.
    pub(super) seats: Option<usize>,
    /// The share of requests that fail with 503, whatever they are.
    pub(super) failures: f64,
    /// How long a refused client stays away.
    pub(super) hold: Duration,
}

impl Server {
    pub(super) fn of(hands: usize) -> Self {
        Self {
            hands,
            work: Duration::from_millis(50),
            noise: 0.0,
            rate: None,
            seats: None,
            failures: 0.0,
            hold: Duration::ZERO,
        }
    }
}

/// One client and one server.
pub(super) struct Simulation {
    window: Window,
    server: Server,
    start: Instant,
    now: Instant,
    held: Instant,
    /// When each worker is free.
    hands: BinaryHeap<Reverse<Instant>>,
    /// When the rate limit of the server is back to zero.
    rest: Instant,
    flying: BinaryHeap<Reverse<(Instant, u64, Instant, bool)>>,
    random: fastrand::Rng,
    pub(super) sent: u64,
    pub(super) answered: u64,
    pub(super) refused: u64,
    /// The size of the window after each response.
    pub(super) sizes: Vec<usize>,
}

impl Simulation {
    pub(super) fn new(server: Server, limit: usize) -> Self {
        let now = Instant::now();
        let hands = (0..server.hands).map(|_| Reverse(now)).collect();
        Self {
            window: Window::new(limit),
            server,
            start: now,
            now,
            held: now,
            hands,
            rest: now,
            flying: BinaryHeap::new(),
            random: fastrand::Rng::with_seed(7),
            sent: 0,
            answered: 0,
            refused: 0,
            sizes: Vec::new(),
        }
    }

    /// Replaces the server.
    pub(super) fn change(&mut self, server: Server) {
        self.hands = (0..server.hands).map(|_| Reverse(self.now)).collect();
        self.server = server;
    }

    /// Forgets the numbers so far.
    pub(super) fn reset_counts(&mut self) {
        (self.sent, self.answered, self.refused) = (0, 0, 0);
        self.sizes.clear();
        self.start = self.now;
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// Continues for this long.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let may = self.held.max(self.window.not_before().unwrap_or(self.now));
            let room = self.flying.len() < self.window.size();
            let next = self.flying.peek().map(|Reverse((at, ..))| *at);
            if room && next.is_none_or(|next| may <= next) {
                self.now = self.now.max(may);
                if self.now >= end {
                    return;
                }
                self.send();
                continue;
            }
            let Some(Reverse((at, _, sent, refused))) = self.flying.pop() else {
                return;
            };
            self.now = at;
            let in_flight = self.flying.len() + 1;
            let reply = match refused {
                true if self.server.failures > 0.0 => Reply::Unavailable,
                true => Reply::Refused,
                false => Reply::Answered(at - sent),
            };
            self.window.heard(reply, in_flight, at);
            match refused {
                true => {
                    self.refused += 1;
                    self.held = self.held.max(at + self.server.hold);
                }
                false => self.answered += 1,
            }
            self.sizes.push(self.window.size());
            if at >= end {
                return;
            }
        }
    }

    fn send(&mut self) {
        let now = self.now;
        self.sent += 1;
        self.window.sent(now);
        let fails = self.server.failures > 0.0 && self.random.f64() < self.server.failures;
        if fails || !self.accepts() {
            let back = now + self.server.work / 4;
            self.flying.push(Reverse((back, self.sent, now, true)));
            return;
        }
        let noise = 1.0 + self.server.noise * (self.random.f64() * 2.0 - 1.0);
        let free = self.hands.pop().map_or(now, |Reverse(free)| free.max(now));
        let done = free + self.server.work.mul_f64(noise);
        self.hands.push(Reverse(done));
        self.flying.push(Reverse((done, self.sent, now, false)));
    }

    fn accepts(&mut self) -> bool {
        if let Some(seats) = self.server.seats
            && self.flying.len() >= seats
        {
            return false;
        }
        let Some(rate) = self.server.rate else {
            return true;
        };
        let next = self.rest.max(self.now) + Duration::from_secs_f64(1.0 / rate);
        let free = next <= self.now + Duration::from_secs_f64(rate.floor().max(1.0) / rate);
        if free {
            self.rest = next;
        }
        free
    }
}
