//! What a record says about its request and its outcome.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value};
use xxhash_rust::xxh3::Xxh3;

use crate::job::Request;
use crate::seeds::entry::{Entry, JobBuilder};
use crate::seeds::json;

/// Error classes that are decisions rather than failures: what was not meant to be fetched.
const DECISIONS: [&str; 3] = ["robots", "skipped", "duplicate"];

/// The fields of a record that describe its request and its outcome.
pub(super) const WANTED: [&str; 9] = [
    "row",
    "url",
    "status",
    "error",
    "duplicate_of",
    "method",
    "depth",
    "found_on",
    "columns",
];

/// The field that names the pass that wrote a record.
pub(super) const PASS: &str = "pass";

/// What a record says about its request and its outcome.
#[derive(Debug, Default, Clone, PartialEq)]
pub(in crate::seeds) struct Recorded {
    pub(super) row: Option<u64>,
    pub(super) url: String,
    pub(super) status: Option<u16>,
    pub(super) error: Option<String>,
    pub(super) duplicate_of: Option<u64>,
    pub(super) method: Option<String>,
    pub(super) depth: Option<u16>,
    pub(super) found_on: Option<String>,
    pub(super) columns: Map<String, Value>,
    /// The pass over failures that wrote it; outputs of earlier versions do not say.
    pub(super) pass: u32,
}

/// An item of an output: a record, or `None` for anything else.
pub(super) type Item = Option<Recorded>;

/// How a failure is treated when fetching again.
#[derive(Debug, Clone, Copy)]
pub(super) enum FailureKind {
    Wanted,
    Other,
    Malformed,
    WithBody(Option<u64>),
}

impl Recorded {
    /// The kind of failure; `None` if it is not one.
    pub(super) fn failure_kind(
        &self,
        wanted: &dyn Fn(Option<u16>, &str) -> bool,
    ) -> Option<FailureKind> {
        let class = self.error.as_deref().filter(|class| !class.is_empty())?;
        if DECISIONS.contains(&class) {
            return None;
        }
        Some(match class {
            "malformed" => FailureKind::Malformed,
            class if !wanted(self.status, class) => FailureKind::Other,
            _ if json::recorded_method(self.method.as_deref()).is_err() => {
                FailureKind::WithBody(self.row)
            }
            _ => FailureKind::Wanted,
        })
    }

    /// A hash that identifies the request.
    pub(super) fn request_hash(&self) -> u64 {
        let mut hash = Xxh3::new();
        hash.update(&self.row.unwrap_or_default().to_le_bytes());
        for text in [
            self.url.as_str(),
            self.method.as_deref().unwrap_or_default(),
        ] {
            hash.update(&(text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
        hash.digest()
    }

    pub(super) fn into_entry(self, maker: &mut JobBuilder) -> Entry {
        let columns = self.columns.into_iter();
        let request = Request {
            method: json::recorded_method(self.method.as_deref()).unwrap_or_default(),
            columns: columns
                .map(|(name, value)| (Arc::from(name), value))
                .collect(),
            ..Request::default()
        };
        let request = request.says_something().then_some(request);
        let mut entry = maker.request(self.row.unwrap_or_default(), &self.url, request);
        if let Entry::Job(job) = &mut entry {
            job.row = self.row;
            job.pass = self.pass.saturating_add(1);
            job.depth = self.depth.unwrap_or_default();
            job.found_on = self.found_on.map(Arc::from);
        }
        entry
    }

    /// Builds it from the cells of a table and the names of their columns.
    pub(in crate::seeds) fn from_cells<'c>(
        cells: impl Iterator<Item = (&'c str, Cow<'c, str>)>,
    ) -> Self {
        let mut recorded = Self::default();
        cells.for_each(|(name, text)| recorded.set(name, &text));
        recorded
    }

    /// Sets the field of this name from its text.
    pub(super) fn set(&mut self, name: &str, text: &str) {
        let some = || (!text.is_empty()).then(|| text.to_owned());
        match name {
            "row" => self.row = text.parse().ok(),
            PASS => self.pass = text.parse().unwrap_or_default(),
            "url" => self.url = text.to_owned(),
            "status" => self.status = text.parse().ok(),
            "error" => self.error = some(),
            "duplicate_of" => self.duplicate_of = text.parse().ok(),
            "method" => self.method = some(),
            "depth" => self.depth = text.parse().ok(),
            "found_on" => self.found_on = some(),
            "columns" => self.columns = serde_json::from_str(text).unwrap_or_default(),
            _ => {}
        }
    }
}
