//! A whole response as it is sent to a client with conditions: all of it, a part, or only that nothing changed.
//!
//! It has the validators that its own headers state, whoever wrote them. Invariant: only a 200 to `GET` or `HEAD` is
//! touched, and what is left of it has the headers that RFC 9110 15.3.7 and 15.4.5 ask for.

use std::time::SystemTime;

use bytes::Bytes;

use super::answer::{Body, Reply};
use super::preconditions::{self, Verdict};
use super::representation::{Part, is_in_304, part};
use super::request::Request;

impl Reply {
    /// This response to that request: 200, 206, 304, 412 or 416, by its own `ETag` and `Last-Modified`.
    #[must_use]
    pub fn fitted_to(self, request: &Request) -> Reply {
        if self.status != 200 || !request.is_read_only() {
            return self;
        }
        let etag = self.value("etag").map(str::to_owned);
        let modified = self.value("last-modified").and_then(date);
        match preconditions::evaluate(request, etag.as_deref(), modified) {
            Verdict::Perform => {}
            Verdict::NotModified => {
                let mut reply = self;
                reply.headers.retain(|(name, _)| is_in_304(name));
                reply.body = Body::Bytes(Bytes::new());
                return Reply {
                    status: 304,
                    ..reply
                };
            }
            Verdict::Failed => return Reply::explained(412),
        }
        let range = request.header("range").filter(|_| {
            request.method() == "GET"
                && preconditions::may_send_part(request, etag.as_deref(), modified)
        });
        let length = self.body.length();
        let asked = match range.map_or(Part::Whole, |range| part(range, length)) {
            Part::Whole => return self,
            Part::Of(asked) => asked,
            Part::Beyond => {
                return Reply::explained(416).header("Content-Range", format!("bytes */{length}"));
            }
        };
        let content_range = format!("bytes {}-{}/{length}", asked.start, asked.end - 1);
        let reply = Reply {
            status: 206,
            ..self
        };
        let reply = reply.header("Content-Range", content_range);
        Reply {
            body: reply.body.part(asked.start, asked.end - asked.start),
            ..reply
        }
    }

    /// The first header of that name, if it is text.
    fn value(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(own, _)| own.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }
}

fn date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(headers: &str) -> Reply {
        let reply = Reply::recorded(200)
            .header("content-type", "text/plain")
            .header("etag", "\"v1\"")
            .header("vary", "accept")
            .body("0123456789");
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
        reply.fitted_to(&Request::of(&text))
    }

    #[test]
    fn a_client_that_has_it_gets_the_headers_that_are_not_about_the_body() {
        let reply = fitted("If-None-Match: W/\"v1\"\r\n");
        let names: Vec<_> = reply.headers.iter().map(|(name, _)| &**name).collect();
        assert_eq!((reply.status, names), (304, vec!["etag", "vary"]));
        assert_eq!(reply.body.length(), 0);
        assert_eq!(fitted("If-None-Match: \"v0\"\r\n").status, 200);
        assert_eq!(fitted("If-Match: \"v0\"\r\n").status, 412);
    }

    #[test]
    fn a_part_is_cut_and_a_part_beyond_the_end_is_refused() {
        let reply = fitted("Range: bytes=2-4\r\n");
        assert_eq!((reply.status, reply.body.length()), (206, 3));
        assert_eq!(reply.value("content-range"), Some("bytes 2-4/10"));
        assert_eq!(reply.value("content-type"), Some("text/plain"));
        assert_eq!(fitted("Range: bytes=10-\r\n").status, 416);
        let other = "Range: bytes=2-4\r\nIf-Range: \"v0\"\r\n";
        assert_eq!(fitted(other).status, 200);
    }

    #[test]
    fn only_a_success_has_parts_and_conditions() {
        let request = Request::of("GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\r\n");
        let gone = Reply::recorded(410).body("gone").fitted_to(&request);
        assert_eq!((gone.status, gone.body.length()), (410, 4));
    }
}
