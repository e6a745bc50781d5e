//! Replaces the URLs of a style sheet.

use encoding_rs::Encoding;

use super::super::links::css::urls;
use super::super::scan::with_lifetime;
use super::edits::Edits;
use super::escape::{Escape, escape_markup};
use super::references::References;

/// The replacements for a style sheet that begins at `offset` in its document.
pub(super) fn find_edits(
    css: &[u8],
    encoding: &'static Encoding,
    references: &mut References<'_>,
    offset: usize,
    escape: Escape,
) -> Edits {
    let decoder = with_lifetime(|bytes| encoding.decode_without_bom_handling(bytes).0);
    let mut spans = urls(css, &decoder);
    let mut edits = Edits::default();
    while let Some((url, start, end)) = spans.next_span() {
        if let Some(new) = references.replace(&url) {
            let new = escape_url(&new.text);
            let new = match escape {
                Escape::Css => new,
                Escape::CssInMarkup => escape_markup(&new),
            };
            let new = encoding.encode(&new).0.into_owned();
            edits.0.push((offset + start, offset + end, new));
        }
    }
    edits
}

/// Escapes a URL for use in `url()`, with or without quotes.
fn escape_url(url: &str) -> String {
    let mut escaped = String::with_capacity(url.len());
    for character in url.chars() {
        if matches!(character, '"' | '\'' | '(' | ')' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
