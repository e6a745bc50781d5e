//! Texts that may contain a password, with the password hidden.
//!
//! Such a text is usually shown because something is wrong with it, so nothing here may rely on it being a URL. If a
//! password cannot be told from a path, more is hidden rather than less.

use std::borrow::Cow;

/// The placeholder for a secret.
pub const HIDDEN: &str = "…";

/// The separators between a password and a host, in all the ways that people and programs write them.
const SEPARATORS: [&str; 4] = ["@", "%40", "\u{ff20}", "\u{fe6b}"];

/// A text with any `user:password@` in it replaced by `…@`.
///
/// ```
/// use haul::without_password;
///
/// assert_eq!(without_password("http://ann:s3/cret@host/"), "http://…@host/");
/// assert_eq!(without_password("ann:s3cret@host"), "…@host");
/// assert_eq!(without_password("http://host/a@b"), "http://host/a@b");
/// ```
pub fn without_password(text: &str) -> Cow<'_, str> {
    let start = after_scheme(text);
    let rest = &text[start..];
    let separators = SEPARATORS
        .iter()
        .flat_map(|separator| rest.match_indices(separator));
    // The last separator that has a user and a password, or only a user, before it: a password may contain any
    // character.
    let end = separators
        .map(|(at, _)| at)
        .filter(|at| {
            let before = &rest[..*at];
            before.contains([':', '\u{ff1a}']) || !before.contains(['/', '?', '#', '\\'])
        })
        .max();
    match end {
        Some(end) => format!("{}{HIDDEN}{}", &text[..start], &rest[end..]).into(),
        None => text.into(),
    }
}

/// The index after the scheme and its slashes, which may lean either way; 0 if there is none.
fn after_scheme(text: &str) -> usize {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    let leading = text.len() - text.trim_start_matches(['/', '\\']).len();
    let Some((before, after)) = text.split_once(':').filter(|_| leading == 0) else {
        return leading;
    };
    let slashes = after.len() - after.trim_start_matches(['/', '\\']).len();
    // The scheme may follow other words, which are shown.
    let scheme = before
        .rsplit(|separator: char| separator.is_whitespace() || "\"'<(,;=".contains(separator))
        .next()
        .unwrap_or_default();
    match slashes > 0 && is_scheme(scheme) {
        true => before.len() + 1 + slashes,
        false => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_hidden_whatever_is_wrong_with_its_url() {
        for (text, shown) in [
            ("ftp://ann:s3cret@host/x", "ftp://…@host/x"),
            ("http://ann:s3:cr@et@host:99999/", "http://…@host:99999/"),
            ("http://ann:s3cret@", "http://…@"),
            ("http://ann:s3/cret@h/", "http://…@h/"),
            ("http://ann:s3?cret#x@h/", "http://…@h/"),
            ("http:\\\\ann:s3cret@h/", "http:\\\\…@h/"),
            ("http:/ann:s3cret@h/", "http:/…@h/"),
            ("http:///ann:s3cret@h/", "http:///…@h/"),
            ("//ann:s3cret@h/", "//…@h/"),
            ("ann:s3cret@host/", "…@host/"),
            ("ann:s3//cret@host/", "…@host/"),
            ("ht!tp://ann:s3cret@nowhere/", "…@nowhere/"),
            ("ann:s3cret%40host/", "…%40host/"),
            ("http://ann:s3cret\u{ff20}host/", "http://…\u{ff20}host/"),
            ("see http://ann:s3cret@h/", "see http://…@h/"),
            ("http://token@h/a@b", "http://…@h/a@b"),
            ("ann:s3 cret@h", "…@h"),
        ] {
            assert_eq!(without_password(text), shown);
        }
    }

    #[test]
    fn what_holds_no_password_is_shown_as_it_is() {
        for text in [
            "",
            "htp:/not a url",
            "ftp://host/a@b",
            "http://host/",
            "host:99999",
            "/a/b@c",
            "example.org/a@b",
        ] {
            assert_eq!(without_password(text), text);
        }
    }
}
