//! What a host knows of the other runs on this machine that ask it.

use std::time::Instant;

use crate::shared::Booking;

/// What a host knows of the other runs that ask it.
#[derive(Debug, Default)]
pub(crate) struct Company {
    /// The moment that was booked for the next request.
    pub(super) booking: Option<Booking>,
    /// Whether the next request has its permit from the host's own pace, and waits only for other runs.
    pub(super) is_permitted: bool,
    /// After such a wait, when the run itself may ask next.
    pub(super) resumes_at: Option<Instant>,
    /// Until when it waits for other runs.
    pub(super) until: Option<Instant>,
    /// When to look for pauses again.
    pub(super) look_at: Option<Instant>,
}

impl Company {
    /// When the run itself may ask next, if its last request had to wait for other runs.
    pub(super) fn take_delay(&mut self) -> Option<Instant> {
        self.resumes_at.take()
    }

    /// Whether the wait that ends at a moment is for other runs.
    pub(super) fn is_waited_for(&self, at: Instant) -> bool {
        self.until.is_some_and(|until| until >= at)
    }
}
