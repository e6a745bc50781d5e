//! One request and its answer on a connection, and the connection afterwards.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Version, header};

use super::body::Body;
use super::clock::Clock;
use super::route::Route;
use super::source::Source;
use super::{head, request};
use crate::failure::FetchError;
use crate::fetch::fault::{self, Stage};
use crate::fetch::socket_state::Phases;
use crate::outgoing::Outgoing;
use crate::url::PageUrl;

/// A connection on which one request after the other is sent.
pub(in crate::fetch) struct Wire {
    pub(super) source: Source,
    /// Who is at the other end, where it is known.
    pub(in crate::fetch) remote: Option<SocketAddr>,
    /// What it took to make it.
    pub(in crate::fetch) phases: Phases,
    /// Whether an answer has come over it.
    used: bool,
}

/// The head of an answer, and its body still on the wire.
pub(in crate::fetch) struct Answer {
    pub(in crate::fetch) status: StatusCode,
    pub(in crate::fetch) version: Version,
    pub(in crate::fetch) headers: HeaderMap,
    wire: Wire,
    body: Body,
    /// Whether the connection had answered before.
    pub(in crate::fetch) kept: bool,
    /// What the connection took to make, where it is new.
    pub(in crate::fetch) phases: Phases,
    /// Whether the connection may be kept when the body has ended.
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

    /// Sends a request and reads the head of its answer.
    ///
    /// # Errors
    /// Why there is none.
    pub(in crate::fetch) fn ask(
        mut self,
        outgoing: &Outgoing,
        url: &PageUrl,
        route: &Route,
        clock: &Clock,
    ) -> Result<Answer, FetchError> {
        let bytes = request::written(outgoing, url, route.proxy_of(url));
        self.source.heard = false;
        let sent = self.source.send(&bytes, clock);
        // A server may answer before it has read all, and close: its answer counts for more than the broken pipe.
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

    /// The head of the answer; interim ones before it are passed over (RFC 9110 15.2).
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
    /// Why there is no more.
    pub(in crate::fetch) fn chunk(&mut self, clock: &Clock) -> Result<Option<Bytes>, FetchError> {
        let stage = Stage::Body(self.received);
        let piece = self.body.next(&mut self.wire.source, clock, stage)?;
        if let Some(piece) = &piece {
            self.received += piece.len() as u64;
        }
        Ok(piece)
    }

    /// Who answered, where it is known.
    pub(in crate::fetch) fn remote(&self) -> Option<SocketAddr> {
        self.wire.remote
    }

    /// The connection, where it may be used again.
    pub(in crate::fetch) fn into_wire(mut self) -> Option<Wire> {
        let reusable = self.keeps && self.body.is_over() && self.wire.source.is_empty();
        self.wire.used = true;
        reusable.then_some(self.wire)
    }
}
