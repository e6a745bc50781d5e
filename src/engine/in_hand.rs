//! The tickets of a lane that cannot be cancelled.
//!
//! Its thread blocks, or its requests run in another process. The tickets stay here, where an abort can reach them,
//! while the lane works. Invariant: whoever takes a ticket out completes it, and nobody else does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ticket::Ticket;

/// The tickets that a lane is working on. Clones share them.
#[derive(Clone, Default)]
pub(super) struct InHand(Arc<Mutex<HashMap<u64, Ticket>>>);

impl InHand {
    /// Adds a ticket under a number of the lane's own.
    ///
    /// Returns whether the lane may work on it: after an abort the ticket is dropped at once.
    pub(super) fn put(&self, number: u64, ticket: Ticket) -> bool {
        let abort = ticket.abort.clone();
        self.lock().insert(number, ticket);
        // An abort cancels first and then drops all tickets, so one that was added too late is detected here.
        let is_active = !abort.is_cancelled();
        if !is_active {
            self.drop_all();
        }
        is_active
    }

    /// Takes a ticket out to complete it; `None` if somebody else has done that.
    pub(super) fn take(&self, number: u64) -> Option<Ticket> {
        self.lock().remove(&number)
    }

    /// Drops every ticket, which returns their jobs.
    pub(super) fn drop_all(&self) {
        let all = std::mem::take(&mut *self.lock());
        drop(all);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Ticket>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
