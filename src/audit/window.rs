//! A rate, as requests come in the order in which they were sent: at most so many in any time of that length.

use std::collections::VecDeque;

/// The largest count that is followed: more in one period is no limit that anybody sets.
const MOST: u64 = 1 << 20;

/// The last requests of a rate.
#[derive(Debug)]
pub(super) struct Window {
    /// The moments of the last requests, at most as many as the rate allows.
    sent: VecDeque<i64>,
    count: usize,
    every: i64,
}

impl Window {
    /// At most `count` requests in any `every` microseconds; `None` if nothing could break it.
    pub(super) fn new(count: u64, every: i64) -> Option<Self> {
        ((1..=MOST).contains(&count) && every > 0).then(|| Self {
            sent: VecDeque::new(),
            count: count as usize,
            every,
        })
    }

    /// Adds a request. Returns the time in which one more than allowed were sent, if it is too short.
    pub(super) fn add(&mut self, sent: i64) -> Option<i64> {
        self.sent.push_back(sent);
        if self.sent.len() <= self.count {
            return None;
        }
        let first = self.sent.pop_front()?;
        Some(sent - first).filter(|during| *during < self.every)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_more_than_allowed_in_a_period_is_found() {
        let mut window = Window::new(2, 100).unwrap();
        assert_eq!(
            [0, 10, 100, 109].map(|at| window.add(at)),
            [None, None, None, Some(99)]
        );
        assert!(Window::new(0, 100).is_none() && Window::new(1, 0).is_none());
    }
}
