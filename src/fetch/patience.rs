//! The deadlines of one fetch on an event loop.
//!
//! One timer at a time: the nearest of the deadlines that apply. It is set only if there really is something to
//! wait for.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use tokio::time::{sleep_until, timeout_at};

use super::settings::Deadlines;
use crate::page::failure::{FetchError, Phase};

/// The deadlines of one fetch.
pub(super) struct Patience {
    started: Instant,
    deadlines: Deadlines,
}

impl Patience {
    /// Starts the clock.
    pub(super) fn new(deadlines: &Deadlines) -> Self {
        Self {
            started: Instant::now(),
            deadlines: *deadlines,
        }
    }

    /// When the fetch started.
    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// Waits for the head of the response.
    ///
    /// The future is pinned elsewhere: in here it would take its size several times.
    ///
    /// # Errors
    /// When a deadline passes first.
    pub(super) async fn for_head<T>(
        &self,
        head: Pin<&mut impl Future<Output = T>>,
    ) -> Result<T, FetchError> {
        self.wait(
            self.started,
            Phase::FirstByte,
            self.deadlines.first_byte,
            head,
        )
        .await
    }

    /// Waits for the next piece of the body.
    ///
    /// # Errors
    /// When a deadline passes first.
    pub(super) async fn for_chunk<T>(
        &self,
        chunk: Pin<&mut impl Future<Output = T>>,
    ) -> Result<T, FetchError> {
        self.wait(
            Instant::now(),
            Phase::Body,
            self.deadlines.between_chunks,
            chunk,
        )
        .await
    }

    /// Waits until a moment of our own choosing, and returns how long that took.
    ///
    /// # Errors
    /// When the deadline of the whole fetch passes first.
    pub(super) async fn until(&self, moment: Instant) -> Result<Duration, FetchError> {
        let (began, after) = (Instant::now(), self.deadlines.total);
        let deadline = at(self.started, after).filter(|deadline| *deadline < moment);
        sleep_until(deadline.unwrap_or(moment).into()).await;
        match deadline {
            Some(_) => Err(FetchError::Timeout {
                phase: Phase::Total,
                after,
            }),
            None => Ok(began.elapsed()),
        }
    }

    async fn wait<T>(
        &self,
        since: Instant,
        phase: Phase,
        after: Duration,
        future: Pin<&mut impl Future<Output = T>>,
    ) -> Result<T, FetchError> {
        let near = at(since, after).map(|at| (at, phase, after));
        let total = self.deadlines.total;
        let far = at(self.started, total).map(|at| (at, Phase::Total, total));
        let Some((at, phase, after)) = near.into_iter().chain(far).min_by_key(|(at, ..)| *at)
        else {
            return Ok(future.await);
        };
        timeout_at(at.into(), future)
            .await
            .map_err(|_| FetchError::Timeout { phase, after })
    }
}

/// The moment of a deadline; `None` for zero, which means no deadline.
fn at(since: Instant, after: Duration) -> Option<Instant> {
    (!after.is_zero())
        .then(|| since.checked_add(after))
        .flatten()
}
