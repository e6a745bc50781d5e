//! JSON-LD (<https://www.w3.org/TR/json-ld11/>, 9): a page's blocks, split into objects.
//!
//! A block is a `script` of type `application/ld+json`. Its text is [turned into JSON](super::compact) and searched
//! for what it says about the page as a whole; contexts are not applied, and nothing is fetched. Invariant: any
//! JSON parser can read an object that is stored: it is nested at most 64 deep, its strings are valid Unicode and
//! its numbers finite.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::budget::Budget;
use super::compact::Compact;
use super::dates::{Dates, Rank};

/// The most bytes of one block; a longer one is left out.
const BLOCK_BYTES: usize = 2 << 20;
/// The most objects stored of a page.
const OBJECTS: usize = 10_000;
/// The most bytes of a context that is copied to each object of a graph.
const CONTEXT_BYTES: usize = 256;
/// The most bytes of a value that is searched for what it says about the page.
const VALUE_BYTES: usize = 16 << 10;
/// The most names stored: of authors, and of objects that authors may refer to.
const NAMES: usize = 100;
/// Nesting depth of objects and lists in which a name is looked for.
const NAME_DEPTH: usize = 6;

/// A JSON-LD object as JSON text in one line.
///
/// Names are in page order, and numbers are as written there.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct JsonLd(Box<RawValue>);

/// The blocks of a page that have been read so far.
#[derive(Debug, Default)]
pub(super) struct JsonLdReader {
    pub(super) objects: Vec<JsonLd>,
    blocks: usize,
    /// The authors: names, or references to objects that have a name (`{"@id": …}`).
    authors: Vec<Author>,
    /// The names of objects that have an identifier.
    names: Vec<(String, String)>,
}

/// An author of an object.
#[derive(Debug)]
enum Author {
    Name(String),
    Id(String),
}

/// The parts of an object that are looked at.
#[derive(Debug, Default)]
struct Node<'j> {
    context: Option<&'j RawValue>,
    graph: Option<&'j RawValue>,
    /// The number of its other names.
    others: usize,
    id: Option<&'j RawValue>,
    types: Option<&'j RawValue>,
    name: Option<&'j RawValue>,
    author: Option<&'j RawValue>,
    published: Option<&'j RawValue>,
    modified: Option<&'j RawValue>,
    main: Option<&'j RawValue>,
}

impl JsonLd {
    /// The object as JSON text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for JsonLd {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl JsonLdReader {
    /// Reads a block.
    pub(super) fn block(&mut self, text: &str, dates: &mut Dates, budget: &mut Budget) {
        self.blocks += 1;
        let block = self.blocks;
        if text.len() > BLOCK_BYTES {
            budget.fault(format!(
                "JSON-LD block {block} has {} bytes, and at most {BLOCK_BYTES} are read",
                text.len()
            ));
            return;
        }
        if text.trim().is_empty() {
            budget.fault(format!("JSON-LD block {block} is empty"));
            return;
        }
        let compact = match Compact::read(text) {
            Ok(compact) => compact,
            Err(why) => return budget.fault(format!("JSON-LD block {block}: {why}")),
        };
        if let Err(error) = serde_json::from_str::<ValidJson>(&compact.text) {
            // The error position in the page's own text is more useful.
            let error = serde_json::from_str::<IgnoredAny>(text)
                .err()
                .unwrap_or(error);
            budget.fault(format!("JSON-LD block {block} is not JSON: {error}"));
            return;
        }
        if !compact.repairs.is_empty() {
            let repairs = compact.repairs.join(", ");
            budget.fault(format!(
                "JSON-LD block {block} is not JSON and was repaired: {repairs}"
            ));
        }
        self.objects(&compact.text, block, dates, budget);
    }

    /// The names of the authors, each once.
    pub(super) fn authors(&self) -> Vec<String> {
        let mut authors: Vec<String> = Vec::new();
        for author in &self.authors {
            let name = match author {
                Author::Name(name) => Some(name),
                Author::Id(id) => {
                    let mut names = self.names.iter();
                    names.find(|(known, _)| known == id).map(|(_, name)| name)
                }
            };
            if let Some(name) = name.filter(|name| !authors.contains(name)) {
                authors.push(name.clone());
            }
        }
        authors
    }

