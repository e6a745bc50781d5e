//! Finds the URLs in CSS: `url(…)`, `@import "…"` and the strings in `image-set(…)`.
//!
//! Follows CSS Syntax 3, 4.3 and CSS Images 4, 2.4. It reads comments, strings, escapes and both forms of `url()` as
//! the CSS tokenizer does, so a URL in a comment or a string does not count. `@namespace` names a namespace, not a
//! resource, and a URL that is only a fragment refers to the document itself. Invariant: linear, never panics, borrows
//! if there is no escape.

use std::borrow::Cow;

use memchr::memmem;

use crate::parse::scan::Decoder;

/// A URL and where it starts, in bytes.
pub type LocatedUrl<'a> = (Cow<'a, str>, usize);

/// Finds the URLs of a style sheet, a `style` element or a `style` attribute, in order.
///
/// None is empty; their length and number are not limited here.
#[must_use]
pub fn urls<'a, 'd>(css: &'a [u8], decoder: Decoder<'d>) -> Urls<'a, 'd> {
    Urls {
        css,
        at: 0,
        decoder,
        namespace: false,
        image_set: 0,
    }
}

/// The URLs of a style sheet, in order. Created by [`urls`].
pub struct Urls<'a, 'd> {
    css: &'a [u8],
    at: usize,
    decoder: Decoder<'d>,
    namespace: bool,
    /// The number of open parentheses in an `image-set(…)`, including its own; 0 outside.
    image_set: usize,
}

/// More bytes than any name has that matters here.
const LONGEST_NAME: usize = 24;

/// The bytes that can start, end or hide a URL.
static SIGNIFICANT: [bool; 256] = {
    let mut significant = [false; 256];
    significant[b'(' as usize] = true;
    significant[b')' as usize] = true;
    significant[b'"' as usize] = true;
    significant[b'\'' as usize] = true;
    significant[b'/' as usize] = true;
    significant[b'@' as usize] = true;
    significant[b'\\' as usize] = true;
    significant[b';' as usize] = true;
    significant
};

impl<'a> Iterator for Urls<'a, '_> {
    type Item = LocatedUrl<'a>;

    fn next(&mut self) -> Option<LocatedUrl<'a>> {
        self.next_span().map(|(url, start, _)| (url, start))
    }
}

