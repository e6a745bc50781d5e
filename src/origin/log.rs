//! What the server saw: the only witness that tests trust.
//!
//! Counts are atomics and always updated; hits (one per request, with headers and body) are stored on demand, up to
//! a limit. Invariant: a hit is in the log before its response starts, its `status` before the first byte of the
//! response, so a client that has the response finds both. `until` follows once the last byte was written to the
//! socket.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;

use super::request::Request;

/// Longer bodies are cut in the log (but still read).
const LOGGED_BODY_BYTES: usize = 64 << 10;

/// After this many hits only the counts continue.
const HITS_LIMIT: usize = 200_000;

/// The most bytes of bodies and headers of all hits together.
const LOGGED_BYTES_LIMIT: usize = 256 << 20;

/// How much a log stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogLevel {
    /// Numbers only; for measuring.
    Counts,
    /// Every request as well, up to 200,000 and 256 MiB.
    #[default]
    Hits,
}

/// One request as the server saw it.
#[derive(Debug, Clone)]
pub struct Hit {
    /// When its head had arrived and its body had been read.
    pub at: Instant,
    /// When the last byte of its response was written, or the connection was lost.
    ///
    /// `None` while in flight.
    pub until: Option<Instant>,
    /// The path with its query, as sent.
    pub path: String,
    /// The method, as sent.
    pub method: String,
    /// The `Host` header with its port; empty if there was none.
    pub host: String,
    /// The connection's number, counted from 1.
    pub connection: u64,
    /// All headers in order, names as written.
    pub headers: Vec<(String, String)>,
    /// The first 64 KiB of the body.
    pub body: Bytes,
    /// The status of the response; `None` if the response was not HTTP, or has not started.
    pub status: Option<u16>,
}

impl Hit {
    /// The first header of that name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// The numbers of a log at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Requests that arrived.
    pub requests: u64,
    /// Requests whose response ended, one way or the other.
    pub answered: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Connections open now.
    pub open_connections: u64,
    /// Bytes sent, heads included.
    pub bytes: u64,
    /// Requests that arrived and have no complete response yet.
    pub in_flight: u64,
    /// The most requests that were ever in flight at once.
    pub most_in_flight: u64,
}

/// What the server saw.
#[derive(Debug, Default)]
pub struct Log {
    level: LogLevel,
    requests: AtomicU64,
    answered: AtomicU64,
    connections: AtomicU64,
    open_connections: AtomicU64,
    bytes: AtomicU64,
    in_flight: AtomicU64,
    most_in_flight: AtomicU64,
    hits: Mutex<Hits>,
    changed: Notify,
}

/// The stored hits.
///
/// `first` is the number of the oldest, so that a hit that was in flight during `clear` is not confused with a
/// later one.
#[derive(Debug, Default)]
struct Hits {
    first: u64,
    list: Vec<Hit>,
    bytes: usize,
}

impl Log {
    pub(crate) fn new(level: LogLevel) -> Log {
        Log {
            level,
            ..Log::default()
        }
    }

