//! Marks: how far a sink is durable, in a form that only the sink itself understands.
//!
//! The store of a job saves the marks of its sinks, and passes each back when the job is resumed: the sink drops what
//! it wrote after its mark, and continues from there. Invariant: everything before a mark survives a crash of the
//! machine.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How far a sink is durable.
///
/// The mark of a sink that writes one file is `{"bytes": 1234}`; other sinks may store any JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mark(pub Value);

/// Where a sink starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start<'a> {
    /// A run without a job: an existing file is emptied, or appended to if the settings say so.
    Fresh,
    /// A job without a mark: its first session, or one after a kill before its first checkpoint.
    ///
    /// As [`Fresh`](Self::Fresh), and files that a killed session saved are removed. A file that is appended to keeps
    /// all its content, since nobody knows where the killed session began. That is why a job takes its first
    /// checkpoint before it writes its first visit: then every record comes after some mark.
    Over,
    /// A resumed job: everything after its last mark is removed.
    At(&'a Mark),
}

impl Mark {
    /// The mark of a file that is durable up to a length.
    pub(super) fn of_length(bytes: u64) -> Self {
        Self(json!({ "bytes": bytes }))
    }

    /// Adds the number of records before the mark.
    pub(super) fn with_records(mut self, records: u64) -> Self {
        if let Some(fields) = self.0.as_object_mut() {
            fields.insert("records".to_owned(), records.into());
        }
        self
    }

    /// The number of records before the mark; 0 if it has none.
    pub(super) fn records(&self) -> u64 {
        let records = self.0.get("records").and_then(Value::as_u64);
        records.unwrap_or_default()
    }

    /// The length up to which the file is durable; `None` if this is not the mark of a file.
    pub(super) fn length(&self) -> Option<u64> {
        self.0.get("bytes")?.as_u64()
    }
}
