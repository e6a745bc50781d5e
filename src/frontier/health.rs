//! How a host has been doing: when it is paused, and when it is given up.
//!
//! A host that refuses connections or answers 429 and 503 is paused, and after each pause one request finds out
//! whether it is back. Pauses double, up to a minute; once they have been in vain for as long as the settings allow,
//! the host is given up, and its jobs end with that as their reason. Invariant: requests that were in flight together
//! when the host failed count as one failure of the host, because only a request sent later says anything new. Reads
//! no clock.

use std::time::{Duration, Instant};

/// The first pause; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// No pause is longer, unless the server asks for it.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Pauses that have to be in vain before a host is given up, however long a single one was.
const LEAST_PAUSES: u32 = 3;
/// A host that was given up refuses its jobs for this long before one of them is sent to find out.
const GIVEN_UP_FOR: Duration = Duration::from_secs(60);
/// From this many requests in flight on, a host that was paused is limited by its settings alone.
const WIDE: usize = 64;

/// When a host is paused and when it is given up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Failures in a row after which a host is paused; 0 for never.
    pub(crate) pause_after: u32,
    /// How long pauses may be in vain before the host is given up; zero for no limit.
    pub(crate) max_down: Duration,
}

/// How a host has been doing.
#[derive(Debug, Default)]
pub(crate) struct Health {
    failures: u32,
    /// The class or status of the last failure.
    last: String,
    /// Requests that were sent before this moment say nothing new.
    known: Option<Instant>,
    outage: Option<Outage>,
    /// Requests that may be in flight while the host recovers; `None` for no limit but its own.
    room: Option<usize>,
}

/// A host that was paused and has not answered since.
#[derive(Debug)]
struct Outage {
    since: Instant,
    pauses: u32,
    /// The job that was refused first.
    first: u64,
    /// Whether another job was refused after a pause: then it is the host that refuses, not the URL.
    is_shared: bool,
    given_up_until: Option<Instant>,
}

/// What a visit said against its host.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// The host did not answer: the class of the error, and how many failures it counts for.
    Silent(&'static str, u32),
    /// The host answered 429 or 503, and asked for this pause where it named one.
    Refused(u16, Option<Duration>),
}

/// What a host's trouble leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing.
    None,
    /// It is paused for this long.
    Pause(Duration),
    /// It is paused already, and now at least for this long.
    Extend(Duration),
    /// It is given up from now on.
    GivenUp,
}

/// Why a host was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GivenUp {
    pub(crate) failures: u32,
    pub(crate) last: String,
    pub(crate) during: Duration,
}

impl Health {
    /// Notes trouble with the request of `job`, which was sent at that moment. `random` is between 0 and 1.
    pub(crate) fn trouble(
        &mut self,
        trouble: Trouble,
        (job, sent): (u64, Instant),
        limits: Limits,
        random: f64,
        now: Instant,
    ) -> Effect {
        if matches!(trouble, Trouble::Silent(..)) && limits.pause_after == 0 {
            return Effect::None;
        }
        if self.knows(sent) {
            // Known already; but a wait that the server names is kept all the same.
            return match trouble {
                Trouble::Refused(_, Some(wait)) => Effect::Extend(wait),
                _ => Effect::None,
            };
        }
        self.known = Some(now);
        let wait = match trouble {
            Trouble::Silent(class, weight) => {
                class.clone_into(&mut self.last);
                self.failures = self.failures.saturating_add(weight.max(1));
                if self.failures < limits.pause_after && self.outage.is_none() {
                    return Effect::None;
                }
                None
            }
            Trouble::Refused(status, wait) => {
                self.last = format!("HTTP {status}");
                self.failures = self.failures.saturating_add(1);
                wait
            }
        };
        self.room = Some(1);
        let outage = self.outage.get_or_insert(Outage {
            since: now,
            pauses: 0,
            first: job,
            is_shared: false,
            given_up_until: None,
        });
        outage.is_shared |= outage.first != job;
        let down = now.saturating_duration_since(outage.since);
        let left = match limits.max_down {
            Duration::ZERO => LONGEST_PAUSE,
            limit => limit.saturating_sub(down),
        };
        if left.is_zero() && outage.pauses >= LEAST_PAUSES {
            let before = outage.given_up_until.replace(now + GIVEN_UP_FOR);
            return match before {
                Some(_) => Effect::None,
                None => Effect::GivenUp,
            };
        }
        let pause = wait.unwrap_or_else(|| pause(outage.pauses, random).min(left));
        outage.pauses += 1;
        Effect::Pause(pause)
    }

    /// Notes an answer to a request that was sent at that moment, whatever its status.
    pub(crate) fn answered(&mut self, sent: Instant) {
        if self.outage.is_some() && self.knows(sent) {
            return; // it was sent before the trouble began
        }
        if self.failures > 0 {
            self.failures = 0;
            self.known = None;
            self.outage = None;
        }
        self.room = self.room.map(|room| room + 1).filter(|room| *room < WIDE);
    }

    /// Requests that may be in flight, where the host is to be met with fewer than usual.
    pub(crate) fn room(&self) -> Option<usize> {
        self.room
    }

    /// Whether the host was paused and has not answered since.
    pub(crate) fn is_out(&self) -> bool {
        self.outage.is_some()
    }

    /// Whether the host failed since a request was sent, so that this one's failure says nothing new.
    pub(crate) fn knows(&self, sent: Instant) -> bool {
        self.known.is_some_and(|known| sent < known)
    }

    /// Whether more than one URL was refused since the host last answered: then it refuses them all.
    pub(crate) fn is_shared(&self) -> bool {
        self.outage.as_ref().is_some_and(|outage| outage.is_shared)
    }

