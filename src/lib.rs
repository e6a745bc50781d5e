#![doc = "haul"]
#![deny(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may"))]

mod address;
mod body;
mod clean;
mod config;
mod crawl;
mod descriptors;
mod error;
mod event;
mod headers;
mod job;
mod nearest;
mod page;
mod rows;
mod size;
mod stop;
mod tally;
mod url;
mod visit;

pub mod engine;
pub mod fetch;
pub mod frontier;
pub mod origin;
pub mod parse;
pub mod seeds;
pub mod sink;
mod worker;

pub use address::is_public;
pub use body::{Body, Spool};
pub use clean::clean;
pub use config::Config;
pub use crawl::{Ended, Outcome, crawl};
pub use error::{Error, Result};
pub use event::Event;
pub use headers::Headers;
pub use job::{Attempt, Hop, Job, Reach, Request, Via};
pub use nearest::nearest;
pub use page::{HttpVersion, Page, Timing};
pub use rows::Rows;
pub use size::{ByteSize, duration, spelled};
pub use stop::Stop;
pub use tally::{Failures, HostTally, Tally};
pub use url::{HostKey, PageUrl, UrlError, UserInfo};
pub use visit::{FetchError, Parsed, Phase, TlsReason, Visit};
