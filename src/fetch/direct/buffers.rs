//! The memory that all requests of a lane share while they send and receive.
//!
//! A request that waits has no buffer of its own: bytes are read into one that the lane has, and then kept in exactly
//! as much memory as they need.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::io::poll_read_buf;

/// The size of the buffer for reading.
const READ: usize = 64 << 10;
/// A body with at least this many bytes left is read into memory of its own, and not copied.
const LARGE: u64 = 32 << 10;
/// The most bytes of such a body that are read at a time.
const MOST_AT_ONCE: u64 = 256 << 10;
/// The largest buffer for sending that is kept.
const KEPT: usize = 64 << 10;
/// The number of buffers for sending that are kept: hardly ever does a request wait for the other side to take it.
const SPARE: usize = 4;

/// The buffers of a lane.
#[derive(Debug)]
pub(super) struct Buffers {
    read: RefCell<Box<[u8]>>,
    spare: RefCell<Vec<Vec<u8>>>,
}

impl Default for Buffers {
    fn default() -> Self {
        Self {
            read: RefCell::new(vec![0; READ].into()),
            spare: RefCell::default(),
        }
    }
}

impl Buffers {
    /// Reads what has arrived; nothing at the end.
    ///
    /// `expected` is how many bytes are to come, if that is known.
    pub(super) fn poll_read(
        &self,
        stream: &mut (impl AsyncRead + Unpin),
        expected: Option<u64>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<Bytes>> {
        if let Some(expected) = expected.filter(|expected| *expected >= LARGE) {
            let mut own = BytesMut::with_capacity(expected.min(MOST_AT_ONCE) as usize);
            ready!(poll_read_buf(Pin::new(stream), context, &mut own))?;
            return Poll::Ready(Ok(own.freeze()));
        }
        let mut read = self.read.borrow_mut();
        let mut buffer = ReadBuf::new(&mut read);
        ready!(Pin::new(stream).poll_read(context, &mut buffer))?;
        Poll::Ready(Ok(Bytes::copy_from_slice(buffer.filled())))
    }

    /// An empty buffer for a request.
    pub(super) fn for_request(&self) -> Vec<u8> {
        let spare = self.spare.borrow_mut().pop();
        spare.unwrap_or_else(|| Vec::with_capacity(1024))
    }

    /// Takes the buffer of a request that was sent.
    pub(super) fn give_back(&self, mut buffer: Vec<u8>) {
        let mut spare = self.spare.borrow_mut();
        if buffer.capacity() <= KEPT && spare.len() < SPARE {
            buffer.clear();
            spare.push(buffer);
        }
    }
}
