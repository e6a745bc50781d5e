//! The names of the subcommands.

/// The names of the subcommands.
pub(super) const SUBCOMMANDS: [&str; 13] = [
    "select",
    "recipe",
    "fetch",
    "crawl",
    "compare",
    "report",
    "job",
    "retry",
    "explain",
    "serve",
    "config",
    "completions",
    "man",
];
