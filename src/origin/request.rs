//! One request as it arrived.
//!
//! The head is one piece of memory with the positions of its parts, so that a small request needs no strings of its
//! own. Invariant: every position is inside the head. Header values are bytes (RFC 9110 5.5); as text, a value that
//! is not UTF-8 has replacement characters.

use std::borrow::Cow;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::ops::Range;

use bytes::{Bytes, BytesMut};

/// More headers than any client sends; a request with more gets a 431.
pub(crate) const HEADERS_LIMIT: usize = 200;

/// One request as it arrived, body included.
#[derive(Debug, Clone)]
pub struct Request {
    head: Bytes,
    method: Range<usize>,
    target: Range<usize>,
    headers: Vec<(Range<usize>, Range<usize>)>,
    minor_version: u8,
    pub(crate) body: Bytes,
    peer: SocketAddr,
    connection: u64,
    pub(crate) channel: Channel,
}

/// What a request came through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Channel {
    /// Whether it was encrypted.
    pub(crate) is_encrypted: bool,
    /// Whether it was in a tunnel that `CONNECT` had opened.
    pub(crate) is_tunnelled: bool,
}

/// Why a head is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeadError {
    Malformed,
    TooManyHeaders,
}

impl Request {
    /// Takes a whole head, including the blank line, from the front of `input`.
    pub(crate) fn take(
        input: &mut BytesMut,
        peer: SocketAddr,
        connection: u64,
    ) -> Result<Request, HeadError> {
        let mut space = [const { MaybeUninit::uninit() }; HEADERS_LIMIT];
        let mut parsed = httparse::Request::new(&mut []);
        let status = parsed
            .parse_with_uninit_headers(input, &mut space)
            .map_err(|error| match error {
                httparse::Error::TooManyHeaders => HeadError::TooManyHeaders,
                _ => HeadError::Malformed,
            })?;
        let httparse::Status::Complete(length) = status else {
            return Err(HeadError::Malformed);
        };
        let start = input.as_ptr().addr();
        let span = |part: &[u8]| {
            let from = part.as_ptr().addr().wrapping_sub(start);
            if from.saturating_add(part.len()) <= length {
                from..from + part.len()
            } else {
                0..0
            } // an empty part may point nowhere
        };
        let method = span(parsed.method.unwrap_or_default().as_bytes());
        let target = span(parsed.path.unwrap_or_default().as_bytes());
        let minor_version = parsed.version.unwrap_or_default();
        let headers = parsed
            .headers
            .iter()
            .map(|header| (span(header.name.as_bytes()), span(header.value)))
            .collect();
        let head = input.split_to(length).freeze();
        Ok(Request {
            head,
            method,
            target,
            headers,
            minor_version,
            body: Bytes::new(),
            peer,
            connection,
            channel: Channel::default(),
        })
    }

    /// The method, as sent.
    #[must_use]
    pub fn method(&self) -> &str {
        self.text(&self.method)
    }

    /// The target with its query, as sent (RFC 9112 3.2).
    #[must_use]
    pub fn target(&self) -> &str {
        self.text(&self.target)
    }

