//! One connection: the bytes, and what the lane knows about it.
//!
//! hyper owns the [`Socket`] and drives it. The [`SocketState`] beside it is shared with the requests on the connection and
//! with the lane's list, so that a request can tell whether its connection had answered before, and the lane can close
//! connections that nobody uses.

use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::hosts::Opening;
use super::socket_state::SocketState;
use super::sockets::Room;

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
