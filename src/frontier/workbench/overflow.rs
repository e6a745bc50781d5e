//! Jobs that do not fit on the workbench: they wait in the store until there is room.
//!
//! Invariant: a host's queue has its first rows, in the order of their numbers, and the store has the rest, all
//! with higher numbers. So once a job was left to the store, later jobs of its host are too, until the store has no
//! more.

use std::cmp::Reverse;
use std::time::Instant;

use super::addresses::HostIndex;
use super::{LINE, LINES, Workbench};
use crate::job::Job;
use crate::url::HostKey;

impl Workbench {
    /// Leaves the jobs that do not fit in here to a store from now on.
    pub(crate) fn overflow(&mut self) {
        self.overflows = true;
    }

    /// Counts a job that waits in the store.
    pub(crate) fn put_away(&mut self, key: &HostKey, now: Instant) {
        let place = self.place(key, now);
        self.put_beyond(place);
    }

    pub(super) fn put_beyond(&mut self, place: HostIndex) {
        if self.closed {
            return; // nothing will be leased from the store any more
        }
        self.host_at(place).beyond += 1;
        self.beyond += 1;
        self.want(place);
    }

    /// Remembers a host whose queue is short while the store has more jobs of it.
    pub(super) fn want(&mut self, place: HostIndex) {
        let host = self.host_at(place);
        if host.beyond > 0 && !host.asked && host.waiting.len() <= LINE / 4 {
            host.asked = true;
            self.wanting.push_back(place);
        }
    }

    /// A host with room for jobs from the store: its key, its last number, and how many.
    pub(crate) fn next_want(&mut self) -> Option<(HostKey, u64, usize)> {
        if self.waiting >= LINES {
            return None;
        }
        let place = self.wanting.pop_front()?;
        let host = self.host_at(place);
        Some((
            host.key.clone(),
            host.last,
            LINE - host.waiting.len().min(LINE - 1),
        ))
    }

    /// Appends jobs of one host from the store; fewer than `asked` are all that were committed.
    pub(crate) fn refill(
        &mut self,
        key: &HostKey,
        jobs: Vec<Box<Job>>,
        asked: usize,
        now: Instant,
    ) {
        if self.closed {
            return;
        }
        let place = self.place(key, now);
        let count = jobs.len();
        self.waiting += count;
        self.beyond = self.beyond.saturating_sub(count as u64);
        let host = self.host_at(place);
        host.beyond = host.beyond.saturating_sub(count as u64);
        for job in jobs {
            host.last = job.id;
            host.waiting.push_back(job);
        }
        if count < asked && host.beyond > 0 {
            self.uncommitted.push(place);
        } else {
            host.asked = false;
            self.want(place);
        }
        self.list(place, now);
    }

    /// Whether a host needs a commit before it can continue.
    pub(crate) fn needs_commit(&self) -> bool {
        !self.uncommitted.is_empty()
    }

    /// Notes that all rows are in the store now.
    pub(crate) fn committed(&mut self) {
        for place in std::mem::take(&mut self.uncommitted) {
            self.host_at(place).asked = false;
            self.want(place);
        }
    }

    /// Whether new jobs are no longer accepted.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Drops the jobs that were never sent, and accepts no new ones: the limit is reached.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.beyond = 0;
        self.wanting.clear();
        self.uncommitted.clear();
        self.delayed
            .retain(|Reverse(delayed)| delayed.job.has_record() || delayed.job.role.is_awaited());
        let mut waiting = self.delayed.len();
        for host in self.hosts.iter_mut().flatten() {
            host.beyond = 0;
            // A robots.txt and a segment have no record, but other jobs wait for them.
            host.waiting
                .retain(|job| !job.is_fresh() && (job.has_record() || job.role.is_awaited()));
            waiting += host.waiting.len();
        }
        self.waiting = waiting;
    }
}
