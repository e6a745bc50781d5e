//! The body of a response while it is being received.

use bytes::Bytes;

use super::body::Body;
use crate::fetch::fault::Stage;
use crate::page::failure::FetchError;

/// The body of a response while it is being received.
#[derive(Debug)]
pub(in crate::fetch) struct BodyReader {
    body: Body,
    /// Bytes that arrived and were not looked at yet.
    rest: Bytes,
    received: u64,
}

/// What comes next of a body.
pub(in crate::fetch) enum Next {
    /// A piece of it.
    Data(Bytes),
    /// Bytes have to arrive first.
    Wait,
    /// Nothing: it has ended.
    End,
}

impl BodyReader {
    /// A body that begins with the bytes that arrived after its head.
    pub(in crate::fetch) fn new(body: Body, rest: Bytes) -> Self {
        Self {
            body,
            rest,
            received: 0,
        }
    }

    /// Returns the next piece, as far as it has arrived.
    ///
    /// # Errors
    /// `Protocol`, if it is not a chunked body.
    pub(in crate::fetch) fn next(&mut self) -> Result<Next, FetchError> {
        while !self.body.is_over() {
            if self.rest.is_empty() {
                return Ok(Next::Wait);
            }
            let data = self.body.take(&mut self.rest)?;
            if !data.is_empty() {
                self.received += data.len() as u64;
                return Ok(Next::Data(data));
            }
        }
        Ok(Next::End)
    }

    /// Takes the bytes that arrived next; none at the end of the connection. Returns whether the body goes on.
    ///
    /// # Errors
    /// `Cut`, if the connection has ended before the body.
    pub(in crate::fetch) fn take(&mut self, arrived: Bytes) -> Result<bool, FetchError> {
        if arrived.is_empty() {
            return self.body.end(self.received).map(|()| false);
        }
        self.rest = arrived;
        Ok(true)
    }

    /// The bytes that are left, if their number is known.
    pub(in crate::fetch) fn left(&self) -> Option<u64> {
        self.body.left()
    }

    /// How far the fetch has got.
    pub(in crate::fetch) fn stage(&self) -> Stage {
        Stage::Body(self.received)
    }

    /// Whether it has ended while the connection stays open, and nothing came after it.
    pub(in crate::fetch) fn leaves_the_connection(&self) -> bool {
        self.body.is_over() && self.rest.is_empty()
    }
}
