//! How long a server wants no more requests because its client has used up its quota.
//!
//! Reads `RateLimit` with `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10), the single field of drafts 7
//! and before, and the pairs `RateLimit-Remaining` and `RateLimit-Reset`, and `X-RateLimit-Remaining` and
//! `X-RateLimit-Reset`. Invariant: a field that is malformed says nothing; it never fails a response.

use std::time::{Duration, SystemTime};

use super::Page;
use crate::page::headers::Headers;

/// The most bytes of a field that are read.
const LONGEST: usize = 2048;
/// Resets from here on are moments in seconds since 1970, not waits: this is in 2001, or in 31 years.
const MOMENT: f64 = 1e9;
/// Resets from here on are moments in milliseconds.
const MOMENT_IN_MILLISECONDS: f64 = 1e12;

impl Page {
    /// The time until the server's quota is filled up again, if the response says that nothing is left of it.
    ///
    /// The longest if several quotas are used up. It is not limited: servers can ask for years.
    pub fn quota_reset(&self, now: SystemTime) -> Option<Duration> {
        let headers = &self.headers;
        let named = of_rate_limit(headers).into_iter();
        let pair = of_pair(headers, "ratelimit-remaining", "ratelimit-reset", now);
        let older = of_pair(headers, "x-ratelimit-remaining", "x-ratelimit-reset", now);
        named.chain(pair).chain(older).max()
    }
}

/// The wait in a pair of fields with plain numbers.
fn of_pair(headers: &Headers, left: &str, reset: &str, now: SystemTime) -> Option<Duration> {
    if number(headers.text(left)?)? >= 1.0 {
        return None;
    }
    let reset = number(headers.text(reset)?)?;
    let moment = match reset {
        MOMENT_IN_MILLISECONDS.. => reset / 1000.0,
        MOMENT.. => reset,
        _ => return Duration::try_from_secs_f64(reset).ok(),
    };
    let moment = SystemTime::UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(moment).ok()?)?;
    Some(moment.duration_since(now).unwrap_or_default())
}

/// A number without a sign. Some servers send fractions.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let is_number = text.len() <= 32 && text.starts_with(|first: char| first.is_ascii_digit());
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    (is_number && is_plain).then(|| text.parse().ok()).flatten()
}

/// The wait in the field `RateLimit`.
fn of_rate_limit(headers: &Headers) -> Option<Duration> {
    let members = members(headers, "ratelimit")?;
    if let Some(left) = value(&members, "remaining") {
        let reset = value(&members, "reset")?;
        return (left == 0).then(|| Duration::from_secs(reset));
    }
    let spent = members
        .iter()
        .filter(|member| member.number("r") == Some(0));
    let wait = |member: &Member| {
        let named = member.number("t");
        named.or_else(|| window(headers, &member.name))
    };
    spent.filter_map(wait).max().map(Duration::from_secs)
}

/// The window of a policy, within which its quota is filled up again.
fn window(headers: &Headers, name: &str) -> Option<u64> {
    let policies = members(headers, "ratelimit-policy")?;
    policies
        .iter()
        .find(|policy| policy.name == name)?
        .number("w")
}

/// A member of a list: `"name";r=0;t=30`, or `name=30`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Member {
    name: String,
    value: String,
    parameters: Vec<(String, String)>,
}

impl Member {
    fn number(&self, name: &str) -> Option<u64> {
        let named = self.parameters.iter().find(|(known, _)| known == name);
        named?.1.parse().ok()
    }
}

fn value(members: &[Member], name: &str) -> Option<u64> {
    let named = members.iter().find(|member| member.name == name)?;
    named.value.parse().ok()
}

/// The members of a structured field (RFC 9651), over all its lines; `None` if there is none or one is malformed.
fn members(headers: &Headers, field: &str) -> Option<Vec<Member>> {
    let mut members = Vec::new();
    let mut length = 0;
    for line in headers.0.get_all(field) {
        length += line.len();
        let mut rest = line.to_str().ok().filter(|_| length <= LONGEST)?.trim();
        while !rest.is_empty() {
            let (member, after) = member(rest)?;
            members.push(member);
            rest = after.trim_start();
            if !rest.is_empty() {
                // A comma is followed by another member.
                rest = rest.strip_prefix(',')?.trim_start();
                rest.chars().next()?;
            }
        }
    }
    (!members.is_empty()).then_some(members)
}

fn member(text: &str) -> Option<(Member, &str)> {
    let (name, mut rest) = bare(text)?;
    let mut member = Member {
        name,
        ..Member::default()
    };
    if let Some(after) = rest.strip_prefix('=') {
        (member.value, rest) = bare(after)?;
    }
    while let Some(after) = rest.strip_prefix(';') {
        let (key, after) = bare(after.trim_start_matches(' '))?;
        let (value, after) = match after.strip_prefix('=') {
            Some(after) => bare(after)?,
            None => (String::new(), after),
        };
        member.parameters.push((key, value));
        rest = after;
    }
    Some((member, rest))
}

