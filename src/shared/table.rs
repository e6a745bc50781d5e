//! The table in its file: a fixed number of places, of which each host has a few.
//!
//! A host is in one of the places of its row, and a place is free again when its entry is over, so that a crawl of any
//! number of hosts needs a file of one size. Invariant: an entry that is not over is never replaced.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;

use super::entry::{Entry, Moment};
use super::folder;

/// The number of rows.
const ROWS: u64 = 8192;
/// Places in a row.
const PLACES: usize = 8;
/// Bytes of a row.
const ROW: usize = PLACES * Entry::SIZE;
/// How often to try to get the lock at once: it is held for microseconds.
const TRIES: usize = 20;
/// The least time after which a full row is looked at again, in nanoseconds.
const SOON: u64 = 1_000_000;

/// The table.
#[derive(Debug)]
pub(super) struct Table(File);

/// The lock on the table, which is given back when this is dropped.
struct Lock<'a>(&'a File);

/// Where a host has its entry.
enum Place {
    /// It has one.
    Taken(usize, Entry),
    /// It has none, and this place is free.
    Free(usize),
    /// It has none, and none is free before this moment.
    Full(Moment),
}

impl Table {
    pub(super) fn new(file: File) -> Self {
        Self(file)
    }

    /// Whether other runs still find the same file.
    pub(super) fn is_there(&self) -> bool {
        folder::is_there(&self.0)
    }

    /// Does something while no other run changes the table; `None` if another process has the lock.
    ///
    /// # Errors
    /// When the file cannot be locked, and what `change` returns.
    pub(super) fn locked<T>(
        &self,
        change: impl FnOnce(&Self) -> io::Result<T>,
    ) -> io::Result<Option<T>> {
        match self.lock()? {
            Some(_lock) => change(self).map(Some),
            None => Ok(None),
        }
    }

    /// The lock, unless another process has it.
    ///
    /// # Errors
    /// When the file cannot be locked.
    fn lock(&self) -> io::Result<Option<Lock<'_>>> {
        for _ in 0..TRIES {
            match self.0.try_lock() {
                Ok(()) => return Ok(Some(Lock(&self.0))),
                Err(TryLockError::WouldBlock) => std::thread::yield_now(),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The entry of a host, if it has one.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn find(&self, key: u64, clock: impl Fn() -> Moment) -> io::Result<Option<Entry>> {
        Ok(match self.place(key, clock)?.0 {
            Place::Taken(_, entry) => Some(entry),
            Place::Free(_) | Place::Full(_) => None,
        })
    }

    /// Changes the entry of a host, under the lock. If there is no place for one, returns when there is.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub(super) fn change<T>(
        &self,
        key: u64,
        clock: impl Fn() -> Moment,
        change: impl FnOnce(&mut Entry, Moment) -> T,
    ) -> io::Result<Result<T, Moment>> {
        let (place, now) = self.place(key, clock)?;
        let (place, mut entry) = match place {
            Place::Taken(place, entry) => (place, entry),
            Place::Free(place) => (place, Entry::new(key)),
            Place::Full(until) => return Ok(Err(until)),
        };
        let changed = change(&mut entry, now);
        let start = row(key) + (place * Entry::SIZE) as u64;
        self.0.write_all_at(&entry.bytes(), start)?;
        Ok(Ok(changed))
    }

    /// Where a host has its entry, and at which moment.
    ///
    /// The clock is read after the entries: otherwise one that was written in between would seem to be from the future.
    fn place(&self, key: u64, clock: impl Fn() -> Moment) -> io::Result<(Place, Moment)> {
        let mut bytes = [0; ROW];
        let mut filled = 0;
        while filled < ROW {
            match self
                .0
                .read_at(&mut bytes[filled..], row(key) + filled as u64)
            {
                Ok(0) => break, // what was never written is free
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let now = clock();
        let mut free = None;
        let mut soonest = Moment::MAX;
        for (place, bytes) in bytes.as_chunks::<{ Entry::SIZE }>().0.iter().enumerate() {
            match Entry::read(bytes, now) {
                Some(entry) if entry.key == key => return Ok((Place::Taken(place, entry), now)),
                Some(entry) => soonest = soonest.min(entry.ends()),
                None => free = free.or(Some(place)),
            }
        }
        let full = Place::Full(soonest.max(now.saturating_add(SOON)));
        Ok((free.map_or(full, Place::Free), now))
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        // Explicitly: a child process that is being started has a copy of the file, and would keep the lock.
        let _ = self.0.unlock();
    }
}

/// Where the row of a host begins.
fn row(key: u64) -> u64 {
    (key % ROWS) * ROW as u64
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::entry::{Asker, LONGEST};
    use super::*;

    const START: Moment = 1_000_000_000;
    const DELAY: u64 = 1_000_000;
    const ASKER: Asker = Asker {
        run: 1,
        delay: DELAY,
        longest_pause: LONGEST,
        has_turn: false,
    };

    fn ask(table: &Table, key: u64, now: Moment) -> Result<(), Moment> {
        let asked = table.change(key, || now, |entry, now| entry.ask(ASKER, &mut None, now));
        asked.unwrap().and_then(|asked| asked)
    }

    #[test]
    fn any_number_of_hosts_fits_into_one_small_file_and_none_is_forgotten_too_early() {
        let table = Table::new(tempfile::tempfile().unwrap());
        let mut asked: HashMap<u64, Moment> = HashMap::new();
        let mut now = START;
        let mut waits = 0_u32;
        for host in 0..200_000_u64 {
            let key = xxhash_rust::xxh3::xxh3_64(&host.to_le_bytes());
            now += 20; // fifty thousand entries are not over at a time
            while let Err(until) = ask(&table, key, now) {
                assert!(until > now && until <= now + 2 * DELAY);
                now = until;
                waits += 1;
            }
            asked.insert(key, now);
            if host % 20_000 == 0 {
                let alive = asked.iter().filter(|(_, at)| **at + DELAY > now);
                let missing = alive.filter(|(key, _)| table.find(**key, || now).unwrap().is_none());
                assert_eq!(missing.count(), 0);
                asked.retain(|_, at| *at + DELAY > now);
            }
        }
        let size = table.0.metadata().unwrap().len();
        assert!(size <= ROWS * ROW as u64, "{size}");
        assert!(waits > 0, "no row was ever full");
    }

    #[test]
    fn garbage_in_the_file_is_free_space() {
        let table = Table::new(tempfile::tempfile().unwrap());
        let mut garbage = vec![0; (ROWS * ROW as u64) as usize];
        fastrand::Rng::with_seed(1).fill(&mut garbage);
        for garbage in [&garbage[..], &garbage[..100], &[0xff; 3 * ROW]] {
            table.0.set_len(0).unwrap();
            table.0.write_all_at(garbage, 0).unwrap();
            for key in 0..ROWS {
                assert_eq!(table.find(key, || START).unwrap(), None);
                assert_eq!(ask(&table, key, START), Ok(()));
                assert!(table.find(key, || START).unwrap().is_some());
            }
        }
    }

    #[test]
    fn the_lock_is_given_back_and_never_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            let file = folder::open(&folder.path().join("haul"), true);
            Table::new(file.unwrap().unwrap())
        };
        let (one, other) = (open(), open());
        let lock = one.lock().unwrap();
        assert!(lock.is_some() && other.lock().unwrap().is_none());
        drop(lock);
        assert!(other.lock().unwrap().is_some());
    }
}
