//! Sinks: where records go.
//!
//! A sink is plain blocking code; all of them run on one thread behind a bounded queue (`Writer`), so records never
//! interleave and a slow disk slows the run instead of filling memory. A sink that fails stops the run. Each declares
//! what it [wants](Sink::wants), and only that is computed. A new format is one file, a [`Format`], and one line in
//! `opener.rs`.
//!
//! A job asks its sinks for [marks](Mark) and stores them; when it is resumed, each sink starts [at](Start::At) its
//! mark, so every record is written exactly once. A sink knows its own mark, but not who stores it.

#[cfg(feature = "parquet")]
mod arrow;
#[cfg(not(feature = "parquet"))]
#[path = "arrow/without.rs"]
mod arrow;
mod aside;
#[cfg(test)]
mod contract;
mod counts;
#[cfg(test)]
mod crash;
mod csv;
mod destination;
mod edges;
mod field;
mod files;
mod folder;
mod format;
mod format_settings;
mod growing;
mod hold;
mod holders;
mod index;
mod journal;
mod jsonl;
mod kept;
mod lines;
mod mark;
mod mirror;
mod name;
mod names;
mod opener;
mod output;
mod packing;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(not(feature = "parquet"))]
#[path = "parquet/without.rs"]
mod parquet;
mod plan;
mod record;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod schema;
mod settings;
mod sinks;
mod sqlite;
mod tail;
mod template;
#[cfg(test)]
mod tests;
mod text;
mod torn;
#[cfg(feature = "parquet")]
mod typed;
mod value;
mod wacz;
mod wants;
mod warc;
mod writer;

pub(crate) use counts::Counter;
pub use counts::Counts;
pub use destination::Destination;
pub use field::FIELDS;
pub use files::Files;
pub use format::{FORMATS, Format};
pub use format_settings::{ArchiveSettings, RecordSettings, TemplateSettings, TextSettings};
pub(crate) use holders::Holders;
pub use kept::Kept;
pub use mark::{Mark, Start};
pub(crate) use mirror::Mirror;
pub(crate) use opener::{files_name, index_name, name};
pub use parquet::is_dataset;
pub(crate) use plan::SinkPlan;
pub use record::{Record, SCHEMA};
pub use settings::{FilesSettings, Layout, Modified, SinkSettings};
pub(crate) use sinks::{Marks, Sinks};
pub use template::Template;
pub(crate) use writer::Writer;

use crate::error::{Error, Result};
use crate::parse::Wants;
use crate::visit::Visit;

/// A destination of records.
pub trait Sink: Send {
    /// What it needs from a page, beyond its head.
    fn wants(&self) -> Wants;

    /// Writes one visit.
    ///
    /// # Errors
    /// When it cannot be written: the run stops.
    fn write(&mut self, visit: &Visit) -> Result<()>;

    /// Passes everything written so far to the system, so that a reader of a pipe sees it.
    ///
    /// By default does nothing, as for sinks that do not buffer.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    /// Notes that all sinks of the run were flushed: what is written now stays.
    fn keep(&mut self) {}

    /// Whether flushed records cannot be taken back. Such a sink is flushed after the others.
    fn is_final(&self) -> bool {
        false
    }

    /// After an error: drops what was written since the last [`keep`](Self::keep).
    ///
    /// That way no half record stays, and no record that the user is asked to fetch again. Returns whether the output
    /// is now exactly what it was at that `keep`; if that is unknown, missing records are not reported.
    fn take_back(&mut self) -> bool {
        false
    }

    /// Syncs everything written so far to disk, and returns the mark of that point.
    ///
    /// Everything before it survives a crash of the machine. This waits for the disk; only jobs call it.
    ///
    /// # Errors
    /// As [`write`](Self::write), and when records cannot be taken back, as on standard output and by default.
    fn checkpoint(&mut self) -> Result<Mark> {
        let problem = "a job cannot write to a sink that has no marks: after a kill nothing could be taken back from it";
        Err(Error::Setting(problem.into()))
    }

    /// Writes whatever comes last, and syncs everything to disk.
    ///
    /// Returns a mark as [`checkpoint`](Self::checkpoint) does, from which writing can be resumed later; `None` if
    /// there is none, and by default.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn finish(self: Box<Self>) -> Result<Option<Mark>> {
        Ok(None)
    }
}