/// A string, a byte sequence, a number or a token, and what follows it.
fn bare(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        if let Some(bytes) = text.strip_prefix(':') {
            let (bytes, rest) = bytes.split_once(':')?;
            return Some((bytes.to_owned(), rest));
        }
        let end = text
            .find([',', ';', '=', ' ', '\t', '"'])
            .unwrap_or(text.len());
        let (token, rest) = text.split_at(end);
        return (!token.is_empty()).then(|| (token.to_owned(), rest));
    };
    let mut content = String::new();
    let mut characters = quoted.char_indices();
    loop {
        match characters.next()? {
            (at, '"') => return Some((content, &quoted[at + 1..])),
            (_, '\\') => content.push(characters.next()?.1),
            (_, other) => content.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;
    use crate::page::body::Body;

    /// Noon of a day in 2026.
    const NOW: u64 = 1_796_040_000;

    /// The seconds to wait after a response with these fields, written as they are sent.
    fn wait(fields: &str) -> Option<f64> {
        let mut headers = Headers::default();
        for line in fields
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
        {
            let (name, value) = line.split_once(": ").unwrap();
            let name = HeaderName::try_from(name).unwrap();
            headers
                .0
                .append(name, HeaderValue::from_str(value).unwrap());
        }
        let page = Page {
            headers,
            ..Page::plain(200, Body::empty())
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
        page.quota_reset(now).map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn a_quota_that_is_used_up_is_read_in_every_form_that_servers_send() {
        for (fields, seconds) in [
            (r#"RateLimit: "policy";r=0;t=30"#, 30.0),
            ("RateLimit: default; r=0; t=30", 30.0),
            (r#"RateLimit: "a;r=9,\"";pk=:cGs=:;r=0;t=7"#, 7.0),
            (
                r#"RateLimit: "second";r=0;t=1, "day";r=0;t=3600, "x";r=5;t=9000"#,
                3600.0,
            ),
            ("RateLimit: \"a\";r=0;t=1\nRateLimit: \"b\";r=0;t=2", 2.0),
            (
                "RateLimit-Policy: \"a\";q=10;w=60, \"b\";q=100;w=600\nRateLimit: \"b\";r=0",
                600.0,
            ),
            ("RateLimit: limit=100, remaining=0, reset=50", 50.0),
            ("RateLimit-Remaining: 0\nRateLimit-Reset: 50", 50.0),
            ("X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 50", 50.0),
            ("X-RateLimit-Remaining: 0.0\nX-RateLimit-Reset: 2.5", 2.5),
            (
                "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1796040060",
                60.0,
            ),
            (
                "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1796040060500",
                60.5,
            ),
            (
                "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1796030000",
                0.0,
            ),
            (
                "RateLimit: \"a\";r=0;t=1\nRateLimit-Remaining: 0\nRateLimit-Reset: 9",
                9.0,
            ),
        ] {
            assert_eq!(wait(fields), Some(seconds), "{fields}");
        }
    }

    #[test]
    fn a_quota_with_something_left_and_a_malformed_field_say_nothing() {
        let long = format!("RateLimit: \"{}\";r=0;t=30", "a".repeat(LONGEST));
        for fields in [
            "",
            r#"RateLimit: "policy";r=1;t=30"#,
            r#"RateLimit: "policy";r=-1;t=30"#,
            r#"RateLimit: "policy";r=0"#,
            r#"RateLimit: "policy";r=0;t=soon"#,
            r#"RateLimit: "policy";r=0;t=-5"#,
            r#"RateLimit: "policy;r=0;t=30"#,
            r#"RateLimit: "policy";r=0;t=30,"#,
            r#"RateLimit: "policy";r=0;t=30 "next";r=0;t=4"#,
            r#"RateLimit: "policy";r=0;;t=30"#,
            r#"RateLimit: "a";r=0;t=99999999999999999999"#,
            "RateLimit: limit=100, remaining=0",
            "RateLimit-Remaining: 0",
            "RateLimit-Reset: 50",
            "RateLimit-Remaining: none\nRateLimit-Reset: 50",
            "RateLimit-Remaining: 0\nRateLimit-Reset: Fri, 20 Nov 2026 10:00:00 GMT",
            "RateLimit-Remaining: 0\nRateLimit-Reset: 1e9",
            "RateLimit-Remaining: 0\nRateLimit-Reset: 5, 60",
            "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: -1",
            "X-RateLimit-Remaining: 1\nX-RateLimit-Reset: 50",
            &long,
        ] {
            assert_eq!(wait(fields), None, "{fields}");
        }
    }

    #[test]
    fn no_number_is_too_large_to_be_read() {
        for reset in [
            "99999999999",
            "9999999999999",
            "99999999999999999999999999999",
        ] {
            let fields = format!("X-RateLimit-Remaining: 0\nX-RateLimit-Reset: {reset}");
            let wait = wait(&fields);
            assert!(wait.is_none_or(|wait| wait >= 0.0), "{reset}: {wait:?}");
        }
    }
}
