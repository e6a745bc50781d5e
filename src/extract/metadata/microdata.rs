//! Microdata (HTML 5): nested items, their properties and values, including `itemref`.
//!
//! It follows the standard with four exceptions that real pages call for: a `content` attribute counts on any
//! element whose value would be its text; the text of an element excludes that of scripts, styles and templates in
//! it; its white space is folded; and an item that should be a value but is part of no item is listed with the
//! top-level items. Invariant: items are nested at most 16 deep, no item contains itself, and each node costs one
//! step of the [budget](super::budget) for every item and value it is part of.

use std::collections::{HashMap, HashSet};

use ego_tree::{NodeId, NodeRef};
use scraper::Node;

use super::attributes::{Attributes, words};
use super::budget::{Budget, TEXT_BYTES, folded};
use super::links;
use super::microdata_item::{MicrodataItem, MicrodataValue};
use crate::extract::base::Base;

/// Nesting depth of items.
///
/// Each is three levels of JSON, and JSON parsers commonly stop at 128.
const DEPTH: usize = 16;
/// The elements that `itemref` attributes refer to.
#[derive(Debug, Default)]
pub(super) struct References<'t> {
    /// The first element of each identifier, with its position in the page.
    ids: HashMap<&'t str, (usize, NodeRef<'t, Node>)>,
    /// The positions of the elements with an `itemref`.
    positions: HashMap<NodeId, usize>,
}

/// Reads items.
pub(super) struct MicrodataReader<'t, 'b> {
    base: &'b Base,
    references: References<'t>,
    budget: &'b mut Budget,
    /// The elements of the enclosing items.
    enclosing: Vec<NodeId>,
    /// The elements of all items that have been visited.
    visited: HashSet<NodeId>,
}

/// An item whose properties are being collected.
#[derive(Default)]
struct PartialItem {
    item: MicrodataItem,
    /// The index of each name among the properties.
    names: HashMap<String, usize>,
    /// The elements visited so far, if any could be visited twice.
    seen: Option<HashSet<NodeId>>,
}

impl<'t> References<'t> {
    /// Finds the elements that are referred to.
    ///
    /// `wanted` are the words of all `itemref` attributes.
    pub(super) fn find(root: NodeRef<'t, Node>, wanted: &HashSet<&'t str>) -> Self {
        let mut references = Self::default();
        if wanted.is_empty() {
            return references;
        }
        for (position, node) in root.descendants().enumerate() {
            let Some(element) = node.value().as_element() else {
                continue;
            };
            let attributes = Attributes::of(element);
            if let Some(id) = attributes.get("id").filter(|id| wanted.contains(id)) {
                references.ids.entry(id).or_insert((position, node));
            }
            if attributes.get("itemref").is_some() {
                references.positions.insert(node.id(), position);
            }
        }
        references
    }
}

impl<'t, 'b> MicrodataReader<'t, 'b> {
    pub(super) fn new(base: &'b Base, references: References<'t>, budget: &'b mut Budget) -> Self {
        Self {
            base,
            references,
            budget,
            enclosing: Vec::new(),
            visited: HashSet::new(),
        }
    }

