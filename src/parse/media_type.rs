//! Media types: parsed from the `Content-Type` header, or guessed from the first bytes of the body.
//!
//! The grammar is that of RFC 9110 8.3.1, read as in WHATWG MIME Sniffing 4.4: malformed text after the essence is
//! skipped, and the first of two equal parameters counts. The server's word is final: bytes are only inspected if it
//! sends no type. Invariant: at most the first 1024 bytes of a value are read, whatever its length.

use std::borrow::Cow;

use super::charset::ContentKind;

/// The number of bytes of a header value that are read.
const VALUE_LIMIT: usize = 1024;

/// The number of bytes of a body that are inspected: a "resource header" of the MIME Sniffing standard.
const SNIFFED_BYTES: usize = 1445;

/// A parsed `Content-Type`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MediaType<'a> {
    essence: Cow<'a, str>,
    charset: Option<Cow<'a, str>>,
}

/// How haul treats a media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// `text/html`.
    Html,
    /// `application/xhtml+xml`: a page by the rules of XML.
    Xhtml,
    /// Any other XML: `text/xml`, `application/xml`, `…+xml`.
    Xml,
    /// RSS, Atom and RDF feeds with their own media types.
    Feed,
    /// `application/json`, `text/json`, `…+json`.
    Json,
    /// `text/css`.
    Css,
    /// Scripts with any of the types that browsers run.
    Script,
    /// Any other text.
    Text,
    /// Everything else.
    Other,
}

impl<'a> MediaType<'a> {
    /// Parses a `Content-Type` value; `None` if it has no type and subtype.
    #[must_use]
    pub(crate) fn parse(value: &'a str) -> Option<Self> {
        let value = &value[..value.floor_char_boundary(VALUE_LIMIT)];
        let (essence, parameters) = value.split_once(';').unwrap_or((value, ""));
        let essence = essence.trim_matches(is_space);
        let (kind, subtype) = essence.split_once('/')?;
        if !is_token(kind) || !is_token(subtype) {
            return None;
        }
        Some(Self {
            essence: lower(essence),
            charset: charset_of(parameters),
        })
    }

    /// Type and subtype in lower case: `text/html`.
    #[must_use]
    pub(crate) fn essence(&self) -> &str {
        &self.essence
    }

    /// The value of the `charset` parameter as written, without quotes.
    #[must_use]
    pub(crate) fn charset(&self) -> Option<&str> {
        self.charset.as_deref()
    }

    /// How haul treats this type.
    #[must_use]
    pub(crate) fn kind(&self) -> Kind {
        match &*self.essence {
            "text/html" => Kind::Html,
            "application/xhtml+xml" => Kind::Xhtml,
            "application/rss+xml" | "application/atom+xml" | "application/rdf+xml" => Kind::Feed,
            "text/xml" | "application/xml" => Kind::Xml,
            "application/json" | "text/json" => Kind::Json,
            "text/css" => Kind::Css,
            essence if is_script(essence) => Kind::Script,
            essence if essence.ends_with("+xml") => Kind::Xml,
            essence if essence.ends_with("+json") => Kind::Json,
            essence if essence.starts_with("text/") => Kind::Text,
            _ => Kind::Other,
        }
    }
}

impl Kind {
    /// The rules for finding the charset of such a body.
    #[must_use]
    pub(crate) fn content_kind(self) -> ContentKind {
        match self {
            Self::Html => ContentKind::Html,
            Self::Xhtml | Self::Xml | Self::Feed => ContentKind::Xml,
            Self::Json | Self::Css | Self::Script | Self::Text | Self::Other => ContentKind::Text,
        }
    }
}

/// Whether this is a JavaScript MIME type (MIME Sniffing standard 4.6).
fn is_script(essence: &str) -> bool {
    let Some((kind, subtype)) = essence.split_once('/') else {
        return false;
    };
    let subtype = subtype.strip_prefix("x-").unwrap_or(subtype);
    match subtype {
        "javascript" | "ecmascript" => matches!(kind, "text" | "application"),
        "jscript" | "livescript" => kind == "text",
        other => kind == "text" && other.starts_with("javascript1."),
    }
}

