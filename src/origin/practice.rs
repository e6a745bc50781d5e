//! Paths that do what their name says, for trying out a client:
//!
//! | path | response |
//! |---|---|
//! | `/status/NNN` | that status, 200 to 999 |
//! | `/delay/MS` | 200 after MS milliseconds, at most an hour |
//! | `/size/BYTES` | a body of BYTES bytes, at most 1 TiB; with ranges and a validator |
//! | `/redirect/N` | N hops down to `/redirect/0`, at most a million |
//! | `/echo` | method, target, headers and body as JSON |
//!
//! A number out of bounds gets a 400 with the bounds.

use std::time::Duration;

use serde_json::json;

use super::answer::{Body, Reply, Response};
use super::representation::Representation;
use super::request::Request;
use super::validators::Validators;

const HOUR_MILLISECONDS: u64 = 3_600_000;
const SIZE_LIMIT: u64 = 1 << 40;
const HOPS_LIMIT: u64 = 1_000_000;

/// The response to a practice path; `None` for any other.
pub(crate) fn answer(request: &Request) -> Option<Response> {
    let path = request.path();
    if path == "/echo" {
        return Some(echo(request));
    }
    let (name, number) = path.strip_prefix('/')?.split_once('/')?;
    let limits = match name {
        "status" => 200..=999,
        "delay" => 0..=HOUR_MILLISECONDS,
        "size" => 0..=SIZE_LIMIT,
        "redirect" => 0..=HOPS_LIMIT,
        _ => return None,
    };
    let Some(number) = number
        .parse::<u64>()
        .ok()
        .filter(|number| limits.contains(number))
    else {
        let text = format!(
            "/{name}/ takes a number from {} to {}\n",
            limits.start(),
            limits.end()
        );
        return Some(
            Reply::new(400)
                .header("Content-Type", "text/plain; charset=utf-8")
                .body(text)
                .into(),
        );
    };
    Some(match name {
        "status" => Response::status(u16::try_from(number).unwrap_or(500)), // at most 999, so it always fits
        "delay" => Response::body("text/plain; charset=utf-8", format!("after {number} ms\n"))
            .after(Duration::from_millis(number)),
        "size" => sized(request, number),
        _ if number == 0 => {
            Response::body("text/plain; charset=utf-8", "the end of the redirects\n")
        }
        _ => Response::redirect(302, format!("/redirect/{}", number - 1)),
    })
}

fn sized(request: &Request, length: u64) -> Response {
    let body = Body::Pattern { from: 0, length };
    let content_type = "application/octet-stream".into();
    Representation {
        body,
        content_type,
        version: format!("size-{length}"),
        nonce: None,
        modified: None,
        validators: Validators::Etag,
    }
    .reply(request)
    .into()
}

fn echo(request: &Request) -> Response {
    let echo = json!({
        "method": request.method(),
        "target": request.target(),
        "headers": request.headers(),
        "body": String::from_utf8_lossy(request.body()),
        "connection": request.connection(),
        "peer": request.peer().to_string(),
    });
    Response::body("application/json", echo.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::delivery::pattern_byte;
    use super::super::visitor::{Visitor, get};
    use super::super::{Origin, OriginSettings};

    fn origin() -> Origin {
        Origin::start(OriginSettings::default()).unwrap()
    }

    #[test]
    fn each_path_does_what_its_name_says() {
        let origin = origin();
        assert_eq!(
            [
                "/status/204",
                "/status/418",
                "/status/599",
                "/size/0",
                "/redirect/0"
            ]
            .map(|path| get(&origin, path).status),
            [204, 418, 599, 200, 200]
        );
        assert_eq!(
            ["/status/99", "/status/abc", "/delay/99999999", "/size/-1"]
                .map(|path| get(&origin, path).status),
            [400; 4]
        );
        let hop = get(&origin, "/redirect/3");
        assert_eq!((hop.status, hop.header("location")), (302, "/redirect/2"));
        let start = Instant::now();
        assert_eq!(get(&origin, "/delay/25").status, 200);
        assert!(start.elapsed().as_millis() >= 25);
        let echo: serde_json::Value = serde_json::from_slice(
            &Visitor::of(&origin)
                .get("/echo?a=1", "X-Odd: \u{e9}\r\n")
                .body,
        )
        .unwrap();
        assert_eq!(
            (echo["method"].as_str(), echo["target"].as_str()),
            (Some("GET"), Some("/echo?a=1"))
        );
        assert_eq!(echo["headers"][1], serde_json::json!(["X-Odd", "\u{e9}"]));
    }

    #[test]
    fn a_range_of_a_sized_body_is_that_part_of_the_whole() {
        let origin = origin();
        let mut visitor = Visitor::of(&origin);
        let whole = visitor.get("/size/300000", "");
        assert_eq!(
            whole.body,
            (0..300_000).map(pattern_byte).collect::<Vec<_>>()
        );
        let part = visitor.get(
            "/size/300000",
            &format!(
                "Range: bytes=123457-\r\nIf-Range: {}\r\n",
                whole.header("etag")
            ),
        );
        assert_eq!(
            (part.status, part.header("content-range")),
            (206, "bytes 123457-299999/300000")
        );
        assert_eq!(part.body, whole.body[123_457..]);
        let far = visitor.get("/size/1099511627776", "Range: bytes=1099511627770-\r\n");
        assert_eq!(
            far.body,
            (1_099_511_627_770..1_099_511_627_776)
                .map(pattern_byte)
                .collect::<Vec<_>>()
        );
    }
}
