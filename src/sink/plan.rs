//! The plan of a run's sinks.

use bytes::Bytes;
use http::Method;

use crate::fields::Table;
use crate::headers::Headers;

/// What every sink of a run is handed beside its settings.
#[derive(Debug, Clone, Default)]
pub(crate) struct SinkPlan {
    /// What is read out of pages: the tables that [`Item::table`](crate::fields::Item::table) counts in.
    pub(crate) tables: Vec<Table>,
    /// How robots.txt is honoured: `obey`, `ignore`.
    pub(crate) robots: Option<&'static str>,
    /// Whether a proxy is asked instead of the hosts: then their addresses are not known.
    pub(crate) proxied: bool,
    /// The method of requests, where a line of the list says no other.
    pub(crate) method: Method,
    /// The fields of every request.
    pub(crate) headers: Headers,
    /// The body of requests, where a line of the list has no other.
    pub(crate) body: Option<Bytes>,
}
