//! The head of a response, parsed as leniently as in browsers (RFC 9112 4 and 5).
//!
//! Folded lines are joined; a space before a colon and a line that is not a field are ignored. Invariant: a head has at
//! most about [`BYTES`] bytes and [`HEADER_FIELDS`] fields.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header};
use httparse::{Header, ParserConfig, Status};

use crate::fetch::framing::HEADER_FIELDS;
use crate::page::failure::FetchError;

/// The most bytes in a head.
const BYTES: usize = (8 << 10) + (400 << 10);
/// The number of fields that are parsed without an allocation; hardly any head has more.
const FEW: usize = 64;

/// The head of a response.
#[derive(Debug)]
pub(in crate::fetch) struct Head {
    pub(in crate::fetch) status: StatusCode,
    pub(in crate::fetch) version: Version,
    pub(in crate::fetch) headers: HeaderMap,
}

impl Head {
    /// Whether it is the response itself and not an interim one before it.
    fn is_final(&self) -> bool {
        !self.status.is_informational() || self.status == StatusCode::SWITCHING_PROTOCOLS
    }

    /// Whether the server keeps the connection open (RFC 9112 9.3).
    pub(in crate::fetch) fn keeps_connection(&self) -> bool {
        let says = |word: &str| {
            self.headers
                .get_all(header::CONNECTION)
                .iter()
                .filter_map(|line| line.to_str().ok())
                .flat_map(|line| line.split(','))
                .any(|option| option.trim().eq_ignore_ascii_case(word))
        };
        !says("close") && (self.version == Version::HTTP_11 || says("keep-alive"))
    }
}

/// A head that is arriving. Interim responses before it are skipped (RFC 9110 15.2).
#[derive(Debug, Default)]
pub(in crate::fetch) struct HeadReader {
    /// The bytes of a head that comes in several pieces; nearly every head comes in one.
    all: BytesMut,
    parse_at: usize,
}

impl HeadReader {
    /// Takes the bytes that arrived next; returns the head once it is complete, with the bytes after it.
    ///
    /// The fields are slices of those bytes and not copies.
    ///
    /// # Errors
    /// `Protocol` if it is not a head, or `HeadTooLarge`.
    pub(in crate::fetch) fn take(
        &mut self,
        mut input: Bytes,
    ) -> Result<Option<(Head, Bytes)>, FetchError> {
        while !input.is_empty() {
            match self.next(input)? {
                Some((head, rest)) if head.is_final() => return Ok(Some((head, rest))),
                Some((_, rest)) => input = rest,
                None => break,
            }
        }
        Ok(None)
    }

    /// Takes the bytes that arrived next; returns the next head, interim or not.
    fn next(&mut self, input: Bytes) -> Result<Option<(Head, Bytes)>, FetchError> {
        if self.all.is_empty() {
            if let Some(parsed) = parse(&input)? {
                return Ok(Some(parsed));
            }
            self.all.extend_from_slice(&input);
            self.parse_at = 2 * input.len();
        } else {
            // A head that arrives in tiny pieces is not parsed again for each of them, but only if it may be complete
            // or its size has doubled.
            let seen = self.all.len().saturating_sub(3);
            self.all.extend_from_slice(&input);
            if self.all.len() >= self.parse_at || may_end(&self.all[seen..]) {
                self.parse_at = 2 * self.all.len();
                let all = std::mem::take(&mut self.all).freeze();
                if let Some(parsed) = parse(&all)? {
                    return Ok(Some(parsed));
                }
                self.all = all.into();
            }
        }
        match self.all.len() > BYTES {
            true => Err(FetchError::HeadTooLarge),
            false => Ok(None),
        }
    }
}

/// Whether the bytes contain a blank line, which may end a head.
fn may_end(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', bytes)
        .any(|at| matches!(bytes[at + 1..], [b'\n', ..] | [b'\r', b'\n', ..]))
}

/// Parses a head; returns it and the bytes after it, or `None` if it is not complete.
fn parse(bytes: &Bytes) -> Result<Option<(Head, Bytes)>, FetchError> {
    match parse_into(bytes, &mut [httparse::EMPTY_HEADER; FEW]) {
        Err(httparse::Error::TooManyHeaders) => {
            parse_into(bytes, &mut vec![httparse::EMPTY_HEADER; HEADER_FIELDS])
        }
        parsed => parsed,
    }
    .map_err(|error| match error {
        httparse::Error::TooManyHeaders => FetchError::HeadTooLarge,
        other => FetchError::Protocol(other.to_string()),
    })
}

