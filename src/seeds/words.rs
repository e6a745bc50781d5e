//! Parses a line of a text list: URLs, separators and comments, as other tools treat them.
//!
//! White space separates, and `#` after white space starts a comment: `http://a.example/#top` has none. Everything
//! on a line besides URLs is either kept or makes the whole line malformed; nothing is guessed from half of a line.

/// Invisible characters that may surround a URL.
///
/// They are the end-of-file character of DOS, byte order and direction marks, and zero-width spaces.
const INVISIBLE: [char; 17] = [
    '\u{1a}', '\u{feff}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{200e}', '\u{200f}', '\u{202a}',
    '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2060}', '\u{2066}', '\u{2067}', '\u{2068}',
    '\u{2069}',
];

/// The most URLs on one line: they are sent in one batch.
const MOST: usize = 10_000;

/// The content of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Words<'l> {
    /// Nothing: the line is blank, or a comment.
    Nothing,
    /// One URL, or what should be one, and the note after a tab.
    Url(&'l str, Option<&'l str>),
    /// Several URLs.
    Urls(Vec<&'l str>),
    /// Something else.
    Bad(&'static str),
}

/// Parses a line.
pub(super) fn parse_line(line: &str) -> Words<'_> {
    let line = trimmed(line);
    if line.is_empty() || line.starts_with('#') {
        return Words::Nothing;
    }
    let line = trimmed(without_comment(line));
    if !line.contains(char::is_whitespace) {
        return Words::Url(unwrapped(line), None);
    }
    let words = || line.split_whitespace().map(unwrapped);
    if words().all(has_scheme) {
        return match words().count() <= MOST {
            true => Words::Urls(words().collect()),
            false => Words::Bad("more than 10,000 URLs on one line: write one per line"),
        };
    }
    match line.split_once('\t') {
        Some((url, note)) if !trimmed(url).contains(char::is_whitespace) => {
            match note
                .split_whitespace()
                .any(|word| has_scheme(unwrapped(word)))
            {
                true => Words::Bad("a URL among other words: give it a line of its own"),
                false => Words::Url(unwrapped(trimmed(url)), Some(trimmed(note))),
            }
        }
        _ => Words::Bad(
            "white space in a URL: write a space as %20, and start a note with # after a space",
        ),
    }
}

/// The text without white space and invisible characters at its ends.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || INVISIBLE.contains(&c))
}

/// Like [`trimmed`], for bytes that may not be text.
///
/// Only byte order marks and ASCII white space are removed.
pub(super) fn trimmed_bytes(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.trim_ascii();
    bytes
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(bytes)
        .trim_ascii()
}

/// Whether a text starts like an absolute http or https URL.
pub(super) fn has_scheme(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        text.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })
}

/// Why a text cannot be a URL, although a parser might drop characters to make it one.
pub(super) fn problem(url: &str) -> Option<&'static str> {
    if url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    if url.contains(['\t', '\n', '\r']) {
        return Some("a tab or a line break inside the URL");
    }
    if url.chars().any(char::is_control) {
        return Some("a control character inside the URL");
    }
    if url.contains('\u{fffd}') {
        return Some("not text in the encoding of the list");
    }
    let mut words = url.split_whitespace();
    words.next();
    words
        .any(|word| has_scheme(unwrapped(word)))
        .then_some("two URLs in place of one")
}

/// The part of a line before white space and `#`.
fn without_comment(line: &str) -> &str {
    let starts_comment = |(at, _): &(usize, &str)| line[..*at].ends_with(char::is_whitespace);
    match line.match_indices('#').find(starts_comment) {
        Some((at, _)) => &line[..at],
        None => line,
    }
}

/// A URL without the quotes of code or mail: `"URL",` and `<URL>`.
///
/// A comma that is part of the end of a URL must be written as `%2C`.
pub(super) fn unwrapped(word: &str) -> &str {
    let word = trimmed(word.strip_suffix(',').unwrap_or(word));
    for (open, close) in [('<', '>'), ('"', '"'), ('\'', '\'')] {
        if let Some(inside) = word
            .strip_prefix(open)
            .and_then(|rest| rest.strip_suffix(close))
        {
            return trimmed(inside);
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_and_comments_of_other_tools_are_recognized() {
        for (line, url) in [
            ("http://a.example/x", "http://a.example/x"),
            ("\u{feff}  http://a.example/x\u{a0}", "http://a.example/x"),
            ("http://a.example/x\t", "http://a.example/x"),
            ("http://a.example/x # note #2", "http://a.example/x"),
            ("http://a.example/x\t#note", "http://a.example/x"),
            ("http://a.example/x\u{a0}# note", "http://a.example/x"),
            ("http://a.example/x#top", "http://a.example/x#top"),
            ("http://a.example/#/a#b", "http://a.example/#/a#b"),
            ("http://a.example/x,", "http://a.example/x"),
            ("\"http://a.example/x\",", "http://a.example/x"),
            ("<http://a.example/x>", "http://a.example/x"),
            ("<http://a.example/x>, # last", "http://a.example/x"),
            ("a.example/x\u{200b}", "a.example/x"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(parse_line(line), Words::Url(url, None), "{line:?}");
        }
        for line in ["", " \t", "# x", "  #x", "\u{feff}#x", "\u{a0}"] {
            assert_eq!(parse_line(line), Words::Nothing, "{line:?}");
        }
    }

    #[test]
    fn several_urls_on_a_line_are_separate_and_other_words_are_reported() {
        assert_eq!(
            parse_line("http://a.example/1 <HTTPS://b.example/>,\thttp://a.example/3 # x"),
            Words::Urls(vec![
                "http://a.example/1",
                "HTTPS://b.example/",
                "http://a.example/3"
            ])
        );
        assert_eq!(
            parse_line("http://a.example/1\tthe first page"),
            Words::Url("http://a.example/1", Some("the first page"))
        );
        for line in [
            "http://a.example/my file.pdf",
            "http://a.example/1 note",
            "see http://a.example/1",
            "http://a.example/\u{a0}x",
            "http://a.example/1\ta title http://b.example/",
        ] {
            assert!(matches!(parse_line(line), Words::Bad(_)), "{line:?}");
        }
    }

    #[test]
    fn a_text_that_a_parser_would_turn_into_another_url_is_reported() {
        for url in [
            "http://a.example/\thttp://b.example/",
            "http://a.example/x\ny",
            "http://a.example/\0",
            "http://a.example/ https://b.example/",
            "http://a.example/\u{fffd}",
        ] {
            assert!(problem(url).is_some(), "{url:?}");
        }
        for url in [
            "http://a.example/x y",
            "http://a.example/?to=http://b.example/",
        ] {
            assert_eq!(problem(url), None, "{url:?}");
        }
    }
}
