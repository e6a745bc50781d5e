//! The rules for scanning a document.

/// The rules by which a document is scanned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Markup {
    /// The rules of HTML.
    #[default]
    Html,
    /// The rules of XML.
    Xml,
}
