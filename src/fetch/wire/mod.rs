//! HTTP/1.1 on blocking sockets, for the threads of the `blocking` engine.
//!
//! ureq opens the connections: TCP, TLS, SOCKS and tunnels. The HTTP on them is here and not ureq's, because ureq
//! reads heads and bodies differently from the other client, and has no settings for that: folded lines, more than
//! 128 fields, lines that end in LF, bodies that end in a reset, plain http through a proxy. The same bytes must
//! have the same result on every engine. Invariant: every wait has a deadline; a connection is reused only after a
//! body that ended where its framing says.

mod body;
mod chunks;
mod clock;
mod dial;
mod head;
mod kept;
mod request;
mod source;
mod tls;

pub(super) use clock::Clock;
pub(super) use dial::{Dialer, Route};
pub(super) use kept::Kept;

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Version, header};
use ureq::Timeout;

use super::fault::{self, Stage};
use super::socket::Phases;
use crate::failure::FetchError;
use crate::outgoing::Outgoing;
use crate::url::PageUrl;
use body::Body;
use source::Source;

/// A connection on which requests are sent one after the other.
pub(super) struct Wire {
    source: Source,
    /// The address of the other side, if it is known.
    pub(super) remote: Option<SocketAddr>,
    /// The duration of each step of connecting.
    pub(super) phases: Phases,
    /// Whether a response came over it.
    used: bool,
}

/// The head of a response, and its body that is still on the wire.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) version: Version,
    pub(super) headers: HeaderMap,
    wire: Wire,
    body: Body,
    /// Whether the connection had been used before.
    pub(super) kept: bool,
    /// The duration of each step of connecting, if the connection is new.
    pub(super) phases: Phases,
    /// Whether the connection may be reused when the body has ended.
    keeps: bool,
    received: u64,
}

impl Wire {
    fn new(source: Source, remote: Option<SocketAddr>, phases: Phases) -> Self {
        Self {
            source,
            remote,
            phases,
            used: false,
        }
    }

    /// Sends a request and reads the head of its response.
    ///
    /// # Errors
    /// Why there is no response.
    pub(super) fn ask(
        mut self,
        outgoing: &Outgoing,
        url: &PageUrl,
        route: &Route,
        clock: &Clock,
    ) -> Result<Answer, FetchError> {
        let bytes = request::written(outgoing, url, route.proxy_of(url));
        self.source.heard = false;
        let sent = self.source.send(&bytes, clock);
        // A server may respond and close before it has read everything: the response counts, not the broken pipe.
        let head = match (self.head(clock), sent) {
            (Ok(head), _) => head,
            (Err(_), Err(error)) | (Err(error), Ok(())) => {
                let died_idle = self.used && !self.source.heard;
                return Err(fault::of_kept(error, &outgoing.method, died_idle));
            }
        };
        let body = Body::of(&outgoing.method, &head)?;
        let wants_close = outgoing
            .headers
            .get(header::CONNECTION)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"));
        Ok(Answer {
            keeps: head.keeps_connection() && !wants_close,
            status: head.status,
            version: head.version,
            headers: head.headers,
            kept: self.used,
            phases: if self.used {
                Phases::default()
            } else {
                self.phases
            },
            wire: self,
            body,
            received: 0,
        })
    }

    /// Reads the head of the response; interim responses before it are skipped (RFC 9110 15.2).
    fn head(&mut self, clock: &Clock) -> Result<head::Head, FetchError> {
        loop {
            let head = head::read(&mut self.source, clock)?;
            if !head.status.is_informational() || head.status == StatusCode::SWITCHING_PROTOCOLS {
                return Ok(head);
            }
        }
    }
}

impl Answer {
    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// Why the rest is missing.
    pub(super) fn chunk(&mut self, clock: &Clock) -> Result<Option<Bytes>, FetchError> {
        let stage = Stage::Body(self.received);
        let piece = self.body.next(&mut self.wire.source, clock, stage)?;
        if let Some(piece) = &piece {
            self.received += piece.len() as u64;
        }
        Ok(piece)
    }

    /// The address that sent the response, if it is known.
    pub(super) fn remote(&self) -> Option<SocketAddr> {
        self.wire.remote
    }

    /// The connection, if it may be reused.
    pub(super) fn into_wire(mut self) -> Option<Wire> {
        let reusable = self.keeps && self.body.is_over() && self.wire.source.is_empty();
        self.wire.used = true;
        reusable.then_some(self.wire)
    }
}

/// The phase that is passed to ureq, to get it back in a timeout.
const HEAD: Timeout = Timeout::RecvResponse;
