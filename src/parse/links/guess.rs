//! Guesses: strings in scripts, inline or in files, and in JSON that look like URLs.
//!
//! A script is not parsed: a quote followed at once by `http:`, `https:` or `/`, and ended by the same quote with nothing between that a URL cannot
//! hold, is a guess; `\/`, `\u002F` and the like are unescaped. Invariant: each byte is read at most twice; a guess is at most `LONGEST` bytes.
//! Edge: it finds what is not a link (a path in a log message) and misses what a script puts together; so it is asked for, and its links say so.

use std::borrow::Cow;

use memchr::memchr3;

/// The longest guess as written, in bytes: what is longer is data.
const LONGEST: usize = 2048;

/// The guesses in a script's text, and where each starts, in bytes. Only ASCII is guessed.
pub(in crate::parse) fn urls(script: &[u8]) -> impl Iterator<Item = (Cow<'_, str>, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let found = memchr3(b'"', b'\'', b'`', script.get(at..)?)?;
            let quote = script[at + found];
            let start = at + found + 1;
            let rest = &script[start..];
            let length = rest
                .iter()
                .take(LONGEST + 1)
                .position(|&byte| !belongs(byte))
                .unwrap_or(rest.len().min(LONGEST + 1));
            // The byte that ended it may be the quote that opens the next string.
            at = start + length;
            if rest.get(length) != Some(&quote) || length > LONGEST {
                continue;
            }
            if let Some(url) = unescaped(&rest[..length]).filter(|url| is_likely(url)) {
                at += 1;
                return Some((url, start));
            }
        }
    })
}

/// Whether a byte can be in a URL in a script: no quotes, spaces, brackets or braces.
fn belongs(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&*+,;=%\\".contains(&byte)
}

/// Resolves escapes; `None` where one stands for something that no URL holds.
fn unescaped(raw: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(raw).ok()?;
    if !text.contains('\\') {
        return Some(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let digits = match after.bytes().next()? {
            b'/' => {
                out.push('/');
                rest = &after[1..];
                continue;
            }
            b'u' => 4,
            b'x' => 2,
            _ => return None,
        };
        let value = u8::from_str_radix(after.get(1..=digits)?, 16).ok()?;
        if !belongs(value) || value == b'\\' {
            return None;
        }
        out.push(char::from(value));
        rest = &after[digits + 1..];
    }
    out.push_str(rest);
    Some(Cow::Owned(out))
}

/// Absolute with a host, or relative to a root and with a name in it.
fn is_likely(url: &str) -> bool {
    let absolute = ["https://", "http://", "//"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    match absolute {
        Some(rest) => {
            let host = rest.split(['/', '?', '#', ':']).next().unwrap_or(rest);
            host == "localhost"
                || (host.contains('.') && host.starts_with(|c: char| c.is_ascii_alphanumeric()))
        }
        None => url
            .strip_prefix('/')
            .is_some_and(|path| path.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_strings_that_look_like_urls_are_guessed() {
        for (script, expected) in [
            (r#"fetch("/api/items?page=2")"#, vec!["/api/items?page=2"]),
            (
                r#"{"u":"https:\/\/a.example\/b"}"#,
                vec!["https://a.example/b"],
            ),
            (
                r#"{"u":"https:\u002F\u002Fa.example\x2Fb"}"#,
                vec!["https://a.example/b"],
            ),
            (
                "x = '//cdn.example/x.js', y = `/z`",
                vec!["//cdn.example/x.js", "/z"],
            ),
            (
                r#"a = "text/html"; b = "/"; c = "// comment"; d = "http://""#,
                vec![],
            ),
            ("it's /not/ \"/here\"", vec!["/here"]),
            ("`/a/${b}` + '/c d' + \"/e\n\"", vec![]),
            (r#""/a\n" "/b\u00e9" "/c\"#, vec![]),
            ("\"/é\"", vec![]),
            ("\"", vec![]),
        ] {
            let found: Vec<_> = super::urls(script.as_bytes())
                .map(|(url, _)| url.into_owned())
                .collect();
            assert_eq!(found, expected, "{script}");
        }
    }

    #[test]
    fn what_is_too_long_is_data() {
        let script = format!("'/{}' '/next'", "a".repeat(5000));
        let found: Vec<_> = super::urls(script.as_bytes()).map(|(url, _)| url).collect();
        assert_eq!(found, ["/next"]);
    }
}
