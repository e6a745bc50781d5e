//! A lane of stored pages: each job brings its answer along, or it is looked up on a shelf; and every core parses.
//!
//! Nothing waits here but for jobs and the disk, so an abort needs no more than that what was not begun is let go.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;

use super::cpu;
use super::ticket::{Ticket, land};
use crate::archive::Shelf;
use crate::error::{Error, Result};
use crate::failure::FetchError;
use crate::page::Page;
use crate::url::PageUrl;
use crate::visit::Visit;
use crate::worker::{Plan, parse};

/// Pages in hand for each core: enough that none waits for the loop.
pub(super) const IN_HAND: usize = 16;
/// Pages that a core takes at a time, at the most.
const PIECE: usize = 8;

/// Starts the lane.
///
/// # Errors
/// When its thread cannot be started.
pub(super) fn start(
    plan: &Plan,
    shelf: Option<Arc<Shelf>>,
    jobs: mpsc::Receiver<Ticket>,
) -> Result<JoinHandle<()>> {
    let plan = plan.clone();
    thread::Builder::new()
        .name("lane".into())
        .spawn(move || {
            let (shelf, jobs) = (shelf.as_deref(), Mutex::new(jobs));
            thread::scope(|scope| {
                for index in 1..cpu::cores() {
                    let thread = thread::Builder::new().name(format!("parse-{index}"));
                    // One that cannot be started leaves its work to the others.
                    let _ = thread.spawn_scoped(scope, || work(&plan, shelf, &jobs));
                }
                work(&plan, shelf, &jobs);
            });
        })
        .map_err(|source| Error::setup("a thread", source))
}

/// Answers jobs until there are no more.
fn work(plan: &Plan, shelf: Option<&Shelf>, jobs: &Mutex<mpsc::Receiver<Ticket>>) {
    let mut taken = Vec::with_capacity(PIECE);
    let mut landed = Vec::with_capacity(PIECE);
    loop {
        let mut jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
        // A core that took all that there is would leave the others without work.
        let share = (jobs.len() / cpu::cores()).clamp(1, PIECE);
        let count = jobs.blocking_recv_many(&mut taken, share);
        drop(jobs);
        if count == 0 {
            return;
        }
        for ticket in taken.drain(..) {
            // A page that panics drops its ticket, and that pays.
            let answered = catch_unwind(AssertUnwindSafe(|| answer(ticket, plan, shelf)));
            landed.extend(answered.ok().flatten());
        }
        land(&mut landed);
    }
}

/// `None`: the run was aborted, and the ticket is dropped.
fn answer(mut ticket: Ticket, plan: &Plan, shelf: Option<&Shelf>) -> Option<(Ticket, Box<Visit>)> {
    if ticket.abort.is_cancelled() {
        return None;
    }
    let job = ticket.job.as_mut()?;
    let outcome = match job.stored.take().and_then(Arc::into_inner) {
        Some(page) => Ok(page),
        None => look_up(&job.url, shelf),
    };
    let parsed = parse(ticket.job(), &outcome, plan);
    let job = ticket.job.take()?;
    let visit = Box::new(Visit {
        job,
        outcome,
        parsed,
    });
    Some((ticket, visit))
}

fn look_up(url: &PageUrl, shelf: Option<&Shelf>) -> Result<Page, FetchError> {
    match shelf.map(|shelf| shelf.find(url)) {
        Some(Ok(Some(stored))) => Ok(stored.page),
        Some(Ok(None)) | None => Err(FetchError::NotStored),
        Some(Err(damage)) => Err(FetchError::Malformed {
            text: damage.path.display().to_string(),
            problem: damage.to_string(),
        }),
    }
}
