//! `meta` elements: OpenGraph, Twitter cards, description, dates, authors.
//!
//! A name may be in `name` or in `property`, whichever the vocabulary demands, because pages mix them up. If an
//! element has both, it counts for both. Names are case-insensitive.

use super::attributes::Attributes;
use super::budget::{Budget, folded};
use super::dates::{self, Dates, Rank};
use super::open_graph;

/// The longest name that is looked at, in bytes.
const LONGEST: usize = 256;
/// The most names in one `property` attribute, which is a list in RDFa.
const NAMES: usize = 16;
/// The most authors that are stored.
const AUTHORS: usize = 100;

/// What the `meta` elements have said so far.
#[derive(Debug, Default)]
pub(super) struct MetaReader {
    pub(super) open_graph: Vec<(String, String)>,
    pub(super) twitter: Vec<(String, String)>,
    pub(super) description: Option<String>,
    pub(super) language: Option<String>,
    pub(super) authors: Vec<String>,
}

impl MetaReader {
    /// Reads a `meta` element.
    pub(super) fn read(&mut self, meta: &Attributes<'_>, dates: &mut Dates, budget: &mut Budget) {
        let Some(content) = meta.get("content") else {
            return;
        };
        let content = content.trim();
        if content.is_empty() {
            return;
        }
        if let Some(pragma) = meta.get("http-equiv") {
            match pragma.trim().to_ascii_lowercase().as_str() {
                "content-language" if self.language.is_none() => {
                    self.language = budget.text("content-language", content);
                }
                "last-modified" => dates.modified.add(Rank::Meta, "last-modified", content),
                _ => {}
            }
        }
        let name = meta.get("name").map(str::trim);
        let properties = meta.get("property").unwrap_or_default();
        let properties = properties.split_ascii_whitespace().take(NAMES);
        let mut last = None;
        for name in name.into_iter().chain(properties) {
            let name = &name[..name.floor_char_boundary(LONGEST)];
            let name = name.to_ascii_lowercase();
            if last.as_ref() != Some(&name) {
                self.property(&name, content, dates, budget);
            }
            last = Some(name);
        }
    }

    fn property(&mut self, name: &str, content: &str, dates: &mut Dates, budget: &mut Budget) {
        if let Some(short) = name.strip_prefix("twitter:") {
            if !short.is_empty() && budget.room("properties of Twitter cards", self.twitter.len()) {
                store(&mut self.twitter, short, name, content, budget);
            }
        } else if open_graph::is_property(name)
            && budget.room("properties of OpenGraph", self.open_graph.len())
        {
            store(&mut self.open_graph, name, name, content, budget);
        }
        match name {
            "description" if self.description.is_none() => {
                self.description = budget.text(name, &folded(content));
            }
            "article:published_time" => dates.published.add(Rank::OpenGraph, name, content),
            "article:modified_time" => dates.modified.add(Rank::OpenGraph, name, content),
            name if dates::is_published(name) => dates.published.add(Rank::Meta, name, content),
            name if dates::is_modified(name) => dates.modified.add(Rank::Meta, name, content),
            "author" | "article:author" | "dc.creator" | "dcterms.creator" | "citation_author"
            | "parsely-author" | "sailthru.author" => self.author(name, content, budget),
            // Several names; they are not split at commas, because a name may contain one.
            "authors" => {
                let names = content.split(';').map(str::trim);
                for one in names.filter(|one| !one.is_empty()).take(AUTHORS) {
                    self.author(name, one, budget);
                }
            }
            _ => {}
        }
    }

    fn author(&mut self, name: &str, content: &str, budget: &mut Budget) {
        // OpenGraph wants the URL of a profile here, but pages often write the name.
        let is_address = content.starts_with("http:") || content.starts_with("https:");
        if is_address || self.authors.len() >= AUTHORS {
            return;
        }
        let author = folded(content);
        if !self.authors.contains(&author) {
            self.authors.extend(budget.text(name, &author));
        }
    }
}

fn store(
    properties: &mut Vec<(String, String)>,
    name: &str,
    what: &str,
    content: &str,
    budget: &mut Budget,
) {
    if budget.take(name.len())
        && let Some(content) = budget.text(what, content)
    {
        properties.push((name.to_owned(), content));
    }
}
