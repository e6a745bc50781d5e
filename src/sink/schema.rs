//! Tests that the record, its schema and its documentation agree.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::samples;
use super::{FIELDS, Record, SCHEMA};
use crate::page::failure::FetchError;
use crate::page::snapshot::Snapshot;
use crate::visit::compared::{Change, Compared};

const DOCS: &str = include_str!("../../docs/src/reference/records.md");

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

fn keys(text: &str) -> Vec<String> {
    /// The keys of an object in their original order; a map would sort them.
    struct Keys(Vec<String>);
    impl<'de> serde::Deserialize<'de> for Keys {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Keys;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<Keys, A::Error> {
                    let mut keys = Vec::new();
                    while let Some((key, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                        keys.push(key);
                    }
                    Ok(Keys(keys))
                }
            }
            deserializer.deserialize_map(Visitor)
        }
    }
    serde_json::from_str::<Keys>(text).unwrap().0
}

#[test]
fn a_record_of_every_kind_matches_the_schema() {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    for body in [false, true] {
        for visit in samples::every() {
            let names = [http::header::SERVER, http::header::ETAG];
            let record = Record::of(&visit, body).with_headers(&visit, &names);
            let record = serde_json::to_value(record).unwrap();
            let problems: Vec<String> = validator
                .iter_errors(&record)
                .map(|problem| format!("{}: {problem}", problem.instance_path))
                .collect();
            assert!(problems.is_empty(), "{problems:#?}\n{record:#}");
        }
    }
}

#[test]
fn the_schema_refuses_what_is_not_a_record() {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    let good = serde_json::to_value(Record::of(&samples::page(200), true)).unwrap();
    assert!(validator.is_valid(&good));
    for (field, wrong) in [
        ("row", Value::from(0)),
        ("status", "200".into()),
        ("sha256", "AB".into()),
        ("error", "unknown".into()),
        ("total_ms", (-1).into()),
        ("more", 1.into()),
    ] {
        let mut bad = good.clone();
        bad[field] = wrong;
        assert!(!validator.is_valid(&bad), "{field}");
    }
    let mut bad = good.clone();
    bad.as_object_mut().unwrap().remove("title");
    assert!(!validator.is_valid(&bad));
}

#[test]
fn the_fields_are_the_keys_of_a_record_in_order() {
    // The visit with columns has every field, once its text is included.
    let mut visit = samples::every().swap_remove(2);
    visit.job.role = crate::job::Role::External;
    visit.parsed.checked = Some("sha256, repr-digest".to_owned());
    visit.parsed.compared = Some(Box::new(Compared {
        change: Change::No,
        is_unchanged: true,
        then: Snapshot::default(),
        record: None,
    }));
    visit.parsed.cached = true;
    visit.parsed.note = Some("Content-Encoding \"utf-8\" is passed over".to_owned());
    let names = [http::header::ETAG];
    let record = Record::of(&visit, true).with_headers(&visit, &names);
    let text = serde_json::to_string(&record).unwrap();
    assert_eq!(keys(&text), FIELDS);
}

#[test]
fn the_schema_describes_every_field_and_no_other() {
    let schema = schema();
    let properties = schema["properties"].as_object().unwrap();
    let described: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
    assert_eq!(described, BTreeSet::from(FIELDS));
    assert_eq!(schema["additionalProperties"], false);
    let required = schema["required"].as_array().unwrap();
    let required: Vec<&str> = required.iter().filter_map(Value::as_str).collect();
    assert_eq!(required, FIELDS[..FIELDS.len() - 15]);
    for (name, property) in properties {
        let description = property["description"].as_str().unwrap_or_default();
        assert!(!description.is_empty(), "{name}");
        assert!(
            property.get("type").or(property.get("enum")).is_some(),
            "{name}"
        );
        for (end, unit) in [("_ms", "in milliseconds"), ("_bytes", "in bytes")] {
            assert!(!name.ends_with(end) || description.contains(unit), "{name}");
        }
    }
}

#[test]
fn the_schema_lists_every_error_class_that_a_record_can_have() {
    let schema = schema();
    let classes = |of: &Value| -> BTreeSet<String> {
        let names = of["enum"].as_array().unwrap().iter();
        names.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let known = |keep: fn(&str) -> bool| -> BTreeSet<String> {
        let names = FetchError::CLASSES.iter().map(|(name, _)| *name);
        names.filter(|name| keep(name)).map(str::to_owned).collect()
    };
    let properties = &schema["properties"];
    assert_eq!(
        classes(&properties["error"]),
        known(|name| name != "duplicate")
    );
    assert_eq!(
        classes(&properties["attempts"]["items"]["properties"]["error"]),
        known(|name| !["duplicate", "decode"].contains(&name) && !name.starts_with("http-"))
    );
}

/// Returns the rows of the table under a heading, cell by cell.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let section = DOCS.split("\n## ").find(|part| part.starts_with(heading));
    let rows = section
        .unwrap()
        .lines()
        .filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

#[test]
fn the_documentation_has_every_field_and_every_class() {
    let fields = table("Fields");
    let names: Vec<&str> = fields.iter().map(|row| row[0].trim_matches('`')).collect();
    assert_eq!(names, FIELDS);
    let classes: Vec<(&str, &str)> = table("Classes of errors")
        .iter()
        .map(|row| (row[0].trim_matches('`'), row[1]))
        .collect();
    assert_eq!(classes, FetchError::CLASSES);
}

#[test]
fn the_example_in_the_documentation_is_a_record() {
    let example = DOCS.split("```json\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    assert_eq!(keys(example), FIELDS[..FIELDS.len() - 1]);
    let example: Map<String, Value> = serde_json::from_str(example).unwrap();
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    assert!(validator.is_valid(&Value::Object(example)));
}
