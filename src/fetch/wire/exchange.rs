//! One request and its response on a connection, and what happens to the connection afterwards.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Version, header};

use super::body::Body;
use super::clock::Clock;
use super::route::Route;
use super::source::Source;
use super::{head, request};
use crate::fetch::fault::{self, Stage};
use crate::fetch::socket_state::Phases;
use crate::job::outgoing::Outgoing;
use crate::page::failure::FetchError;
use crate::url::PageUrl;

/// A connection on which requests are sent one after the other.
pub(in crate::fetch) struct Wire {
    pub(super) source: Source,
    /// The address at the other end, if known.
    pub(in crate::fetch) remote: Option<SocketAddr>,
    /// How long it took to open.
    pub(in crate::fetch) phases: Phases,
    /// Whether a response has arrived on it.
    used: bool,
}

/// The head of a response, with its body still to be read.
pub(in crate::fetch) struct Answer {
    pub(in crate::fetch) status: StatusCode,
    pub(in crate::fetch) version: Version,
    pub(in crate::fetch) headers: HeaderMap,
    wire: Wire,
    body: Body,
    /// Whether the connection was kept from an earlier request.
    pub(in crate::fetch) kept: bool,
    /// How long the connection took to open, if it is new.
    pub(in crate::fetch) phases: Phases,
    /// Whether the connection may be kept once the body has ended.
    keeps: bool,
    received: u64,
}

impl Wire {
    pub(super) fn new(source: Source, remote: Option<SocketAddr>, phases: Phases) -> Self {
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
    pub(in crate::fetch) fn ask(
        mut self,
        outgoing: &Outgoing,
        url: &PageUrl,
        route: &Route,
        clock: &Clock,
    ) -> Result<Answer, FetchError> {
        let bytes = request::serialize(outgoing, url, route.proxy_of(url));
        self.source.got_input = false;
        let sent = self.source.send(&bytes, clock);
        // A server may respond and close before it has read everything: the response then matters more than the broken
        // pipe.
        let head = match (self.head(clock), sent) {
            (Ok(head), _) => head,
            (Err(_), Err(error)) | (Err(error), Ok(())) => {
                let died_idle = self.used && !self.source.got_input;
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
    /// Reads the next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// Why the body cannot be read further.
    pub(in crate::fetch) fn chunk(&mut self, clock: &Clock) -> Result<Option<Bytes>, FetchError> {
        let stage = Stage::Body(self.received);
        let piece = self.body.next(&mut self.wire.source, clock, stage)?;
        if let Some(piece) = &piece {
            self.received += piece.len() as u64;
        }
        Ok(piece)
    }

    /// The address that responded, if known.
    pub(in crate::fetch) fn remote(&self) -> Option<SocketAddr> {
        self.wire.remote
    }

    /// Returns the connection if it may be used again.
    pub(in crate::fetch) fn into_wire(mut self) -> Option<Wire> {
        let reusable = self.keeps && self.body.is_over() && self.wire.source.is_empty();
        self.wire.used = true;
        reusable.then_some(self.wire)
    }
}
