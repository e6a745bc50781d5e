//! The values of flags with their secrets hidden.
//!
//! Used wherever a command line or a setting is printed. A header is a secret unless its name is known to be
//! harmless, because keys are sent under many names.

use std::borrow::Cow;
use std::path::Path;

pub(crate) use haul::HIDDEN;
use haul::{PageUrl, is_harmless, without_password};

/// The value of a flag, with secrets replaced by `…`.
pub(crate) fn shown<'a>(flag: &str, value: &'a str) -> Cow<'a, str> {
    match flag {
        "cookie" if is_cookie_file(value) => value.into(),
        "user" | "cookie" => HIDDEN.into(),
        "data" | "json" if !value.starts_with('@') => HIDDEN.into(),
        "header" if !value.starts_with('@') => match value.split_once(':') {
            Some((name, _)) if is_harmless(name) => value.into(),
            Some((_, "")) => value.into(),
            Some((name, _)) => format!("{name}: {HIDDEN}").into(),
            None => HIDDEN.into(),
        },
        "proxy" => without_password(value),
        "for-host" => host_entry_shown(value),
        "urls" => url_without_user(value),
        _ => value.into(),
    }
}

/// Whether the value of -b is a file and not a cookie, nor a secret that was given without its name.
fn is_cookie_file(value: &str) -> bool {
    !value.contains('=')
        && (value.is_empty() || value.ends_with(".txt") || Path::new(value).is_file())
}

/// The pattern of hosts, the key and the value in a value of `--for-host`.
pub(in crate::cli) fn host_entry(entry: &str) -> Option<(&str, &str, &str)> {
    let (hosts, rest) = entry.trim_start().split_once(' ')?;
    let (key, value) = rest.split_once('=')?;
    Some((hosts, key.trim(), value))
}

/// An entry for some hosts; its key is the flag whose value it has.
fn host_entry_shown(entry: &str) -> Cow<'_, str> {
    match host_entry(entry) {
        Some((hosts, key, value)) => match shown(key, value) {
            shown if shown == value => entry.into(),
            shown => format!("{hosts} {key}={shown}").into(),
        },
        None => HIDDEN.into(),
    }
}

/// A URL without its user and password. A valid URL shows where they end; of an invalid one, more is hidden.
fn url_without_user(text: &str) -> Cow<'_, str> {
    match PageUrl::parse_with_user(text) {
        Ok((_, None)) => text.into(),
        Ok((_, Some(_))) => {
            let start = text.find("://").map_or(0, |at| at + 3);
            let end = text[start..]
                .find(['/', '?', '#', '\\'])
                .map_or(text.len(), |at| start + at);
            format!("{}{}", without_password(&text[..end]), &text[end..]).into()
        }
        Err(_) => without_password(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown_and_the_rest_is() {
        for (flag, value, shown_as) in [
            ("user", "ann:s3cret", "…"),
            ("header", "Authorization: Bearer s3cret", "Authorization: …"),
            ("header", "X-Api-Key:s3cret", "X-Api-Key: …"),
            ("header", "Accept: text/html", "Accept: text/html"),
            ("header", "User-Agent:", "User-Agent:"),
            ("header", "@keys.txt", "@keys.txt"),
            ("data", "password=s3cret", "…"),
            ("cookie", "a=s3cret.txt", "…"),
            ("cookie", "s3cret", "…"),
            ("cookie", "my/cookies.txt", "my/cookies.txt"),
            ("data", "@form.txt", "@form.txt"),
            (
                "proxy",
                "http://ann:s3cret@proxy.example:3128",
                "http://…@proxy.example:3128",
            ),
            ("urls", "ann:s3cret@example.org/a@b", "…@b"),
            (
                "urls",
                "http://ann:s3cret@example.org/a@b",
                "http://…@example.org/a@b",
            ),
            (
                "urls",
                "http://example.org/a:b@c",
                "http://example.org/a:b@c",
            ),
            ("output", "a@b.jsonl", "a@b.jsonl"),
        ] {
            assert_eq!(shown(flag, value), shown_as);
        }
    }
}
