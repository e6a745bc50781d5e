//! The name of an agent in robots.txt: its product token.

/// The product token of a `User-Agent` header: the name that selects the groups of a robots.txt.
///
/// It is the first name of the header or, if that starts like a browser's, the name after `compatible;`. A name
/// consists of ASCII letters, digits, `_` and `-`. If it is empty, only the groups for `*` count.
///
/// ```
/// use haul::robots::product_token;
///
/// assert_eq!(product_token("haul/0.1 (+https://example.org/bot)"), "haul");
/// assert_eq!(product_token("Mozilla/5.0 (compatible; ExampleBot/0.1; https://www.example.com/bot.html)"), "ExampleBot");
/// ```
#[must_use]
pub fn product_token(user_agent: &str) -> &str {
    let text = user_agent.trim_ascii_start();
    let first = name(text);
    if !first.eq_ignore_ascii_case("mozilla") {
        return first;
    }
    let mark = "compatible;";
    let compatible_name = text
        .as_bytes()
        .windows(mark.len())
        .position(|window| window.eq_ignore_ascii_case(mark.as_bytes()))
        .and_then(|at| text.get(at + mark.len()..))
        .map(|rest| name(rest.trim_ascii_start()));
    compatible_name
        .filter(|name| !name.is_empty())
        .unwrap_or(first)
}

/// The name at the start of a text; may be empty.
pub(super) fn name(text: &str) -> &str {
    &text[..name_length(text.as_bytes())]
}

/// The length in bytes of the name at the start of a text.
pub(super) fn name_length(text: &[u8]) -> usize {
    text.iter()
        .position(|&b| !(b.is_ascii_alphanumeric() || b == b'_' || b == b'-'))
        .unwrap_or(text.len())
}

/// Whether the value of a `User-agent` line means everyone. Words after the `*` are accepted, as Google does.
pub(super) fn is_everyone(value: &[u8]) -> bool {
    matches!(value, [b'*'] | [b'*', b' ' | b'\t', ..])
}

/// Whether the value of a `User-agent` line names this agent.
///
/// Case and whatever follows the name do not matter.
pub(super) fn is_named(value: &[u8], agent: &str) -> bool {
    let agent = name(agent).as_bytes();
    !agent.is_empty() && value[..name_length(value)].eq_ignore_ascii_case(agent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_token_is_the_first_name_or_the_one_after_compatible() {
        for (header, token) in [
            ("haul/0.1 (+https://example.org/)", "haul"),
            ("haul", "haul"),
            ("  My_Bot-2/1.0", "My_Bot-2"),
            ("archive.org_bot", "archive"),
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; Compatible;bingbot/2.0; +http://example.org/) Chrome/1",
                "bingbot",
            ),
            ("Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0", "Mozilla"),
            ("mozilla/5.0 (compatible; )", "mozilla"),
            ("Mozilla/5.0 (ünïcode compatible;é)", "Mozilla"),
            ("", ""),
            ("(nobody)", ""),
            ("ツ", ""),
        ] {
            assert_eq!(product_token(header), token, "{header}");
        }
    }

    #[test]
    fn names_are_compared_whole_and_case_insensitively() {
        for (value, expected) in [
            ("haul", true),
            ("HAUL", true),
            ("haul/2.1", true),
            ("haul and others", true),
            ("haul2", false),
            ("haul-images", false),
            ("hau", false),
            ("", false),
            ("*", false),
        ] {
            assert_eq!(is_named(value.as_bytes(), "haul"), expected, "{value}");
        }
        assert!(!is_named(b"", "") && !is_named(b"*", "*"));
        let everyone = ["*", "* # all", "*\tx"].map(|value| is_everyone(value.as_bytes()));
        assert_eq!(everyone, [true; 3]);
        assert!(!is_everyone(b"*bot") && !is_everyone(b""));
    }
}
