//! `haul` fetches lists of URLs and crawls sites: fast, politely, and with one record for each URL.
//!
//! This is the library under the command of the same name. It prints nothing, reads no environment variables and knows no
//! terminal. It runs inside a tokio runtime.
//!
//! # Five types to start with
//!
//! | type | what it is |
//! |---|---|
//! | [`Config`] | what to fetch and how: [`Config::urls`] for a list, [`Config::crawl`] to follow links |
//! | [`Runner`] | one run: as a stream of visits ([`Runner::visits`]), or to its end ([`Runner::run`]) |
//! | [`Visit`] | a URL with its [`Page`], or with the [`FetchError`] that came instead, and what was [`Parsed`] |
//! | [`Sink`](sink::Sink) | where visits are written: a file that [`Config::sinks`] names, or your own |
//! | [`Outcome`] | how a run went: its [`Tally`] of counts, how it ended, and which rows are missing |
//!
//! ```
//! use haul::origin::{Origin, OriginSettings};
//! use haul::{Config, Runner};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A practice site on a free port of this machine; any other URLs will do.
//! let site = Origin::start(OriginSettings { pages: 10, ..OriginSettings::default() })?;
//! let mut config = Config::urls((0..10).map(|page| site.url(&format!("/page/{page}"))));
//! config.parse.wants.title = true;
//!
//! let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! runtime.block_on(async {
//!     let mut visits = Runner::new(config).visits();
//!     while let Some(visit) = visits.next().await {
//!         let visit = visit?; // an error here ends the run, as a full disk does
//!         match visit.failure() {
//!             Some(class) => println!("{} failed: {class}", visit.job.url),
//!             None => println!("{} {:?}", visit.job.url, visit.parsed.title),
//!         }
//!     }
//!     assert_eq!(visits.outcome().map(|outcome| outcome.tally.visited), Some(10));
//!     Ok(())
//! })
//! # }
//! ```
//!
//! Pages are hashed, searched for a title or read as text only where [`parse::Wants`] says so.
//!
//! # What a program can add
//!
//! | to do this | use |
//! |---|---|
//! | take each visit as it comes | [`Runner::visits`], or the callback of [`crawl()`](crawl()) with [`Event::Visited`] |
//! | write records your own way | [`Runner::sink`] |
//! | send URLs while the run goes on | [`Runner::seeds`] with a [`seeds::channel`] |
//! | sign or skip each request | [`Runner::before_each`] |
//! | read your own type out of each page | [`Runner::extractor`], or [`extract`] for recipes |
//! | end a run early | [`Runner::stop`] with a [`Stop`] |
//!
//! # Errors
//!
//! A URL that cannot be fetched is not an error but a visit, whose [`failure`](Visit::failure) has a stable name. [`Error`] is
//! for what ends a run: a list that cannot be read, an output that cannot be written, settings that contradict each
//! other. A panic while a page is read costs that page, whose record says that it was lost.
//!
//! # Child processes
//!
//! The engine `processes` starts the running program once more for each child, with [`engine::CHILD_ARGUMENT`] as its
//! first argument. A program that uses it calls [`engine::serve_parent`] then, before it does anything else.
//!
//! # How it works
//!
//! Fetching waits, parsing computes, and politeness decides when a host may be asked: three things, kept apart.
//!
//! ```text
//!  urls.txt ──► seeds ──► FRONTIER ──lease──► ENGINE [ fetch ─► parse ] ──visit──► SINKS
//!                            ▲                                            │
//!                            └──────────── redirects, retries ◄───────────┘
//!
//!                         crawl.rs owns every arrow    ── events ──►  progress, summary, your callback
//! ```
//!
//! A row of the list becomes a [`Job`]. The frontier holds it until its host may be asked; an engine takes it, sends one
//! request, and answers with a [`Visit`]. A redirect or a retry is a job that goes back to the frontier; every other visit is
//! settled, reported to the callback, and written to the sinks.
//!
//! # The floors
//!
//! Imports go down only.
//!
//! | floor | rooms | what they do |
//! |---|---|---|
//! | shell | the command: `main`, `cli`, `progress` | arguments in, text out; not in this library |
//! | tools | [`origin`] | the practice server, faults and all |
//! | | [`compare`], [`report`] | the same work through every engine; a page of what was found |
//! | loop | [`crawl`](crawl()), [`Config`] | owns every arrow of the line |
//! | parts | [`seeds`] | lists of every kind, read as a stream |
//! | | [`scope`] | which URLs belong to a crawl, and what is a trap |
//! | | [`frontier`] | when a host may be asked, and whether again |
//! | | [`engine`] | who waits for the answers: five ways behind one seam |
//! | | [`fetch`], [`parse`] | one request; one page |
//! | | [`extract`] | typed fields out of a page, by selections and recipes |
//! | | [`archive`] | pages that were stored, read again |
//! | | [`sink`] | records, files and archives |
//! | nouns | [`robots`], [`Job`], [`Page`], [`Body`], [`Visit`], [`Fields`], [`PageUrl`], [`HostKey`], [`Event`], [`Tally`], [`Stop`], [`Error`] | what the rooms hand to each other |

