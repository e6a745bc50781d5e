//! The jobs whose bodies are received in segments.
//!
//! Invariant: a job waits here exactly as long as a segment of it is waiting or in flight, or until an engine takes it
//! to join them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use crate::job::segments::{Segments, Whole};
use crate::job::{Attempt, Job};
use crate::page::Page;
use crate::page::partial::Note;

/// The jobs whose bodies are received in segments.
#[derive(Default)]
pub(super) struct Splits {
    /// Those that wait for their segments, by their numbers.
    waiting: HashMap<u64, Split>,
    /// Those whose segments can be joined.
    complete: VecDeque<Box<Job>>,
}

/// A job that waits for its segments.
pub(super) struct Split {
    job: Box<Job>,
    /// Its first response, and the bytes received since.
    head: Page,
    notes: Vec<Note>,
    /// The number of segments that are waiting or in flight.
    missing: usize,
    /// Whether one could not be received.
    is_failed: bool,
    since: Instant,
}

impl Splits {
    /// The jobs that wait.
    pub(super) fn jobs(&self) -> impl Iterator<Item = &Job> {
        let waiting = self.waiting.values().map(|split| &*split.job);
        waiting.chain(self.complete.iter().map(|job| &**job))
    }

    /// The number of jobs that wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.complete.len()
    }

    /// A job whose segments are to be joined.
    pub(super) fn next(&mut self) -> Option<Box<Job>> {
        self.complete.pop_front()
    }

    /// Lets a job wait for its segments.
    pub(super) fn add(&mut self, job: Box<Job>, head: Page, notes: Vec<Note>, now: Instant) {
        let split = Split {
            missing: notes.len(),
            is_failed: false,
            since: now,
            head,
            notes,
            job,
        };
        self.waiting.insert(split.job.id, split);
    }

    /// The job with this number, if it waits.
    pub(super) fn get(&mut self, id: u64) -> Option<&mut Split> {
        self.waiting.get_mut(&id)
    }

    /// Ends the wait of a job whose segments have all ended. Returns it if its body is to be received as a whole.
    pub(super) fn end(&mut self, id: u64, now: Instant) -> Option<Box<Job>> {
        let split = self.waiting.remove(&id)?;
        let (mut job, mut head, notes) = (split.job, split.head, split.notes);
        if split.is_failed {
            job.segments = Some(Segments::Failed(notes.into()));
            return Some(job);
        }
        head.timing.total += now.saturating_duration_since(split.since);
        job.segments = Some(Segments::Complete(Arc::new(Whole { head, notes })));
        self.complete.push_back(job);
        None
    }
}

impl Split {
    /// Notes that so many segments are no longer missing.
    pub(super) fn has_ended(&mut self, count: usize) {
        self.missing = self.missing.saturating_sub(count);
    }

    /// Whether all segments have ended.
    pub(super) fn is_over(&self) -> bool {
        self.missing == 0
    }

    /// Notes that a segment was received, with this many bytes.
    pub(super) fn received(&mut self, bytes: u64) {
        self.head.wire_bytes += bytes;
    }

    /// Notes that a segment cannot be received.
    pub(super) fn fail(&mut self) {
        self.is_failed = true;
    }

    /// Adds attempts at a segment to those of the job.
    pub(super) fn tried(&mut self, attempts: impl IntoIterator<Item = Attempt>) {
        self.job.attempts.extend(attempts);
    }
}
