//! Two ways to end early: drain and abort.
//!
//! Draining leases nothing more and finishes what is in flight; aborting drops what is in flight. Both
//! are tokens that anyone may hold and the loop watches.

use tokio_util::sync::CancellationToken;

/// The two tokens that end a run early.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Lease nothing more, finish what is in flight, flush.
    pub drain: CancellationToken,
    /// Drop what is in flight too.
    pub abort: CancellationToken,
}

impl Stop {
    /// Tokens that nobody has cancelled yet.
    pub fn new() -> Self {
        Self::default()
    }
}
