//! A page: what a server sent, and why there may be none.

pub(crate) mod body;
pub(crate) mod checksum;
pub(crate) mod coding;
pub(crate) mod failure;
pub(crate) mod freshness;
pub(crate) mod headers;
pub(crate) mod memory;
pub(crate) mod partial;
mod quota;
pub(crate) mod snapshot;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::page::body::Body;
use crate::page::headers::Headers;
use crate::page::partial::Note;
use crate::page::snapshot::Known;

/// A response with any status, including 404 and 503.
///
/// If there was no response at all, there is a [`FetchError`](crate::FetchError) instead.
#[derive(Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Page {
    /// The HTTP status, 100 to 999.
    pub status: u16,
    /// The HTTP version of the response.
    pub version: HttpVersion,
    /// The header fields.
    pub headers: Headers,
    /// The body as received: still compressed if the server compressed it.
    pub body: Body,
    /// The number of body bytes received, before decoding.
    ///
    /// For a resumed download, only those of this run.
    pub wire_bytes: u64,
    /// The address that responded; that of the proxy if there is one.
    pub remote: Option<SocketAddr>,
    /// How long it took, phase by phase.
    pub timing: Timing,
    /// The segments in which the body is to be received, if it was not received with this response.
    pub(crate) segments: Option<Box<[Note]>>,
    /// What an earlier run kept of it, if the run compares with one.
    pub(crate) known: Option<Box<Known>>,
}

/// The HTTP version of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum HttpVersion {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
    /// HTTP/2
    Http2,
}

/// How long each phase of one fetch took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Timing {
    /// When the request was sent, by the wall clock; `None` if no server responded in this run.
    pub sent: Option<SystemTime>,
    /// From being ready to being sent: the queue, politeness and retries.
    pub queued: Duration,
    /// The DNS look-up, if this request made a new connection.
    ///
    /// A cached name takes almost no time.
    pub resolve: Option<Duration>,
    /// The TCP connection and the tunnel through a proxy, if this request made a new connection.
    pub connect: Option<Duration>,
    /// The TLS handshake, if there was one.
    pub tls: Option<Duration>,
    /// From sending the request to the first byte of the response, including connecting.
    pub first_byte: Duration,
    /// From sending the request to the last byte of the response.
    pub total: Duration,
}

impl Timing {
    /// How long it took to open the connection; zero if a kept one was used.
    ///
    /// The server sees the request only after this.
    pub(crate) fn connecting(&self) -> Duration {
        let steps = [self.resolve, self.connect, self.tls];
        steps.into_iter().flatten().sum()
    }
}

impl HttpVersion {
    /// The version as `1.0`, `1.1` or `2`, like curl writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            HttpVersion::Http10 => "1.0",
            HttpVersion::Http11 => "1.1",
            HttpVersion::Http2 => "2",
        }
    }
}

impl From<http::Version> for HttpVersion {
    fn from(version: http::Version) -> Self {
        match version {
            http::Version::HTTP_09 | http::Version::HTTP_10 => HttpVersion::Http10,
            http::Version::HTTP_2 => HttpVersion::Http2,
            _ => HttpVersion::Http11,
        }
    }
}

impl Page {
    /// A response over HTTP/1.1 without header fields, from nowhere, that took no time.
    pub(crate) fn plain(status: u16, body: Body) -> Self {
        Self {
            status,
            version: HttpVersion::Http11,
            headers: Headers::default(),
            wire_bytes: body.len(),
            body,
            remote: None,
            timing: Timing::default(),
            segments: None,
            known: None,
        }
    }

    /// The redirect target as the header has it.
    ///
    /// `None` for other statuses, and if it is not UTF-8.
    pub fn location(&self) -> Option<&str> {
        std::str::from_utf8(self.location_bytes()?).ok()
    }

