//! Finds a page's links, its base, its title, and its directives for robots.
//!
//! Invariant: nothing here is resolved, fetched or trusted: a [`Link`] is the text as the page wrote it, trimmed and
//! decoded as HTML; and the number and length of the links are limited, whatever the page does. What is not wanted
//! costs nothing: if only the title is wanted, the scan ends at `</title>`. URLs that scripts would construct are not
//! found.

mod collector;
pub mod css;
mod elements;
pub(in crate::parse) mod guess;
mod link;
mod page;
pub(in crate::parse) mod reference;
pub(in crate::parse) mod refresh;
pub(in crate::parse) mod relation;
mod settings;
pub(in crate::parse) mod srcset;
#[cfg(test)]
mod tests;

pub use crate::robots::Directives;
pub use link::{Element, Link, LinkKind, Refresh};
pub use page::PageLinks;
pub use settings::LinkSettings;

use crate::parse::scan::{Decoder, Markup, scan_as};
use collector::Collector;

/// The number of bytes searched for a title when nothing else is wanted.
const TITLE_SEARCH_LIMIT: usize = 64 * 1024;

/// Finds the links and other facts of an HTML page.
///
/// `decoder` decodes references with bytes that are not ASCII.
#[must_use]
pub fn links<'a>(
    html: &'a [u8],
    settings: &LinkSettings<'_>,
    decoder: Decoder<'_>,
) -> PageLinks<'a> {
    links_as(Markup::Html, html, settings, decoder)
}

/// Like [`links`], for a document with the given rules.
#[must_use]
pub fn links_as<'a>(
    markup: Markup,
    text: &'a [u8],
    settings: &LinkSettings<'_>,
    decoder: Decoder<'_>,
) -> PageLinks<'a> {
    let text = if settings.wants_links() {
        text
    } else {
        &text[..text.len().min(TITLE_SEARCH_LIMIT)]
    };
    let mut collector = Collector::new(settings, decoder);
    scan_as(markup, text, &mut collector);
    collector.finish()
}
