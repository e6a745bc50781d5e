//! Marks: how far a sink is durable, in its own words.
//!
//! Whoever keeps a job keeps the marks of its sinks, and hands each back when the job goes on: the sink forgets what it
//! wrote after its mark, and writes on from there. Invariant: what is before a mark survives a crash of the machine.
//! Nobody but the sink itself knows what is in one.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How far a sink is durable.
///
/// A sink that writes one file says `{"bytes": 1234}`; others may say more, as long as it is JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mark(pub Value);

/// Where a sink begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start<'a> {
    /// A run of its own: a file that is there is emptied, or written after where the settings say so.
    Fresh,
    /// A job of which no mark is known: its first session, or one after a kill that came before the first checkpoint.
    ///
    /// As [`Fresh`](Self::Fresh), and what a killed session saved goes away. A file that is written after keeps all
    /// that is in it, as nobody knows any more where the killed session began. So a job takes its first checkpoint
    /// before its first visit is written: then nothing is there of which no mark is known.
    Over,
    /// A job that goes on: what came after its last mark goes away.
    At(&'a Mark),
}

impl Mark {
    /// The mark of a file that is durable up to here.
    pub(super) fn of_length(bytes: u64) -> Self {
        Self(json!({ "bytes": bytes }))
    }

    /// The same mark, with the number of records that are before it.
    pub(super) fn with_records(mut self, records: u64) -> Self {
        if let Some(said) = self.0.as_object_mut() {
            said.insert("records".to_owned(), records.into());
        }
        self
    }

    /// How many records are before it; 0 where it does not say.
    pub(super) fn records(&self) -> u64 {
        let records = self.0.get("records").and_then(Value::as_u64);
        records.unwrap_or_default()
    }

    /// How far the file is durable; `None` where this is no such mark.
    pub(super) fn length(&self) -> Option<u64> {
        self.0.get("bytes")?.as_u64()
    }
}
