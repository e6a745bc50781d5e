//! Jobs that need no request, because an earlier run has their pages and these are still fresh.

use std::time::Instant;

use super::Workbench;
use super::addresses::HostIndex;
use crate::frontier::reuse::FreshPages;

impl Workbench {
    /// Whether the first job of a host needs no request.
    pub(super) fn is_fresh(&mut self, place: HostIndex, now: Instant) -> bool {
        let Some(fresh) = self.fresh.take() else {
            return false;
        };
        let first = self.host_at(place).waiting.front_mut();
        let is_fresh = first.is_some_and(|job| fresh.has(job, now));
        self.fresh = Some(fresh);
        is_fresh
    }

    /// Uses pages of an earlier run from now on.
    pub(in crate::frontier) fn reuse(&mut self, pages: FreshPages) {
        self.fresh = Some(pages);
    }
}
