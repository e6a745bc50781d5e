//! When the loop wakes by itself.

use std::time::Instant;

use tokio::time::sleep_until;

/// When the frontier may have something again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wake {
    /// Now: the loop only came up for air.
    AtOnce,
    At(Instant),
}

/// The moment to wake, where there is one.
pub(super) fn wake_at(wake: Option<Wake>) -> tokio::time::Instant {
    match wake {
        Some(Wake::At(at)) => at.into(),
        _ => tokio::time::Instant::now(),
    }
}

/// Waits for the end of the run's time.
pub(super) async fn until(limit: Option<Instant>) {
    match limit {
        Some(limit) => sleep_until(limit.into()).await,
        None => std::future::pending().await,
    }
}
