//! What changed between two runs over the same site.
//!
//! Each run is read twice. The first time, a few hashes of each page stay in memory, and the runs are joined by the
//! fingerprints of their URLs; the second time, only the pages that differ are read in full, compared, and reported.
//! Invariant: memory is bounded by the number of pages, and never by their size; what a run did not ask for is never
//! reported as gone. Edge: two URLs have the same fingerprint once in some ten million runs of a million pages each.
//!
//! ```no_run
//! use haul::diff::{Diff, DiffSettings};
//!
//! let diff = Diff::between("monday".as_ref(), "tuesday".as_ref(), &DiffSettings::default())?;
//! diff.each(&mut |change| {
//!     println!("{} {}", change.kind, change.url);
//!     Ok(())
//! })?;
//! # Ok::<(), haul::Error>(())
//! ```

mod absent;
mod between;
mod change;
mod compare;
mod counts;
mod detail;
mod join;
mod lines;
mod moved;
mod plan;
mod reread;
mod settings;
mod site;
mod store;
mod target;
mod trace;
mod values;
mod visible;

pub use between::{Diff, RunSummary};
pub use change::{Change, ChangeKind};
pub use counts::Counts;
pub use lines::LinePair;
pub use settings::DiffSettings;
