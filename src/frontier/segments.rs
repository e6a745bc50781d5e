//! Large files that are received in segments.
//!
//! The first response to a job says how long its body is and that it has ranges. From then on the job waits, while a job
//! for each segment takes its turn like every other job of the host, and is retried like one. When all have been
//! received, the job goes to an engine once more, to join them. If one cannot be received, or no longer belongs to the
//! same body, the file is requested as a whole.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Frontier;
use super::attempt::attempt;
use super::landing::{Again, Noted};
use crate::job::segments::Segments;
use crate::job::{Job, Request, Role};
use crate::page::partial::Note;
use crate::visit::Visit;

impl Frontier {
    /// Lets a job wait for the segments that its first response announced.
    ///
    /// Returns the visit if it did not announce any.
    pub(super) fn split(
        &mut self,
        mut visit: Box<Visit>,
        now: Instant,
    ) -> Result<Noted, Box<Visit>> {
        let announced = visit.outcome.as_mut().ok();
        let Some(notes) = announced.and_then(|page| page.segments.take()) else {
            return Err(visit);
        };
        let Visit { job, outcome, .. } = *visit;
        for note in &notes {
            let segment = Box::new(segment(&job, note));
            self.workbench.put_back(segment, Duration::ZERO, now);
        }
        if let Ok(head) = outcome {
            self.splits.add(job, head, notes.into_vec(), now);
        }
        Ok(Noted::Again(Again::Segment))
    }

    /// Notes that a segment was received, or that it cannot be.
    pub(super) fn end_segment(&mut self, visit: Visit, now: Instant) -> Noted {
        let Visit {
            mut job, outcome, ..
        } = visit;
        let over = Noted::Again(Again::Segment);
        let Some(Segments::One(of, _)) = job.segments else {
            return over;
        };
        let Some(split) = self.splits.get(of) else {
            return over;
        };
        split.has_ended(1);
        split.tried(std::mem::take(&mut job.attempts));
        match outcome {
            Ok(page) if page.status == 200 => split.received(page.wire_bytes),
            outcome => {
                split.tried([attempt(outcome, &job, now)]);
                split.fail();
                // The others are of no use without it.
                split.has_ended(self.workbench.withdraw_segments(&job.host, of));
            }
        }
        if split.is_over()
            && let Some(whole) = self.splits.end(of, now)
        {
            self.workbench.put_back(whole, Duration::ZERO, now);
        }
        over
    }

    /// Notes that the segments of a job were joined, or that they could not be. No host was asked for that.
    pub(super) fn end_join(&mut self, mut visit: Box<Visit>, now: Instant) -> Noted {
        let Some(Segments::Complete(whole)) = visit.job.segments.take() else {
            return Noted::Settled(visit);
        };
        if visit.outcome.is_ok() {
            return Noted::Settled(visit);
        }
        let Visit {
            mut job, outcome, ..
        } = *visit;
        let attempt = attempt(outcome, &job, now);
        job.attempts.push(attempt);
        job.segments = Some(Segments::Failed(whole.notes.as_slice().into()));
        self.workbench.put_back(job, Duration::ZERO, now);
        Noted::Again(Again::Segment)
    }
}

/// The job for a segment of the body of another job.
fn segment(job: &Job, note: &Note) -> Job {
    let request = job.request.as_deref().map(|request| {
        Arc::new(Request {
            method: request.method.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
            // They are about the whole.
            checksum: None,
            columns: Vec::new(),
        })
    });
    Job {
        id: 0,
        row: None,
        role: Role::Segment,
        request,
        attempts: Vec::new(),
        retries: 0,
        free_tries: 0,
        segments: Some(Segments::One(job.id, Box::new(note.clone()))),
        ..job.clone()
    }
}
