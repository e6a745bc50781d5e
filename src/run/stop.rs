//! Two ways to end a run early: drain and abort.
//!
//! Draining starts no more requests and finishes those in flight; aborting drops those in flight. Both are tokens
//! that anyone may cancel, and that the loop watches.

use tokio_util::sync::CancellationToken;

/// The two tokens that end a run early.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Start no more requests, finish those in flight, and flush the outputs.
    pub drain: CancellationToken,
    /// Also drop the requests in flight.
    pub abort: CancellationToken,
}

impl Stop {
    /// Creates tokens that are not cancelled.
    pub fn new() -> Self {
        Self::default()
    }
}
