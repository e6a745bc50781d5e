//! Selectors: CSS in HTML, JSONPath in JSON, regular expressions in text.

use ego_tree::NodeRef;
use regex::{Captures, Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::css::{Caches, Css, take_from};
use super::filter::of_json;
use super::path::Path;
use super::selection::{Fault, Take};
use super::tree::Tree;
use crate::fields::{Kind, Value};

/// The most memory that one compiled regular expression may take, in bytes.
const LARGEST: usize = 1 << 20;

/// The format that a page is read as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// HTML, by CSS selectors.
    #[default]
    Html,
    /// XHTML that is served as XHTML: parsed by the rules of XML, but otherwise treated as HTML.
    Xhtml,
    /// JSON, by JSONPath.
    Json,
    /// Text of any kind, by regular expressions.
    Text,
}

/// A compiled selector.
#[derive(Debug)]
pub(super) enum Selector {
    /// The element, value or text that it is applied to.
    Itself,
    Css(Css),
    Path(Path),
    Regex(Regex),
}

/// A node of a page.
#[derive(Debug, Clone)]
pub(super) enum Node<'p> {
    /// The page as a tree.
    Page(&'p Tree),
    /// An element of a page.
    Element(NodeRef<'p, scraper::Node>, &'p Tree),
    /// A JSON value.
    Json(&'p serde_json::Value),
    /// The page as text.
    Text(&'p str),
    /// A match of a regular expression, and its groups by number and name.
    Match(&'p str, Vec<(Option<String>, &'p str)>),
}

impl Source {
    /// The name, as recipes spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Source::Html => "html",
            Source::Xhtml => "xhtml",
            Source::Json => "json",
            Source::Text => "text",
        }
    }

    /// The kind of value that its selectors yield.
    pub(super) const fn kind(self) -> Kind {
        match self {
            Source::Html | Source::Xhtml | Source::Text => Kind::Text,
            Source::Json => Kind::Json,
        }
    }

    /// Whether it is a markup page: HTML or XHTML.
    pub const fn is_page(self) -> bool {
        matches!(self, Source::Html | Source::Xhtml)
    }
}

impl Selector {
    /// Compiles a selector in the language of a source.
    ///
    /// # Errors
    /// Where and why it is not valid.
    pub(super) fn compile(source: Source, text: &str) -> Result<Self, Fault> {
        if text.is_empty() {
            return Ok(Selector::Itself);
        }
        match source {
            Source::Html | Source::Xhtml => Css::compile(text).map(Selector::Css),
            Source::Json => Path::compile(text).map(Selector::Path),
            Source::Text => expression(text)
                .map(Selector::Regex)
                .map_err(|problem| Fault { at: 0, problem }),
        }
    }

    /// The nodes it matches, in page order, at most `limit` of them.
    ///
    /// # Errors
    /// Why it was not tried.
    pub(super) fn nodes<'p>(
        &self,
        node: &Node<'p>,
        caches: &mut Caches,
        limit: usize,
    ) -> Result<Vec<Node<'p>>, String> {
        Ok(match (self, node) {
            (Selector::Itself, node) => vec![node.clone()],
            (Selector::Css(css), Node::Page(tree)) => css
                .select(tree.html.tree.root(), tree.siblings, caches, limit)?
                .into_iter()
                .map(|element| Node::Element(element, tree))
                .collect(),
            (Selector::Css(css), Node::Element(element, tree)) => css
                .select(*element, 0, caches, limit)?
                .into_iter()
                .map(|element| Node::Element(element, tree))
                .collect(),
            (Selector::Path(path), Node::Json(value)) => path
                .query(value, limit)
                .into_iter()
                .map(Node::Json)
                .collect(),
            (Selector::Regex(regex), Node::Text(text) | Node::Match(text, _)) => regex
                .captures_iter(text)
                .take(limit)
                .map(|captures| match_node(regex, &captures))
                .collect(),
            _ => Vec::new(),
        })
    }
}

fn match_node<'p>(regex: &Regex, captures: &Captures<'p>) -> Node<'p> {
    let groups = regex
        .capture_names()
        .zip(captures.iter())
        .map(|(name, group)| {
            let text = group.map_or("", |group| group.as_str());
            (name.map(str::to_owned), text)
        })
        .collect();
    Node::Match(captures.get(0).map_or("", |all| all.as_str()), groups)
}

impl Node<'_> {
    /// The part of this node that is to be read; `None` if it does not have it.
    pub(super) fn value(&self, take: &Take, inside: bool) -> Option<Value> {
        match self {
            Node::Page(tree) => {
                take_from(tree.html.tree.root(), take, &tree.orders).map(Value::Text)
            }
            Node::Element(element, tree) => {
                take_from(*element, take, &tree.orders).map(Value::Text)
            }
            Node::Json(value) => Some(of_json(value)).filter(|value| *value != Value::Missing),
            Node::Text(text) => Some(Value::Text((*text).to_owned())),
            Node::Match(text, groups) => {
                let group = match take {
                    Take::Attribute(name) => Some(group(groups, name)?),
                    // The first group, unless the match is the enclosing item itself.
                    _ if inside => None,
                    _ => groups.get(1).map(|(_, text)| *text),
                };
                Some(Value::Text(group.unwrap_or(text).to_owned()))
            }
        }
    }
}

fn group<'p>(groups: &[(Option<String>, &'p str)], wanted: &str) -> Option<&'p str> {
    let by_name = groups
        .iter()
        .find(|(name, _)| name.as_deref() == Some(wanted));
    let matched = by_name.or_else(|| groups.get(wanted.parse::<usize>().ok()?));
    matched.map(|(_, text)| *text)
}

/// Compiles a regular expression of bounded size.
///
/// # Errors
/// What is wrong with it, in one line.
pub(super) fn expression(text: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(text)
        .size_limit(LARGEST)
        .dfa_size_limit(LARGEST)
        .build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => {
            "the regular expression needs too much memory".to_owned()
        }
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default().trim();
            let reason = last.strip_prefix("error: ").unwrap_or(last);
            format!("not a regular expression: {reason}")
        }
    })
}
