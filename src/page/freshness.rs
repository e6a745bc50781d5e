//! How long a response may be used again without asking: RFC 9111, for a cache that belongs to one user.
//!
//! Only what the server says counts. Heuristic freshness (RFC 9111 4.2.2) is not used: it guesses from the age of a page
//! when it will change next, and whoever crawls again wants to know and not to guess. Invariant: whatever is unclear
//! (a directive twice, a value that is no number) means that the server has to be asked. So does a request with a field
//! that may be a secret: it may lead to another page, whatever the response says, and no trace of it is kept.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{self, HeaderName};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::headers::is_harmless;

/// The longest `Vary` that is kept, in bytes.
const VARY: usize = 256;

/// Until when a response may be used again, and for which requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Freshness {
    /// Until when.
    pub(crate) until: SystemTime,
    /// The names of the header fields by which the response was selected (RFC 9111 4.1), in lower case, with commas.
    pub(crate) names: String,
    /// A hash of those fields of its request.
    pub(crate) request: u64,
}

/// When a request was sent, and when its response began to arrive, by the wall clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exchange {
    pub(crate) sent: SystemTime,
    pub(crate) answered: SystemTime,
}

impl Freshness {
    /// The freshness of a response to a `GET` with these header fields; `None` if it must not be used without asking.
    pub(crate) fn of(
        response: &HeaderMap,
        request: &HeaderMap,
        exchange: Exchange,
    ) -> Option<Self> {
        let names = names_of(response).filter(|_| may_be_shared(request))?;
        Some(Self {
            until: fresh_until(response, exchange)?,
            request: hash(&names, request),
            names,
        })
    }

    /// Whether the response may be used in place of a request with these header fields.
    pub(crate) fn covers(&self, request: &HeaderMap, now: SystemTime) -> bool {
        // RFC 9111 5.2.1: a request may say itself how old a response it accepts.
        let says_more =
            request.contains_key(header::CACHE_CONTROL) || request.contains_key(header::PRAGMA);
        now < self.until
            && !says_more
            && may_be_shared(request)
            && self.request == hash(&self.names, request)
    }
}

/// Whether no field of a request may be a secret.
fn may_be_shared(request: &HeaderMap) -> bool {
    request.keys().all(|name| is_harmless(name.as_str()))
}

/// Whether a response may be kept for later requests at all.
pub(crate) fn may_be_kept(response: &HeaderMap) -> bool {
    !Control::of(response).forbids_keeping
}

/// The names in `Vary`; `None` if it says that no other request is alike, or names what is only known when it is sent,
/// such as the cookies that servers set.
fn names_of(response: &HeaderMap) -> Option<String> {
    let mut names = Vec::new();
    for line in response.get_all(header::VARY) {
        for name in line.to_str().ok()?.split(',') {
            let name = name.trim().to_ascii_lowercase();
            if !name.is_empty() && !is_harmless(&name) {
                return None;
            }
            names.extend((!name.is_empty()).then_some(name));
        }
    }
    names.sort_unstable();
    names.dedup();
    let names = names.join(",");
    (names.len() <= VARY).then_some(names)
}

