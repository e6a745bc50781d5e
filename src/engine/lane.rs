//! A lane with an event loop: a thread, a current-thread runtime, a client, and room for so many requests.
//!
//! With room for one it is the `sequential` engine, or one thread of `threads`; with room for many it is a loop of
//! `async`, switching between requests as responses arrive. No wake-up crosses threads while a request waits.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread::{self, JoinHandle};

use futures::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Ticket;
use super::cpu::{INLINE, Pool};
use crate::error::{Error, Result};
use crate::fetch::Fetcher;
use crate::visit::Visit;
use crate::worker::{self, Plan};

/// Threads of a loop that wait for the disk, at the most: one for each large body that is coming in.
const DISK_THREADS: usize = 64;
/// Jobs taken over at a time.
const BATCH: usize = 64;

/// Starts a lane. Pages too large to parse in passing go to the pool, where there is one.
///
/// # Errors
/// When the thread, its runtime or its client cannot be started.
pub(super) fn start(
    plan: &Plan,
    jobs: mpsc::Receiver<Ticket>,
    pool: Option<Arc<Pool>>,
    abort: CancellationToken,
) -> Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(DISK_THREADS)
        .build()
        .map_err(|source| Error::setup("an event loop", source))?;
    let fetcher = {
        let _inside = runtime.enter();
        Fetcher::new(plan.shared.clone())?
    };
    let plan = plan.clone();
    thread::Builder::new()
        .name("lane".into())
        .spawn(move || {
            let lane = Lane {
                fetcher,
                plan,
                pool,
            };
            // The loop yields often enough by itself, and tokio's budget would have each poll of a full loop twice.
            runtime.block_on(tokio::task::unconstrained(lane.run(jobs, abort)));
            runtime.shutdown_background(); // downloads that were given up may still wait for the disk
        })
        .map_err(|source| Error::setup("a thread", source))
}

struct Lane {
    fetcher: Fetcher,
    plan: Plan,
    pool: Option<Arc<Pool>>,
}

impl Lane {
    async fn run(&self, mut jobs: mpsc::Receiver<Ticket>, abort: CancellationToken) {
        let mut flying = FuturesUnordered::new();
        let mut batch = Vec::with_capacity(BATCH);
        // Visits are handed over by the handful, as they come out of one round of the event loop: whoever takes them
        // wakes once for all of them.
        let mut landed = Vec::with_capacity(BATCH);
        let mut open = true;
        let mut abort = pin!(abort.cancelled());
        while open || !flying.is_empty() {
            tokio::select! {
                // Each branch is cancel-safe: receiving loses nothing, and a request lives in `flying`.
                count = jobs.recv_many(&mut batch, BATCH), if open => {
                    open = count > 0;
                    for ticket in batch.drain(..) {
                        flying.push(AssertUnwindSafe(self.visit(ticket)).catch_unwind());
                    }
                }
                // A request that panicked has dropped its ticket, and that has paid.
                Some(first) = flying.next(), if !flying.is_empty() => {
                    let mut next = Some(first);
                    while let Some(visit) = next.take() {
                        landed.extend(visit.ok().flatten());
                        if landed.len() < BATCH && let Poll::Ready(more) = futures::poll!(flying.next()) {
                            next = more;
                        }
                    }
                    for (mut ticket, visit) in landed.drain(..) {
                        ticket.land(visit);
                    }
                }
                () = &mut abort => return,
            }
        }
    }

    /// `None`: the pool has it, and pays.
    async fn visit(&self, mut ticket: Ticket) -> Option<(Ticket, Box<Visit>)> {
        let outcome = self.fetcher.fetch(ticket.job()).await;
        let small = outcome
            .as_ref()
            .map_or(true, |page| page.body.len() <= INLINE && !page.is_encoded());
        match &self.pool {
            Some(pool) if !small => {
                pool.parse(ticket, outcome);
                None
            }
            _ => {
                let job = ticket.job.take()?;
                let visit = Box::new(worker::parse(job, outcome, &self.plan.parse));
                Some((ticket, visit))
            }
        }
    }
}
