//! The past: what an earlier run kept of its pages.
//!
//! The job of a run keeps a [snapshot](crate::page::snapshot::Snapshot) of each page in a table of its own. A later run
//! looks each URL up before it asks for it. An archive has no such table, so one is made of it, with the place of each
//! page. Invariant: nothing here is loaded as a whole but two numbers for each page. Knows nothing of requests.

mod lookup;
mod open;
pub(crate) mod table;

pub(crate) use lookup::{Lookup, Past, PastPlan, RunLookup};
pub(crate) use open::{attach, has_log, read_only};
