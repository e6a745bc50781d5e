//! What a failure in an output is, and the job that fetches it again.

use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use crate::job::Request;
use crate::recorded::Recorded;
use crate::seeds::entry::{Entry, JobBuilder};
use crate::seeds::json;

/// Error classes that are decisions rather than failures: what was not meant to be fetched.
const DECISIONS: [&str; 3] = ["robots", "skipped", "duplicate"];

/// How a failure is treated when fetching again.
#[derive(Debug, Clone, Copy)]
pub(super) enum FailureKind {
    Wanted,
    Other,
    Malformed,
    WithBody(Option<u64>),
}

impl FailureKind {
    /// The kind of failure in a record; `None` if it is not one.
    pub(super) fn of(
        record: &Recorded,
        wanted: &dyn Fn(Option<u16>, &str) -> bool,
    ) -> Option<Self> {
        let class = record.error.as_deref().filter(|class| !class.is_empty())?;
        if DECISIONS.contains(&class) {
            return None;
        }
        Some(match class {
            "malformed" => FailureKind::Malformed,
            class if !wanted(record.status, class) => FailureKind::Other,
            _ if json::recorded_method(record.method.as_deref()).is_err() => {
                FailureKind::WithBody(record.row)
            }
            _ => FailureKind::Wanted,
        })
    }
}

/// A hash that identifies the request of a record.
pub(super) fn request_hash(record: &Recorded) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&record.row.unwrap_or_default().to_le_bytes());
    for text in [
        record.url.as_str(),
        record.method.as_deref().unwrap_or_default(),
    ] {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    hash.digest()
}

/// The job that repeats the request of a record.
pub(super) fn entry(record: Recorded, maker: &mut JobBuilder) -> Entry {
    let columns = record.columns.into_iter();
    let request = Request {
        method: json::recorded_method(record.method.as_deref()).unwrap_or_default(),
        columns: columns
            .map(|(name, value)| (Arc::from(name), value))
            .collect(),
        ..Request::default()
    };
    let request = request.says_something().then_some(request);
    let mut entry = maker.request(record.row.unwrap_or_default(), &record.url, request);
    if let Entry::Job(job) = &mut entry {
        job.row = record.row;
        job.pass = record.pass.saturating_add(1);
        job.depth = record.depth.unwrap_or_default();
        job.found_on = record.found_on.map(Arc::from);
    }
    entry
}
