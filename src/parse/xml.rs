//! A lenient XML reader: returns a document piece by piece, for as far as it can be read.
//!
//! A thin layer over quick-xml. Names and end tags are not checked, a lone `&` is a `&`, document types are skipped,
//! and nothing they define is expanded. Invariant: at most [`DEPTH`] levels deep and a single pass. Pieces returned
//! before an error are valid; [`Xml::is_broken`] reports whether there was an error. Prefixes stand for namespaces:
//! the usual prefix of a namespace is assumed.

use std::borrow::Cow;

use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::scan::{TextContext, decode, utf8};

/// The maximum nesting of elements; feeds and sitemaps need five or six levels.
const DEPTH: usize = 64;
/// Bytes of a body in which its first element is searched for.
///
/// Declarations and comments before it count.
const OPENING: usize = 16 << 10;

/// An XML document being read.
pub(super) struct Xml<'x> {
    reader: Reader<&'x [u8]>,
    depth: usize,
    broken: bool,
}

/// The next piece of an XML document.
pub(super) enum Piece<'x> {
    /// The start of an element. An empty element is closed right after.
    Open(Element<'x>),
    /// The end of the innermost element.
    Close,
    /// Text in the innermost element, or part of it.
    Text(Cow<'x, str>),
}

/// The start tag of an element.
pub(super) struct Element<'x>(BytesStart<'x>);

impl<'x> Xml<'x> {
    pub(super) fn new(text: &'x str) -> Self {
        let mut reader = Reader::from_str(text);
        let config = reader.config_mut();
        config.allow_dangling_amp = true;
        config.allow_unmatched_ends = true;
        config.check_comments = false;
        config.check_end_names = false;
        config.expand_empty_elements = true;
        Self {
            reader,
            depth: 0,
            broken: false,
        }
    }

    /// Whether the document is incomplete or could not be read to its end.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }
}

impl<'x> Iterator for Xml<'x> {
    type Item = Piece<'x>;

    fn next(&mut self) -> Option<Piece<'x>> {
        while !self.broken {
            match self.reader.read_event() {
                Ok(Event::Start(start)) if self.depth < DEPTH => {
                    self.depth += 1;
                    return Some(Piece::Open(Element(start)));
                }
                Ok(Event::End(_)) if self.depth > 0 => {
                    self.depth -= 1;
                    return Some(Piece::Close);
                }
                Ok(Event::Text(text)) if self.depth > 0 => {
                    return Some(Piece::Text(text.into_inner()));
                }
                Ok(Event::CData(text)) if self.depth > 0 => {
                    return Some(Piece::Text(text.into_inner()));
                }
                Ok(Event::GeneralRef(name)) if self.depth > 0 => {
                    return Some(Piece::Text(resolve_reference(&name.into_inner()).into()));
                }
                Ok(Event::Eof) => {
                    self.broken = self.depth > 0;
                    break;
                }
                // Deeper than any real document.
                Ok(Event::Start(_)) | Err(_) => self.broken = true,
                Ok(_) => {}
            }
        }
        None
    }
}

impl Element<'_> {
    /// The prefix, if any, and the local name.
    pub(super) fn name(&self) -> (Option<&str>, &str) {
        let (local, prefix) = self.0.name().decompose();
        (prefix.map(|prefix| prefix.into_inner()), local.into_inner())
    }

    /// The value of the first attribute with this name, prefix included.
    pub(super) fn attribute(&self, name: &str) -> Option<Cow<'_, str>> {
        // Checking for duplicates is quadratic in the number of attributes (RUSTSEC-2026-0194).
        let mut attributes = self.0.attributes();
        let value = attributes
            .with_checks(false)
            .flatten()
            .find(|attribute| attribute.key.into_inner() == name)?
            .value;
        Some(match value {
            Cow::Borrowed(value) => decode(value.as_bytes(), TextContext::Attribute, &utf8),
            Cow::Owned(value) => decode(value.as_bytes(), TextContext::Attribute, &utf8)
                .into_owned()
                .into(),
        })
    }
}

/// The name of the first element, without its prefix.
pub(super) fn root_name(text: &str) -> Option<String> {
    Xml::new(text).find_map(|piece| match piece {
        Piece::Open(element) => Some(element.name().1.to_owned()),
        _ => None,
    })
}

