//! The pace of hosts that all runs of a user on this machine share.
//!
//! Each run asks a host no faster than its settings say, but two runs that know nothing of each other ask it twice as
//! fast. So they keep a table in a folder of the user: when each host may be asked next. A run takes its turn in the
//! table before it takes a job, and writes into it when a server asks for a pause.
//!
//! Invariants: the table only ever delays a request. Hosts are known by a hash, so nothing that a server or a list says
//! becomes a name of a file, and the table does not tell which hosts they are. It has a fixed size: if a part of it is
//! full, hosts wait until an entry is over. Nobody is waited for: the lock on the table is held only while an entry is
//! read and written, the system takes it from a process that ends, and one that was stopped with the lock in its hands
//! is waited for briefly. A run that cannot use the table says so and goes on at its own pace.

mod entry;
mod folder;
mod table;

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::url::{HostKey, HostPattern};
use entry::{Asker, LONGEST, Moment, nanoseconds};
use table::Table;

/// How long a run waits for a process that holds the lock, as one does that was stopped.
const PATIENCE: Duration = Duration::from_millis(500);
/// How soon a run that did not get the lock tries again.
const AGAIN: Duration = Duration::from_millis(2);
/// How often to check whether the file exists, or still does.
const CHECK_EVERY: Duration = Duration::from_millis(500);

/// Where the runs of a user share the pace of hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareSettings {
    /// The folder, for the user alone; created if it does not exist, but the folder around it has to.
    ///
    /// All runs with the same folder share. On a disk that several machines have, it would mean nothing: their clocks
    /// differ.
    pub folder: PathBuf,
    /// Hosts that are not shared, because they are others for each run.
    pub except: Option<HostPattern>,
}

/// The pace of hosts, as this run shares it with others.
#[derive(Debug)]
pub(crate) struct SharedPace {
    settings: ShareSettings,
    /// How long a pause is obeyed that another run was asked for.
    longest_pause: Duration,
    /// The number of this run.
    run: u64,
    /// What the hashes of hosts depend on: another one after each start of the machine, as its clock starts again.
    seed: u64,
    table: Option<Table>,
    /// When to check the file again.
    check_at: Moment,
    /// Since when another process holds the lock.
    locked_since: Option<Moment>,
    /// Whether the table cannot be used at all.
    is_off: bool,
    notice: Option<String>,
    has_told_of_lock: bool,
}

/// The moment that a run has booked for its next request to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Booking(Moment);

/// What became of a change that needs the lock.
enum Locked<T> {
    /// It was made.
    Changed(T),
    /// Another process has the lock, and will soon give it back.
    NotYet,
    /// The run goes on without the others.
    Alone,
}

impl SharedPace {
    /// The pace as it is shared in a folder. Pauses that other runs were asked for are obeyed for at most
    /// `longest_pause`.
    pub(crate) fn new(settings: ShareSettings, longest_pause: Duration) -> Self {
        let mut shared = Self {
            settings,
            longest_pause,
            run: fastrand::u64(1..),
            seed: boot(),
            table: None,
            check_at: 0,
            locked_since: None,
            is_off: false,
            notice: None,
            has_told_of_lock: false,
        };
        shared.open(false); // so that a folder that cannot be used is known before the run
        shared
    }

    /// Takes the turn for a request to a host with this delay. Returns when the run itself may ask next.
    ///
    /// `has_turn` says that the last turn has not been used yet. It is kept, unless others took theirs since.
    ///
    /// # Errors
    /// When to come back, because others come first.
    pub(crate) fn ask(
        &mut self,
        host: &HostKey,
        delay: Duration,
        has_turn: bool,
        booking: &mut Option<Booking>,
    ) -> Result<Instant, Instant> {
        let delay = delay.min(Duration::from_nanos(LONGEST));
        if !self.is_shared(host) || !self.open(true) {
            return Ok(Instant::now() + delay);
        }
        let asker = Asker {
            run: self.run,
            delay: nanoseconds(delay),
            longest_pause: nanoseconds(self.longest_pause),
            has_turn,
        };
        let key = self.key(host);
        let mut booked = booking.map(|booking| booking.0);
        let asked = self.locked(|table| {
            table.change(key, now, |entry, now| entry.ask(asker, &mut booked, now))
        });
        *booking = booked.map(Booking);
        match asked {
            Locked::Changed(Ok(Ok(()))) | Locked::Alone => Ok(Instant::now() + delay),
            Locked::Changed(Err(until) | Ok(Err(until))) => Err(instant(until)),
            Locked::NotYet => Err(Instant::now() + AGAIN),
        }
    }

    /// Until when another run was asked to leave this host alone, if that is in the future.
    ///
    /// It takes no lock: at worst a pause is seen at the next look.
    pub(crate) fn pause(&mut self, host: &HostKey) -> Option<Instant> {
        if !self.is_shared(host) || !self.open(false) {
            return None;
        }
        let key = self.key(host);
        let entry = self.table.as_ref()?.find(key, now).ok()??;
        let until = entry.paused_until(nanoseconds(self.longest_pause));
        (until > now()).then(|| instant(until))
    }

    /// Tells other runs that a host must not be asked before a moment.
    pub(crate) fn tell(&mut self, host: &HostKey, until: Instant) {
        if !self.is_shared(host) || !self.open(true) {
            return;
        }
        let left = until.saturating_duration_since(Instant::now());
        let until = now().saturating_add(nanoseconds(left));
        let key = self.key(host);
        // Without the lock or a free entry, the others find out by themselves.
        self.locked(|table| table.change(key, now, |entry, now| entry.pause(until, now)));
    }

    /// What the user should know, once.
    pub(crate) fn take_notice(&mut self) -> Option<String> {
        self.notice.take()
    }

