//! Lookup keys of archives: URLs with the host reversed.
//!
//! The key of `http://www.shop.example/a?b` is `example,shop)/a?b`. URLs are normalized like those in the indexes
//! of other archives, so that their readers find ours: no `www`, no default port, lower case, sorted query
//! parameters, no trailing slash. Edge: session ids are not removed, because other indexes guess them by name; a
//! page with one in its URL is still found by that URL.

use percent_encoding::percent_decode_str;

use crate::url::PageUrl;

/// The key of a URL.
pub(super) fn key(url: &PageUrl) -> String {
    let url = url.as_url();
    let host = without_www(url.host_str().unwrap_or_default());
    let mut key: String = host.rsplit('.').collect::<Vec<_>>().join(",");
    if let Some(port) = url.port() {
        key.push_str(&format!(":{port}"));
    }
    key.push(')');
    let path = escaped(url.path());
    let path = normalized(&path);
    key.push_str(&path.to_ascii_lowercase());
    if let Some(query) = url.query().filter(|query| !query.is_empty()) {
        let query = escaped(query).to_ascii_lowercase();
        let mut parts: Vec<Vec<&str>> = query
            .split('&')
            .map(|part| part.splitn(2, '=').collect())
            .collect();
        parts.sort();
        let parts: Vec<String> = parts.iter().map(|part| part.join("=")).collect();
        key.push('?');
        key.push_str(&parts.join("&"));
    }
    key
}

/// A host without `www.`, `www1.` and the like.
fn without_www(host: &str) -> &str {
    let rest = host.strip_prefix("www");
    let rest = rest.map(|rest| rest.trim_start_matches(|digit: char| digit.is_ascii_digit()));
    rest.and_then(|rest| rest.strip_prefix('.')).unwrap_or(host)
}

/// A path without empty segments and without a trailing slash.
fn normalized(path: &str) -> String {
    let mut normalized = String::with_capacity(path.len());
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        normalized.push('/');
        normalized.push_str(segment);
    }
    if normalized.is_empty() {
        normalized.push('/');
    }
    normalized
}

/// Decodes percent-encoding repeatedly, and then encodes once what must be encoded.
fn escaped(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    // Each round makes the text shorter; nobody looks up keys that were encoded more often than this.
    for _ in 0..8 {
        let plain: Vec<u8> = match std::str::from_utf8(&bytes) {
            Ok(text) => percent_decode_str(text).collect(),
            Err(_) => percent_encoding::percent_decode(&bytes).collect(),
        };
        if plain == bytes {
            break;
        }
        bytes = plain;
    }
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'!'..=b'~' if !matches!(byte, b'#' | b'%') => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_same_as_in_other_indexes() {
        // The expected keys were produced with the library that other indexes use (surt 0.3.1).
        for (url, expected) in [
            ("http://example.org", "org,example)/"),
            ("https://www.example.org/", "org,example)/"),
            ("http://www2.example.org:80/A/B/", "org,example)/a/b"),
            (
                "http://wwwx.example.org:8080/a//b?",
                "org,example,wwwx:8080)/a/b",
            ),
            ("http://h.example/?b=2&a=1&c", "example,h)/?a=1&b=2&c"),
            ("http://h.example/?a=&a=1&A", "example,h)/?a&a=&a=1"),
            ("http://h.example/a%2Fb%20c%25", "example,h)/a/b%20c%25"),
            ("http://h.example/ä?ö=%41", "example,h)/%c3%a4?%c3%b6=a"),
            ("http://127.0.0.1:8000/x", "1,0,0,127:8000)/x"),
            ("http://h.example/a'b(c)|d", "example,h)/a'b(c)|d"),
        ] {
            assert_eq!(key(&PageUrl::parse(url).unwrap()), expected, "{url}");
        }
    }
}