fn parse_into<'b>(
    bytes: &'b Bytes,
    fields: &mut [Header<'b>],
) -> Result<Option<(Head, Bytes)>, httparse::Error> {
    let mut config = ParserConfig::default();
    config
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true)
        .ignore_invalid_headers_in_responses(true);
    let mut response = httparse::Response::new(fields);
    let Status::Complete(used) = config.parse_response(&mut response, bytes)? else {
        return Ok(None);
    };
    let status = StatusCode::from_u16(response.code.unwrap_or_default())
        .map_err(|_| httparse::Error::Status)?;
    let version = match response.version {
        Some(0) => Version::HTTP_10,
        _ => Version::HTTP_11,
    };
    let mut headers = HeaderMap::with_capacity(response.headers.len());
    for field in response.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes())
            .map_err(|_| httparse::Error::HeaderName)?;
        let value = match memchr::memchr(b'\n', field.value) {
            None => HeaderValue::from_maybe_shared(bytes.slice_ref(field.value)),
            Some(_) => HeaderValue::from_maybe_shared(unfold(field.value)),
        };
        headers.append(name, value.map_err(|_| httparse::Error::HeaderValue)?);
    }
    let head = Head {
        status,
        version,
        headers,
    };
    Ok(Some((head, bytes.slice(used..))))
}

/// Joins a folded value into one line, with a space for each fold (RFC 9112 5.2).
fn unfold(value: &[u8]) -> Bytes {
    let lines = value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let lines: Vec<&[u8]> = lines.filter(|line| !line.is_empty()).collect();
    lines.join(&b' ').into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Result<Option<(Head, Bytes)>, FetchError> {
        HeadReader::default().take(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn interim_responses_are_skipped() {
        let interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n";
        let (found, rest) = head(&format!("{interim}HTTP/1.1 200 OK\r\n\r\nbody"))
            .unwrap()
            .unwrap();
        assert_eq!((found.status.as_u16(), &rest[..]), (200, &b"body"[..]));
        assert!(head(interim).unwrap().is_none());
        let (switching, _) = head("HTTP/1.1 101 X\r\n\r\n").unwrap().unwrap();
        assert_eq!(switching.status.as_u16(), 101);
    }

    #[test]
    fn a_head_in_tiny_pieces_is_the_same_and_what_follows_is_kept() {
        let text = "HTTP/1.1 200 OK\r\nX-Folded: one\r\n two\r\nLast: 1\r\n\r\nbody";
        for at_once in 1..text.len() {
            let mut reader = HeadReader::default();
            let mut read = 0;
            let (head, rest) = text
                .as_bytes()
                .chunks(at_once)
                .find_map(|piece| {
                    read += piece.len();
                    reader.take(Bytes::copy_from_slice(piece)).unwrap()
                })
                .unwrap();
            assert_eq!(head.headers["x-folded"], "one two", "{at_once}");
            let follows = [&rest[..], &text.as_bytes()[read..]].concat();
            assert_eq!(follows, b"body", "{at_once}");
        }
    }

    #[test]
    fn a_head_is_parsed_like_in_browsers() {
        let text = "HTTP/1.1 200 OK\r\nX-Folded: one\r\n\t two\r\n  three\r\nSpaced : yes\r\nno field\r\nLast: 1\n\nbody";
        let (head, rest) = head(text).unwrap().unwrap();
        assert_eq!(rest, "body");
        let field = |name: &str| head.headers.get(name).unwrap().to_str().unwrap();
        assert_eq!(field("x-folded"), "one two three");
        assert_eq!((field("spaced"), field("last")), ("yes", "1"));
        assert_eq!(head.headers.len(), 3);
    }

    #[test]
    fn a_head_may_have_up_to_a_thousand_fields() {
        let with = |count: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: 1\r\n".repeat(count));
        for count in [FEW, FEW + 1, HEADER_FIELDS] {
            assert_eq!(head(&with(count)).unwrap().unwrap().0.headers.len(), count);
        }
        assert!(matches!(
            head(&with(HEADER_FIELDS + 1)),
            Err(FetchError::HeadTooLarge)
        ));
    }

    #[test]
    fn version_and_fields_decide_whether_a_connection_is_kept() {
        for (text, keeps) in [
            ("HTTP/1.1 200 OK\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\nConnection: Close\r\n\r\n", false),
            (
                "HTTP/1.1 200 OK\r\nConnection: x, close\r\nConnection: keep-alive\r\n\r\n",
                false,
            ),
            ("HTTP/1.0 200 OK\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", true),
        ] {
            assert_eq!(
                head(text).unwrap().unwrap().0.keeps_connection(),
                keeps,
                "{text}"
            );
        }
    }

    #[test]
    fn an_invalid_head_is_refused_and_a_partial_one_is_waited_for() {
        for wrong in [
            "\x16\x03\x01",
            "HTTP/2 200 OK\r\n\r\n",
            "HTTP/1.1 099 X\r\n\r\n",
            "ICY 200 OK\r\n\r\n",
        ] {
            assert!(
                matches!(head(wrong), Err(FetchError::Protocol(_))),
                "{wrong:?}"
            );
        }
        for part in ["HTT", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nX: 1\r\n"] {
            assert!(head(part).unwrap().is_none(), "{part:?}");
        }
    }
}
