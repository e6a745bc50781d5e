//! `link` elements: canonical URL, feeds, icons, the page in other languages.
//!
//! The words of `rel` and media types are case-insensitive (HTML 4.2.4). Edge: `application/json` does not count as
//! a feed type, because it mostly marks the API of a blog's software.

use url::Url;

use super::attributes::Attributes;
use super::budget::{Budget, folded};
use super::{Alternate, Feed, Icon, Metadata};
use crate::extract::base::Base;

const FEEDS: [&str; 3] = [
    "application/rss+xml",
    "application/atom+xml",
    "application/feed+json",
];
const ICONS: [&str; 5] = [
    "icon",
    "apple-touch-icon",
    "apple-touch-icon-precomposed",
    "mask-icon",
    "fluid-icon",
];

/// Reads a `link`.
pub(super) fn read(
    link: &Attributes<'_>,
    base: &Base,
    metadata: &mut Metadata,
    budget: &mut Budget,
) {
    let (Some(rel), Some(href)) = (link.get("rel"), link.get("href")) else {
        return;
    };
    let is = |wanted: &str| {
        rel.split_ascii_whitespace()
            .any(|word| word.eq_ignore_ascii_case(wanted))
    };
    if href.trim().is_empty() {
        return;
    }
    let media = link.get("type").map(essence);
    if is("canonical")
        && let Some(url) = url("canonical", href, base, budget).filter(is_page)
    {
        canonical(url, metadata, budget);
    }
    if let Some(rel) = ICONS.into_iter().find(|rel| is(rel))
        && let Some(url) = url(rel, href, base, budget).filter(|url| url.scheme() != "data")
        && budget.room("icons", metadata.icons.len())
        && budget.take(url.as_str().len())
    {
        metadata.icons.push(Icon {
            url: url.into(),
            rel: rel.to_owned(),
            sizes: label(link, "sizes", budget),
            r#type: media.clone().filter(|media| budget.take(media.len())),
        });
    }
    if !is("alternate") {
        return;
    }
    if let Some(media) = media.filter(|media| FEEDS.contains(&media.as_str())) {
        if budget.room("feeds", metadata.feeds.len())
            && let Some(url) = url("feed", href, base, budget)
            && budget.take(url.as_str().len())
        {
            metadata.feeds.push(Feed {
                url: url.into(),
                title: label(link, "title", budget),
                r#type: media,
            });
        }
    } else if budget.room("pages in other languages", metadata.alternates.len())
        && let Some(language) = label(link, "hreflang", budget)
        && let Some(url) = url("alternate", href, base, budget)
        && budget.take(url.as_str().len())
    {
        metadata.alternates.push(Alternate {
            url: url.into(),
            language,
        });
    }
}

/// Whether it is the URL of a page.
pub(super) fn is_page(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

/// Resolves a reference into an absolute URL; reports a fault if it is not one.
pub(super) fn url(what: &str, reference: &str, base: &Base, budget: &mut Budget) -> Option<Url> {
    match base.join(reference) {
        Ok(url) => Some(url),
        Err(why) => {
            let reference = super::budget::short(reference);
            budget.fault(format!("{what}: {reference:?} is not a URL: {why}"));
            None
        }
    }
}

/// A media type without its parameters, in lower case.
pub(super) fn essence(media: &str) -> String {
    const LONGEST: usize = 127; // RFC 6838 4.2, twice
    let essence = media.split(';').next().unwrap_or_default().trim();
    essence[..essence.floor_char_boundary(2 * LONGEST)].to_ascii_lowercase()
}

fn canonical(url: Url, metadata: &mut Metadata, budget: &mut Budget) {
    match &metadata.canonical {
        Some(known) if known != url.as_str() => {
            budget.fault("several canonical URLs: the first is taken");
        }
        Some(_) => {}
        None => metadata.canonical = budget.take(url.as_str().len()).then(|| url.into()),
    }
}

fn label(link: &Attributes<'_>, name: &str, budget: &mut Budget) -> Option<String> {
    let text = folded(link.get(name)?);
    if text.is_empty() {
        None
    } else {
        budget.text(name, &text)
    }
}