    /// Reads the items of a page, given in page order.
    ///
    /// Each comes with whether it should be the value of another. Returns the top-level ones, followed by those
    /// values that are part of no item.
    pub(super) fn items(&mut self, all: &[(NodeRef<'t, Node>, bool)]) -> Vec<MicrodataItem> {
        let mut items = Vec::new();
        for values in [false, true] {
            for (position, (node, is_value)) in all.iter().enumerate() {
                if *is_value == values && !self.visited.contains(&node.id()) {
                    items.extend(self.item(*node).map(|item| (position, item)));
                }
            }
        }
        items.sort_by_key(|(position, _)| *position);
        items.into_iter().map(|(_, item)| item).collect()
    }

    /// Reads the item of an element with `itemscope`; `None` if it is left out.
    fn item(&mut self, root: NodeRef<'t, Node>) -> Option<MicrodataItem> {
        self.visited.insert(root.id());
        if self.enclosing.contains(&root.id()) {
            self.budget.fault("microdata: an item refers to itself");
            return None;
        }
        if self.enclosing.len() >= DEPTH {
            self.budget.fault(format!(
                "microdata: items are nested more than {DEPTH} deep"
            ));
            return None;
        }
        let attributes = Attributes::of(root.value().as_element()?);
        if !self.budget.take(0) {
            return None;
        }
        let mut partial = PartialItem::default();
        for name in words(attributes.get("itemtype")) {
            partial
                .item
                .types
                .extend(self.budget.text("itemtype", name));
        }
        if let Some(id) = attributes.get("itemid").filter(|id| !id.trim().is_empty()) {
            partial.item.id = self.url("itemid", id).filter(|id| !id.is_empty());
        }
        self.enclosing.push(root.id());
        let mut tops = vec![(0, root, false)];
        if let Some(position) = self.references.positions.get(&root.id()) {
            tops[0].0 = *position;
            for id in words(attributes.get("itemref")) {
                if let Some((position, node)) = self.references.ids.get(id) {
                    tops.push((*position, *node, true));
                }
            }
            tops.sort_by_key(|(position, _, _)| *position);
            partial.seen = Some(HashSet::from([root.id()]));
        }
        for (_, top, include_top) in tops {
            self.collect_properties(top, include_top, &mut partial);
        }
        self.enclosing.pop();
        Some(partial.item)
    }

    /// Walks over an element and its content, or over its content only.
    fn collect_properties(
        &mut self,
        top: NodeRef<'t, Node>,
        include_top: bool,
        partial: &mut PartialItem,
    ) {
        let mut next = if include_top {
            Some(top)
        } else {
            top.first_child()
        };
        while let Some(node) = next {
            if !self.budget.step() {
                return;
            }
            let mut inside = false;
            if let Some(element) = node.value().as_element() {
                let new = partial
                    .seen
                    .as_mut()
                    .is_none_or(|seen| seen.insert(node.id()));
                if new {
                    let attributes = Attributes::of(element);
                    let names = attributes.get("itemprop");
                    if names.is_some_and(|names| !names.trim().is_empty()) {
                        self.property(node, &attributes, words(names), partial);
                    }
                    inside = attributes.get("itemscope").is_none();
                }
            }
            next = next_node(node, top, inside);
        }
    }

    fn property<'n>(
        &mut self,
        node: NodeRef<'t, Node>,
        attributes: &Attributes<'t>,
        names: impl Iterator<Item = &'n str>,
        partial: &mut PartialItem,
    ) {
        let before = self.budget.left();
        let value = match attributes.get("itemscope") {
            Some(_) => self
                .item(node)
                .map(|item| MicrodataValue::Item(Box::new(item))),
            None => self.text(node, attributes).map(MicrodataValue::Text),
        };
        let Some(value) = value else { return };
        let cost = before.saturating_sub(self.budget.left());
        for (count, name) in names.enumerate() {
            // The first name has been charged already.
            if count > 0 && !self.budget.take(cost) {
                return;
            }
            let properties = &mut partial.item.properties;
            match partial.names.get(name) {
                Some(at) => properties[*at].1.push(value.clone()),
                None => {
                    let Some(name) = self.budget.text("itemprop", name) else {
                        return;
                    };
                    partial.names.insert(name.clone(), properties.len());
                    properties.push((name, vec![value.clone()]));
                }
            }
        }
    }

    /// The value of a property that is not an item (HTML 5.2.4).
    fn text(&mut self, node: NodeRef<'t, Node>, attributes: &Attributes<'t>) -> Option<String> {
        let address = match attributes.element() {
            "audio" | "embed" | "iframe" | "img" | "source" | "track" | "video" => Some("src"),
            "a" | "area" | "link" => Some("href"),
            "object" => Some("data"),
            _ => None,
        };
        if let Some(address) = address {
            return match attributes.get(address) {
                Some(reference) => self.url(address, reference),
                None => Some(String::new()),
            };
        }
        let stated = match attributes.element() {
            "meta" => Some(attributes.get("content").unwrap_or_default()),
            "data" | "meter" => Some(attributes.get("value").unwrap_or_default()),
            "time" => attributes.get("datetime").or(attributes.get("content")),
            _ => attributes.get("content"),
        };
        match stated {
            Some(stated) => self.budget.text("microdata", stated.trim()),
            None => {
                let text = self.content(node);
                self.budget.text("microdata", &folded(&text))
            }
        }
    }

    /// An absolute URL; empty, as the standard demands, if the reference is not valid.
    fn url(&mut self, what: &str, reference: &str) -> Option<String> {
        let url = links::url(what, reference, self.base, self.budget);
        let url = url.map(String::from).unwrap_or_default();
        self.budget.take(url.len()).then_some(url)
    }

    /// The text in an element, roughly as much of it as will be stored.
    fn content(&mut self, top: NodeRef<'t, Node>) -> String {
        let mut text = String::new();
        let mut next = top.first_child();
        while let Some(node) = next {
            // Twice as much, because white space will be folded.
            if text.len() > 2 * TEXT_BYTES || !self.budget.step() {
                break;
            }
            let mut inside = true;
            match node.value() {
                Node::Text(piece) => text.push_str(piece),
                Node::Element(element) => {
                    inside = !matches!(element.name(), "script" | "style" | "template");
                }
                _ => {}
            }
            next = next_node(node, top, inside);
        }
        text
    }
}

impl std::fmt::Debug for MicrodataReader<'_, '_> {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("MicrodataReader")
            .field("around", &self.enclosing)
            .finish_non_exhaustive()
    }
}

/// The next node in page order, without leaving `top`.
fn next_node<'t>(
    node: NodeRef<'t, Node>,
    top: NodeRef<'t, Node>,
    inside: bool,
) -> Option<NodeRef<'t, Node>> {
    if inside && let Some(child) = node.first_child() {
        return Some(child);
    }
    let mut node = node;
    while node.id() != top.id() {
        if let Some(sibling) = node.next_sibling() {
            return Some(sibling);
        }
        node = node.parent()?;
    }
    None
}
