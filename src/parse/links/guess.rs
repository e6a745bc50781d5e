//! Guesses URLs: strings in scripts and in JSON that look like one.
//!
//! Scripts, inline or in files, are not parsed. A guess is a quote followed directly by `http:`, `https:` or `/`, and
//! ended by the same quote, with nothing in between that a URL cannot contain; `\/`, `\u002F` and the like are
//! unescaped. Invariant: each byte is read at most twice; a guess has at most `LONGEST` bytes. It finds strings that
//! are not links (a path in a log message) and misses URLs that a script constructs; so it is off by default, and its
//! links are marked as guesses.

use std::borrow::Cow;

use memchr::memchr3;

/// The longest guess as written, in bytes: anything longer is data.
const LONGEST: usize = 2048;

/// The guesses in a script's text, and where each starts, in bytes. Only ASCII is considered.
pub(in crate::parse) fn urls(script: &[u8]) -> impl Iterator<Item = (Cow<'_, str>, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let offset = memchr3(b'"', b'\'', b'`', script.get(at..)?)?;
            let quote = script[at + offset];
            let start = at + offset + 1;
            let rest = &script[start..];
            let length = rest
                .iter()
                .take(LONGEST + 1)
                .position(|&byte| !is_url_byte(byte))
                .unwrap_or(rest.len().min(LONGEST + 1));
            // The byte that ended it may be the quote that opens the next string.
            at = start + length;
            if rest.get(length) != Some(&quote) || length > LONGEST {
                continue;
            }
            if let Some(url) = unescape(&rest[..length]).filter(|url| is_likely(url)) {
                at += 1;
                return Some((url, start));
            }
        }
    })
}

/// Whether a byte can be in a URL in a script: no quotes, spaces, brackets or braces.
fn is_url_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&*+,;=%\\".contains(&byte)
}

/// Resolves escapes; `None` if one stands for something that no URL contains.
fn unescape(raw: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(raw).ok()?;
    if !text.contains('\\') {
        return Some(Cow::Borrowed(text));
    }
    let mut output = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        output.push_str(before);
        let digits = match after.bytes().next()? {
            b'/' => {
                output.push('/');
                rest = &after[1..];
                continue;
            }
            b'u' => 4,
            b'x' => 2,
            _ => return None,
        };
        let value = u8::from_str_radix(after.get(1..=digits)?, 16).ok()?;
        if !is_url_byte(value) || value == b'\\' {
            return None;
        }
        output.push(char::from(value));
        rest = &after[digits + 1..];
    }
    output.push_str(rest);
    Some(Cow::Owned(output))
}

/// Whether this is an absolute URL with a host, or an absolute path that starts with a name.
fn is_likely(url: &str) -> bool {
    let after_scheme = ["https://", "http://", "//"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    match after_scheme {
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
            let guesses: Vec<_> = super::urls(script.as_bytes())
                .map(|(url, _)| url.into_owned())
                .collect();
            assert_eq!(guesses, expected, "{script}");
        }
    }

    #[test]
    fn strings_that_are_too_long_are_data() {
        let script = format!("'/{}' '/next'", "a".repeat(5000));
        let guesses: Vec<_> = super::urls(script.as_bytes()).map(|(url, _)| url).collect();
        assert_eq!(guesses, ["/next"]);
    }
}