#![deny(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may"))]

// The nouns.
mod address;
mod body;
mod broken;
mod checked;
mod claims;
mod clean;
mod coding;
mod custom;
mod error;
mod event;
mod failure;
mod fields;
mod fingerprint;
mod found;
mod headers;
mod job;
mod lock;
mod memory;
mod moment;
mod nearest;
mod outgoing;
mod page;
mod pattern;
pub mod robots;
mod rows;
mod secret;
mod size;
mod skip;
mod statuses;
mod stop;
mod tally;
mod url;
mod visit;
mod wait;

// The parts.
pub mod archive;
mod descriptors;
pub mod engine;
pub mod extract;
pub mod fetch;
pub mod frontier;
pub mod parse;
pub mod scope;
pub mod seeds;
pub mod sink;
mod worker;

// The loop.
mod config;
mod crawl;
mod follow;

// The tools.
pub mod compare;
pub mod origin;
#[cfg(feature = "cli")]
pub mod report;

pub use body::{Body, Spool};
pub use broken::{Broken, BrokenUrl};
pub use checked::Checked;
pub use config::{BrokenSettings, Config, JobSettings};
pub use crawl::{Decision, Ended, Outcome, PendingRequest, Runner, Visits, crawl};
pub use custom::Custom;
pub use error::{Difference, Error, Result, Setting};
pub use event::Event;
pub use failure::{FetchError, Phase, TlsReason};
pub use fields::{Column, Fields, Item, Kind, Miss, Table, Value};
pub use fingerprint::Fingerprints;
pub use follow::{CrawlSettings, External, SimilarPages, Sitemaps};
pub use found::{Found, FoundKind, FoundLink};
pub use headers::{Headers, is_harmless};
pub use job::{Attempt, Hop, Job, Reach, Request, Role, Via};
pub use memory::Held;
pub use page::{HttpVersion, Page, Timing};
pub use robots::Rules;
pub use rows::Rows;
pub use size::ByteSize;
pub use skip::{Reach as ScopeReach, Skip};
pub use statuses::Statuses;
pub use stop::Stop;
pub use tally::{Failures, HostTally, Tally, Totals};
pub use url::{HostKey, PageUrl, UrlError, UserInfo};
pub use visit::{Parsed, Visit};
pub use wait::{Wait, WaitReason, Waits};

/// Types of other crates that appear in haul's own, from the versions that it is built with.
pub mod deps {
    pub use {
        bytes::Bytes,
        encoding_rs::Encoding,
        futures::Stream,
        hdrhistogram::Histogram,
        http::{HeaderMap, HeaderName, HeaderValue, Method},
        serde_json::Value,
        tokio_util::sync::CancellationToken,
        url::Url,
    };
}

// Words for people, shared with the command; no promise is made of them.
#[doc(hidden)]
pub use {
    claims::Claims,
    clean::clean,
    nearest::nearest,
    secret::{HIDDEN, without_password},
    size::{duration, spelled},
};

#[cfg(doctest)]
#[doc = include_str!("../docs/src/library.md")]
struct Book;
