//! A job whose body is received in segments, several at a time.
//!
//! Each segment is a job without a record, and counts like any other against the limits of its host. Meanwhile the job
//! that they belong to waits; it goes to an engine again to join them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::page::Page;
use crate::page::partial::Note;

/// What a job has to do with segments.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Segments {
    /// It requests a segment of the body of the job with this number.
    One(u64, Box<Note>),
    /// Its segments are on disk and are to be joined.
    Complete(Arc<Whole>),
    /// Its body is requested as a whole: these segments of it could not be received.
    Failed(Arc<[Note]>),
}

/// A body all of whose segments are on disk.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Whole {
    /// The response to the first request, without its body.
    pub(crate) head: Page,
    /// The segments, in order.
    pub(crate) notes: Vec<Note>,
}