/// Guesses the kind of a body without a media type: HTML, XML or text. JSON and binary data are `Other`.
///
/// Follows the MIME Sniffing standard 7.1, except that a UTF-8 byte order mark does not hide markup.
#[must_use]
pub(crate) fn sniff(body: &[u8]) -> Kind {
    let head = &body[..body.len().min(SNIFFED_BYTES)];
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Kind::Text;
    }
    let start = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let blank = start
        .iter()
        .take_while(|byte| matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' '))
        .count();
    let start = &start[blank..];
    match start {
        [] => Kind::Other,
        [b'{' | b'[', ..] => Kind::Other,
        _ if start.starts_with(b"<?xml") => Kind::Xml,
        _ if starts_html(start) => Kind::Html,
        _ if start.starts_with(b"%PDF-") || start.starts_with(b"%!PS-Adobe-") => Kind::Other,
        _ if head.iter().any(|&byte| is_binary(byte)) => Kind::Other,
        _ => Kind::Text,
    }
}

fn starts_html(start: &[u8]) -> bool {
    const TAGS: [&[u8]; 17] = [
        b"<!doctype html",
        b"<html",
        b"<head",
        b"<script",
        b"<iframe",
        b"<h1",
        b"<div",
        b"<font",
        b"<table",
        b"<a",
        b"<style",
        b"<title",
        b"<b",
        b"<body",
        b"<br",
        b"<p",
        b"<!--",
    ];
    TAGS.iter().any(|tag| {
        let is_tag = start
            .get(..tag.len())
            .is_some_and(|name| name.eq_ignore_ascii_case(tag));
        is_tag && matches!(start.get(tag.len()), Some(b' ' | b'>'))
    })
}

/// Whether this is a "binary data byte" of the MIME Sniffing standard.
fn is_binary(byte: u8) -> bool {
    matches!(byte, 0x00..=0x08 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f)
}

fn is_space(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' ')
}

/// Whether this is a token (RFC 9110 5.6.2).
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        text.to_ascii_lowercase().into()
    } else {
        text.into()
    }
}

/// The first `charset` parameter that has a value.
fn charset_of(mut parameters: &str) -> Option<Cow<'_, str>> {
    while !parameters.is_empty() {
        parameters = parameters.trim_start_matches(is_space);
        let end = parameters.find([';', '=']).unwrap_or(parameters.len());
        let (name, rest) = parameters.split_at(end);
        let Some(rest) = rest.strip_prefix('=') else {
            parameters = rest.strip_prefix(';').unwrap_or("");
            continue;
        };
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let (value, rest) = rest.split_once(';').unwrap_or((rest, ""));
                (value.trim_end_matches(is_space).into(), rest)
            }
        };
        if name.eq_ignore_ascii_case("charset") && !value.is_empty() {
            return Some(value);
        }
        parameters = rest;
    }
    None
}

