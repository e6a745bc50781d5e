//! One connection: the bytes, and what the lane knows about it.
//!
//! hyper owns the [`Socket`] and drives it. Its [`SocketState`] is shared with the requests on the connection and
//! with the lane's list, so that a request can tell whether its connection was used before, and the lane can close
//! connections that nobody uses. Everything here happens on one thread; the atomics are only for hyper's trait
//! bounds.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::hosts::{Host, Opening};
use super::sockets::Room;

/// The age at which an unused connection may be closed: until then a request may be coming.
const UNUSED: Duration = Duration::from_secs(1);

/// The duration of each step of connecting.
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
    /// The host, if the connection speaks HTTP/2 and so may carry any number of its requests.
    http2: Option<Arc<Host>>,
    /// Whether a response came over it.
    answered: AtomicBool,
    /// Whether nothing was read since the last write.
    silent: AtomicBool,
    /// Whether a request is on it (HTTP/1).
    busy: AtomicBool,
    writes: AtomicU32,
    /// Microseconds from `began` to the end of its last request.
    last_use: AtomicU64,
    close: AtomicBool,
    reader: Mutex<Option<Waker>>,
}

/// The bytes of a connection.
pub(super) struct Socket {
    bytes: Bytes,
    state: Arc<SocketState>,
    reader: Option<Waker>,
    /// Kept until the first bytes of an HTTP/2 connection: then it is in the client's pool.
    opening: Option<Opening>,
    /// Released when the connection is gone.
    _room: Room,
}

/// A plain stream, or one under TLS.
pub(super) enum Bytes {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
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

    /// Notes that a response came.
    ///
    /// Returns whether it was the first, and the number of writes so far.
    pub(super) fn answer(&self) -> (bool, u32) {
        let first = !self.answered.swap(true, Relaxed);
        (first, self.writes.load(Relaxed))
    }

    /// Notes that a request and its response are over, unless the next one was written since.
    pub(super) fn finish(&self, writes: u32) {
        let now = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.last_use.store(now, Relaxed);
        if self.writes.load(Relaxed) == writes {
            self.busy.store(false, Relaxed);
        }
    }

    /// Notes that something was sent.
    pub(super) fn wrote(&self) {
        self.busy.store(true, Relaxed);
        self.silent.store(true, Relaxed);
        self.writes.fetch_add(1, Relaxed);
    }

    /// Whether it had been used before, and did not respond to the last write.
    pub(super) fn died_idle(&self) -> bool {
        self.answered.load(Relaxed) && (self.http2.is_some() || self.silent.load(Relaxed))
    }

    /// When it was last used, if nobody uses it now.
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

    /// Closes the connection: its reader gets the end of the stream.
    pub(super) fn close(&self) {
        self.close.store(true, Relaxed);
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reader) = reader.as_ref() {
            reader.wake_by_ref();
        }
    }
}

impl Socket {
    pub(super) fn new(
        bytes: Bytes,
        state: Arc<SocketState>,
        opening: Option<Opening>,
        room: Room,
    ) -> Self {
        Self {
            bytes,
            state,
            reader: None,
            opening,
            _room: room,
        }
    }

    /// Remembers who reads, for [`SocketState::close`].
    ///
    /// It is nearly always the same task, and then this costs nothing.
    fn remember(&mut self, context: &Context<'_>) {
        if !self
            .reader
            .as_ref()
            .is_some_and(|reader| reader.will_wake(context.waker()))
        {
            self.reader = Some(context.waker().clone());
            let mut shared = self
                .state
                .reader
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            shared.clone_from(&self.reader);
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.state.close.load(Relaxed) {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = match &mut self.bytes {
            Bytes::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Bytes::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        };
        if read.is_pending() {
            self.remember(context);
        } else if buffer.filled().len() > before {
            self.state.silent.store(false, Relaxed);
            if let Some(opening) = self.opening.take() {
                opening.found_http2();
            }
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.state.wrote();
        match &mut self.bytes {
            Bytes::Plain(stream) => Pin::new(stream).poll_write(context, buffer),
            Bytes::Tls(stream) => Pin::new(stream).poll_write(context, buffer),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.state.wrote();
        match &mut self.bytes {
            Bytes::Plain(stream) => Pin::new(stream).poll_write_vectored(context, buffers),
            Bytes::Tls(stream) => Pin::new(stream).poll_write_vectored(context, buffers),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.bytes {
            Bytes::Plain(stream) => stream.is_write_vectored(),
            Bytes::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.bytes {
            Bytes::Plain(stream) => Pin::new(stream).poll_flush(context),
            Bytes::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.bytes {
            Bytes::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Bytes::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

impl Connection for Socket {
    fn connected(&self) -> Connected {
        let connected = Connected::new().extra(self.state.clone());
        match self.state.http2 {
            Some(_) => connected.negotiated_h2(),
            None => connected,
        }
    }
}
