//! A job in an engine: it always returns as exactly one visit, whatever happens to its lane.
//!
//! Invariant: a ticket that is dropped with its job returns it as a visit: with [`FetchError::Cancelled`] after an
//! abort, and with [`FetchError::Lost`] after a panic or the death of a child process.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::job::Job;
use crate::page::Page;
use crate::page::failure::FetchError;
use crate::visit::{Parsed, Visit};
use crate::worker::{Plan, parse};

/// A job in an engine. Completing it sends the visit; dropping it reports its job as lost.
pub(crate) struct Ticket {
    pub(super) job: Option<Box<Job>>,
    pub(super) lane: usize,
    pub(super) results: mpsc::Sender<Vec<FinishedVisit>>,
    pub(super) abort: CancellationToken,
}

/// A visit on its way back to the loop.
pub(super) struct FinishedVisit {
    pub(super) visit: Box<Visit>,
    pub(super) lane: usize,
}

impl Ticket {
    /// The job of the ticket.
    pub(super) fn job(&self) -> &Job {
        self.job
            .as_ref()
            .expect("a ticket has its job until it is completed")
    }

    /// Sends the visit of the job.
    ///
    /// Everything that may panic comes before: until then the job stays in the ticket.
    pub(super) fn complete(mut self, outcome: Result<Page, FetchError>, parsed: Parsed) {
        if let Some(job) = self.job.take() {
            self.send(Box::new(Visit {
                job,
                outcome,
                parsed,
            }));
        }
    }

    /// Parses the outcome, and takes the job out of the ticket for its visit.
    ///
    /// Everything that may panic comes first: until then the job stays in the ticket.
    pub(super) fn parse(
        mut self,
        mut outcome: Result<Page, FetchError>,
        plan: &Plan,
    ) -> Option<(Self, Box<Visit>)> {
        let parsed = parse(self.job(), &mut outcome, plan);
        let job = self.job.take()?;
        let visit = Box::new(Visit {
            job,
            outcome,
            parsed,
        });
        Some((self, visit))
    }

    /// Sends a visit whose job was taken out of the ticket before.
    pub(super) fn send(&mut self, visit: Box<Visit>) {
        let lane = self.lane;
        // The loop is gone if this fails, and needs no visits.
        let _ = self.results.try_send(vec![FinishedVisit { visit, lane }]);
    }
}

/// Sends many visits at once, so that the receiver wakes once.
pub(super) fn send_all(finished: &mut Vec<(Ticket, Box<Visit>)>) {
    let Some((ticket, _)) = finished.first() else {
        return;
    };
    let results = ticket.results.clone();
    let all = finished.drain(..).map(|(ticket, visit)| FinishedVisit {
        visit,
        lane: ticket.lane,
    });
    // The loop is gone if this fails, and needs no visits.
    let _ = results.try_send(all.collect());
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(job) = self.job.take() {
            let error = if self.abort.is_cancelled() {
                FetchError::Cancelled
            } else {
                FetchError::Lost("the job was dropped".into())
            };
            self.send(Box::new(Visit::unsent(job, error)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::url::PageUrl;

    fn ticket() -> (Ticket, mpsc::Receiver<Vec<FinishedVisit>>) {
        let (results, visits) = mpsc::channel(1);
        let url = PageUrl::parse("http://a.example/").unwrap();
        let ticket = Ticket {
            job: Some(Box::new(Job::seed(7, url))),
            lane: 0,
            results,
            abort: CancellationToken::new(),
        };
        (ticket, visits)
    }

    fn next_visit(visits: &mut mpsc::Receiver<Vec<FinishedVisit>>) -> (u64, FetchError) {
        let finished = visits.try_recv().unwrap().pop().unwrap();
        (
            finished.visit.job.row.unwrap(),
            finished.visit.outcome.unwrap_err(),
        )
    }

    #[test]
    fn a_panic_between_job_and_visit_loses_no_row() {
        let (ticket, mut visits) = ticket();
        let parse = |_: &Job| -> Parsed { panic!("a poisoned page") };
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let parsed = parse(ticket.job());
            ticket.complete(Err(FetchError::Closed), parsed);
        }));
        assert!(panicked.is_err());
        assert!(matches!(next_visit(&mut visits), (7, FetchError::Lost(_))));
    }

    #[test]
    fn a_ticket_dropped_after_an_abort_is_cancelled() {
        let (ticket, mut visits) = ticket();
        ticket.abort.cancel();
        drop(ticket);
        assert_eq!(next_visit(&mut visits), (7, FetchError::Cancelled));
    }
}