/// Splits the content of a quoted string (RFC 9110 5.6.4) from the text after its parameter.
///
/// If the closing quote is missing, the value ends with the text.
fn unquote(quoted: &str) -> (Cow<'_, str>, &str) {
    let mut value = Cow::Borrowed("");
    let mut rest = quoted;
    loop {
        let end = rest.find(['"', '\\']).unwrap_or(rest.len());
        let (part, tail) = rest.split_at(end);
        if value.is_empty() {
            value = part.into()
        } else {
            value.to_mut().push_str(part)
        }
        let mut tail = tail.chars();
        match (tail.next(), tail.clone().next()) {
            (Some('\\'), Some(escaped)) => {
                value.to_mut().push(escaped);
                tail.next();
                rest = tail.as_str();
            }
            _ => {
                return (
                    value,
                    tail.as_str().split_once(';').map_or("", |(_, rest)| rest),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charset(value: &str) -> Option<String> {
        MediaType::parse(value)
            .unwrap()
            .charset()
            .map(str::to_owned)
    }

    #[test]
    fn essence_and_charset_are_read_as_servers_write_them() {
        for (value, expected_charset) in [
            ("text/html", None),
            ("text/html;charset=utf-8", Some("utf-8")),
            (" Text/HTML ; Charset=UTF-8 ", Some("UTF-8")),
            ("text/html; charset=\"shift_jis\"", Some("shift_jis")),
            (
                "text/html; charset=\"shift\\_jis\" x; charset=no",
                Some("shift_jis"),
            ),
            ("text/html; charset=\"gbk", Some("gbk")),
            ("text/html; charset=\"gbk\\", Some("gbk")),
            ("text/html;charset=a;charset=b", Some("a")),
            ("text/html; a=\"x;charset=no\"; charset=yes", Some("yes")),
            (
                "text/html; ;; charset ; =x; charset=; charset=yes",
                Some("yes"),
            ),
            ("text/html; charset", None),
            ("text/html; charset =utf-8", None),
            ("text/html; charset='utf-8'", Some("'utf-8'")),
        ] {
            assert_eq!(
                MediaType::parse(value).unwrap().essence(),
                "text/html",
                "{value}"
            );
            assert_eq!(charset(value).as_deref(), expected_charset, "{value}");
        }
    }

    #[test]
    fn a_value_without_type_and_subtype_is_not_a_media_type() {
        for value in [
            "",
            "html",
            "/",
            "text/",
            "/html",
            "text html/x",
            "text/html, text/plain",
            "é/x",
            "; charset=utf-8",
        ] {
            assert_eq!(MediaType::parse(value), None, "{value}");
        }
    }

    #[test]
    fn an_endless_value_is_read_up_to_the_limit() {
        let value = format!(
            "text/html; x=\"{}\"; charset=utf-8",
            "é\\\"".repeat(1 << 20)
        );
        assert_eq!(charset(&value), None);
        assert_eq!(
            MediaType::parse(&format!("text/{}", "h".repeat(1 << 20)))
                .unwrap()
                .essence()
                .len(),
            VALUE_LIMIT
        );
    }

    #[test]
    fn kinds_follow_the_essence() {
        for (essence, kind) in [
            ("text/html", Kind::Html),
            ("application/xhtml+xml", Kind::Xhtml),
            ("application/xml", Kind::Xml),
            ("image/svg+xml", Kind::Xml),
            ("application/rss+xml", Kind::Feed),
            ("application/ATOM+xml", Kind::Feed),
            ("application/ld+json", Kind::Json),
            ("text/css", Kind::Css),
            ("text/plain", Kind::Text),
            ("application/javascript", Kind::Script),
            ("text/javascript; charset=utf-8", Kind::Script),
            ("image/png", Kind::Other),
            ("application/octet-stream", Kind::Other),
        ] {
            assert_eq!(MediaType::parse(essence).unwrap().kind(), kind, "{essence}");
        }
    }

    #[test]
    fn a_body_without_a_type_is_recognised_by_its_first_bytes() {
        for (body, kind) in [
            (&b"<!DOCTYPE HTML><p>"[..], Kind::Html),
            (b"\xef\xbb\xbf\r\n  <html >", Kind::Html),
            (b"<!-- x --><html>", Kind::Html),
            (b"<HtMl>", Kind::Html),
            (b"<htmlx>", Kind::Text),
            (b"<html", Kind::Text),
            (b"<p", Kind::Text),
            (b" <?xml version=\"1.0\"?>", Kind::Xml),
            (b"{\"a\": 1}", Kind::Other),
            (b" [1]", Kind::Other),
            (b"%PDF-1.7", Kind::Other),
            (b"User-agent: *\n", Kind::Text),
            (b"caf\xe9", Kind::Text),
            (b"\xff\xfe<\0h\0", Kind::Text),
            (b"\x89PNG\r\n\x1a\n\0", Kind::Other),
            (b"", Kind::Other),
            (b"  ", Kind::Other),
        ] {
            assert_eq!(sniff(body), kind, "{body:?}");
        }
    }
}
