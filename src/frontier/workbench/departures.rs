//! When requests leave, from when the delays of their hosts count.

use std::sync::Arc;
use std::time::Instant;

use super::Workbench;
use crate::job::Job;
use crate::job::departed::Departed;
use crate::url::HostKey;

impl Workbench {
    /// Notes that a request to a host is sent now, and returns where its lane notes when it leaves.
    pub(crate) fn sent(&mut self, key: &HostKey, now: Instant) -> Option<Arc<Departed>> {
        let place = self.place(key, now);
        self.host_at(place).departs(now)
    }

    /// Notes when a request left that came back now.
    pub(crate) fn departed(&mut self, job: &Job, at: Instant, now: Instant) {
        let place = self.place(&job.host, now);
        self.host_at(place).departed(job.departed.as_ref(), at);
    }
}
