//! The window: the requests in flight, and per second, that a host can handle.
//!
//! It widens while responses come about as fast as they ever did, and narrows in proportion when they come slower,
//! as TCP Vegas does (Brakmo and Peterson, 1995): then requests queue at the server, because they are more than it
//! can work on. A refusal (429, 503), a time-out or a refused connection cuts it at once, once per round trip, and
//! from then on it climbs as CUBIC does (RFC 9438), with a memory of the size that was too much. Invariant: it is
//! never below one and never above its limit. Reads no clock, and sends nothing.

mod allowance;
mod chance;
mod climb;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use allowance::{Allowance, SinceRefusal};
use chance::Chance;
use climb::Climb;

/// Requests in flight to a host that is not known yet.
const FIRST: f64 = 2.0;
/// The fewest responses in a round.
const ROUND: u32 = 8;
/// The part of a window that is left after a cut.
const CUT: f64 = 0.7;
/// The safe size after a cut, as a share of the size that was too much.
const SAFE: f64 = 0.9;
/// Rounds of a climb until the safe size is reached.
const SPAN: f64 = 10.0;
/// The window widens while latency divided by the least is below this.
const NEAR: f64 = 1.06;
/// The window narrows once latency divided by the least is above this.
const FAR: f64 = 1.2;
/// The ratio that narrowing aims for: between the two, so that the window rests there.
const AIM: f64 = 1.08;
/// The largest ratio that the spread of latencies may explain.
const EXPLAINED: f64 = 2.5;
/// A difference in latency that does not matter, in seconds.
const UNFELT: f64 = 0.005;
/// Rounds of rest after which a narrower window measures the least latency again.
const REST: u32 = 32;
/// The size of that narrower window, as a share.
const DIP: f64 = 0.75;
/// A round below this share of the least latency calls for a new measurement of the least.
const NEWS: f64 = 0.9;
/// From this size on, window sizes are fine enough to control the rate.
const COARSE: usize = 3;
/// The share by which the least latency moves towards a round near it.
const FALL: f64 = 0.1;

/// The result of a request, as far as the window is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    /// A response, and the time until its first byte.
    Answered(Duration),
    /// 429, or 503 with a `Retry-After`.
    Refused,
    /// 503 without one.
    Unavailable,
    /// No response: a deadline passed, or the connection was refused.
    Lost,
}

/// The number of requests that a host may have in flight, adjusted to what it can handle.
#[derive(Debug)]
pub(crate) struct Window {
    size: f64,
    limit: f64,
    /// Requests that were sent before the size last changed, and are not back yet.
    unsettled: usize,
    /// Requests that were sent before the last cut, and are not back yet.
    forgiven: usize,
    round: Round,
    /// The least mean latency of a round, in seconds.
    least: Option<f64>,
    /// The mean deviation of latencies, as a share of the mean.
    spread: f64,
    climb: Option<Climb>,
    /// Rounds of rest so far.
    rested: u32,
    /// The size to return to once the least latency is measured.
    dipped: Option<f64>,
    /// Rounds in a row that narrowed it; the mean latency and the size before the last one.
    narrowed: Option<(u32, f64, f64)>,
    allowance: Option<Allowance>,
    chance: Chance,
    /// Responses since the last refusal, or since the first request.
    answers: u32,
    since: Option<Instant>,
}

/// The measurements between two changes of size.
#[derive(Debug, Default)]
struct Round {
    sum: f64,
    count: u32,
    /// The sum of the deviations from the mean so far.
    off: f64,
    was_full: bool,
}

impl Window {
    /// A window that never has more than `limit` in flight.
    pub(crate) fn new(limit: usize) -> Self {
        let limit = limit.max(1) as f64;
        Self {
            size: FIRST.min(limit),
            limit,
            unsettled: 0,
            forgiven: 0,
            round: Round::default(),
            least: None,
            spread: 0.0,
            climb: None,
            rested: 0,
            dipped: None,
            narrowed: None,
            allowance: None,
            chance: Chance::default(),
            answers: 0,
            since: None,
        }
    }

    /// The number of requests that may be in flight.
    pub(crate) fn size(&self) -> usize {
        self.size as usize
    }

    /// The requests per second that may be sent, if the host showed a limit.
    pub(crate) fn rate(&self) -> Option<f64> {
        self.allowance.as_ref().map(Allowance::rate)
    }

    /// The moment before which nothing may be sent.
    pub(crate) fn not_before(&self) -> Option<Instant> {
        self.allowance.as_ref()?.not_before()
    }

    /// Notes a request that was sent.
    pub(crate) fn sent(&mut self, now: Instant) {
        self.since.get_or_insert(now);
        if let Some(allowance) = &mut self.allowance {
            allowance.sent(now);
        }
    }