    /// Why the host is given up, while it is.
    pub(crate) fn given_up(&self, now: Instant) -> Option<GivenUp> {
        let outage = self.outage.as_ref()?;
        let until = outage.given_up_until.filter(|until| now < *until)?;
        let begun = until.checked_sub(GIVEN_UP_FOR).unwrap_or(until);
        Some(GivenUp {
            failures: self.failures,
            last: self.last.clone(),
            during: begun.saturating_duration_since(outage.since),
        })
    }

    /// Failures in a row, and the last of them.
    pub(crate) fn failures(&self) -> (u32, &str) {
        (self.failures, &self.last)
    }

    /// Whether nothing would be lost by forgetting it.
    pub(crate) fn is_well(&self) -> bool {
        self.failures == 0 && self.room.is_none()
    }
}

/// The pause after this many in vain: between half and all of a time that doubles.
fn pause(pauses: u32, random: f64) -> Duration {
    let whole = FIRST_PAUSE
        .saturating_mul(1 << pauses.min(16))
        .min(LONGEST_PAUSE);
    whole.mul_f64(0.5 + random / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        pause_after: 3,
        max_down: Duration::from_secs(120),
    };
    const REFUSED: Trouble = Trouble::Silent("connect", 1);

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn failures_that_were_in_flight_together_are_one_failure() {
        let start = Instant::now();
        let mut health = Health::default();
        for job in 0..100 {
            let effect = health.trouble(REFUSED, (job, start), LIMITS, 1.0, start + seconds(1));
            assert_eq!(effect, Effect::None);
        }
        assert_eq!(health.failures().0, 1);
        let later = start + seconds(1);
        assert_eq!(
            health.trouble(REFUSED, (1, later), LIMITS, 1.0, later),
            Effect::None
        );
        assert_eq!(
            health.trouble(REFUSED, (2, later), LIMITS, 1.0, later),
            Effect::Pause(FIRST_PAUSE)
        );
    }

    #[test]
    fn pauses_double_and_a_host_is_given_up_when_its_time_is_over() {
        let start = Instant::now();
        let mut health = Health::default();
        let (mut now, mut pauses) = (start, Vec::new());
        loop {
            match health.trouble(REFUSED, (1, now), LIMITS, 1.0, now) {
                Effect::None | Effect::Extend(_) => {}
                Effect::Pause(pause) => {
                    pauses.push(pause.as_millis());
                    now += pause;
                }
                Effect::GivenUp => break,
            }
        }
        assert_eq!(
            pauses,
            [
                200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 17_800
            ]
        );
        assert_eq!(now - start, LIMITS.max_down);
        let reason = health.given_up(now).unwrap();
        assert_eq!((reason.during, &*reason.last), (seconds(120), "connect"));
        // One request finds out from time to time whether it is back.
        now += GIVEN_UP_FOR;
        assert_eq!((health.given_up(now), health.room()), (None, Some(1)));
        let again = health.trouble(REFUSED, (2, now), LIMITS, 1.0, now);
        assert_eq!(again, Effect::None, "it was told already");
        assert!(health.given_up(now).is_some());
        health.answered(now);
        assert!(health.given_up(now).is_none() && !health.is_out());
    }

    #[test]
    fn a_host_that_was_paused_is_met_by_one_request_and_then_by_more_with_each_answer() {
        let start = Instant::now();
        let mut health = Health::default();
        let refused = Trouble::Refused(503, Some(seconds(7)));
        let effect = health.trouble(refused, (1, start), LIMITS, 0.0, start + seconds(1));
        assert_eq!(
            (effect, health.room()),
            (Effect::Pause(seconds(7)), Some(1))
        );
        // What was sent before says nothing about the host now.
        health.answered(start);
        assert_eq!((health.is_out(), health.room()), (true, Some(1)));
        let later = start + seconds(8);
        for room in 2..WIDE {
            health.answered(later);
            assert_eq!(health.room(), Some(room));
        }
        health.answered(later);
        assert!(health.is_well() && health.room().is_none());
    }

    #[test]
    fn a_refusal_is_the_urls_own_until_another_url_is_refused_too() {
        let start = Instant::now();
        let mut health = Health::default();
        let busy = || Trouble::Refused(503, None);
        health.trouble(busy(), (1, start), LIMITS, 1.0, start + seconds(1));
        assert!(health.knows(start), "it was in flight together with it");
        health.trouble(busy(), (2, start), LIMITS, 1.0, start + seconds(1));
        assert!(!health.is_shared());
        let probe = start + seconds(2);
        assert!(!health.knows(probe));
        health.trouble(busy(), (1, probe), LIMITS, 1.0, probe);
        assert!(!health.is_shared());
        health.trouble(busy(), (2, probe), LIMITS, 1.0, probe);
        assert!(health.is_shared());
    }

    #[test]
    fn a_server_that_asks_for_long_pauses_is_asked_several_times_before_it_is_given_up() {
        let mut now = Instant::now();
        let mut health = Health::default();
        let mut effects = Vec::new();
        for job in 0..4 {
            let busy = Trouble::Refused(429, Some(seconds(100)));
            let effect = health.trouble(busy, (job, now), LIMITS, 1.0, now);
            effects.push(effect);
            if let Effect::Pause(wait) = effect {
                now += wait;
            }
        }
        let pause = Effect::Pause(seconds(100));
        assert_eq!(effects, [pause, pause, pause, Effect::GivenUp]);
        assert_eq!(health.given_up(now).unwrap().last, "HTTP 429");
    }
}
