//! Nonces: numbers that no two responses share.
//!
//! They make the bytes of a page differ from request to request, as tokens against forgery and counters do on real
//! sites. Invariant: they differ between two starts of the server, so two crawls never see the same bytes. Not for
//! secrets.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::SystemTime;

use super::dice::Dice;

/// The purpose of the dice.
const FOR_NONCE: u64 = 41;

/// A source of nonces.
#[derive(Debug)]
pub(crate) struct Nonces {
    dice: Dice,
    given: AtomicU64,
}

impl Nonces {
    /// A source that no other one repeats.
    pub(crate) fn new() -> Nonces {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Nonces {
            dice: Dice::new(now.as_nanos() as u64), // the lowest bits are those that differ
            given: AtomicU64::new(0),
        }
    }

    /// The next one.
    pub(crate) fn next(&self) -> u64 {
        let given = self.given.fetch_add(1, Relaxed);
        self.dice.throw(FOR_NONCE, given)
    }
}
