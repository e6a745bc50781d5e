//! A recipe: which pages it is for, what it reads from them, and where it leads.
//!
//! ```toml
//! name = "product"                              # also the name of its table
//! match = ["https://shop.example/p/*"]          # patterns as in --include; without: every page; []: only pages it is led to
//! source = "html"                               # or "json" (JSONPath), or "text" (regular expressions)
//! each = ".product"                             # one item each; without: the page is one item
//! follow = ["a.next", { select = ".more a", recipe = "detail" }]
//!
//! [fields]
//! title = "h1|trim"                             # as in --select
//! "tags[]" = ".tag|trim"
//! price = { select = ".price", type = "number", required = true, min_rate = 0.95 }
//! sku = { attr = "data-sku", default = "none" } # without select: the item itself
//!
//! [fields.reviews]                              # a nested table
//! each = ".review"
//! [fields.reviews.fields]
//! stars = ".stars@data-value|integer"
//! ```
//!
//! In JSON and text, `$` and the expression are put to the item. In text, `@name` and `@1` are groups of `each`.

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
use super::selector::Source;
use crate::pattern::Pattern;

/// What to read from which pages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Its name, and that of its table.
    pub name: String,
    /// The URLs it is for. None: every page of its source. Empty: only the pages that another recipe leads to for it.
    pub matches: Option<Vec<Pattern>>,
    /// What the page is read as.
    pub source: Source,
    /// The selector of an item; empty: the page is one item.
    pub each: String,
    /// The fields of an item.
    pub rules: Vec<Rule>,
    /// Where to go from here.
    pub follow: Vec<Lead>,
}

/// Links that a recipe leads to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lead {
    /// Where the links are; of elements whose attribute is not named, `href`.
    pub expression: Expression,
    /// The recipe for what they lead to, whatever its own patterns say.
    pub recipe: Option<String>,
}

/// What is wrong with a recipe, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
    /// What is wrong there, and what would be right.
    pub text: String,
}

impl Recipe {
    /// Reads a recipe. `file` is its name for problems, and without its suffix the recipe's where the text has none.
    ///
    /// # Errors
    /// All that is wrong with it, in the order of the file. Whether the recipes that it leads to exist is asked when all
    /// are [compiled](super::Extractor::compile).
    pub fn check(text: &str, file: &str) -> Result<Self, Vec<Problem>> {
        read::recipe(text, file)
    }
}

impl Lead {
    /// What makes URLs of what is found: its filters, and `url` where that is not the last of them.
    ///
    /// # Errors
    /// Why no URL can come out.
    pub(super) fn chain(&self, source: Source) -> Result<Chain, String> {
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
