//! The names of the subcommands, and the one that is meant where none is named.

use std::ffi::OsString;

/// The names of the subcommands.
pub(super) const SUBCOMMANDS: [&str; 17] = [
    "select",
    "recipe",
    "fetch",
    "crawl",
    "compare",
    "report",
    "job",
    "query",
    "retry",
    "explain",
    "diff",
    "audit",
    "serve",
    "config",
    "schema",
    "completions",
    "man",
];

/// Inserts `fetch` before the arguments if the first word is not a command: a bare URL means fetch.
pub(super) fn with_fetch(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let is_flag = |word: &OsString| {
        let bytes = word.as_encoded_bytes();
        bytes.len() > 1 && bytes[0] == b'-'
    };
    let about_haul = |word: &OsString| {
        ["-h", "--help", "-V", "--version"]
            .iter()
            .any(|flag| word == flag)
    };
    let words = arguments.get(1..).unwrap_or_default();
    let is_whole = match words.iter().find(|word| !is_flag(word)) {
        Some(word) => word == "help" || SUBCOMMANDS.iter().any(|name| word == name),
        None => words.is_empty() || words.iter().any(about_haul),
    };
    if !is_whole {
        arguments.insert(1, "fetch".into());
    }
    arguments
}
