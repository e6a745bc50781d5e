//! What to read from a matched element.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What to read from a matched element.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Take {
    /// Its text and that of everything below it.
    #[default]
    Text,
    /// Only the text directly in it.
    OwnText,
    /// The element as HTML.
    Html,
    /// The element's content as HTML.
    InnerHtml,
    /// An attribute; in text, a group of the regular expression.
    Attribute(String),
}

impl fmt::Display for Take {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Take::Text => f.write_str("::text"),
            Take::OwnText => f.write_str("::own-text"),
            Take::Html => f.write_str("::html"),
            Take::InnerHtml => f.write_str("::inner-html"),
            Take::Attribute(name) => write!(f, "@{name}"),
        }
    }
}
