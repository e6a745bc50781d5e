//! The attributes of an element.

use scraper::node::Element;

/// The most words of one attribute: types, property names, references.
const WORDS: usize = 100;

/// The attributes of an element.
///
/// Looking them up by name would first turn the name into an atom, which takes a lock for names that are not built
/// in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes<'t>(&'t Element);

impl<'t> Attributes<'t> {
    pub(super) fn of(element: &'t Element) -> Self {
        Self(element)
    }

    /// The element's name.
    pub(super) fn element(&self) -> &'t str {
        self.0.name()
    }

    /// The value of an attribute.
    pub(super) fn get(&self, name: &str) -> Option<&'t str> {
        let mut attributes = self.0.attrs.iter();
        let value = attributes.find(|(known, _)| *known.local == *name && known.ns.is_empty());
        value.map(|(_, value)| &**value)
    }

    pub(super) fn has_class(&self, wanted: &[&str]) -> bool {
        words(self.get("class")).any(|class| wanted.contains(&class))
    }
}

/// The words of an attribute, up to the limit.
pub(super) fn words(attribute: Option<&str>) -> impl Iterator<Item = &str> {
    attribute
        .unwrap_or_default()
        .split_ascii_whitespace()
        .take(WORDS)
}
