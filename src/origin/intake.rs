//! Reading requests from a connection: heads, bodies, chunks (RFC 9112 2 to 7).
//!
//! Limits: a head of 64 KiB and 200 headers, a body of 8 MiB, a minute of silence, a minute per request. Ambiguous
//! framing (two lengths, a length and a coding) is refused rather than guessed: a client under test that sends it
//! has a bug, and should find out.

use std::io;
use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::request::{HeadError, Request};
use super::wire::{IDLE_WITHIN, Wire};

/// Larger heads get a 431.
const HEAD_LIMIT: usize = 64 << 10;

/// Larger bodies get a 413.
const BODY_LIMIT: usize = 8 << 20;

/// The longest line with a chunk size, extensions included, or a trailer.
const LINE_LIMIT: usize = 4 << 10;

/// Why a request was refused. The connection ends with it.
#[derive(Debug, Error)]
pub(crate) enum Refused {
    #[error("the connection is gone")]
    Gone(#[from] io::Error),
    #[error("the request is malformed: {0}")]
    Malformed(&'static str),
    #[error("the head is larger than 64 KiB or has more than 200 headers")]
    LargeHead,
    #[error("the body is larger than 8 MiB")]
    LargeBody,
    #[error("the transfer coding is unknown")]
    UnknownCoding,
}

impl Refused {
    /// The status to send to the client; `None` if it is gone.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Refused::Gone(error) if error.kind() == io::ErrorKind::TimedOut => Some(408),
            Refused::Gone(_) => None,
            Refused::Malformed(_) => Some(400),
            Refused::LargeHead => Some(431),
            Refused::LargeBody => Some(413),
            Refused::UnknownCoding => Some(501),
        }
    }
}

/// Reads the next request.
///
/// `None` if the client closed, or sent nothing for a minute, before its first byte.
pub(crate) async fn take<S>(
    wire: &mut Wire<'_, S>,
    peer: SocketAddr,
    connection: u64,
) -> Result<Option<Request>, Refused>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if !begins(wire).await {
        return Ok(None);
    }
    let deadline = Instant::now() + IDLE_WITHIN;
    await_head(wire, deadline).await?;
    let mut request =
        Request::take(&mut wire.input, peer, connection).map_err(|error| match error {
            HeadError::Malformed => Refused::Malformed("not an HTTP/1.1 head"),
            HeadError::TooManyHeaders => Refused::LargeHead,
        })?;
    if request.is_current_version() && request.values("host").count() != 1 {
        return Err(Refused::Malformed("exactly one Host header is required")); // RFC 9112 3.2
    }
    let framing = Framing::of(&request)?;
    if framing != Framing::Length(0) {
        let expects = request
            .header("expect")
            .is_some_and(|value| value.eq_ignore_ascii_case("100-continue"));
        if expects && wire.input.is_empty() {
            wire.send(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        request.body = match framing {
            Framing::Length(length) => take_bytes(wire, length, deadline).await?,
            Framing::Chunked => take_chunks(wire, deadline).await?,
        };
    }
    Ok(Some(request))
}

/// Reads up to a blank line without consuming it: the whole head is then in `input`.
pub(crate) async fn await_head<S>(wire: &mut Wire<'_, S>, deadline: Instant) -> Result<(), Refused>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut searched = 0;
    loop {
        let blank = blank_line(&wire.input[searched..]).map(|at| searched + at);
        if blank.unwrap_or(wire.input.len()) > HEAD_LIMIT {
            return Err(Refused::LargeHead);
        }
        if blank.is_some() {
            return Ok(());
        }
        searched = wire.input.len().saturating_sub(3); // the longest part of a blank line: "\n\r"
        fill(wire, deadline).await?;
    }
}

/// How a body ends.
#[derive(Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
}

