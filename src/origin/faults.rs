//! Faults for practice: each `/fault/NAME` is one way in which servers misbehave.
//!
//! [`FAULTS`] is the table, and `/fault/` shows it. The bombs accept `?mib=N` for their unpacked size, by default
//! 10 GiB. Invariant: a fault costs the server nothing that grows with what it sends: endless output is one piece,
//! repeated.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::answer::{Reply, Response, Step};
use super::bombs;
use super::request::Request;

/// Every fault and what it does.
pub(crate) const FAULTS: &[(&str, &str)] = &[
    ("reset-before", "reset before the first byte"),
    ("reset-middle", "reset after 1,000 of 10,000 bytes"),
    ("truncated-length", "closed after 1,000 of 10,000 bytes"),
    ("truncated-chunked", "closed in the middle of a chunk"),
    (
        "wrong-length",
        "100 bytes where 10 are promised, on a connection that stays open",
    ),
    ("two-lengths", "two Content-Length headers that differ"),
    ("garbage", "bytes that are not HTTP"),
    ("empty", "closed without a byte"),
    ("endless-interim", "100 Continue without end"),
    ("endless-header", "a header line without end"),
    ("many-headers", "100,000 headers"),
    ("endless-body", "chunks without end"),
    ("slow", "one byte per second, a thousand times"),
    ("stall", "a head, then nothing"),
    ("bomb-gzip", "zeros in gzip, about 1,000 to 1"),
    ("bomb-deflate", "zeros in deflate, about 1,000 to 1"),
    ("bomb-zstd", "zeros in zstd, 32,768 to 1"),
    ("bomb-brotli", "zeros in brotli, 1,198,372 to 1"),
    ("many-members", "a hundred thousand empty gzip members"),
    ("many-codings", "a Content-Encoding of a thousand codings"),
    ("redirect-loop", "a redirect to itself"),
    ("redirect-file", "a redirect to file:///etc/passwd"),
    ("redirect-private", "a redirect to http://10.0.0.1/"),
    (
        "redirect-metadata",
        "a redirect to http://169.254.169.254/, where clouds keep their secrets",
    ),
    ("unavailable", "503 forever, with Retry-After: 1"),
    (
        "busy-then-well",
        "429 with Retry-After: 1 at first, 200 from then on, for each query separately",
    ),
    ("wrong-charset", "says UTF-8, is Latin-1"),
    ("escape-codes", "a title with terminal escape codes"),
];

/// The most queries that `busy-then-well` remembers; beyond that it forgets them all.
const QUERIES_LIMIT: usize = 10_000;

/// The unpacked size of a bomb, by default.
const BOMB_MIB: u64 = 10 << 10;

/// The state of the faults.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    requests: Mutex<HashMap<String, u64>>,
}

