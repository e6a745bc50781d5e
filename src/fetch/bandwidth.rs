//! Limits of the rate at which bodies are received.
//!
//! Bytes are paid for with time, after they have arrived: their body is not read further until then, so that TCP slows
//! the server down. All bodies under one limit share its meter, whichever lane they are on. Invariant: in any time, a
//! meter lets no more pass than its rate allows, plus [`BURST`] and the one piece that each body is ahead. Without a
//! limit there is no meter.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::settings::Bandwidth;
use crate::text::size::ByteSize;
use crate::url::HostKey;

/// The time for which an unused rate may be made up for.
const BURST: Duration = Duration::from_millis(100);
/// The number of hosts above which meters that nobody uses are dropped.
const HOSTS: usize = 4096;

/// The meters of a run.
pub(super) struct Meters {
    in_all: Option<Arc<Meter>>,
    /// The rate of each host in bytes per second, 0 for no limit, and the meters of hosts with bodies under way.
    per_host: u64,
    hosts: Mutex<HashMap<HostKey, Arc<Meter>>>,
}

/// The meters that one body has to pay.
#[derive(Default)]
pub(super) struct Dues {
    in_all: Option<Arc<Meter>>,
    host: Option<Arc<Meter>>,
}

/// One limit, and until when what was received under it has been paid for.
struct Meter {
    /// Bytes per second, at least 1.
    rate: u64,
    started: Instant,
    /// In nanoseconds since the start.
    paid_until: AtomicU64,
}

impl Meters {
    pub(super) fn new(limits: Bandwidth) -> Self {
        let limit = |ByteSize(rate): ByteSize| (rate > 0).then(|| Arc::new(Meter::new(rate)));
        Self {
            in_all: limit(limits.in_all),
            per_host: limits.per_host.0,
            hosts: Mutex::default(),
        }
    }

    /// The meters for a body from this host.
    pub(super) fn dues(&self, host: &HostKey) -> Dues {
        Dues {
            in_all: self.in_all.clone(),
            host: (self.per_host > 0).then(|| self.host(host)),
        }
    }

    fn host(&self, host: &HostKey) -> Arc<Meter> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(meter) = hosts.get(host) {
            return meter.clone();
        }
        if hosts.len() >= HOSTS {
            let now = Instant::now();
            hosts.retain(|_, meter| Arc::strong_count(meter) > 1 || meter.owes(now));
        }
        let meter = Arc::new(Meter::new(self.per_host));
        hosts.insert(host.clone(), meter.clone());
        meter
    }
}

impl Dues {
    /// Counts received bytes. Returns when their body may be read further, if not at once.
    pub(super) fn pay(&self, bytes: usize) -> Option<Instant> {
        if self.in_all.is_none() && self.host.is_none() {
            return None;
        }
        let now = Instant::now();
        let meters = self.in_all.iter().chain(&self.host);
        let until = meters.map(|meter| meter.pay(bytes as u64, now)).max();
        until.filter(|until| *until > now)
    }
}

impl Meter {
    fn new(rate: u64) -> Self {
        Self {
            rate,
            started: Instant::now(),
            paid_until: AtomicU64::new(0),
        }
    }

    /// Counts bytes, and returns when they are paid for.
    fn pay(&self, bytes: u64, now: Instant) -> Instant {
        let passed = now.saturating_duration_since(self.started);
        let earliest = nanoseconds(passed.saturating_sub(BURST));
        let price = u128::from(bytes) * 1_000_000_000 / u128::from(self.rate);
        let price = u64::try_from(price).unwrap_or(u64::MAX);
        let after = |paid: u64| paid.max(earliest).saturating_add(price);
        let update = self
            .paid_until
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |paid| {
                Some(after(paid))
            });
        let paid = update.map_or_else(after, after);
        let until = self.started.checked_add(Duration::from_nanos(paid));
        // A time that cannot be expressed is longer than any deadline.
        until.unwrap_or(now + Duration::from_secs(u64::from(u32::MAX)))
    }

    /// Whether something that was received is not paid for yet.
    fn owes(&self, now: Instant) -> bool {
        let now = nanoseconds(now.saturating_duration_since(self.started));
        self.paid_until.load(Ordering::Relaxed) > now
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::PageUrl;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn bytes_take_the_time_that_the_rate_says_and_pauses_are_not_saved_up() {
        let meter = Meter::new(1000);
        let start = meter.started;
        assert_eq!(meter.pay(500, start), start + SECOND / 2);
        assert_eq!(meter.pay(1000, start), start + SECOND * 3 / 2);
        // After a minute without anything, only the burst is free.
        let later = start + SECOND * 60;
        assert_eq!(meter.pay(1000, later), later + SECOND - BURST);
        assert!(meter.owes(later) && !meter.owes(later + SECOND));
        assert!(Meter::new(1).pay(u64::MAX, start) > start + SECOND * 86_400);
    }

    #[test]
    fn each_host_has_a_meter_and_all_pay_the_one_of_the_run() {
        let host = |name: &str| PageUrl::parse(name).unwrap().host_key();
        let (one, other) = (host("http://a.example/"), host("http://b.example/"));
        let meters = Meters::new(Bandwidth {
            in_all: ByteSize(1000),
            per_host: ByteSize(500),
        });
        let dues = [&one, &other, &one].map(|host| meters.dues(host));
        let of = |dues: &Dues| dues.host.as_ref().map(Arc::as_ptr);
        assert_eq!(of(&dues[0]), of(&dues[2]));
        assert_ne!(of(&dues[0]), of(&dues[1]));
        let all = |dues: &Dues| dues.in_all.as_ref().map(Arc::as_ptr);
        assert!(all(&dues[0]).is_some() && all(&dues[0]) == all(&dues[1]));
        let until = dues[0].pay(1000).unwrap();
        assert!(until > Instant::now() + SECOND, "the slower meter counts");
        assert!(
            Meters::new(Bandwidth::default())
                .dues(&one)
                .pay(1 << 40)
                .is_none()
        );
    }

    #[test]
    fn hosts_that_owe_nothing_are_forgotten() {
        let meters = Meters::new(Bandwidth {
            per_host: ByteSize::mib(1),
            ..Bandwidth::default()
        });
        let host = |name: usize| {
            let url = format!("http://h{name}.example/");
            PageUrl::parse(&url).unwrap().host_key()
        };
        let used = meters.dues(&host(0));
        (1..3 * HOSTS).for_each(|name| drop(meters.dues(&host(name))));
        let hosts = meters.hosts.lock().unwrap();
        assert!(hosts.len() <= HOSTS && hosts.contains_key(&host(0)));
        drop(used);
    }
}
