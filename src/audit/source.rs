//! A source of requests: what each kind has to say.

use std::collections::BTreeMap;

use super::verdict::{SessionAudit, Unknown};
use crate::earlier::RunKind;
use crate::frontier::JobReader;

/// What a source has, beside the requests in the queue.
pub(super) struct Source {
    pub(super) kind: RunKind,
    /// The sessions of a job, by their numbers.
    pub(super) sessions: BTreeMap<i64, SessionAudit>,
    pub(super) unknown: Vec<Unknown>,
    /// By how many microseconds a moment may be wrong.
    pub(super) precision: i64,
    /// The job, which knows the URLs of its requests.
    pub(super) job: Option<JobReader>,
}
