//! A host's health: when it is paused, and when it is given up.
//!
//! A host that refuses connections or responds with 429 or 503 is paused, and after each pause one request finds
//! out whether it is back. Pauses double, up to a minute; once the host has been down for as long as the settings
//! allow, it is given up, and its jobs end with that as their reason. Invariant: requests that were in flight
//! together when the host failed count as one failure, because only a request sent later says anything new. Reads
//! no clock.

use std::time::{Duration, Instant};

/// The first pause; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause, unless the server asks for a longer one.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The fewest pauses before a host is given up, however long each one was.
const MIN_PAUSES: u32 = 3;
/// How long a host that was given up refuses its jobs before one is sent to test it.
const GIVEN_UP_FOR: Duration = Duration::from_secs(60);
/// At this many requests in flight a host has recovered: only the settings limit it.
const RECOVERED: usize = 64;

/// When a host is paused and when it is given up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Consecutive failures after which a host is paused; 0 for never.
    pub(crate) pause_after: u32,
    /// How long a host may be down before it is given up; zero for no limit.
    pub(crate) max_down: Duration,
}

/// The recent failures of a host, and whether it is paused.
#[derive(Debug, Default)]
pub(crate) struct Health {
    failures: u32,
    /// The class or status of the last failure.
    last: String,
    /// Failures of requests sent before this moment say nothing new.
    failed_at: Option<Instant>,
    outage: Option<Outage>,
    /// Requests that may be in flight while the host recovers; `None` for the usual limit.
    room: Option<usize>,
}

/// An outage: the host was paused and has not responded since.
#[derive(Debug)]
struct Outage {
    since: Instant,
    pauses: u32,
    /// The first job that was refused.
    first: u64,
    /// Whether another job was refused after a pause: then the host is to blame, not the URL.
    is_shared: bool,
    given_up_until: Option<Instant>,
}

/// A failure that counts against the host.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// The host did not respond: the class of the error, and how many failures it counts for.
    Silent(&'static str, u32),
    /// The host responded with 429 or 503, and perhaps asked for this pause.
    Refused(u16, Option<Duration>),
}

