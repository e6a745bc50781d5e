//! Compares the matches with an independent engine.
//!
//! It is soupsieve over trees of html5lib (`fixtures/select/expected.py`).

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::super::css::{Caches, take_from};
use super::super::selector::{Node, Selector};
use super::super::tree;
use super::super::watched_tree::Notes;
use super::*;

/// The results of the other engine.
#[derive(Deserialize)]
struct Expected {
    selectors: Vec<String>,
    /// The number of matches, the first, and a digest of all, by page and selector.
    pages: BTreeMap<String, BTreeMap<String, (usize, String, String)>>,
}

fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the other engine's script records of each element.
fn described(text: &str, line: &str) -> Result<Vec<String>, String> {
    let (selector, attribute) = match line.split_once('@') {
        Some((selector, attribute)) => (selector, Some(attribute)),
        None => (line, None),
    };
    let selector = Selector::compile(PageFormat::Html, selector).map_err(|fault| fault.problem)?;
    let tree = tree::build(text, PageFormat::Html, &Limits::default(), Notes::default())?;
    let nodes = selector.nodes(&Node::Page(&tree), &mut Caches::default(), usize::MAX)?;
    let described = nodes.iter().filter_map(|node| {
        let Node::Element(node, _) = node else {
            return None;
        };
        let element = node.value().as_element()?;
        match attribute {
            Some(name) => take_from(*node, &Take::Attribute(name.to_owned()), &tree.orders),
            None => {
                let text = take_from(*node, &Take::Text, &tree.orders).unwrap_or_default();
                Some(format!("{} {}", element.name(), collapsed(&text)))
            }
        }
    });
    Ok(described.collect())
}

fn digest(lines: &[String]) -> String {
    let bytes = Sha256::digest(lines.join("\n"));
    bytes[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Every page and selector with a different result.
fn differences(root: &Path, expected: &Path) -> Vec<String> {
    let expected: Expected =
        serde_json::from_str(&std::fs::read_to_string(expected).unwrap()).unwrap();
    let mut differences = Vec::new();
    for (page, results) in &expected.pages {
        let bytes = std::fs::read(root.join(page)).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        for line in &expected.selectors {
            let theirs = results.get(line);
            let difference = match described(text, line) {
                Err(why) => format!("refused: {why}"),
                Ok(ours) => {
                    let same = match theirs {
                        Some((count, _, theirs)) => {
                            *count == ours.len() && *theirs == digest(&ours)
                        }
                        None => ours.is_empty(),
                    };
                    if same {
                        continue;
                    }
                    let first = ours.first().map_or("", |first| first.as_str());
                    format!("{} {first:?}, not {theirs:?}", ours.len())
                }
            };
            differences.push(format!("{page} {line}: {difference}"));
        }
    }
    differences
}

/// The known reason for a difference, if there is one.
fn reason(difference: &str) -> Option<&'static str> {
    const REASONS: [(&str, &str, &str); 4] = [
        (
            ":empty",
            "empties.html",
            "white space alone is empty to soupsieve, by the draft of Selectors 4; to browsers and to haul it is not (Selectors 3)",
        ),
        (
            "lineargradient",
            "foreign.html",
            "soupsieve compares SVG names without regard to case; HTML 4.16.2 compares them exactly",
        ),
        (
            "svg a@href",
            "foreign.html",
            "xlink:href is used if there is no href: both are links in SVG",
        ),
        (
            "",
            "foreign.html",
            "soupsieve ignores the content of a template, as browsers do; haul matches the p in it, because readers of pages want it",
        ),
    ];
    let known = REASONS
        .iter()
        .find(|(selector, page, _)| difference.contains(page) && difference.contains(selector));
    known.map(|(_, _, why)| *why)
}

#[test]
fn selectors_find_what_an_independent_engine_finds() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let differences = differences(&fixtures, &fixtures.join("select/expected.json"));
    let (known, unknown): (Vec<_>, Vec<_>) = differences
        .iter()
        .partition(|difference| reason(difference).is_some());
    assert!(unknown.is_empty(), "{unknown:#?}");
    // All are in the two pages that were written to differ.
    assert_eq!(known.len(), 15, "{known:#?}");
}
