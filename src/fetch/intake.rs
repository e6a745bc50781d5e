//! Receiving a body: counted, limited, timed, in memory or in a file.
//!
//! The rules are the same for both clients, and they are all here: no client applies a limit itself. Knows nothing
//! of sockets: chunks come with the time of their arrival.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::settings::{Deadlines, FetchSettings};
use crate::page::failure::FetchError;
use crate::text::size::ByteSize;

/// A body that is being received.
pub(crate) struct Intake {
    /// Bytes that may still come, and bytes that the whole body may have.
    limit: u64,
    whole: u64,
    spool_over: u64,
    pace: Pace,
    received: u64,
    held: Held,
}

/// The bytes in memory: most bodies are one chunk, which is not copied.
enum Held {
    Nothing,
    One(Bytes),
    Many(BytesMut),
    /// In a file, or dropped.
    Elsewhere,
}

/// The least rate: a body that is slower for long enough is given up.
struct Pace {
    least: u64,
    over: Duration,
    since: Instant,
    bytes: u64,
}

/// What to do after a chunk.
pub(crate) enum Next {
    /// Continue; the chunk is in memory.
    Held,
    /// There is enough in memory: write all of it to a file and continue there.
    Spill(Bytes),
    /// The body is in a file already: write this.
    Write(Bytes),
}

impl Intake {
    /// Starts a body, given the bytes that are on disk already and the bytes that are announced.
    ///
    /// # Errors
    /// When that is over the limit already.
    pub(crate) fn new(
        settings: &FetchSettings,
        (on_disk, announced): (u64, Option<u64>),
        now: Instant,
    ) -> Result<Self, FetchError> {
        let whole = settings.body_limit.0;
        let limit = whole.saturating_sub(on_disk);
        if announced.is_some_and(|length| length > limit) {
            return Err(FetchError::TooLarge {
                limit: settings.body_limit,
            });
        }
        let pace = Pace::new(&settings.deadlines, now);
        Ok(Self {
            limit,
            whole,
            spool_over: settings.spool.over.0,
            pace,
            received: 0,
            held: Held::Nothing,
        })
    }

    /// Accepts the next chunk.
    ///
    /// # Errors
    /// When the body is too large, or too slow.
    pub(crate) fn take(&mut self, chunk: Bytes, now: Instant) -> Result<Next, FetchError> {
        self.received += chunk.len() as u64;
        if self.received > self.limit {
            return Err(FetchError::TooLarge {
                limit: ByteSize(self.whole),
            });
        }
        self.pace.check(chunk.len() as u64, now)?;
        if matches!(self.held, Held::Elsewhere) {
            return Ok(Next::Write(chunk));
        }
        let spill = self.received > self.spool_over;
        match &mut self.held {
            Held::Many(all) => all.extend_from_slice(&chunk),
            held => {
                *held = match std::mem::replace(held, Held::Nothing) {
                    Held::One(first) => {
                        let mut all = BytesMut::with_capacity(
                            (first.len() + chunk.len()).next_power_of_two(),
                        );
                        all.extend_from_slice(&first);
                        all.extend_from_slice(&chunk);
                        Held::Many(all)
                    }
                    _ => Held::One(chunk),
                }
            }
        }
        if spill {
            let all = self.in_memory();
            self.held = Held::Elsewhere;
            return Ok(Next::Spill(all));
        }
        Ok(Next::Held)
    }

    /// Leaves a pause of our own making out of the least rate.
    pub(crate) fn pause(&mut self, pause: Duration) {
        self.pace.since += pause;
    }

    /// Body bytes that have arrived.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Takes all bytes that are in memory.
    pub(crate) fn in_memory(&mut self) -> Bytes {
        match std::mem::replace(&mut self.held, Held::Nothing) {
            Held::One(bytes) => bytes,
            Held::Many(bytes) => bytes.freeze(),
            Held::Nothing | Held::Elsewhere => Bytes::new(),
        }
    }
}

impl Pace {
    fn new(deadlines: &Deadlines, now: Instant) -> Self {
        Self {
            least: deadlines.least_rate,
            over: deadlines.least_rate_over,
            since: now,
            bytes: 0,
        }
    }

