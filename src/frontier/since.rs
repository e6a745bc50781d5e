//! The job of an earlier run, to be compared with: whether it can be, and where its pages are.

use std::path::Path;

use super::store::{Reader, database};
use crate::error::{Error, Result};
use crate::past::PastPlan;
use crate::url::HostKey;

/// Where the pages of an earlier job are.
///
/// `reads` identifies what this run reads out of pages: that of pages that did not change is carried over. If `hosts` has
/// any, the job has to know at least one of them.
///
/// # Errors
/// When there is no such job, it is damaged, another run writes to it, or it read something else or other sites.
pub(crate) fn since(folder: &Path, reads: u64, hosts: &[HostKey]) -> Result<PastPlan> {
    Reader::read(folder, |reader| {
        let name = folder.display();
        let known = reader.known();
        let Some(then) = known.reads.filter(|_| reader.has_pages()) else {
            return Err(Error::store(
                folder,
                "the job is of an earlier version of haul, which kept nothing of its pages; crawl once more with this one",
            ));
        };
        if then != reads {
            return Err(Error::Setting(format!(
                "the job {name} read other things out of its pages (selectors, recipes, links), so they cannot be \
                 carried over; compare with a job that was started with the same ones"
            )));
        }
        if !hosts.is_empty() && !reader.knows_any(hosts)? {
            return Err(Error::Setting(format!(
                "the job {name} is of another site: it has no page of {}",
                hosts[0]
            )));
        }
        if !reader.is_unchanging() {
            return Err(Error::Setting(format!(
                "the job {name} is being worked on, or was killed; let the command that started it end first"
            )));
        }
        Ok(PastPlan {
            database: database(folder),
            seed: known.seed,
            archive: None,
        })
    })
}
