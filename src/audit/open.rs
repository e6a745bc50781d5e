//! How a run is opened to be audited: what is at its path decides.

use std::path::Path;

use super::demands::Demands;
use super::queue::Queue;
use super::source::Source;
use super::{archive, job, records};
use crate::earlier::{EarlierRun, RunKind};
use crate::error::Result;
use crate::frontier::is_job;

/// Reads the requests of a run into the queue.
///
/// # Errors
/// When it cannot be read, or is damaged.
pub(super) fn read(path: &Path, demands: &Demands, queue: &mut Queue) -> Result<Source> {
    if is_job(path) {
        return job::read(path, queue);
    }
    match EarlierRun::open(path)?.kind() {
        RunKind::Archive => archive::read(path, demands, queue),
        RunKind::Job | RunKind::Records => records::read(path, queue),
    }
}
