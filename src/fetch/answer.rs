//! A response whose head has arrived and whose body is under way, direct or through a proxy.

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;

use super::direct::{self, Head};
use super::fault::{self, Stage};
use super::phases::Phases;
use super::settings::Deadlines;
use crate::page::failure::FetchError;

/// A response whose body is under way. Boxed, because it passes through many futures.
pub(super) struct Answer {
    pub(super) head: Head,
    pub(super) body: Incoming,
}

/// The body of a response.
pub(super) enum Incoming {
    Direct(direct::Body),
    Proxied(reqwest::Body),
}

impl Answer {
    /// A response straight from the host.
    pub(super) fn direct((head, body): (Head, direct::Body)) -> Box<Self> {
        let body = Incoming::Direct(body);
        Box::new(Self { head, body })
    }

    /// A response through a proxy.
    pub(super) fn proxied(response: reqwest::Response, kept: bool, phases: Phases) -> Box<Self> {
        let remote = response.remote_addr();
        let (head, body) = http::Response::<reqwest::Body>::from(response).into_parts();
        let head = Head {
            status: head.status,
            version: head.version,
            headers: head.headers,
            remote,
            phases,
            kept,
        };
        let body = Incoming::Proxied(body);
        Box::new(Self { head, body })
    }
}

/// Receives the next piece of a body through a proxy; `None` at its end.
pub(super) async fn proxied_chunk(
    body: &mut reqwest::Body,
    received: u64,
    deadlines: &Deadlines,
) -> Result<Option<Bytes>, FetchError> {
    let stage = Stage::Body(received);
    loop {
        let frame = body.frame().await.transpose();
        let frame = frame.map_err(|error| fault::from_reqwest(&error, stage, deadlines))?;
        match frame.map(http_body::Frame::into_data) {
            Some(Ok(bytes)) => return Ok(Some(bytes)),
            Some(Err(_)) => {} // trailers
            None => return Ok(None),
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