    /// The path with its query, without the scheme and authority of a request to a proxy.
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        let target = self.target();
        match target.split_once("://") {
            Some((scheme, rest)) if !scheme.contains('/') => {
                rest.find('/').map_or("/", |slash| &rest[slash..])
            }
            _ => target,
        }
    }

    /// The path alone, still percent-encoded.
    #[must_use]
    pub fn path(&self) -> &str {
        let whole = self.path_and_query();
        whole.split_once('?').map_or(whole, |(path, _)| path)
    }

    /// The query without its question mark; empty if there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        self.path_and_query()
            .split_once('?')
            .map_or("", |(_, query)| query)
    }

    /// The number that the query has for `name`, as in `?mib=10`.
    #[must_use]
    pub fn query_number(&self, name: &str) -> Option<u64> {
        let pairs = self
            .query()
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        pairs
            .filter(|(key, _)| *key == name)
            .find_map(|(_, value)| value.parse().ok())
    }

    /// The first header of that name, in any case; `None` if its value is not UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header_bytes(name)
            .and_then(|value| std::str::from_utf8(value).ok())
    }

    /// All headers in the order in which they were sent, names as written.
    #[must_use]
    pub fn headers(&self) -> Vec<(String, String)> {
        let text =
            |span: &Range<usize>| String::from_utf8_lossy(&self.head[span.clone()]).into_owned();
        self.headers
            .iter()
            .map(|(name, value)| (text(name), text(value)))
            .collect()
    }

    /// The `Host` header as sent, including the port; empty if there is none.
    #[must_use]
    pub fn host(&self) -> Cow<'_, str> {
        self.header_bytes("host")
            .map_or(Cow::Borrowed(""), String::from_utf8_lossy)
    }

    /// The name in the `Host` header: no port, lower case, no trailing dot.
    #[must_use]
    pub fn host_name(&self) -> String {
        let host = self.host();
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => &host,
        };
        name.trim_end_matches('.').to_ascii_lowercase()
    }

    /// The body without chunked framing.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The address of the client.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The number of the connection, counted from 1 in the order of acceptance.
    #[must_use]
    pub fn connection(&self) -> u64 {
        self.connection
    }

    /// Whether it came over TLS that the server itself had set up.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.channel.is_encrypted
    }

    /// Whether it came through a tunnel, for which the client had named this host and port.
    #[must_use]
    pub fn is_tunnelled(&self) -> bool {
        self.channel.is_tunnelled
    }

    pub(crate) fn is_head(&self) -> bool {
        self.method() == "HEAD"
    }

    pub(crate) fn is_read_only(&self) -> bool {
        matches!(self.method(), "GET" | "HEAD")
    }

    /// Whether it is HTTP/1.1 rather than 1.0.
    pub(crate) fn is_current_version(&self) -> bool {
        self.minor_version >= 1
    }

    /// Whether the client wants to reuse this connection (RFC 9112 9.3).
    pub(crate) fn stays(&self) -> bool {
        let says = |word: &str| {
            self.values("connection").any(|value| {
                value
                    .split(|&byte| byte == b',')
                    .any(|part| part.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
            })
        };
        if self.is_current_version() {
            !says("close")
        } else {
            says("keep-alive")
        }
    }

    /// The values of each header of that name.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let wanted = move |span: &Range<usize>| {
            self.head[span.clone()].eq_ignore_ascii_case(name.as_bytes())
        };
        self.headers
            .iter()
            .filter(move |(name, _)| wanted(name))
            .map(|(_, value)| &self.head[value.clone()])
    }

    fn header_bytes(&self, name: &str) -> Option<&[u8]> {
        let (_, value) = self
            .headers
            .iter()
            .find(|(key, _)| self.head[key.clone()].eq_ignore_ascii_case(name.as_bytes()))?;
        Some(&self.head[value.clone()])
    }

    fn text(&self, span: &Range<usize>) -> &str {
        std::str::from_utf8(&self.head[span.clone()]).unwrap_or_default()
    }
}

#[cfg(test)]
impl Request {
    /// A request for tests, from its text, including the blank line.
    pub(crate) fn of(text: &str) -> Request {
        Request::take(
            &mut BytesMut::from(text),
            SocketAddr::from(([127, 0, 0, 1], 9)),
            1,
        )
        .unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_request_are_found() {
        let request = Request::of(
            "GET /a%20b?x=1&n=7 HTTP/1.1\r\nHost: Shop.Localhost.:8080\r\nX-Empty:\r\n\r\n",
        );
        assert_eq!(
            (
                request.method(),
                request.path(),
                request.query(),
                request.query_number("n")
            ),
            ("GET", "/a%20b", "x=1&n=7", Some(7))
        );
        assert_eq!(
            (request.host_name().as_str(), request.header("x-empty")),
            ("shop.localhost", Some(""))
        );
        assert_eq!(
            request.headers()[0],
            ("Host".to_owned(), "Shop.Localhost.:8080".to_owned())
        );
    }

    #[test]
    fn a_request_to_a_proxy_has_a_path_and_an_ipv6_host_keeps_its_colons() {
        let request =
            Request::of("GET http://a.test/x?to=http://b/ HTTP/1.1\r\nHost: [::1]:80\r\n\r\n");
        assert_eq!(
            (request.path_and_query(), request.host_name().as_str()),
            ("/x?to=http://b/", "[::1]")
        );
        assert_eq!(
            Request::of("GET /go?to=http://b/ HTTP/1.1\r\n\r\n").path(),
            "/go"
        );
    }

    #[test]
    fn only_connection_close_or_http_1_0_ends_a_connection() {
        let stays = |head: &str| Request::of(&format!("{head}\r\n\r\n")).stays();
        assert!(stays("GET / HTTP/1.1\r\nHost: a"));
        assert!(!stays("GET / HTTP/1.1\r\nHost: a\r\nConnection: TE, Close"));
        assert!(!stays("GET / HTTP/1.0"));
        assert!(stays("GET / HTTP/1.0\r\nConnection: Keep-Alive"));
    }

    #[test]
    fn too_many_headers_and_garbage_are_different_errors() {
        let peer = SocketAddr::from(([127, 0, 0, 1], 9));
        let many = format!(
            "GET / HTTP/1.1\r\n{}\r\n",
            "A: 1\r\n".repeat(HEADERS_LIMIT + 1)
        );
        let take = |text: &str| Request::take(&mut BytesMut::from(text), peer, 1).map(|_| ());
        assert_eq!(take(&many), Err(HeadError::TooManyHeaders));
        assert_eq!(take("\x16\x03\x01\r\n\r\n"), Err(HeadError::Malformed));
    }
}