    /// Notes the result of a request, which `in_flight` still includes.
    ///
    /// Returns whether the host is asked less from now on.
    pub(crate) fn heard(&mut self, reply: Reply, in_flight: usize, now: Instant) -> bool {
        let settled = self.unsettled == 0;
        self.unsettled = self.unsettled.saturating_sub(1);
        let forgiven = self.forgiven > 0;
        self.forgiven = self.forgiven.saturating_sub(1);
        let others = in_flight.saturating_sub(1);
        self.chance.note(!matches!(reply, Reply::Answered(_)));
        match reply {
            Reply::Answered(latency) => {
                self.answers = self.answers.saturating_add(1);
                if let Some(allowance) = &mut self.allowance {
                    allowance.answered(now);
                }
                if settled {
                    self.round.was_full |= in_flight >= self.size();
                    self.measure(latency.as_secs_f64());
                }
                if self.round.count >= ROUND.max(self.size as u32) {
                    self.end_round(others);
                }
                false
            }
            Reply::Unavailable if self.chance.explains() => false,
            Reply::Unavailable | Reply::Refused | Reply::Lost if forgiven => false,
            Reply::Unavailable | Reply::Refused | Reply::Lost => {
                // If the allowance was the limit, the allowance was too much.
                let paced = self.allowance.as_ref().is_some_and(|it| it.binds(now));
                if paced || self.size() < COARSE {
                    self.hold_back(now);
                }
                if paced {
                    self.forgiven = others;
                } else {
                    self.cut(others);
                }
                true
            }
        }
    }

    fn measure(&mut self, latency: f64) {
        let round = &mut self.round;
        round.sum += latency;
        round.count += 1;
        round.off += (latency - round.sum / f64::from(round.count)).abs();
    }

    /// Reduces the requests in flight, because they were too many.
    fn cut(&mut self, others: usize) {
        let before = self.dipped.take().unwrap_or(self.size);
        self.climb = Some(Climb::to(before * SAFE, 1.0 - CUT / SAFE, SPAN));
        self.narrowed = None;
        self.forgiven = others;
        self.resize(before * CUT, others);
    }

    /// Reduces the requests per second.
    fn hold_back(&mut self, now: Instant) {
        let own = self.size / self.least.unwrap_or(1.0).max(UNFELT);
        let rate = self.rate().map_or(own, |rate| rate.min(own));
        let within = self
            .since
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let since = SinceRefusal {
            answers: self.answers,
            within,
        };
        let mut allowance = Allowance::below(rate, since);
        allowance.sent(now);
        self.allowance = Some(allowance);
        self.answers = 0;
        self.since = Some(now);
    }

    /// Ends a round: adjusts the size to what it measured.
    fn end_round(&mut self, others: usize) {
        let round = std::mem::take(&mut self.round);
        let count = f64::from(round.count);
        let mean = round.sum / count;
        let least = self.least.unwrap_or(mean);
        let chance = 1.25 * self.spread / count.sqrt();
        let is_news = mean + UNFELT < (least + UNFELT) * NEWS;
        if let Some(size) = self.dipped {
            // A difference that may be chance counts half.
            let by_chance = (mean / least - 1.0).abs() < 2.0 * chance;
            self.least = Some(if by_chance {
                (least + mean) / 2.0
            } else {
                mean
            });
            if is_news && !by_chance && self.size >= 2.0 {
                self.resize(self.size * DIP, others);
            } else {
                self.dipped = None;
                self.resize(size, others);
            }
            return;
        }
        if is_news && (mean + UNFELT) * (1.0 + 2.0 * chance) < least + UNFELT {
            self.least = Some(mean);
            self.dip(others);
            return;
        }
        // A mean slightly above the least pulls it up, just as one slightly below pulls it down.
        let near = mean < least * (1.0 + chance);
        let least = if near {
            least + (mean - least) * FALL
        } else {
            least
        };
        self.least = Some(least);
        let slower = (mean + UNFELT) / (least + UNFELT);
        let narrowed = self.narrowed.take();
        if slower > (FAR + 3.0 * chance).min(EXPLAINED) {
            // The line between success and failure is half of the expected gain. The first round may have been
            // measured while the server changed.
            let in_vain = narrowed.is_some_and(|(times, before, size)| {
                times > 1 && mean > before * (1.0 + self.size / size) / 2.0
            });
            if in_vain || self.size < 2.0 {
                // The server has become slower, but not because of us.
                self.least = Some(mean);
                self.climb = None;
                return;
            }
            self.narrowed = Some((narrowed.map_or(1, |(times, ..)| times + 1), mean, self.size));
            let size = self.size * (AIM / slower).max(0.5);
            self.climb = Some(Climb::to(size, 1.0 - CUT, SPAN));
            self.resize(size, others);
        } else if slower < (NEAR + chance).min(EXPLAINED) {
            self.spread += (round.off / count / mean.max(UNFELT) - self.spread) / 4.0;
            self.rested = 0;
            if round.was_full {
                let size = match &mut self.climb {
                    Some(climb) => climb.step().max(self.size),
                    None => self.size * 2.0,
                };
                self.resize(size, others);
            }
        } else {
            self.rested += 1;
            if self.rested >= REST {
                self.dip(others);
            }
        }
    }

    /// Narrows the window to measure the least latency again.
    fn dip(&mut self, others: usize) {
        self.dipped = Some(self.size);
        self.rested = 0;
        self.resize(self.size * DIP, others);
    }

    /// Changes the size; responses to requests in flight say nothing about it.
    fn resize(&mut self, size: f64, others: usize) {
        let before = self.size();
        self.size = size.clamp(1.0, self.limit);
        self.round = Round::default();
        if self.size() != before {
            self.unsettled = others;
        }
    }
}
