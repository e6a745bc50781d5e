//! The format that a page is read as.

use serde::{Deserialize, Serialize};

use crate::visit::fields::Kind;

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
