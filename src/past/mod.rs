//! The past: what an earlier run kept of its pages.
//!
//! The job of a run keeps a [snapshot](crate::page::snapshot::Snapshot) of each page in a table of its own. A later run
//! looks each URL up before it asks for it. Invariant: nothing here is loaded as a whole but one number for each page.
//! Reads a finished job; knows nothing of requests.

mod lookup;
mod open;
pub(crate) mod table;

pub(crate) use lookup::{Lookup, Past, PastPlan};
pub(crate) use open::{attach, has_log, read_only};
