//! `haul` fetches lists of URLs and crawls sites: fast, politely, and with one record for each URL.
//!
//! This is the library behind the command of the same name. It prints nothing, reads no environment variables, and
//! does not use the terminal. It runs inside a tokio runtime.
//!
//! # Five types to start with
//!
//! | type | what it is |
//! |---|---|
//! | [`Config`] | what to fetch and how: [`Config::urls`] for a list, [`Config::crawl`] to follow links |
//! | [`Runner`] | one run: as a stream of visits ([`Runner::visits`]), or from start to end ([`Runner::run`]) |
//! | [`Visit`] | a URL with its [`Page`] or its [`FetchError`], and what was [`Parsed`] |
//! | [`Sink`](sink::Sink) | where visits are written: a file listed in [`Config::sinks`], or your own |
//! | [`Outcome`] | how a run went: a [`Tally`] of counts, how the run ended, and which rows are missing |
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
//! Pages are hashed, searched for a title or decoded to text only if [`parse::Wants`] asks for it.
//!
//! # What a program can add
//!
//! | to do this | use |
//! |---|---|
//! | handle each visit as it arrives | [`Runner::visits`], or [`crawl()`](crawl()) with a callback |
//! | write records your own way | [`Runner::sink`] |
//! | send URLs while the run is in progress | [`Runner::seeds`] with a [`seeds::channel`] |
//! | sign or skip single requests | [`Runner::before_each`] |
//! | extract your own type from each page | [`Runner::extractor`], or [`extract`] for recipes |
//! | end a run early | [`Runner::stop`] with a [`Stop`] |
//!
//! # Errors
//!
//! A URL that cannot be fetched is not an error but a visit, whose [`failure`](Visit::failure) has a stable name.
//! [`Error`] is for what ends a run: a list that cannot be read, an output that cannot be written, settings that
//! contradict each other. A panic while a page is parsed loses only that page; its record says so.
//!
//! # Child processes
//!
//! The engine `processes` runs the current program again for each child, with [`engine::CHILD_ARGUMENT`] as its first
//! argument. A program that uses this engine must then call [`engine::serve_parent`], before it does anything else.
//!
//! # How it works
//!
//! Fetching waits, parsing computes, and politeness decides when a request may be sent to a host. The three are kept
//! separate.
//!
//! ```text
//!  urls.txt ──► seeds ──► FRONTIER ──lease──► ENGINE [ fetch ─► parse ] ──visit──► SINKS
//!                            ▲                                            │
//!                            └──────────── redirects, retries ◄───────────┘
//!
//!                         crawl.rs owns every arrow    ── events ──►  progress, summary, your callback
//! ```
//!
//! A row of the list becomes a [`Job`]. The frontier keeps it until a request may be sent to its host; an engine takes
//! it, sends one request, and returns a [`Visit`]. A redirect or a retry is a job that goes back to the frontier;
//! every other visit is settled, reported to the callback, and written to the sinks.
//!
//! # The layers
//!
//! A module imports only from its own layer and the ones below.
//!
//! | layer | modules | what they do |
//! |---|---|---|
//! | shell | the command: `main`, `cli`, `progress`, `metrics` | parses arguments, prints text; not in this library |
//! | tools | [`origin`] | the practice server, which can also misbehave |
//! | | [`replay`] | an archive as the site that it was |
//! | | [`compare`], [`report`] | runs the same work through every engine; a page with the results |
//! | | [`diff`] | what changed between two runs |
//! | | [`audit`] | whether a run was polite |
//! | loop | [`crawl`](crawl()), [`Config`] | moves everything along the arrows above |
//! | parts | [`seeds`] | reads lists of every kind as a stream |
//! | | [`earlier`] | reads an earlier run again, page by page, wherever it was written |
//! | | [`query`] | shows a job or a SQLite output as tables that SQL may ask |
//! | | [`scope`] | decides which URLs belong to a crawl, and which are traps |
//! | | [`frontier`] | decides when a request may be sent, and whether it is retried |
//! | | `shared` | lets the runs of a user on one machine share the pace of hosts |
//! | | [`engine`] | keeps requests in flight, in five ways behind one interface |
//! | | [`fetch`], [`parse`] | sends one request; parses one page |
//! | | [`extract`] | extracts typed fields from a page, with selections and recipes |
//! | | [`archive`], `recorded` | reads stored pages, and records, again |
//! | | `input` | reads text files of any encoding and compression |
//! | | [`sink`] | writes records, files and archives |
//! | nouns | [`Job`], [`Page`], [`Body`], [`Visit`], [`Fields`] | the data that modules pass to each other |
//! | | [`PageUrl`], [`HostKey`], [`robots`] | URLs, hosts and their rules |
//! | | [`cookies`] | what servers ask to be sent back |
//! | | [`Event`], [`Tally`], [`Stop`], [`Error`] | what a run reports, how to stop it, why it ended |

