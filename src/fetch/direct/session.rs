//! A connection with HTTP/2, which carries many requests at once.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use h2::Ping;
use h2::client::{Builder, SendRequest};

use super::connect::Opened;
use super::room::Room;
use crate::fetch::framing::HEADER_BYTES;

/// How much of one body, and of all bodies of a connection, the server may send before any of it was taken.
///
/// They are those of Chromium: enough for 150 MB/s over a way of 100 ms, and a bound for what a slow disk leaves in memory.
const STREAM_WINDOW: u32 = 6 << 20;
const CONNECTION_WINDOW: u32 = 15 << 20;
/// The most bytes of request bodies that wait to be sent on a connection, beyond what the server takes.
const SEND_BUFFER: usize = 1 << 20;

/// A connection with HTTP/2.
pub(super) struct Session {
    pub(super) send: SendRequest<Bytes>,
    pub(super) remote: Option<SocketAddr>,
    /// The index of the client certificate that it was opened with.
    pub(super) identity: Option<usize>,
    /// Whether a response has arrived on it.
    pub(super) answered: Cell<bool>,
    /// Whether the connection is over.
    ended: Rc<Cell<bool>>,
    in_flight: Cell<usize>,
    last_use: Cell<Instant>,
}

/// A request on a session, from before it is sent until its last byte.
pub(super) struct InUse(pub(super) Rc<Session>);

impl Session {
    /// Starts HTTP/2 on a connection.
    ///
    /// `awaits_limit` says whether to wait until the server has said how many requests it allows.
    ///
    /// # Errors
    /// When the connection breaks.
    pub(super) async fn start(
        opened: Opened,
        awaits_limit: bool,
        room: Room,
    ) -> Result<Rc<Self>, h2::Error> {
        let handshake = Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(HEADER_BYTES)
            .max_send_buffer_size(SEND_BUFFER)
            .handshake(opened.stream);
        let (send, mut connection) = handshake.await?;
        let ping = connection.ping_pong();
        let ended = Rc::<Cell<bool>>::default();
        let end = ended.clone();
        // It ends when the server closes it, or when the session and all its requests are gone.
        tokio::task::spawn_local(async move {
            let _ = connection.await; // each request gets the reason itself
            end.set(true);
            drop(room);
        });
        // RFC 9113 3.4: the server's settings come before everything else, so before its reply to a ping.
        if awaits_limit && let Some(mut ping) = ping {
            ping.ping(Ping::opaque()).await?;
        }
        Ok(Rc::new(Self {
            send,
            remote: opened.remote,
            identity: opened.identity,
            answered: Cell::new(false),
            ended,
            in_flight: Cell::new(0),
            last_use: Cell::new(Instant::now()),
        }))
    }

    /// Whether it takes no more requests.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// The number of requests in flight.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.get()
    }

    /// The number of requests that the server allows at a time.
    pub(super) fn capacity(&self) -> usize {
        self.send.current_max_send_streams()
    }

    /// Takes it out of use, because it refuses requests.
    pub(super) fn end(&self) {
        self.ended.set(true);
    }

    /// Counts a request as in flight until the returned value is dropped.
    pub(super) fn enter(self: &Rc<Self>) -> InUse {
        self.in_flight.set(self.in_flight.get() + 1);
        InUse(self.clone())
    }

    /// When it was last used, if nobody uses it now.
    pub(super) fn unused_since(&self) -> Option<Instant> {
        (self.in_flight.get() == 0).then(|| self.last_use.get())
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.in_flight.set(self.0.in_flight.get() - 1);
        self.0.last_use.set(Instant::now());
    }
}