    /// Stores an object, or each object of a list.
    fn objects(&mut self, json: &str, block: usize, dates: &mut Dates, budget: &mut Budget) {
        if !json.starts_with('[') {
            return self.object(json, block, dates, budget);
        }
        each(json, &mut |inner| self.object(inner, block, dates, budget));
    }

    /// Stores an object, or each object of its graph.
    fn object(&mut self, json: &str, block: usize, dates: &mut Dates, budget: &mut Budget) {
        let Some(node) = Node::read(json) else {
            return budget.fault(format!(
                "JSON-LD block {block} contains something that is not an object"
            ));
        };
        let context = node.context.map_or("", RawValue::get);
        let graph = node.graph.filter(|graph| {
            node.others == 0 && context.len() <= CONTEXT_BYTES && graph.get().starts_with('[')
        });
        let Some(graph) = graph else {
            return self.store(json.to_owned(), &node, dates, budget);
        };
        each(graph.get(), &mut |inner| {
            let Some(node) = Node::read(inner) else {
                return budget.fault(format!(
                    "JSON-LD block {block} contains something that is not an object"
                ));
            };
            let own = node.context.is_some() || context.is_empty();
            let json = match inner.strip_prefix('{') {
                Some("}") if !own => format!("{{\"@context\":{context}}}"),
                Some(rest) if !own => format!("{{\"@context\":{context},{rest}"),
                _ => inner.to_owned(),
            };
            self.store(json, &node, dates, budget);
        });
    }

    fn store(&mut self, json: String, node: &Node<'_>, dates: &mut Dates, budget: &mut Budget) {
        if self.objects.len() >= OBJECTS {
            return budget.fault(format!(
                "more than {OBJECTS} objects of JSON-LD: the rest is left out"
            ));
        }
        if !budget.take(json.len()) {
            return;
        }
        self.note(node, dates);
        if let Some(main) = node.main.and_then(|main| Node::read(main.get())) {
            self.note(&main, dates);
        }
        if let Ok(raw) = RawValue::from_string(json) {
            self.objects.push(JsonLd(raw));
        }
    }

    /// Records what an object says about the page.
    fn note(&mut self, node: &Node<'_>, dates: &mut Dates) {
        let types = node.types.map(strings).unwrap_or_default();
        let is = |known: &dyn Fn(&str) -> bool| types.iter().any(|name| known(name));
        if let (Some(Value::String(id)), Some(name)) =
            (node.id.and_then(value), node.name.and_then(value))
            && let Some(name) = name_in(&name, NAME_DEPTH)
            && self.names.len() < NAMES
        {
            self.names.push((id, name.to_owned()));
        }
        if is(&is_about_something_else) {
            return;
        }
        let rank = match is(&is_article) {
            true => Rank::JsonLdArticle,
            false => Rank::JsonLd,
        };
        for text in node.published.map(strings).unwrap_or_default() {
            dates.published.add(rank, "datePublished", &text);
        }
        for text in node.modified.map(strings).unwrap_or_default() {
            dates.modified.add(rank, "dateModified", &text);
        }
        if let Some(value) = node.author.and_then(value) {
            self.author(&value, NAME_DEPTH);
        }
    }

    /// Records an author, or each author of a list.
    fn author(&mut self, value: &Value, depth: usize) {
        if self.authors.len() >= NAMES || depth == 0 {
            return;
        }
        let listed = |name| match value {
            Value::Object(object) => object.get(name),
            _ => None,
        };
        match value {
            Value::Array(several) => several.iter().for_each(|one| self.author(one, depth - 1)),
            one => {
                if let Some(several) = listed("@list").or_else(|| listed("@set")) {
                    self.author(several, depth - 1);
                } else if let Some(name) = name_in(one, depth) {
                    self.authors.push(Author::Name(name.to_owned()));
                } else if let Some(Value::String(id)) = listed("@id") {
                    self.authors.push(Author::Id(id.clone()));
                }
            }
        }
    }
}