impl Framing {
    /// RFC 9112 6.3, read strictly.
    fn of(request: &Request) -> Result<Framing, Refused> {
        let mut codings = request.values("transfer-encoding");
        let mut lengths = request.values("content-length");
        match (codings.next(), lengths.next()) {
            (None, None) => Ok(Framing::Length(0)),
            (Some(coding), None)
                if coding.eq_ignore_ascii_case(b"chunked") && codings.next().is_none() =>
            {
                Ok(Framing::Chunked)
            }
            (Some(_), None) => Err(Refused::UnknownCoding),
            (Some(_), Some(_)) => Err(Refused::Malformed("a length and a transfer coding")),
            (None, Some(length)) => {
                if lengths.next().is_some() {
                    return Err(Refused::Malformed("two lengths"));
                }
                let digits = !length.is_empty()
                    && length.len() <= 18
                    && length.iter().all(u8::is_ascii_digit);
                let number = std::str::from_utf8(length)
                    .ok()
                    .filter(|_| digits)
                    .and_then(|text| text.parse().ok());
                let length = number.ok_or(Refused::Malformed("a length that is not a number"))?;
                if length > BODY_LIMIT {
                    Err(Refused::LargeBody)
                } else {
                    Ok(Framing::Length(length))
                }
            }
        }
    }
}

/// Waits for the first byte of a request, and drops blank lines before it (RFC 9112 2.2).
async fn begins<S>(wire: &mut Wire<'_, S>) -> bool
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let deadline = Instant::now() + IDLE_WITHIN;
    loop {
        while let [b'\r' | b'\n', ..] = wire.input[..] {
            let _ = wire.input.split_to(1);
        }
        if !wire.input.is_empty() {
            return true;
        }
        if !matches!(wire.fill(deadline).await, Ok(1..)) {
            return false;
        }
    }
}

async fn fill<S>(wire: &mut Wire<'_, S>, deadline: Instant) -> Result<(), Refused>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match wire.fill(deadline).await? {
        0 => Err(Refused::Gone(io::ErrorKind::UnexpectedEof.into())),
        _ => Ok(()),
    }
}

async fn take_bytes<S>(
    wire: &mut Wire<'_, S>,
    length: usize,
    deadline: Instant,
) -> Result<Bytes, Refused>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while wire.input.len() < length {
        fill(wire, deadline).await?;
    }
    Ok(wire.input.split_to(length).freeze())
}

/// Reads a chunked body (RFC 9112 7.1); extensions and trailers are read and ignored.
async fn take_chunks<S>(wire: &mut Wire<'_, S>, deadline: Instant) -> Result<Bytes, Refused>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut body = BytesMut::new();
    loop {
        let line = take_line(wire, deadline).await?;
        let digits = line
            .split(|&byte| byte == b';')
            .next()
            .unwrap_or_default()
            .trim_ascii();
        let text = std::str::from_utf8(digits)
            .ok()
            .filter(|_| digits.iter().all(u8::is_ascii_hexdigit));
        let size = text
            .and_then(|text| usize::from_str_radix(text, 16).ok())
            .ok_or(Refused::Malformed("a chunk without a size"))?;
        if size == 0 {
            break;
        }
        if size > BODY_LIMIT - body.len() {
            return Err(Refused::LargeBody);
        }
        body.extend_from_slice(&take_bytes(wire, size, deadline).await?);
        if !take_line(wire, deadline).await?.is_empty() {
            return Err(Refused::Malformed("a chunk longer than its size"));
        }
    }
    let mut trailers = 0;
    loop {
        let line = take_line(wire, deadline).await?;
        if line.is_empty() {
            return Ok(body.freeze());
        }
        trailers += line.len();
        if trailers > HEAD_LIMIT {
            return Err(Refused::LargeHead);
        }
    }
}

/// A line without its end.
async fn take_line<S>(wire: &mut Wire<'_, S>, deadline: Instant) -> Result<Bytes, Refused>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        if let Some(end) = wire
            .input
            .iter()
            .take(LINE_LIMIT)
            .position(|&byte| byte == b'\n')
        {
            let line = wire.input.split_to(end + 1).freeze();
            let bare = line[..end]
                .strip_suffix(b"\r")
                .unwrap_or(&line[..end])
                .len();
            return Ok(line.slice(..bare));
        }
        if wire.input.len() >= LINE_LIMIT {
            return Err(Refused::Malformed("an endless line"));
        }
        fill(wire, deadline).await?;
    }
}

