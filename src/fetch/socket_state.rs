//! What a lane knows about one of its connections.
//!
//! Shared by hyper's half of the connection, the requests on it and the lane's list. All of this happens on one
//! thread; it uses atomics only because hyper requires `Send` and `Sync`.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use super::hosts::Host;

/// An unused connection may be closed only when it is older than this: until then its request may be about to be sent.
const UNUSED: Duration = Duration::from_secs(1);

/// How long each step of opening a connection took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Phases {
    pub(super) resolve: Option<Duration>,
    pub(super) connect: Option<Duration>,
    pub(super) tls: Option<Duration>,
}

/// What a lane knows about one of its connections.
#[derive(Debug)]
pub(super) struct SocketState {
    pub(super) remote: SocketAddr,
    pub(super) phases: Phases,
    pub(super) began: Instant,
    /// The host, if the connection uses HTTP/2 and so may carry any number of its requests.
    pub(super) http2: Option<Arc<Host>>,
    /// Whether a response has arrived on it.
    answered: AtomicBool,
    /// Whether nothing has been read since the last write.
    pub(super) silent: AtomicBool,
    /// Whether a request is in flight on it (HTTP/1).
    busy: AtomicBool,
    writes: AtomicU32,
    /// Microseconds from `began` to the end of its last request.
    last_use: AtomicU64,
    pub(super) close: AtomicBool,
    pub(super) reader: Mutex<Option<Waker>>,
}

impl SocketState {
    pub(super) fn new(
        remote: SocketAddr,
        began: Instant,
        phases: Phases,
        http2: Option<Arc<Host>>,
    ) -> Self {
        Self {
            remote,
            phases,
            began,
            http2,
            answered: AtomicBool::new(false),
            silent: AtomicBool::new(true),
            busy: AtomicBool::new(true),
            writes: AtomicU32::new(0),
            last_use: AtomicU64::new(0),
            close: AtomicBool::new(false),
            reader: Mutex::default(),
        }
    }

    pub(super) fn is_http2(&self) -> bool {
        self.http2.is_some()
    }

    /// Records that a response arrived.
    ///
    /// Returns whether it was the first, and the number of writes until then.
    pub(super) fn answer(&self) -> (bool, u32) {
        let first = !self.answered.swap(true, Relaxed);
        (first, self.writes.load(Relaxed))
    }

    /// Records that a request and its response are finished, unless the next request has been written since.
    pub(super) fn finish(&self, writes: u32) {
        let now = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.last_use.store(now, Relaxed);
        if self.writes.load(Relaxed) == writes {
            self.busy.store(false, Relaxed);
        }
    }

    /// Records that something was sent.
    pub(super) fn wrote(&self) {
        self.busy.store(true, Relaxed);
        self.silent.store(true, Relaxed);
        self.writes.fetch_add(1, Relaxed);
    }

    /// Whether it responded before, but nothing has been read since the last write.
    pub(super) fn died_idle(&self) -> bool {
        self.answered.load(Relaxed) && (self.http2.is_some() || self.silent.load(Relaxed))
    }

    /// When it was last used, if it is idle now.
    pub(super) fn idle_since(&self, now: Instant) -> Option<Instant> {
        if self.close.load(Relaxed) {
            return None;
        }
        let in_use = match &self.http2 {
            Some(host) => host.in_use(),
            None => self.busy.load(Relaxed) && self.writes.load(Relaxed) > 0,
        };
        let last_use = self.began + Duration::from_micros(self.last_use.load(Relaxed));
        let unused = self.writes.load(Relaxed) == 0 && now < last_use + UNUSED;
        (!in_use && !unused).then_some(last_use)
    }

    /// Closes the connection: the reader is woken and sees its end.
    pub(super) fn close(&self) {
        self.close.store(true, Relaxed);
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reader) = reader.as_ref() {
            reader.wake_by_ref();
        }
    }
}
