//! Skips everything that starts with `<!` and is not a tag: comments, doctypes, CDATA sections.
//!
//! Invariant: each function returns the position after the construct, or `None` if the input ends inside it.

use memchr::{memchr, memchr_iter, memchr2, memmem};

/// Skips the construct that `<!` at `open` starts (HTML 13.2.5.42).
pub(super) fn after_declaration(html: &[u8], open: usize, cdata: bool) -> Option<usize> {
    let rest = &html[open + 2..];
    if rest.starts_with(b"--") {
        after_comment(html, open + 4)
    } else if cdata && rest.starts_with(b"[CDATA[") {
        after_cdata(html, open + 9)
    } else {
        // A doctype also ends at the first ">", in each of its states, even in quoted identifiers.
        after_bogus_comment(html, open + 2)
    }
}

/// Skips to after the next `>` (HTML 13.2.5.41).
pub(super) fn after_bogus_comment(html: &[u8], from: usize) -> Option<usize> {
    memchr(b'>', html.get(from..)?).map(|offset| from + offset + 1)
}

/// Skips a comment whose text starts at `text` (HTML 13.2.5.43 to 52).
///
/// The states for `<!` inside a comment only report errors, so it ends at `-->`, `--!>` or, right at the start, `>`
/// and `->`.
fn after_comment(html: &[u8], text: usize) -> Option<usize> {
    let content = &html[text..];
    if content.starts_with(b">") {
        return Some(text + 1);
    }
    if content.starts_with(b"->") {
        return Some(text + 2);
    }
    memchr_iter(b'>', content)
        .find(|&end| content[..end].ends_with(b"--") || content[..end].ends_with(b"--!"))
        .map(|end| text + end + 1)
}

/// Skips a CDATA section whose text starts at `text` (HTML 13.2.5.69 to 71).
fn after_cdata(html: &[u8], text: usize) -> Option<usize> {
    let content = &html[text..];
    memchr_iter(b'>', content)
        .find(|&end| content[..end].ends_with(b"]]"))
        .map(|end| text + end + 1)
}

/// Skips the construct that `<!` at `open` starts in XML.
///
/// A comment ends only at `-->`, and a document type may have declarations inside `[` and `]`.
pub(super) fn after_xml_declaration(text: &[u8], open: usize) -> Option<usize> {
    let rest = &text[open + 2..];
    if rest.starts_with(b"--") {
        let end = memmem::find(rest.get(2..)?, b"-->")?;
        return Some(open + 4 + end + 3);
    }
    if rest.starts_with(b"[CDATA[") {
        return after_cdata(text, open + 9);
    }
    let first = memchr2(b'>', b'[', rest)?;
    if rest[first] == b'>' {
        return Some(open + 2 + first + 1);
    }
    let subset = first + memchr(b']', &rest[first..])?;
    after_bogus_comment(text, open + 2 + subset)
}

/// Skips an XML processing instruction whose `<` is at `open`.
pub(super) fn after_instruction(text: &[u8], open: usize) -> Option<usize> {
    memmem::find(&text[open..], b"?>").map(|end| open + end + 2)
}

/// The content of a text that is a single CDATA section, and its offset.
///
/// Any other text is returned as it is, with offset 0.
pub(in crate::parse) fn inside_cdata(text: &[u8]) -> (&[u8], usize) {
    let start = text.len() - text.trim_ascii_start().len();
    let content = text.trim_ascii().strip_prefix(b"<![CDATA[");
    match content.and_then(|content| content.strip_suffix(b"]]>")) {
        Some(content) => (content, start + 9),
        None => (text, 0),
    }
}
