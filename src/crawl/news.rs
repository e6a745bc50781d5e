//! The events of a run other than visits: statistics, slowed hosts, and unreadable files.

use std::time::{Duration, Instant};

use super::run::Run;
use crate::frontier::Change;
use crate::page::Page;
use crate::page::failure::FetchError;
use crate::run::event::Event;
use crate::visit::Visit;

/// How often to compute what the run waits for and which hosts are busy, which examines every known host.
const WAITS_EVERY: Duration = Duration::from_secs(1);

impl<F: FnMut(&Event<'_>)> Run<F> {
    /// Reports the hosts that get fewer requests from now on, or none.
    pub(super) fn tell_pauses(&mut self) {
        for pause in self.frontier.take_pauses() {
            let host = &pause.host;
            (self.tell)(&match &pause.change {
                Change::Paused { until, cause } => Event::Held {
                    host,
                    until: *until,
                    cause,
                },
                Change::GivenUp { failures, cause } => Event::GivenUp {
                    host,
                    failures: *failures,
                    cause,
                },
                Change::Slowed { asked, kept } => Event::Slowed {
                    host,
                    asked: *asked,
                    kept: *kept,
                },
            });
        }
    }

    /// Counts a visit without a record, and reports a sitemap that could not be read.
    pub(super) fn unrecorded(&mut self, visit: &Visit) {
        let follow = self.follow.as_ref();
        if follow.is_some_and(|follow| follow.is_a_guess(&visit.job)) && !visit.has_page() {
            return;
        }
        if visit.job.is_reread {
            return; // it already has its record
        }
        let problem = visit.sitemap_problem();
        self.tally.unrecorded(visit, problem.is_some());
        if let Some(problem) = problem
            && !matches!(visit.outcome, Err(FetchError::Robots { .. }))
        {
            let url = visit.job.first_url();
            let problem = &problem;
            (self.tell)(&Event::Unread { url, problem });
        }
    }

    /// Counts a response; a stored one took no time.
    pub(super) fn answered(&mut self, page: &Page) {
        match self.is_stored {
            true => self.tally.wire_bytes += page.wire_bytes,
            false => self.tally.answered(page.wire_bytes, page.timing.total),
        }
    }

    /// Notes how long ago the last checkpoint was.
    pub(super) fn note_checkpoint(&mut self) {
        let committed = self.frontier.committed();
        self.tally.checkpoint_age = committed.map(|at| at.elapsed());
    }

    /// Reports the figures so far.
    pub(super) fn tick(&mut self) {
        self.tally.in_flight = self.crew.in_flight();
        self.tally.connections += self.plan.shared.connections().take();
        self.tally.waiting = self.frontier.waiting();
        self.tally.elapsed = self.started.elapsed();
        if self.tally.elapsed >= self.waits_due {
            self.waits_due = self.tally.elapsed + WAITS_EVERY;
            let hosts = &self.tally.hosts;
            self.tally.slowest_host = self.frontier.slowest_host(|host| {
                let host = hosts.get(host).filter(|host| host.visited > 0)?;
                Some(host.busy / u32::try_from(host.visited).unwrap_or(u32::MAX))
            });
            let now = Instant::now();
            self.tally.waits = self.frontier.waits(now);
            self.frontier.note_waits(&self.tally.waits);
            self.tally.held_hosts = self.frontier.held(now);
            self.tally.loads = self.frontier.loads();
        }
        self.note_checkpoint();
        if let Some(follow) = &self.follow {
            self.tally.passed_over.clone_from(follow.skips());
        }
        if let Some(notice) = self.frontier.take_notice() {
            (self.tell)(&Event::Notice(&notice));
        }
        (self.tell)(&Event::Tick(&self.tally));
    }
}
