//! A page's own metadata: title, dates, feeds, OpenGraph, JSON-LD, microdata.
//!
//! It is read in one walk over the tree that the fields are read from; if there is an `itemref`, a second walk
//! finds its targets. Invariant: whatever the page, the metadata is bounded in bytes, entries and depth, and the
//! work in steps; anything left out, repaired or refused is reported in [`Metadata::faults`]. Edge: it contains
//! only what the page's own text says. What its HTTP headers say (`Link`, `Last-Modified`, `Content-Language`) is
//! not included, and nothing is guessed from the page's URL or prose.

mod attributes;
mod budget;
mod compact;
mod dates;
mod json_ld;
mod links;
mod meta;
mod microdata;
mod microdata_item;
mod open_graph;
mod properties;
mod reader;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use json_ld::JsonLd;
pub use microdata_item::{MicrodataItem, MicrodataValue};
pub use open_graph::OpenGraph;

pub(super) use reader::read;

/// What a page says about itself.
///
/// As JSON, empty values are left out, and the order is that of the fields here.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Metadata {
    /// The first of: `title` element, `og:title`, `twitter:title`. White space is folded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The description, with white space folded.
    ///
    /// The first of: `meta name=description`, `og:description`, `twitter:description`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The canonical URL: an absolute http or https URL.
    ///
    /// The first of: `link rel=canonical`, `og:url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical: Option<String>,
    /// The page's language, not checked against BCP 47.
    ///
    /// The first of: `lang` and `xml:lang` of the `html` element, `meta http-equiv=content-language`, `og:locale`
    /// with `-` for `_`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// When the page was published, in ISO 8601.
    ///
    /// A date, or a date and time, with an offset if the page states one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<String>,
    /// When the page was last modified, in the format of [`published`](Self::published).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified: Option<String>,
    /// The names of its authors, each once.
    ///
    /// They come from the first of JSON-LD, `meta` and microdata that names any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<String>,
    /// The OpenGraph properties.
    #[serde(skip_serializing_if = "OpenGraph::is_empty")]
    pub open_graph: OpenGraph,
    /// The properties of Twitter cards without their `twitter:`, in page order.
    ///
    /// As JSON it is an object, with a list where a name occurs more than once.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "properties::object"
    )]
    pub twitter: Vec<(String, String)>,
    /// The JSON-LD objects, block by block.
    ///
    /// The objects of a list are separate, and so are those of a `@graph` if its block has nothing else but a
    /// `@context`, which is then copied to each of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub json_ld: Vec<JsonLd>,
    /// The microdata items that are not values of other items, in page order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub microdata: Vec<MicrodataItem>,
    /// The feeds that the page offers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub feeds: Vec<Feed>,
    /// The icons that the page links to, except pictures embedded in the page (`data:`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub icons: Vec<Icon>,
    /// The same page in other languages, including this one if the page lists itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternates: Vec<Alternate>,
    /// What was left out, repaired or unreadable, and why.
    ///
    /// At most 20 lines; the last one counts the rest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

/// A feed that a page offers: `link rel=alternate` of a feed's media type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Feed {
    /// Its absolute URL.
    pub url: String,
    /// Its title, if the link has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its media type: `application/rss+xml`, `application/atom+xml`, `application/feed+json`.
    pub r#type: String,
}

/// An icon of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Icon {
    /// Its absolute URL.
    pub url: String,
    /// The kind: `icon`, `apple-touch-icon(-precomposed)`, `mask-icon` or `fluid-icon`.
    pub rel: String,
    /// Its sizes, as the link states them: `32x32`, `16x16 48x48`, `any`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sizes: Option<String>,
    /// Its media type, if the link has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
}

/// The same page in another language: `link rel=alternate hreflang=…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Alternate {
    /// Its absolute URL.
    pub url: String,
    /// The language, as the link states it: `de-CH`, `x-default`.
    pub language: String,
}

impl Metadata {
    /// The metadata of a page that could not be read.
    pub(super) fn refused(why: String) -> Self {
        Self {
            faults: vec![why],
            ..Self::default()
        }
    }
}
