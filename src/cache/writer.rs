//! The thread that writes to the cache, in batches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, header};
use rusqlite::{Connection, TransactionBehavior};

use super::CacheSettings;
use super::table::{self, Entry};
use crate::page::freshness::{Exchange, Freshness};
use crate::page::headers::Headers;

/// The most changes that wait, and that one transaction has.
const BATCH: usize = 256;
/// The most bytes of bodies that wait.
const WAITING: u64 = 64 << 20;

/// Header fields that are not kept: secrets, and what is only about the connection.
const NOT_KEPT: [HeaderName; 5] = [
    header::SET_COOKIE,
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::WWW_AUTHENTICATE,
    header::PROXY_AUTHENTICATE,
];
/// Header fields of the stored response that a 304 does not change (RFC 9111 3.2): they describe the body that is here.
const OF_BODY: [HeaderName; 4] = [
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::CONTENT_TYPE,
    header::CONTENT_RANGE,
];

/// A response, and what was asked.
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    /// The header fields of the request.
    pub(crate) request: HeaderMap,
    pub(crate) exchange: Exchange,
}

enum Change {
    Store(Answer, Bytes),
    Refresh(Answer),
    Use,
    Forget,
}

/// Writes to the cache.
pub(crate) struct Writer {
    changes: SyncSender<(String, Change)>,
    thread: JoinHandle<Option<String>>,
    /// Bytes of bodies that wait.
    waiting: Arc<AtomicU64>,
    /// The largest body that is kept, in bytes.
    largest: u64,
}

impl Writer {
    /// Opens the cache and starts the thread.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(crate) fn start(settings: &CacheSettings) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| error.to_string();
        std::fs::create_dir_all(&settings.folder).map_err(|error| failed(&error))?;
        let database = table::open(&settings.database()).map_err(|error| failed(&error))?;
        let (changes, receiver) = sync_channel(BATCH);
        let waiting = Arc::new(AtomicU64::new(0));
        let (most, counter) = (settings.size.0, waiting.clone());
        let thread = thread::Builder::new().name("cache".into());
        let thread = thread.spawn(move || write_all(database, &receiver, most, &counter));
        Ok(Self {
            changes,
            thread: thread.map_err(|error| failed(&error))?,
            waiting,
            // One page must not drive out all others.
            largest: most / 8,
        })
    }

    /// Stores a response with its body as received. If the thread cannot keep up, it is not stored.
    pub(crate) fn store(&self, url: &str, answer: Answer, body: &Bytes) {
        let length = body.len() as u64;
        let waits = self.waiting.load(Ordering::Relaxed);
        if length <= self.largest && waits + length <= WAITING {
            self.waiting.fetch_add(length, Ordering::Relaxed);
            if !self.send(url, Change::Store(answer, body.clone())) {
                self.waiting.fetch_sub(length, Ordering::Relaxed);
            }
        }
    }

    /// Updates a stored response by a 304 (RFC 9111 4.3.4).
    pub(crate) fn refresh(&self, url: &str, answer: Answer) {
        self.send(url, Change::Refresh(answer));
    }

    /// Notes that a stored response was used.
    pub(crate) fn used(&self, url: &str) {
        self.send(url, Change::Use);
    }

    /// Removes a stored response: it is damaged, or no longer what the server has.
    pub(crate) fn forget(&self, url: &str) {
        self.send(url, Change::Forget);
    }

    fn send(&self, url: &str, change: Change) -> bool {
        self.changes.try_send((url.to_owned(), change)).is_ok()
    }

    /// Writes what waits, and ends. Returns why something could not be written, if so.
    pub(crate) fn finish(self) -> Option<String> {
        drop(self.changes);
        self.thread
            .join()
            .unwrap_or_else(|_| Some("its thread panicked".to_owned()))
    }
}

/// Writes changes until there are no more. After a failure nothing more is written.
fn write_all(
    mut database: Connection,
    changes: &Receiver<(String, Change)>,
    most: u64,
    waiting: &AtomicU64,
) -> Option<String> {
    let mut failure = None;
    while let Ok(first) = changes.recv() {
        let batch: Vec<_> = std::iter::once(first)
            .chain(changes.try_iter().take(BATCH - 1))
            .collect();
        if failure.is_none() {
            let written = write(&mut database, &batch, most);
            failure = written.err().map(|error| error.to_string());
        }
        for (_, change) in &batch {
            if let Change::Store(_, body) = change {
                waiting.fetch_sub(body.len() as u64, Ordering::Relaxed);
            }
        }
    }
    failure
}

fn write(database: &mut Connection, batch: &[(String, Change)], most: u64) -> rusqlite::Result<()> {
    let now = SystemTime::now();
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (url, change) in batch {
        match change {
            Change::Store(answer, body) => {
                let entry = entry(answer, kept(&answer.headers), table::sum_of(body));
                table::write(&transaction, url, &entry, body, now)?;
            }
            Change::Refresh(answer) => {
                if let Some(before) = table::find(&transaction, url)? {
                    let mut headers = before.headers.0;
                    update(&mut headers, &answer.headers);
                    let entry = entry(answer, headers, before.body_sum);
                    table::refresh(&transaction, url, &entry, now)?;
                }
            }
            Change::Use => table::touch(&transaction, url, now)?,
            Change::Forget => table::remove(&transaction, url)?,
        }
    }
    table::shrink(&transaction, most)?;
    transaction.commit()
}

fn entry(answer: &Answer, headers: HeaderMap, body_sum: i64) -> Entry {
    Entry {
        sent: answer.exchange.sent,
        fresh: Freshness::of(&headers, &answer.request, answer.exchange),
        headers: Headers(headers),
        body_sum,
    }
}

/// The header fields that are kept.
fn kept(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in NOT_KEPT {
        headers.remove(name);
    }
    headers
}

/// Replaces header fields by those of a 304.
fn update(stored: &mut HeaderMap, newer: &HeaderMap) {
    // The age of the stored response, and its date, are those of the newer one, even if it does not say.
    stored.remove(header::AGE);
    stored.remove(header::DATE);
    for name in newer
        .keys()
        .filter(|name| !OF_BODY.contains(name) && !NOT_KEPT.contains(name))
    {
        stored.remove(name);
        for value in newer.get_all(name) {
            stored.append(name.clone(), value.clone());
        }
    }
}