    /// All numbers at this moment.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            requests: self.requests.load(SeqCst),
            answered: self.answered.load(SeqCst),
            connections: self.connections.load(SeqCst),
            open_connections: self.open_connections.load(SeqCst),
            bytes: self.bytes.load(SeqCst),
            in_flight: self.in_flight.load(SeqCst),
            most_in_flight: self.most_in_flight.load(SeqCst),
        }
    }

    /// Requests that arrived.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(SeqCst)
    }

    /// Connections accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(SeqCst)
    }

    /// The hits on one path, in the order of arrival.
    ///
    /// The query must match, unless `path` has none.
    #[must_use]
    pub fn hits(&self, path: &str) -> Vec<Hit> {
        let asks = |hit: &&Hit| is_path(&hit.path, path);
        self.lock_hits().list.iter().filter(asks).cloned().collect()
    }

    /// Every hit in the order of arrival.
    #[must_use]
    pub fn all_hits(&self) -> Vec<Hit> {
        self.lock_hits().list.clone()
    }

    /// The path of every hit, with its query, in the order of arrival.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        self.lock_hits()
            .list
            .iter()
            .map(|hit| hit.path.clone())
            .collect()
    }

    /// The times between consecutive requests with this `Host` header.
    #[must_use]
    pub fn gaps(&self, host: &str) -> Vec<Duration> {
        let hits = self.lock_hits();
        let moments: Vec<Instant> = hits.of_host(host).map(|hit| hit.at).collect();
        moments
            .windows(2)
            .map(|pair| pair[1].saturating_duration_since(pair[0]))
            .collect()
    }

    /// The most requests with this `Host` header that were in flight at once.
    #[must_use]
    pub fn max_in_flight(&self, host: &str) -> usize {
        let hits = self.lock_hits();
        // At the same moment, ends sort before starts.
        let mut change: BTreeMap<(Instant, bool), usize> = BTreeMap::new();
        for hit in hits.of_host(host) {
            *change.entry((hit.at, true)).or_default() += 1;
            if let Some(until) = hit.until {
                *change.entry((until, false)).or_default() += 1;
            }
        }
        let (mut now, mut most) = (0_usize, 0);
        for ((_, begins), count) in change {
            now = if begins {
                now + count
            } else {
                now.saturating_sub(count)
            };
            most = most.max(now);
        }
        most
    }

    /// Waits until `count` requests have arrived since the start or the last [`Log::clear`].
    pub async fn wait_for_hits(&self, count: u64) {
        self.wait_until(|| self.requests() >= count).await;
    }

    /// Waits until `count` responses have ended since the start or the last [`Log::clear`].
    pub async fn wait_for_answers(&self, count: u64) {
        self.wait_until(|| self.answered.load(SeqCst) >= count)
            .await;
    }

    /// Waits until every connection is closed.
    pub async fn wait_until_closed(&self) {
        self.wait_until(|| self.open_connections.load(SeqCst) == 0)
            .await;
    }

    /// Waits for the first hit on a path, with its query or without, and returns that hit.
    ///
    /// # Panics
    /// When the log only counts: it would wait forever.
    pub async fn wait_for(&self, path: &str) -> Hit {
        assert!(
            self.level == LogLevel::Hits,
            "a log of counts never sees a path"
        );
        let seen = || {
            self.lock_hits()
                .list
                .iter()
                .find(|hit| is_path(&hit.path, path))
                .cloned()
        };
        loop {
            let changed = self.changed.notified(); // created before checking, so no notice is lost
            if let Some(hit) = seen() {
                return hit;
            }
            changed.await;
        }
    }

    /// Forgets all hits and resets the counts, except for what is open or in flight.
    pub fn clear(&self) {
        let mut hits = self.lock_hits();
        for count in [
            &self.requests,
            &self.answered,
            &self.connections,
            &self.bytes,
        ] {
            count.store(0, SeqCst);
        }
        self.most_in_flight
            .store(self.in_flight.load(SeqCst), SeqCst);
        hits.first += hits.list.len() as u64;
        hits.list.clear();
        hits.bytes = 0;
    }

    /// Counts a connection as open until the guard drops.
    pub(crate) fn connect(&self) -> Open<'_> {
        self.open_connections.fetch_add(1, SeqCst);
        let number = self.connections.fetch_add(1, SeqCst) + 1;
        self.changed.notify_waiters();
        Open { log: self, number }
    }

    /// Counts a request as in flight until the guard drops.
    pub(crate) fn arrive(&self, request: &Request) -> InFlight<'_> {
        let now = self.in_flight.fetch_add(1, SeqCst) + 1;
        self.most_in_flight.fetch_max(now, SeqCst);
        let number = if self.level == LogLevel::Hits {
            self.store(request)
        } else {
            None
        };
        self.requests.fetch_add(1, SeqCst);
        self.changed.notify_waiters();
        InFlight { log: self, number }
    }

    /// Counts bytes that were sent.
    pub(crate) fn sent(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Relaxed);
    }

    fn store(&self, request: &Request) -> Option<u64> {
        let hit = Hit {
            at: Instant::now(),
            until: None,
            path: request.path_and_query().to_owned(),
            method: request.method().to_owned(),
            host: request.host().into_owned(),
            connection: request.connection(),
            headers: request.headers(),
            body: request
                .body
                .slice(..request.body.len().min(LOGGED_BODY_BYTES)),
            status: None,
        };
        let weight = hit.path.len()
            + request.body.len()
            + hit
                .headers
                .iter()
                .map(|(name, value)| name.len() + value.len())
                .sum::<usize>();
        let mut hits = self.lock_hits();
        if hits.list.len() >= HITS_LIMIT || hits.bytes + weight > LOGGED_BYTES_LIMIT {
            return None;
        }
        hits.bytes += weight;
        hits.list.push(hit);
        Some(hits.first + hits.list.len() as u64 - 1)
    }

    fn lock_hits(&self) -> MutexGuard<'_, Hits> {
        self.hits.lock().unwrap_or_else(PoisonError::into_inner) // nothing panics in the middle of a change
    }

    async fn wait_until(&self, done: impl Fn() -> bool) {
        loop {
            let changed = self.changed.notified(); // created before checking, so no notice is lost
            if done() {
                return;
            }
            changed.await;
        }
    }
}

