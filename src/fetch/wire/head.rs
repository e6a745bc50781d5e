//! The head of a response, parsed as leniently as in browsers (RFC 9112 4 and 5).
//!
//! Folded lines are joined; a space before a colon and a line that is not a field are ignored. The other client has
//! the same options set. Invariant: a head has at most about [`BYTES`] bytes and [`HEADER_FIELDS`] fields.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header};
use httparse::{Header, ParserConfig, Status};

use super::clock::Clock;
use super::source::Source;
use crate::fetch::fault::{Stage, from_ureq};
use crate::fetch::framing::HEADER_FIELDS;
use crate::page::failure::FetchError;

/// The most bytes in a head: as many as the other client accepts.
const BYTES: usize = (8 << 10) + (400 << 10);
/// The number of fields that are parsed without an allocation; hardly any head has more.
const FEW: usize = 64;

/// The head of a response.
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) version: Version,
    pub(super) headers: HeaderMap,
}

impl Head {
    /// Whether the server keeps the connection open (RFC 9112 9.3).
    pub(super) fn keeps_connection(&self) -> bool {
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

/// Reads the next head.
///
/// # Errors
/// `Closed` if the connection ends first, `Protocol` if it is not a head, `HeadTooLarge`, or a timeout.
pub(super) fn read(source: &mut Source, clock: &Clock) -> Result<Head, FetchError> {
    // Nearly every head comes in one piece, and is parsed in place.
    let mut all = BytesMut::new();
    let mut parse_at = 0;
    loop {
        let failed = |error: &ureq::Error| from_ureq(error, Stage::Head, &clock.deadlines);
        let input = source
            .fill(clock.for_head())
            .map_err(|error| failed(&error))?;
        if input.is_empty() {
            return Err(FetchError::Closed);
        }
        if all.is_empty() {
            let (length, parsed) = (input.len(), parse(input)?);
            if let Some((used, head)) = parsed {
                source.consume(used);
                return Ok(head);
            }
            all.extend_from_slice(input);
            source.consume(length);
            parse_at = 2 * length;
        } else {
            // A head that arrives in tiny pieces is not parsed again for each of them, but only if it may be complete
            // or its size has doubled.
            let seen = all.len().saturating_sub(3);
            let length = input.len();
            all.extend_from_slice(input);
            source.consume(length);
            if all.len() >= parse_at || may_end(&all[seen..]) {
                parse_at = 2 * all.len();
                if let Some((used, head)) = parse(&all)? {
                    let _ = all.split_to(used);
                    source.put_back(all.freeze());
                    return Ok(head);
                }
            }
        }
        if all.len() > BYTES {
            return Err(FetchError::HeadTooLarge);
        }
    }
}

/// Whether the bytes contain a blank line, which may end a head.
fn may_end(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', bytes)
        .any(|at| matches!(bytes[at + 1..], [b'\n', ..] | [b'\r', b'\n', ..]))
}

/// Parses a head; returns its length and the head, or `None` if it is not complete.
fn parse(bytes: &[u8]) -> Result<Option<(usize, Head)>, FetchError> {
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
    bytes: &'b [u8],
    fields: &mut [Header<'b>],
) -> Result<Option<(usize, Head)>, httparse::Error> {
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
            None => HeaderValue::from_bytes(field.value),
            Some(_) => HeaderValue::from_maybe_shared(unfold(field.value)),
        };
        headers.append(name, value.map_err(|_| httparse::Error::HeaderValue)?);
    }
    let head = Head {
        status,
        version,
        headers,
    };
    Ok(Some((used, head)))
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

    fn head(text: &str) -> Result<Option<(usize, Head)>, FetchError> {
        parse(text.as_bytes())
    }

    #[test]
    fn a_head_is_parsed_like_in_browsers() {
        let text = "HTTP/1.1 200 OK\r\nX-Folded: one\r\n\t two\r\n  three\r\nSpaced : yes\r\nno field\r\nLast: 1\n\nbody";
        let (used, head) = head(text).unwrap().unwrap();
        assert_eq!(&text[used..], "body");
        let field = |name: &str| head.headers.get(name).unwrap().to_str().unwrap();
        assert_eq!(field("x-folded"), "one two three");
        assert_eq!((field("spaced"), field("last")), ("yes", "1"));
        assert_eq!(head.headers.len(), 3);
    }

    #[test]
    fn a_head_may_have_up_to_a_thousand_fields() {
        let with = |count: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: 1\r\n".repeat(count));
        for count in [FEW, FEW + 1, HEADER_FIELDS] {
            assert_eq!(head(&with(count)).unwrap().unwrap().1.headers.len(), count);
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
                head(text).unwrap().unwrap().1.keeps_connection(),
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
