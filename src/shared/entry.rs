//! One entry of the table: when one host may be asked.
//!
//! Moments are nanoseconds of a clock that all processes of the machine share and that never jumps. Invariant: an entry
//! that is damaged, from the future, or over is no entry. Nothing in it is believed for longer than [`LONGEST`].

use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

/// A moment, in nanoseconds.
pub(super) type Moment = u64;

/// The longest wait that is written or believed: a day.
pub(super) const LONGEST: u64 = 24 * 3600 * 1_000_000_000;

/// When one host may be asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// A hash of the host.
    pub(super) key: u64,
    /// The run that asked last.
    asker: u64,
    /// When it asked.
    asked_at: Moment,
    /// When its delay is over, and the next run may ask.
    not_before: Moment,
    /// The end of all bookings: who wants to ask after the others asks then.
    booked_until: Moment,
    /// When a run learned that the host must not be asked for a while.
    paused_at: Moment,
    /// Until when.
    paused_until: Moment,
}

/// A run that wants to ask a host.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker {
    /// Its number; no other run has it.
    pub(super) run: u64,
    /// The time that it leaves after each of its own requests, in nanoseconds.
    pub(super) delay: u64,
    /// How long a pause that another run reported is believed, in nanoseconds.
    pub(super) longest_pause: u64,
    /// Whether it has not used the turn that it was given last.
    pub(super) has_turn: bool,
}

impl Entry {
    /// Bytes of an entry in the file.
    pub(super) const SIZE: usize = 64;

    /// An entry for a host that nobody has asked.
    pub(super) fn new(key: u64) -> Self {
        Self {
            key,
            ..Self::default()
        }
    }

    /// The entry in these bytes, if there is one that still means something.
    pub(super) fn read(bytes: &[u8; Self::SIZE], now: Moment) -> Option<Self> {
        let mut numbers = bytes.as_chunks::<8>().0.iter().copied();
        let mut next = || numbers.next().map(u64::from_le_bytes).unwrap_or_default();
        let entry = Self {
            key: next(),
            asker: next(),
            asked_at: next(),
            not_before: next(),
            booked_until: next(),
            paused_at: next(),
            paused_until: next(),
        };
        let is_whole = next() == xxh3_64(&bytes[..Self::SIZE - 8]);
        let is_from_now = entry.asked_at <= now && entry.paused_at <= now;
        let is_believable = entry.not_before.saturating_sub(entry.asked_at) <= LONGEST
            && entry.paused_until.saturating_sub(entry.paused_at) <= LONGEST
            && entry.booked_until.saturating_sub(now) <= LONGEST;
        let is_valid = is_whole && is_from_now && is_believable && entry.ends() > now;
        is_valid.then_some(entry)
    }

    /// The entry as it is written.
    pub(super) fn bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        let numbers = [
            self.key,
            self.asker,
            self.asked_at,
            self.not_before,
            self.booked_until,
            self.paused_at,
            self.paused_until,
        ];
        for (place, number) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
            *place = number.to_le_bytes();
        }
        let check = xxh3_64(&bytes[..Self::SIZE - 8]);
        bytes[Self::SIZE - 8..].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// When it means nothing any more.
    pub(super) fn ends(&self) -> Moment {
        self.not_before
            .max(self.booked_until)
            .max(self.paused_until)
    }

    /// Until when the host is paused, for a run that believes this long a pause; in the past if it is not.
    pub(super) fn paused_until(&self, longest: u64) -> Moment {
        self.paused_until
            .min(self.paused_at.saturating_add(longest))
    }

    /// Takes the next moment for one request: now, or the one to ask again at.
    ///
    /// Whoever has to wait books the moment after all who wait already, so that all get their turn. A booking of a run
    /// that is gone only costs the others its time. What is strict is `not_before`: no request is sent within the delay
    /// of the request before it, even if that one was late.
    pub(super) fn ask(
        &mut self,
        asker: Asker,
        booking: &mut Option<Moment>,
        now: Moment,
    ) -> Result<(), Moment> {
        let delay = asker.delay.min(LONGEST);
        // A run keeps its own delay by itself.
        let is_own = self.asker == asker.run;
        let others = if is_own { 0 } else { self.not_before };
        let closed_until = others.max(self.paused_until(asker.longest_pause));
        if booking.is_none() && !(is_own && asker.has_turn) {
            let is_queue_own = is_own && self.booked_until <= self.not_before;
            let queue = if is_queue_own { 0 } else { self.booked_until };
            let turn = closed_until.max(queue);
            if turn > now {
                *booking = Some(turn);
                self.booked_until = turn.saturating_add(delay).min(now.saturating_add(LONGEST));
                return Err(turn);
            }
        }
        if closed_until > now {
            return Err(closed_until);
        }
        *booking = None;
        self.asker = asker.run;
        self.asked_at = now;
        self.not_before = now.saturating_add(delay);
        self.booked_until = self.booked_until.max(self.not_before);
        Ok(())
    }

    /// Notes that the host must not be asked before a moment.
    pub(super) fn pause(&mut self, until: Moment, now: Moment) {
        if until > self.paused_until {
            self.paused_at = now;
            self.paused_until = until.min(now.saturating_add(LONGEST));
        }
    }
}