impl<'a> Urls<'a, '_> {
    /// The next URL, and its range as written, without quotes.
    pub(in crate::parse) fn next_span(&mut self) -> Option<(Cow<'a, str>, usize, usize)> {
        loop {
            let rest = self.css.get(self.at..)?;
            let before = self.at;
            let at = before + rest.iter().position(|&b| SIGNIFICANT[usize::from(b)])?;
            self.at = at + 1;
            let range = match self.css[at] {
                b'/' => {
                    self.at = after_comment(self.css, at);
                    None
                }
                b'\\' => self.read_escaped_name(before, at),
                b'"' | b'\'' => {
                    let (text, after) = read_string(self.css, at);
                    self.at = after;
                    text.filter(|_| self.image_set == 1)
                }
                b'@' => self.read_at_rule(at),
                b'(' => self.enter_function(name_before(&self.css[..at]), at),
                b')' => {
                    self.image_set = self.image_set.saturating_sub(1);
                    None
                }
                b';' => {
                    (self.namespace, self.image_set) = (false, 0);
                    None
                }
                _ => None,
            };
            if let Some((start, end)) = range
                && !self.namespace
            {
                let url = self.decode_url(&self.css[start..end]);
                if !url.is_empty() && !url.starts_with('#') {
                    return Some((url, start, end));
                }
            }
        }
    }

    /// The range of the URL after the `(` at `at`, if the function takes a URL.
    fn enter_function(&mut self, name: &[u8], at: usize) -> Option<(usize, usize)> {
        if name.eq_ignore_ascii_case(b"url") {
            return self.read_url(at + 1);
        }
        let is_image_set = name.eq_ignore_ascii_case(b"image-set")
            || name.eq_ignore_ascii_case(b"-webkit-image-set");
        if is_image_set || self.image_set > 0 {
            self.image_set += 1;
        }
        None
    }

    /// Reads a name that has an escape at `at`, as in `u\72l(`. It does not start before `from`.
    fn read_escaped_name(&mut self, from: usize, at: usize) -> Option<(usize, usize)> {
        let css = self.css;
        let before = css[from..at].iter().rev();
        let start = at - before.take_while(|&&byte| is_name(byte)).count();
        let mut name = String::new();
        let mut end = start;
        while let Some(&byte) = css.get(end).filter(|&&byte| is_name(byte)) {
            let after = match byte {
                b'\\' => after_escape(css, end),
                _ => end + 1,
            };
            if name.len() < LONGEST_NAME {
                match byte {
                    b'\\' => {
                        resolve_escape(&css[end + 1..], &mut name);
                    }
                    _ => name.push(char::from(byte)),
                }
            }
            end = after;
        }
        self.at = end.max(at + 1);
        if start > 0 && css[start - 1] == b'@' {
            return self.handle_at_rule(name.as_bytes(), end);
        }
        if css.get(end) != Some(&b'(') {
            return None;
        }
        self.at = end + 1;
        self.enter_function(name.as_bytes(), end)
    }

    /// Reads `@import "x"`. The other form of `@import` has a normal `url()`.
    fn read_at_rule(&mut self, at: usize) -> Option<(usize, usize)> {
        let word = &self.css[at + 1..];
        let length = word
            .iter()
            .position(|&byte| !is_name(byte) || byte == b'\\');
        let length = length.unwrap_or(word.len());
        if word.get(length) == Some(&b'\\') {
            return None; // read when the escape is reached
        }
        self.handle_at_rule(&word[..length], at + 1 + length)
    }

    /// Handles an at-rule whose name ends at `end`.
    fn handle_at_rule(&mut self, name: &[u8], end: usize) -> Option<(usize, usize)> {
        if name.eq_ignore_ascii_case(b"namespace") {
            self.namespace = true;
        }
        if !name.eq_ignore_ascii_case(b"import") {
            return None;
        }
        self.at = after_spaces_and_comments(self.css, end);
        match self.css.get(self.at) {
            Some(b'"' | b'\'') => {
                let (range, after) = read_string(self.css, self.at);
                self.at = after;
                range
            }
            _ => None,
        }
    }

    /// The range of the URL after `url(` (4.3.6): a string, or the bare text up to `)`.
    fn read_url(&mut self, from: usize) -> Option<(usize, usize)> {
        let css = self.css;
        let start = after_space(css, from);
        if let Some(b'"' | b'\'') = css.get(start) {
            let (range, after) = read_string(css, start);
            self.at = after;
            return range;
        }
        let mut at = start;
        loop {
            match css.get(at) {
                None | Some(b')') => {
                    self.at = at + 1;
                    return Some((start, at.min(css.len())));
                }
                Some(byte) if is_space(*byte) => {
                    let after = after_space(css, at);
                    if matches!(css.get(after), None | Some(b')')) {
                        self.at = after + 1;
                        return Some((start, at));
                    }
                    at = after;
                    break;
                }
                Some(b'\\') if !matches!(css.get(at + 1), Some(b'\n' | b'\r' | b'\x0C')) => {
                    at = after_escape(css, at);
                }
                Some(b'"' | b'\'' | b'(' | b'\\' | 1..=8 | 0x0B | 0x0E..=0x1F | 0x7F) => break,
                Some(_) => at += 1,
            }
        }
        // The remnants of a bad url (4.3.14) extend to the next ")" that is not escaped.
        while let Some(&byte) = css.get(at) {
            at += match byte {
                b')' => break,
                b'\\' => 2,
                _ => 1,
            };
        }
        self.at = at + 1;
        None
    }

    /// The text of a URL, with escapes resolved (4.3.7).
    fn decode_url(&self, raw: &'a [u8]) -> Cow<'a, str> {
        if !raw.contains(&b'\\') {
            return (self.decoder)(raw);
        }
        let mut decoded = String::with_capacity(raw.len());
        let mut rest = raw;
        while let Some(at) = memchr::memchr(b'\\', rest) {
            decoded.push_str(&(self.decoder)(&rest[..at]));
            rest = &rest[at + 1..];
            rest = &rest[resolve_escape(rest, &mut decoded)..];
        }
        decoded.push_str(&(self.decoder)(rest));
        Cow::Owned(decoded)
    }
}

/// Resolves the escape after a backslash. Returns how many bytes it took.
fn resolve_escape(after: &[u8], output: &mut String) -> usize {
    let digits = hex_digits(after);
    if digits > 0 {
        let value = after[..digits].iter().fold(0, |value, &byte| {
            value * 16 + char::from(byte).to_digit(16).unwrap_or(0)
        });
        let value = char::from_u32(value).filter(|&c| c != '\0');
        output.push(value.unwrap_or('\u{FFFD}'));
        return digits + line_end_or_space(&after[digits..]);
    }
    match after.first() {
        // In a string, an escaped line end means nothing.
        Some(b'\n' | b'\r' | b'\x0C') => line_end_or_space(after),
        Some(&byte) if byte.is_ascii() => {
            output.push(char::from(byte));
            1
        }
        // A longer character follows, and is copied as it is.
        _ => 0,
    }
}

/// The position after the escape whose backslash is at `at`.
fn after_escape(css: &[u8], at: usize) -> usize {
    let after = &css[at + 1..];
    let length = match hex_digits(after) {
        0 => line_end_or_space(after).max(1),
        digits => digits + line_end_or_space(&after[digits..]),
    };
    at + 1 + length
}

