//! Flags spelled as a command line for a shell, without secrets.

use std::ffi::OsString;
use std::fmt::Write;

use super::fetch::secret;
use super::layers::{Kind, Origin, Setting, Settings};

/// Appends flags to a command, except those named in `left_out`.
pub(super) fn flags(command: &mut String, settings: &[Setting], left_out: &[&str]) {
    let mut add = |word: &str| {
        command.push(' ');
        command.push_str(word);
    };
    let flags = settings.iter().filter(|setting| setting.flag != "urls");
    for setting in flags.filter(|setting| !left_out.contains(&setting.flag.as_str())) {
        let flag = format!("--{}", setting.flag);
        match setting.kind {
            Kind::Switch => add(&flag),
            Kind::Count => {
                let count = setting
                    .values
                    .first()
                    .and_then(|count| count.to_str()?.parse().ok());
                (0..count.unwrap_or(1)).for_each(|_| add(&flag));
            }
            Kind::One | Kind::Many => {
                for value in &setting.values {
                    add(&flag);
                    add(&shown(&setting.flag, value));
                }
            }
        }
    }
}

/// The values of a flag without secrets, not quoted.
fn values(setting: &Setting) -> String {
    let texts: Vec<_> = setting
        .values
        .iter()
        .map(|value| secret::shown(&setting.flag, &value.to_string_lossy()).into_owned())
        .collect();
    texts.join(" ")
}

/// Every setting that is not at its default, without secrets.
pub(super) fn in_force(settings: &Settings) -> Vec<(String, String)> {
    settings
        .0
        .iter()
        .filter(|setting| setting.origin != Origin::Default)
        .map(|setting| (setting.flag.clone(), values(setting)))
        .collect()
}

/// Appends the positional arguments to a command.
pub(super) fn targets(command: &mut String, settings: &[Setting]) {
    for setting in settings.iter().filter(|setting| setting.flag == "urls") {
        for value in &setting.values {
            command.push(' ');
            command.push_str(&shown("urls", value));
        }
    }
}

/// The user's own command line, without secrets.
pub(super) fn command(name: &str, settings: &Settings) -> String {
    let from_flags = settings.0.iter();
    let from_flags: Vec<_> = from_flags
        .filter(|setting| setting.origin == Origin::Flag)
        .cloned()
        .collect();
    let mut line = format!("haul {name}");
    flags(&mut line, &from_flags, &[]);
    targets(&mut line, &from_flags);
    line
}

/// A value without secrets, quoted. A value that is not UTF-8 can only be a file name, which is no secret.
fn shown(flag: &str, value: &OsString) -> String {
    match value.to_str() {
        Some(text) => quoted(&OsString::from(&*secret::shown(flag, text))),
        None => quoted(value),
    }
}

/// A word, quoted for a shell if necessary.
pub(super) fn quoted(word: &OsString) -> String {
    let bytes = word.as_encoded_bytes();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_./:=,@%+".contains(byte);
    match word.to_str() {
        Some(text) if !text.is_empty() && bytes.iter().all(is_plain) => text.to_owned(),
        Some(text) if !text.chars().any(char::is_control) => {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        // Control characters, and what is not UTF-8, are written byte by byte.
        _ => {
            let mut word = "$'".to_owned();
            for byte in bytes {
                let _ = if is_plain(byte) {
                    write!(word, "{}", char::from(*byte))
                } else {
                    write!(word, "\\x{byte:02x}")
                };
            }
            word.push('\'');
            word
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_as_a_shell_reads_it() {
        for (word, text) in [
            ("urls.txt", "urls.txt"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("http://a/?b&c", "'http://a/?b&c'"),
            ("a\u{1b}[2J", r"$'a\x1b\x5b2J'"),
        ] {
            assert_eq!(quoted(&word.into()), text);
        }
    }
}
