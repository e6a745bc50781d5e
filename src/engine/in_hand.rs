//! The tickets of a lane that cannot be told to let go: its thread blocks, or its requests are another process's.
//!
//! They stay here, where an abort reaches them, while the lane works. Invariant: whoever takes a ticket out pays for it,
//! and nobody else does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ticket::Ticket;

/// What a lane is working on. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct InHand(Arc<Mutex<HashMap<u64, Ticket>>>);

impl InHand {
    /// Puts a ticket in, under a number of the lane's own. After an abort it is paid at once: then it answers no.
    pub(super) fn put(&self, number: u64, ticket: Ticket) -> bool {
        let abort = ticket.abort.clone();
        self.lock().insert(number, ticket);
        // Whoever aborts cancels first and empties then, so a ticket that came too late for that is seen here.
        let goes_on = !abort.is_cancelled();
        if !goes_on {
            self.drop_all();
        }
        goes_on
    }

    /// Takes a ticket out, to pay for it. `None`: somebody else has.
    pub(super) fn take(&self, number: u64) -> Option<Ticket> {
        self.lock().remove(&number)
    }

    /// Drops every ticket: dropped, they pay for themselves.
    pub(super) fn drop_all(&self) {
        let all = std::mem::take(&mut *self.lock());
        drop(all);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Ticket>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
