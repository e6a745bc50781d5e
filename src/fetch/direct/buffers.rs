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
/// A body with at least this many bytes left is not copied: its pieces stay where they were read.
const LARGE: u64 = 32 << 10;
/// The memory for such pieces that is taken at a time.
const PIECES: usize = 256 << 10;
/// The largest buffer for sending that is kept.
const KEPT: usize = 64 << 10;
/// The number of buffers for sending that are kept: hardly ever does a request wait for the other side to take it.
const SPARE: usize = 4;

/// The buffers of a lane.
#[derive(Debug)]
pub(super) struct Buffers {
    read: RefCell<Box<[u8]>>,
    /// Where pieces of large bodies are read; it is taken again once nobody needs them any more.
    pieces: RefCell<BytesMut>,
    spare: RefCell<Vec<Vec<u8>>>,
}

impl Default for Buffers {
    fn default() -> Self {
        Self {
            read: RefCell::new(vec![0; READ].into()),
            pieces: RefCell::default(),
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
        if expected.is_some_and(|expected| expected >= LARGE) {
            let mut pieces = self.pieces.borrow_mut();
            if pieces.capacity() < READ {
                pieces.reserve(PIECES);
            }
            ready!(poll_read_buf(Pin::new(stream), context, &mut *pieces))?;
            return Poll::Ready(Ok(pieces.split().freeze()));
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
