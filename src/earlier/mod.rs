//! An earlier run, read again page by page, wherever it was written: a job folder, an output, or an archive.
//!
//! Whoever compares a run with an earlier one reads it through this seam. Pages are a stream in the order in which
//! they were written, so the newest record of a request comes last; nothing is loaded as a whole. Invariant: a page
//! has what its run knows and was asked for, and `None` for everything else; no value is guessed.
//!
//! What each kind of source cannot know:
//!
//! | source | what it lacks |
//! |---|---|
//! | records: `.jsonl`, `.csv`, `.sqlite`, `.parquet`, `.arrow` | what was not requested, and whether the run came to its end; validators, unless `etag` and `last-modified` were recorded; the text, unless it was recorded (`body`) or saved as a file; of a redirect that was followed, any page but the last |
//! | archives: WARC, WACZ, saved pages | what was not requested, and whether the run came to its end; failures without a response; rows, depths, passes, methods, and pages that links were found on; fields and items. They have robots.txt, sitemaps, and each redirect of a chain as pages of their own |
//! | a job whose output is one of those | what that output lacks, except what was not requested and why, whether the run came to its end, validators and fingerprints of texts, and, next to an archive, failures without a response |
//! | a job with another output, such as lines of text | methods, passes, where redirects lead, and the pages that links were found on; of pages without status 200, all but the status |
//! | a job of an earlier version, or that a process works on | what only jobs keep: validators and fingerprints of texts |
//!
//! ```no_run
//! use std::ops::ControlFlow;
//! use haul::earlier::{EarlierRun, Page, PageVisitor, Wants};
//!
//! struct Titles;
//! impl PageVisitor for Titles {
//!     fn take(&mut self, _number: u64, page: Page) -> ControlFlow<()> {
//!         println!("{} {:?}", page.url, page.title);
//!         ControlFlow::Continue(())
//!     }
//! }
//! let run = EarlierRun::open("example".as_ref())?;
//! run.pages(Wants { response: true, ..Wants::default() }, &mut Titles)?;
//! # Ok::<(), haul::Error>(())
//! ```
//!
//! A fingerprint of the text is computed where the text is known; see [`Page::simhash`]. Requests that differ only in
//! header fields or body are the same request here.

mod archive;
mod catalog;
mod job;
mod kept;
mod page;
mod reach;
mod records;
mod run;
mod saved;

pub use crate::recorded::Choice;
pub(crate) use catalog::{Catalog, Needs};
pub use page::{Page, PageVisitor, Text, Wants};
pub use reach::{Reach, Unasked};
pub use run::{EarlierRun, RunKind};
