//! Parses the `content` of `<meta http-equiv="refresh">`: the shared declarative refresh steps (HTML 4.2.5.3).
//!
//! Invariant: what a browser would not follow is `None`.

/// Splits `5; url='x'` into the seconds and the URL; the URL is `None` for the page itself.
pub(in crate::parse) fn parse(content: &str) -> Option<(u32, Option<&str>)> {
    let text = content.trim_ascii_start();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let seconds = match &text[..digits] {
        // Only a dot may replace the number: ".5" means no wait.
        "" if text.starts_with('.') => 0,
        "" => return None,
        number => number.parse().unwrap_or(u32::MAX),
    };
    let text = text[digits..].trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    if text.is_empty() {
        return Some((seconds, None));
    }
    if !text.starts_with(|c: char| c == ';' || c == ',' || c.is_ascii_whitespace()) {
        return None;
    }
    let text = text.trim_ascii_start();
    let text = text
        .strip_prefix([';', ','])
        .unwrap_or(text)
        .trim_ascii_start();
    if text.is_empty() {
        return Some((seconds, None));
    }
    let url = unquote(after_url(text).unwrap_or(text));
    Some((seconds, Some(url)))
}

/// The text after `url =`.
///
/// `None` if the text does not start like this, and so is itself a URL.
fn after_url(text: &str) -> Option<&str> {
    let (word, rest) = text.split_at_checked(3)?;
    if !word.eq_ignore_ascii_case("url") {
        return None;
    }
    let rest = rest.trim_ascii_start().strip_prefix('=')?;
    Some(rest.trim_ascii_start())
}

fn unquote(text: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(content) = text.strip_prefix(quote) {
            return content.split(quote).next().unwrap_or(content);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_refresh_is_parsed_as_in_a_browser() {
        for (content, expected) in [
            ("5", Some((5, None))),
            (" 5 ; url=x", Some((5, Some("x")))),
            ("5;URL = 'x y'z", Some((5, Some("x y")))),
            ("0;url=\"x", Some((0, Some("x")))),
            ("5,x", Some((5, Some("x")))),
            ("5 x", Some((5, Some("x")))),
            ("5;", Some((5, None))),
            ("5.7.1; url=x", Some((5, Some("x")))),
            (".5; x", Some((0, Some("x")))),
            ("5; urlx", Some((5, Some("urlx")))),
            ("5; url x", Some((5, Some("url x")))),
            ("5; 'x'", Some((5, Some("x")))),
            ("99999999999", Some((u32::MAX, None))),
            ("5x", None),
            ("x", None),
            ("", None),
            ("-1; x", None),
        ] {
            assert_eq!(parse(content), expected, "{content:?}");
        }
    }
}
