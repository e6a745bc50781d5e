//! Conditional and range requests (RFC 9110 13 and 14).
//!
//! A client gets the whole, a part, or only the news that its copy is current: `preconditions.rs` decides, then
//! `Range`, if `If-Range` allows. Single ranges only: several at once are ignored, as 14.2 permits. Invariant: every
//! part is inside the whole, and a 304 has the headers that 15.4.5 asks for.

use std::borrow::Cow;
use std::ops::Range;
use std::time::SystemTime;

use super::answer::{Body, Reply};
use super::preconditions::{self, Verdict};
use super::request::Request;
use super::validators::Validators;

/// A body with what is needed to serve it conditionally or in part.
#[derive(Debug)]
pub(crate) struct Representation {
    pub(crate) body: Body,
    pub(crate) content_type: Cow<'static, str>,
    /// What its tag is made of: changes with the content.
    pub(crate) version: String,
    /// What tells apart two responses with this version, if anything does.
    pub(crate) nonce: Option<u64>,
    pub(crate) modified: Option<SystemTime>,
    pub(crate) validators: Validators,
}

impl Representation {
    /// The reply to this request: 200, 206, 304, 412 or 416.
    pub(crate) fn reply(self, request: &Request) -> Reply {
        if self.validators == Validators::Always304
            && preconditions::is_revalidation(request)
            && request.is_read_only()
        {
            // Such a server does not look at the page, so it confirms what the client has.
            let known = preconditions::known_tag(request).map(str::to_owned);
            return validated(Reply::new(304), known, None);
        }
        let etag = self.validators.etag(&self.version, self.nonce);
        let modified = self.validators.modified(self.modified);
        let last_modified = self.validators.last_modified(self.modified);
        match preconditions::evaluate(request, etag.as_deref(), modified) {
            Verdict::Perform => {}
            Verdict::NotModified => {
                let other = self.validators == Validators::OtherEtagIn304;
                let etag = etag.map(|etag| if other { "\"other\"".to_owned() } else { etag });
                return validated(Reply::new(304), etag, last_modified);
            }
            Verdict::Failed => return Reply::explained(412),
        }
        let length = self.body.length();
        let range = request.header("range").filter(|_| {
            request.method() == "GET"
                && preconditions::may_send_part(request, etag.as_deref(), modified)
        });
        let part = match range.map_or(Part::Whole, |range| part(range, length)) {
            Part::Whole => return self.send(etag, last_modified),
            Part::Of(part) => part,
            Part::Beyond => {
                return Reply::explained(416).header("Content-Range", format!("bytes */{length}"));
            }
        };
        let content_range = format!("bytes {}-{}/{length}", part.start, part.end - 1);
        let reply = validated(Reply::new(206), etag, last_modified)
            .header("Content-Range", content_range)
            .header("Content-Type", self.content_type);
        Reply {
            body: self.body.part(part.start, part.end - part.start),
            ..reply
        }
    }

    /// The whole, whatever the client has.
    pub(crate) fn whole(self) -> Reply {
        let etag = self.validators.etag(&self.version, self.nonce);
        let last_modified = self.validators.last_modified(self.modified);
        self.send(etag, last_modified)
    }

    fn send(self, etag: Option<String>, last_modified: Option<Cow<'static, str>>) -> Reply {
        let reply = validated(Reply::new(200), etag, last_modified)
            .header("Accept-Ranges", "bytes")
            .header("Content-Type", self.content_type);
        Reply {
            body: self.body,
            ..reply
        }
    }
}

/// Whether a header of the 200 is also one of the 304: all but those about the body (15.4.5).
pub(crate) fn is_in_304(name: &str) -> bool {
    let is_of_content = name
        .get(..8)
        .is_some_and(|start| start.eq_ignore_ascii_case("content-"));
    !is_of_content || name.eq_ignore_ascii_case("content-location")
}

fn validated(
    reply: Reply,
    etag: Option<String>,
    last_modified: Option<Cow<'static, str>>,
) -> Reply {
    let reply = match etag {
        Some(etag) => reply.header("ETag", etag),
        None => reply,
    };
    match last_modified {
        Some(date) => reply.header("Last-Modified", date),
        None => reply,
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    Of(Range<u64>),
    Beyond,
}

/// Parses a `Range` header; whatever is not understood requests the whole (14.2).
pub(super) fn part(range: &str, length: u64) -> Part {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn reply(headers: &str) -> Reply {
        let thing = Representation {
            body: Body::Bytes("0123456789".into()),
            content_type: "text/plain".into(),
            version: "v1".to_owned(),
            nonce: None,
            validators: Validators::Both,
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
    fn a_part_is_never_sent_to_a_client_with_another_version() {
        assert_eq!(reply("Range: bytes=2-\r\nIf-Range: \"v1\"\r\n").status, 206);
        assert_eq!(reply("Range: bytes=2-\r\nIf-Range: \"v0\"\r\n").status, 200);
        assert_eq!(
            reply("Range: bytes=2-\r\nIf-Range: W/\"v1\"\r\n").status,
            200
        );
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
