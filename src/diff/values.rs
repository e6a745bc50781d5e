//! The fields and items of a page, in a form that can be compared.
//!
//! A value that is missing, `null`, or an empty list or object is none, whatever the format made of it.

use serde_json::{Map, Value};
use xxhash_rust::xxh3::xxh3_64;

use crate::earlier::Page;
use crate::url::fingerprint::Fingerprints;

/// The name of the recipe of fields that were selected on the command line.
const SELECTED: &str = "fields";

/// The values of a page.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// The fields of the page itself, by name; items without a key by `recipe`, as a list.
    pub(super) own: Map<String, Value>,
    /// The items with a key.
    pub(super) keyed: Vec<Keyed>,
}

/// An item with a key, which is the same item wherever it is.
#[derive(Debug)]
pub(super) struct Keyed {
    pub(super) recipe: String,
    pub(super) key: String,
    pub(super) fields: Map<String, Value>,
}

impl Values {
    /// Takes the values of a page; `key` is the field that identifies an item.
    pub(super) fn take(page: &mut Page, key: Option<&str>) -> Self {
        let mut values = Self::default();
        if let Some(Value::Object(fields)) = page.fields.take().and_then(without_nothing) {
            values.add(SELECTED, fields, key, true);
        }
        let Some(Value::Object(recipes)) = page.items.take().and_then(without_nothing) else {
            return values;
        };
        for (recipe, items) in recipes {
            let Value::Array(items) = items else { continue };
            for item in items {
                match item {
                    Value::Object(fields) => values.add(&recipe, fields, key, false),
                    other => values.add_unkeyed(&recipe, other),
                }
            }
        }
        values
    }

    fn add(&mut self, recipe: &str, fields: Map<String, Value>, key: Option<&str>, is_own: bool) {
        match key.and_then(|key| fields.get(key)) {
            Some(value) => self.keyed.push(Keyed {
                recipe: recipe.to_owned(),
                key: text(value),
                fields,
            }),
            None if is_own => self.own.extend(fields),
            None => self.add_unkeyed(recipe, fields.into()),
        }
    }

    fn add_unkeyed(&mut self, recipe: &str, item: Value) {
        // A dot is in no field's name.
        let list = self
            .own
            .entry(format!("{recipe}."))
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(item);
        }
    }

    /// A hash of the page's own values; 0 if there are none.
    pub(super) fn hash(&self) -> u64 {
        hash(&self.own)
    }
}

impl Keyed {
    /// A hash of the recipe and the key.
    pub(super) fn identity(&self, fingerprints: Fingerprints) -> u64 {
        let mut hash = fingerprints.begin();
        hash.update(self.recipe.as_bytes());
        hash.update(&[0xff]);
        hash.update(self.key.as_bytes());
        hash.digest()
    }

    /// A hash of its values.
    pub(super) fn hash(&self) -> u64 {
        hash(&self.fields)
    }
}

/// A hash of an object, whose members are in the order of their names; 0 if it is empty.
fn hash(object: &Map<String, Value>) -> u64 {
    match object.is_empty() {
        true => 0,
        false => xxh3_64(&serde_json::to_vec(object).unwrap_or_default()).max(1),
    }
}

/// A value as text: of a string, the string itself.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The value without anything that is none; `None` if nothing is left.
fn without_nothing(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(values) => {
            let values: Vec<_> = values.into_iter().filter_map(without_nothing).collect();
            (!values.is_empty()).then(|| values.into())
        }
        Value::Object(members) => {
            let there = |(name, value)| Some((name, without_nothing(value)?));
            let members: Map<_, _> = members.into_iter().filter_map(there).collect();
            (!members.is_empty()).then(|| members.into())
        }
        Value::String(text) if text.is_empty() => None,
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn page(fields: Value, items: Value) -> Page {
        Page {
            fields: Some(fields),
            items: Some(items),
            ..Page::default()
        }
    }

    #[test]
    fn nothing_is_the_same_in_every_spelling() {
        let one = Values::take(
            &mut page(json!({ "a": 1, "b": null, "c": [] }), json!({ "p": [] })),
            None,
        );
        let other = Values::take(&mut page(json!({ "a": 1, "b": "" }), Value::Null), None);
        assert_eq!((one.hash(), one.own.len()), (other.hash(), 1));
        assert_eq!(Values::take(&mut Page::default(), None).hash(), 0);
    }

    #[test]
    fn an_item_with_the_key_is_apart_from_its_page() {
        let items = json!({ "p": [{ "sku": "A", "n": 1 }, { "n": 2 }, { "sku": 7 }] });
        let values = Values::take(&mut page(json!({ "h": "x" }), items), Some("sku"));
        let keys: Vec<_> = values.keyed.iter().map(|item| item.key.as_str()).collect();
        assert_eq!(keys, ["A", "7"]);
        assert_eq!(
            Value::Object(values.own),
            json!({ "h": "x", "p.": [{ "n": 2 }] })
        );
    }
}
