//! Reads haul's own outputs again, of every format that contains whole records.
//!
//! These are JSON Lines and CSV, possibly compressed, SQLite, Arrow, and folders of Parquet files. An output is a stream of
//! [records](Recorded) in the order in which they were written, so the newest record of a request comes last.
//! Invariant: one record is in memory at a time, with the fields that the caller [wants](Wanted) and no others. What
//! is not a record, as a line that a kill has torn, is an item like any other, and has a number too. Edge: an output
//! that cannot be read to its end is an error that names the file, and the line or row after which it is damaged.
//!
//! A format may know less than a record had. CSV does not tell an empty text from none. SQLite has the values of a
//! nested item as columns of their own (`seller_name`), and `_` for each hyphen in a name. Both SQLite and Parquet have
//! values of any JSON as text, and omit recipes that found no items.

#[cfg(feature = "parquet")]
mod arrow;
#[cfg(not(feature = "parquet"))]
#[path = "arrow/without.rs"]
mod arrow;
mod csv;
mod error;
mod item;
mod jsonl;
mod output;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(not(feature = "parquet"))]
#[path = "parquet/without.rs"]
mod parquet;
mod record;
mod sqlite;
mod wanted;

pub(crate) use csv::{HEADER, LONGEST};
pub use item::Choice;
pub(crate) use item::{Item, Visitor};
pub(crate) use output::Output;
#[cfg(feature = "parquet")]
pub(crate) use parquet::Layout;
pub(crate) use record::Recorded;
pub(crate) use sqlite::{JSON_COLUMN, SQLITE_MARK};
pub(crate) use wanted::Wanted;