/// A hash of the named fields.
fn hash(names: &str, request: &HeaderMap) -> u64 {
    let mut hash = Xxh3::new();
    for name in names.split(',') {
        let Ok(name) = HeaderName::try_from(name) else {
            continue;
        };
        for value in request.get_all(&name) {
            for part in [name.as_str().as_bytes(), value.as_bytes()] {
                hash.update(&(part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
    }
    hash.digest()
}

/// Until when a response is fresh; `None` if it is not, or must not be kept.
fn fresh_until(response: &HeaderMap, exchange: Exchange) -> Option<SystemTime> {
    let control = Control::of(response);
    if control.forbids {
        return None;
    }
    // RFC 9110 6.6.1: a response without a date has that of its arrival.
    let date = date(response, header::DATE).unwrap_or(exchange.answered);
    let lifetime = match control.max_age {
        Some(age) => age?,
        None => {
            let mut expires = response.get_all(header::EXPIRES).iter();
            let expires = (expires.next()?, expires.next().is_none());
            let (Ok(text), true) = (expires.0.to_str(), expires.1) else {
                return None;
            };
            let expires = httpdate::parse_http_date(text.trim()).ok()?;
            expires.duration_since(date).ok()?
        }
    };
    // RFC 9111 4.2.3.
    let apparent = exchange.answered.duration_since(date).unwrap_or_default();
    let delay = exchange.answered.duration_since(exchange.sent);
    let said = age(response)?.checked_add(delay.unwrap_or_default())?;
    let left = lifetime.checked_sub(apparent.max(said))?;
    exchange.answered.checked_add(left)
}

/// What `Cache-Control` says to a private cache.
#[derive(Debug, Default, PartialEq, Eq)]
struct Control {
    /// Whether the response must not be kept, or not be used without asking.
    forbids: bool,
    /// Whether it must not be kept.
    forbids_keeping: bool,
    /// `max-age`; `Some(None)` if it is given and unclear.
    max_age: Option<Option<Duration>>,
}

impl Control {
    fn of(response: &HeaderMap) -> Self {
        let mut control = Self::default();
        let mut lines = response.get_all(header::CACHE_CONTROL).iter().peekable();
        if lines.peek().is_none() {
            // RFC 9111 5.4: it has no meaning in a response, and there is no doubt what it is meant to say.
            let pragma = response.get(header::PRAGMA);
            control.forbids =
                pragma.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"no-cache"));
        }
        for line in lines {
            let Ok(text) = line.to_str() else {
                (control.forbids, control.forbids_keeping) = (true, true);
                continue;
            };
            for directive in directives(text) {
                let (name, value) = match directive.split_once('=') {
                    Some((name, value)) => (name.trim(), Some(value.trim())),
                    None => (directive.trim(), None),
                };
                match name.to_ascii_lowercase().as_str() {
                    // With the names of fields, `no-cache` is about those alone; it is taken for all (RFC 9111 5.2.2.4).
                    "no-cache" => control.forbids = true,
                    "no-store" => (control.forbids, control.forbids_keeping) = (true, true),
                    "max-age" => {
                        let age = value.and_then(seconds);
                        let is_first = control.max_age.is_none();
                        control.max_age = Some(age.filter(|_| is_first));
                    }
                    _ => {}
                }
            }
        }
        control
    }
}

/// The directives of a line: what is between commas that are not in quotes.
fn directives(line: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    line.split(move |letter| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match letter {
            '"' if !was_escaped => is_quoted = !is_quoted,
            '\\' if is_quoted && !was_escaped => is_escaped = true,
            _ => {}
        }
        letter == ',' && !is_quoted
    })
}

/// A number of seconds, also in quotes (RFC 9111 5.2). One that is too large means a very long time.
fn seconds(text: &str) -> Option<Duration> {
    let bare = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let digits = bare.unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // RFC 9111 1.2.2: 2^31 stands for whatever does not fit.
    let most = 1 << 31;
    is_number.then(|| Duration::from_secs(digits.parse().unwrap_or(most).min(most)))
}

/// How old the response was already when it arrived; `None` if that is unclear.
fn age(response: &HeaderMap) -> Option<Duration> {
    let mut ages = response.get_all(header::AGE).iter();
    let Some(first) = ages.next() else {
        return Some(Duration::ZERO);
    };
    let text = first.to_str().ok().filter(|_| ages.next().is_none())?;
    seconds(text.trim())
}

fn date(response: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    let text = response.get(name)?.to_str().ok()?;
    httpdate::parse_http_date(text.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn fields(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for (name, value) in lines {
            fields.append(*name, HeaderValue::from_str(value).unwrap());
        }
        fields
    }

    fn noon() -> SystemTime {
        httpdate::parse_http_date("Fri, 20 Nov 2026 12:00:00 GMT").unwrap()
    }

    /// How many seconds a response is fresh that took two seconds to arrive at noon; `None` if it is not.
    fn fresh_for(lines: &[(&'static str, &str)]) -> Option<u64> {
        let exchange = Exchange {
            sent: noon() - Duration::from_secs(2),
            answered: noon(),
        };
        let fresh = Freshness::of(&fields(lines), &HeaderMap::new(), exchange)?;
        Some(fresh.until.duration_since(noon()).unwrap().as_secs())
    }

    #[test]
    fn what_the_server_says_counts_and_nothing_is_guessed() {
        let noon = "Fri, 20 Nov 2026 12:00:00 GMT";
        let one = "Fri, 20 Nov 2026 13:00:00 GMT";
        for (lines, expected) in [
            (&[("cache-control", "max-age=60")][..], Some(58)),
            (
                &[("cache-control", "public, MAX-AGE=\"60\" , must-revalidate")],
                Some(58),
            ),
            (
                &[("cache-control", "private=\"a, max-age=5\", max-age=60")],
                Some(58),
            ),
            (&[("cache-control", "s-maxage=600, max-age=60")], Some(58)),
            (&[("cache-control", "max-age=60"), ("age", "40")], Some(18)),
            (&[("cache-control", "max-age=60"), ("age", "58")], Some(0)),
            (&[("cache-control", "max-age=60"), ("age", "59")], None),
            (
                &[
                    ("cache-control", "max-age=60"),
                    ("date", "Fri, 20 Nov 2026 11:59:30 GMT"),
                ],
                Some(30),
            ),
            (&[("cache-control", "max-age=60"), ("date", one)], Some(58)),
            (&[("expires", one), ("date", noon)], Some(3598)),
            (&[("expires", one)], Some(3598)),
            // `max-age` takes precedence over `Expires`.
            (
                &[("expires", one), ("cache-control", "max-age=60")],
                Some(58),
            ),
            (&[("expires", noon), ("date", noon)], None),
            (&[("expires", "0")], None),
            (&[("expires", one), ("expires", one)], None),
            (&[("last-modified", "Fri, 20 Nov 2020 12:00:00 GMT")], None),
            (&[("cache-control", "s-maxage=600")], None),
            (&[("cache-control", "max-age=60, max-age=60")], None),
            (
                &[
                    ("cache-control", "max-age=60"),
                    ("cache-control", "max-age=9"),
                ],
                None,
            ),
            (&[("cache-control", "max-age=soon"), ("expires", one)], None),
            (&[("cache-control", "max-age"), ("expires", one)], None),
            (&[("cache-control", "max-age=-1")], None),
            (&[("cache-control", "max-age=60, no-store")], None),
            (
                &[("cache-control", "no-cache=\"set-cookie\", max-age=60")],
                None,
            ),
            (&[("cache-control", "max-age=60"), ("age", "old")], None),
            (
                &[("cache-control", "max-age=60"), ("age", "1"), ("age", "1")],
                None,
            ),
            (&[("pragma", "no-cache"), ("expires", one)], None),
            (
                &[("pragma", "no-cache"), ("cache-control", "max-age=60")],
                Some(58),
            ),
            (
                &[("cache-control", "max-age=99999999999999999999")],
                Some((1 << 31) - 2),
            ),
            (&[("cache-control", "max-age=60"), ("vary", "*")], None),
            (
                &[("cache-control", "max-age=60"), ("vary", "accept, Cookie")],
                None,
            ),
            (
                &[("cache-control", "max-age=60"), ("vary", "Accept")],
                Some(58),
            ),
            (&[], None),
        ] {
            assert_eq!(fresh_for(lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_response_covers_the_requests_by_which_it_would_have_been_selected() {
        let exchange = Exchange {
            sent: noon(),
            answered: noon(),
        };
        let response = fields(&[
            ("cache-control", "max-age=60"),
            ("vary", "Accept-Language"),
            ("vary", "accept"),
        ]);
        let asked = fields(&[("accept-language", "de"), ("user-agent", "haul")]);
        let fresh = Freshness::of(&response, &asked, exchange).unwrap();
        assert_eq!(fresh.names, "accept,accept-language");
        let covers = |lines: &[(&'static str, &str)]| fresh.covers(&fields(lines), noon());
        assert!(covers(&[("accept-language", "de")]));
        assert!(covers(&[
            ("accept-language", "de"),
            ("user-agent", "other")
        ]));
        for other in [
            &[("accept-language", "en")][..],
            &[],
            &[("accept-language", "de"), ("accept", "*/*")],
            &[("accept-language", "de"), ("authorization", "Basic eDp5")],
            &[("accept-language", "de"), ("cookie", "a=b")],
            &[("accept-language", "de"), ("cache-control", "no-cache")],
            &[("accept-language", "de"), ("pragma", "no-cache")],
        ] {
            assert!(!covers(other), "{other:?}");
        }
        let asked = &fields(&[("accept-language", "de")]);
        assert!(fresh.covers(asked, noon() + Duration::from_secs(59)));
        assert!(!fresh.covers(asked, noon() + Duration::from_secs(60)));
    }
}
