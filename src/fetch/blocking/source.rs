//! The bytes of one connection: sending them, and reading ahead.

use bytes::Bytes;
use ureq::Error;
use ureq::unversioned::transport::{NextTimeout, Transport};

use super::clock::Clock;
use crate::fetch::fault::{Stage, from_ureq};
use crate::page::failure::FetchError;

/// A connection as a source of bytes.
pub(super) struct Source {
    transport: Box<dyn Transport>,
    /// Whether anything arrived since the last request.
    pub(super) got_input: bool,
}

impl Source {
    pub(super) fn new(transport: Box<dyn Transport>) -> Self {
        Self {
            transport,
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

    /// Waits for bytes and returns all that arrived; none at the end of the connection.
    pub(super) fn read(&mut self, timeout: NextTimeout) -> Result<Bytes, Error> {
        if self.transport.buffers().input().is_empty() {
            in_time(&timeout)?;
            self.got_input |= self.transport.await_input(timeout)?;
        }
        let buffers = self.transport.buffers();
        let bytes = Bytes::copy_from_slice(buffers.input());
        buffers.input_consume(bytes.len());
        Ok(bytes)
    }

    /// Whether no bytes are waiting.
    pub(super) fn is_empty(&mut self) -> bool {
        self.transport.buffers().input().is_empty()
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
