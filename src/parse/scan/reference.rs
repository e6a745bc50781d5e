//! Decodes text: character references (HTML 13.2.5.72 to 80) and the page's encoding.
//!
//! Invariant: text without `&`, carriage return, NUL and malformed UTF-8 is borrowed; only the rest is copied. The
//! list of names is the standard's, maintained in a crate of html5ever. Bytes of another encoding are decoded by the
//! caller's [`Decoder`].

use std::borrow::Cow;

use memchr::memchr3;
use web_atoms::{C1_REPLACEMENTS, NAMED_ENTITIES};

/// Decodes bytes in the page's encoding that are not all ASCII.
pub type Decoder<'d> = &'d dyn for<'b> Fn(&'b [u8]) -> Cow<'b, str>;

/// The context of a reference: `&copy=1` is a reference in text, but not in an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextContext {
    /// An attribute's value.
    Attribute,
    /// The text of `title` or `textarea`.
    Text,
}

/// The [`Decoder`] for UTF-8: malformed bytes become U+FFFD.
#[must_use]
pub fn utf8(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// Tells the compiler that the decoder's output borrows from its input.
pub(in crate::parse) fn with_lifetime<F: for<'b> Fn(&'b [u8]) -> Cow<'b, str>>(decoder: F) -> F {
    decoder
}

/// Decodes a value: resolves references, normalizes line ends (13.2.3.5), replaces NUL.
#[must_use]
pub fn decode<'a>(raw: &'a [u8], context: TextContext, decoder: Decoder<'_>) -> Cow<'a, str> {
    if memchr3(b'&', b'\r', 0, raw).is_none() {
        return text(raw, decoder);
    }
    let mut decoded = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr3(b'&', b'\r', 0, rest) {
        decoded.push_str(&text(&rest[..at], decoder));
        let byte = rest[at];
        rest = &rest[at + 1..];
        match byte {
            b'&' => rest = &rest[resolve_reference(rest, context, &mut decoded)..],
            b'\r' => {
                decoded.push('\n');
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
            _ => decoded.push('\u{FFFD}'),
        }
    }
    decoded.push_str(&text(rest, decoder));
    Cow::Owned(decoded)
}

#[inline]
fn text<'a>(raw: &'a [u8], decoder: Decoder<'_>) -> Cow<'a, str> {
    // ASCII is the same in all supported encodings; the rest is up to the decoder.
    if raw.is_ascii() {
        return std::str::from_utf8(raw).map_or(Cow::Borrowed(""), Cow::Borrowed);
    }
    decoder(raw)
}

/// Resolves the reference after a `&`. Returns how many bytes it took.
fn resolve_reference(after: &[u8], context: TextContext, output: &mut String) -> usize {
    if after.starts_with(b"amp;") {
        output.push('&');
        return 4;
    }
    match after.first() {
        Some(b'#') => resolve_numeric(after, output),
        Some(byte) if byte.is_ascii_alphanumeric() => resolve_named(after, context, output),
        _ => {
            output.push('&');
            0
        }
    }
}

fn resolve_named(after: &[u8], context: TextContext, output: &mut String) -> usize {
    let mut best = None;
    // The list contains every prefix of every name, so the loop ends with the longest name, 32 bytes.
    for length in 1..=after.len() {
        let Some(&characters) = std::str::from_utf8(&after[..length])
            .ok()
            .and_then(|name| NAMED_ENTITIES.get(name))
        else {
            break;
        };
        if characters.0 != 0 {
            best = Some((length, characters));
        }
    }
    let Some((length, (first, second))) = best else {
        output.push('&');
        return 0;
    };
    // 13.2.5.73: for historical reasons `?a=1&copy=2` keeps its parameter.
    let continues = after
        .get(length)
        .is_some_and(|&next| next == b'=' || next.is_ascii_alphanumeric());
    if context == TextContext::Attribute && after[length - 1] != b';' && continues {
        output.push('&');
        return 0;
    }
    output.extend(char::from_u32(first));
    output.extend(char::from_u32(second).filter(|_| second != 0));
    length
}

fn resolve_numeric(after: &[u8], output: &mut String) -> usize {
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
        output.push('&');
        return 0;
    }
    output.push(match value {
        0 => '\u{FFFD}',
        0x80..=0x9F => C1_REPLACEMENTS[value as usize - 0x80]
            .or(char::from_u32(value))
            .unwrap_or('\u{FFFD}'),
        value => char::from_u32(value).unwrap_or('\u{FFFD}'),
    });
    at + usize::from(after.get(at) == Some(&b';'))
}
