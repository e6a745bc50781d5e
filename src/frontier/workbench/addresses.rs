//! Addresses: a limit on the requests in flight to each IP address, over all of its hosts.
//!
//! The first response of a host shows its address. Until then, all names below one parent name are assumed to share
//! an address, as they mostly do: one of them asks alone, and the address of its response is the guess for the
//! others. Hosts that only wait for their address stand in its own queue, first come, first served. Invariant:
//! while an address has room and hosts in its queue, one of its hosts stands in the ready queue; the requests in
//! flight to an address are the sum of those of its hosts.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Instant;

use super::{Place, Workbench};
use crate::url::{HostKey, PageUrl};

/// The most guesses that are remembered; beyond that all are forgotten.
const GUESSES: usize = 100_000;

/// The address of a host, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) enum Home {
    /// Unknown, and no other name gives a hint.
    #[default]
    Unknown,
    /// The same address as the other names below this one, whichever that is.
    Below(Box<str>),
    /// This address.
    At(IpAddr),
}

/// The requests in flight to each address, and the hosts that wait for it.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    /// The most requests in flight to one address; 0 for no limit.
    limit: usize,
    homes: HashMap<Home, Household>,
    guesses: HashMap<Box<str>, IpAddr>,
}

/// The hosts of one address.
#[derive(Debug, Default)]
struct Household {
    in_flight: usize,
    line: VecDeque<Place>,
}

impl Home {
    fn of(key: &HostKey) -> Self {
        let Ok(url) = PageUrl::parse(key.as_str()) else {
            return Home::Unknown; // cannot happen: a host's key is the beginning of a URL
        };
        if let Some(address) = url.literal_address() {
            return Home::At(address.to_canonical());
        }
        let name = url.as_url().domain().unwrap_or_default();
        match name.split_once('.') {
            Some((_, parent)) if parent == "localhost" || !is_public_suffix(parent) => {
                Home::Below(parent.into())
            }
            _ => Home::Unknown,
        }
    }
}

/// Whether anybody may register a name below this one.
fn is_public_suffix(name: &str) -> bool {
    psl::suffix(name.as_bytes()).is_none_or(|suffix| suffix.as_bytes() == name.as_bytes())
}

impl Addresses {
    fn is_full(&self, home: &Home) -> bool {
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

    fn shift(&mut self, home: &Home, more: usize, fewer: usize) {
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

impl Workbench {
    /// Limits the requests in flight to any address from now on; 0 for no limit.
    pub(crate) fn limit_addresses(&mut self, limit: usize) {
        self.addresses.limit = limit;
    }

    /// Whether addresses have a limit.
    pub(super) fn has_addresses(&self) -> bool {
        self.addresses.limit > 0
    }

    /// The address of a new host, if addresses have a limit.
    pub(super) fn home_of(&self, key: &HostKey) -> Home {
        match self.has_addresses() {
            true => Home::of(key),
            false => Home::Unknown,
        }
    }

    /// Whether a host's address has no room; if so, the host joins that address's queue.
    pub(super) fn waits_for_address(&mut self, place: Place) -> bool {
        if !self.has_addresses() {
            return false;
        }
        self.guess(place);
        let home = self.host_at(place).home.clone();
        let crowded = match self.addresses.homes.get(&home) {
            Some(household) => !household.line.is_empty() || self.addresses.is_full(&home),
            None => false,
        };
        if crowded && let Some(household) = self.addresses.homes.get_mut(&home) {
            household.line.push_back(place);
        }
        crowded
    }

    /// [`waits_for_address`](Self::waits_for_address) for a host that is due: it joins in front.
    pub(super) fn waits_on_for_address(&mut self, place: Place) -> bool {
        if !self.has_addresses() {
            return false;
        }
        self.guess(place);
        let home = self.host_at(place).home.clone();
        let full = self.addresses.is_full(&home);
        if full && let Some(household) = self.addresses.homes.get_mut(&home) {
            household.line.push_front(place);
        }
        full
    }

    /// Updates a host's address if another host below the same name has found it out.
    fn guess(&mut self, place: Place) {
        let Home::Below(parent) = &self.host_at(place).home else {
            return;
        };
        let parent = parent.clone();
        if let Some(address) = self.addresses.guesses.get(&parent).copied() {
            self.settle_in(place, Home::At(address));
        }
    }

    /// Notes that a request of a host is in flight.
    pub(super) fn came_to_address(&mut self, place: Place) {
        if self.has_addresses() {
            let home = self.host_at(place).home.clone();
            self.addresses.shift(&home, 1, 0);
        }
    }

    /// Notes that a request of a host came back, from that address.
    pub(super) fn left_address(&mut self, place: Place, from: Option<IpAddr>, now: Instant) {
        if !self.has_addresses() {
            return;
        }
        let home = self.host_at(place).home.clone();
        self.addresses.shift(&home, 0, 1);
        let Some(address) = from.map(|address| address.to_canonical()) else {
            self.call_next(place, now);
            self.call(&home, now);
            return;
        };
        self.host_at(place).is_located = true;
        self.settle_in(place, Home::At(address));
        if let Home::Below(parent) = &home {
            if self.addresses.guesses.len() >= GUESSES {
                self.addresses.guesses.clear();
            }
            self.addresses.guesses.insert(parent.clone(), address);
            // Hosts that waited for this response now wait for the address.
            let line = self.addresses.homes.get_mut(&home);
            for waiting in line
                .map(|it| std::mem::take(&mut it.line))
                .unwrap_or_default()
            {
                self.host_at(waiting).listed = false;
                self.list(waiting, now);
            }
            self.addresses.shift(&home, 0, 0);
        }
        self.call(&home, now);
        self.call_next(place, now);
    }

    fn settle_in(&mut self, place: Place, home: Home) {
        let host = self.host_at(place);
        if host.home == home {
            return;
        }
        let (in_flight, left) = (
            host.in_flight,
            std::mem::replace(&mut host.home, home.clone()),
        );
        self.addresses.shift(&left, 0, in_flight);
        self.addresses.shift(&home, in_flight, 0);
    }

    /// Calls the next host in the queue of this host's address, if there is room.
    pub(super) fn call_next(&mut self, place: Place, now: Instant) {
        if self.has_addresses() {
            let home = self.host_at(place).home.clone();
            self.call(&home, now);
        }
    }

    fn call(&mut self, home: &Home, now: Instant) {
        while !self.addresses.is_full(home) {
            let household = self.addresses.homes.get_mut(home);
            let Some(next) = household.and_then(|household| household.line.pop_front()) else {
                break;
            };
            // If this host must wait for another reason, the one behind it goes first.
            if self.line_up(next, now) {
                break;
            }
        }
        self.addresses.shift(home, 0, 0);
    }
}
