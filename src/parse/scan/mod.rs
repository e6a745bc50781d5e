//! The HTML scanner: the WHATWG tokenizer (HTML 13.2.5), reduced to what separates tags from text.
//!
//! It goes through the page once, from `<` to `<`, and passes each tag to a [`Visitor`], which pulls the attributes
//! that it needs. Nothing is decoded, lower-cased or allocated for a tag that nobody asks about.
//!
//! Invariant: on every input it sees the tags, attributes and raw texts that the standard's tokenizer sees, in time
//! linear in the input; it never panics. The standard's tokenizer leaves two questions to the tree builder, and there
//! is no tree here. Which elements contain raw text is decided by name (scripting is off: `noscript` is ordinary
//! content). Whether a position is inside `svg` or `math` is decided by `foreign.rs`, an approximation that documents
//! its differences. Elements that a tree builder drops, such as most of those around `frameset`, are reported as
//! written.
//!
//! An XML document, XHTML or SVG, is scanned by the rules of XML where they differ: an element that ends in `/>` is
//! empty, whatever its name; only `title`, `style` and `script` have their text reported as a whole; and a CDATA
//! section may occur anywhere. The document need not be well-formed. Prefixes of names are ignored.
//!
//! The input is bytes of any encoding in which `<`, `>`, quotes, `&` and white space are the ASCII bytes and nothing
//! else uses those bytes: UTF-8, the windows and ISO 8859 sets, GBK, Shift_JIS. UTF-16 and ISO-2022-JP must be decoded
//! first.

mod byte;
mod declaration;
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

pub(in crate::parse) use declaration::inside_cdata;
use foreign::Foreign;
pub use markup::Markup;
pub use name::Name;
pub(in crate::parse) use reference::with_lifetime;
pub use reference::{Decoder, TextContext, decode, utf8};
pub use tag::{Attribute, Tag};

