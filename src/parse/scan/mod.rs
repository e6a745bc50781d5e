//! The HTML scanner: the WHATWG tokenizer (HTML 13.2.5), cut down to what tells tags from text.
//!
//! It walks the page once, from `<` to `<`, and hands each tag to a [`Visitor`], which pulls the attributes
//! it cares for; nothing is decoded, lowered or allocated for a tag nobody asks about.
//!
//! Invariant: on every input it sees the tags, attributes and raw texts that the standard's tokenizer sees,
//! in time linear in the input; it never panics. Edge: the tokenizer leaves two questions to the tree
//! builder, and there is no tree here. Which elements hold raw text is answered by name (scripting is off: `noscript`
//! is ordinary content); whether a place is inside `svg` or `math` is answered by `foreign.rs`, an approximation
//! that says where it differs. Elements that a tree builder drops, as most are around `frameset`, are taken as written.
//!
//! Input is bytes of any encoding in which `<`, `>`, quotes, `&` and white space are the ASCII bytes and nothing
//! else is: UTF-8, the windows and ISO 8859 sets, GBK, Shift_JIS. UTF-16 and ISO-2022-JP are decoded first.

#[cfg(test)]
pub(crate) mod differential;
mod foreign;
mod markup;
mod name;
#[cfg(test)]
pub(crate) mod oracle;
mod raw;
mod reference;
mod tag;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

use memchr::memchr;

use foreign::Foreign;
pub use name::Name;
pub use reference::{Decoder, Place, decode, utf8};
pub use tag::{Attribute, Tag};

/// What the scanner tells. Breaking ends the scan.
pub trait Visitor<'a> {
    /// A start tag was opened; its attributes can be pulled. A tag that the input ends inside is no tag:
    /// believe it only after [`Tag::close`] says so.
    fn start_tag(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()>;

    /// The text inside a raw text element (`script`, `style`, `title`, `textarea`, …), as written: in `title` and `textarea`
    /// character references are still encoded. `offset` is where it starts, in bytes.
    fn raw_text(&mut self, name: Name, text: &'a [u8], offset: usize) -> ControlFlow<()>;

    /// Text between tags, as written, with character references and without comments and CDATA sections: a piece from each
    /// tag to the next, never empty. `offset` is where it starts, in bytes.
    fn text(&mut self, text: &'a [u8], offset: usize) -> ControlFlow<()> {
        let _ = (text, offset);
        ControlFlow::Continue(())
    }

    /// An end tag was closed. The name is as written.
    fn end_tag(&mut self, name: &'a [u8]) -> ControlFlow<()> {
        let _ = name;
        ControlFlow::Continue(())
    }
}

/// Scans one page from its first byte to its last, or until the visitor breaks.
pub fn scan<'a, V: Visitor<'a>>(html: &'a [u8], visitor: &mut V) {
    // The flow only says why the walk ended; the caller's visitor knows that already.
    let _ = walk(html, visitor);
}

fn walk<'a, V: Visitor<'a>>(html: &'a [u8], visitor: &mut V) -> ControlFlow<()> {
    let mut foreign = Foreign::default();
    let mut at = 0;
    let mut text = 0;
    while let Some(open) = next_open(html, at) {
        // 13.2.5.6 and 7: what else follows a "<" leaves it a character of the text.
        match html.get(open + 1) {
            Some(byte) if byte.is_ascii_alphabetic() || b"!?".contains(byte) => {}
            Some(b'/') if open + 2 < html.len() => {}
            _ => {
                at = open + 1;
                continue;
            }
        }
        if text < open {
            visitor.text(&html[text..open], text)?;
        }
        let after = match html[open + 1] {
            b'/' => end_tag(html, open, &mut foreign, visitor)?,
            b'!' => markup::after_declaration(html, open, foreign.allows_cdata()),
            b'?' => markup::after_bogus_comment(html, open + 1),
            _ => start_tag(html, open, &mut foreign, visitor)?,
        };
        match after {
            Some(after) => (at, text) = (after, after),
            None => return ControlFlow::Break(()),
        }
    }
    if text < html.len() {
        visitor.text(&html[text..], text)?;
    }
    ControlFlow::Continue(())
}

/// Where the next `<` at or after `at` is.
#[inline]
fn next_open(html: &[u8], at: usize) -> Option<usize> {
    // Tags often follow each other at once; a look costs less than a call.
    match html.get(at) {
        Some(b'<') => Some(at),
        Some(_) => memchr(b'<', &html[at..]).map(|found| at + found),
        None => None,
    }
}

/// Reads one start tag and, where it opens raw text, that text. Answers where the scan goes on: `None` is the end of the input.
#[inline]
fn start_tag<'a, V: Visitor<'a>>(
    html: &'a [u8],
    open: usize,
    foreign: &mut Foreign,
    visitor: &mut V,
) -> ControlFlow<(), Option<usize>> {
    let mut tag = Tag::open(html, open, open + 1);
    if foreign.is_inside() {
        tag.set_foreign(foreign.enter(&tag));
    }
    visitor.start_tag(&mut tag)?;
    let Some(after) = tag.end() else {
        return ControlFlow::Continue(None);
    };
    if tag.name() == Name::Other && !foreign.is_inside() {
        return ControlFlow::Continue(Some(after));
    }
    foreign.opened(&tag);
    if tag.is_foreign() {
        return ControlFlow::Continue(Some(after));
    }
    let end = match tag.name() {
        Name::Plaintext => html.len(),
        Name::Script => raw::end_of_script(html, after),
        name => match name.raw_text() {
            Some(word) => raw::end_of_text(html, after, word),
            None => return ControlFlow::Continue(Some(after)),
        },
    };
    visitor.raw_text(tag.name(), &html[after..end], after)?;
    ControlFlow::Continue(Some(end))
}

/// Reads what follows `</`: an end tag, nothing, or a bogus comment (13.2.5.7).
#[inline]
fn end_tag<'a, V: Visitor<'a>>(
    html: &'a [u8],
    open: usize,
    foreign: &mut Foreign,
    visitor: &mut V,
) -> ControlFlow<(), Option<usize>> {
    if !html.get(open + 2).is_some_and(u8::is_ascii_alphabetic) {
        return ControlFlow::Continue(markup::after_bogus_comment(html, open + 2));
    }
    let mut tag = Tag::open(html, open, open + 2);
    let after = tag.end();
    if after.is_some() {
        if foreign.is_inside() {
            foreign.closed(tag.name_text());
        }
        visitor.end_tag(tag.name_text())?;
    }
    ControlFlow::Continue(after)
}
