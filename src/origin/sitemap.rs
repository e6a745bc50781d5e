//! Sitemaps of a generated site, in parts as large as sitemaps.org allows, with or without `lastmod`.
//!
//! Invariant: each page is in exactly one part. A `lastmod` is as true as its setting says.

use std::fmt::Write;
use std::time::SystemTime;

use crate::text::moment::to_second;

/// The most URLs in a sitemap (sitemaps.org).
pub(crate) const PART: u64 = 50_000;

/// What a sitemap says about when its pages changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lastmod {
    /// Nothing.
    #[default]
    None,
    /// The time when each page changed, as in its `Last-Modified`.
    Truthful,
    /// Wrong: every page changed at the moment of the request.
    AlwaysNow,
    /// Wrong: when each page appeared, although it has changed since.
    NeverChanges,
}

/// The sitemap of the parts.
pub(crate) fn index(base: &str, parts: u64) -> String {
    let mut index = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<sitemapindex xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n",
    );
    for part in 0..parts {
        // Writing to memory cannot fail, so the result is ignored, here and below.
        let _ = writeln!(
            index,
            "<sitemap><loc>{base}/sitemap-{part}.xml</loc></sitemap>"
        );
    }
    index.push_str("</sitemapindex>\n");
    index
}

/// The sitemap of some pages, each with its `lastmod`.
pub(crate) fn part(base: &str, pages: impl Iterator<Item = (u64, Option<SystemTime>)>) -> String {
    let mut addresses = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n",
    );
    for (page, modified) in pages {
        let _ = write!(addresses, "<url><loc>{base}/page/{page}</loc>");
        if let Some(modified) = modified {
            let _ = write!(addresses, "<lastmod>{}</lastmod>", to_second(modified));
        }
        addresses.push_str("</url>\n");
    }
    addresses.push_str("</urlset>\n");
    addresses
}
