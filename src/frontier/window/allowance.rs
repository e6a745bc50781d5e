//! The allowance: requests a second that a host was seen to take, learned from its 429 and 503.
//!
//! A window cannot hold a host to less than one request at a time; a rate can. Invariant: no allowance is known before the first
//! refusal, and none below [`LEAST`] is ever believed.

use std::time::{Duration, Instant};

use super::climb::Climb;

/// Requests a second, at the least.
const LEAST: f64 = 1.0 / 60.0;
/// A host that answers so many between two refusals is not held to less than [`USUAL`]: its refusals may be chance.
const MOSTLY: u32 = 20;
/// Requests a second that are not gone below while most are answered.
const USUAL: f64 = 1.0;
/// How far below the safe rate a host is held after a refusal.
const DEPTH: f64 = 0.15;
/// How long it takes until the safe rate is reached again, and as long until it is left behind.
const SPAN: Duration = Duration::from_secs(5);
/// The same in answers, at the least and at the most: each search for more costs a refusal.
const SPAN_ANSWERS: (f64, f64) = (20.0, 60.0);
/// A rate is only measured over so long: a server may let a second's worth through at once.
const MEASURED_OVER: Duration = Duration::from_secs(1);
/// Answers that a rate is measured by at the least.
const MEASURED_BY: u32 = 8;
/// What is left of a rate that was refused and cannot be measured.
const KEPT: f64 = 0.7;
/// What is left of a rate at the least, whatever was measured.
const KEPT_AT_LEAST: f64 = 0.25;

/// Requests a second that a host takes.
#[derive(Debug)]
pub(super) struct Allowance {
    rate: f64,
    climb: Climb,
    not_before: Option<Instant>,
}

/// What came since the last refusal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Yield {
    pub(super) answers: u32,
    pub(super) within: Duration,
}

impl Allowance {
    /// Less than `rate`, which was refused.
    pub(super) fn below(rate: f64, since: Yield) -> Self {
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

    /// Whether it is this that a host's next request waits for.
    pub(super) fn binds(&self, now: Instant) -> bool {
        self.not_before.is_some_and(|until| until > now)
    }

    /// Notes an answer. Only one that had to wait for its turn says that more may be asked.
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
