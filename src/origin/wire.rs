//! One connection as bytes: the only place where reads and writes get limits.
//!
//! Every read and write is bounded in size and time here. Invariant: bytes that were read and not yet used are in
//! `input`, so a pipelined request is never lost, not even while the server waits. A client that closes while it
//! waits for its response counts as gone (a half-closed one too).

use std::io;
use std::num::NonZeroU64;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::log::Log;

/// How long a connection may be silent, and a request may take, before it is closed.
pub(crate) const IDLE_WITHIN: Duration = Duration::from_secs(60);

/// How long the client has to close after the last byte.
const LINGER_WITHIN: Duration = Duration::from_secs(2);

/// The least room for one read.
const READ_BYTES: usize = 8 << 10;

/// How far the server reads ahead while it waits.
const AHEAD_LIMIT: usize = 64 << 10;

/// The size up to which repeated pieces are collected, and the most for throttled ones.
pub(crate) const PIECE_BYTES: usize = 64 << 10;

/// One connection, its unread input, and its speed.
#[derive(Debug)]
pub(crate) struct Wire<'a, S> {
    stream: S,
    pub(crate) input: BytesMut,
    pub(crate) bandwidth: Option<NonZeroU64>,
    due: Instant, // when the throttle allows the next byte
    log: &'a Log,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Wire<'a, S> {
    pub(crate) fn new(stream: S, log: &'a Log) -> Wire<'a, S> {
        Wire {
            stream,
            input: BytesMut::with_capacity(READ_BYTES),
            bandwidth: None,
            due: Instant::now(),
            log,
        }
    }

    pub(crate) fn stream(&self) -> &S {
        &self.stream
    }

    pub(crate) fn into_stream(self) -> S {
        self.stream
    }

    /// Reads what has arrived, waiting for the first byte until `deadline`; 0 at the end.
    pub(crate) async fn fill(&mut self, deadline: Instant) -> io::Result<usize> {
        self.input.reserve(READ_BYTES);
        timeout_at(deadline, self.stream.read_buf(&mut self.input)).await?
    }

    /// Sends all of it, at the connection's speed.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(rate) = self.bandwidth else {
            return self.write(bytes).await;
        };
        let step = usize::try_from(rate.get() / 20)
            .unwrap_or(PIECE_BYTES)
            .clamp(1, PIECE_BYTES);
        for piece in bytes.chunks(step) {
            self.wait_until(self.due).await?;
            self.write(piece).await?;
            let takes = Duration::from_secs_f64(piece.len() as f64 / rate.get() as f64);
            self.due = self.due.max(Instant::now()) + takes;
        }
        Ok(())
    }

    /// Sends `bytes` N times; without a number, until the client disconnects.
    pub(crate) async fn repeat(&mut self, bytes: &Bytes, times: Option<u64>) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let fit = (PIECE_BYTES / bytes.len()).max(1);
        let piece =
            bytes.repeat(times.map_or(fit, |times| fit.min(usize::try_from(times).unwrap_or(fit))));
        let mut left = times;
        while left != Some(0) {
            let now = left.map_or(fit, |left| fit.min(usize::try_from(left).unwrap_or(fit)));
            self.send(&piece[..now * bytes.len()]).await?;
            left = left.map(|left| left - now as u64);
        }
        Ok(())
    }

    /// Waits until that moment; fails as soon as the client is gone.
    pub(crate) async fn wait_until(&mut self, moment: Instant) -> io::Result<()> {
        if moment <= Instant::now() {
            return Ok(());
        }
        self.wait_for(sleep_until(moment)).await
    }

    /// Waits for an event; fails as soon as the client is gone.
    pub(crate) async fn wait_for(&mut self, event: impl Future<Output = ()>) -> io::Result<()> {
        tokio::pin!(event);
        loop {
            if self.input.len() >= AHEAD_LIMIT {
                event.await;
                return Ok(());
            }
            self.input.reserve(READ_BYTES);
            tokio::select! {
                () = &mut event => return Ok(()), // pinned outside, so it continues where it was
                read = self.stream.read_buf(&mut self.input) => { // cancel-safe: if dropped, it has read nothing
                    if read? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
            }
        }
    }

    /// Closes our side, and waits a moment for the other.
    ///
    /// Closing with unread input would send a reset that may overtake the response (RFC 9112 9.6).
    pub(crate) async fn close(mut self) {
        let drain = async {
            self.stream.shutdown().await?;
            loop {
                self.input.clear();
                self.input.reserve(READ_BYTES);
                if self.stream.read_buf(&mut self.input).await? == 0 {
                    return Ok::<(), io::Error>(());
                }
            }
        };
        let _ = timeout(LINGER_WITHIN, drain).await; // the connection ends here in any case
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(PIECE_BYTES << 4) {
            let writing = async {
                self.stream.write_all(piece).await?;
                self.stream.flush().await // a TLS stream buffers records until then
            };
            timeout(IDLE_WITHIN, writing).await??;
            self.log.sent(piece.len());
        }
        Ok(())
    }
}
