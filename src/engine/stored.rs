//! A lane of stored pages, parsed on all cores.
//!
//! Each job comes with its page, or the page is looked up on a shelf. The only waits here are for jobs and the disk,
//! so an abort only has to drop the jobs that were not started.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;

use super::cpu;
use super::ticket::{Ticket, send_all};
use crate::archive::Shelf;
use crate::error::{Error, Result};
use crate::page::Page;
use crate::page::failure::FetchError;
use crate::url::PageUrl;
use crate::visit::Visit;
use crate::worker::Plan;

/// The number of pages in the engine per core: enough that no core waits for the loop.
pub(super) const PER_CORE: usize = 16;
/// The most pages that a core takes at a time.
const MAX_SHARE: usize = 8;

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
                    // If a thread cannot be started, the others do its work.
                    let _ = thread.spawn_scoped(scope, || process_jobs(&plan, shelf, &jobs));
                }
                process_jobs(&plan, shelf, &jobs);
            });
        })
        .map_err(|source| Error::setup("a thread", source))
}

/// Processes jobs until there are no more.
fn process_jobs(plan: &Plan, shelf: Option<&Shelf>, jobs: &Mutex<mpsc::Receiver<Ticket>>) {
    let mut tickets = Vec::with_capacity(MAX_SHARE);
    let mut finished = Vec::with_capacity(MAX_SHARE);
    loop {
        let mut jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
        // If one core took every waiting job, the others would have no work.
        let share = (jobs.len() / cpu::cores()).clamp(1, MAX_SHARE);
        let count = jobs.blocking_recv_many(&mut tickets, share);
        drop(jobs);
        if count == 0 {
            return;
        }
        for ticket in tickets.drain(..) {
            // A page that panics drops its ticket, which returns the job as lost.
            let visit = catch_unwind(AssertUnwindSafe(|| visit(ticket, plan, shelf)));
            finished.extend(visit.ok().flatten());
        }
        send_all(&mut finished);
    }
}

/// Returns the visit of a job with its stored page; `None` if the run was aborted.
fn visit(mut ticket: Ticket, plan: &Plan, shelf: Option<&Shelf>) -> Option<(Ticket, Box<Visit>)> {
    if ticket.abort.is_cancelled() {
        return None;
    }
    let job = ticket.job.as_mut()?;
    let outcome = match job.stored.take().and_then(Arc::into_inner) {
        Some(page) => Ok(page),
        None => look_up(&job.url, shelf),
    };
    ticket.parse(outcome, plan)
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
