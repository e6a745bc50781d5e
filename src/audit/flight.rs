//! How many requests are in flight, as they come in the order in which they were begun.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The requests in flight.
#[derive(Debug, Default)]
pub(super) struct Flight {
    ends: BinaryHeap<Reverse<i64>>,
    session: i64,
}

impl Flight {
    /// Adds a request, and returns how many are in flight with it.
    ///
    /// One that ends at the moment at which another begins is not in flight with it; nor is one of another session, whose
    /// process is gone.
    pub(super) fn add(&mut self, session: i64, begun: i64, ended: i64) -> u64 {
        if self.session != session {
            self.ends.clear();
            self.session = session;
        }
        while self.ends.peek().is_some_and(|Reverse(end)| *end <= begun) {
            self.ends.pop();
        }
        self.ends.push(Reverse(ended));
        self.ends.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_only_touch_are_not_in_flight_together() {
        let mut flight = Flight::default();
        let found = [
            (1, 0, 10),
            (1, 5, 20),
            (1, 10, 12),
            (1, 20, 21),
            (2, 20, 30),
        ]
        .map(|(session, begun, ended)| flight.add(session, begun, ended));
        assert_eq!(found, [1, 2, 2, 1, 1]);
    }
}
