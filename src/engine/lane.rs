//! A lane with an event loop: a thread, a current-thread runtime, a client, and room for so many requests.
//!
//! With room for one it is the `sequential` engine, or one thread of `threads`; with room for many it is a loop of
//! `async`, switching between requests as responses arrive. No wake-up crosses threads while a request waits.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::cpu::{INLINE, Pool};
use super::event_loop::EventLoop;
use super::ticket::{Ticket, land};
use crate::error::{Error, Result};
use crate::fetch::Fetcher;
use crate::visit::Visit;
use crate::worker::{self, Plan};

/// Threads of a loop that wait for the disk, at the most: one for each large body that is coming in.
const DISK_THREADS: usize = 64;
/// How long a lane that ends waits for them.
const DISK_PATIENCE: Duration = Duration::from_secs(2);
/// Jobs taken over, and visits handed over, at a time.
const BATCH: usize = 32;
/// How long a visit may wait to be handed over with others.
const MOMENT: Duration = Duration::from_millis(1);

/// Starts one of `lanes`. Pages too large to parse in passing go to the pool, where there is one.
///
/// # Errors
/// When the thread, its runtime or its client cannot be started.
pub(super) fn start(
    plan: &Plan,
    lanes: usize,
    in_flight: usize,
    jobs: mpsc::Receiver<Ticket>,
    pool: Option<Arc<Pool>>,
    abort: CancellationToken,
) -> Result<JoinHandle<()>> {
    let event_loop = EventLoop::build(DISK_THREADS)?;
    let fetcher = {
        let _inside = event_loop.enter();
        Fetcher::new(plan.shared.clone(), lanes, in_flight)?
    };
    let plan = plan.clone();
    thread::Builder::new()
        .name("lane".into())
        .spawn(move || {
            let Some(runtime) = event_loop.into_runtime() else {
                return; // it is there until it is taken, and that is here
            };
            let lane = Lane {
                fetcher,
                plan,
                pool,
                in_flight,
                flights: Semaphore::new(in_flight),
            };
            // The loop yields often enough by itself, and tokio's budget would have each poll of a full loop twice. As a
            // task it is woken by its own requests without a system call; what `block_on` itself drives is not.
            let task = runtime.spawn(tokio::task::unconstrained(lane.run(jobs, abort)));
            let _ = runtime.block_on(task); // a lane that panicked has dropped its tickets, and they have paid
            // Downloads that were given up remove their files; a disk that hangs is not waited for.
            runtime.shutdown_timeout(DISK_PATIENCE);
        })
        .map_err(|source| Error::setup("a thread", source))
}

struct Lane {
    fetcher: Fetcher,
    plan: Plan,
    pool: Option<Arc<Pool>>,
    in_flight: usize,
    /// A permit for each request in flight; a job that finds none waits its turn.
    flights: Semaphore,
}

impl Lane {
    async fn run(self, mut jobs: mpsc::Receiver<Ticket>, abort: CancellationToken) {
        let mut flying = FuturesUnordered::new();
        let mut batch = Vec::with_capacity(BATCH);
        // Visits are handed over by the handful, so that whoever takes them wakes once for many: at once where no job waits
        // here, else when there are enough of them, or a moment later.
        let mut landed: Vec<(Ticket, Box<Visit>)> = Vec::with_capacity(BATCH);
        let mut moment = pin!(sleep(MOMENT));
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
                    if landed.is_empty() {
                        moment.as_mut().reset(Instant::now() + MOMENT);
                    }
                    let mut next = Some(first);
                    while let Some(visit) = next.take() {
                        landed.extend(visit.ok().flatten());
                        if landed.len() < BATCH && let Poll::Ready(more) = futures::poll!(flying.next()) {
                            next = more;
                        }
                    }
                    if landed.len() >= BATCH || flying.len() <= self.in_flight {
                        land(&mut landed);
                    }
                }
                () = &mut moment, if !landed.is_empty() => land(&mut landed),
                () = &mut abort => {
                    land(&mut landed);
                    return;
                }
            }
        }
    }

    /// Waits for a permit, and lets the connection of the request before go home first: asked for at once, the client would
    /// find none idle and open another.
    async fn take_off(&self) -> Option<SemaphorePermit<'_>> {
        let permit = self.flights.acquire().await.ok();
        tokio::task::yield_now().await;
        permit
    }

    /// `None`: the pool has it, and pays.
    async fn visit(&self, mut ticket: Ticket) -> Option<(Ticket, Box<Visit>)> {
        let flight = self.take_off().await;
        let outcome = self.fetcher.fetch(ticket.job()).await;
        drop(flight);
        let small = outcome
            .as_ref()
            .map_or(true, |page| page.body.len() <= INLINE && !page.is_encoded())
            && !self.plan.computes();
        match &self.pool {
            Some(pool) if !small => {
                pool.parse(ticket, outcome);
                None
            }
            _ => {
                let parsed = worker::parse(ticket.job(), &outcome, &self.plan);
                let job = ticket.job.take()?;
                let visit = Box::new(Visit {
                    job,
                    outcome,
                    parsed,
                });
                Some((ticket, visit))
            }
        }
    }
}
