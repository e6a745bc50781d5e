//! One request and its response on a connection, and what happens to the connection afterwards.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Version};

use super::clock::Clock;
use super::route::Route;
use super::source::Source;
use crate::fetch::fault::{self, Stage, from_ureq};
use crate::fetch::http1::{self, Body, BodyReader, Form, Head, HeadReader, Next};
use crate::fetch::phases::Phases;
use crate::job::outgoing::Outgoing;
use crate::page::failure::FetchError;
use crate::url::PageUrl;

/// A connection on which requests are sent one after the other.
pub(super) struct Wire {
    pub(super) source: Source,
    /// The address at the other end, if known.
    pub(super) remote: Option<SocketAddr>,
    /// How long it took to open.
    pub(super) phases: Phases,
    /// Whether a response has arrived on it.
    used: bool,
}

/// The head of a response, with its body still to be read.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) version: Version,
    pub(super) headers: HeaderMap,
    wire: Wire,
    body: BodyReader,
    /// Whether the connection was kept from an earlier request.
    pub(super) kept: bool,
    /// How long the connection took to open, if it is new.
    pub(super) phases: Phases,
    /// Whether the connection may be kept once the body has ended.
    keeps: bool,
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
    pub(super) fn ask(
        mut self,
        outgoing: &Outgoing<'_>,
        url: &PageUrl,
        route: &Route,
        clock: &Clock,
    ) -> Result<Answer, FetchError> {
        let form = match route.proxy_of(url) {
            Some(proxy) => Form::Absolute(proxy.credentials()),
            None => Form::Origin,
        };
        let mut bytes = Vec::with_capacity(512 + outgoing.body.as_ref().map_or(0, Bytes::len));
        http1::serialize(outgoing, url, form, &mut bytes);
        self.source.got_input = false;
        let sent = self.source.send(&bytes, clock);
        // A server may respond and close before it has read everything: the response then matters more than the broken
        // pipe.
        let (head, rest) = match (self.head(clock), sent) {
            (Ok(arrived), _) => arrived,
            (Err(_), Err(error)) | (Err(error), Ok(())) => {
                let died_idle = self.used && !self.source.got_input;
                return Err(fault::of_kept(error, &outgoing.method, died_idle));
            }
        };
        let body = Body::of(&outgoing.method, &head)?;
        Ok(Answer {
            keeps: head.keeps_connection() && !outgoing.wants_close(),
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
            body: BodyReader::new(body, rest),
        })
    }

    /// Reads the head of the response. Returns it with the bytes that arrived after it.
    fn head(&mut self, clock: &Clock) -> Result<(Head, Bytes), FetchError> {
        let mut reader = HeadReader::default();
        loop {
            let failed = |error: ureq::Error| from_ureq(&error, Stage::Head, &clock.deadlines);
            let arrived = self.source.read(clock.for_head()).map_err(failed)?;
            if arrived.is_empty() {
                return Err(FetchError::Closed);
            }
            if let Some(head) = reader.take(arrived)? {
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
    pub(super) fn chunk(&mut self, clock: &Clock) -> Result<Option<Bytes>, FetchError> {
        loop {
            match self.body.next()? {
                Next::Data(data) => return Ok(Some(data)),
                Next::End => return Ok(None),
                Next::Wait => {}
            }
            let stage = self.body.stage();
            let failed = |error: ureq::Error| from_ureq(&error, stage, &clock.deadlines);
            let arrived = self.wire.source.read(clock.for_chunk()).map_err(failed)?;
            if !self.body.take(arrived)? {
                return Ok(None);
            }
        }
    }

    /// The address that responded, if known.
    pub(super) fn remote(&self) -> Option<SocketAddr> {
        self.wire.remote
    }

    /// Returns the connection if it may be used again.
    pub(super) fn into_wire(mut self) -> Option<Wire> {
        let is_read = self.body.leaves_the_connection() && self.wire.source.is_empty();
        let reusable = self.keeps && is_read;
        self.wire.used = true;
        reusable.then_some(self.wire)
    }
}
