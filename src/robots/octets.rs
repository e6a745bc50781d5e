//! Normalizes octets in rules and URLs, so that equal ones compare as equal (RFC 9309 2.2.2).
//!
//! Invariant: both sides go through [`normalize`]. In its output, `*` and a final `$` are always special, so a target
//! never has them; and `%` is followed by two upper-case digits of an octet that must stay encoded, or stands for
//! itself.

use std::borrow::Cow;

/// Octets that are data in a query, but delimiters in a path: `/` and `?` (RFC 3986 3.4).
const DATA_IN_QUERIES: [u8; 2] = *b"/?";

/// Octets that a target may contain unchanged. Nearly every URL has no others, and is already normalized.
const UNCHANGED: [bool; 256] = {
    let mut unchanged = [false; 256];
    let mut octet = 0;
    while octet < 256 {
        unchanged[octet] =
            is_literal(octet as u8) && !matches!(octet as u8, b'*' | b'$' | b'%' | b'#');
        octet += 1;
    }
    unchanged
};

/// A URL's path and query, as rules see it.
pub(super) struct Target<'t> {
    plain: Cow<'t, str>,
    /// The form with `%2F` and `%3F` of the query decoded, if it has any.
    folded: Option<String>,
}

/// What is normalized.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    /// A rule: `*` and a final `$` are special, and its query is folded.
    Rule,
    /// A URL.
    Target,
    /// A URL, with its query folded.
    Folded,
}

impl<'t> Target<'t> {
    /// A target for a path and query.
    ///
    /// A missing first slash is added; a fragment is cut off.
    pub(super) fn of(text: &'t str) -> Self {
        let is_rooted = text.starts_with('/');
        if is_rooted && text.bytes().all(|b| UNCHANGED[usize::from(b)]) {
            return Self {
                plain: text.into(),
                folded: None,
            };
        }
        let text = &text[..memchr::memchr(b'#', text.as_bytes()).unwrap_or(text.len())];
        let text: Cow<'_, str> = if is_rooted {
            text.into()
        } else {
            format!("/{text}").into()
        };
        let plain = normalize(&text, Side::Target);
        let query = plain.find('?').map_or("", |at| &plain[at..]);
        let has_fold = query.contains("%2F") || query.contains("%3F");
        Self {
            folded: has_fold.then(|| normalize(&text, Side::Folded)),
            plain: plain.into(),
        }
    }

    /// Its forms: a rule that matches one of them matches the target.
    pub(super) fn forms(&self) -> impl Iterator<Item = &str> {
        [Some(&*self.plain), self.folded.as_deref()]
            .into_iter()
            .flatten()
    }

    /// Whether it is the robots.txt, which is always allowed.
    pub(super) fn is_robots_txt(&self) -> bool {
        self.plain == "/robots.txt"
    }
}

/// The normalized form of a rule's path.
pub(super) fn pattern(path: &str) -> String {
    normalize(path, Side::Rule)
}

fn normalize(text: &str, side: Side) -> String {
    let bytes = text.as_bytes();
    let mut normalized = String::with_capacity(bytes.len() + 16);
    let mut in_query = false;
    let mut at = 0;
    while let Some(&octet) = bytes.get(at) {
        at += 1;
        match octet {
            b'%' => match decode_digits(&bytes[at..]) {
                Some(octet) => {
                    at += 2;
                    let is_folded =
                        in_query && side != Side::Target && DATA_IN_QUERIES.contains(&octet);
                    if is_folded || means_same_encoded(octet) {
                        normalized.push(char::from(octet));
                    } else {
                        encode(octet, &mut normalized);
                    }
                }
                None => normalized.push('%'),
            },
            b'*' if side == Side::Rule => normalized.push('*'),
            b'$' if side == Side::Rule && at == bytes.len() => normalized.push('$'),
            b'*' | b'$' => encode(octet, &mut normalized),
            octet if is_literal(octet) => {
                in_query |= octet == b'?';
                normalized.push(char::from(octet));
            }
            octet => encode(octet, &mut normalized),
        }
    }
    normalized
}

/// The octet with these two hexadecimal digits.
fn decode_digits(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}

fn encode(octet: u8, text: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    text.push('%');
    text.push(char::from(DIGITS[usize::from(octet >> 4)]));
    text.push(char::from(DIGITS[usize::from(octet & 15)]));
}

/// Whether an octet stays unencoded: the characters of URIs (RFC 3986 2).
///
/// Browsers leave some others too; those mean the same when encoded.
const fn is_literal(octet: u8) -> bool {
    octet.is_ascii_graphic()
        && !matches!(
            octet,
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}'
        )
}

/// Whether an octet means the same encoded.
///
/// That is true if it is unreserved, or reserved but delimits nothing in the path or query of an http URL. It is also
/// true for `*` and `$`, but those are always encoded.
fn means_same_encoded(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~!'(),:@[]".contains(&octet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_and_targets_are_normalized_alike() {
        for (text, normalized) in [
            ("/foo/bar?baz=quz", "/foo/bar?baz=quz"),
            ("/foo/bar/ツ", "/foo/bar/%E3%83%84"),
            ("/foo/bar/%e3%83%84", "/foo/bar/%E3%83%84"),
            ("/foo/bar/%62%61%7A", "/foo/bar/baz"),
            ("/%7ejoe", "/~joe"),
            ("/a b\u{1}{c}", "/a%20b%01%7Bc%7D"),
            ("/a%2fb%3Fc%26d", "/a%2Fb%3Fc%26d"),
            ("/%21%27%28%29%2c%3A%40%5b%5d", "/!'(),:@[]"),
            ("/100%", "/100%"),
            ("/%zz%4", "/%zz%4"),
            ("/%00%25", "/%00%25"),
        ] {
            assert_eq!(pattern(text), normalized, "{text}");
            assert_eq!(Target::of(text).plain, normalized, "{text}");
        }
    }

    #[test]
    fn special_characters_are_special_in_rules_only() {
        assert_eq!(pattern("/a*$b%2a%24$"), "/a*%24b%2A%24$");
        assert_eq!(Target::of("/a*$b%2a%24$").plain, "/a%2A%24b%2A%24%24");
    }

    #[test]
    fn slashes_and_question_marks_in_a_query_mean_the_same_encoded() {
        let forms = |text| {
            let target = Target::of(text);
            target.forms().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(pattern("/%2F?u=https%3A%2F%2Fa%3F"), "/%2F?u=https://a?");
        assert_eq!(forms("/%2F?u=%2F%3f"), ["/%2F?u=%2F%3F", "/%2F?u=/?"]);
        assert_eq!(forms("/%2F%3F"), ["/%2F%3F"]);
        assert_eq!(forms("/?u=/?"), ["/?u=/?"]);
    }

    #[test]
    fn a_target_starts_with_a_slash_and_ends_before_its_fragment() {
        assert_eq!(Target::of("").plain, "/");
        assert_eq!(Target::of("?a").plain, "/?a");
        assert_eq!(Target::of("a#b").plain, "/a");
        assert!(
            Target::of("/robots.txt").is_robots_txt()
                && Target::of("/%72obots.txt#x").is_robots_txt()
        );
        assert!(
            !Target::of("/robots.txt?a").is_robots_txt()
                && !Target::of("/Robots.txt").is_robots_txt()
        );
    }
}
