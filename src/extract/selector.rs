//! Selectors: CSS in HTML, JSONPath in JSON, regular expressions in text.

use ego_tree::NodeRef;
use regex::{Captures, Regex};

use super::css::{Caches, Css, take_from};
use super::fault::Fault;
use super::filter::of_json;
use super::path::Path;
use super::regular_expression::expression;
use super::source::PageFormat;
use super::take::Take;
use super::tree::Tree;
use crate::visit::fields::Value;

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

impl Selector {
    /// Compiles a selector in the language of a source.
    ///
    /// # Errors
    /// Where and why it is not valid.
    pub(super) fn compile(source: PageFormat, text: &str) -> Result<Self, Fault> {
        if text.is_empty() {
            return Ok(Selector::Itself);
        }
        match source {
            PageFormat::Html | PageFormat::Xhtml => Css::compile(text).map(Selector::Css),
            PageFormat::Json => Path::compile(text).map(Selector::Path),
            PageFormat::Text => expression(text)
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