/// A time in nanoseconds.
pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;
    /// When the tests begin.
    const START: Moment = 1_000_000 * MS;

    fn asker(run: u64, delay: u64) -> Asker {
        Asker {
            run,
            delay: delay * MS,
            longest_pause: 60_000 * MS,
            has_turn: false,
        }
    }

    #[test]
    fn each_run_leaves_its_own_delay_after_its_request_and_obeys_that_of_the_others() {
        let mut entry = Entry::new(7);
        let runs = [asker(1, 100), asker(2, 300), asker(3, 50)];
        let mut bookings = [None; 3];
        // When each run asks next.
        let mut due = [START; 3];
        let mut asked: Vec<(Moment, usize)> = Vec::new();
        while asked.len() < 60 {
            let who = (0..3).min_by_key(|who| due[*who]).unwrap();
            // Every wait ends late.
            let now = due[who] + 2 * MS;
            due[who] = match entry.ask(runs[who], &mut bookings[who], now) {
                Ok(()) => {
                    asked.push((now, who));
                    now + runs[who].delay
                }
                Err(again) => again,
            };
        }
        for pair in asked.windows(2) {
            let delay = runs[pair[0].1].delay;
            assert!(pair[1].0 - pair[0].0 >= delay, "{asked:?}");
        }
        for who in 0..3 {
            let count = asked.iter().filter(|(_, one)| *one == who).count();
            assert!((18..=22).contains(&count), "{count} of {who}: {asked:?}");
        }
    }

    #[test]
    fn a_run_alone_never_waits_for_itself() {
        let mut entry = Entry::new(7);
        let (alone, mut booking) = (asker(1, 100), None);
        for turn in 0..10 {
            // Its own clock may be a little ahead.
            let now = START + turn * 99 * MS;
            assert_eq!(entry.ask(alone, &mut booking, now), Ok(()));
        }
    }

    #[test]
    fn a_turn_that_was_not_used_at_once_moves_the_others_back_unless_they_came_first() {
        let mut entry = Entry::new(7);
        let (late, other) = (asker(1, 100), asker(2, 100));
        let again = Asker {
            has_turn: true,
            ..late
        };
        assert_eq!(entry.ask(late, &mut None, START), Ok(()));
        let mut booking = None;
        let booked = entry.ask(other, &mut booking, START).unwrap_err();
        let sent = START + 80 * MS;
        assert_eq!(entry.ask(again, &mut None, sent), Ok(()));
        assert_eq!(entry.ask(other, &mut booking, booked), Err(sent + 100 * MS));
        assert_eq!(entry.ask(other, &mut booking, sent + 100 * MS), Ok(()));
        let too_late = sent + 101 * MS;
        assert_eq!(entry.ask(again, &mut None, too_late), Err(sent + 200 * MS));
    }

    #[test]
    fn a_booking_of_a_run_that_is_gone_costs_its_own_time_and_no_more() {
        let mut entry = Entry::new(7);
        let (gone, here) = (asker(1, 100), asker(2, 100));
        assert_eq!(entry.ask(here, &mut None, START), Ok(()));
        assert_eq!(
            entry.ask(gone, &mut None, START),
            Err(START + 100 * MS),
            "it books, and never comes back"
        );
        let mut booking = None;
        let now = START + 100 * MS;
        let again = entry.ask(here, &mut booking, now).unwrap_err();
        assert_eq!(again, START + 200 * MS);
        assert_eq!(entry.ask(here, &mut booking, again), Ok(()));
        assert_eq!(entry.ask(here, &mut booking, again + 100 * MS), Ok(()));
    }

    #[test]
    fn a_pause_holds_everybody_for_as_long_as_they_would_obey_the_server_themselves() {
        let mut entry = Entry::new(7);
        entry.pause(START + 600_000 * MS, START);
        entry.pause(START + 5 * MS, START); // a shorter one changes nothing
        let mut booking = None;
        let until = START + 60_000 * MS;
        assert_eq!(entry.ask(asker(1, 100), &mut booking, START), Err(until));
        assert_eq!(entry.ask(asker(1, 100), &mut booking, until), Ok(()));
    }

    #[test]
    fn what_is_damaged_over_or_from_the_future_is_no_entry() {
        let mut entry = Entry::new(7);
        entry.ask(asker(1, 100), &mut None, START).unwrap();
        let bytes = entry.bytes();
        assert_eq!(Entry::read(&bytes, START), Some(entry));
        assert_eq!(Entry::read(&bytes, START + 100 * MS), None, "over");
        assert_eq!(Entry::read(&bytes, START - 1), None, "from the future");
        for bit in 0..Entry::SIZE * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Entry::read(&damaged, START), None);
        }
        assert_eq!(Entry::read(&[0; Entry::SIZE], START), None);
        for far in [LONGEST + 1, u64::MAX - START] {
            for field in 0..3 {
                let mut forged = entry;
                match field {
                    0 => forged.not_before = START + far,
                    1 => forged.booked_until = START + far,
                    _ => (forged.paused_at, forged.paused_until) = (START, START + far),
                }
                assert_eq!(Entry::read(&forged.bytes(), START), None);
            }
        }
    }
}
