//! When a request of a host with a delay left, told by the lane that sent it.
//!
//! Between a lease and the moment at which a server can see the request, a busy machine or a new connection may take
//! longer than the delay. So that the next request keeps its distance from the one before it even while that is still in
//! flight, the frontier keeps one end of this and the job the other. Only jobs of such hosts have one. Edge: a child
//! process, and a client that opens its connections itself, tell nothing; their requests have left when they come back.

use std::sync::OnceLock;
use std::time::Instant;

/// When a request left; it is told once.
#[derive(Debug, Default)]
pub(crate) struct Departed(OnceLock<Instant>);

impl Departed {
    /// Notes that the connection is ready, and the request leaves now.
    pub(crate) fn note(&self) {
        let _ = self.0.set(Instant::now()); // a second connection for one request does not happen
    }

    /// When it left; `None` if it has not yet, or nobody told.
    pub(crate) fn at(&self) -> Option<Instant> {
        self.0.get().copied()
    }
}