    fn is_shared(&self, host: &HostKey) -> bool {
        let except = self.settings.except.as_ref();
        !self.is_off && !except.is_some_and(|except| except.matches(host.name()))
    }

    fn key(&self, host: &HostKey) -> u64 {
        xxh3_64_with_seed(host.as_str().as_bytes(), self.seed)
    }

    /// Opens the table if it is not open. Returns whether it is.
    ///
    /// A run that only looks creates no file; it checks now and then whether there is one.
    fn open(&mut self, create: bool) -> bool {
        let clock = now();
        let is_due = clock >= self.check_at;
        if is_due {
            self.check_at = clock.saturating_add(nanoseconds(CHECK_EVERY));
            if self.table.as_ref().is_some_and(|table| !table.is_there()) {
                self.table = None; // somebody tidied up, and the others use a new file
            }
        }
        if self.table.is_none() && (create || is_due) {
            match folder::open(&self.settings.folder, create) {
                Ok(file) => self.table = file.map(Table::new),
                Err(problem) => self.turn_off(&problem),
            }
        }
        self.table.is_some()
    }

    /// Changes the table while no other run does.
    fn locked<T>(&mut self, change: impl FnOnce(&Table) -> io::Result<T>) -> Locked<T> {
        let Some(table) = &self.table else {
            return Locked::Alone;
        };
        match table.locked(change) {
            Ok(Some(changed)) => {
                self.locked_since = None;
                Locked::Changed(changed)
            }
            Ok(None) => self.is_locked(),
            Err(error) => {
                let shown = self.settings.folder.display();
                self.turn_off(&format!("{shown}: {error}"));
                Locked::Alone
            }
        }
    }

    /// Whether to wait longer for the lock.
    fn is_locked<T>(&mut self) -> Locked<T> {
        let clock = now();
        let since = *self.locked_since.get_or_insert(clock);
        if clock.saturating_sub(since) < nanoseconds(PATIENCE) {
            return Locked::NotYet;
        }
        if !std::mem::replace(&mut self.has_told_of_lock, true) {
            let file = self.settings.folder.join(folder::FILE);
            self.notice = Some(format!(
                "another process holds {} and does not go on: until it does, hosts are asked at this run's own pace",
                file.display()
            ));
        }
        Locked::Alone
    }

    /// Goes on without the others.
    fn turn_off(&mut self, problem: &str) {
        self.is_off = true;
        self.table = None;
        self.notice = Some(format!(
            "the pace of hosts is not shared with other runs: {problem}"
        ));
    }
}

/// This moment, on a clock that all processes of the machine share and that never jumps.
fn now() -> Moment {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    let rest = u64::try_from(now.tv_nsec).unwrap_or_default();
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

/// A moment of that clock as one of this program; now if it is over.
fn instant(moment: Moment) -> Instant {
    Instant::now() + Duration::from_nanos(moment.saturating_sub(now()))
}

/// A number for this start of the machine; 0 if the system does not say.
fn boot() -> u64 {
    let id = std::fs::read("/proc/sys/kernel/random/boot_id");
    id.map_or(0, |id| xxh3_64(&id))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::url::PageUrl;

    const HOUR: Duration = Duration::from_secs(3600);

    fn host(url: &str) -> HostKey {
        PageUrl::parse(url).unwrap().host_key()
    }

    /// Two runs that share a folder, and that believe pauses of up to a minute.
    fn two(folder: PathBuf) -> [SharedPace; 2] {
        let settings = ShareSettings {
            folder,
            except: Some("*.localhost".parse().unwrap()),
        };
        [(); 2].map(|()| SharedPace::new(settings.clone(), Duration::from_secs(60)))
    }

    /// Whether a run may ask a host with a delay of an hour.
    fn may_ask(run: &mut SharedPace, host: &HostKey) -> bool {
        run.ask(host, HOUR, false, &mut None).is_ok()
    }

    #[test]
    fn runs_with_one_folder_find_each_other_even_after_somebody_tidied_up() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("haul");
        let [mut one, mut other] = two(folder.clone());
        let a = host("http://a.example/");
        assert!(!folder.exists());
        assert!(may_ask(&mut one, &a) && !may_ask(&mut other, &a));
        assert!(may_ask(&mut other, &host("http://a.example:81/")));
        fs::remove_dir_all(&folder).unwrap();
        (one.check_at, other.check_at) = (0, 0);
        assert!(may_ask(&mut one, &a) && !may_ask(&mut other, &a));
        assert_eq!((one.take_notice(), other.take_notice()), (None, None));
    }

    #[test]
    fn a_run_learns_what_another_was_asked_for_and_obeys_it_as_long_as_it_would_itself() {
        let parent = tempfile::tempdir().unwrap();
        let [mut one, mut other] = two(parent.path().join("haul"));
        let (a, b) = (host("http://a.example/"), host("http://b.example/"));
        let begun = Instant::now();
        one.tell(&a, begun + HOUR);
        other.check_at = 0; // it looks for the file now and then
        let until = other.pause(&a).unwrap();
        let minute = begun + Duration::from_secs(60);
        assert!(until >= minute && until <= minute + begun.elapsed());
        assert_eq!(other.pause(&b), None);
    }

    #[test]
    fn hosts_that_each_run_has_for_itself_are_not_shared() {
        let parent = tempfile::tempdir().unwrap();
        let [mut one, mut other] = two(parent.path().join("haul"));
        let own = host("http://shop.localhost/");
        assert!(may_ask(&mut one, &own) && may_ask(&mut other, &own));
        one.tell(&own, Instant::now() + HOUR);
        assert_eq!(other.pause(&own), None);
    }
}
