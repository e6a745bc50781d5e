//! Page in, typed fields out: what `--select` and recipes ask for, and what the page says about itself.
//!
//! An [`Extractor`] is compiled once for a run, from settings that are plain data and cross to child processes, and put to
//! page after page. It is pure: no clock, no file, no network. Invariant: whatever the page, it neither panics nor takes
//! time or memory without bound; what it does not do is told, as a [`Miss`] or as the reason why the page was refused.
//! Edge: the tree of a page is built from its text alone, without scripts.

mod article;
mod attributes;
mod base;
mod css;
mod extractor;
mod filter;
mod health;
mod limits;
mod metadata;
mod path;
mod probe;
mod recipe;
mod rule;
mod selection;
mod selector;
#[cfg(test)]
mod tests;
mod tree;
mod xhtml;

use std::sync::Arc;

use encoding_rs::Encoding;
use serde::{Deserialize, Serialize};

pub use article::Markdown;
pub use extractor::Extractor;
pub use filter::Filter;
pub use health::{FieldHealth, FirstMiss, Health, Shortfall, TableHealth};
pub use limits::Limits;
pub use metadata::{
    Alternate, Feed, Icon, JsonLd, Metadata, MicrodataItem, MicrodataValue, OpenGraph,
};
pub use probe::{Match, matches};
pub use recipe::{Lead, Problem, Recipe};
pub use rule::{Reads, Rule};
pub use selection::{Expression, Selection, SelectionError, Take};
pub use selector::Source;

use crate::error::Result;
pub use crate::fields::{Column, Extraction, Fields, Item, Kind, Miss, Table, Value};
use crate::url::PageUrl;

/// What to read out of pages.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ExtractSettings {
    /// The fields of `--select`: one item of each HTML page.
    pub fields: Vec<Selection>,
    /// The recipes.
    pub recipes: Vec<Recipe>,
    /// Whether to read what each HTML page says about itself.
    #[serde(default)]
    pub metadata: bool,
    /// Whether the text of the article is wanted of each HTML page, without what stands around it.
    #[serde(default)]
    pub article: bool,
    /// What of each HTML page is wanted as Markdown.
    #[serde(default)]
    pub markdown: Option<Markdown>,
    /// What one page may cost.
    pub limits: Limits,
}

/// A page, as far as it is read here.
#[derive(Debug, Clone, Copy)]
pub struct Page<'p> {
    /// Where it is from: what recipes are chosen by and links are resolved against.
    pub url: &'p PageUrl,
    /// Its text, decoded.
    pub text: &'p str,
    /// What it is. [`Source::Text`] is whatever is neither a page nor JSON.
    pub source: Source,
    /// The encoding it was sent in: that of the queries of its links.
    pub encoding: &'static Encoding,
    /// The recipes that pages before it want for it.
    pub recipes: &'p [Arc<str>],
}

/// What was read out of a page.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Extracted {
    /// Its items.
    pub fields: Fields,
    /// Where its recipes lead, each URL once for each recipe.
    pub follow: Vec<Follow>,
    /// What it says about itself, where that is asked for and it is HTML.
    pub metadata: Option<Metadata>,
    /// The text of its article, where that was asked for.
    pub article: Option<String>,
    /// The page, or its article, as Markdown, where that was asked for.
    pub markdown: Option<String>,
    /// Why the article or the Markdown that was asked for is not there.
    pub refused: Option<String>,
}

/// A link that a recipe leads to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Follow {
    /// Where it leads.
    pub url: PageUrl,
    /// The recipe for what is there, where one is named.
    pub recipe: Option<String>,
}

/// About how many bytes reading a page's text takes: those of its tree, judged by its tags.
pub(crate) fn weight(text: &str) -> u64 {
    tree::NODE * 2 * memchr::memchr_iter(b'<', text.as_bytes()).count() as u64
}

impl ExtractSettings {
    /// The tables of the items, in the order that [`Item::table`](crate::fields::Item::table) counts in.
    ///
    /// # Errors
    /// As [`Extractor::compile`].
    pub fn tables(&self) -> Result<Vec<Table>> {
        Extractor::compile(self).map(|extractor| extractor.tables().to_vec())
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
            && self.recipes.is_empty()
            && !self.metadata
            && !self.article
            && self.markdown.is_none()
    }
}
