//! The walk over a page's tree, and the metadata assembled from everything it collected.

use std::collections::HashSet;

use ego_tree::NodeRef;
use scraper::Node;
use scraper::node::Element;

use super::Metadata;
use super::attributes::{Attributes, words};
use super::budget::{Budget, TEXT_BYTES, folded};
use super::dates::{Dates, Rank};
use super::json_ld::{self, JsonLdReader};
use super::links;
use super::meta::MetaReader;
use super::microdata::{MicrodataReader, References};
use super::microdata_item::{MicrodataItem, MicrodataValue};
use super::open_graph::OpenGraph;
use crate::extract::base::Base;
use crate::extract::tree::Tree;

/// The most items that are read.
const ITEMS: usize = 20_000;
/// The most identifiers that items may refer to.
const REFERENCES: usize = 10_000;
/// The namespace of HTML: pictures (SVG) have `title` elements too.
const HTML: &str = "http://www.w3.org/1999/xhtml";

/// What has been collected so far.
#[derive(Default)]
struct Collected<'t> {
    title: Option<String>,
    language: Option<String>,
    dates: Dates,
    meta: MetaReader,
    json_ld: JsonLdReader,
    /// The elements of items, and whether each is meant to be the value of another.
    items: Vec<(NodeRef<'t, Node>, bool)>,
    /// The words of all `itemref` attributes.
    references: HashSet<&'t str>,
}

/// Reads what a page says about itself.
pub(in crate::extract) fn read(tree: &Tree, base: &Base) -> Metadata {
    let mut metadata = Metadata::default();
    let mut budget = Budget::new();
    let mut collected = Collected::default();
    let root = tree.html.tree.root();
    for node in root.descendants() {
        if let Node::Element(element) = node.value() {
            collected.element(node, element, base, &mut metadata, &mut budget);
        }
    }
    let references = References::find(root, &collected.references);
    let mut reader = MicrodataReader::new(base, references, &mut budget);
    metadata.microdata = reader.items(&collected.items);
    collected.settle(metadata, base, budget)
}

impl<'t> Collected<'t> {
    fn element(
        &mut self,
        node: NodeRef<'t, Node>,
        element: &'t Element,
        base: &Base,
        metadata: &mut Metadata,
        budget: &mut Budget,
    ) {
        let attributes = Attributes::of(element);
        match element.name() {
            "html" => {
                let language = attributes
                    .get("lang")
                    .filter(|text| !text.trim().is_empty());
                let language = language.or(attributes.get("xml:lang"));
                let language = language.map(folded).filter(|text| !text.is_empty());
                self.language = language.and_then(|text| budget.text("lang", &text));
            }
            "title" if self.title.is_none() && *element.name.ns == *HTML => {
                let title = folded(&own_text(node));
                if !title.is_empty() {
                    self.title = budget.text("title", &title);
                }
            }
            "meta" => self.meta.read(&attributes, &mut self.dates, budget),
            "link" => links::read(&attributes, base, metadata, budget),
            "script" => {
                let media = attributes.get("type").map(links::essence);
                if media.as_deref() == Some("application/ld+json") {
                    // The tree builder makes it a single text node, or none.
                    let text = node.first_child().and_then(|child| child.value().as_text());
                    let text = text.map_or("", |text| &**text);
                    self.json_ld.block(text, &mut self.dates, budget);
                }
            }
            "time" => self.time(node, &attributes),
            _ => {}
        }
        self.scope(node, &attributes, budget);
    }

    fn time(&mut self, node: NodeRef<'t, Node>, time: &Attributes<'t>) {
        let rank = match time.get("pubdate") {
            Some(_) => Rank::Time,
            None => Rank::Class,
        };
        let published =
            rank == Rank::Time || time.has_class(&["published", "dt-published", "entry-date"]);
        let modified = time.has_class(&["updated", "dt-updated"]);
        if !published && !modified {
            return;
        }
        let text = time
            .get("datetime")
            .map_or_else(|| own_text(node), str::to_owned);
        if published {
            self.dates.published.add(rank, "time", &text);
        }
        if modified {
            self.dates.modified.add(Rank::Class, "time", &text);
        }
    }

