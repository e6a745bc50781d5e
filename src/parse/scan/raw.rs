//! Finds the end of raw text: RCDATA, RAWTEXT and script data (HTML 13.2.5.2 to 4 and 9 to 31).
//!
//! Invariant: the result is the `<` of the matching end tag, or the end of the input; every byte is read a bounded
//! number of times.

use memchr::{memchr, memchr2};

use super::byte::is_space;

/// The only element whose text can be nested.
const SCRIPT: &[u8] = b"script";

/// The end of the text that starts at `from`, in an element with this name.
pub(super) fn end_of_text(html: &[u8], from: usize, name: &[u8]) -> usize {
    let mut at = from;
    while let Some(offset) = memchr(b'<', &html[at..]) {
        at += offset;
        if html.get(at + 1) == Some(&b'/') && is_tag_name(html, at + 2, name) {
            return at;
        }
        at += 1;
    }
    html.len()
}

/// The end of the text that starts at `from`, in an XML element with this name.
///
/// End tags inside comments and CDATA sections do not count.
pub(super) fn end_of_xml_text(text: &[u8], from: usize, name: &[u8]) -> usize {
    let mut at = from;
    while let Some(offset) = memchr(b'<', &text[at..]) {
        at += offset;
        match text.get(at + 1) {
            Some(b'/') if is_tag_name(text, at + 2, name) => return at,
            Some(b'!') => match super::declaration::after_xml_declaration(text, at) {
                Some(after) => at = after,
                None => return text.len(),
            },
            _ => at += 1,
        }
    }
    text.len()
}

/// The end of the script that starts at `from`.
///
/// `<!--` starts the escaped state. `<script` inside that starts the double escaped state, and then one `</script`
/// belongs to the text.
pub(super) fn end_of_script(html: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(offset) = memchr(b'<', &html[at..]) {
        at += offset;
        match html.get(at + 1) {
            Some(b'/') if is_tag_name(html, at + 2, SCRIPT) => return at,
            Some(b'!') if html[at + 2..].starts_with(b"--") => match end_of_escaped(html, at + 2) {
                EscapedEnd::Unescaped(after) => at = after,
                EscapedEnd::ScriptEnd(end) => return end,
            },
            _ => at += 1,
        }
    }
    html.len()
}

/// How escaped script data ends.
enum EscapedEnd {
    /// At `-->`; script data continues here.
    Unescaped(usize),
    /// With the script, here.
    ScriptEnd(usize),
}

/// Goes through the escaped and double escaped states.
///
/// `from` is the first dash of `<!--`: those two dashes already count towards `-->`.
fn end_of_escaped(html: &[u8], from: usize) -> EscapedEnd {
    let mut at = from;
    let mut is_double_escaped = false;
    while let Some(offset) = memchr2(b'<', b'-', &html[at..]) {
        at += offset;
        if html[at] == b'-' {
            let dashes = html[at..].iter().take_while(|&&byte| byte == b'-').count();
            at += dashes;
            if dashes >= 2 && html.get(at) == Some(&b'>') {
                return EscapedEnd::Unescaped(at + 1);
            }
            continue;
        }
        let is_closing = html.get(at + 1) == Some(&b'/');
        if is_tag_name(html, at + 1 + usize::from(is_closing), SCRIPT) {
            match (is_double_escaped, is_closing) {
                (false, true) => return EscapedEnd::ScriptEnd(at),
                (false, false) => is_double_escaped = true,
                (true, true) => is_double_escaped = false,
                (true, false) => {}
            }
        }
        at += 1;
    }
    EscapedEnd::ScriptEnd(html.len())
}

/// Whether this name, in any case, is at `at` and ends there like a tag name.
fn is_tag_name(html: &[u8], at: usize, name: &[u8]) -> bool {
    html.get(at..at + name.len())
        .is_some_and(|word| word.eq_ignore_ascii_case(name))
        && html
            .get(at + name.len())
            .is_some_and(|&byte| is_space(byte) || byte == b'/' || byte == b'>')
}
