//! Deliberate slowness and failure: latency, jitter, errors, and a rate limit.
//!
//! Invariant: with the same seed, the n-th paced request always has the same fate; only the rate limit depends on
//! the time, which is a parameter. The limiter is the generic cell rate algorithm with a burst of one second's
//! worth.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::dice::Dice;
use super::settings::OriginSettings;

/// The purposes of the dice.
const FOR_ERROR: u64 = 1;
const FOR_KIND: u64 = 2;
const FOR_JITTER: u64 = 3;

/// Clients and hosts that are watched at once; beyond this, idle ones are forgotten.
const WATCHED_LIMIT: usize = 100_000;

/// The fate of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It gets its response.
    Response,
    /// It gets a 503.
    Unavailable,
    /// The connection is reset before the first byte.
    Reset,
    /// It gets a 429; after this long it would have been accepted.
    TooMany(Duration),
}

/// The policy and its state.
#[derive(Debug)]
pub(crate) struct Pace {
    latency: Duration,
    jitter: Duration,
    error_rate: f64,
    rate_limit: Option<f64>,
    dice: Dice,
    requests: AtomicU64,
    watched: Mutex<HashMap<(IpAddr, String), Instant>>, // when each is idle again
}

impl Pace {
    /// A policy for settings that were checked.
    pub(crate) fn new(settings: &OriginSettings) -> Pace {
        Pace {
            latency: settings.latency,
            jitter: settings.jitter,
            error_rate: settings.error_rate,
            rate_limit: settings.rate_limit,
            dice: Dice::new(settings.seed),
            requests: AtomicU64::new(0),
            watched: Mutex::default(),
        }
    }

    /// How long the next request waits, and its fate after that.
    pub(crate) fn next(&self, client: IpAddr, host: &str, now: Instant) -> (Duration, Fate) {
        let number = self.requests.fetch_add(1, Relaxed);
        let mut wait = self.latency;
        if !self.jitter.is_zero() {
            wait += self.jitter.mul_f64(self.dice.share(FOR_JITTER, number));
        }
        if let Some(rate) = self.rate_limit
            && let Err(after) = self.allow(rate, client, host, now)
        {
            return (wait, Fate::TooMany(after));
        }
        if self.error_rate > 0.0 && self.dice.share(FOR_ERROR, number) < self.error_rate {
            let resets = self.dice.below(FOR_KIND, number, 2) == 0;
            return (
                wait,
                if resets {
                    Fate::Reset
                } else {
                    Fate::Unavailable
                },
            );
        }
        (wait, Fate::Response)
    }

    fn allow(&self, rate: f64, client: IpAddr, host: &str, now: Instant) -> Result<(), Duration> {
        let interval = Duration::from_secs_f64(1.0 / rate);
        let burst = interval.mul_f64(rate.floor().max(1.0));
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.len() >= WATCHED_LIMIT {
            watched.retain(|_, rest| *rest > now);
        }
        if watched.len() >= WATCHED_LIMIT {
            watched.clear();
        }
        let rest = watched.entry((client, host.to_owned())).or_insert(now);
        let next = (*rest).max(now) + interval;
        match next.checked_duration_since(now + burst) {
            Some(early) if !early.is_zero() => Err(early),
            _ => {
                *rest = next;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn the_same_seed_gives_the_same_errors_at_about_the_requested_rate() {
        let settings = OriginSettings {
            error_rate: 0.2,
            seed: 5,
            ..OriginSettings::default()
        };
        let fates = || {
            let pace = Pace::new(&settings);
            (0..2_000)
                .map(|_| pace.next(HOME, "a", Instant::now()).1)
                .collect::<Vec<_>>()
        };
        let first = fates();
        assert_eq!(first, fates());
        let count = |fate| first.iter().filter(|&&one| one == fate).count();
        let (resets, unavailable) = (count(Fate::Reset), count(Fate::Unavailable));
        assert!(
            (340..460).contains(&(resets + unavailable)),
            "{resets} + {unavailable}"
        );
        assert!(
            resets > 120 && unavailable > 120,
            "{resets} + {unavailable}"
        );
    }

    #[test]
    fn a_client_may_send_one_seconds_worth_at_once_and_then_at_the_rate() {
        let pace = Pace::new(&OriginSettings {
            rate_limit: Some(4.0),
            ..OriginSettings::default()
        });
        let start = Instant::now();
        let fate = |host, after| {
            pace.next(HOME, host, start + Duration::from_millis(after))
                .1
        };
        assert!((0..4).all(|_| fate("a", 0) == Fate::Response));
        assert_eq!(fate("a", 0), Fate::TooMany(Duration::from_millis(250)));
        assert_eq!(
            fate("b", 0),
            Fate::Response,
            "another host has its own allowance"
        );
        assert_eq!(fate("a", 100), Fate::TooMany(Duration::from_millis(150)));
        assert_eq!(
            (fate("a", 250), fate("a", 250)),
            (Fate::Response, Fate::TooMany(Duration::from_millis(250)))
        );
    }

    #[test]
    fn jitter_adds_between_zero_and_its_maximum() {
        let (latency, jitter) = (Duration::from_millis(10), Duration::from_millis(20));
        let pace = Pace::new(&OriginSettings {
            latency,
            jitter,
            ..OriginSettings::default()
        });
        let waits: Vec<_> = (0..500)
            .map(|_| pace.next(HOME, "a", Instant::now()).0)
            .collect();
        assert!(
            waits
                .iter()
                .all(|wait| (latency..latency + jitter).contains(wait))
        );
        assert!(
            waits
                .iter()
                .max()
                .unwrap()
                .saturating_sub(*waits.iter().min().unwrap())
                > jitter / 2
        );
    }
}
