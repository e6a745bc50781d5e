//! A lane that blocks: a thread with one request at a time on a socket that blocks in the kernel.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;

use super::Ticket;
use crate::error::{Error, Result};
use crate::fetch::BlockingFetcher;
use crate::worker::{Plan, parse};

/// Enough for TLS and the parser; a thousand threads reserve no more than they use.
const STACK: usize = 512 << 10;

/// Tickets whose lanes block, by lane. A thread in the kernel cannot be called back; its ticket can.
#[derive(Clone, Default)]
pub(super) struct Parked(Arc<Mutex<HashMap<usize, Ticket>>>);

impl Parked {
    /// Drops all tickets: each pays with what a dropped ticket pays with.
    pub(super) fn drop_all(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<usize, Ticket>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts a lane.
///
/// # Errors
/// When the thread or its client cannot be started.
pub(super) fn start(
    plan: &Plan,
    mut jobs: mpsc::Receiver<Ticket>,
    parked: Parked,
) -> Result<JoinHandle<()>> {
    let mut fetcher = BlockingFetcher::new(plan.shared.clone())?;
    let plan = plan.clone();
    thread::Builder::new()
        .name("lane".into())
        .stack_size(STACK)
        .spawn(move || {
            while let Some(ticket) = jobs.blocking_recv() {
                let (lane, job, abort) = (ticket.lane, ticket.job().clone(), ticket.abort.clone());
                parked.lock().insert(lane, ticket);
                if abort.is_cancelled() {
                    parked.lock().remove(&lane); // the abort came before the ticket was there to be dropped
                    continue;
                }
                let fetched = catch_unwind(AssertUnwindSafe(|| fetcher.fetch(&job)));
                // Gone where the run was aborted meanwhile.
                let Some(ticket) = parked.lock().remove(&lane) else {
                    continue;
                };
                // A request that panics drops its ticket, and that pays.
                let _ = catch_unwind(AssertUnwindSafe(|| {
                    if let Ok(outcome) = fetched {
                        ticket.pay(|job| parse(job, outcome, &plan.parse));
                    }
                }));
            }
        })
        .map_err(|source| Error::setup("a thread", source))
}
