//! JSONPath against the official compliance suite, and against hostile queries.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::Value;

use super::super::path::Path;

/// The suite, from github.com/jsonpath-standard/jsonpath-compliance-test-suite, as of 2025.
///
/// Its license (BSD-2) is next to it.
fn suite() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/jsonpath/cts.json");
    let text = std::fs::read_to_string(path).unwrap();
    let suite: Value = serde_json::from_str(&text).unwrap();
    suite["tests"].as_array().unwrap().clone()
}

#[test]
fn every_case_of_the_official_suite_has_the_expected_result() {
    let suite = suite();
    assert_eq!(suite.len(), 687);
    for case in &suite {
        let query = case["selector"].as_str().unwrap();
        let invalid = case["invalid_selector"] == true;
        let outcome = Path::compile(query).map(|path| {
            let nodes = path.query(&case["document"], usize::MAX);
            Value::from(nodes.into_iter().cloned().collect::<Vec<_>>())
        });
        let right = match &outcome {
            Err(_) => invalid,
            // If the order of an object's members is free, several results are valid.
            Ok(values) => {
                let any = case["results"].as_array();
                !invalid
                    && (case["result"] == *values || any.is_some_and(|any| any.contains(values)))
            }
        };
        assert!(right, "{}: {query}: {outcome:?}", case["name"]);
    }
}

#[test]
fn a_nested_query_is_compiled_in_time_or_refused() {
    let started = Instant::now();
    for depth in [4, 8, 12, 15, 16, 17, 100, 1000] {
        for (open, close) in [
            ("(", ")"),
            ("!(", ")"),
            ("@[?", "]"),
            ("length(", ")"),
            ("count(@[?", "])>1"),
        ] {
            let query = format!("$[?{}@.a{}]", open.repeat(depth), close.repeat(depth));
            let _ = Path::compile(&query);
        }
    }
    let many = format!("$[?{}@.a]", "@.a||".repeat(700));
    assert!(Path::compile(&many).is_ok());
    assert!(Path::compile(&"$.a".repeat(5000)).is_err());
    assert!(
        started.elapsed() < Duration::from_secs(60),
        "{:?}",
        started.elapsed()
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_query_panics(pieces in prop::collection::vec(prop::sample::select(&[
        "$", ".a", "..", "[*]", "[0]", "[-1:9:2]", "['b']", "[?", "@", ".c", "==", "'x'", "1e9", "&&", "||", "!", "(", ")", "]",
        "length(", "match(", "search(", "count(", "value(", ",", "99999999999999999999", "\\u", "é", " ", "null", "\u{0}",
    ][..]), 0..12), wild in "\\PC{0,12}") {
        let document = serde_json::json!({"a": [{"b": 1, "c": "x("}, [2, null]], "b": {"a": true}});
        for query in [pieces.concat(), format!("${}", pieces.concat()), format!("${wild}")] {
            match Path::compile(&query) {
                Ok(path) => drop(path.query(&document, 1000)),
                Err(fault) => prop_assert!(fault.at <= query.len() + 1, "{}: {:?}", query, fault),
            }
        }
    }
}
