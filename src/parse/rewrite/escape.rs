//! Escapes inserted text for its context.

/// The context that a URL has to be escaped for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    /// A style sheet by itself.
    Css,
    /// A style sheet as text between tags.
    CssInMarkup,
}

/// Escapes text for use between tags and in quoted attributes.
pub(super) fn escape_markup(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '&' => text.push_str("&amp;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&#39;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            character => text.push(character),
        }
    }
    text
}