#![deny(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may"))]

// The nouns.
pub mod cookies;
mod error;
mod hsts;
mod job;
mod page;
mod pattern;
pub mod robots;
mod run;
mod text;
mod url;
mod visit;

// The parts.
pub mod archive;
mod cache;
mod descriptors;
pub mod earlier;
pub mod engine;
pub mod extract;
pub mod fetch;
pub mod frontier;
mod input;
pub mod parse;
mod past;
pub mod query;
mod recorded;
pub mod scope;
pub mod seeds;
mod shared;
pub mod sink;
mod worker;

// The loop.
mod config;
mod crawl;
mod follow;

// The tools.
pub mod audit;
pub mod compare;
pub mod diff;
pub mod origin;
pub mod replay;
pub mod report;

pub use cache::CacheSettings;
pub use config::{BrokenSettings, Config, JobSettings};
pub use crawl::{Decision, Ended, Outcome, PendingRequest, Runner, Visits, crawl};
pub use error::{Difference, Error, Result, Setting};
pub use follow::{CrawlSettings, External, SimilarPages, Sitemaps};
pub use hsts::Hsts;
pub use job::rows::Rows;
pub use job::{Attempt, Hop, Job, Reach, Request, Role, Via};
pub use page::body::{Body, Spool};
pub use page::checksum::{Checksum, Claim};
pub use page::failure::{FetchError, Phase, TlsReason};
pub use page::headers::{Headers, is_harmless};
pub use page::memory::Held;
pub use page::{HttpVersion, Page, Timing};
pub use robots::Rules;
pub use run::event::Event;
pub use run::load::{Load, Loads};
pub use run::stop::Stop;
pub use run::tally::{Failures, HostTally, Tally, Totals};
pub use run::wait::{Wait, WaitReason, Waits};
pub use shared::ShareSettings;
pub use text::size::ByteSize;
pub use url::fingerprint::Fingerprints;
pub use url::{HostKey, HostPattern, PageUrl, UrlError, UserInfo};
pub use visit::broken::{Broken, BrokenUrl};
pub use visit::checked::Checked;
pub use visit::compared::{Change, Compared};
pub use visit::custom::Custom;
pub use visit::fields::{Column, Fields, Item, Kind, Miss, Table, Value};
pub use visit::found::{FoundKind, FoundLink, FoundLinks};
pub use visit::skip::{Reach as ScopeReach, Skip};
pub use visit::statuses::Statuses;
pub use visit::{Parsed, Visit};

/// Types from other crates that appear in haul's interface, in the versions that haul is built with.
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

// Texts for people, shared with the command; not part of the stable interface.
#[doc(hidden)]
pub use {
    run::claims::Claims,
    text::clean::clean,
    text::formula::is_formula,
    text::nearest::nearest,
    text::secret::{HIDDEN, without_password},
    text::size::{duration, spelled},
};

#[cfg(doctest)]
#[doc = include_str!("../docs/src/library.md")]
struct Book;