/// Receives what the scanner finds. Breaking ends the scan.
pub trait Visitor<'a> {
    /// Called at a start tag, whose attributes can be pulled.
    ///
    /// A tag that the input ends inside of does not count: rely on it only after [`Tag::close`] returns true.
    fn start_tag(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()>;

    /// Called with the text in a raw text element (`script`, `title`, …), as written.
    ///
    /// In `title` and `textarea`, character references are still encoded. `offset` is where the text starts, in bytes.
    fn raw_text(&mut self, name: Name, text: &'a [u8], offset: usize) -> ControlFlow<()>;

    /// Called with the text in a `style` of SVG, as written.
    ///
    /// Unlike that of HTML, it has character references, and may have CDATA sections. Tags in it are reported too.
    fn foreign_style(&mut self, text: &'a [u8], offset: usize) -> ControlFlow<()> {
        let _ = (text, offset);
        ControlFlow::Continue(())
    }

    /// Called with text between tags, as written, without comments and CDATA sections.
    ///
    /// Character references are still encoded. Each call has a piece between one tag and the next, never empty.
    /// `offset` is where it starts, in bytes.
    fn text(&mut self, text: &'a [u8], offset: usize) -> ControlFlow<()> {
        let _ = (text, offset);
        ControlFlow::Continue(())
    }

    /// Called after an end tag. The name is as written.
    fn end_tag(&mut self, name: &'a [u8]) -> ControlFlow<()> {
        let _ = name;
        ControlFlow::Continue(())
    }
}

/// Scans a page from its first byte to its last, or until the visitor breaks.
pub fn scan<'a, V: Visitor<'a>>(html: &'a [u8], visitor: &mut V) {
    scan_as(Markup::Html, html, visitor);
}

/// Like [`scan`], by the given rules.
pub fn scan_as<'a, V: Visitor<'a>>(markup: Markup, text: &'a [u8], visitor: &mut V) {
    let mut scanner = Scanner {
        markup,
        foreign: Foreign::of(markup),
        reported_style_end: 0,
    };
    // The flow only says why the scan ended; the caller's visitor already knows that.
    let _ = scanner.run(text, visitor);
}

/// The state of one scan.
struct Scanner {
    markup: Markup,
    foreign: Foreign,
    /// The end of the last SVG style that was reported.
    reported_style_end: usize,
}

impl Scanner {
    fn run<'a, V: Visitor<'a>>(&mut self, html: &'a [u8], visitor: &mut V) -> ControlFlow<()> {
        let is_xml = self.markup == Markup::Xml;
        let mut at = 0;
        let mut text = 0;
        while let Some(open) = next_open(html, at) {
            // 13.2.5.6 and 7: before anything else, "<" is just a character of the text.
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
                b'/' => end_tag(html, open, &mut self.foreign, visitor)?,
                b'!' if is_xml => declaration::after_xml_declaration(html, open),
                b'!' => declaration::after_declaration(html, open, self.foreign.allows_cdata()),
                b'?' if is_xml => declaration::after_instruction(html, open),
                b'?' => declaration::after_bogus_comment(html, open + 1),
                _ => self.start_tag(html, open, visitor)?,
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

    /// Reads a start tag and, if it starts raw text, that text.
    ///
    /// Returns where the scan continues; `None` at the end of the input.
    #[inline]
    fn start_tag<'a, V: Visitor<'a>>(
        &mut self,
        html: &'a [u8],
        open: usize,
        visitor: &mut V,
    ) -> ControlFlow<(), Option<usize>> {
        let mut tag = Tag::open(html, open, open + 1);
        if self.foreign.is_inside() {
            tag.set_foreign(self.foreign.enter(&tag));
        }
        visitor.start_tag(&mut tag)?;
        let Some(after) = tag.end() else {
            return ControlFlow::Continue(None);
        };
        if tag.name() == Name::Other && !self.foreign.is_inside() {
            return ControlFlow::Continue(Some(after));
        }
        self.foreign.opened(&tag);
        if tag.is_foreign() {
            if tag.name() == Name::Style
                && !tag.is_self_closing()
                && after >= self.reported_style_end
            {
                // The end is searched for only once, however many styles open before it.
                let end = raw::end_of_text(html, after, b"style");
                self.reported_style_end = end;
                visitor.foreign_style(&html[after..end], after)?;
            }
            return ControlFlow::Continue(Some(after));
        }
        if self.markup == Markup::Xml {
            return xml_text(html, &tag, after, visitor);
        }
        let end = match tag.name() {
            Name::Plaintext => html.len(),
            Name::Script => raw::end_of_script(html, after),
            name => match name.raw_text() {
                Some(end_name) => raw::end_of_text(html, after, end_name),
                None => return ControlFlow::Continue(Some(after)),
            },
        };
        visitor.raw_text(tag.name(), &html[after..end], after)?;
        ControlFlow::Continue(Some(end))
    }
}

/// Reads the text of an XHTML element whose text is reported as a whole.
#[cold]
fn xml_text<'a, V: Visitor<'a>>(
    text: &'a [u8],
    tag: &Tag<'a>,
    after: usize,
    visitor: &mut V,
) -> ControlFlow<(), Option<usize>> {
    let end_name: &[u8] = match tag.name() {
        Name::Title => b"title",
        Name::Style => b"style",
        Name::Script => b"script",
        _ => return ControlFlow::Continue(Some(after)),
    };
    if tag.is_self_closing() {
        return ControlFlow::Continue(Some(after));
    }
    let end = raw::end_of_xml_text(text, after, end_name);
    match tag.name() {
        Name::Style => visitor.foreign_style(&text[after..end], after)?,
        name => {
            let (content, offset) = declaration::inside_cdata(&text[after..end]);
            visitor.raw_text(name, content, after + offset)?;
        }
    }
    ControlFlow::Continue(Some(end))
}

/// The position of the next `<` at or after `at`.
#[inline]
fn next_open(html: &[u8], at: usize) -> Option<usize> {
    // Tags often follow each other directly; a look costs less than a call.
    match html.get(at) {
        Some(b'<') => Some(at),
        Some(_) => memchr(b'<', &html[at..]).map(|offset| at + offset),
        None => None,
    }
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
        return ControlFlow::Continue(declaration::after_bogus_comment(html, open + 2));
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
