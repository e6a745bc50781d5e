//! Segments that wait for a body that cannot be received in segments.

use std::cmp::Reverse;

use super::Workbench;
use crate::job::Job;
use crate::job::segments::Segments;
use crate::url::HostKey;

impl Workbench {
    /// Takes out the segments of the body of this job that wait; returns their number.
    pub(in crate::frontier) fn withdraw_segments(&mut self, key: &HostKey, of: u64) -> usize {
        let stays = |job: &Job| !matches!(job.segments, Some(Segments::One(job, _)) if job == of);
        let before = self.delayed.len();
        self.delayed.retain(|Reverse(delayed)| stays(&delayed.job));
        let mut count = before - self.delayed.len();
        if let Some(place) = self.places.get(key).copied() {
            let waiting = &mut self.host_at(place).waiting;
            let before = waiting.len();
            waiting.retain(|job| stays(job));
            count += before - waiting.len();
        }
        self.waiting -= count;
        count
    }
}