/// The name in a value: a string, the first string of a list, or the name of an object.
///
/// The name of an object may itself be an object.
fn name_in(value: &Value, depth: usize) -> Option<&str> {
    let depth = depth.checked_sub(1)?;
    match value {
        Value::String(name) => Some(name.as_str()).filter(|name| !name.trim().is_empty()),
        Value::Array(several) => several.iter().find_map(|one| name_in(one, depth)),
        Value::Object(object) => {
            let named = object.get("name").or_else(|| object.get("@value"));
            name_in(named?, depth)
        }
        _ => None,
    }
}

/// Whether a type is about something else: a comment, a review, an answer.
///
/// Their dates and authors are not those of the page.
pub(super) fn is_about_something_else(name: &str) -> bool {
    let name = name.rsplit(['/', ':', '#']).next().unwrap_or(name);
    ["Comment", "Review", "Answer"]
        .iter()
        .any(|end| name.ends_with(end))
        || name == "UserComments"
}

/// Whether a type is an article: `NewsArticle`, `BlogPosting` and the like, and recipes.
pub(super) fn is_article(name: &str) -> bool {
    ["Article", "Posting", "Report", "Recipe"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// Parses a value if it is short.
fn value(raw: &RawValue) -> Option<Value> {
    let short = raw.get().len() <= VALUE_BYTES;
    serde_json::from_str(raw.get()).ok().filter(|_| short)
}

/// A string, or the strings of a list.
fn strings(raw: &RawValue) -> Vec<String> {
    match value(raw) {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(values)) => {
            let texts = values.into_iter().filter_map(|value| match value {
                Value::String(text) => Some(text),
                _ => None,
            });
            texts.take(NAMES).collect()
        }
        _ => Vec::new(),
    }
}

impl<'j> Node<'j> {
    /// Reads an object; `None` if it is not one.
    fn read(json: &'j str) -> Option<Self> {
        if !json.starts_with('{') {
            return None;
        }
        serde_json::Deserializer::from_str(json)
            .deserialize_map(NodeVisitor)
            .ok()
    }
}

struct NodeVisitor;

impl<'j> Visitor<'j> for NodeVisitor {
    type Value = Node<'j>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an object")
    }

    fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<Node<'j>, A::Error> {
        let mut node = Node::default();
        while let Some(name) = map.next_key::<String>()? {
            let value: &'j RawValue = map.next_value()?;
            let slot = match name.as_str() {
                "@context" => &mut node.context,
                "@graph" => &mut node.graph,
                name => {
                    node.others += 1;
                    match name {
                        "@id" => &mut node.id,
                        "@type" => &mut node.types,
                        "name" => &mut node.name,
                        "author" => &mut node.author,
                        "datePublished" => &mut node.published,
                        "dateModified" => &mut node.modified,
                        "mainEntity" => &mut node.main,
                        _ => continue,
                    }
                }
            };
            *slot = Some(value);
        }
        Ok(node)
    }
}

/// Calls a function with the JSON of each value of a list, without storing the values.
fn each(json: &str, act: &mut dyn FnMut(&str)) {
    struct List<'a>(&'a mut dyn FnMut(&str));
    impl<'j> Visitor<'j> for List<'_> {
        type Value = ();

        fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
            to.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'j>>(self, mut list: A) -> Result<(), A::Error> {
            while let Some(value) = list.next_element::<&'j RawValue>()? {
                self.0(value.get());
            }
            Ok(())
        }
    }
    // The text has been checked to be valid.
    let _ = serde_json::Deserializer::from_str(json).deserialize_seq(List(act));
}

/// JSON that any parser can read; its content is checked and not stored.
struct ValidJson;

impl<'j> Deserialize<'j> for ValidJson {
    fn deserialize<D: Deserializer<'j>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Self)
    }
}

impl<'j> Visitor<'j> for ValidJson {
    type Value = Self;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'j>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}