/// Whether a body served as a page starts as a feed or a sitemap.
///
/// The first element decides, as it does when browsers detect a mislabelled feed (WHATWG MIME Sniffing 7.3). None of
/// these elements exists in HTML.
pub(super) fn opens_a_list(bytes: &[u8]) -> bool {
    const LISTS: [&[u8]; 5] = [b"urlset", b"sitemapindex", b"rss", b"feed", b"RDF"];
    let mut rest = &bytes[..bytes.len().min(OPENING)];
    rest = rest.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(rest);
    loop {
        rest = rest.trim_ascii_start();
        let end: &[u8] = match rest {
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            [b'<', b'!', ..] => b">",
            [b'<', b'?', ..] => b"?>",
            [b'<', name @ ..] => {
                let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/');
                let name = &name[..name.iter().position(ends).unwrap_or(name.len())];
                let local = name.rsplit(|byte| *byte == b':').next().unwrap_or(name);
                return LISTS.contains(&local);
            }
            _ => return false,
        };
        let Some(at) = memchr::memmem::find(rest, end) else {
            return false;
        };
        rest = &rest[at + end.len()..];
    }
}

/// The text of a reference: one of XML's five entities (4.6) or a character; empty for any other.
fn resolve_reference(name: &str) -> String {
    let character = match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        name => name.strip_prefix('#').and_then(|number| {
            let value = match number.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(value.ok()?)
        }),
    };
    character.map(String::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces in a short notation, and whether the document is broken.
    fn read(text: &str) -> (String, bool) {
        let mut xml = Xml::new(text);
        let mut output = String::new();
        for piece in &mut xml {
            match piece {
                Piece::Open(element) => {
                    let (prefix, name) = element.name();
                    output += &format!(
                        "<{}{name}",
                        prefix
                            .map(|prefix| format!("{prefix}:"))
                            .unwrap_or_default()
                    );
                    if let Some(value) = element.attribute("a") {
                        output += &format!(" a={value}");
                    }
                }
                Piece::Close => output.push('>'),
                Piece::Text(text) => output += &text,
            }
        }
        (output, xml.is_broken())
    }

    #[test]
    fn a_document_is_read_piece_by_piece() {
        for (text, expected) in [
            (
                "<?xml version='1.0'?><!-- c --><r><x:e a='1&amp;2'/>t</r>",
                "<r<x:e a=1&2>t>",
            ),
            (
                "<r>a&amp;b&#x41;&#66;&lt;<![CDATA[&amp;<x>]]></r>",
                "<ra&bAB<&amp;<x>>",
            ),
            ("<r a='x' a='y' b=\"z\"/>", "<r a=x>"),
            ("<l>?a=1&b=2</l>", "<l?a=1&b=2>"),
            ("<l a='?a=1&b=2&copy=3'/>", "<l a=?a=1&b=2&copy=3>"),
            ("<a><b></a></b>", "<a<b>>"),
            ("</x><a/></y>", "<a>"),
            ("text", ""),
        ] {
            assert_eq!(read(text), (expected.to_owned(), false), "{text}");
        }
    }

    #[test]
    fn entities_of_a_document_type_are_not_expanded() {
        let bomb = "<!DOCTYPE r [<!ENTITY a 'x'><!ENTITY b '&a;&a;'><!ENTITY c SYSTEM 'file:///etc/passwd'>]><r>&b;&c;&nbsp;</r>";
        assert_eq!(read(bomb), ("<r>".to_owned(), false));
    }

    #[test]
    fn pieces_before_the_damage_are_returned() {
        for (text, expected) in [
            ("<a>x<b", "<ax"),
            ("<a>x", "<ax"),
            ("<a>x<!-- c", "<ax"),
            ("<a>x<b c='", "<ax"),
            ("<a>x<![CDATA[y", "<ax"),
            ("<a>x<?p", "<ax"),
        ] {
            assert_eq!(read(text), (expected.to_owned(), true), "{text}");
        }
    }

    #[test]
    fn endless_depth_or_attributes_cost_a_single_pass() {
        let (output, broken) = read(&"<d>".repeat(1_000_000));
        assert_eq!((output.len(), broken), (2 * DEPTH, true));
        let names: String = (0..400_000).map(|n| format!(" b{n}=''")).collect();
        let many = format!("<r{names} a='x'/>");
        assert_eq!(read(&many).0, "<r a=x>");
    }

    #[test]
    fn random_xml_pieces_never_panic() {
        const PIECES: &[&str] = &[
            "<",
            ">",
            "/>",
            "</",
            "<a",
            "<b:c ",
            "a=",
            "'",
            "\"",
            "&",
            ";",
            "&amp;",
            "&#",
            "&#x110000;",
            "<!",
            "<!--",
            "-->",
            "<![CDATA[",
            "]]>",
            "<?",
            "?>",
            "<?xml ",
            "<!DOCTYPE ",
            "[",
            "]",
            "é",
            "\u{feff}",
            "\0",
            "日",
            " ",
            "\n",
            "x",
            "=",
            ":",
        ];
        for _ in 0..100_000 {
            let soup: String = (0..fastrand::usize(0..16))
                .map(|_| PIECES[fastrand::usize(0..PIECES.len())])
                .collect();
            read(&soup);
        }
    }
}
