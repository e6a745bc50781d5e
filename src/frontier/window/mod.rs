//! The window: how many requests a host may have in flight, and how many a second, as it was seen to bear.
//!
//! It widens while answers come about as fast as they ever did, and narrows in proportion when they come slower, as TCP Vegas
//! does (Brakmo and Peterson, 1995): what waits at the server is more than it can work at. A refusal (429, 503), a time-out or
//! a refused connection cuts it at once, once a round trip, and from then on it climbs as CUBIC does (RFC 9438), with a memory of where
//! it was too much. Invariant: it is never below one and never above its limit. Reads no clock, and sends nothing.

mod allowance;
mod chance;
mod climb;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use allowance::{Allowance, Yield};
use chance::Chance;
use climb::Climb;

/// Requests in flight on a host of which nothing is known.
const FIRST: f64 = 2.0;
/// Answers that a round is measured by at the least.
const ROUND: u32 = 8;
/// What a cut leaves of a window.
const CUT: f64 = 0.7;
/// What is safe after a cut, as a share of what was too much.
const SAFE: f64 = 0.9;
/// Rounds of a climb until it is where it is safe.
const SPAN: f64 = 10.0;
/// Latency over the least, up to which a window widens.
const NEAR: f64 = 1.06;
/// Latency over the least, from which it narrows.
const FAR: f64 = 1.2;
/// Latency over the least that it narrows to: between the two, so that it rests there.
const AIM: f64 = 1.08;
/// No spread of latencies explains a latency so far over the least.
const EXPLAINED: f64 = 2.5;
/// A difference that nobody feels, in seconds.
const UNFELT: f64 = 0.005;
/// Rounds of rest until a narrower window measures the least latency again.
const REST: u32 = 32;
/// That narrower window, as a share.
const DIP: f64 = 0.75;
/// A round that took less than this share of the least is news: it is measured at a narrower window what the least is now.
const NEWS: f64 = 0.9;
/// From this size on a window alone can tell one rate from another.
const COARSE: usize = 3;
/// How far the least latency follows a round that was below it.
const FALL: f64 = 0.1;

/// What came back of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    /// An answer, whose first byte came after so long.
    Answered(Duration),
    /// 429, or 503 with a wait that it names.
    Refused,
    /// 503 without one.
    Unavailable,
    /// Nothing: a deadline passed, or the connection was refused.
    Lost,
}

/// How much of a host may be asked at once.
#[derive(Debug)]
pub(crate) struct Window {
    size: f64,
    limit: f64,
    /// Requests that were sent before the size was last changed, and are not back yet.
    unsettled: usize,
    /// Requests that were sent before the last cut, and are not back yet.
    forgiven: usize,
    round: Round,
    /// The least mean latency of a round, in seconds.
    least: Option<f64>,
    /// The mean deviation of latencies, as a share of them.
    spread: f64,
    climb: Option<Climb>,
    /// Rounds of rest.
    rested: u32,
    /// The size to go back to, once the least latency is measured.
    dipped: Option<f64>,
    /// Rounds in a row that narrowed it, and the mean latency and the size before the last of them.
    narrowed: Option<(u32, f64, f64)>,
    allowance: Option<Allowance>,
    chance: Chance,
    /// Answers since the last refusal, or the first request.
    answers: u32,
    since: Option<Instant>,
}

/// What is measured between two changes of size.
#[derive(Debug, Default)]
struct Round {
    sum: f64,
    count: u32,
    /// Sum of what latencies are off the mean so far.
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

    /// Requests that may be in flight.
    pub(crate) fn size(&self) -> usize {
        self.size as usize
    }

    /// Requests a second that may be sent, where the host set a bound.
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

    /// Notes what came back; `in_flight` counts it too. Answers whether the host is asked less from now on.
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
                    self.turn(others);
                }
                false
            }
            Reply::Unavailable if self.chance.explains() => false,
            Reply::Unavailable | Reply::Refused | Reply::Lost if forgiven => false,
            Reply::Unavailable | Reply::Refused | Reply::Lost => {
                // What was its bound is what was too much.
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

    /// Less at once, as what was in flight was too much.
    fn cut(&mut self, others: usize) {
        let before = self.dipped.take().unwrap_or(self.size);
        self.climb = Some(Climb::to(before * SAFE, 1.0 - CUT / SAFE, SPAN));
        self.narrowed = None;
        self.forgiven = others;
        self.resize(before * CUT, others);
    }

    /// Fewer a second.
    fn hold_back(&mut self, now: Instant) {
        let own = self.size / self.least.unwrap_or(1.0).max(UNFELT);
        let rate = self.rate().map_or(own, |rate| rate.min(own));
        let within = self
            .since
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let since = Yield {
            answers: self.answers,
            within,
        };
        let mut allowance = Allowance::below(rate, since);
        allowance.sent(now);
        self.allowance = Some(allowance);
        self.answers = 0;
        self.since = Some(now);
    }

    /// A round is over: what it says about the size.
    fn turn(&mut self, others: usize) {
        let round = std::mem::take(&mut self.round);
        let count = f64::from(round.count);
        let mean = round.sum / count;
        let least = self.least.unwrap_or(mean);
        let chance = 1.25 * self.spread / count.sqrt();
        let is_news = mean + UNFELT < (least + UNFELT) * NEWS;
        if let Some(size) = self.dipped {
            // What chance may have brought counts half.
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
        // A mean that is above it by chance pulls it up as one below it pulls it down.
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
            // Half of what the narrowing should have brought is the line between the two. The first time may have been
            // measured while the server changed.
            let in_vain = narrowed.is_some_and(|(times, before, size)| {
                times > 1 && mean > before * (1.0 + self.size / size) / 2.0
            });
            if in_vain || self.size < 2.0 {
                // It is not for us that it has become slower.
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

    /// Makes room, to see the least latency again.
    fn dip(&mut self, others: usize) {
        self.dipped = Some(self.size);
        self.rested = 0;
        self.resize(self.size * DIP, others);
    }

    /// Takes another size; what is in flight says nothing about it.
    fn resize(&mut self, size: f64, others: usize) {
        let before = self.size();
        self.size = size.clamp(1.0, self.limit);
        self.round = Round::default();
        if self.size() != before {
            self.unsettled = others;
        }
    }
}
