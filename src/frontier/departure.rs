//! When a request left: the moment at which a server could first see it.
//!
//! A lease decides that a request may be sent. Until the server sees it, a lane has to take it and perhaps to open a
//! connection, which takes several round trips. Invariant: a departure is neither before the job was sent, nor after it
//! came back. It is measured by the clock that delays are measured by, which nobody can set.

use std::time::{Duration, Instant};

use crate::visit::Visit;

/// When the request of a visit left, and when it was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Departure {
    /// When it was sent to a lane.
    pub(super) begun: Instant,
    /// How long it took until its connection was ready: the lane's delay, and opening the connection.
    pub(super) until_ready: Duration,
    /// How long it took from there to its end; that of a failure includes the way back.
    pub(super) took: Duration,
}

impl Departure {
    /// The departure of a visit that came back now; `None` if it was never sent.
    pub(super) fn of(visit: &Visit, now: Instant) -> Option<Self> {
        let job = &visit.job;
        let begun = job.leased.filter(|_| job.sent.is_some())?;
        let all = now.saturating_duration_since(begun);
        let left = job.departed.as_ref().and_then(|departed| departed.at());
        let left = left.map(|left| left.saturating_duration_since(begun).min(all));
        let Ok(page) = &visit.outcome else {
            return Some(Self {
                begun,
                until_ready: left.unwrap_or_default(),
                took: all - left.unwrap_or_default(),
            });
        };
        let timing = &page.timing;
        // Both by the wall clock, a moment apart: only their difference is used.
        let waited = timing.sent?.duration_since(job.sent?).unwrap_or_default();
        let connecting = timing.connecting().min(timing.total);
        let until_ready = left.unwrap_or(waited + connecting).min(all);
        Some(Self {
            begun,
            until_ready,
            took: (timing.total - connecting).min(all - until_ready),
        })
    }

    /// When the connection was ready.
    pub(super) fn at(&self) -> Instant {
        self.begun + self.until_ready
    }
}
