//! A page as a tree of bounded depth and size.
//!
//! The tree builder's time grows with the square of the depth (servo/html5ever#788), and misnested formatting
//! elements are re-created in every paragraph, so a few kilobytes could demand gigabytes. A scan of the tags cannot
//! predict how deep a tree will be, because tags that are left open are often closed by others. So the tree itself
//! is watched while it grows: the page is fed in pieces, and once the tree is deeper or larger than allowed, no
//! further piece is fed. Invariant: no function here recurses; nodes live in one arena, so dropping a tree does not
//! recurse either.

use std::collections::HashMap;

use ego_tree::iter::Edge;
use html5ever::driver;
use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::tree_builder::TreeSink;
use scraper::Html;

use super::attributes::Attributes;
use super::limits::Limits;
use super::source::PageFormat;
use super::watched_tree::{ATTRIBUTES, FinishedTree, Handle, Notes, Orders, WatchedTree, too_deep};
use super::xhtml::{self, Unread};

/// Bytes fed to the tree builder between two checks: they can open 1,400 elements.
const PIECE: usize = 4 << 10;

/// Approximate number of bytes that a node takes.
pub(super) const NODE: u64 = 200;

/// A page's tree, and what was observed about its shape.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) html: Html,
    /// The longest list of siblings: a selector with `~` may have to walk it for each of them.
    pub(super) siblings: usize,
    /// The `href` of the first `base` element that has one.
    pub(super) base: Option<String>,
    /// The line, from 1, on which each element's start tag ends, if requested.
    pub(super) lines: HashMap<Handle, u64>,
    /// The order in which the page has an element's attributes, if requested.
    pub(super) orders: Orders,
}

/// Builds the tree of a page of this kind.
///
/// # Errors
/// If the page is too long, too deep or too large; the text is the reason for the record.
pub(super) fn build(
    text: &str,
    source: PageFormat,
    limits: &Limits,
    notes: Notes,
) -> Result<Tree, String> {
    if text.len() > limits.page_bytes {
        return Err(format!(
            "the page has {} bytes, and at most {} are read into a tree",
            text.len(),
            limits.page_bytes
        ));
    }
    if source == PageFormat::Xhtml {
        let sink = WatchedTree::new(notes);
        match xhtml::fill(text, &sink, limits) {
            Ok(()) => return measure(sink.finish(), limits),
            Err(Unread::TooMuch(why)) => return Err(why),
            Err(Unread::NotXml) => {}
        }
    }
    let sink = WatchedTree::new(notes);
    let mut options = driver::ParseOpts::default();
    // Scripts do not run here, so the content of `noscript` applies.
    options.tree_builder.scripting_enabled = false;
    let mut parser = driver::parse_document(sink, options);
    let mut attributes = Attributes::default();
    let mut at = 0;
    // Where the piece starts in which the last token was emitted: a tag that is still open started there.
    let mut last_token_at = 0;
    while at < text.len() {
        let end = text.floor_char_boundary(at + PIECE);
        let before = parser.tokenizer.sink.sink.nodes.get();
        parser.process(StrTendril::from_slice(&text[at..end]));
        let sink = &parser.tokenizer.sink.sink;
        sink.check(limits)?;
        if sink.nodes.get() != before {
            last_token_at = at;
            attributes = Attributes::default();
        } else {
            let from = if attributes.is_new() {
                last_token_at
            } else {
                at
            };
            attributes.read(&text.as_bytes()[from..end]);
            if attributes.max_count() > ATTRIBUTES {
                return Err(format!(
                    "the page has a tag with more than {ATTRIBUTES} attributes"
                ));
            }
        }
        at = end;
    }
    measure(parser.finish(), limits)
}

/// Measures the finished tree: it may have been deeper between two checks.
fn measure(finished: FinishedTree, limits: &Limits) -> Result<Tree, String> {
    let FinishedTree {
        html,
        lines,
        orders,
    } = finished;
    let mut depth = 0;
    let mut siblings = 0;
    let mut base = None;
    // The number of children of each open element so far.
    let mut open: Vec<usize> = Vec::new();
    for edge in html.tree.root().traverse() {
        match edge {
            Edge::Open(node) if node.value().is_element() => {
                if let Some(children) = open.last_mut() {
                    *children += 1;
                    siblings = siblings.max(*children);
                }
                open.push(0);
                depth = depth.max(open.len());
                if base.is_none()
                    && let Some(element) = node.value().as_element()
                    && element.name() == "base"
                {
                    base = element.attr("href").map(str::to_owned);
                }
            }
            Edge::Close(node) if node.value().is_element() => {
                open.pop();
            }
            _ => {}
        }
    }
    if depth > limits.depth {
        return Err(too_deep(limits));
    }
    Ok(Tree {
        html,
        siblings,
        base,
        lines,
        orders,
    })
}
