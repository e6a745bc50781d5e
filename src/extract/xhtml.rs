//! Builds the tree of an XHTML page by the rules of XML.
//!
//! A page whose tags are not well-formed is not XML; it is parsed by the rules of HTML instead, which lose nothing
//! of it. Named entities are those of HTML, which the XHTML document types declare. Invariant: the limits are those
//! of any tree, and time is linear in the page, apart from its depth. Edge: prefixes are mapped to namespaces by
//! their usual names (`svg:`, `math:`, `xhtml:`), and entities that a document type defines are not expanded.

use std::collections::HashSet;

use html5ever::tendril::StrTendril;
use html5ever::tree_builder::{ElementFlags, NodeOrText, TreeSink};
use html5ever::{Attribute, LocalName, Namespace, Prefix, QualName, ns};
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use web_atoms::NAMED_ENTITIES;

use super::limits::Limits;
use super::watched_tree::{ATTRIBUTES, Handle, WatchedTree, too_deep};

/// Why a page has no tree by the rules of XML.
pub(super) enum Unread {
    /// The page is not well-formed.
    NotXml,
    /// The page is too large or too deep; the text is the reason for the record.
    TooMuch(String),
}

/// An open element.
struct OpenElement {
    handle: Handle,
    name: String,
    /// The namespace of unprefixed names inside it.
    namespace: Namespace,
}

/// Fills a tree with a page.
///
/// # Errors
/// Why the tree was not filled, or only in part.
pub(super) fn fill(text: &str, sink: &WatchedTree, limits: &Limits) -> Result<(), Unread> {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.allow_dangling_amp = true;
    config.check_comments = false;
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    let mut filler = TreeFiller {
        sink,
        limits,
        open: Vec::new(),
        has_root: false,
    };
    let mut at = 0;
    let mut line = 1;
    loop {
        let event = reader.read_event().map_err(|_| Unread::NotXml)?;
        let position = usize::try_from(reader.buffer_position()).unwrap_or(text.len());
        let read = text.as_bytes().get(at..position).unwrap_or_default();
        line += memchr::memchr_iter(b'\n', read).count() as u64;
        at = position;
        sink.set_current_line(line);
        match event {
            Event::Start(start) => filler.start(&start, false)?,
            Event::Empty(start) => filler.start(&start, true)?,
            Event::End(end) => filler.end(end.name().into_inner())?,
            Event::Text(text) => filler.text(&text.into_inner()),
            Event::CData(text) => filler.text(&text.into_inner()),
            Event::GeneralRef(name) => {
                let name = name.into_inner();
                match character(&name) {
                    Some(text) => filler.text(&text),
                    None => filler.text(&format!("&{name};")),
                }
            }
            Event::Comment(comment) => filler.comment(&comment.into_inner()),
            Event::DocType(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof if filler.has_root => return Ok(()),
            Event::Eof => return Err(Unread::NotXml),
        }
        sink.check_size(limits).map_err(Unread::TooMuch)?;
    }
}

struct TreeFiller<'f> {
    sink: &'f WatchedTree,
    limits: &'f Limits,
    open: Vec<OpenElement>,
    /// Whether there has been an element yet.
    has_root: bool,
}

