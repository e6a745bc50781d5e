//! The hosts of an archive, and how much of it each has.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::url::PageUrl;

/// The hosts that are named; there may be a million.
const NAMED: usize = 5;

/// The hosts of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    /// Those with the most responses, as `https://shop.example`, with their number; the first has the most.
    pub most: Vec<(String, u64)>,
    /// How many hosts there are.
    pub count: u64,
    /// How many responses there are.
    pub responses: u64,
}

/// The responses of each host.
#[derive(Default)]
pub(super) struct HostCounts(HashMap<String, u64>);

impl HostCounts {
    pub(super) fn count(&mut self, url: &PageUrl) {
        let host = url.origin_text();
        match self.0.get_mut(host) {
            Some(count) => *count += 1,
            None => drop(self.0.insert(host.to_owned(), 1)),
        }
    }

    pub(super) fn most(self) -> Hosts {
        let (count, responses) = (self.0.len() as u64, self.0.values().sum());
        let mut most: Vec<_> = self.0.into_iter().collect();
        most.sort_by(|one, other| (Reverse(one.1), &one.0).cmp(&(Reverse(other.1), &other.0)));
        most.truncate(NAMED);
        Hosts {
            most,
            count,
            responses,
        }
    }
}
