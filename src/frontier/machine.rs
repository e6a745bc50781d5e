//! This machine: whether it has the resources that a request needs.
//!
//! Open files, ports and memory are shared by all hosts, so a shortage pauses the whole run and not the host that
//! happened to be asked: a request to another host would fail the same way. Afterwards one request finds out
//! whether the shortage is over, then more with each response. Invariant: a shortage never counts against a host,
//! and a job is retried for as long as the machine may recover.

use std::time::{Duration, Instant};

use super::health::{Effect, Health, Limits, Trouble};
use crate::page::Page;
use crate::page::failure::FetchError;

/// A machine that lacks something for longer than this is not expected to recover.
const LIMITS: Limits = Limits {
    pause_after: 1,
    max_down: Duration::from_secs(60),
};

/// The shortages of this machine.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    health: Health,
    until: Option<Instant>,
}

impl Machine {
    /// Notes the outcome of a request that was sent at that moment.
    pub(super) fn note(
        &mut self,
        outcome: &Result<Page, FetchError>,
        sent: Instant,
        random: f64,
        now: Instant,
    ) {
        let Err(error @ FetchError::Shortage(_)) = outcome else {
            self.health.note_response(sent);
            return;
        };
        let trouble = Trouble::Silent(error.class(), 1);
        let effect = self
            .health
            .note_trouble(trouble, (0, sent), LIMITS, random, now);
        if let Effect::Pause(wait) = effect {
            self.until = Some(now + wait);
        }
    }

    /// The moment before which nothing may be sent.
    pub(super) fn not_before(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| now < *until)
    }

    /// Whether one more request may be in flight.
    pub(super) fn has_room(&self, in_flight: usize) -> bool {
        self.health.room().is_none_or(|room| in_flight < room)
    }

    /// Whether it is worth waiting for the shortage to end.
    pub(super) fn may_recover(&self, now: Instant) -> bool {
        self.health.given_up(now).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short() -> Result<Page, FetchError> {
        Err(FetchError::Shortage("Too many open files".into()))
    }

    #[test]
    fn a_shortage_pauses_the_run_and_one_request_finds_out_whether_it_is_over() {
        let mut now = Instant::now();
        let mut machine = Machine::default();
        assert!(machine.has_room(1000) && machine.not_before(now).is_none());
        let sent = now;
        now += Duration::from_millis(1);
        for _ in 0..64 {
            machine.note(&short(), sent, 1.0, now);
        }
        let until = machine.not_before(now).unwrap();
        assert_eq!(until - now, Duration::from_millis(200));
        assert!(machine.not_before(until).is_none());
        assert!(machine.has_room(0) && !machine.has_room(1));
        machine.note(&Err(FetchError::Closed), until, 1.0, until);
        assert!(machine.has_room(1) && !machine.has_room(2));
    }

    #[test]
    fn a_shortage_that_never_ends_is_not_waited_for_forever() {
        let mut now = Instant::now();
        let begun = now;
        let mut machine = Machine::default();
        while machine.may_recover(now) {
            machine.note(&short(), now, 1.0, now);
            now = machine.not_before(now).unwrap_or(now);
            assert!(now - begun <= Duration::from_secs(60));
        }
        assert_eq!(now - begun, Duration::from_secs(60));
    }
}
