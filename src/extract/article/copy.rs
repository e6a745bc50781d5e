//! Copies a page's tree into the form that the libraries work on.
//!
//! In the copy, references are absolute, pictures that wait for a script have the URL that the script would set,
//! and anything that is not text is left out. Invariant: a copy is never deeper than its page, and one that would
//! take long to process is refused: everything done to it takes time proportional to its elements and its text,
//! times their depth.

use dom_query::{Document, NodeId};
use ego_tree::iter::Edge;
use html5ever::tree_builder::{ElementFlags, NodeOrText, TreeSink};
use html5ever::{Attribute, LocalName, QualName, local_name};
use scraper::node::{Element, Node};

use super::super::base::Base;
use super::super::tree::Tree;

/// The most elements and texts.
///
/// Each takes about 700 bytes until the article is found.
const NODES: usize = 500_000;

/// The largest sum of the depths of all elements.
const DEPTHS: usize = 16_000_000;

/// The largest sum of the bytes of all texts, each times its depth.
const TEXTS: usize = 256 << 20;

/// Nesting depth of elements that Markdown has syntax for.
///
/// The syntax of each is written by recursion; deeper elements are written without it.
const SYNTAX_DEPTH: usize = 16;

/// An open element.
struct OpenElement {
    copy: NodeId,
    syntax_depth: usize,
}

/// Copies a page.
///
/// # Errors
/// If it is too large.
pub(super) fn document(tree: &Tree, base: &Base) -> Result<Document, String> {
    let document = Document::default();
    let mut open = vec![OpenElement {
        copy: document.get_document(),
        syntax_depth: 0,
    }];
    // The number of open elements that are left out.
    let mut hidden = 0_usize;
    let (mut nodes, mut depths, mut texts) = (0_usize, 0_usize, 0_usize);
    for edge in tree.html.tree.root().traverse() {
        let Some(parent) = open.last() else { break };
        match edge {
            Edge::Open(node) => match node.value() {
                Node::Element(element) if hidden > 0 || is_hidden(element) => hidden += 1,
                Node::Element(element) => {
                    nodes += 1;
                    depths += open.len();
                    let has_syntax = has_syntax(element);
                    // Rows of a table that has lost its syntax would be taken for rows of the enclosing table.
                    let is_deep = has_syntax && parent.syntax_depth >= SYNTAX_DEPTH
                        || is_row(element) && parent.syntax_depth > SYNTAX_DEPTH;
                    let name = if is_deep {
                        plain_name(&element.name)
                    } else {
                        element.name.clone()
                    };
                    let copy = document.create_element(
                        name,
                        attributes(element, base),
                        ElementFlags::default(),
                    );
                    document.append(&parent.copy, NodeOrText::AppendNode(copy));
                    let syntax_depth = parent.syntax_depth + usize::from(has_syntax);
                    open.push(OpenElement { copy, syntax_depth });
                }
                Node::Text(text) if hidden == 0 && open.len() > 1 => {
                    nodes += 1;
                    texts = texts.saturating_add(text.len().saturating_mul(open.len()));
                    document.append(&parent.copy, NodeOrText::AppendText(text.text.clone()));
                }
                _ => {}
            },
            Edge::Close(node) if node.value().is_element() => {
                if hidden > 0 {
                    hidden -= 1;
                } else {
                    open.pop();
                }
            }
            Edge::Close(_) => {}
        }
        if nodes > NODES || depths > DEPTHS || texts > TEXTS {
            return Err(too_large(nodes));
        }
    }
    Ok(document)
}

fn too_large(nodes: usize) -> String {
    if nodes > NODES {
        format!(
            "the page has more than {NODES} elements and texts: too many for an article or Markdown"
        )
    } else {
        "the page has too much, too deep in each other, for an article or Markdown".to_owned()
    }
}

/// Whether it is invisible, or not text.
fn is_hidden(element: &Element) -> bool {
    let apart = matches!(
        element.name(),
        "script"
            | "style"
            | "template"
            | "svg"
            | "base"
            | "noframes"
            | "noembed"
            | "select"
            | "datalist"
    );
    apart
        || element
            .attr("hidden")
            .is_some_and(|how| how != "until-found")
        || element.attr("style").is_some_and(is_not_displayed)
}

fn is_not_displayed(style: &str) -> bool {
    style.split(';').any(|declaration| {
        declaration.split_once(':').is_some_and(|(name, value)| {
            name.trim().eq_ignore_ascii_case("display")
                && value
                    .trim()
                    .get(..4)
                    .is_some_and(|start| start.eq_ignore_ascii_case("none"))
        })
    })
}

/// Whether Markdown has syntax for it that is written by recursion.
fn has_syntax(element: &Element) -> bool {
    matches!(
        element.name(),
        "a" | "b"
            | "blockquote"
            | "code"
            | "em"
            | "i"
            | "li"
            | "ol"
            | "pre"
            | "strong"
            | "table"
            | "ul"
    )
}

fn is_row(element: &Element) -> bool {
    matches!(
        element.name(),
        "tbody" | "td" | "tfoot" | "th" | "thead" | "tr"
    )
}

/// The name of a plain grouping element to use instead.
fn plain_name(name: &QualName) -> QualName {
    let local: LocalName = match &*name.local {
        "a" | "b" | "code" | "em" | "i" | "strong" => local_name!("span"),
        _ => local_name!("div"),
    };
    QualName::new(None, name.ns.clone(), local)
}

fn attributes(element: &Element, base: &Base) -> Vec<Attribute> {
    let is_picture = element.name() == "img";
    let mut attributes = Vec::with_capacity(element.attrs.len());
    for (name, value) in &element.attrs {
        let value = match &*name.local {
            "href" => match absolute(value, base) {
                Some(url) => url.as_str().into(),
                None => continue,
            },
            "src" | "srcset" if is_picture => continue,
            other if is_picture && other.starts_with("data-") => continue,
            _ => value.clone(),
        };
        let name = name.clone();
        attributes.push(Attribute { name, value });
    }
    if is_picture && let Some(source) = picture_url(element, base) {
        let name = QualName::new(None, html5ever::ns!(), local_name!("src"));
        let value = source.as_str().into();
        attributes.push(Attribute { name, value });
    }
    attributes
}

/// The absolute URL of a link; `None` if it would run a script.
fn absolute(reference: &str, base: &Base) -> Option<String> {
    let url = base.join(reference).ok()?;
    (!matches!(url.scheme(), "javascript" | "data")).then(|| url.into())
}

/// The URL of a picture.
///
/// Until a script has run, `src` is often only an empty picture embedded in the page.
fn picture_url(element: &Element, base: &Base) -> Option<String> {
    [
        "data-src",
        "data-lazy-src",
        "data-original",
        "src",
        "data-srcset",
        "srcset",
    ]
    .into_iter()
    .filter_map(|name| {
        let value = element.attr(name)?.trim();
        // HTML 4.8.4.3.10: the first candidate, without its descriptor.
        let first = value.split_ascii_whitespace().next()?;
        let one = if name.ends_with("srcset") {
            first.trim_end_matches(',')
        } else {
            value
        };
        absolute(one, base)
    })
    .next()
}
