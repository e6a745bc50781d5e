//! The names of the subcommands.

/// The names of the subcommands.
pub(super) const SUBCOMMANDS: [&str; 14] = [
    "select",
    "recipe",
    "fetch",
    "crawl",
    "compare",
    "report",
    "job",
    "retry",
    "explain",
    "diff",
    "serve",
    "config",
    "completions",
    "man",
];
