//! `haul` fetches lists of URLs: fast, politely, and with one honest record for each line of the list.
//!
//! Fetching waits, parsing computes, and politeness decides when a host may be asked: three things, kept apart. This is
//! the library under the command of the same name. It prints nothing, reads no environment, and knows no terminal.
//!
//! # The line
//!
//! ```text
//!  urls.txt ──► seeds ──► FRONTIER ──lease──► ENGINE [ fetch ─► parse ] ──visit──► SINKS
//!                            ▲                                            │
//!                            └──────────── redirects, retries ◄───────────┘
//!
//!                         crawl.rs owns every arrow    ── events ──►  progress, summary, your callback
//! ```
//!
//! A line of the list becomes a [`Job`]. The frontier holds it until its host may be asked; an engine takes it, sends one
//! request, and answers with a [`Visit`]: the job, and a [`Page`] or a [`FetchError`]. A redirect or a retry is a job that
//! goes back to the frontier; everything else settles, is told to the callback, and is written to the sinks.
//!
//! # A list, and a callback for each visit
//!
//! ```
//! use haul::origin::{Origin, OriginSettings};
//! use haul::{Config, Event, Stop};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     // A site to practise on, on a free port of this machine. Any other URLs will do.
//!     let site = Origin::start(OriginSettings { pages: 10, ..OriginSettings::default() })?;
//!     let mut config = Config::urls((0..10).map(|page| site.url(&format!("/page/{page}"))));
//!     config.parse.wants.title = true;
//!     let run = haul::crawl(&config, Stop::new(), |event| {
//!         if let Event::Visited(visit) = event {
//!             println!("{} {:?} {:?}", visit.job.url, visit.failure(), visit.parsed.title);
//!         }
//!     });
//!     let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//!     assert_eq!(runtime.block_on(run)?.tally.statuses[&200], 10);
//!     Ok(())
//! }
//! ```
//!
//! What is not wanted is not kept: [`parse::Wants`] says whether pages are hashed, searched for a title, read as text, or
//! handed over as bytes. A failure is no error: it is a visit whose [`failure`](Visit::failure) has a name.
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
//!
//! # What to begin with
//!
//! * [`Config::urls`], [`Config::new`] for a list of any kind, or [`Config::crawl`], then whatever of its parts is to be otherwise;
//! * [`crawl()`], inside a tokio runtime, with a [`Stop`] to end it early; or a [`Runner`], for the visits as a stream and for
//!   sinks of your own;
//! * [`Event::Visited`] in the callback, or a [`sink::SinkSettings`] in [`Config::sinks`];
//! * the [`Outcome`]: the [`Tally`], how the run ended, and which rows it did not come to.
//!
//! The engine `processes` starts the running program once more for each child, with [`engine::CHILD_ARGUMENT`] as its
//! first argument: a program that uses it calls [`engine::serve_parent`] there before it does anything else.

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
mod error;
mod event;
mod fields;
mod fingerprint;
mod found;
mod headers;
mod job;
mod lock;
mod memory;
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
pub use crawl::{Ended, Outcome, Runner, Visits, crawl, replay};
pub use error::{Error, Result};
pub use event::Event;
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
pub use visit::{FetchError, Parsed, Phase, TlsReason, Visit};
pub use wait::{Wait, Waits};

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
