//! One request: one page, or one reason why not.
//!
//! The only way to the network. It sends, receives, counts and times out; it does not decompress, decode, follow
//! redirects or retry: a response is passed on as it came. Invariant: every wait has a deadline and every body a
//! limit, both from [`FetchSettings`]. There are two fetchers, one for event loops (`Fetcher`) and one for threads
//! that block (`BlockingFetcher`); requests, limits and error classes are the same.

mod answer;
mod arrival;
mod bandwidth;
mod blocking;
mod clearance;
mod connections;
mod dial;
mod direct;
mod dns;
mod dns_error;
mod download;
mod fault;
mod fetcher;
mod framing;
mod guard;
mod host_settings;
mod http1;
mod intake;
mod no_proxy;
mod patience;
mod phases;
mod pin;
mod plan;
mod proxied;
mod proxies;
mod proxy;
mod range;
mod reused;
mod segments;
mod settings;
mod shared;
mod spool;
mod tls;
mod types;
mod unix_socket;

pub use crate::job::authentication::Authentication;
pub use crate::job::netrc::{Netrc, NetrcError};
pub(crate) use blocking::BlockingFetcher;
pub(crate) use fetcher::Fetcher;
pub use host_settings::{HostSettings, HostWay};
pub use no_proxy::NoProxy;
pub use pin::Pin;
pub(crate) use plan::{FetchPlan, KEEP_IDLE, SpoolPlan};
pub use proxy::{Proxy, ProxyScheme, ProxyUrls};
pub use settings::{
    Bandwidth, ClientIdentity, Deadlines, FetchSettings, Http2Connections, Override, Private,
    SpoolSettings, TlsSettings, TlsVersion, Versions, method,
};
pub(crate) use shared::Shared;
pub use types::MediaTypes;
