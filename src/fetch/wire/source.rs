//! The bytes of one connection: sending them, and reading ahead.

use bytes::{Buf, Bytes};
use ureq::Error;
use ureq::unversioned::transport::{NextTimeout, Transport};

use super::clock::Clock;
use crate::fetch::fault::{Stage, from_ureq};
use crate::page::failure::FetchError;

/// A connection as a source of bytes.
pub(super) struct Source {
    transport: Box<dyn Transport>,
    /// Bytes after a head that did not fit into the transport's own buffer; they are read first.
    ahead: Bytes,
    /// Whether anything arrived since the last request.
    pub(super) got_input: bool,
}

impl Source {
    pub(super) fn new(transport: Box<dyn Transport>) -> Self {
        Self {
            transport,
            ahead: Bytes::new(),
            got_input: false,
        }
    }

    /// Sends all bytes.
    pub(super) fn send(&mut self, mut bytes: &[u8], clock: &Clock) -> Result<(), FetchError> {
        while !bytes.is_empty() {
            let output = self.transport.buffers().output();
            let count = bytes.len().min(output.len());
            output[..count].copy_from_slice(&bytes[..count]);
            let timeout = clock.for_head();
            in_time(&timeout)
                .and_then(|()| self.transport.transmit_output(count, timeout))
                .map_err(|error| from_ureq(&error, Stage::Head, &clock.deadlines))?;
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// Returns the bytes that arrived but were not consumed; waits if there are none.
    ///
    /// They are empty at the end of the connection.
    pub(super) fn fill(&mut self, timeout: NextTimeout) -> Result<&[u8], Error> {
        if self.is_empty() {
            in_time(&timeout)?;
            self.got_input |= self.transport.await_input(timeout)?;
        }
        Ok(self.waiting())
    }

    /// The bytes that arrived but were not consumed.
    pub(super) fn waiting(&mut self) -> &[u8] {
        match self.ahead.is_empty() {
            true => self.transport.buffers().input(),
            false => &self.ahead,
        }
    }

    /// Removes the first bytes of those that are waiting.
    pub(super) fn consume(&mut self, count: usize) {
        match self.ahead.is_empty() {
            true => self.transport.buffers().input_consume(count),
            false => self.ahead.advance(count),
        }
    }

    /// Puts back bytes that were consumed too early. Nothing else may be waiting.
    pub(super) fn put_back(&mut self, bytes: Bytes) {
        self.ahead = bytes;
    }

    /// Whether no bytes are waiting.
    pub(super) fn is_empty(&mut self) -> bool {
        self.waiting().is_empty()
    }

    /// Whether the server has neither closed the connection nor sent anything on it.
    pub(super) fn is_idle(&mut self) -> bool {
        self.is_empty() && self.transport.is_open()
    }
}

/// Fails if no time is left: as a timeout, zero would mean no limit.
fn in_time(timeout: &NextTimeout) -> Result<(), Error> {
    match timeout.after.is_zero() {
        true => Err(Error::Timeout(timeout.reason)),
        false => Ok(()),
    }
}
