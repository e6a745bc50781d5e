//! Rate limits: one for the whole run, and one for each host that has a delay.
//!
//! governor does the arithmetic (GCRA). We check its limiter and put the result into the heap, and never sleep in
//! it: sleepers would wake in a herd. A check that succeeds counts as a request, so it is the last check of all.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::settings::Rate;

/// How late a timer may wake.
const LATE: Duration = Duration::from_millis(5);

/// A rate limiter; without a limit it costs nothing.
pub(crate) struct Pace {
    limiter: Option<DefaultDirectRateLimiter>,
    clock: DefaultClock,
    period: Duration,
    burst: NonZeroU32,
}

impl Pace {
    /// A limiter for N requests per period, evenly spaced.
    ///
    /// Bursts are allowed only to make up for timers that wake late; without that, no run would reach a thousand
    /// requests per second.
    pub(crate) fn rate(rate: Option<Rate>) -> Self {
        let period = rate.map_or(Duration::ZERO, |rate| rate.every / rate.count.get());
        let missed = LATE.as_nanos().checked_div(period.as_nanos()).unwrap_or(1);
        Self::with_burst(period, u32::try_from(missed).unwrap_or(u32::MAX))
    }

    /// A limiter for one request every `delay`; zero for no limit.
    pub(crate) fn every(delay: Duration) -> Self {
        Self::with_burst(delay, 1)
    }

    /// The time between two requests; zero for no limit.
    pub(crate) fn period(&self) -> Duration {
        self.period
    }

    /// Whether it allows bursts to make up for timers that wake late.
    pub(crate) fn makes_up(&self) -> bool {
        self.burst > NonZeroU32::MIN
    }

    fn with_burst(period: Duration, burst: u32) -> Self {
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(period).map(|quota| quota.allow_burst(burst));
        let clock = DefaultClock::default();
        Self {
            period,
            burst,
            limiter: quota.map(|quota| RateLimiter::direct_with_clock(quota, clock.clone())),
            clock,
        }
    }

    /// Takes a permit for one request now, or returns when to ask again.
    pub(crate) fn ask(&self, now: Instant) -> Result<(), Instant> {
        let Some(limiter) = &self.limiter else {
            return Ok(());
        };
        limiter
            .check()
            .map_err(|not_until| now + not_until.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_when_to_ask_again() {
        let pace = Pace::every(Duration::from_secs(3600));
        let now = Instant::now();
        assert_eq!(pace.ask(now), Ok(()));
        let again = pace.ask(now).unwrap_err();
        assert!(
            again > now + Duration::from_secs(3500) && again <= now + Duration::from_secs(3600)
        );
        assert!((0..1000).all(|_| Pace::every(Duration::ZERO).ask(now).is_ok()));
    }
}
