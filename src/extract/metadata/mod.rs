//! What a page says about itself: title, dates, feeds, OpenGraph, JSON-LD, microdata.
//!
//! Read in one walk over the tree that the fields are read from; a second one finds what an `itemref` names, where there is
//! one. Invariant: whatever the page, the metadata is bounded in bytes, in entries and in depth, and the work in steps; what
//! was left out, mended or refused is told in [`Metadata::faults`].
//! Edge: only what the page's own text says. What its head over HTTP says (`Link`, `Last-Modified`, `Content-Language`) is not
//! here, and nothing is guessed from the page's address or prose.

mod budget;
mod compact;
mod dates;
mod json_ld;
mod links;
mod meta;
mod microdata;
mod open_graph;
mod reader;
#[cfg(test)]
mod tests;

use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

pub use json_ld::JsonLd;
pub use microdata::{MicrodataItem, MicrodataValue};
pub use open_graph::OpenGraph;

pub(super) use reader::read;

/// What a page says about itself. As JSON, what is empty is left out, and the order is that of the fields here.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Metadata {
    /// The first of: `title` element, `og:title`, `twitter:title`. White space folded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The first of: `meta name=description`, `og:description`, `twitter:description`. White space folded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The first of: `link rel=canonical`, `og:url`; an absolute http or https URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical: Option<String>,
    /// The first of: `lang` and `xml:lang` of the `html` element, `meta http-equiv=content-language`, `og:locale` with `-`
    /// for `_`. Not checked against BCP 47.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// When it was published, in ISO 8601: a date, or a date and time, with an offset where the page told one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<String>,
    /// When it was last changed, as [`published`](Self::published).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified: Option<String>,
    /// The names of its authors, each once: those of the first of JSON-LD, `meta`, microdata that names any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<String>,
    /// The properties of OpenGraph.
    #[serde(skip_serializing_if = "OpenGraph::is_empty")]
    pub open_graph: OpenGraph,
    /// The properties of Twitter cards without their `twitter:`, in the order of the page; as JSON an object, with a list
    /// where a name is told more than once.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "object")]
    pub twitter: Vec<(String, String)>,
    /// The objects of JSON-LD, block by block: those of a list each on its own, and those of a `@graph`, where the block has
    /// nothing beside it but a `@context`, which each of them is given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub json_ld: Vec<JsonLd>,
    /// The items of microdata that are no values of others, in the order of the page.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub microdata: Vec<MicrodataItem>,
    /// The feeds that are offered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub feeds: Vec<Feed>,
    /// The icons that are named. A picture inside the page (`data:`) is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub icons: Vec<Icon>,
    /// The same page in other languages, itself too where it says so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternates: Vec<Alternate>,
    /// What was left out, mended or could not be read, and why; at most 20 lines, the last one counting the rest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

/// A feed that a page offers: `link rel=alternate` of a feed's media type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Feed {
    /// Where it is, absolute.
    pub url: String,
    /// Its title, where the link has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its media type: `application/rss+xml`, `application/atom+xml`, `application/feed+json`.
    pub r#type: String,
}

/// An icon of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Icon {
    /// Where it is, absolute.
    pub url: String,
    /// What kind of icon: `icon`, `apple-touch-icon`, `apple-touch-icon-precomposed`, `mask-icon`, `fluid-icon`.
    pub rel: String,
    /// Its sizes, as the link has them: `32x32`, `16x16 48x48`, `any`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sizes: Option<String>,
    /// Its media type, where the link has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
}

/// The same page in another language: `link rel=alternate hreflang=…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Alternate {
    /// Where it is, absolute.
    pub url: String,
    /// The language, as the link has it: `de-CH`, `x-default`.
    pub language: String,
}

impl Metadata {
    /// Of a page that could not be read.
    pub(super) fn refused(why: String) -> Self {
        Self {
            faults: vec![why],
            ..Self::default()
        }
    }
}

/// Names and their texts as a JSON object: a text where a name is told once, a list where it is told more often.
fn object<S: Serializer, N: AsRef<str>, T: AsRef<str>>(
    properties: &[(N, T)],
    to: S,
) -> Result<S::Ok, S::Error> {
    let mut names: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, text) in properties {
        let (name, text) = (name.as_ref(), text.as_ref());
        match names.iter_mut().find(|(known, _)| *known == name) {
            Some((_, texts)) => texts.push(text),
            None => names.push((name, vec![text])),
        }
    }
    let mut object = to.serialize_map(Some(names.len()))?;
    for (name, texts) in &names {
        match texts[..] {
            [text] => object.serialize_entry(name, text)?,
            _ => object.serialize_entry(name, texts)?,
        }
    }
    object.end()
}
