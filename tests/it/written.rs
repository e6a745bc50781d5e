//! Reads haul's outputs with other libraries; a torn or ragged record fails the test.
//!
//! Uses only Rust crates, so that every machine can test that each record is there exactly once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde_json::Value;

/// The whole text of a file, decompressed if its name ends in `.gz`.
fn text(path: &Path) -> String {
    let mut text = String::new();
    let mut file = File::open(path).unwrap();
    match path.extension() {
        Some(suffix) if suffix == "gz" => MultiGzDecoder::new(file).read_to_string(&mut text),
        _ => file.read_to_string(&mut text),
    }
    .unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "a torn line");
    text
}

/// The records of JSON Lines.
pub(crate) fn jsonl(path: &Path) -> Vec<Value> {
    let text = text(path);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// The rows of a CSV file by column name. All have as many cells as the header.
pub(crate) fn csv(path: &Path) -> Vec<BTreeMap<String, String>> {
    let text = text(path);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

/// Compares saved bodies with the server's, and the folder and its index with the records.
///
/// Returns the number of files.
pub(crate) fn files(folder: &Path, records: &str, saved: &str) -> usize {
    let saved = folder.join(saved);
    let index = saved.join("index.jsonl");
    let agent = ureq::Agent::new_with_defaults();
    let mut named = BTreeSet::new();
    for record in jsonl(&folder.join(records)) {
        let name = record["file"].as_str().unwrap();
        let path = [folder.join(name), saved.join(name)]
            .into_iter()
            .find_map(|path| path.canonicalize().ok())
            .unwrap_or_else(|| panic!("no file {name}"));
        let url = record["url"].as_str().unwrap();
        let answer = agent.get(url).call().unwrap().body_mut().read_to_vec();
        assert!(
            answer.unwrap() == fs::read(&path).unwrap(),
            "different bytes in {name}"
        );
        assert!(named.insert(path), "two records for {name}");
    }
    let mut files = BTreeSet::new();
    below(&saved, &mut files);
    files.remove(&index.canonicalize().unwrap());
    assert_eq!(files, named, "the folder has other files than the records");
    let listed = jsonl(&index);
    let files = listed.iter().map(|line| line["file"].as_str().unwrap());
    let files: BTreeSet<_> = files
        .map(|file| saved.join(file).canonicalize().unwrap())
        .collect();
    assert_eq!(files, named, "the index lists other files than the records");
    assert_eq!(listed.len(), named.len(), "the index lists a file twice");
    named.len()
}

/// All files below a folder.
fn below(folder: &Path, files: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            below(&path, files);
        } else {
            files.insert(path.canonicalize().unwrap());
        }
    }
}

#[cfg(feature = "parquet")]
pub(crate) use dataset::{column, items, numbered};

#[cfg(feature = "parquet")]
mod dataset {
    use std::fs::{self, File};
    use std::path::Path;

    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::{Field, Row};
    use serde_json::Value;

    /// The rows of all parts of a table.
    fn rows(table: &Path) -> Vec<Row> {
        let mut rows = Vec::new();
        for part in fs::read_dir(table).unwrap() {
            let path = part.unwrap().path();
            if path.extension().is_some_and(|suffix| suffix == "parquet") {
                let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
                rows.extend(reader.get_row_iter(None).unwrap().map(Result::unwrap));
            }
        }
        rows
    }

    fn cell(row: &Row, name: &str) -> Field {
        let mut cells = row.get_column_iter();
        let cell = cells.find(|(column, _)| column.as_str() == name);
        cell.unwrap_or_else(|| panic!("no column {name}")).1.clone()
    }

    fn string(row: &Row, name: &str) -> String {
        match cell(row, name) {
            Field::Str(text) => text,
            other => panic!("{name} is {other}"),
        }
    }

    /// The text values of a column.
    pub(crate) fn column(table: &Path, name: &str) -> Vec<String> {
        rows(table).iter().map(|row| string(row, name)).collect()
    }

    /// The URL and the number of each item of a table, sorted.
    pub(crate) fn items(table: &Path) -> Vec<(String, i64)> {
        let number = |row: &Row| match cell(row, "item") {
            Field::Long(number) => number,
            other => panic!("item is {other}"),
        };
        let mut items: Vec<_> = rows(table)
            .iter()
            .map(|row| (string(row, "url"), number(row)))
            .collect();
        items.sort();
        items
    }

    /// The URL and the number of each item in JSON, sorted.
    pub(crate) fn numbered(items: &[String]) -> Vec<(String, i64)> {
        let item = |item: &String| {
            let item: Value = serde_json::from_str(item).unwrap();
            let url = item["url"].as_str().unwrap().to_owned();
            (url, item["item"].as_i64().unwrap())
        };
        let mut items: Vec<_> = items.iter().map(item).collect();
        items.sort();
        items
    }
}
