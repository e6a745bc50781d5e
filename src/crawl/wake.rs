//! The times at which the loop wakes by itself.

use std::time::Instant;

use tokio::time::sleep_until;

/// When the frontier may have another job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wake {
    /// At once: the loop only paused for other work.
    AtOnce,
    At(Instant),
}

/// Returns the moment to wake: now, unless `wake` has one.
pub(super) fn wake_at(wake: Option<Wake>) -> tokio::time::Instant {
    match wake {
        Some(Wake::At(at)) => at.into(),
        _ => tokio::time::Instant::now(),
    }
}

/// Waits for the run's time limit; forever if there is none.
pub(super) async fn until(limit: Option<Instant>) {
    match limit {
        Some(limit) => sleep_until(limit.into()).await,
        None => std::future::pending().await,
    }
}
