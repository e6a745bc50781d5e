//! Conditional and range requests (RFC 9110 13 and 14).
//!
//! A client gets the whole, a part, or only the news that its copy is current. Preconditions are in the order of
//! 13.2.2, for reading only: `If-None-Match`, else `If-Modified-Since`; then `Range`, if `If-Range` allows. Single
//! ranges only: several at once are ignored, as 14.2 permits. Invariant: every part is inside the whole.

use std::borrow::Cow;
use std::ops::Range;
use std::time::{Duration, SystemTime};

use super::answer::{Body, Reply};
use super::request::Request;

/// A body with what is needed to serve it conditionally or in part.
#[derive(Debug)]
pub(crate) struct Representation {
    pub(crate) body: Body,
    pub(crate) content_type: Cow<'static, str>,
    /// A strong validator with its quotes.
    pub(crate) etag: String,
    pub(crate) modified: Option<SystemTime>,
}

impl Representation {
    /// The reply to this request: 200, 206, 304 or 416.
    pub(crate) fn reply(self, request: &Request) -> Reply {
        if self.is_known(request) {
            return self.validators(Reply::new(304));
        }
        let length = self.body.length();
        let range = request
            .header("range")
            .filter(|_| request.method() == "GET" && self.may_send_part(request));
        match range.map_or(Part::Whole, |range| part(range, length)) {
            Part::Whole => {
                let mut reply = self
                    .validators(Reply::new(200))
                    .header("Accept-Ranges", "bytes");
                reply = reply.header("Content-Type", self.content_type);
                Reply {
                    body: self.body,
                    ..reply
                }
            }
            Part::Of(range) => {
                let content_range = format!("bytes {}-{}/{length}", range.start, range.end - 1);
                let reply = self
                    .validators(Reply::new(206))
                    .header("Content-Range", content_range)
                    .header("Content-Type", self.content_type);
                Reply {
                    body: self.body.part(range.start, range.end - range.start),
                    ..reply
                }
            }
            Part::Beyond => {
                Reply::explained(416).header("Content-Range", format!("bytes */{length}"))
            }
        }
    }

    fn validators(&self, reply: Reply) -> Reply {
        let reply = reply.header("ETag", self.etag.clone());
        match self.modified {
            Some(modified) => reply.header("Last-Modified", httpdate::fmt_http_date(modified)),
            None => reply,
        }
    }

    fn is_known(&self, request: &Request) -> bool {
        if let Some(known) = request.header("if-none-match") {
            // The weak comparison of 8.8.3.2: a W/ in front does not matter here.
            return known
                .split(',')
                .map(str::trim)
                .any(|one| one == "*" || one.trim_start_matches("W/") == self.etag);
        }
        let since = request
            .header("if-modified-since")
            .and_then(|date| httpdate::parse_http_date(date).ok());
        self.modified
            .zip(since)
            .is_some_and(|(modified, since)| whole_seconds(modified) <= since)
    }

    /// Whether a part may be sent (13.1.5): only if the client's copy is of this very version.
    fn may_send_part(&self, request: &Request) -> bool {
        let Some(known) = request.header("if-range") else {
            return true;
        };
        if known.starts_with('"') {
            return known == self.etag;
        }
        let date = httpdate::parse_http_date(known).ok();
        self.modified
            .zip(date)
            .is_some_and(|(modified, date)| whole_seconds(modified) == date)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Of(Range<u64>),
    Beyond,
}

/// Parses a `Range` header; whatever is not understood requests the whole (14.2).
fn part(range: &str, length: u64) -> Part {
    let Some((first, last)) = range
        .trim()
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
    else {
        return Part::Whole;
    };
    let number = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse::<u64>().ok())
            .flatten()
    };
    match (
        first.is_empty(),
        last.is_empty(),
        number(first),
        number(last),
    ) {
        (false, true, Some(first), _) if first < length => Part::Of(first..length),
        (false, true, Some(_), _) => Part::Beyond,
        (false, false, Some(first), Some(last)) if first > last => Part::Whole,
        (false, false, Some(first), Some(last)) if first < length => {
            Part::Of(first..last.saturating_add(1).min(length))
        }
        (false, false, Some(_), Some(_)) => Part::Beyond,
        (true, false, _, Some(suffix)) if suffix > 0 && length > 0 => {
            Part::Of(length.saturating_sub(suffix)..length)
        }
        (true, false, _, Some(_)) => Part::Beyond,
        _ => Part::Whole,
    }
}

/// A time without the fraction of a second, as in HTTP dates.
fn whole_seconds(moment: SystemTime) -> SystemTime {
    let since = moment
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(headers: &str) -> Reply {
        let thing = Representation {
            body: Body::Bytes("0123456789".into()),
            content_type: "text/plain".into(),
            etag: "\"v1\"".to_owned(),
            // Sun, 06 Nov 1994 08:49:37.5
            modified: Some(SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_500)),
        };
        thing.reply(&Request::of(&format!(
            "GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n"
        )))
    }

    #[test]
    fn ranges_are_cut_according_to_the_standard() {
        for (range, expected) in [
            ("bytes=0-3", Part::Of(0..4)),
            ("bytes=4-", Part::Of(4..10)),
            ("bytes=-3", Part::Of(7..10)),
            ("bytes=-99", Part::Of(0..10)),
            ("bytes=8-99", Part::Of(8..10)),
            ("bytes=10-", Part::Beyond),
            ("bytes=-0", Part::Beyond),
            ("bytes=5-4", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("bytes=-", Part::Whole),
            ("lines=1-2", Part::Whole),
        ] {
            assert_eq!(part(range, 10), expected, "{range}");
        }
        assert_eq!(part("bytes=0-", 0), Part::Beyond);
    }

    #[test]
    fn a_client_with_this_version_gets_no_body_and_one_with_another_gets_all_of_it() {
        assert_eq!(reply("If-None-Match: \"v0\", W/\"v1\"\r\n").status, 304);
        assert_eq!(
            reply("If-None-Match: \"v0\"\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n")
                .status,
            200,
            "the tag decides"
        );
        assert_eq!(
            reply("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n").status,
            304
        );
        assert_eq!(
            reply("If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n").status,
            200
        );
    }

    #[test]
    fn a_part_is_never_sent_to_a_client_with_another_version() {
        assert_eq!(reply("Range: bytes=2-\r\nIf-Range: \"v1\"\r\n").status, 206);
        assert_eq!(reply("Range: bytes=2-\r\nIf-Range: \"v0\"\r\n").status, 200);
        assert_eq!(
            reply("Range: bytes=2-\r\nIf-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n").status,
            206
        );
        assert_eq!(
            reply("Range: bytes=2-\r\nIf-Range: Sun, 06 Nov 1994 08:49:38 GMT\r\n").status,
            200
        );
        assert_eq!(
            reply("Range: bytes=2-\r\nIf-Range: nonsense\r\n").status,
            200
        );
        assert_eq!(reply("Range: bytes=2-3\r\n").body.length(), 2);
    }
}
