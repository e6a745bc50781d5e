//! Integration tests: the library and the binary against the practice server.
//!
//! All in one binary, so that it links once. What the server saw counts for more than what the client reports.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests may do so"
)]

mod apache;
mod archive;
mod arrow;
mod audit;
mod bandwidth;
mod bodies;
mod book;
mod cache;
mod certificates;
mod checker;
mod checksums;
mod claims;
mod cli;
mod codings;
mod compare;
mod completions;
mod config;
mod connections;
mod cookies;
mod crawl;
mod diff;
mod digest;
mod earlier;
mod editions;
mod engines;
mod examples;
mod failures;
mod faults;
mod feeding;
mod floors;
mod folder;
mod for_hosts;
mod foreign_proxies;
mod guard;
mod hook;
mod hsts;
mod http2;
mod identity;
mod inspect;
mod job;
mod leads;
mod leaks;
mod list_formats;
mod lists;
mod logins;
mod memory;
mod metadata;
mod metrics;
mod mirror;
mod nginx;
mod outputs;
#[cfg(feature = "parquet")]
mod parquet;
mod partial;
mod pipes;
mod politeness;
mod program;
mod proxies;
mod query;
mod quotas;
mod recipes;
mod references;
mod relay;
mod replay;
mod report;
mod reports;
mod resume;
mod robots;
mod run;
mod runner;
mod saved;
mod scrape;
mod secrets;
mod segments;
mod settings;
mod shards;
mod shared;
mod signals;
mod since;
mod site;
mod starting;
mod stored;
mod stranger;
mod streams;
mod telling;
mod tools;
mod trust;
mod unix_sockets;
mod verdicts;
mod waits;
mod ways;
mod whole;
mod written;
