//! What a server answered.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::body::Body;
use crate::headers::Headers;

/// An answer: any status, 404 and 503 included. No answer at all is a [`FetchError`](crate::FetchError).
#[derive(Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Page {
    /// The HTTP status, 100 to 999.
    pub status: u16,
    /// The protocol it came over.
    pub version: HttpVersion,
    /// Its header fields.
    pub headers: Headers,
    /// Its bytes, as received: still compressed where the server compressed them.
    pub body: Body,
    /// How many body bytes came over the wire, before decoding; a resumed download counts this run's alone.
    pub wire_bytes: u64,
    /// The address that answered; a proxy's where there is one.
    pub remote: Option<SocketAddr>,
    /// How long it took.
    pub timing: Timing,
}

/// The HTTP version of an answer.
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

/// Where the time of one fetch went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Timing {
    /// When it was sent, by the wall clock; `None` for what no server answered in this run.
    pub sent: Option<SystemTime>,
    /// From being ready to be sent to being sent: the queue, politeness and retries.
    pub queued: Duration,
    /// Looking up the name, where a new connection was made for this request; a cached name takes next to nothing.
    pub resolve: Option<Duration>,
    /// The TCP connection, through a proxy the tunnel as well, where a new one was made.
    pub connect: Option<Duration>,
    /// The TLS handshake, where there was one.
    pub tls: Option<Duration>,
    /// From being sent to the first byte of the answer, connecting included.
    pub first_byte: Duration,
    /// From being sent to the last byte.
    pub total: Duration,
}

impl HttpVersion {
    /// `1.0`, `1.1` or `2`, as curl writes it.
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
    /// Where the answer redirects to, as the header says it; `None` for other statuses, and where it is no UTF-8.
    pub fn location(&self) -> Option<&str> {
        std::str::from_utf8(self.location_bytes()?).ok()
    }

    /// The same, also where it is no UTF-8: then it is Latin-1, as it once was in HTTP.
    pub(crate) fn target(&self) -> Option<Cow<'_, str>> {
        let bytes = self.location_bytes()?;
        Some(match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => bytes.iter().copied().map(char::from).collect(),
        })
    }

    /// Bytes of its body that are in memory.
    pub(crate) fn in_memory(&self) -> u64 {
        match &self.body {
            Body::Memory(bytes) => bytes.len() as u64,
            Body::Spooled(_) | Body::Dropped(_) => 0,
        }
    }

    fn location_bytes(&self) -> Option<&[u8]> {
        let redirects = matches!(self.status, 301 | 302 | 303 | 307 | 308);
        let value = self.headers.0.get(http::header::LOCATION);
        value.filter(|_| redirects).map(http::HeaderValue::as_bytes)
    }

    /// Whether the body is under a content coding, one that is to be undone.
    pub fn is_encoded(&self) -> bool {
        self.headers.is_encoded()
    }

    /// How long `Retry-After` asks to wait, as seconds or as a date (RFC 9110 10.2.3).
    pub fn retry_after(&self, now: SystemTime) -> Option<Duration> {
        let value = self.headers.text(http::header::RETRY_AFTER)?.trim();
        if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
            // A number that does not fit is a very long wait, not none.
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
            status,
            version: HttpVersion::Http11,
            headers,
            body: Body::empty(),
            wire_bytes: 0,
            remote: None,
            timing: Timing::default(),
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
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
    fn only_a_redirect_status_redirects() {
        assert_eq!(page(301, "location", "/x").location(), Some("/x"));
        assert_eq!(page(200, "location", "/x").location(), None);
        assert_eq!(page(304, "location", "/x").location(), None);
    }
}
