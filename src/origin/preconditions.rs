//! Preconditions of requests (RFC 9110 13), in the order of 13.2.2.
//!
//! Invariant: `If-None-Match` decides alone if it is there, even if it cannot be parsed. For resources that exist:
//! `*` always matches.

use std::time::{Duration, SystemTime};

use super::request::Request;

/// What the preconditions of a request say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The request is performed as if it had none.
    Perform,
    /// The client has this version: 304.
    NotModified,
    /// 412.
    Failed,
}

/// How tags are compared (8.8.3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

/// Evaluates the preconditions of a request for a resource with these validators.
pub(crate) fn evaluate(
    request: &Request,
    etag: Option<&str>,
    modified: Option<SystemTime>,
) -> Verdict {
    let modified = modified.map(whole_seconds);
    let holds = if has(request, "if-match") {
        matches(request, "if-match", etag, Comparison::Strong)
    } else {
        let since = date(request, "if-unmodified-since");
        modified
            .zip(since)
            .is_none_or(|(modified, since)| modified <= since)
    };
    if !holds {
        return Verdict::Failed;
    }
    if has(request, "if-none-match") {
        return match matches(request, "if-none-match", etag, Comparison::Weak) {
            true if request.is_read_only() => Verdict::NotModified,
            true => Verdict::Failed,
            false => Verdict::Perform,
        };
    }
    let since = date(request, "if-modified-since").filter(|_| request.is_read_only());
    match modified.zip(since) {
        Some((modified, since)) if modified <= since => Verdict::NotModified,
        _ => Verdict::Perform,
    }
}

/// Whether a part may be sent (13.1.5): only if the client's copy is of this very version.
pub(crate) fn may_send_part(
    request: &Request,
    etag: Option<&str>,
    modified: Option<SystemTime>,
) -> bool {
    let Some(known) = request.values("if-range").next() else {
        return true;
    };
    if let Some(known) = tags(known).next() {
        return etag.is_some_and(|etag| is_same(known, etag.as_bytes(), Comparison::Strong));
    }
    modified
        .map(whole_seconds)
        .zip(date(request, "if-range"))
        .is_some_and(|(modified, date)| modified == date)
}

/// The first tag that the client has, as it was sent.
pub(crate) fn known_tag(request: &Request) -> Option<&str> {
    let value = request.values("if-none-match").next()?;
    tags(value)
        .next()
        .and_then(|tag| std::str::from_utf8(tag).ok())
}

/// Whether a client asks whether its copy is current.
pub(crate) fn is_revalidation(request: &Request) -> bool {
    has(request, "if-none-match") || has(request, "if-modified-since")
}

fn has(request: &Request, name: &str) -> bool {
    request.values(name).next().is_some()
}

fn matches(request: &Request, name: &str, etag: Option<&str>, comparison: Comparison) -> bool {
    request.values(name).any(|value| {
        let value = value.trim_ascii();
        let same = |etag: &str| {
            let etag = etag.as_bytes();
            // A tag without quotes, as some servers send, is not in any list; the client can only repeat it.
            let repeats = !etag.ends_with(b"\"") && value == etag;
            repeats || tags(value).any(|known| is_same(known, etag, comparison))
        };
        value == b"*" || etag.is_some_and(same)
    })
}

fn is_same(one: &[u8], other: &[u8], comparison: Comparison) -> bool {
    let (strong_one, strong_other) = (opaque(one), opaque(other));
    let both_strong = strong_one.len() == one.len() && strong_other.len() == other.len();
    strong_one == strong_other && (both_strong || comparison == Comparison::Weak)
}

/// A tag without its mark of weakness.
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// The tags of a list up to its first mistake; a comma within quotes is part of a tag (8.8.3).
fn tags(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = list;
    std::iter::from_fn(move || {
        let start = rest.iter().position(|byte| !b", \t".contains(byte))?;
        let tag = &rest[start..];
        let mark = tag.len() - opaque(tag).len();
        let quoted = tag[mark..].strip_prefix(b"\"")?;
        let end = mark + 2 + quoted.iter().position(|&byte| byte == b'"')?;
        rest = &tag[end..];
        Some(&tag[..end])
    })
}

