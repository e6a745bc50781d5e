//! Addresses: a limit on the requests in flight to each IP address, over all of its hosts.
//!
//! The first response of a host shows its address. Until then, all names below one parent name are assumed to share
//! an address, as they mostly do: one of them asks alone, and the address of its response is the guess for the
//! others. Hosts that only wait for their address stand in its own queue, first come, first served. Invariant:
//! while an address has room and hosts in its queue, one of its hosts stands in the ready queue; the requests in
//! flight to an address are the sum of those of its hosts.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use crate::frontier::home::Home;

/// An index into the table of hosts.
pub(super) type HostIndex = u32;

/// The most guesses that are remembered; beyond that all are forgotten.
pub(super) const GUESSES: usize = 100_000;

/// The requests in flight to each address, and the hosts that wait for it.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    /// The most requests in flight to one address; 0 for no limit.
    pub(super) limit: usize,
    pub(super) homes: HashMap<Home, Household>,
    pub(super) guesses: HashMap<Box<str>, IpAddr>,
}

/// The hosts of one address.
#[derive(Debug, Default)]
pub(super) struct Household {
    pub(super) in_flight: usize,
    pub(super) line: VecDeque<HostIndex>,
}

impl Addresses {
    pub(super) fn is_full(&self, home: &Home) -> bool {
        let limit = match home {
            Home::Unknown => return false,
            Home::Below(_) => 1,
            Home::At(_) => self.limit,
        };
        let household = self.homes.get(home);
        household.is_some_and(|household| household.in_flight >= limit)
    }

    /// Whether nothing is in flight and no host waits for an address.
    #[cfg(test)]
    pub(super) fn is_at_rest(&self) -> bool {
        self.homes.is_empty()
    }

    pub(super) fn shift(&mut self, home: &Home, more: usize, fewer: usize) {
        if *home == Home::Unknown {
            return;
        }
        let household = self.homes.entry(home.clone()).or_default();
        household.in_flight = (household.in_flight + more).saturating_sub(fewer);
        if household.in_flight == 0 && household.line.is_empty() {
            self.homes.remove(home);
        }
    }
}
