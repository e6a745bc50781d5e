//! Finds sessions in URLs: a visitor's number that a server without cookies puts into every link.
//!
//! With it, each page seems new on every page that links to it. A name that belongs to one technology always counts; a
//! name that might mean something else (`sid`, `session`) only counts with a value that looks random. Sessions are cut
//! out, and the remaining text identifies the page. A value that looks random but identifies the page, under such a
//! name, is mistaken for a session.

use super::pieces::{Cuts, parameters};
use crate::url::PageUrl;

/// Parameters that are sessions whatever their value.
///
/// They belong to Java, PHP, ColdFusion, osCommerce and its relatives, and CodeIgniter.
const SESSION_NAMES: [&str; 11] = [
    "jsessionid",
    "phpsessid",
    "phpsessionid",
    "cfid",
    "cftoken",
    "jservsessionid",
    "oscsid",
    "oscadminid",
    "xtcsid",
    "zenid",
    "ci_session",
];
/// Parameters that are sessions if their value looks random.
const POSSIBLE_NAMES: [&str; 10] = [
    "sid",
    "session",
    "sessionid",
    "session_id",
    "session-id",
    "sess",
    "sessid",
    "sess_id",
    "sessionkey",
    "session_key",
];
/// The shortest hexadecimal value that looks random.
const HEXADECIMAL_LENGTH: usize = 16;
/// The shortest value of letters and digits that looks random: those of PHP have 22 or more.
const ALPHANUMERIC_LENGTH: usize = 20;

/// The sessions in a URL, and the name of the first one.
pub(super) fn find(url: &PageUrl) -> Option<(Cuts, &str)> {
    let mut cuts = Cuts::default();
    let mut name = find_in_path(url, &mut cuts);
    for parameter in parameters(url) {
        if is_session(parameter.name, parameter.value) {
            cuts.push(parameter.range());
            name = name.or(Some(parameter.name));
        }
    }
    Some((cuts, name?))
}

/// Finds the sessions in a path: `;jsessionid=…` at the end of a segment, and `(S(…))`.
///
/// The latter is ASP.NET's, and a segment of its own.
fn find_in_path<'u>(url: &'u PageUrl, cuts: &mut Cuts) -> Option<&'u str> {
    let path = url.as_url().path();
    memchr::memchr2(b';', b'(', path.as_bytes())?;
    let mut first_name = None;
    let mut at = url.origin_text().len();
    for segment in path.split('/') {
        let end = at + segment.len();
        if segment.starts_with("(S(") && segment.ends_with("))") {
            cuts.push(at..end);
            first_name = first_name.or(segment.get(1..2));
        }
        let mut from = at;
        for (index, part) in segment.split(';').enumerate() {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            if index > 0 && is_session(name, value) {
                cuts.push(from - 1..from + part.len());
                first_name = first_name.or(Some(name));
            }
            from += part.len() + 1;
        }
        at = end + 1;
    }
    first_name
}

fn is_session(name: &str, value: &str) -> bool {
    // Most names are ruled out by their length and first letter.
    let first = name.bytes().next().unwrap_or_default().to_ascii_lowercase();
    let is_candidate = b"jpcoxzsa".contains(&first) && name.len() <= 32;
    let equals = |known: &str| known.eq_ignore_ascii_case(name);
    is_candidate
        && (SESSION_NAMES.iter().any(|known| equals(known))
            || is_asp(name)
            || POSSIBLE_NAMES.iter().any(|known| equals(known)) && is_random(value)
            // vBulletin and phpBB: an MD5.
            || equals("s") && value.len() == 32 && is_hexadecimal(value))
}

/// Whether this is a name like `ASPSESSIONIDQQABCDEF` or `ASP.NET_SessionId`.
fn is_asp(name: &str) -> bool {
    let starts_with = |start: &str| {
        name.get(..start.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(start))
    };
    starts_with("aspsessionid") || starts_with("asp.net_sessionid")
}

fn is_random(value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let letters = value.bytes().filter(u8::is_ascii_alphabetic).count();
    let is_mixed = digits >= 3 && letters >= 3 && digits + letters == value.len();
    is_mixed
        && (value.len() >= ALPHANUMERIC_LENGTH
            || value.len() >= HEXADECIMAL_LENGTH && is_hexadecimal(value))
}

fn is_hexadecimal(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::super::pieces::Prints;
    use super::*;

    fn fingerprint_and_name(url: &str) -> Option<(u64, String)> {
        let url = PageUrl::parse(url).unwrap();
        find(&url).map(|(cuts, name)| {
            let print = Prints::seeded(1).without(url.as_str(), &cuts);
            (print, name.to_owned())
        })
    }

    #[test]
    fn sessions_are_recognised_by_name_and_value() {
        for (url, name) in [
            ("http://a.example/x;jsessionid=0AF3.node1?q=1", "jsessionid"),
            ("http://a.example/x;JSESSIONID=1/y", "JSESSIONID"),
            ("http://a.example/?PHPSESSID=abc", "PHPSESSID"),
            (
                "http://a.example/?a=1&sid=0123456789abcdef0123456789abcdef",
                "sid",
            ),
            ("http://a.example/?s=0123456789abcdef0123456789abcdef", "s"),
            (
                "http://a.example/?session_id=q2w8e7r6t5z4u3i2o1p0aQ",
                "session_id",
            ),
            (
                "http://a.example/(S(lit3py55t21z5v55vlm25s55))/page.aspx",
                "S",
            ),
            (
                "http://a.example/?ASPSESSIONIDQQABCDEF=MNOP",
                "ASPSESSIONIDQQABCDEF",
            ),
            ("http://a.example/?CFID=12&CFTOKEN=345", "CFID"),
        ] {
            assert_eq!(
                fingerprint_and_name(url).map(|(_, name)| name).as_deref(),
                Some(name),
                "{url}"
            );
        }
    }

    #[test]
    fn values_that_identify_a_page_are_not_sessions() {
        for url in [
            "http://a.example/",
            "http://a.example/?sid=204",
            "http://a.example/?sid=23/04/05/0123456",
            "http://a.example/program?session=keynote-2026-morning-hall-2",
            "http://a.example/?sessionid=1234567890123456789012",
            "http://a.example/?s=windows11installguide2026howto",
            "http://a.example/?sid=abcdefghijklmnopqrstuvwxyz",
            "http://a.example/?site=0123456789abcdef0123456789abcdef",
            "http://a.example/x;v=1.2/y",
            "http://a.example/phpsessid=1/y",
            "http://a.example/wiki/Mercury_(planet)",
        ] {
            assert_eq!(fingerprint_and_name(url), None, "{url}");
        }
    }

    #[test]
    fn urls_that_differ_only_in_the_session_have_the_same_fingerprint() {
        let print = |url| fingerprint_and_name(url).unwrap().0;
        let first = print("http://a.example/x;jsessionid=AA?q=1");
        assert_eq!(first, print("http://a.example/x;jsessionid=BBBB?q=1"));
        assert_ne!(first, print("http://a.example/x;jsessionid=AA?q=2"));
        assert_ne!(first, print("http://a.example/y;jsessionid=AA?q=1"));
        let both = print("http://a.example/?CFID=1&CFTOKEN=2&p=1");
        assert_eq!(both, print("http://a.example/?CFID=33&CFTOKEN=44&p=1"));
        assert_ne!(both, print("http://a.example/?CFID=33&CFTOKEN=44&p=2"));
    }
}
