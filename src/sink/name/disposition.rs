//! The name of a file in `Content-Disposition` (RFC 6266), as lenient as browsers and curl are.
//!
//! Invariant: a name is one part of a path, spelled like the parts that come from URLs. Only the last part counts of a
//! path that a server gives.

use std::borrow::Cow;

use http::header;
use percent_encoding::percent_decode_str;

use super::spelling::{harmless, readable};
use crate::page::headers::Headers;

/// The file name that a response has in its headers; `None` if there is none that can be used.
///
/// `filename*` (RFC 8187) wins over `filename`.
pub(in crate::sink) fn given_name(headers: &Headers) -> Option<String> {
    let value = headers.0.get(header::CONTENT_DISPOSITION)?;
    let text = decoded(value.as_bytes());
    let parameters = Parameters { rest: &text };
    let (mut plain, mut extended) = (None, None);
    for (name, value) in parameters {
        // Of a parameter that is repeated, the first one counts.
        if name.eq_ignore_ascii_case("filename*") {
            extended = extended.or_else(|| extended_value(&value));
        } else if name.eq_ignore_ascii_case("filename") {
            plain = plain.or(Some(value));
        }
    }
    let extended = extended.and_then(|name| last_part(&name, |part| harmless(part.as_bytes())));
    // Many servers percent-encode this form too, and browsers decode it.
    extended.or_else(|| last_part(&plain?, readable))
}

/// The last part of a path, spelled; `None` if there is no part with a name.
fn last_part(path: &str, spell: impl Fn(&str) -> String) -> Option<String> {
    let part = path.rsplit(['/', '\\']).next()?.trim();
    let is_name = !part.chars().all(|character| matches!(character, '.' | ' '));
    is_name.then(|| spell(part))
}

/// Header text: UTF-8 if it is that, and ISO-8859-1 otherwise, as HTTP once specified.
fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

/// The text of an extended value: `charset'language'percent-encoded` (RFC 8187 3.2.1).
fn extended_value(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_, text) = rest.split_once('\'')?;
    let bytes = Cow::from(percent_decode_str(text));
    match charset.trim().to_ascii_lowercase().as_str() {
        "utf-8" => String::from_utf8(bytes.into_owned()).ok(),
        "iso-8859-1" => Some(bytes.iter().copied().map(char::from).collect()),
        _ => None,
    }
}

/// The `name=value` pairs of a header, in order; a type such as `attachment` is passed over.
struct Parameters<'t> {
    rest: &'t str,
}

impl Iterator for Parameters<'_> {
    type Item = (String, String);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let text = self.rest.trim_start_matches([' ', '\t', ';']);
            let end = text.find([';', '='])?;
            let name = text[..end].trim();
            if text[end..].starts_with(';') {
                self.rest = &text[end..];
                continue;
            }
            let (value, rest) = value(text[end + 1..].trim_start());
            self.rest = rest;
            return Some((name.to_owned(), value));
        }
    }
}

/// Reads a token or a quoted string, and returns what follows.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (token, rest) = text.split_at(text.find(';').unwrap_or(text.len()));
        let token = token.trim_end();
        let bare = token.strip_prefix('\'');
        let bare = bare.and_then(|bare| bare.strip_suffix('\''));
        return (bare.unwrap_or(token).to_owned(), rest);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            // Only these need the escape; any other backslash separates the folders of a path on Windows.
            '\\' => match characters.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, escaped)) => value.push(escaped),
                None => value.push('\\'),
            },
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn name(value: &[u8]) -> Option<String> {
        let mut headers = Headers::default();
        let value = HeaderValue::from_bytes(value).unwrap();
        headers.0.insert(header::CONTENT_DISPOSITION, value);
        given_name(&headers)
    }

    #[test]
    fn the_name_is_read_as_the_standard_says() {
        for (value, expected) in [
            ("attachment; filename=report.pdf", "report.pdf"),
            ("Attachment; FILENAME=\"a b.pdf\"", "a b.pdf"),
            ("attachment; filename=\"a \\\"b\\\".pdf\"", "a %22b%22.pdf"),
            ("attachment; filename=\"a;b=c.pdf\"; size=1", "a;b=c.pdf"),
            (
                "attachment; filename=\"EURO.pdf\"; filename*=UTF-8''%e2%82%ac%20rates.pdf",
                "€ rates.pdf",
            ),
            ("attachment; filename*=utf-8'en'x; filename=y", "x"),
            ("attachment; filename*=iso-8859-1''na%EFve.txt", "naïve.txt"),
            // What is decoded is not decoded again.
            ("attachment; filename*=UTF-8''100%2541.txt", "100%2541.txt"),
        ] {
            assert_eq!(name(value.as_bytes()).as_deref(), Some(expected), "{value}");
        }
    }

    #[test]
    fn what_servers_really_send_is_read_too() {
        for (value, expected) in [
            (&b"filename=x.txt"[..], "x.txt"),
            (b"attachment;filename=\"x.txt", "x.txt"),
            (
                b"attachment; filename = my report.pdf ;x=1",
                "my report.pdf",
            ),
            (b"attachment; filename='x.txt'", "x.txt"),
            (b"attachment; filename=\"my%20report.pdf\"", "my report.pdf"),
            ("attachment; filename=\"café.txt\"".as_bytes(), "café.txt"),
            (b"attachment; filename=\"caf\xe9.txt\"", "café.txt"),
            (b"attachment; filename=a.txt; filename=b.txt", "a.txt"),
            // A form that cannot be read does not hide the other.
            (b"attachment; filename=x; filename*=UTF-8''%FF", "x"),
            (b"attachment; filename=x; filename*=utf-7''a", "x"),
            (b"attachment; filename=x; filename*=y", "x"),
        ] {
            assert_eq!(name(value).as_deref(), Some(expected), "{value:?}");
        }
    }

    #[test]
    fn only_the_last_part_of_a_path_is_a_name() {
        for (value, expected) in [
            ("filename=\"../../etc/passwd\"", Some("passwd")),
            ("filename=\"..%2f..%2fpasswd\"", Some("..%2F..%2Fpasswd")),
            ("filename=/etc/passwd", Some("passwd")),
            ("filename=\"C:\\docs\\x.doc\"", Some("x.doc")),
            ("filename*=UTF-8''..%2F..%5Cx.doc", Some("x.doc")),
            ("filename=C:x.doc", Some("C%3Ax.doc")),
            (
                "filename*=UTF-8''a%00%0A%E2%80%AEfdp.exe",
                Some("a%00%0A%E2%80%AEfdp.exe"),
            ),
            ("filename=..", None),
            ("filename=\" . \"", None),
            ("filename=\"a/\"", None),
            ("filename=\"\"", None),
            ("filename=", None),
            ("inline", None),
            ("", None),
            ("attachment; filename*=UTF-8''..; filename=y", Some("y")),
        ] {
            assert_eq!(name(value.as_bytes()).as_deref(), expected, "{value}");
        }
    }
}
