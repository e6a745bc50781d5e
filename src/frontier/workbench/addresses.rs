//! Addresses: how much is in flight on each, over all the hosts that live there.
//!
//! An address is learned from the first answer of a host. Until then names below one name are taken to live together, as they
//! mostly do: one of them asks alone, and where it was answered from is the guess for the others. Hosts that could be asked
//! but for their address wait in its own line, first come, first served. Invariant: while an address has room and somebody in
//! its line, a host of it stands in the ready line; what is in flight on an address is the sum of what is in flight on its hosts.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Instant;

use super::{Place, Workbench};
use crate::url::{HostKey, PageUrl};

/// Guesses that are remembered at the most; beyond it all are forgotten.
const GUESSES: usize = 100_000;

/// Where a host lives, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) enum Home {
    /// Nobody knows, and no other name tells.
    #[default]
    Unknown,
    /// With the other names below this one, wherever that is.
    Below(Box<str>),
    /// At this address.
    At(IpAddr),
}

/// What is in flight where, and who waits for it.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    /// Requests in flight on one address at the most; 0 for no limit.
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
            return Home::Unknown; // a host's key is the beginning of a URL
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

/// Whether anybody may have a name below this one.
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

    /// Whether nothing is in flight anywhere and nobody waits.
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
    /// From now on no address has more in flight than this; 0 for no limit.
    pub(crate) fn limit_addresses(&mut self, limit: usize) {
        self.addresses.limit = limit;
    }

    /// Whether addresses count.
    pub(super) fn has_addresses(&self) -> bool {
        self.addresses.limit > 0
    }

    /// Where a new host lives, where that counts.
    pub(super) fn home_of(&self, key: &HostKey) -> Home {
        match self.has_addresses() {
            true => Home::of(key),
            false => Home::Unknown,
        }
    }

    /// Whether a host's address has no room for it; it waits in that address's line then, behind the others.
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

    /// As [`waits_for_address`](Self::waits_for_address) for a host whose turn has come: it goes before the others.
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

    /// Somebody knows by now where this host's neighbours live.
    fn guess(&mut self, place: Place) {
        let Home::Below(parent) = &self.host_at(place).home else {
            return;
        };
        let parent = parent.clone();
        if let Some(address) = self.addresses.guesses.get(&parent).copied() {
            self.settle_in(place, Home::At(address));
        }
    }

    /// A host's request is in flight.
    pub(super) fn came_to_address(&mut self, place: Place) {
        if self.has_addresses() {
            let home = self.host_at(place).home.clone();
            self.addresses.shift(&home, 1, 0);
        }
    }

    /// A host's request is not in flight any more, and was answered from there.
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
            // Whoever waited for this answer waits for the address now.
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

    /// Calls the next in line for this host's address, where it has room.
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
            // Who must wait for another reason lets the one behind go first.
            if self.line_up(next, now) {
                break;
            }
        }
        self.addresses.shift(home, 0, 0);
    }
}
