//! A response whose head has arrived and whose body is under way, from either client.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;

use super::fault::{self, Stage};
use super::hosts::InUse;
use super::settings::Deadlines;
use super::socket_state::{Phases, SocketState};
use crate::page::failure::FetchError;

/// A response whose body is under way. Boxed, because it passes through many futures.
pub(super) struct Answer {
    pub(super) head: http::response::Parts,
    pub(super) remote: Option<SocketAddr>,
    pub(super) phases: Phases,
    /// Whether its connection had been used before.
    pub(super) kept: bool,
    pub(super) body: Incoming,
}

/// The body of a response.
pub(super) struct Incoming {
    bytes: Source,
    /// The connection, and how much had been written to it when the head arrived.
    socket: Option<(Arc<SocketState>, u32)>,
    /// Counts as a request in flight to its host until this is dropped.
    _host: Option<InUse>,
}

enum Source {
    Direct(hyper::body::Incoming),
    Proxied(reqwest::Body),
}

impl Answer {
    /// A response straight from the host, to a request that was sent at `started`.
    pub(super) fn direct(
        response: http::Response<hyper::body::Incoming>,
        host: Option<InUse>,
        started: Instant,
    ) -> Box<Self> {
        let (mut head, bytes) = response.into_parts();
        let state = head.extensions.remove::<Arc<SocketState>>();
        let mut answer = Box::new(Self {
            head,
            remote: None,
            phases: Phases::default(),
            kept: false,
            body: Incoming {
                bytes: Source::Direct(bytes),
                socket: None,
                _host: host,
            },
        });
        if let Some(state) = state {
            let (first, writes) = state.answer();
            answer.remote = Some(state.remote);
            answer.kept = !first;
            // A connection that was started for another request took no time from this one.
            if first && state.began >= started {
                answer.phases = state.phases;
            }
            answer.body.socket = Some((state, writes));
        }
        answer
    }

    /// A response through a proxy.
    pub(super) fn proxied(response: reqwest::Response, kept: bool, phases: Phases) -> Box<Self> {
        let remote = response.remote_addr();
        let (head, body) = http::Response::<reqwest::Body>::from(response).into_parts();
        Box::new(Self {
            head,
            remote,
            phases,
            kept,
            body: Incoming {
                bytes: Source::Proxied(body),
                socket: None,
                _host: None,
            },
        })
    }
}

impl Drop for Incoming {
    /// Releases the connection from this request, whether the body is complete or given up.
    fn drop(&mut self) {
        if let Some((state, writes)) = self.socket.take() {
            state.finish(writes);
        }
    }
}

impl Incoming {
    /// The next bytes; `None` at the end.
    pub(super) async fn chunk(
        &mut self,
        received: u64,
        deadlines: &Deadlines,
    ) -> Result<Option<Bytes>, FetchError> {
        let stage = Stage::Body(received);
        loop {
            let frame = match &mut self.bytes {
                Source::Direct(body) => body
                    .frame()
                    .await
                    .transpose()
                    .map_err(|error| fault::from_client(&error, stage, deadlines))?,
                Source::Proxied(body) => body
                    .frame()
                    .await
                    .transpose()
                    .map_err(|error| fault::from_reqwest(&error, stage, deadlines))?,
            };
            match frame.map(http_body::Frame::into_data) {
                Some(Ok(bytes)) => return Ok(Some(bytes)),
                Some(Err(_)) => {} // trailers
                None => return Ok(None),
            }
        }
    }
}

/// Whether a response is the one that servers send on a connection that was idle too long.
pub(super) fn is_idle_timeout(status: StatusCode, headers: &HeaderMap, kept: bool) -> bool {
    let closes = || {
        let connection = headers.get(header::CONNECTION);
        connection.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
    };
    status == StatusCode::REQUEST_TIMEOUT && kept && closes()
}

/// The fault for [`is_idle_timeout`].
///
/// RFC 9110 15.5.9: the server gave the connection up before the request reached it.
pub(super) fn idle_timeout() -> FetchError {
    FetchError::Unprocessed("the server had timed the kept connection out".into())
}
