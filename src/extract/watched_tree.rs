//! A tree that is watched while it grows.

use std::borrow::Cow;
use std::cell::{Cell, Ref, RefCell};
use std::collections::{HashMap, HashSet};

use html5ever::tendril::StrTendril;
use html5ever::tree_builder::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::{Attribute, QualName};
use scraper::{Html, HtmlTreeSink};

use super::limits::Limits;

/// The most attributes of one tag.
///
/// Each is compared with all those before it, so the time grows with the square.
pub(super) const ATTRIBUTES: usize = 10_000;

/// The handle of a node, named without reference to the crate that defines it.
pub(super) type Handle = <HtmlTreeSink as TreeSink>::Handle;

/// The page order of attributes, for elements where the tree sorts them differently.
///
/// Each list contains indexes into the tree's attributes, in page order.
pub(super) type Orders = HashMap<Handle, Box<[usize]>>;

/// What to record about a page in addition to its tree.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Notes {
    /// The lines of its elements.
    pub(super) lines: bool,
    /// The order of its attributes.
    pub(super) orders: bool,
}

/// A finished tree, and what was recorded while it grew.
pub(super) struct FinishedTree {
    pub(super) html: Html,
    pub(super) lines: HashMap<Handle, u64>,
    pub(super) orders: Orders,
}

pub(super) fn too_deep(limits: &Limits) -> String {
    format!(
        "the page has elements more than {} deep in each other",
        limits.depth
    )
}

/// A tree that is watched while it grows.
pub(super) struct WatchedTree {
    tree: HtmlTreeSink,
    /// Nodes and texts created; a text counts once for each of its pieces.
    pub(super) nodes: Cell<usize>,
    /// The last element to which a child was added.
    last: Cell<Option<Handle>>,
    /// Attributes that later `html` or `body` tags added to the first one.
    added: Cell<usize>,
    /// MathML elements that contain HTML (HTML 13.2.6, "HTML integration point").
    html_in_math: RefCell<HashSet<Handle>>,
    /// The parser's current line.
    line: Cell<u64>,
    lines: Option<RefCell<HashMap<Handle, u64>>>,
    /// The names of attributes in page order, where the tree orders them differently.
    orders: Option<RefCell<HashMap<Handle, Vec<QualName>>>>,
}

impl WatchedTree {
    pub(super) fn new(notes: Notes) -> Self {
        Self {
            tree: HtmlTreeSink::new(Html::new_document()),
            nodes: Cell::new(0),
            last: Cell::new(None),
            added: Cell::new(0),
            html_in_math: RefCell::default(),
            line: Cell::new(1),
            lines: notes.lines.then(RefCell::default),
            orders: notes.orders.then(RefCell::default),
        }
    }

    /// Checks that the tree is not too large so far.
    ///
    /// # Errors
    /// If it is; the text is the reason for the record.
    pub(super) fn check_size(&self, limits: &Limits) -> Result<(), String> {
        if self.nodes.get() > limits.nodes {
            return Err(format!(
                "the page has more than {} elements and texts",
                limits.nodes
            ));
        }
        Ok(())
    }

    pub(super) fn check(&self, limits: &Limits) -> Result<(), String> {
        self.check_size(limits)?;
        let tree = self.tree.0.borrow();
        let last = self.last.get().and_then(|last| tree.tree.get(last));
        let deep = last.is_some_and(|last| last.ancestors().nth(limits.depth).is_some());
        if deep {
            return Err(too_deep(limits));
        }
        Ok(())
    }

    fn count_node(&self) {
        self.nodes.set(self.nodes.get() + 1);
    }

    /// The indexes in the tree of the recorded elements' attributes.
    fn page_orders(html: &Html, names: HashMap<Handle, Vec<QualName>>) -> Orders {
        let page_order = |(handle, names): (Handle, Vec<QualName>)| {
            let element = html.tree.get(handle)?.value().as_element()?;
            let page_orders = names.iter().map(|name| {
                let index = element.attrs.binary_search_by(|(known, _)| known.cmp(name));
                index.ok()
            });
            let page_orders: Option<Box<[usize]>> = page_orders.collect();
            let page_orders =
                page_orders.filter(|page_orders| page_orders.len() == element.attrs.len())?;
            Some((handle, page_orders))
        };
        names.into_iter().filter_map(page_order).collect()
    }

    /// The names of an element's attributes, in the order of the tree.
    fn names(&self, target: &Handle) -> Vec<QualName> {
        let tree = self.tree.0.borrow();
        let element = tree.tree.get(*target);
        let element = element.and_then(|node| node.value().as_element());
        let attributes = element.map(|element| element.attrs.iter());
        attributes
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect()
    }

