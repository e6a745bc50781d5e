//! Sinks: where records go.
//!
//! A sink is plain blocking code; all of them run on one thread behind a bounded queue (`Writer`), so records
//! never interleave and a slow disk slows the run instead of filling memory. A sink that fails stops the run. Each says
//! what it [wants](Sink::wants), and only that is computed. A new format is one file, a
//! [`Format`], and one line in `opener.rs`.
//!
//! A job asks its sinks for [marks](Mark) and keeps them; when it goes on, each sink begins [at](Start::At) its mark, and
//! every record is there once. A sink knows its own mark and nothing of who keeps it.

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
pub use settings::{FilesSettings, Layout, SinkSettings};
pub(crate) use sinks::{Marks, Sinks};
pub use template::Template;
pub(crate) use writer::Writer;

use crate::error::{Error, Result};
use crate::parse::Wants;
use crate::visit::Visit;

/// Somewhere that records go.
pub trait Sink: Send {
    /// What it needs to know of a page, beyond its head.
    fn wants(&self) -> Wants;

    /// Takes one visit.
    ///
    /// # Errors
    /// When it cannot be written: the run stops.
    fn write(&mut self, visit: &Visit) -> Result<()>;

    /// Hands everything written so far to the system: a reader of a pipe sees it. Where nothing is held back there is
    /// nothing to do.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    /// All sinks of the run were flushed: from now on what is there stays.
    fn keep(&mut self) {}

    /// Whether what was flushed cannot be taken back. Such a sink is flushed after the others.
    fn is_final(&self) -> bool {
        false
    }

    /// After an error: forgets what was written since it was last told to [`keep`](Self::keep) what is there, so that no
    /// half record stays and nothing is there that the user is told to fetch again. Answers whether what is there now is
    /// exactly what was there then; where that is not known, nobody is told what is missing.
    fn take_back(&mut self) -> bool {
        false
    }

    /// Makes sure that everything written so far survives a crash of the machine, and says how far that is. Waits for
    /// the disk: a run without a job never asks.
    ///
    /// # Errors
    /// As [`write`](Self::write); where what was written cannot be taken back, as on standard output, and by default.
    fn checkpoint(&mut self) -> Result<Mark> {
        let problem = "a job cannot write to a sink that has no marks: after a kill nothing could be taken back from it";
        Err(Error::Setting(problem.into()))
    }

    /// Writes what comes last, and makes sure that all of it is on disk. Answers a mark as
    /// [`checkpoint`](Self::checkpoint) does, to go on from should there be more to write one day; `None` where there is
    /// none, and by default.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn finish(self: Box<Self>) -> Result<Option<Mark>> {
        Ok(None)
    }
}
