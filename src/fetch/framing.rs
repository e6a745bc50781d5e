//! Where the body of a response ends, according to its head (RFC 9112 6).
//!
//! The HTTP clients find the end of a body by themselves. This file covers what they accept but should not:
//! transfer codings that were not requested, whose bytes would be taken for the page, and a `101` that leaves HTTP.
//! Every engine uses it, so there is one rule. Knows heads, not sockets.

use http::{HeaderMap, StatusCode, Version, header};

use crate::page::failure::FetchError;
use crate::page::headers::Headers;

/// The most header fields in an HTTP/1 response.
///
/// Some sites send a hundred cookies, but thousands make no sense.
pub(super) const HEADER_FIELDS: usize = 1000;
/// The most bytes of header fields in an HTTP/2 response.
///
/// Real sites exceed the client's own 16 KiB.
pub(super) const HEADER_BYTES: u32 = 128 << 10;

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Framing {
    /// Its length; `None` if it ends with the last chunk, or with the connection.
    pub(super) length: Option<u64>,
    /// Whether the reader must count, because the client ignores the length.
    pub(super) counted: bool,
}

/// Reads the framing of a response. `bodiless` is set for responses to `HEAD`.
///
/// # Errors
/// `Protocol`, if the following bytes are not the body.
pub(super) fn framing(
    bodiless: bool,
    status: StatusCode,
    version: Version,
    headers: &Headers,
) -> Result<Framing, FetchError> {
    // The Upgrade field was not sent, so there is nothing to switch to (RFC 9110 15.2.2).
    if status == StatusCode::SWITCHING_PROTOCOLS {
        let message = "101 Switching Protocols, although no upgrade was requested";
        return Err(FetchError::Protocol(message.to_owned()));
    }
    let has_body =
        !bodiless && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if !has_body {
        return Ok(Framing {
            length: None,
            counted: false,
        });
    }
    let is_http1 = version <= Version::HTTP_11;
    if !is_http1 || !headers.0.contains_key(header::TRANSFER_ENCODING) {
        return Ok(Framing {
            length: content_length(&headers.0),
            counted: false,
        });
    }
    if version < Version::HTTP_11 {
        // RFC 9112 6.1: such a message must be treated as if its framing was faulty.
        let message = "Transfer-Encoding in an HTTP/1.0 response";
        return Err(FetchError::Protocol(message.to_owned()));
    }
    match transfer(headers)? {
        Transfer::Chunked => Ok(Framing {
            length: None,
            counted: false,
        }),
        // RFC 2616 4.4 had `identity` for "not coded"; then Content-Length counts.
        Transfer::Identity => {
            let length = content_length(&headers.0);
            Ok(Framing {
                length,
                counted: length.is_some(),
            })
        }
    }
}

enum Transfer {
    Chunked,
    Identity,
}

/// The transfer coding of a response; without `TE` only chunked is allowed (RFC 9112 7.4).
fn transfer(headers: &Headers) -> Result<Transfer, FetchError> {
    let mut transfer = Transfer::Identity;
    for line in headers.0.get_all(header::TRANSFER_ENCODING) {
        let line = String::from_utf8_lossy(line.as_bytes());
        for coding in line.split(',').map(str::trim) {
            let is = |name: &str| coding.eq_ignore_ascii_case(name);
            transfer = match transfer {
                transfer if coding.is_empty() => transfer,
                Transfer::Identity if is("identity") => Transfer::Identity,
                Transfer::Identity if is("chunked") => Transfer::Chunked,
                // Another coding, or one on top of the chunks: the following bytes are not the body.
                _ => {
                    let coding: String = coding.chars().take(32).collect();
                    let message = format!("Transfer-Encoding {coding:?}, which was not requested");
                    return Err(FetchError::Protocol(message));
                }
            };
        }
    }
    Ok(transfer)
}

/// The value of `Content-Length`; repetitions of the same length are allowed (RFC 9110 8.6).
pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    let mut length = None;
    for line in headers.get_all(header::CONTENT_LENGTH) {
        for text in line.to_str().ok()?.split(',') {
            let value = text.trim().parse().ok()?;
            if *length.get_or_insert(value) != value {
                return None;
            }
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(fields: &[(&'static str, &'static str)]) -> Headers {
        let mut headers = Headers::default();
        for (name, value) in fields {
            headers.0.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn read(fields: &[(&'static str, &'static str)]) -> Result<Framing, FetchError> {
        framing(false, StatusCode::OK, Version::HTTP_11, &headers(fields))
    }

    fn length(length: Option<u64>, counted: bool) -> Result<Framing, FetchError> {
        Ok(Framing { length, counted })
    }

    #[test]
    fn a_body_ends_where_its_head_says() {
        assert_eq!(read(&[]), length(None, false));
        assert_eq!(read(&[("content-length", "7")]), length(Some(7), false));
        assert_eq!(read(&[("content-length", "7, 7")]), length(Some(7), false));
        let chunked = ("transfer-encoding", "chunked");
        assert_eq!(
            read(&[("content-length", "7"), chunked]),
            length(None, false)
        );
        let identity = ("transfer-encoding", "Identity");
        assert_eq!(read(&[identity]), length(None, false));
        assert_eq!(
            read(&[("content-length", "7"), identity]),
            length(Some(7), true)
        );
        assert_eq!(read(&[identity, chunked]), length(None, false));
    }

    #[test]
    fn a_transfer_coding_that_was_not_requested_is_refused() {
        for coding in [
            "xchunked",
            "gzip",
            "gzip, chunked",
            "chunked, gzip",
            "chunked, identity",
            "chunked, chunked",
            "chunked;q=1",
        ] {
            let result = read(&[("transfer-encoding", coding)]);
            assert!(matches!(result, Err(FetchError::Protocol(_))), "{coding}");
        }
        let old = headers(&[("transfer-encoding", "chunked")]);
        let result = framing(false, StatusCode::OK, Version::HTTP_10, &old);
        assert!(matches!(result, Err(FetchError::Protocol(_))));
    }

    #[test]
    fn a_response_without_a_body_has_no_length() {
        let announced = headers(&[
            ("content-length", "9000000000"),
            ("transfer-encoding", "gzip"),
        ]);
        for (bodiless, status) in [(true, 200), (false, 204), (false, 304)] {
            let status = StatusCode::from_u16(status).unwrap();
            let result = framing(bodiless, status, Version::HTTP_11, &announced);
            assert_eq!(result, length(None, false));
        }
    }
}