    fn note_child(&self, parent: Handle, child: &NodeOrText<Handle>) {
        match child {
            NodeOrText::AppendNode(child) => self.last.set(Some(*child)),
            NodeOrText::AppendText(_) => {
                self.count_node();
                self.last.set(Some(parent));
            }
        }
    }
}

impl TreeSink for WatchedTree {
    type Output = FinishedTree;
    type Handle = Handle;
    type ElemName<'a> = Ref<'a, QualName>;

    fn finish(self) -> Self::Output {
        let lines = self.lines.map(RefCell::into_inner).unwrap_or_default();
        let names = self.orders.map(RefCell::into_inner).unwrap_or_default();
        let html = self.tree.finish();
        let orders = Self::page_orders(&html, names);
        FinishedTree {
            html,
            lines,
            orders,
        }
    }

    fn set_current_line(&self, line: u64) {
        self.line.set(line);
    }

    // A page may have millions of errors, and nobody reads them.
    fn parse_error(&self, _message: Cow<'static, str>) {}

    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.tree.set_quirks_mode(mode);
    }

    fn get_document(&self) -> Handle {
        self.tree.get_document()
    }

    fn same_node(&self, one: &Handle, other: &Handle) -> bool {
        one == other
    }

    fn elem_name<'a>(&'a self, target: &'a Handle) -> Ref<'a, QualName> {
        self.tree.elem_name(target)
    }

    fn create_element(
        &self,
        name: QualName,
        attributes: Vec<Attribute>,
        flags: ElementFlags,
    ) -> Handle {
        self.count_node();
        let holds_html = flags.mathml_annotation_xml_integration_point;
        let is_sorted = attributes.is_sorted_by(|one, other| one.name <= other.name);
        let names = (self.orders.is_some() && !is_sorted)
            .then(|| attributes.iter().map(|one| one.name.clone()).collect());
        let element = self.tree.create_element(name, attributes, flags);
        if let Some(lines) = &self.lines {
            lines.borrow_mut().insert(element, self.line.get());
        }
        if let (Some(orders), Some(names)) = (&self.orders, names) {
            orders.borrow_mut().insert(element, names);
        }
        if holds_html {
            self.html_in_math.borrow_mut().insert(element);
        }
        element
    }

    fn is_mathml_annotation_xml_integration_point(&self, element: &Handle) -> bool {
        self.html_in_math.borrow().contains(element)
    }

    fn create_comment(&self, text: StrTendril) -> Handle {
        self.count_node();
        self.tree.create_comment(text)
    }

    fn create_pi(&self, target: StrTendril, data: StrTendril) -> Handle {
        self.count_node();
        self.tree.create_pi(target, data)
    }

    fn append_doctype_to_document(&self, name: StrTendril, public: StrTendril, system: StrTendril) {
        self.count_node();
        self.tree.append_doctype_to_document(name, public, system);
    }

    fn append(&self, parent: &Handle, child: NodeOrText<Handle>) {
        self.note_child(*parent, &child);
        self.tree.append(parent, child);
    }

    fn append_before_sibling(&self, sibling: &Handle, child: NodeOrText<Handle>) {
        self.note_child(*sibling, &child);
        self.tree.append_before_sibling(sibling, child);
    }

    fn append_based_on_parent_node(
        &self,
        element: &Handle,
        previous: &Handle,
        child: NodeOrText<Handle>,
    ) {
        self.note_child(*previous, &child);
        self.tree
            .append_based_on_parent_node(element, previous, child);
    }

    fn remove_from_parent(&self, target: &Handle) {
        self.tree.remove_from_parent(target);
    }

    fn reparent_children(&self, node: &Handle, parent: &Handle) {
        self.tree.reparent_children(node, parent);
    }

    fn add_attrs_if_missing(&self, target: &Handle, attributes: Vec<Attribute>) {
        // Each is inserted in sorted order: a million tags would take a million moves each.
        let added = self.added.get() + attributes.len();
        if added <= ATTRIBUTES {
            self.added.set(added);
            if let Some(orders) = &self.orders {
                let mut orders = orders.borrow_mut();
                let names = orders.entry(*target).or_insert_with(|| self.names(target));
                let new = attributes.iter().map(|one| &one.name);
                let new: Vec<_> = new.filter(|name| !names.contains(name)).cloned().collect();
                names.extend(new);
            }
            self.tree.add_attrs_if_missing(target, attributes);
        }
    }

    // Browsers hide the content of a template from selectors, but here it is wanted.
    fn get_template_contents(&self, target: &Handle) -> Handle {
        *target
    }

    fn mark_script_already_started(&self, node: &Handle) {
        self.tree.mark_script_already_started(node);
    }
}
