//! Extraction: typed fields selected by `--select` and recipes, and a page's own metadata.
//!
//! An [`Extractor`] is compiled once per run, from settings that are plain data and can be sent to child processes,
//! and then applied to page after page. It is pure: no clock, no files, no network. Invariant: whatever the page
//! contains, it neither panics nor takes unbounded time or memory; anything it does not extract is reported, as a
//! [`Miss`] or as the reason why the page was refused. Edge: a page's tree is built from its text alone; no scripts
//! run.

mod article;
mod attributes;
mod base;
mod css;
mod extractor;
mod fault;
mod filter;
mod health;
mod limits;
mod metadata;
mod path;
mod probe;
mod recipe;
mod regular_expression;
mod rule;
mod selection;
mod selector;
mod source;
mod take;
#[cfg(test)]
mod tests;
mod tree;
mod watched_tree;
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
pub use selection::{Expression, Selection, SelectionError};
pub use source::PageFormat;
pub use take::Take;

use crate::url::PageUrl;
pub use crate::visit::fields::{Column, Extraction, Fields, Item, Kind, Miss, Table, Value};

/// What to read out of pages.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ExtractSettings {
    /// The fields of `--select`: each HTML page yields one item.
    pub fields: Vec<Selection>,
    /// The recipes.
    pub recipes: Vec<Recipe>,
    /// Whether to read what each HTML page says about itself.
    #[serde(default)]
    pub metadata: bool,
    /// Whether to extract the article text of each HTML page, without the navigation around it.
    #[serde(default)]
    pub article: bool,
    /// Which part of each HTML page to convert to Markdown, if any.
    #[serde(default)]
    pub markdown: Option<Markdown>,
    /// Limits on the cost of one page.
    pub limits: Limits,
}

/// The parts of a page that extraction needs.
#[derive(Debug, Clone, Copy)]
pub struct Page<'p> {
    /// The page's URL: recipes are chosen by it, and links are resolved against it.
    pub url: &'p PageUrl,
    /// The decoded text.
    pub text: &'p str,
    /// How to read it. [`PageFormat::Text`] stands for everything that is neither HTML nor JSON.
    pub source: PageFormat,
    /// The encoding the page was sent in; the queries of its links are encoded in it.
    pub encoding: &'static Encoding,
    /// The recipes that earlier pages asked to apply to this page.
    pub recipes: &'p [Arc<str>],
}

/// Everything that was extracted from a page.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Extracted {
    /// The items.
    pub fields: Fields,
    /// The links that its recipes follow, each URL once per recipe.
    pub follow: Vec<FollowRule>,
    /// What the page says about itself, if that was requested and the page is HTML.
    pub metadata: Option<Metadata>,
    /// The article's text, if requested.
    pub article: Option<String>,
    /// The page or its article as Markdown, if requested.
    pub markdown: Option<String>,
    /// Why the requested article or Markdown is missing.
    pub refused: Option<String>,
}

/// A link that a recipe follows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FollowRule {
    /// The link's URL.
    pub url: PageUrl,
    /// The recipe to apply to the linked page, if the link names one.
    pub recipe: Option<String>,
}

/// Roughly the bytes of memory that a page's tree takes, estimated from its tags.
pub(crate) fn weight(text: &str) -> u64 {
    tree::NODE * 2 * memchr::memchr_iter(b'<', text.as_bytes()).count() as u64
}

impl ExtractSettings {
    /// Whether nothing is to be extracted.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
            && self.recipes.is_empty()
            && !self.metadata
            && !self.article
            && self.markdown.is_none()
    }
}
