//! Pages of an earlier run that are still fresh: they are used without asking their hosts.
//!
//! Invariant: such a job costs its host neither a turn nor a slot, and nothing that happens to it says anything about the
//! host. Edge: robots.txt applies to it like to any other, so the robots.txt of its host is requested first.

use std::time::{Instant, SystemTime};

use crate::job::outgoing::Template;
use crate::job::{Job, Reuse};
use crate::past::Lookup;

/// What an earlier run has, and when it may be used.
pub(crate) struct FreshPages {
    past: Lookup,
    template: Template,
    /// The same moment by both clocks.
    started: (Instant, SystemTime),
}

impl FreshPages {
    /// The pages of an earlier run, for requests by this template. `clock` is the time at `now`.
    pub(crate) fn new(past: Lookup, template: Template, now: Instant, clock: SystemTime) -> Self {
        Self {
            past,
            template,
            started: (now, clock),
        }
    }

    /// Whether the page of a job is used without asking. It is looked up once.
    pub(super) fn has(&self, job: &mut Job, now: Instant) -> bool {
        if job.reuse == Reuse::Unknown {
            job.reuse = match self.covers(job, now) {
                Some(true) => Reuse::Yes,
                Some(false) | None => Reuse::No,
            };
        }
        job.reuse == Reuse::Yes
    }

    fn covers(&self, job: &Job, now: Instant) -> Option<bool> {
        let fresh = self.past.freshness(&job.url)?;
        let request = self.template.reusable(job)?;
        let (instant, clock) = self.started;
        let clock = clock.checked_add(now.saturating_duration_since(instant))?;
        Some(fresh.covers(&request.headers, clock))
    }
}