/// The effect of a failure on its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// No effect.
    None,
    /// The host is paused for this long.
    Pause(Duration),
    /// The host was paused already; the pause lasts at least this long from now.
    Extend(Duration),
    /// The host is given up from now on.
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
    /// Notes a failed request of `job` and when it was sent. `random` is between 0 and 1.
    pub(crate) fn note_trouble(
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
        if self.failed_since(sent) {
            // Already counted, but a wait that the server asks for is respected all the same.
            return match trouble {
                Trouble::Refused(_, Some(wait)) => Effect::Extend(wait),
                _ => Effect::None,
            };
        }
        self.failed_at = Some(now);
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
        if left.is_zero() && outage.pauses >= MIN_PAUSES {
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

    /// Notes a response, whatever its status, to a request sent at that moment.
    pub(crate) fn note_response(&mut self, sent: Instant) {
        if self.outage.is_some() && self.failed_since(sent) {
            return; // it was sent before the trouble began
        }
        if self.failures > 0 {
            self.failures = 0;
            self.failed_at = None;
            self.outage = None;
        }
        self.room = self
            .room
            .map(|room| room + 1)
            .filter(|room| *room < RECOVERED);
    }

    /// Requests that may be in flight while the host recovers; `None` for the usual limit.
    pub(crate) fn room(&self) -> Option<usize> {
        self.room
    }

    /// Whether the host was paused and has not responded since.
    pub(crate) fn is_out(&self) -> bool {
        self.outage.is_some()
    }

    /// Whether the host failed after a request was sent, so that its failure says nothing new.
    pub(crate) fn failed_since(&self, sent: Instant) -> bool {
        self.failed_at.is_some_and(|failed_at| sent < failed_at)
    }

    /// Whether several URLs were refused since the last response: the host refuses them all.
    pub(crate) fn is_shared(&self) -> bool {
        self.outage.as_ref().is_some_and(|outage| outage.is_shared)
    }

    /// Why the host was given up, while that lasts.
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

    /// The number of consecutive failures, and the cause of the last one.
    pub(crate) fn failures(&self) -> (u32, &str) {
        (self.failures, &self.last)
    }

    /// Whether forgetting this state would lose nothing.
    pub(crate) fn is_well(&self) -> bool {
        self.failures == 0 && self.room.is_none()
    }
}

/// The next pause after N pauses: a random part, at least half, of a time that doubles.
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
    fn failures_of_requests_in_flight_together_count_as_one() {
        let start = Instant::now();
        let mut health = Health::default();
        for job in 0..100 {
            let effect =
                health.note_trouble(REFUSED, (job, start), LIMITS, 1.0, start + seconds(1));
            assert_eq!(effect, Effect::None);
        }
        assert_eq!(health.failures().0, 1);
        let later = start + seconds(1);
        assert_eq!(
            health.note_trouble(REFUSED, (1, later), LIMITS, 1.0, later),
            Effect::None
        );
        assert_eq!(
            health.note_trouble(REFUSED, (2, later), LIMITS, 1.0, later),
            Effect::Pause(FIRST_PAUSE)
        );
    }

    #[test]
    fn pauses_double_until_the_host_is_given_up() {
        let start = Instant::now();
        let mut health = Health::default();
        let (mut now, mut pauses) = (start, Vec::new());
        loop {
            match health.note_trouble(REFUSED, (1, now), LIMITS, 1.0, now) {
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
        // From time to time a single request tests whether it is back.
        now += GIVEN_UP_FOR;
        assert_eq!((health.given_up(now), health.room()), (None, Some(1)));
        let again = health.note_trouble(REFUSED, (2, now), LIMITS, 1.0, now);
        assert_eq!(again, Effect::None, "it was reported already");
        assert!(health.given_up(now).is_some());
        health.note_response(now);
        assert!(health.given_up(now).is_none() && !health.is_out());
    }

    #[test]
    fn a_paused_host_gets_one_request_and_then_more_with_each_response() {
        let start = Instant::now();
        let mut health = Health::default();
        let refused = Trouble::Refused(503, Some(seconds(7)));
        let effect = health.note_trouble(refused, (1, start), LIMITS, 0.0, start + seconds(1));
        assert_eq!(
            (effect, health.room()),
            (Effect::Pause(seconds(7)), Some(1))
        );
        // A response to an earlier request says nothing about the host now.
        health.note_response(start);
        assert_eq!((health.is_out(), health.room()), (true, Some(1)));
        let later = start + seconds(8);
        for room in 2..RECOVERED {
            health.note_response(later);
            assert_eq!(health.room(), Some(room));
        }
        health.note_response(later);
        assert!(health.is_well() && health.room().is_none());
    }

    #[test]
    fn a_refusal_is_blamed_on_the_url_until_another_url_is_refused_too() {
        let start = Instant::now();
        let mut health = Health::default();
        let busy = || Trouble::Refused(503, None);
        health.note_trouble(busy(), (1, start), LIMITS, 1.0, start + seconds(1));
        assert!(health.failed_since(start), "both were in flight together");
        health.note_trouble(busy(), (2, start), LIMITS, 1.0, start + seconds(1));
        assert!(!health.is_shared());
        let probe = start + seconds(2);
        assert!(!health.failed_since(probe));
        health.note_trouble(busy(), (1, probe), LIMITS, 1.0, probe);
        assert!(!health.is_shared());
        health.note_trouble(busy(), (2, probe), LIMITS, 1.0, probe);
        assert!(health.is_shared());
    }

    #[test]
    fn a_server_that_asks_for_long_pauses_gets_several_requests_before_it_is_given_up() {
        let mut now = Instant::now();
        let mut health = Health::default();
        let mut effects = Vec::new();
        for job in 0..4 {
            let busy = Trouble::Refused(429, Some(seconds(100)));
            let effect = health.note_trouble(busy, (job, now), LIMITS, 1.0, now);
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
