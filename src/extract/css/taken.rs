//! The part of an element that is read: its text, its HTML, an attribute.

use ego_tree::NodeRef;
use ego_tree::iter::Edge;
use html5ever::serialize::{Serialize, SerializeOpts, Serializer, TraversalScope, serialize};
use scraper::Node;

use super::super::take::Take;
use super::super::watched_tree::Orders;

/// The requested part of an element, or of the page if the node is its root.
pub(in crate::extract) fn take_from(
    node: NodeRef<'_, Node>,
    take: &Take,
    orders: &Orders,
) -> Option<String> {
    match take {
        Take::Text => Some(text(node)),
        Take::OwnText => Some(
            node.children()
                .filter_map(|child| child.value().as_text().map(|text| &**text))
                .collect(),
        ),
        Take::Html if node.value().is_element() => html(node, orders, TraversalScope::IncludeNode),
        Take::Html => Some(
            node.children()
                .filter(|child| child.value().is_element())
                .filter_map(|child| html(child, orders, TraversalScope::IncludeNode))
                .collect(),
        ),
        Take::InnerHtml if node.value().is_element() => {
            html(node, orders, TraversalScope::ChildrenOnly(None))
        }
        Take::InnerHtml => Some(
            node.children()
                .filter(|child| child.value().is_element())
                .filter_map(|child| html(child, orders, TraversalScope::ChildrenOnly(None)))
                .collect(),
        ),
        Take::Attribute(name) => {
            let element = node.value().as_element()?;
            let exact = element.attr(name);
            let value = exact.or_else(|| {
                let mut attributes = element.attrs();
                attributes
                    .find(|(other, _)| other.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value)
            });
            value.map(str::to_owned)
        }
    }
}

/// The text below a node, except that of scripts, styles and templates inside it.
fn text(node: NodeRef<'_, Node>) -> String {
    let mut text = String::new();
    let mut hidden = None;
    for edge in node.traverse() {
        match edge {
            Edge::Open(inner) if hidden.is_none() => match inner.value() {
                Node::Text(piece) => text.push_str(piece),
                Node::Element(element)
                    if inner != node
                        && matches!(element.name(), "script" | "style" | "template") =>
                {
                    hidden = Some(inner.id());
                }
                _ => {}
            },
            Edge::Close(inner) if hidden == Some(inner.id()) => hidden = None,
            _ => {}
        }
    }
    text
}

/// A node as HTML, with its attributes in page order.
fn html(node: NodeRef<'_, Node>, orders: &Orders, scope: TraversalScope) -> Option<String> {
    let mut bytes = Vec::new();
    let options = SerializeOpts {
        traversal_scope: scope,
        scripting_enabled: false,
        ..SerializeOpts::default()
    };
    serialize(&mut bytes, &Ordered { node, orders }, options).ok()?;
    String::from_utf8(bytes).ok()
}

/// A part of a tree, and the page order of its elements' attributes.
struct Ordered<'p> {
    node: NodeRef<'p, Node>,
    orders: &'p Orders,
}

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, to: &mut S, scope: TraversalScope) -> std::io::Result<()> {
        let is_left_out =
            |node: NodeRef<'_, Node>| scope != TraversalScope::IncludeNode && node == self.node;
        for edge in self.node.traverse() {
            match edge {
                Edge::Open(node) if is_left_out(node) => {}
                Edge::Open(node) => match node.value() {
                    Node::Doctype(doctype) => to.write_doctype(doctype.name())?,
                    Node::Comment(comment) => to.write_comment(comment)?,
                    Node::Text(text) => to.write_text(text)?,
                    Node::Element(element) => {
                        let sorted = element.attrs.iter().map(|(name, value)| (name, &**value));
                        let order = self.orders.get(&node.id());
                        match order {
                            None => to.start_elem(element.name.clone(), sorted)?,
                            Some(order) => {
                                let values = order.iter().filter_map(|at| element.attrs.get(*at));
                                let values = values.map(|(name, value)| (name, &**value));
                                to.start_elem(element.name.clone(), values)?;
                            }
                        }
                    }
                    _ => {}
                },
                Edge::Close(node) if is_left_out(node) => {}
                Edge::Close(node) => {
                    if let Some(element) = node.value().as_element() {
                        to.end_elem(element.name.clone())?;
                    }
                }
            }
        }
        Ok(())
    }
}
