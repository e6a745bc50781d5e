//! Totals of a job's earlier sessions, because the exit code covers all sessions.
//!
//! They are counted from the rows of the job while these are restored, so rows that were put back to waiting do not
//! count. Lines without a row, because they were never admitted (duplicates, and lines that are no URL), are
//! counted in the job, next to its marks.

use std::collections::HashSet;

use super::store::{Row, State};
use crate::page::failure::FetchError;
use crate::run::tally::{Totals, is_class_of_skip, may_pass};
use crate::url::HostKey;
use crate::visit::Visit;

/// Totals of a job's earlier sessions.
#[derive(Debug, Default)]
pub(crate) struct EarlierTotals {
    totals: Totals,
    /// The hosts of the seeds.
    seeds: HashSet<HostKey>,
}

impl EarlierTotals {
    /// Starts with the lines that have no row.
    pub(super) fn with(lines: Totals) -> Self {
        Self {
            totals: lines,
            seeds: HashSet::new(),
        }
    }

    /// Counts a row. Rows of seeds come before rows of the pages that they lead to.
    pub(crate) fn count(&mut self, row: &Row) {
        let is_listed = row.row.is_some();
        if is_listed && !self.seeds.contains(&row.host) {
            self.seeds.insert(row.host.clone());
        }
        let class = match &row.state {
            _ if !row.role.has_record() => return,
            State::Waiting(_) => return,
            // A link that is skipped has no record.
            State::Skipped { .. } if !is_listed => return,
            // The page has its record, and that succeeded: pages that failed are not read again.
            State::Done(_) | State::Reread(_) => None,
            State::Failed { class, .. } | State::Skipped { class, .. } => Some(class.as_str()),
        };
        let is_skip = class.is_some_and(is_class_of_skip);
        let failed = u64::from(class.is_some() && !is_skip);
        self.totals.visited += 1;
        self.totals.failed += failed;
        self.totals.skipped += u64::from(is_skip);
        if !is_listed {
            self.totals.led_to += 1;
            self.totals.led_to_failed += failed;
            let may_pass = class.and_then(|class| may_pass(class, row.role));
            // The page that links to a row is not known here, but a crawl stays on the hosts of its seeds.
            let is_lost = may_pass.is_some_and(|anywhere| anywhere || self.is_on_seed_host(row));
            self.totals.lost += u64::from(is_lost);
        }
    }

    fn is_on_seed_host(&self, row: &Row) -> bool {
        self.seeds.contains(&row.host)
    }

    /// The totals so far.
    pub(crate) fn totals(&self) -> Totals {
        self.totals
    }
}

/// Counts a line that was never admitted.
pub(super) fn count_line(lines: &mut Totals, visit: &Visit) {
    lines.visited += 1;
    match &visit.outcome {
        Err(FetchError::Duplicate { .. }) => lines.duplicates += 1,
        Err(error) if error.is_skip() => lines.skipped += 1,
        _ => lines.failed += u64::from(visit.failure().is_some()),
    }
}
