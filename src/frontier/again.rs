//! Failures of a job that are to be retried.
//!
//! Edge: this only makes them wait again; the command that started the job resumes it.

use std::path::Path;

use super::RetryOn;
use super::store::{JobFolder, Sqlite};
use crate::error::{Error, Result};

/// The result of putting failures back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PutBack {
    /// Failures that wait again.
    pub count: u64,
    /// Failures in the job.
    pub of: u64,
    /// The number of the new pass over the job: 1 when failures are put back for the first time.
    pub pass: u32,
}

/// Makes failures of a job wait again, in one transaction: those in `causes`, or all.
///
/// # Errors
/// When there is no job, it is damaged, or another process works on it.
pub fn put_back(folder: &Path, causes: Option<&RetryOn>) -> Result<PutBack> {
    if !folder.is_dir() {
        return Err(Error::store(folder, "there is no job here"));
    }
    let folder = JobFolder::lock(folder)?;
    let (mut store, known) = Sqlite::open(&folder)?;
    let wanted = |status: Option<u16>, class: &str| {
        causes.is_none_or(|causes| {
            causes.class(class) || status.is_some_and(|status| causes.status(status))
        })
    };
    let pass = known.pass.saturating_add(1);
    let (count, of) = store.put_back(&wanted, &known)?;
    Ok(PutBack { count, of, pass })
}
