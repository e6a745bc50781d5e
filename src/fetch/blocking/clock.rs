//! The deadlines of one fetch on a thread that blocks.

use std::thread;
use std::time::{Duration, Instant};

use ureq::Timeout;
use ureq::unversioned::transport::NextTimeout;
use ureq::unversioned::transport::time::Duration as UreqDuration;

use crate::fetch::settings::Deadlines;
use crate::page::failure::{FetchError, Phase};

/// The phase that is passed to ureq, which returns it with a timeout.
const HEAD: Timeout = Timeout::RecvResponse;

/// How long an address may not respond before the next one is tried.
const BEFORE_NEXT: Duration = Duration::from_secs(1);

/// How long one fetch may still wait, and for what.
pub(super) struct Clock {
    pub(super) started: Instant,
    pub(super) deadlines: Deadlines,
}

impl Clock {
    /// Starts the clock.
    pub(super) fn new(deadlines: &Deadlines) -> Self {
        Self {
            started: Instant::now(),
            deadlines: *deadlines,
        }
    }

    /// The timeout for the head of the response, including sending the request.
    pub(super) fn for_head(&self) -> NextTimeout {
        self.until(self.started, self.deadlines.first_byte, HEAD)
    }

    /// The timeout for the next piece of the body.
    pub(super) fn for_chunk(&self) -> NextTimeout {
        let now = Instant::now();
        let mut timeout = self.until(now, Duration::ZERO, Timeout::RecvBody);
        // The same value each time, so that the socket option is set only once.
        let between = self.deadlines.between_chunks;
        timeout.per_read = (!between.is_zero()).then_some(UreqDuration::Exact(between));
        timeout
    }

    /// Waits until a moment of our own choosing, and returns how long that took.
    ///
    /// # Errors
    /// When the deadline of the whole fetch passes first.
    pub(super) fn sleep_until(&self, moment: Instant) -> Result<Duration, FetchError> {
        let (began, after) = (Instant::now(), self.deadlines.total);
        let pause = moment.saturating_duration_since(began);
        let left = (!after.is_zero()).then(|| after.saturating_sub(self.started.elapsed()));
        let left = left.filter(|left| *left < pause);
        thread::sleep(left.unwrap_or(pause));
        match left {
            Some(_) => Err(FetchError::Timeout {
                phase: Phase::Total,
                after,
            }),
            None => Ok(began.elapsed()),
        }
    }

    /// The timeout for a connection, if `left` addresses are left to try; the last one has all the time that is left.
    pub(super) fn for_connection(&self, since: Instant, left: usize) -> NextTimeout {
        let connect = self.deadlines.connect;
        let passed = since.elapsed();
        let share = connect.saturating_sub(passed) / u32::try_from(left.max(1)).unwrap_or(1);
        let within = match (connect.is_zero(), left > 1) {
            (true, true) => BEFORE_NEXT,
            (true, false) => Duration::ZERO,
            // Zero would mean no deadline.
            (false, has_next) => {
                let most = if has_next { BEFORE_NEXT } else { share };
                share.min(most).max(Duration::from_millis(1))
            }
        };
        self.until(Instant::now(), within, Timeout::Connect)
    }

    /// The earlier of this deadline and that of the whole fetch. Zero means no limit.
    fn until(&self, since: Instant, within: Duration, reason: Timeout) -> NextTimeout {
        let left = |since: Instant, within: Duration| {
            (!within.is_zero()).then(|| within.saturating_sub(since.elapsed()))
        };
        let near = left(since, within).map(|left| (left, reason));
        let far = left(self.started, self.deadlines.total).map(|left| (left, Timeout::Global));
        let nearest = near.into_iter().chain(far).min_by_key(|(left, _)| *left);
        let (after, reason) = match nearest {
            Some((left, reason)) => (UreqDuration::Exact(left), reason),
            None => (UreqDuration::NotHappening, reason),
        };
        NextTimeout {
            after,
            reason,
            per_read: None,
            per_write: None,
        }
    }
}
