//! Pages that an earlier run has, and that are requested all the same because nothing can be read there.

use std::time::{Duration, Instant};

use super::Frontier;
use super::attempt::attempt;
use super::landing::{Again, Noted};
use crate::job::Reuse;
use crate::visit::Visit;

impl Frontier {
    /// Notes that the page of an earlier run was used, or that it cannot be: then its host is asked.
    pub(super) fn end_reuse(&mut self, visit: Box<Visit>, now: Instant) -> Noted {
        if visit.outcome.is_ok() {
            return self.end(visit, now);
        }
        let mut job = visit.job;
        job.reuse = match visit.parsed.lacks_earlier {
            true => Reuse::Unreadable,
            false => Reuse::No,
        };
        self.workbench.put_back(job, Duration::ZERO, now);
        Noted::Again(Again::Asked)
    }

    /// Asks for a page once more, without a condition: it did not change, but what there should be of it cannot be read.
    pub(super) fn ask_again(&mut self, visit: Visit, now: Instant) -> Noted {
        let Visit {
            mut job, outcome, ..
        } = visit;
        let asked = attempt(outcome, &job, now);
        job.attempts.push(asked);
        job.reuse = Reuse::Unreadable;
        self.workbench.put_back(job, Duration::ZERO, now);
        Noted::Again(Again::Asked)
    }
}