/// The end of the last line before a blank line.
fn blank_line(bytes: &[u8]) -> Option<usize> {
    let mut ends = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at);
    ends.find(|at| matches!(bytes[at + 1..], [b'\n', ..] | [b'\r', b'\n', ..]))
}

#[cfg(test)]
mod tests {
    use super::super::visitor::Visitor;
    use super::super::{Origin, OriginSettings};

    fn origin() -> Origin {
        Origin::start(OriginSettings::default()).unwrap()
    }

    fn status(request: impl AsRef<[u8]>) -> u16 {
        let origin = origin();
        let mut visitor = Visitor::of(&origin);
        visitor.send(request);
        let response = visitor.response().unwrap();
        if response.status >= 400 {
            assert_eq!(
                (
                    response.header("connection"),
                    visitor.rest(1).unwrap().len()
                ),
                ("close", 0),
                "it ends the connection"
            );
        }
        response.status
    }

    #[test]
    fn bodies_arrive_whole_by_length_and_by_chunks() {
        let origin = origin();
        let mut visitor = Visitor::of(&origin);
        visitor.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
        assert!(
            visitor
                .response()
                .unwrap()
                .text()
                .contains("\"body\":\"hello\"")
        );
        visitor.send(
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n",
        );
        visitor.send("2\r\nlo\r\n0\r\nTrailer: t\r\n\r\n");
        assert!(
            visitor
                .response()
                .unwrap()
                .text()
                .contains("\"body\":\"hello\"")
        );
        assert_eq!(origin.log().hits("/echo")[1].body, "hello");
    }

    #[test]
    fn a_client_that_expects_100_continue_gets_it() {
        let origin = origin();
        let mut visitor = Visitor::of(&origin);
        visitor.send(
            "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
        );
        assert_eq!(visitor.response().unwrap().status, 100);
        visitor.send("ok");
        assert!(
            visitor
                .response()
                .unwrap()
                .text()
                .contains("\"body\":\"ok\"")
        );
    }

    #[test]
    fn ambiguous_and_oversized_requests_are_refused_and_end_the_connection() {
        let chunked = "Transfer-Encoding: chunked\r\n";
        for (headers, expected) in [
            (format!("Content-Length: 1\r\n{chunked}"), 400),
            ("Content-Length: 1\r\nContent-Length: 1\r\n".to_owned(), 400),
            ("Content-Length: +1\r\n".to_owned(), 400),
            ("Host: again\r\n".to_owned(), 400),
            ("Transfer-Encoding: gzip, chunked\r\n".to_owned(), 501),
            (format!("Content-Length: {}\r\n", (8 << 20) + 1), 413),
            ("A: 1\r\n".repeat(201), 431),
            (format!("Long: {}\r\n", "a".repeat(70_000)), 431),
        ] {
            assert_eq!(
                status(format!("GET /echo HTTP/1.1\r\nHost: a\r\n{headers}\r\n")),
                expected,
                "{:.60}",
                headers
            );
        }
        assert_eq!(
            status(format!(
                "POST /echo HTTP/1.1\r\nHost: a\r\n{chunked}\r\nffffff\r\n"
            )),
            413
        );
        assert_eq!(
            status(format!(
                "POST /echo HTTP/1.1\r\nHost: a\r\n{chunked}\r\nx\r\n"
            )),
            400
        );
        assert_eq!(
            status(format!(
                "POST /echo HTTP/1.1\r\nHost: a\r\n{chunked}\r\n1\r\nab\r\n"
            )),
            400
        );
        assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), 400);
        assert_eq!(status("\x16\x03\x01 hello\r\n\r\n"), 400);
    }

    #[test]
    fn a_head_that_arrives_byte_by_byte_after_blank_lines_is_parsed() {
        let origin = origin();
        let mut visitor = Visitor::of(&origin);
        for byte in b"\r\n\n\r\nGET /status/204 HTTP/1.1\r\nHost: a\r\n\r\n".chunks(1) {
            visitor.send(byte);
        }
        assert_eq!(visitor.response().unwrap().status, 204);
    }
}