impl Faults {
    /// The response of a fault; `None` for any other path.
    pub(crate) fn answer(&self, request: &Request) -> Option<Response> {
        let name = request.path().strip_prefix("/fault/")?;
        let mib = request
            .query_number("mib")
            .unwrap_or(BOMB_MIB)
            .clamp(1, 1 << 20);
        Some(match name {
            "" => index(),
            "reset-before" => Response::Raw(vec![Step::Reset]),
            "reset-middle" => cut_short(Step::Reset),
            "truncated-length" => cut_short(Step::Close),
            "truncated-chunked" => Response::raw(format!("{CHUNKED}5\r\nwhole\r\n3e8\r\nhalf of it")),
            "wrong-length" => Response::Raw(vec![Step::send(head("Content-Length: 10\r\n") + &"0123456789".repeat(10))]),
            "two-lengths" => Response::raw(head("Content-Length: 10\r\nContent-Length: 5\r\n") + "0123456789"),
            "garbage" => Response::raw(&b"\x16\x03\x01\x00\xffSSH-2.0 \x00\xfe\r\n\x1b[2J\r\n\r\nnot HTTP at all\r\n"[..]),
            "empty" => Response::Raw(vec![Step::Close]),
            "endless-interim" => Response::Raw(vec![Step::Repeat("HTTP/1.1 100 Continue\r\n\r\n".into(), None)]),
            "endless-header" => Response::Raw(vec![Step::send("HTTP/1.1 200 OK\r\nX-Endless: "), Step::Repeat("a".into(), None)]),
            "many-headers" => Response::Raw(vec![
                Step::send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"),
                Step::Repeat("X-Many: 1\r\n".into(), Some(100_000)),
                Step::send("\r\nok"),
            ]),
            "endless-body" => Response::Raw(vec![Step::send(CHUNKED), Step::Repeat("10\r\n0123456789abcdef\r\n".into(), None)]),
            "slow" => Response::Raw(vec![
                Step::send(head("Content-Length: 1000\r\n")),
                Step::Drip("slowly... ".repeat(100).into(), Duration::from_secs(1)),
            ]),
            "stall" => Response::Raw(vec![Step::send(head("Content-Length: 1000\r\n")), Step::WaitForever]),
            "bomb-gzip" => encoded("gzip", bombs::gzip(mib)),
            "bomb-deflate" => encoded("deflate", bombs::deflate(mib)),
            "bomb-zstd" => encoded("zstd", bombs::zstd(mib)),
            "bomb-brotli" => encoded("br", bombs::brotli(mib)),
            "many-members" => encoded("gzip", vec![Step::Repeat(bombs::EMPTY_MEMBER.into(), Some(100_000))]),
            "many-codings" => encoded(&vec!["gzip"; 1000].join(", "), vec![Step::send("not so")]),
            "redirect-loop" => Response::redirect(302, "/fault/redirect-loop"),
            "redirect-file" => Response::redirect(302, "file:///etc/passwd"),
            "redirect-private" => Response::redirect(302, "http://10.0.0.1/"),
            "redirect-metadata" => Response::redirect(302, "http://169.254.169.254/"),
            "unavailable" => Reply::explained(503).header("Retry-After", "1").into(),
            "busy-then-well" if self.is_first(request) => Reply::explained(429).header("Retry-After", "1").into(),
            "busy-then-well" => Response::page("<!DOCTYPE html><title>Well again</title><p>Well again.</p>"),
            "wrong-charset" => Response::page(&b"<!DOCTYPE html><title>Caf\xe9 cr\xe8me</title><p>Se\xf1or M\xfcller na\xefvely orders.</p>"[..]),
            "escape-codes" => Response::page("<!DOCTYPE html><title>\u{1b}]0;mine\u{7}\u{1b}[2J\u{202e}evil\r</title><p>Look at the title.</p>"),
            _ => Response::status(404),
        })
    }

    fn is_first(&self, request: &Request) -> bool {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.len() >= QUERIES_LIMIT {
            requests.clear();
        }
        let count = requests.entry(request.query().to_owned()).or_default();
        *count += 1;
        *count == 1
    }
}

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n";

fn head(headers: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n{headers}\r\n")
}

fn cut_short(end: Step) -> Response {
    Response::Raw(vec![
        Step::send(head("Content-Length: 10000\r\n") + &"0123456789".repeat(100)),
        end,
    ])
}

/// A body that ends with the connection, labelled as `coding`.
fn encoded(coding: &str, body: Vec<Step>) -> Response {
    let head = Step::send(head(&format!(
        "Content-Encoding: {coding}\r\nConnection: close\r\n"
    )));
    Response::Raw([vec![head], body, vec![Step::Close]].concat())
}

