//! An element of a page.

use html5ever::ns;
use scraper::ElementRef;

/// An element of a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageElement<'p>(pub(super) ElementRef<'p>);

impl<'p> PageElement<'p> {
    /// Whether it is an HTML element of this name.
    pub(super) fn is(&self, name: &str) -> bool {
        self.is_html() && self.0.value().name() == name
    }

    /// Whether it is an HTML element rather than SVG or MathML.
    pub(super) fn is_html(&self) -> bool {
        self.0.value().name.ns == ns!(html)
    }

    /// The enclosing elements, from the inside out.
    pub(super) fn ancestors(&self) -> impl Iterator<Item = PageElement<'p>> {
        self.0.ancestors().filter_map(ElementRef::wrap).map(Self)
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&'p str> {
        self.0.value().attr(name)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }
}
