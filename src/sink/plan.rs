//! What the sinks of a run have in common.

use bytes::Bytes;
use http::Method;

use crate::page::headers::Headers;
use crate::url::HostPattern;
use crate::visit::fields::Table;

/// What every sink of a run gets in addition to its settings.
#[derive(Debug, Clone, Default)]
pub(crate) struct SinkPlan {
    /// The tables extracted from pages, indexed by [`Item::table`](crate::visit::fields::Item::table).
    pub(crate) tables: Vec<Table>,
    /// The robots.txt policy: `obey` or `ignore`.
    pub(crate) robots: Option<&'static str>,
    /// Whether requests go through a proxy: then the hosts' addresses are unknown.
    pub(crate) proxied: bool,
    /// Headers for some hosts.
    pub(crate) hosts: Vec<(HostPattern, Headers)>,
    /// The method of requests, unless a line of the list gives another.
    pub(crate) method: Method,
    /// The header fields of every request.
    pub(crate) headers: Headers,
    /// The body of requests, unless a line of the list gives another.
    pub(crate) body: Option<Bytes>,
}
