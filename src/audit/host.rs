//! The replay of one host: its requests in the order in which they left, against its limits.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::breach::{Breach, BreachKind, spelled};
use super::flight::Flight;
use super::request::Request;
use super::rules::{HostRules, MADE_UP};
use super::standing::Standing;
use super::window::Window;
use crate::url::{HostKey, PageUrl};

/// The breaches of a host that are described; the others are only counted.
const DESCRIBED: usize = 5;
/// One second.
const SECOND: i64 = 1_000_000;

/// What was found about one host.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostAudit {
    /// The host.
    pub host: HostKey,
    /// The number of requests.
    pub requests: u64,
    /// The shortest time between two requests, in microseconds; `None` if there was only one.
    pub shortest_gap: Option<i64>,
    /// The time that had to be between them, in microseconds; the longest, if it changed. 0 for none.
    pub delay: i64,
    /// The most requests in flight at once; `None` if it is not known how long requests took.
    pub most_in_flight: Option<u64>,
    /// The most that were allowed; the fewest, if it changed. 0 for no limit.
    pub per_host: u64,
    /// Whether robots.txt was obeyed.
    pub robots: RobotsKept,
    /// The responses that asked for a wait before the next request to the host.
    pub waits: u64,
    /// Those of them whose wait is longer than the run was told to respect.
    pub long_waits: u64,
    /// The number of times that a limit was broken.
    pub broken: u64,
    /// The first of them.
    pub breaches: Vec<Breach>,
    /// Requests to which robots.txt applies, and whose URL is not known.
    pub unnamed: u64,
    /// Whether a limit was checked at all.
    pub is_checked: bool,
    /// Whether a limit may have been broken: the times are too coarse to tell.
    pub is_vague: bool,
}

/// Whether robots.txt was obeyed, as it stood then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RobotsKept {
    /// Every request was allowed.
    Kept,
    /// A request was not allowed, or sent before robots.txt was known.
    Broken,
    /// The run was told to ignore it, and that is all that can be said.
    Ignored,
    /// It is not known: there is no robots.txt here, and nothing says whether it was to be obeyed.
    Unknown,
}

impl RobotsKept {
    /// The name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Broken => "broken",
            Self::Ignored => "ignored",
            Self::Unknown => "unknown",
        }
    }
}

/// The replay of one host.
pub(super) struct Replay {
    pub(super) audit: HostAudit,
    pub(super) robots: Standing,
    precision: i64,
    /// Whether its source says what limits it had.
    has_terms: bool,
    flight: Flight,
    window: Option<Window>,
    session: Option<i64>,
    last_sent: Option<i64>,
    /// Waits that responses asked for and that are not known yet: from when they are, and until when.
    holds: BinaryHeap<Reverse<(i64, i64)>>,
    /// The one of those that are known that ends last.
    held: (i64, i64),
}

impl Replay {
    pub(super) fn new(host: HostKey, robots: Standing, precision: i64, has_terms: bool) -> Self {
        Self {
            audit: HostAudit {
                host,
                requests: 0,
                shortest_gap: None,
                delay: 0,
                most_in_flight: None,
                per_host: 0,
                robots: match has_terms {
                    true => RobotsKept::Ignored,
                    false => RobotsKept::Unknown,
                },
                waits: 0,
                long_waits: 0,
                broken: 0,
                breaches: Vec::new(),
                unnamed: 0,
                is_checked: false,
                is_vague: false,
            },
            robots,
            precision,
            has_terms,
            flight: Flight::default(),
            window: None,
            session: None,
            last_sent: None,
            holds: BinaryHeap::new(),
            held: (i64::MIN, i64::MIN),
        }
    }

    /// Adds the next request, after the robots.txt of its moment was found; `url` finds the URL of a number.
    pub(super) fn add(
        &mut self,
        request: &Request,
        rules: &HostRules,
        url: impl FnOnce() -> Option<String>,
    ) {
        self.audit.requests += 1;
        if self.session != Some(request.session) {
            self.session = Some(request.session);
            self.window = match rules.terms.makes_up {
                true => rate_window(rules.period(None)),
                false => None,
            };
        }
        self.gap(request, rules);
        self.in_flight(request, rules);
        self.check_holds(request);
        if request.heeds_robots {
            self.check_robots(request, rules, url);
        }
        match rules.wait(request) {
            Some(Ok(wait)) => {
                self.audit.waits += 1;
                // Of records and archives, a kept wait alone says too little.
                self.audit.is_checked |= self.has_terms;
                let ended = request.ended.unwrap_or(request.sent);
                self.holds
                    .push(Reverse((request.known, ended.saturating_add(wait))));
            }
            Some(Err(_)) => self.audit.long_waits += 1,
            None => {}
        }
    }

