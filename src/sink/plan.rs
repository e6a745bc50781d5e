//! What the sinks of a run have in common.

use crate::job::outgoing::Template;
use crate::page::headers::Headers;
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
    /// The header fields of every request.
    pub(crate) headers: Headers,
    /// What every request has in common.
    pub(crate) template: Template,
}
