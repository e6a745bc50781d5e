//! What does not fit on the workbench: jobs that wait in the store alone, and are leased as there is room.
//!
//! Invariant: a host's line is a head of its rows in the order of their numbers, and the store has the rest, all above the
//! line's last number. So once a job was put away, later ones of its host go the same way until the store has no more.

use std::cmp::Reverse;
use std::time::Instant;

use super::{LINE, LINES, Place, Workbench};
use crate::job::{Job, Role};
use crate::url::HostKey;

impl Workbench {
    /// From now on a store has what does not fit in here.
    pub(crate) fn overflow(&mut self) {
        self.overflows = true;
    }

    /// Counts a job that waits in the store.
    pub(crate) fn put_away(&mut self, key: &HostKey, now: Instant) {
        let place = self.place(key, now);
        self.put_beyond(place);
    }

    pub(super) fn put_beyond(&mut self, place: Place) {
        if self.closed {
            return; // nobody will ask the store for it
        }
        self.host_at(place).beyond += 1;
        self.beyond += 1;
        self.want(place);
    }

    /// Remembers a host whose line is short while the store has more of it.
    pub(super) fn want(&mut self, place: Place) {
        let host = self.host_at(place);
        if host.beyond > 0 && !host.asked && host.waiting.len() <= LINE / 4 {
            host.asked = true;
            self.wanting.push_back(place);
        }
    }

    /// A host that has room for more of the store's jobs: its key, the last number it had, and how many.
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

    /// Takes jobs of one host out of the store, in their order; fewer than were `asked` for are all that were committed.
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

    /// Whether a host can go on only after a commit.
    pub(crate) fn needs_commit(&self) -> bool {
        !self.uncommitted.is_empty()
    }

    /// All that was put away is in the store now.
    pub(crate) fn committed(&mut self) {
        for place in std::mem::take(&mut self.uncommitted) {
            self.host_at(place).asked = false;
            self.want(place);
        }
    }

    /// Whether nothing new is taken any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Takes nothing new any more and forgets what was never sent: the run has all that it may have.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.beyond = 0;
        self.wanting.clear();
        self.uncommitted.clear();
        self.delayed.retain(|Reverse(delayed)| {
            delayed.job.has_record() || delayed.job.role == Role::Robots
        });
        let mut waiting = self.delayed.len();
        for host in self.hosts.iter_mut().flatten() {
            host.beyond = 0;
            // A robots.txt is asked for on behalf of others.
            host.waiting
                .retain(|job| !job.is_fresh() && (job.has_record() || job.role == Role::Robots));
            waiting += host.waiting.len();
        }
        self.waiting = waiting;
    }
}