    fn gap(&mut self, request: &Request, rules: &HostRules) {
        let period = rules.period(self.robots.robots());
        if period > 0 {
            self.audit.is_checked = true;
            self.audit.delay = self.audit.delay.max(period);
        }
        let last = self.last_sent.replace(request.sent);
        if let Some(window) = &mut self.window
            && let Some(during) = window.add(request.sent)
        {
            let limit = format!("{} apart", spelled(period));
            let found = format!("too many in {}", spelled(during));
            self.broken(BreachKind::HostRate, request, limit, found);
        }
        let Some(gap) = last.map(|last| request.sent - last).filter(|gap| *gap >= 0) else {
            return; // the clock was set back between two sessions
        };
        self.audit.shortest_gap = Some(self.audit.shortest_gap.map_or(gap, |least| least.min(gap)));
        let is_long_enough = gap - self.precision >= period || self.precision < SECOND;
        self.audit.is_vague |= period > 0 && !is_long_enough;
        if gap + self.precision < period && self.window.is_none() {
            let limit = format!("{} apart", spelled(period));
            self.broken(BreachKind::Delay, request, limit, spelled(gap));
        }
    }

    fn in_flight(&mut self, request: &Request, rules: &HostRules) {
        let limit = rules.terms.per_host as u64;
        let Some(ended) = request.ended else {
            return;
        };
        // Times that are cut to milliseconds may make requests overlap that only follow each other.
        let ended = (ended - self.precision).max(request.begun);
        let count = self.flight.add(request.session, request.begun, ended);
        self.audit.most_in_flight = self.audit.most_in_flight.max(Some(count));
        if limit == 0 {
            return;
        }
        self.audit.is_checked = true;
        self.audit.per_host = match self.audit.per_host {
            0 => limit,
            known => known.min(limit),
        };
        if count > limit {
            let limit = format!("{limit} at once");
            self.broken(
                BreachKind::PerHost,
                request,
                limit,
                format!("{count} at once"),
            );
        }
    }

    /// Checks the waits that responses asked for.
    ///
    /// A request that was under way before such a response was read is none of its business.
    fn check_holds(&mut self, request: &Request) {
        let begun = request.begun;
        while let Some(Reverse((known, until))) = self.holds.peek().copied()
            && known <= begun
        {
            self.holds.pop();
            if until > self.held.1 {
                self.held = (known, until);
            }
        }
        let (known, until) = self.held;
        if known <= begun && begun + self.precision < until {
            let found = format!("{} too early", spelled(until - begun));
            let limit = "the wait that a response asked for".to_owned();
            self.broken(BreachKind::RetryAfter, request, limit, found);
        }
    }

    fn check_robots(
        &mut self,
        request: &Request,
        rules: &HostRules,
        url: impl FnOnce() -> Option<String>,
    ) {
        if !rules.robots || !self.has_terms && !self.robots.is_known {
            return;
        }
        self.audit.is_checked = true;
        if self.audit.robots != RobotsKept::Broken {
            self.audit.robots = RobotsKept::Kept;
        }
        let Some(robots) = self.robots.robots() else {
            self.audit.robots = RobotsKept::Broken;
            let limit = "robots.txt first".to_owned();
            let found = "it was not known yet".to_owned();
            self.broken(BreachKind::RobotsUnasked, request, limit, found);
            return;
        };
        let Some(url) = request.url.clone().or_else(url) else {
            self.audit.unnamed += 1;
            return;
        };
        let Ok(page) = PageUrl::parse(&url) else {
            self.audit.unnamed += 1;
            return;
        };
        let judgement = robots.rules.judge(page.target());
        if !judgement.allowed {
            let limit = match judgement.rule {
                Some(rule) => rule.to_string(),
                None => "nothing is allowed".to_owned(),
            };
            self.audit.robots = RobotsKept::Broken;
            let mut request = request.clone();
            request.url = Some(url);
            self.broken(BreachKind::Robots, &request, limit, "requested".to_owned());
        }
    }

    fn broken(&mut self, kind: BreachKind, request: &Request, limit: String, found: String) {
        self.audit.broken += 1;
        if self.audit.breaches.len() < DESCRIBED {
            self.audit.breaches.push(Breach {
                kind,
                at: request.sent,
                limit,
                found,
                url: request.url.clone(),
            });
        }
    }
}

/// The window of a rate that may make up for late timers: a second of it, and what it may be ahead.
fn rate_window(period: i64) -> Option<Window> {
    let count = u64::try_from(SECOND / period.max(1)).ok()?;
    Window::new(count, SECOND - MADE_UP)
}