fn index() -> Response {
    let mut page = String::from(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><title>Faults</title></head><body><h1>Faults</h1><dl>\n",
    );
    for (name, what) in FAULTS {
        let _ = writeln!(
            page,
            "<dt><a href=\"/fault/{name}\">{name}</a></dt><dd>{what}</dd>"
        ); // writing to memory cannot fail
    }
    page.push_str("</dl></body></html>\n");
    Response::page(Bytes::from(page))
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::super::visitor::{Visitor, get, wait};
    use super::super::{Origin, OriginSettings};
    use super::*;

    fn origin() -> Origin {
        Origin::start(OriginSettings::default()).unwrap()
    }

    fn visit(origin: &Origin, name: &str) -> Visitor {
        let mut visitor = Visitor::of(origin);
        visitor.send(format!("GET /fault/{name} HTTP/1.1\r\nHost: a\r\n\r\n"));
        visitor
    }

    #[test]
    fn the_table_names_every_fault_and_the_index_links_to_it() {
        let faults = Faults::default();
        let index = get(&origin(), "/fault/").text();
        for (name, what) in FAULTS {
            let answer = faults
                .answer(&Request::of(&format!("GET /fault/{name} HTTP/1.1\r\n\r\n")))
                .unwrap();
            assert!(
                !matches!(answer, Response::Reply(Reply { status: 404, .. })),
                "{name}"
            );
            assert!(
                index.contains(&format!("<a href=\"/fault/{name}\">")) && index.contains(what),
                "{name}"
            );
        }
        assert_eq!(get(&origin(), "/fault/none").status, 404);
    }

    #[test]
    fn resets_are_resets_and_truncations_are_not() {
        let origin = origin();
        assert_eq!(
            visit(&origin, "reset-before").rest(1).unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
        assert_eq!(
            visit(&origin, "reset-middle")
                .rest(99_999)
                .unwrap_err()
                .kind(),
            ErrorKind::ConnectionReset
        );
        assert_eq!(
            visit(&origin, "truncated-length")
                .response()
                .unwrap_err()
                .kind(),
            ErrorKind::UnexpectedEof
        );
        assert_eq!(
            visit(&origin, "truncated-chunked")
                .response()
                .unwrap_err()
                .kind(),
            ErrorKind::UnexpectedEof
        );
        let cut = visit(&origin, "truncated-length").rest(99_999).unwrap();
        assert!(cut.ends_with(&"0123456789".repeat(100).into_bytes()));
        assert_eq!(visit(&origin, "empty").rest(1).unwrap(), b"");
        assert!(
            !visit(&origin, "garbage")
                .rest(99_999)
                .unwrap()
                .starts_with(b"HTTP")
        );
    }

    #[test]
    fn endless_output_continues_until_the_client_disconnects() {
        let origin = origin();
        for (name, repeated) in [
            ("endless-header", &b"aaaaaaaa"[..]),
            ("endless-body", b"0123456789abcdef\r\n10\r\n"),
            (
                "endless-interim",
                b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100",
            ),
        ] {
            let bytes = visit(&origin, name).rest(3 << 20).unwrap();
            assert!(bytes.len() >= 3 << 20, "{name}");
            assert!(
                bytes[1 << 20..]
                    .windows(repeated.len())
                    .any(|window| window == repeated),
                "{name}"
            );
        }
        drop(visit(&origin, "stall"));
        wait(origin.log().wait_until_closed());
        assert_eq!(origin.log().counts().in_flight, 0);
    }

    #[test]
    fn heads_and_lengths_are_wrong_as_promised() {
        let origin = origin();
        let many = visit(&origin, "many-headers").response().unwrap();
        assert_eq!(
            (
                many.head.matches("X-Many: 1\r\n").count(),
                many.text().as_str()
            ),
            (100_000, "ok")
        );
        let two = String::from_utf8(visit(&origin, "two-lengths").rest(999).unwrap()).unwrap();
        assert!(
            two.contains("Content-Length: 10\r\nContent-Length: 5\r\n"),
            "{two}"
        );
        let mut wrong = visit(&origin, "wrong-length");
        assert_eq!(wrong.response().unwrap().text(), "0123456789");
        wrong.send("GET /status/204 HTTP/1.1\r\nHost: a\r\n\r\n");
        let excess = wrong.response().unwrap();
        assert!(
            excess.head.starts_with("0123456789"),
            "the excess reads as the next response: {excess:?}"
        );
        let latin = get(&origin, "/fault/wrong-charset");
        assert!(
            latin.header("content-type").ends_with("utf-8")
                && std::str::from_utf8(&latin.body).is_err()
        );
    }

    #[test]
    fn a_busy_server_recovers_for_each_query_separately() {
        let origin = origin();
        let statuses = ["?a", "?a", "?b", "?a", "?b"]
            .map(|query| get(&origin, &format!("/fault/busy-then-well{query}")).status);
        assert_eq!(statuses, [429, 200, 429, 200, 200]);
        let busy = get(&origin, "/fault/busy-then-well?c");
        let unavailable = get(&origin, "/fault/unavailable");
        assert_eq!(
            (
                busy.header("retry-after"),
                unavailable.status,
                unavailable.header("retry-after")
            ),
            ("1", 503, "1")
        );
    }

    #[test]
    fn redirects_lead_where_no_client_should_go() {
        let origin = origin();
        let target = |name: &str| {
            get(&origin, &format!("/fault/redirect-{name}"))
                .header("location")
                .to_owned()
        };
        assert_eq!(
            ["file", "private", "metadata"].map(target),
            [
                "file:///etc/passwd",
                "http://10.0.0.1/",
                "http://169.254.169.254/"
            ]
        );
        assert_eq!(target("loop"), "/fault/redirect-loop");
    }

    #[test]
    fn a_bomb_is_small_on_the_wire_and_declares_its_coding() {
        let origin = origin();
        for (name, coding) in [
            ("gzip", "gzip"),
            ("deflate", "deflate"),
            ("zstd", "zstd"),
            ("brotli", "br"),
        ] {
            let bytes = visit(&origin, &format!("bomb-{name}?mib=64"))
                .rest(1 << 20)
                .unwrap();
            let head = String::from_utf8_lossy(&bytes[..200.min(bytes.len())]).into_owned();
            assert!(
                head.contains(&format!("Content-Encoding: {coding}\r\n")),
                "{head}"
            );
            assert!(bytes.len() < 80_000, "{name}: {}", bytes.len());
        }
    }
}
