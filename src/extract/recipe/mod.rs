//! Recipes: which pages they apply to, which fields they read, and which links they follow.
//!
//! ```toml
//! name = "product"                              # also the name of its table
//! match = ["https://shop.example/p/*"]          # as in --include; if missing: every page; []: only pages reached by links
//! source = "html"                               # or "json" (JSONPath), or "text" (regular expressions)
//! each = ".product"                             # each match is one item; if missing: the page is one item
//! follow = ["a.next", { select = ".more a", recipe = "detail" }]
//!
//! [fields]
//! title = "h1|trim"                             # as in --select
//! "tags[]" = ".tag|trim"
//! price = { select = ".price", type = "number", required = true, min_rate = 0.95 }
//! sku = { attr = "data-sku", default = "none" } # if select is missing: the item itself
//!
//! [fields.reviews]                              # a nested table
//! each = ".review"
//! [fields.reviews.fields]
//! stars = ".stars@data-value|integer"
//! ```
//!
//! In JSON and text, `$` and the expression apply to the item. In text, `@name` and `@1` are groups of `each`.

mod field;
mod place;
mod read;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::filter::{Chain, Filter};
use super::rule::Rule;
use super::selection::Expression;
use super::source::PageFormat;
use crate::pattern::Pattern;

/// What to read from which pages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The name of the recipe and of its table.
    pub name: String,
    /// The URL patterns of its pages.
    ///
    /// `None`: every page of its source. Empty: only pages that another recipe's links assign to it.
    pub matches: Option<Vec<Pattern>>,
    /// The format to read the page as.
    pub source: PageFormat,
    /// The selector of an item; empty: the page is one item.
    pub each: String,
    /// The fields of an item.
    pub rules: Vec<Rule>,
    /// The links to follow.
    pub follow: Vec<Lead>,
}

/// Links that a recipe follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lead {
    /// Where the links are; the `href` of elements if no attribute is named.
    pub expression: Expression,
    /// The recipe for the linked pages, whatever its own patterns say.
    pub recipe: Option<String>,
}

/// A problem in a recipe, and its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The name of the file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub text: String,
}

impl Lead {
    /// The filters that turn matches into URLs: its own, and `url` as the last one.
    ///
    /// # Errors
    /// Why the result cannot be a URL.
    pub(super) fn chain(&self, source: PageFormat) -> Result<Chain, String> {
        let mut filters = self.expression.filters.clone();
        if filters.last() != Some(&Filter::Url) {
            filters.push(Filter::Url);
        }
        let reduced = filters.iter().any(Filter::reduces);
        Chain::compile(&filters, source.kind(), !reduced).map_err(|(_, why)| why)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            text,
        } = self;
        write!(f, "{file}:{line}:{column}: {text}")
    }
}
