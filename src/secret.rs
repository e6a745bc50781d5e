//! What may be shown of a text that may hold a password: everything but that.
//!
//! A text is shown because something is wrong with it, so nothing here may depend on its being a URL. Where it is not
//! clear what is a password and what is a path, more is hidden rather than less.

use std::borrow::Cow;

/// Stands where a secret was.
pub const HIDDEN: &str = "…";

/// What separates a password from a host, in all the ways that people and programs write it.
const SEPARATORS: [&str; 4] = ["@", "%40", "\u{ff20}", "\u{fe6b}"];

/// A text without the `user:password@` that may stand in it.
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
    // The last separator with a user and a password, or a user alone, before it: a password may have any character.
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

/// Where a text goes on after its scheme and slashes, which may lean either way; 0 where it has none.
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
    // The scheme may follow other words: what comes before it is shown.
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