impl TreeFiller<'_> {
    fn start(&mut self, start: &BytesStart<'_>, is_empty: bool) -> Result<(), Unread> {
        if self.open.is_empty() && self.has_root {
            return Err(Unread::NotXml); // a second root
        }
        if self.open.len() >= self.limits.depth {
            return Err(Unread::TooMuch(too_deep(self.limits)));
        }
        let around = self
            .open
            .last()
            .map_or(ns!(html), |open| open.namespace.clone());
        let (namespace, attributes) = self.attributes(start, around)?;
        let full = start.name().into_inner();
        let (own, local) = match full.split_once(':') {
            Some((prefix, local)) => (
                usual_namespace(prefix).unwrap_or_else(|| namespace.clone()),
                local,
            ),
            None => (namespace.clone(), full),
        };
        let name = QualName::new(None, own, LocalName::from(local));
        let handle = self
            .sink
            .create_element(name, attributes, ElementFlags::default());
        let parent = self.parent();
        self.sink.append(&parent, NodeOrText::AppendNode(handle));
        self.has_root = true;
        if !is_empty {
            self.open.push(OpenElement {
                handle,
                name: full.to_owned(),
                namespace,
            });
        }
        Ok(())
    }

    /// The attributes of a tag, each once, and the namespace that the tag declares or inherits.
    fn attributes(
        &self,
        start: &BytesStart<'_>,
        around: Namespace,
    ) -> Result<(Namespace, Vec<Attribute>), Unread> {
        let mut namespace = around;
        let mut attributes = Vec::new();
        let mut names = HashSet::new();
        // The reader's own check for duplicates takes time quadratic in the number of attributes.
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|_| Unread::NotXml)?;
            if attributes.len() >= ATTRIBUTES {
                let why = format!("the page has a tag with more than {ATTRIBUTES} attributes");
                return Err(Unread::TooMuch(why));
            }
            let value = unescape(&attribute.value);
            let full = attribute.key.into_inner();
            if full == "xmlns" {
                namespace = Namespace::from(value.as_str());
            }
            let name = match full.split_once(':') {
                Some(("xlink", local)) => QualName::new(
                    Some(Prefix::from("xlink")),
                    ns!(xlink),
                    LocalName::from(local),
                ),
                // As in HTML, the prefix is part of the name.
                _ => QualName::new(None, ns!(), LocalName::from(full)),
            };
            if names.insert(name.clone()) {
                let value = StrTendril::from_slice(&value);
                attributes.push(Attribute { name, value });
            }
        }
        Ok((namespace, attributes))
    }

    fn end(&mut self, name: &str) -> Result<(), Unread> {
        match self.open.pop() {
            Some(open) if open.name == name => Ok(()),
            _ => Err(Unread::NotXml),
        }
    }

    fn text(&self, text: &str) {
        // Outside the root there is only white space.
        if let Some(open) = self.open.last()
            && !text.is_empty()
        {
            let text = NodeOrText::AppendText(StrTendril::from_slice(text));
            self.sink.append(&open.handle, text);
        }
    }

    fn comment(&self, text: &str) {
        let comment = self.sink.create_comment(StrTendril::from_slice(text));
        self.sink
            .append(&self.parent(), NodeOrText::AppendNode(comment));
    }

    fn parent(&self) -> Handle {
        let document = || self.sink.get_document();
        self.open.last().map_or_else(document, |open| open.handle)
    }
}

/// The namespace that a prefix usually stands for.
fn usual_namespace(prefix: &str) -> Option<Namespace> {
    match prefix {
        "svg" => Some(ns!(svg)),
        "math" | "mml" | "m" => Some(ns!(mathml)),
        "html" | "xhtml" | "h" => Some(ns!(html)),
        _ => None,
    }
}

/// An attribute's value with its references resolved.
fn unescape(value: &str) -> String {
    let mut plain = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let end = after.find(';').filter(|end| *end <= LONGEST_NAME);
        let named = end.and_then(|end| Some((character(&after[..end])?, end)));
        match named {
            Some((text, end)) => {
                plain.push_str(&text);
                rest = &after[end + 1..];
            }
            None => {
                plain.push('&');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}

/// Longer than any entity name, in bytes.
const LONGEST_NAME: usize = 40;

/// The text of a reference: a character by number, or by its XML or HTML name.
fn character(name: &str) -> Option<String> {
    if let Some(number) = name.strip_prefix('#') {
        let value = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => number.parse(),
        };
        return char::from_u32(value.ok()?).map(String::from);
    }
    if name.len() > LONGEST_NAME {
        return None;
    }
    let &(first, second) = NAMED_ENTITIES.get(format!("{name};").as_str())?;
    let first = char::from_u32(first).filter(|c| *c != '\0')?;
    let second = char::from_u32(second).filter(|c| *c != '\0');
    Some(std::iter::once(first).chain(second).collect())
}
