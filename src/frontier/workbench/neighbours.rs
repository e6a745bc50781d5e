//! Hosts that share an address: which of them may be asked, and the address of each.

use std::net::IpAddr;
use std::time::Instant;

use super::Workbench;
use super::addresses::{GUESSES, HostIndex};
use crate::frontier::home::Home;
use crate::url::HostKey;

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
    pub(super) fn waits_for_address(&mut self, place: HostIndex) -> bool {
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
    pub(super) fn waits_on_for_address(&mut self, place: HostIndex) -> bool {
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
    fn guess(&mut self, place: HostIndex) {
        let Home::Below(parent) = &self.host_at(place).home else {
            return;
        };
        let parent = parent.clone();
        if let Some(address) = self.addresses.guesses.get(&parent).copied() {
            self.settle_in(place, Home::At(address));
        }
    }

    /// Notes that a request of a host is in flight.
    pub(super) fn came_to_address(&mut self, place: HostIndex) {
        if self.has_addresses() {
            let home = self.host_at(place).home.clone();
            self.addresses.shift(&home, 1, 0);
        }
    }

    /// Notes that a request of a host came back, from that address.
    pub(super) fn left_address(&mut self, place: HostIndex, from: Option<IpAddr>, now: Instant) {
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

    fn settle_in(&mut self, place: HostIndex, home: Home) {
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
    pub(super) fn call_next(&mut self, place: HostIndex, now: Instant) {
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