impl Hits {
    fn of_host<'a>(&'a self, host: &'a str) -> impl Iterator<Item = &'a Hit> {
        self.list
            .iter()
            .filter(move |hit| hit.host.eq_ignore_ascii_case(host))
    }

    fn hit(&mut self, number: u64) -> Option<&mut Hit> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.list.get_mut(index)
    }
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Open<'a> {
    log: &'a Log,
    pub(crate) number: u64,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.log.open_connections.fetch_sub(1, SeqCst);
        self.log.changed.notify_waiters();
    }
}

/// A request in flight.
#[derive(Debug)]
pub(crate) struct InFlight<'a> {
    log: &'a Log,
    number: Option<u64>,
}

impl InFlight<'_> {
    /// Notes the status with which the response starts.
    pub(crate) fn status(&self, status: u16) {
        if let Some(number) = self.number
            && let Some(hit) = self.log.lock_hits().hit(number)
        {
            hit.status = Some(status);
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number
            && let Some(hit) = self.log.lock_hits().hit(number)
        {
            hit.until = Some(Instant::now());
        }
        self.log.in_flight.fetch_sub(1, SeqCst);
        self.log.answered.fetch_add(1, SeqCst);
        self.log.changed.notify_waiters();
    }
}

fn is_path(logged: &str, wanted: &str) -> bool {
    logged == wanted
        || (!wanted.contains('?')
            && logged
                .split_once('?')
                .is_some_and(|(path, _)| path == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str, host: &str) -> Request {
        Request::of(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
    }

    #[test]
    fn overlapping_requests_are_counted_by_host() {
        let log = Log::new(LogLevel::Hits);
        let first = log.arrive(&request("/1", "a"));
        let second = log.arrive(&request("/2", "A"));
        let other = log.arrive(&request("/3", "b"));
        drop(first);
        let third = log.arrive(&request("/4", "a"));
        drop((second, third, other));
        assert_eq!(
            (
                log.max_in_flight("a"),
                log.max_in_flight("b"),
                log.gaps("a").len()
            ),
            (2, 1, 2)
        );
        let counts = log.counts();
        assert_eq!(
            (
                counts.requests,
                counts.answered,
                counts.in_flight,
                counts.most_in_flight
            ),
            (4, 4, 0, 3)
        );
    }

    #[test]
    fn a_log_of_counts_stores_no_hits_and_a_cleared_log_forgets_those_in_flight() {
        let counts = Log::new(LogLevel::Counts);
        drop(counts.arrive(&request("/", "a")));
        assert_eq!((counts.requests(), counts.paths().len()), (1, 0));

        let log = Log::new(LogLevel::Hits);
        let old = log.arrive(&request("/old", "a"));
        log.clear();
        let new = log.arrive(&request("/new", "a"));
        old.status(500);
        drop(old);
        assert_eq!(log.paths(), ["/new"]);
        assert_eq!(
            (log.all_hits()[0].status, log.all_hits()[0].until),
            (None, None)
        );
        drop(new);
        assert!(log.all_hits()[0].until.is_some());
    }

    #[test]
    fn a_path_is_found_with_its_query_or_without() {
        let log = Log::new(LogLevel::Hits);
        drop(log.arrive(&request("/a?x=1", "a")));
        assert_eq!(
            (
                log.hits("/a").len(),
                log.hits("/a?x=1").len(),
                log.hits("/a?x=2").len()
            ),
            (1, 1, 0)
        );
    }
}
