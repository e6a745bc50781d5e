//! The format that a page is read as.

use serde::{Deserialize, Serialize};

use crate::visit::fields::Kind;

/// The format that a page is read as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PageFormat {
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

impl PageFormat {
    /// The name, as recipes spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            PageFormat::Html => "html",
            PageFormat::Xhtml => "xhtml",
            PageFormat::Json => "json",
            PageFormat::Text => "text",
        }
    }

    /// The kind of value that its selectors yield.
    pub(super) const fn kind(self) -> Kind {
        match self {
            PageFormat::Html | PageFormat::Xhtml | PageFormat::Text => Kind::Text,
            PageFormat::Json => Kind::Json,
        }
    }

    /// Whether it is a markup page: HTML or XHTML.
    pub const fn is_page(self) -> bool {
        matches!(self, PageFormat::Html | PageFormat::Xhtml)
    }
}
