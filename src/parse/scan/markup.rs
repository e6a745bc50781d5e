//! What starts with `<!` and is no tag: comments, the doctype, CDATA sections, bogus comments.
//!
//! Invariant: each function answers the byte after the construct, or `None` where the input ends inside it.

use memchr::{memchr, memchr_iter};

/// Skips what `<!` at `open` begins (HTML 13.2.5.42).
pub(super) fn after_declaration(html: &[u8], open: usize, cdata: bool) -> Option<usize> {
    let rest = &html[open + 2..];
    if rest.starts_with(b"--") {
        after_comment(html, open + 4)
    } else if cdata && rest.starts_with(b"[CDATA[") {
        after_cdata(html, open + 9)
    } else {
        // A doctype too ends at the first ">", in each of its states, quoted identifiers included.
        after_bogus_comment(html, open + 2)
    }
}

/// Skips to behind the next `>` (HTML 13.2.5.41).
pub(super) fn after_bogus_comment(html: &[u8], from: usize) -> Option<usize> {
    memchr(b'>', html.get(from..)?).map(|found| from + found + 1)
}

/// Skips a comment whose text starts at `text` (HTML 13.2.5.43 to 52). The states about `<!` inside a comment
/// only report nesting, so that an end is `-->`, `--!>` or, right at the start, `>` and `->`.
fn after_comment(html: &[u8], text: usize) -> Option<usize> {
    let inside = &html[text..];
    if inside.starts_with(b">") {
        return Some(text + 1);
    }
    if inside.starts_with(b"->") {
        return Some(text + 2);
    }
    memchr_iter(b'>', inside)
        .find(|&end| inside[..end].ends_with(b"--") || inside[..end].ends_with(b"--!"))
        .map(|end| text + end + 1)
}

/// Skips a CDATA section whose text starts at `text` (HTML 13.2.5.69 to 71).
fn after_cdata(html: &[u8], text: usize) -> Option<usize> {
    let inside = &html[text..];
    memchr_iter(b'>', inside)
        .find(|&end| inside[..end].ends_with(b"]]"))
        .map(|end| text + end + 1)
}
