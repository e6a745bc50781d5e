//! An element of a page, as the `selectors` crate queries it.

use html5ever::Namespace;
use scraper::ElementRef;
use scraper::selector::{CssLocalName, CssString};
use selectors::attr::{AttrSelectorOperation, CaseSensitivity, NamespaceConstraint};
use selectors::bloom::BloomFilter;
use selectors::matching::{ElementSelectorFlags, MatchingContext};
use selectors::{Element, OpaqueElement};

use super::language::{Language, PseudoClass, PseudoElement};
use super::page_element::PageElement;
use super::state;

impl Element for PageElement<'_> {
    type Impl = Language;

    fn opaque(&self) -> OpaqueElement {
        OpaqueElement::new((*self.0).value())
    }

    fn parent_element(&self) -> Option<Self> {
        self.0.parent().and_then(ElementRef::wrap).map(Self)
    }

    fn parent_node_is_shadow_root(&self) -> bool {
        false
    }

    fn containing_shadow_host(&self) -> Option<Self> {
        None
    }

    fn is_pseudo_element(&self) -> bool {
        false
    }

    fn prev_sibling_element(&self) -> Option<Self> {
        self.0.prev_siblings().find_map(ElementRef::wrap).map(Self)
    }

    fn next_sibling_element(&self) -> Option<Self> {
        self.0.next_siblings().find_map(ElementRef::wrap).map(Self)
    }

    fn first_element_child(&self) -> Option<Self> {
        self.0.children().find_map(ElementRef::wrap).map(Self)
    }

    fn is_html_element_in_html_document(&self) -> bool {
        self.is_html()
    }

    fn has_local_name(&self, name: &CssLocalName) -> bool {
        self.0.value().name.local == name.0
    }

    fn has_namespace(&self, namespace: &Namespace) -> bool {
        self.0.value().name.ns == *namespace
    }

    fn is_same_type(&self, other: &Self) -> bool {
        self.0.value().name == other.0.value().name
    }

    fn attr_matches(
        &self,
        namespace: &NamespaceConstraint<&Namespace>,
        name: &CssLocalName,
        operation: &AttrSelectorOperation<&CssString>,
    ) -> bool {
        self.0.value().attrs.iter().any(|(key, value)| {
            !matches!(*namespace, NamespaceConstraint::Specific(url) if *url != key.ns)
                && name.0 == key.local
                && operation.eval_str(value)
        })
    }

    fn match_non_ts_pseudo_class(
        &self,
        class: &PseudoClass,
        _: &mut MatchingContext<'_, Language>,
    ) -> bool {
        state::matches(self, class)
    }

    fn match_pseudo_element(
        &self,
        element: &PseudoElement,
        _: &mut MatchingContext<'_, Language>,
    ) -> bool {
        match *element {}
    }

    fn apply_selector_flags(&self, _: ElementSelectorFlags) {}

    fn is_link(&self) -> bool {
        state::is_link(self)
    }

    fn is_html_slot_element(&self) -> bool {
        false
    }

    fn has_id(&self, id: &CssLocalName, case: CaseSensitivity) -> bool {
        let own = self.0.value().id();
        own.is_some_and(|own| case.eq(id.0.as_bytes(), own.as_bytes()))
    }

    fn has_class(&self, name: &CssLocalName, case: CaseSensitivity) -> bool {
        self.0.value().has_class(&name.0, case)
    }

    fn has_custom_state(&self, _: &CssLocalName) -> bool {
        false
    }

    fn imported_part(&self, _: &CssLocalName) -> Option<CssLocalName> {
        None
    }

    fn is_part(&self, _: &CssLocalName) -> bool {
        false
    }

    fn is_empty(&self) -> bool {
        let mut children = self.0.children();
        !children.any(|child| child.value().is_element() || child.value().is_text())
    }

    fn is_root(&self) -> bool {
        self.0
            .parent()
            .is_some_and(|parent| parent.value().is_document())
    }

    fn add_element_unique_hashes(&self, _: &mut BloomFilter) -> bool {
        false
    }
}
