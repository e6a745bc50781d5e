//! Directives for robots that already have the page: `X-Robots-Tag`, and `meta robots` in HTML.
//!
//! Invariant: directives add up. No directive can revoke a `noindex`, so the order never matters.

use serde::{Deserialize, Serialize};

use super::agent;
use crate::page::headers::Headers;

/// The name of the header field.
const FIELD: &str = "x-robots-tag";

/// What a page asks of robots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directives {
    /// Not to index the page: `noindex` or `none`.
    pub noindex: bool,
    /// Not to follow its links: `nofollow` or `none`.
    pub nofollow: bool,
}

impl Directives {
    /// The directives in a response's `X-Robots-Tag` fields for one agent.
    ///
    /// That is, those for everyone and those for the agent with this product token.
    ///
    /// `googlebot: noindex, nofollow` is only for that agent, up to the next name or the end of the value; each value
    /// starts with what is for everyone.
    #[must_use]
    pub fn of_headers(headers: &Headers, agent: &str) -> Self {
        let values = headers.0.get_all(FIELD).iter();
        values.fold(Self::default(), |all, value| {
            all.and(Self::of_value(value.as_bytes(), agent))
        })
    }

    /// The directives in the `content` of a `<meta name="robots">`: words separated by commas or white space.
    #[must_use]
    pub fn of_content(content: &str) -> Self {
        Self::of_words(content.as_bytes())
    }

    /// The directives of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            noindex: self.noindex || other.noindex,
            nofollow: self.nofollow || other.nofollow,
        }
    }

    fn of_value(value: &[u8], agent: &str) -> Self {
        let mut directives = Self::default();
        let mut applies = true;
        for item in value.split(|b| *b == b',') {
            let item = item.trim_ascii();
            let words = match item.split_at(agent::name_length(item)) {
                (name, [b':', words @ ..]) if starts_with_letter(name) => {
                    if has_value(name) {
                        continue;
                    }
                    applies = agent::is_named(name, agent) || name.eq_ignore_ascii_case(b"robots");
                    words
                }
                (b"", [b'*', b':', words @ ..]) => {
                    applies = true;
                    words
                }
                _ => item,
            };
            if applies {
                directives = directives.and(Self::of_words(words));
            }
        }
        directives
    }

    fn of_words(text: &[u8]) -> Self {
        let mut directives = Self::default();
        for word in text.split(|b| matches!(b, b',' | b';') || b.is_ascii_whitespace()) {
            let is_none = word.eq_ignore_ascii_case(b"none");
            directives.noindex |= is_none || word.eq_ignore_ascii_case(b"noindex");
            directives.nofollow |= is_none || word.eq_ignore_ascii_case(b"nofollow");
        }
        directives
    }
}

/// Whether a name starts with a letter; a part of a date (`2030-01-01T10:00`) does not.
fn starts_with_letter(name: &[u8]) -> bool {
    name.first().is_some_and(u8::is_ascii_alphabetic)
}

/// Whether this is a directive that takes a value, not an agent.
fn has_value(name: &[u8]) -> bool {
    let starts_with = |prefix: &[u8]| {
        name.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    starts_with(b"max-") || name.eq_ignore_ascii_case(b"unavailable_after")
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn parse(values: &[&str]) -> (bool, bool) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(FIELD, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let directives = Directives::of_headers(&Headers(headers), "haul");
        (directives.noindex, directives.nofollow)
    }

    #[test]
    fn directives_for_everyone_count() {
        assert_eq!(parse(&[]), (false, false));
        assert_eq!(parse(&["noindex"]), (true, false));
        assert_eq!(parse(&["NoIndex , NOFOLLOW"]), (true, true));
        assert_eq!(parse(&["none"]), (true, true));
        assert_eq!(
            parse(&["all, index, follow, noarchive, nosnippet"]),
            (false, false)
        );
        assert_eq!(parse(&["noarchive", "nofollow", "noindex"]), (true, true));
        assert_eq!(parse(&["noindexing, xnone"]), (false, false));
        assert_eq!(parse(&["noindex; nofollow"]), (true, true));
        assert_eq!(parse(&["\u{e9}, noindex"]), (true, false));
    }

    #[test]
    fn directives_for_others_do_not_count() {
        assert_eq!(parse(&["googlebot: noindex"]), (false, false));
        assert_eq!(parse(&["googlebot: noindex, nofollow"]), (false, false));
        assert_eq!(
            parse(&["googlebot: nofollow", "otherbot: none", "noindex"]),
            (true, false)
        );
        assert_eq!(parse(&["nofollow, googlebot: noindex"]), (false, true));
    }

    #[test]
    fn directives_for_this_agent_count_up_to_the_next_name() {
        assert_eq!(parse(&["haul: noindex, nofollow"]), (true, true));
        assert_eq!(parse(&["HAUL:none"]), (true, true));
        assert_eq!(
            parse(&["BadBot: noindex, nofollow, haul: nofollow"]),
            (false, true)
        );
        assert_eq!(
            parse(&["haul: nofollow, googlebot: noindex"]),
            (false, true)
        );
        assert_eq!(parse(&["googlebot: noindex, *: nofollow"]), (false, true));
        assert_eq!(
            parse(&["googlebot: noindex, robots: nofollow"]),
            (false, true)
        );
        assert_eq!(
            parse(&["haul-images: noindex", "haul2: noindex"]),
            (false, false)
        );
    }

    #[test]
    fn a_directive_with_a_value_is_not_an_agent() {
        assert_eq!(
            parse(&["unavailable_after: 25 Jun 2010 15:00:00 PST, noindex"]),
            (true, false)
        );
        assert_eq!(
            parse(&["unavailable_after: Wed, 03 Dec 2025 13:09:53 GMT, nofollow"]),
            (false, true)
        );
        assert_eq!(
            parse(&["unavailable_after: Wednesday, 03-Dec-25 13:09:53 GMT"]),
            (false, false)
        );
        assert_eq!(
            parse(&["unavailable_after: 2025-12-03T13:09, 2025-12-03T13:09, none"]),
            (true, true)
        );
        assert_eq!(
            parse(&["max-snippet:-1, max-image-preview: large, noindex"]),
            (true, false)
        );
        assert_eq!(
            parse(&["googlebot: unavailable_after: Wed, 03 Dec 2025 13:09:53 GMT, noindex"]),
            (false, false)
        );
        assert_eq!(parse(&["haul: max-snippet: 0, noindex"]), (true, false));
    }

    #[test]
    fn the_content_of_a_meta_is_a_list_of_words() {
        let parse = |content| {
            let directives = Directives::of_content(content);
            (directives.noindex, directives.nofollow)
        };
        assert_eq!(parse("noindex,follow"), (true, false));
        assert_eq!(parse("max-snippet:1, NoFollow"), (false, true));
        assert_eq!(parse(" none "), (true, true));
        assert_eq!(parse("noindex nofollow"), (true, true));
        assert_eq!(parse(""), (false, false));
    }
}