    fn scope(&mut self, node: NodeRef<'t, Node>, attributes: &Attributes<'t>, budget: &mut Budget) {
        if attributes.get("itemscope").is_none() {
            return;
        }
        for word in words(attributes.get("itemref")) {
            if self.references.len() < REFERENCES {
                self.references.insert(word);
            } else {
                budget.fault(format!(
                    "microdata: more than {REFERENCES} elements referred to: the rest is left out"
                ));
            }
        }
        if self.items.len() < ITEMS {
            let is_value = attributes.get("itemprop").is_some();
            self.items.push((node, is_value));
        } else {
            budget.fault(format!(
                "microdata: more than {ITEMS} items: the rest is left out"
            ));
        }
    }

    /// Assembles the metadata, preferring the most trusted sources.
    fn settle(mut self, mut metadata: Metadata, base: &Base, mut budget: Budget) -> Metadata {
        let open_graph = OpenGraph {
            properties: self.meta.open_graph,
        };
        let twitter = |name: &str| {
            let mut properties = self.meta.twitter.iter();
            let text = properties.find(|(known, _)| known == name);
            text.map(|(_, text)| text.as_str())
        };
        let second = |of_open_graph: &str, of_twitter: &str| {
            let text = open_graph
                .first(of_open_graph)
                .or_else(|| twitter(of_twitter));
            text.map(folded)
        };
        metadata.title = self.title.or_else(|| second("og:title", "title"));
        let description = self.meta.description.take();
        metadata.description = description.or_else(|| second("og:description", "description"));
        if metadata.canonical.is_none()
            && let Some(url) = open_graph.first("og:url")
        {
            let url = links::url("og:url", url, base, &mut budget);
            metadata.canonical = url.filter(links::is_page).map(String::from);
        }
        let locale = open_graph
            .first("og:locale")
            .map(|locale| locale.replace('_', "-"));
        metadata.language = self.language.or(self.meta.language.take()).or(locale);
        let mut dates = self.dates;
        let mut microdata_authors = Vec::new();
        for item in &metadata.microdata {
            note_item(item, &mut dates, &mut microdata_authors);
        }
        metadata.published = dates.published.first(&mut budget);
        metadata.modified = dates.modified.first(&mut budget);
        let mut authors =
            [self.json_ld.authors(), self.meta.authors, microdata_authors].into_iter();
        metadata.authors = authors.find(|names| !names.is_empty()).unwrap_or_default();
        metadata.json_ld = self.json_ld.objects;
        metadata.twitter = self.meta.twitter;
        metadata.open_graph = open_graph;
        metadata.faults = budget.faults();
        metadata
    }
}

/// Records what a top-level item says about the page.
fn note_item(item: &MicrodataItem, dates: &mut Dates, authors: &mut Vec<String>) {
    /// The most authors that are stored.
    const AUTHORS: usize = 100;
    if item
        .types
        .iter()
        .any(|name| json_ld::is_about_something_else(name))
    {
        return;
    }
    for text in item.texts("datePublished") {
        dates.published.add(Rank::Microdata, "datePublished", text);
    }
    for text in item.texts("dateModified") {
        dates.modified.add(Rank::Microdata, "dateModified", text);
    }
    for author in item.values("author") {
        let name = match author {
            MicrodataValue::Text(name) => Some(name.as_str()),
            MicrodataValue::Item(author) => author.texts("name").next().or_else(|| {
                let mut names = author.values("name").iter();
                names.find_map(|name| match name {
                    MicrodataValue::Item(name) => name.texts("name").next(),
                    MicrodataValue::Text(_) => None,
                })
            }),
        };
        let new = |name: &&str| !name.is_empty() && !authors.iter().any(|known| known == name);
        if let Some(name) = name.filter(new)
            && authors.len() < AUTHORS
        {
            authors.push(name.to_owned());
        }
    }
}

/// The text directly in an element, joined; not much more of it than will be stored.
fn own_text(node: NodeRef<'_, Node>) -> String {
    let mut text = String::new();
    for child in node.children() {
        if let Some(piece) = child.value().as_text() {
            text.push_str(piece);
        }
        if text.len() > 2 * TEXT_BYTES {
            break;
        }
    }
    text
}
