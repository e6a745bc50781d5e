//! What is kept of an attempt that was not the last.

use std::time::Instant;

use super::retry;
use crate::job::{Attempt, Job};
use crate::page::Page;
use crate::page::failure::FetchError;

/// What is recorded of an attempt that was not the last.
pub(super) fn attempt(outcome: Result<Page, FetchError>, job: &Job, now: Instant) -> Attempt {
    match outcome {
        Ok(page) => Attempt {
            status: Some(page.status),
            error: None,
            sent: page.timing.sent,
            took: page.timing.total,
            asked_wait: retry::asked_wait(&page),
        },
        Err(error) => Attempt {
            status: None,
            error: Some(error),
            sent: job.sent,
            took: now.saturating_duration_since(job.leased.unwrap_or(job.since)),
            asked_wait: None,
        },
    }
}

/// Whether an attempt got a body with another checksum.
pub(super) fn is_mismatch(attempt: &Attempt) -> bool {
    matches!(attempt.error, Some(FetchError::Checksum { .. }))
}