fn hex_digits(text: &[u8]) -> usize {
    text.iter()
        .take(6)
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count()
}

fn line_end_or_space(text: &[u8]) -> usize {
    match text {
        [b'\r', b'\n', ..] => 2,
        [byte, ..] if is_space(*byte) => 1,
        _ => 0,
    }
}

/// Reads a string token (4.3.5).
///
/// Returns the range of its text, unless a bare line end makes it invalid, and where it ends.
fn read_string(css: &[u8], open: usize) -> (Option<(usize, usize)>, usize) {
    let quote = css[open];
    let start = open + 1;
    let mut at = start;
    while let Some(&byte) = css.get(at) {
        match byte {
            b'\\' => at = after_escape(css, at),
            b'\n' | b'\r' | b'\x0C' => return (None, at),
            byte if byte == quote => return (Some((start, at)), at + 1),
            _ => at += 1,
        }
    }
    (Some((start, css.len())), css.len())
}

fn after_comment(css: &[u8], at: usize) -> usize {
    if css.get(at + 1) != Some(&b'*') {
        return at + 1;
    }
    memmem::find(&css[at + 2..], b"*/").map_or(css.len(), |offset| at + 2 + offset + 2)
}

/// Skips white space and comments.
fn after_spaces_and_comments(css: &[u8], mut at: usize) -> usize {
    loop {
        at = after_space(css, at);
        if css[at.min(css.len())..].starts_with(b"/*") {
            at = after_comment(css, at);
        } else {
            return at;
        }
    }
}

fn after_space(css: &[u8], mut at: usize) -> usize {
    while css.get(at).is_some_and(|&byte| is_space(byte)) {
        at += 1;
    }
    at
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0C')
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'\\') || !byte.is_ascii()
}

/// The name at the end of a text, up to the length of a function name that matters.
fn name_before(text: &[u8]) -> &[u8] {
    let end = &text[text.len().saturating_sub(LONGEST_NAME)..];
    let length = end.iter().rev().take_while(|&&byte| is_name(byte)).count();
    &end[end.len() - length..]
}

#[cfg(test)]
mod tests {
    use crate::parse::scan::utf8;

    fn urls(css: &str) -> Vec<String> {
        super::urls(css.as_bytes(), &utf8)
            .map(|(url, _)| url.into_owned())
            .collect()
    }

    #[test]
    fn a_style_sheet_is_read_as_in_a_browser() {
        for (css, expected) in [
            ("a{background:url(x.png)}", vec!["x.png"]),
            ("a{background:URL(  'x y.png' )}", vec!["x y.png"]),
            ("url( x )url(\"y\")", vec!["x", "y"]),
            (
                "@import 'a.css' screen; @IMPORT/**/\"b.css\";",
                vec!["a.css", "b.css"],
            ),
            ("@import url(c.css); @important \"d\"", vec!["c.css"]),
            ("/* url(x) */ url(y) /* url(z)", vec!["y"]),
            ("content: \"url(x)\"; b: url(y)", vec!["y"]),
            ("a: 'it\\'s url(x)' url(y)", vec!["y"]),
            ("url(a\\29 b) url(\\41 \\000042c)", vec!["a)b", "ABc"]),
            ("url(\"a\\\nb\") url('\\\"')", vec!["ab", "\""]),
            ("url(a b) url(c) url(d\"e) url(f", vec!["c", "f"]),
            ("'open\nurl(x)", vec!["x"]),
            ("curl(x) -url(y) url (z)", vec![]),
            (
                "@namespace svg url(http://www.w3.org/2000/svg); a{b:url(c)}",
                vec!["c"],
            ),
            (
                "url(data:image/png;base64,AA==)",
                vec!["data:image/png;base64,AA=="],
            ),
            (
                "u\\72l(a) \\75RL( 'b' ) u\\000072 l(c)",
                vec!["a", "b", "c"],
            ),
            (
                "@\\69mport 'd'; @im\\70 ort \"e\"; @n\\61mespace url(f);",
                vec!["d", "e"],
            ),
            ("cu\\72l(a) \\url(b) ur\\6c (c) u\\72l", vec!["b", "c"]),
            (
                "image-set(\"a\" 1x, url(b) 2x, 'c' type(\"image/png\")) \"d\"",
                vec!["a", "b", "c"],
            ),
            ("-webkit-image-set('a' 1x);content:'b' x('c')", vec!["a"]),
            ("image\\-set('a')", vec!["a"]),
            ("fill:url(#a) url('#b') url(c#d)", vec!["c#d"]),
            ("url(\\", vec![]),
            ("url(\\é)", vec!["é"]),
            ("url(", vec![]),
            ("\\", vec![]),
            ("@import", vec![]),
        ] {
            assert_eq!(urls(css), expected, "{css:?}");
        }
    }
}
