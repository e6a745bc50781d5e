//! What the README and the book in `docs/` say about haul is true.
//!
//! A page is Markdown: the README, or a chapter below `docs/src`. Its console blocks are run, its links are checked,
//! and the chapters that are generated from the program are compared with what the program prints.

mod blocks;
mod console;
mod help;
mod links;
mod readme;
mod recipes;

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the crate.
const CRATE: &str = env!("CARGO_MANIFEST_DIR");
/// The folder of the chapters, relative to the crate.
const CHAPTERS: &str = "docs/src";

/// One page of the documentation.
struct Page {
    /// Its path relative to the crate.
    path: PathBuf,
    text: String,
}

impl Page {
    fn read(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let text = fs::read_to_string(Path::new(CRATE).join(&path));
        let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path, text }
    }
}

/// The README, CONTRIBUTING, and every chapter of the book.
fn pages() -> Vec<Page> {
    let mut pages = vec![Page::read("README.md"), Page::read("CONTRIBUTING.md")];
    let mut folders = vec![PathBuf::from(CHAPTERS)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(Path::new(CRATE).join(&folder)).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            if Path::new(CRATE).join(&path).is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|suffix| suffix == "md") {
                pages.push(Page::read(path));
            }
        }
    }
    pages.sort_by(|one, other| one.path.cmp(&other.path));
    pages
}

/// What haul prints to standard output when run in the crate's folder, 100 columns wide.
fn output_of(arguments: &[&str]) -> String {
    let mut command = crate::cli::haul(Path::new(CRATE), arguments);
    let output = command.env("COLUMNS", "100").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The text between two marks, without the marks.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = text
        .split_once(from)
        .unwrap_or_else(|| panic!("no {from:?}"));
    let (inside, _) = rest.split_once(to).unwrap_or_else(|| panic!("no {to:?}"));
    inside
}