    /// The redirect target, decoded as Latin-1 if it is not UTF-8, as HTTP once specified.
    pub(crate) fn target(&self) -> Option<Cow<'_, str>> {
        let bytes = self.location_bytes()?;
        Some(match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => bytes.iter().copied().map(char::from).collect(),
        })
    }

    /// The number of bytes of the body that are in memory.
    pub(crate) fn in_memory(&self) -> u64 {
        match &self.body {
            Body::Memory(bytes) => bytes.len() as u64,
            Body::Spooled(_) | Body::Dropped(_) => 0,
        }
    }

    fn location_bytes(&self) -> Option<&[u8]> {
        let is_redirect = matches!(self.status, 301 | 302 | 303 | 307 | 308);
        let value = self.headers.0.get(http::header::LOCATION);
        value
            .filter(|_| is_redirect)
            .map(http::HeaderValue::as_bytes)
    }

    /// Whether the body has a content coding that must be decoded.
    pub fn is_encoded(&self) -> bool {
        self.headers.is_encoded()
    }

    /// When the body was last changed, by `Last-Modified` (RFC 9110 8.8.2).
    ///
    /// `None` if it is no date or in the future, and for the first second of 1970, which means that the server does not
    /// know.
    pub fn last_modified(&self, now: SystemTime) -> Option<SystemTime> {
        let date = self.headers.text(http::header::LAST_MODIFIED)?;
        let modified = httpdate::parse_http_date(date.trim()).ok()?;
        (SystemTime::UNIX_EPOCH < modified && modified <= now).then_some(modified)
    }

    /// The wait that `Retry-After` asks for, in seconds or as a date (RFC 9110 10.2.3).
    pub fn retry_after(&self, now: SystemTime) -> Option<Duration> {
        let value = self.headers.text(http::header::RETRY_AFTER)?.trim();
        if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
            // A number that does not fit is a very long wait, not no wait.
            return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
        }
        let at = httpdate::parse_http_date(value).ok()?;
        Some(at.duration_since(now).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn page(status: u16, name: &'static str, value: &'static str) -> Page {
        let mut headers = Headers::default();
        headers.0.insert(name, HeaderValue::from_static(value));
        Page {
            headers,
            ..Page::plain(status, Body::empty())
        }
    }

    #[test]
    fn retry_after_is_parsed_as_seconds_and_as_a_date() {
        let now = httpdate::parse_http_date("Fri, 20 Nov 2026 10:00:00 GMT").unwrap();
        let wait = |value| page(503, "retry-after", value).retry_after(now);
        assert_eq!(wait("120"), Some(Duration::from_secs(120)));
        assert_eq!(
            wait("Fri, 20 Nov 2026 10:01:00 GMT"),
            Some(Duration::from_secs(60))
        );
        assert_eq!(wait("Fri, 20 Nov 2026 09:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("soon"), None);
        assert_eq!(wait("-5"), None);
        assert_eq!(wait(""), None);
        for large in ["18446744073709551615", "99999999999999999999999"] {
            assert_eq!(wait(large), Some(Duration::from_secs(u64::MAX)));
        }
        let far = Duration::from_secs(60 * 60 * 24 * 365);
        assert!(wait("Fri, 31 Dec 9999 23:59:59 GMT") > Some(far));
    }

    #[test]
    fn a_date_of_the_past_says_when_a_body_was_changed() {
        let now = httpdate::parse_http_date("Fri, 20 Nov 2026 10:00:00 GMT").unwrap();
        let modified = |value| page(200, "last-modified", value).last_modified(now);
        let year = httpdate::parse_http_date("Fri, 20 Nov 2020 10:00:00 GMT").ok();
        for form in [
            "Fri, 20 Nov 2020 10:00:00 GMT",
            "Friday, 20-Nov-20 10:00:00 GMT",
            "Fri Nov 20 10:00:00 2020",
        ] {
            assert_eq!(modified(form), year, "{form}");
        }
        assert_eq!(modified("Fri, 20 Nov 2026 10:00:00 GMT"), Some(now));
        for nonsense in [
            "Fri, 20 Nov 2026 10:00:01 GMT",
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "Fri, 31 Dec 1900 23:59:59 GMT",
            "yesterday",
            "1605866400",
            "",
        ] {
            assert_eq!(modified(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn only_a_redirect_status_redirects() {
        assert_eq!(page(301, "location", "/x").location(), Some("/x"));
        assert_eq!(page(200, "location", "/x").location(), None);
        assert_eq!(page(304, "location", "/x").location(), None);
    }
}
