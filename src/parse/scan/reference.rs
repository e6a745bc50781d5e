//! Character references (HTML 13.2.5.72 to 80), and from a value's bytes to text.
//!
//! Invariant: text without `&`, carriage return, NUL and broken UTF-8 is borrowed; only the rest is copied. The list of names
//! is the standard's, kept by the crate under html5ever. Edge: bytes of another encoding go through the caller's [`Decoder`].

use std::borrow::Cow;

use memchr::memchr3;
use web_atoms::{C1_REPLACEMENTS, NAMED_ENTITIES};

/// Turns bytes of the page's encoding, with at least one that is not ASCII, into text.
pub type Decoder<'d> = &'d dyn for<'b> Fn(&'b [u8]) -> Cow<'b, str>;

/// Where a reference stands: in an attribute `&copy=1` is no reference, in text it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In an attribute's value.
    Attribute,
    /// In `title` and `textarea`.
    Text,
}

/// The [`Decoder`] for UTF-8: what is broken becomes U+FFFD.
#[must_use]
pub fn utf8(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// The text of a value: references resolved, lines ended by a line feed (13.2.3.5), NUL replaced.
#[must_use]
pub fn decode<'a>(raw: &'a [u8], place: Place, decoder: Decoder<'_>) -> Cow<'a, str> {
    if memchr3(b'&', b'\r', 0, raw).is_none() {
        return text(raw, decoder);
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(found) = memchr3(b'&', b'\r', 0, rest) {
        out.push_str(&text(&rest[..found], decoder));
        let byte = rest[found];
        rest = &rest[found + 1..];
        match byte {
            b'&' => rest = &rest[reference(rest, place, &mut out)..],
            b'\r' => {
                out.push('\n');
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
            _ => out.push('\u{FFFD}'),
        }
    }
    out.push_str(&text(rest, decoder));
    Cow::Owned(out)
}

#[inline]
fn text<'a>(raw: &'a [u8], decoder: Decoder<'_>) -> Cow<'a, str> {
    // ASCII is the same in all these encodings; the rest is the decoder's.
    if raw.is_ascii() {
        return std::str::from_utf8(raw).map_or(Cow::Borrowed(""), Cow::Borrowed);
    }
    decoder(raw)
}

/// Resolves what follows a `&` and answers how many bytes of it are used up.
fn reference(after: &[u8], place: Place, out: &mut String) -> usize {
    if after.starts_with(b"amp;") {
        out.push('&');
        return 4;
    }
    match after.first() {
        Some(b'#') => numeric(after, out),
        Some(byte) if byte.is_ascii_alphanumeric() => named(after, place, out),
        _ => {
            out.push('&');
            0
        }
    }
}

fn named(after: &[u8], place: Place, out: &mut String) -> usize {
    let mut best = None;
    // The list holds every prefix of every name, so the walk ends with the longest name, 32 bytes.
    for length in 1..=after.len() {
        let Some(&found) = std::str::from_utf8(&after[..length])
            .ok()
            .and_then(|name| NAMED_ENTITIES.get(name))
        else {
            break;
        };
        if found.0 != 0 {
            best = Some((length, found));
        }
    }
    let Some((length, (first, second))) = best else {
        out.push('&');
        return 0;
    };
    // 13.2.5.73: for historical reasons `?a=1&copy=2` keeps its parameter.
    let goes_on = after
        .get(length)
        .is_some_and(|&next| next == b'=' || next.is_ascii_alphanumeric());
    if place == Place::Attribute && after[length - 1] != b';' && goes_on {
        out.push('&');
        return 0;
    }
    out.extend(char::from_u32(first));
    out.extend(char::from_u32(second).filter(|_| second != 0));
    length
}

fn numeric(after: &[u8], out: &mut String) -> usize {
    let hexadecimal = matches!(after.get(1), Some(b'x' | b'X'));
    let start = if hexadecimal { 2 } else { 1 };
    let radix = if hexadecimal { 16 } else { 10 };
    let mut value: u32 = 0;
    let mut at = start;
    while let Some(digit) = after
        .get(at)
        .and_then(|&byte| char::from(byte).to_digit(radix))
    {
        value = value.saturating_mul(radix).saturating_add(digit);
        at += 1;
    }
    if at == start {
        out.push('&');
        return 0;
    }
    out.push(match value {
        0 => '\u{FFFD}',
        0x80..=0x9F => C1_REPLACEMENTS[value as usize - 0x80]
            .or(char::from_u32(value))
            .unwrap_or('\u{FFFD}'),
        value => char::from_u32(value).unwrap_or('\u{FFFD}'),
    });
    at + usize::from(after.get(at) == Some(&b';'))
}
