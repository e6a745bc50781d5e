//! The pages of an earlier run, to be looked up by URL while another run asks what changed.
//!
//! A job keeps a table of them. Of an archive such a table is made, in a temporary database, in one pass that reads every
//! record. Invariant: memory is flat but for two numbers for each page. Whatever the next run needs and this one does not
//! have is found out here, before anything is requested.

mod archive;
mod needs;
mod records;
mod table;

use std::path::Path;

use tempfile::TempPath;

use super::run::{EarlierRun, RunKind};
use crate::archive::Places;
use crate::error::{Error, Result, Setting};
use crate::frontier::{is_job, since};
use crate::past::PastPlan;
pub(crate) use needs::Needs;
use table::FinishedTable;

/// The pages of an earlier run.
pub(crate) struct Catalog {
    plan: PastPlan,
    /// The database, if it was made for this run; removed with it.
    _made: Option<TempPath>,
}

impl Catalog {
    /// Opens an earlier run: a job, an archive of WARC files, or an output with records.
    ///
    /// # Errors
    /// When it does not exist, is damaged, is of another site, or lacks what the run needs.
    pub(crate) fn open(path: &Path, needs: &Needs) -> Result<Self> {
        if is_job(path) || !path.exists() {
            return Self::of_job(path, needs);
        }
        let has_no_archive =
            || path.is_dir() && Places::open(path).is_ok_and(|found| found.is_none());
        match EarlierRun::open(path)?.kind() {
            RunKind::Job => Self::of_job(path, needs),
            RunKind::Archive if has_no_archive() => Self::of_job(path, needs),
            RunKind::Archive => archive::table(path, needs).map(Self::of_table),
            RunKind::Records => records::table(path, needs).map(Self::of_table),
        }
    }

    /// Where the pages are.
    pub(crate) fn plan(&self) -> &PastPlan {
        &self.plan
    }

    fn of_table(table: FinishedTable) -> Self {
        Self {
            plan: table.plan,
            _made: Some(table.file),
        }
    }

    fn of_job(path: &Path, needs: &Needs) -> Result<Self> {
        let plan = since(path, needs.reads, &needs.hosts)?;
        if needs.bodies {
            let problem = "an earlier job has no bodies: those of pages that did not change cannot be saved or written \
                           again; an archive of the run has them";
            return Err(Error::invalid(Setting::Since, problem));
        }
        if needs.freshness && !plan.knows_freshness()? {
            let problem = "the job is of an earlier version of haul, which did not keep how long its pages are fresh; crawl \
                           once more with this one";
            return Err(Error::store(path, problem));
        }
        Ok(Self { plan, _made: None })
    }
}
