//! The text of an article without what surrounds it, and pages as Markdown.
//!
//! The article is located by dom_smoothie, a port of Readability; Markdown is written by dom_query, the tree
//! library it works on. Neither parses anything: both get a [`copy`] of the page's tree, so they never see input
//! that has not passed the depth limit. Invariant: their input is bounded beforehand, and if one of them panics all
//! the same, that is the reason why this page has no article. Edge: only the single page, as it was sent: no
//! scripts run, and no further page is looked at.

mod clutter;
mod copy;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};

use dom_query::{Document, NodeRef};
use dom_smoothie::{Config, Readability, TextMode};
use serde::{Deserialize, Serialize};

use super::base::Base;
use super::limits::Limits;
use super::tree::Tree;

/// The part of a page that is written as Markdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Markdown {
    /// The whole page.
    Page,
    /// Its article, located in the same way as [`article`](super::ExtractSettings::article).
    Article,
}

/// The requested texts, as far as they were found.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub(super) article: Option<String>,
    pub(super) markdown: Option<String>,
    /// Why one of them is missing.
    pub(super) refused: Option<String>,
}

/// Block elements that the libraries do not know.
///
/// They are renamed so that they get lines of their own.
const BLOCKS: &str = "address,aside,caption,center,dd,details,dialog,dt,fieldset,figcaption,figure,footer,form,header,hgroup,\
    legend,main,menu,nav,search,summary";

/// Extracts the requested texts of a page.
pub(super) fn read(
    article: bool,
    markdown: Option<Markdown>,
    tree: &Tree,
    base: &Base,
    limits: &Limits,
) -> Texts {
    let mut texts = Texts::default();
    if markdown == Some(Markdown::Page) {
        texts.record(guarded(|| page(tree, base, limits)), |texts, page| {
            texts.markdown = Some(page);
        });
    }
    let as_markdown = markdown == Some(Markdown::Article);
    if article || as_markdown {
        let result = guarded(|| find_article(article, as_markdown, tree, base, limits));
        texts.record(result, |texts, (text, markdown)| {
            texts.article = text;
            if as_markdown {
                texts.markdown = markdown;
            }
        });
    }
    texts
}

impl Texts {
    fn record<T>(&mut self, result: Result<T, String>, put: impl FnOnce(&mut Self, T)) {
        match result {
            Ok(text) => put(self, text),
            Err(why) => {
                self.refused.get_or_insert(why);
            }
        }
    }
}

/// Runs a library, and turns a panic into the reason why the page was not read.
fn guarded<T>(read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    // The closure only reads what it borrows, and whatever it created is gone.
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
        Err("the page could not be read as text: its reader stopped halfway".to_owned())
    })
}

/// The whole page as Markdown.
fn page(tree: &Tree, base: &Base, limits: &Limits) -> Result<String, String> {
    let document = copy::document(tree, base)?;
    let root = document.body().unwrap_or_else(|| document.root());
    rename_blocks(&document);
    bounded(&root.md(None), "Markdown", limits)
}

/// The article as text and as Markdown, each if requested.
fn find_article(
    text: bool,
    markdown: bool,
    tree: &Tree,
    base: &Base,
    limits: &Limits,
) -> Result<(Option<String>, Option<String>), String> {
    let config = Config {
        // What a page says about itself is read elsewhere.
        disable_json_ld: true,
        text_mode: TextMode::Raw,
        ..Config::default()
    };
    let document = copy::document(tree, base)?;
    let nothing = "no article was found on the page";
    let mut readability = Readability::with_document(document, Some(base.as_str()), Some(config))
        .map_err(|error| error.to_string())?;
    readability.parse().map_err(|_| nothing.to_owned())?;
    let document = &readability.doc;
    let root = document.select_single(ARTICLE_ROOT);
    let root: &NodeRef<'_> = root.nodes().first().ok_or(nothing)?;
    clutter::remove_clutter(root);
    rename_blocks(document);
    let text = text
        .then(|| bounded(&root.formatted_text(), "text", limits))
        .transpose()?;
    let markdown = markdown
        .then(|| bounded(&root.md(None), "Markdown", limits))
        .transpose()?;
    Ok((text, markdown))
}

/// The element in which Readability wraps an article.
const ARTICLE_ROOT: &str = "#readability-page-1";

fn rename_blocks(document: &Document) {
    document.select(BLOCKS).rename("div");
}

fn bounded(text: &str, what: &str, limits: &Limits) -> Result<String, String> {
    let text = text.trim();
    if text.len() > limits.text_bytes {
        return Err(format!(
            "the page has {} bytes of {what}, and at most {} are kept",
            text.len(),
            limits.text_bytes
        ));
    }
    Ok(text.to_owned())
}
