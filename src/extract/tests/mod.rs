//! Whole pages through complete extractors.

mod engine;
mod hostile;
mod html;
mod jsonpath;
mod probe;
mod properties;
mod recipes;
mod selectors;

use super::*;
use crate::visit::fields::{Item, Table};

/// A page of this kind at a URL of the shop.
pub(super) fn page(text: &str, source: PageFormat) -> (PageUrl, &str, PageFormat) {
    let url = PageUrl::parse("https://shop.example/p/1?x").unwrap();
    (url, text, source)
}

pub(super) fn read(extractor: &Extractor, text: &str, source: PageFormat) -> Extracted {
    let (url, text, source) = page(text, source);
    extractor.extract(&Page {
        url: &url,
        text,
        source,
        encoding: encoding_rs::UTF_8,
        recipes: &[],
    })
}

pub(super) fn selecting(selections: &[&str]) -> Extractor {
    let settings = ExtractSettings {
        fields: selections
            .iter()
            .map(|text| text.parse().unwrap())
            .collect(),
        ..ExtractSettings::default()
    };
    Extractor::compile(&settings).unwrap()
}

pub(super) fn json(item: &Item, tables: &[Table]) -> String {
    serde_json::to_string(&item.json(&tables[usize::from(item.table)])).unwrap()
}

/// The single item of a page, as JSON, and its misses.
pub(super) fn select(selections: &[&str], html: &str) -> (String, Vec<String>) {
    let extractor = selecting(selections);
    let extracted = read(&extractor, html, PageFormat::Html);
    assert_eq!(extracted.fields.refused, None);
    let misses = extracted.fields.misses.iter();
    (
        json(&extracted.fields.items[0], extractor.tables()),
        misses
            .map(|miss| format!("{}: {}", miss.column, miss.why))
            .collect(),
    )
}
