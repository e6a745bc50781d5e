//! The allowance: the requests per second that a host accepts, learned from its 429 and 503.
//!
//! A window cannot limit a host to less than one request at a time; a rate can. Invariant: there is no allowance
//! before the first refusal, and it never falls below [`LEAST`].

use std::time::{Duration, Instant};

use super::climb::Climb;

/// The least requests per second.
const LEAST: f64 = 1.0 / 60.0;
/// Responses between two refusals that keep the rate at [`USUAL`]: refusals may be chance.
const MOSTLY: u32 = 20;
/// The least requests per second while most requests get a response.
const USUAL: f64 = 1.0;
/// How far below the safe rate a host is limited after a refusal.
const DEPTH: f64 = 0.15;
/// The time until the safe rate is reached again, and as long until it is exceeded.
const SPAN: Duration = Duration::from_secs(5);
/// The same in responses, least and most: each search for a higher rate costs a refusal.
const SPAN_ANSWERS: (f64, f64) = (20.0, 60.0);
/// The least time to measure a rate over: a server may accept a second's worth at once.
const MEASURED_OVER: Duration = Duration::from_secs(1);
/// The fewest responses to measure a rate by.
const MEASURED_BY: u32 = 8;
/// The part of a refused rate that is left if it cannot be measured.
const KEPT: f64 = 0.7;
/// The least part of a rate that is left, whatever was measured.
const KEPT_AT_LEAST: f64 = 0.25;

/// The requests per second that a host accepts.
#[derive(Debug)]
pub(super) struct Allowance {
    rate: f64,
    climb: Climb,
    not_before: Option<Instant>,
}

/// The responses since the last refusal.
#[derive(Debug, Clone, Copy)]
pub(super) struct SinceRefusal {
    pub(super) answers: u32,
    pub(super) within: Duration,
}

impl Allowance {
    /// An allowance below `rate`, which was refused.
    pub(super) fn below(rate: f64, since: SinceRefusal) -> Self {
        let measured = (since.within >= MEASURED_OVER && since.answers >= MEASURED_BY)
            .then(|| f64::from(since.answers) / since.within.as_secs_f64());
        let safe = match measured {
            Some(measured) => measured.clamp(rate * KEPT_AT_LEAST, rate),
            None => rate * KEPT,
        };
        let floor = match since.answers {
            MOSTLY.. => USUAL.min(rate),
            _ => LEAST,
        };
        let safe = safe.max(floor / (1.0 - DEPTH));
        let (least, most) = SPAN_ANSWERS;
        let span = (safe * SPAN.as_secs_f64()).clamp(least, most);
        let climb = Climb::to(safe, DEPTH, span);
        Self {
            rate: climb.height(),
            climb,
            not_before: None,
        }
    }

    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// Whether the host's next request waits for this allowance.
    pub(super) fn binds(&self, now: Instant) -> bool {
        self.not_before.is_some_and(|until| until > now)
    }

    /// Notes a response. Only one whose request had to wait shows that more may be sent.
    pub(super) fn answered(&mut self, now: Instant) {
        if self.binds(now) {
            self.rate = self.climb.step();
        }
    }

    /// Notes a request that was sent. A late one does not make the next one late.
    pub(super) fn sent(&mut self, now: Instant) {
        let gap = Duration::from_secs_f64(1.0 / self.rate);
        let last = now.checked_sub(gap).unwrap_or(now);
        let due = self.not_before.unwrap_or(now).max(last);
        self.not_before = Some(due + gap);
    }

    pub(super) fn not_before(&self) -> Option<Instant> {
        self.not_before
    }
}
