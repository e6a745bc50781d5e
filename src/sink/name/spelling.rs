//! The spelling of URLs in names, and whether a URL can be read back from a name.
//!
//! Invariant: of all URLs with the same spelling in a name, at most one is plain. A URL is plain if every character
//! is written as the WHATWG URL standard writes it: nothing is percent-encoded without need, and nothing is empty.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, percent_encode};

use crate::text::clean::acts;

/// Characters that are percent-encoded in a path segment, or would end one (URL 1.3).
const IN_PATH: AsciiSet = CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'/')
    .add(b'\\')
    .add(b'%');
/// Characters that are percent-encoded in a query (the special-query percent-encode set).
const IN_QUERY: AsciiSet = CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\'')
    .add(b'%');

/// Whether a segment has its usual spelling.
pub(super) fn is_plain(segment: &str) -> bool {
    has_usual_spelling(segment, &IN_PATH)
}

/// Whether a segment can be read back from the name of a folder.
pub(super) fn is_plain_folder(segment: &str) -> bool {
    !segment.is_empty() && is_plain(segment) && !is_marked(&readable(segment))
}

/// Whether a query has its usual spelling.
pub(super) fn is_plain_query(query: &str) -> bool {
    !query.is_empty() && has_usual_spelling(query, &IN_QUERY)
}

fn has_usual_spelling(text: &str, set: &'static AsciiSet) -> bool {
    let bytes = Cow::from(percent_decode_str(text));
    let usual = percent_encode(&bytes, set).to_string();
    // The case of hex digits and encoded unreserved characters make no difference (RFC 3986 6.2.2).
    crate::url::fingerprint::canonical(text) == crate::url::fingerprint::canonical(&usual)
}

/// Whether a name ends with a mark: a `~`, possibly followed by digits of a hash.
pub(super) fn is_marked(name: &str) -> bool {
    let Some((_, digits)) = name.rsplit_once('~') else {
        return false;
    };
    let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f' | b'A'..=b'F');
    matches!(digits.len(), 0 | 8 | 16 | 32) && digits.bytes().all(is_digit)
}

/// Whether a file system could confuse this URL's name with another's.
///
/// One that ignores case or forms of accents could, for everything except plain lower-case ASCII.
pub(super) fn may_fold(url: &url::Url) -> bool {
    let of = |text: &str| may_fold_name(&readable(text));
    url.path_segments().into_iter().flatten().any(of) || url.query().is_some_and(of)
}

/// Whether such a file system could confuse a name with another.
pub(super) fn may_fold_name(name: &str) -> bool {
    name.chars()
        .any(|c| !c.is_ascii() || c.is_ascii_uppercase())
}

/// Percent-decodes as much as is harmless.
pub(super) fn readable(text: &str) -> String {
    harmless(&Cow::from(percent_decode_str(text)))
}

/// Percent-encodes everything that is not harmless text.
pub(super) fn harmless(bytes: &[u8]) -> String {
    let mut name = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_harmless(character) {
                name.push(character);
            } else {
                name.push_str(&encoded(character));
            }
        }
        for byte in chunk.invalid() {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    name
}

fn is_harmless(character: char) -> bool {
    let forbidden = matches!(
        character,
        '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*' | '%'
    );
    // Characters without width make two names look the same.
    let hidden = matches!(
        character,
        '\u{AD}' | '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}'
    );
    !forbidden && !hidden && !acts(character)
}

/// A character, percent-encoded.
pub(super) fn encoded(character: char) -> String {
    let mut buffer = [0; 4];
    let bytes = character.encode_utf8(&mut buffer).bytes();
    bytes.map(|byte| format!("%{byte:02X}")).collect()
}
