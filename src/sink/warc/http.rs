//! HTTP messages as archives contain them: heads reconstructed from what is known.
//!
//! The client reports status, version and fields, but not the bytes of the head: names are lower-cased, and the
//! framing of the body is gone. So `transfer-encoding` is stored under another name, `content-length` is that of
//! the stored body, and an HTTP/2 body gets an HTTP/1.1 head. Content codings stay as they were. Invariant: no
//! field and no URL breaks its line; a head has one empty line, its last.

use http::header::{self, HeaderMap};
use http::{Method, StatusCode};

use crate::page::headers::is_harmless;
use crate::page::{HttpVersion, Page};
use crate::url::PageUrl;

/// The field that stores the transfer coding, which the stored body no longer has.
const ORIGINAL_CODING: &str = "x-orig-transfer-encoding";
/// The fields for the length and range of a response that completed a download.
const ORIGINAL_LENGTH: &str = "x-orig-content-length";
const ORIGINAL_RANGE: &str = "x-orig-content-range";

/// The head of a response.
///
/// `body` is the length of the stored body; `None` if it was dropped.
pub(super) fn response(page: &Page, body: Option<u64>) -> Vec<u8> {
    let mut head = status_line(page.version, page.status);
    let fields = &page.headers.0;
    let declared = page.headers.text(header::CONTENT_LENGTH);
    let declared = declared.and_then(|text| text.trim().parse::<u64>().ok());
    // A resumed download has the head of its last part, with the status changed to that of the whole.
    let is_part = page.status == 200 && fields.contains_key(header::CONTENT_RANGE);
    let length = match body {
        None => None,
        Some(0) if declared.is_some() => None, // a response to HEAD, or one that states 0
        Some(length) if declared == Some(length) => None,
        Some(length) => Some(length),
    };
    for (name, value) in fields {
        let name = match name {
            &header::TRANSFER_ENCODING => ORIGINAL_CODING,
            &header::CONTENT_LENGTH if length.is_some() => ORIGINAL_LENGTH,
            &header::CONTENT_RANGE if is_part => ORIGINAL_RANGE,
            other => other.as_str(),
        };
        field(&mut head, name, value.as_bytes());
    }
    if let Some(length) = length.filter(|_| may_have_body(page.status)) {
        field(&mut head, "content-length", length.to_string().as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// The head of a redirect on the way, from its status and its target.
pub(super) fn hop(status: u16, to: &PageUrl) -> Vec<u8> {
    let mut head = status_line(HttpVersion::Http11, status);
    field(&mut head, "location", to.as_str().as_bytes());
    field(&mut head, "content-length", b"0");
    head.extend_from_slice(b"\r\n");
    head
}

/// The head of a request, and the names of the fields that were withheld.
pub(super) fn request(
    method: &Method,
    url: &PageUrl,
    fields: &HeaderMap,
) -> (Vec<u8>, Vec<String>) {
    let mut head = Vec::with_capacity(256);
    let whole = url.as_url();
    head.extend_from_slice(method.as_str().as_bytes());
    head.push(b' ');
    let target = &whole[url::Position::BeforePath..url::Position::AfterQuery];
    head.extend(target.bytes().filter(u8::is_ascii_graphic));
    head.extend_from_slice(b" HTTP/1.1\r\n");
    let host = &whole[url::Position::BeforeHost..url::Position::AfterPort];
    field(&mut head, "host", host.as_bytes());
    let mut withheld = Vec::new();
    for (name, value) in fields {
        let name = name.as_str();
        if name == "host" {
            continue; // already written
        }
        if is_harmless(name) {
            field(&mut head, name, value.as_bytes());
        } else if withheld.last().is_none_or(|last| last != name) {
            withheld.push(name.to_owned());
        }
    }
    head.extend_from_slice(b"\r\n");
    (head, withheld)
}

fn status_line(version: HttpVersion, status: u16) -> Vec<u8> {
    let version = match version {
        HttpVersion::Http10 => "1.0",
        // Readers of archives know no other form of a head.
        HttpVersion::Http11 | HttpVersion::Http2 => "1.1",
    };
    let reason = StatusCode::from_u16(status).ok();
    let reason = reason.and_then(|status| status.canonical_reason());
    let mut head = Vec::with_capacity(640);
    let line = format!(
        "HTTP/{version} {status:03} {}\r\n",
        reason.unwrap_or_default()
    );
    head.extend_from_slice(line.as_bytes());
    head
}

/// Appends a field; characters that could end the line are dropped from its value.
fn field(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    head.extend_from_slice(name.as_bytes());
    head.extend_from_slice(b": ");
    head.extend(
        value
            .iter()
            .filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)),
    );
    head.extend_from_slice(b"\r\n");
}

/// RFC 9110 8.6: some responses have no length of their own.
fn may_have_body(status: u16) -> bool {
    !matches!(status, 100..=199 | 204 | 304)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::super::super::samples::page;
    use super::*;

    fn text(page: &Page, body: Option<u64>) -> String {
        String::from_utf8_lossy(&response(page, body)).into_owned()
    }

    fn with(status: u16, fields: &[(&'static str, &str)]) -> Page {
        let mut page = page(status).outcome.unwrap();
        page.headers.0.clear();
        for (name, value) in fields {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            page.headers.0.append(*name, value);
        }
        page
    }

    #[test]
    fn framing_fields_are_renamed_and_the_length_is_that_of_the_stored_body() {
        let chunked = [
            ("transfer-encoding", "chunked"),
            ("content-encoding", "gzip"),
        ];
        assert_eq!(
            text(&with(200, &chunked), Some(7)),
            "HTTP/1.1 200 OK\r\nx-orig-transfer-encoding: chunked\r\ncontent-encoding: gzip\r\ncontent-length: 7\r\n\r\n"
        );
        let same = "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n";
        assert_eq!(text(&with(200, &[("content-length", "7")]), Some(7)), same);
        // A response to HEAD, and one whose body was dropped, state the original length.
        assert_eq!(text(&with(200, &[("content-length", "7")]), Some(0)), same);
        assert_eq!(text(&with(200, &[("content-length", "7")]), None), same);
        let part = [("content-length", "3"), ("content-range", "bytes 4-6/7")];
        assert_eq!(
            text(&with(200, &part), Some(7)),
            "HTTP/1.1 200 OK\r\nx-orig-content-length: 3\r\nx-orig-content-range: bytes 4-6/7\r\ncontent-length: 7\r\n\r\n"
        );
        assert_eq!(
            text(&with(304, &[]), Some(0)),
            "HTTP/1.1 304 Not Modified\r\n\r\n"
        );
        assert_eq!(text(&with(599, &[]), None), "HTTP/1.1 599 \r\n\r\n");
    }

    #[test]
    fn non_ascii_bytes_and_repeated_fields_are_preserved() {
        let mut page = with(200, &[("set-cookie", "a=1"), ("set-cookie", "b=2")]);
        let latin = HeaderValue::from_bytes(b"na\xEFve\tx").unwrap();
        page.headers.0.insert("x-note", latin);
        let head = response(&page, Some(0));
        let expected = b"set-cookie: a=1\r\nset-cookie: b=2\r\nx-note: na\xEFve\tx\r\n";
        assert!(head.windows(expected.len()).any(|part| part == expected));
    }

    #[test]
    fn a_request_shows_what_was_requested_but_no_credentials() {
        let mut fields = HeaderMap::new();
        for (name, value) in [
            ("user-agent", "haul/1"),
            ("authorization", "Basic eA=="),
            ("x-api-key", "k"),
        ] {
            fields.insert(name, HeaderValue::from_static(value));
        }
        let url = PageUrl::parse("http://h.example:8080/a%0D%0Ab?c=d\r\ne").unwrap();
        let (head, withheld) = request(&Method::GET, &url, &fields);
        let head = String::from_utf8(head).unwrap();
        assert_eq!(
            head,
            "GET /a%0D%0Ab?c=de HTTP/1.1\r\nhost: h.example:8080\r\nuser-agent: haul/1\r\n\r\n"
        );
        assert_eq!(withheld, ["authorization", "x-api-key"]);
    }
}