fn date(request: &Request, name: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(request.header(name)?).ok()
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

    const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn request(method: &str, headers: &str) -> Request {
        let lines: String = headers
            .split('|')
            .map(|line| format!("{line}\r\n"))
            .collect();
        Request::of(&format!("{method} / HTTP/1.1\r\nHost: a\r\n{lines}\r\n"))
    }

    fn verdict(method: &str, headers: &str, etag: &str) -> Verdict {
        // Sun, 06 Nov 1994 08:49:37.5
        let modified = SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_500);
        evaluate(&request(method, headers), Some(etag), Some(modified))
    }

    #[test]
    fn a_tag_decides_before_a_date_and_is_compared_weakly() {
        use Verdict::{NotModified, Perform};
        for (headers, expected) in [
            ("If-None-Match: \"v1\"", NotModified),
            ("If-None-Match: W/\"v1\"", NotModified),
            ("If-None-Match: \"v0\", W/\"v1\"", NotModified),
            ("If-None-Match: \"v0\"|If-None-Match: \"v1\"", NotModified),
            ("If-None-Match: *", NotModified),
            ("If-None-Match: \"V1\"", Perform),
            ("If-None-Match: v1", Perform),
            ("If-None-Match: \"a, \"v1\"", Perform),
            ("If-None-Match: \"v0,\"v1\"\"", Perform),
            ("If-None-Match: \"*\"", Perform),
            (
                "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
                NotModified,
            ),
            ("If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT", Perform),
            ("If-Modified-Since: Sunday", Perform),
        ] {
            for method in ["GET", "HEAD"] {
                for etag in ["\"v1\"", "W/\"v1\""] {
                    assert_eq!(
                        verdict(method, headers, etag),
                        expected,
                        "{method} {headers}"
                    );
                }
            }
        }
        for (tag, date, expected) in [
            ("\"v0\"", THEN, Perform),
            ("nonsense", THEN, Perform),
            ("\"v1\"", EARLIER, NotModified),
        ] {
            let headers = format!("If-Modified-Since: {date}|If-None-Match: {tag}");
            assert_eq!(verdict("GET", &headers, "\"v1\""), expected, "{headers}");
        }
        let comma = verdict("GET", "If-None-Match: \"a,b\"", "\"a,b\"");
        assert_eq!(
            comma, NotModified,
            "a comma within quotes is part of the tag"
        );
        let bare = verdict("GET", "If-None-Match: v1", "v1");
        assert_eq!(
            bare, NotModified,
            "what was sent without quotes comes back without them"
        );
    }

    #[test]
    fn other_preconditions_fail_with_412() {
        use Verdict::{Failed, NotModified, Perform};
        for (method, headers, etag, expected) in [
            ("GET", "If-Match: \"v1\"", "\"v1\"", Perform),
            ("GET", "If-Match: *", "\"v1\"", Perform),
            ("GET", "If-Match: \"v0\"", "\"v1\"", Failed),
            ("GET", "If-Match: W/\"v1\"", "W/\"v1\"", Failed),
            (
                "GET",
                "If-Match: \"v0\"|If-None-Match: \"v1\"",
                "\"v1\"",
                Failed,
            ),
            (
                "GET",
                "If-Match: \"v1\"|If-None-Match: \"v1\"",
                "\"v1\"",
                NotModified,
            ),
            ("POST", "If-None-Match: *", "\"v1\"", Failed),
            ("POST", "If-None-Match: \"v0\"", "\"v1\"", Perform),
        ] {
            assert_eq!(
                verdict(method, headers, etag),
                expected,
                "{method} {headers}"
            );
        }
        let since = |date| verdict("GET", &format!("If-Unmodified-Since: {date}"), "\"v1\"");
        assert_eq!((since(THEN), since(EARLIER)), (Perform, Failed));
        let posted = verdict("POST", &format!("If-Modified-Since: {THEN}"), "\"v1\"");
        assert_eq!(posted, Perform, "a date is for reading only (13.1.3)");
    }
}