    fn check(&mut self, bytes: u64, now: Instant) -> Result<(), FetchError> {
        if self.least == 0 || self.over.is_zero() {
            return Ok(());
        }
        self.bytes += bytes;
        let passed = now.saturating_duration_since(self.since);
        if passed < self.over {
            return Ok(());
        }
        if (self.bytes as f64) < self.least as f64 * passed.as_secs_f64() {
            return Err(FetchError::TooSlow {
                limit: self.least,
                during: self.over,
            });
        }
        self.since = now;
        self.bytes = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> FetchSettings {
        let mut settings = FetchSettings {
            body_limit: ByteSize(1000),
            ..FetchSettings::default()
        };
        settings.spool.over = ByteSize(100);
        settings
    }

    #[test]
    fn a_body_of_one_chunk_is_not_copied() {
        let now = Instant::now();
        let mut intake = Intake::new(&settings(), (0, None), now).unwrap();
        let chunk = Bytes::from(vec![7; 50]);
        let place = chunk.as_ptr();
        assert!(matches!(intake.take(chunk, now), Ok(Next::Held)));
        assert_eq!(intake.in_memory().as_ptr(), place);
    }

    #[test]
    fn a_large_body_leaves_memory_whole_and_in_order() {
        let now = Instant::now();
        let mut intake = Intake::new(&settings(), (0, None), now).unwrap();
        assert!(matches!(
            intake.take(Bytes::from(vec![1; 60]), now),
            Ok(Next::Held)
        ));
        let Ok(Next::Spill(all)) = intake.take(Bytes::from(vec![2; 60]), now) else {
            panic!("it spills at 120 of 100")
        };
        assert_eq!(all, [vec![1; 60], vec![2; 60]].concat());
        assert!(
            matches!(intake.take(Bytes::from(vec![3; 5]), now), Ok(Next::Write(chunk)) if chunk.len() == 5)
        );
    }

    #[test]
    fn the_limit_holds_for_what_is_announced_and_for_what_comes() {
        let now = Instant::now();
        assert!(matches!(
            Intake::new(&settings(), (0, Some(1001)), now),
            Err(FetchError::TooLarge { .. })
        ));
        assert!(matches!(
            Intake::new(&settings(), (500, Some(501)), now),
            Err(FetchError::TooLarge {
                limit: ByteSize(1000)
            })
        ));
        let mut intake = Intake::new(&settings(), (0, Some(10)), now).unwrap();
        assert!(intake.take(Bytes::from(vec![0; 1000]), now).is_ok());
        assert!(matches!(
            intake.take(Bytes::from_static(b"x"), now),
            Err(FetchError::TooLarge { .. })
        ));
    }

    #[test]
    fn a_pause_of_our_own_making_does_not_make_a_body_too_slow() {
        let (mut now, second) = (Instant::now(), Duration::from_secs(1));
        let mut intake = Intake::new(&settings(), (0, None), now).unwrap();
        for _ in 0..60 {
            now += second;
            intake.pause(second);
            assert!(intake.take(Bytes::from_static(b"x"), now).is_ok());
        }
        assert!(
            intake
                .take(Bytes::from_static(b"x"), now + 20 * second)
                .is_err()
        );
    }

    #[test]
    fn a_byte_a_second_is_too_slow_and_a_pause_is_not() {
        let start = Instant::now();
        let mut intake = Intake::new(&settings(), (0, None), start).unwrap();
        let slow = (1..60).find(|second| {
            intake
                .take(
                    Bytes::from_static(b"x"),
                    start + Duration::from_secs(*second),
                )
                .is_err()
        });
        assert_eq!(slow, Some(20));
        let mut settings = settings();
        settings.body_limit = ByteSize::mib(1);
        let mut intake = Intake::new(&settings, (0, None), start).unwrap();
        assert!(intake.take(Bytes::from(vec![0; 3000]), start).is_ok());
        assert!(
            intake
                .take(Bytes::from(vec![0; 3000]), start + Duration::from_secs(19))
                .is_ok()
        );
        assert!(
            intake
                .take(Bytes::from(vec![0; 3000]), start + Duration::from_secs(38))
                .is_ok()
        );
    }
}
