//! A lane with an event loop: one thread with its own runtime and client, for N requests.
//!
//! With room for one request it is the `sequential` engine, or one thread of `threads`; with room for many it is a
//! loop of `async`, switching between requests as responses arrive. No wake-up crosses threads while a request waits.

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
use super::ticket::{Ticket, send_all};
use crate::error::{Error, Result};
use crate::fetch::Fetcher;
use crate::visit::Visit;
use crate::worker::Plan;

/// The most threads of a loop that wait for the disk: one for each large body being received.
const DISK_THREADS: usize = 64;
/// How long an ending lane waits for its disk threads.
const DISK_TIMEOUT: Duration = Duration::from_secs(2);
/// The number of jobs received, and of visits sent, at a time.
const BATCH: usize = 32;
/// How long a visit may wait to be sent together with others.
const BATCH_DELAY: Duration = Duration::from_millis(1);

/// Starts one of `lanes` lanes.
///
/// Pages too large to parse inline go to the pool, if there is one.
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
                return; // unreachable: only this thread takes the runtime
            };
            let lane = Lane {
                fetcher,
                plan,
                pool,
                in_flight,
                permits: Semaphore::new(in_flight),
            };
            // The loop yields often enough by itself, and tokio's budget would poll a full loop twice each time. As a
            // task it is woken by its own requests without a system call, unlike a future that `block_on` drives
            // itself.
            let task = runtime.spawn(tokio::task::unconstrained(lane.run(jobs, abort)));
            let _ = runtime.block_on(task); // a lane that panicked dropped its tickets, which returned their jobs
            // Abandoned downloads remove their files; a disk that hangs is not waited for.
            runtime.shutdown_timeout(DISK_TIMEOUT);
        })
        .map_err(|source| Error::setup("a thread", source))
}

struct Lane {
    fetcher: Fetcher,
    plan: Plan,
    pool: Option<Arc<Pool>>,
    in_flight: usize,
    /// One permit for each request in flight; a job without a permit waits its turn.
    permits: Semaphore,
}

impl Lane {
    async fn run(self, mut jobs: mpsc::Receiver<Ticket>, abort: CancellationToken) {
        let mut requests = FuturesUnordered::new();
        let mut batch = Vec::with_capacity(BATCH);
        // Visits are sent in batches, so that the receiver wakes once for many: immediately if no job waits here,
        // otherwise when the batch is full, or a moment later.
        let mut finished: Vec<(Ticket, Box<Visit>)> = Vec::with_capacity(BATCH);
        let mut batch_timer = pin!(sleep(BATCH_DELAY));
        let mut open = true;
        let mut abort = pin!(abort.cancelled());
        while open || !requests.is_empty() {
            tokio::select! {
                // Each branch is cancel-safe: receiving loses nothing, and a request lives in `requests`.
                count = jobs.recv_many(&mut batch, BATCH), if open => {
                    open = count > 0;
                    for ticket in batch.drain(..) {
                        requests.push(AssertUnwindSafe(self.visit(ticket)).catch_unwind());
                    }
                }
                // A request that panicked dropped its ticket, which returned the job as lost.
                Some(first) = requests.next(), if !requests.is_empty() => {
                    if finished.is_empty() {
                        batch_timer.as_mut().reset(Instant::now() + BATCH_DELAY);
                    }
                    let mut next = Some(first);
                    while let Some(visit) = next.take() {
                        finished.extend(visit.ok().flatten());
                        if finished.len() < BATCH && let Poll::Ready(more) = futures::poll!(requests.next()) {
                            next = more;
                        }
                    }
                    if finished.len() >= BATCH || requests.len() <= self.in_flight {
                        send_all(&mut finished);
                    }
                }
                () = &mut batch_timer, if !finished.is_empty() => send_all(&mut finished),
                () = &mut abort => {
                    send_all(&mut finished);
                    return;
                }
            }
        }
    }

    /// Waits for a permit to send a request.
    ///
    /// It then yields, so that the connection of the previous request returns to the pool first: otherwise the client
    /// would find none idle and open another.
    async fn acquire_permit(&self) -> Option<SemaphorePermit<'_>> {
        let permit = self.permits.acquire().await.ok();
        tokio::task::yield_now().await;
        permit
    }

    /// Fetches a job. `None` if the pool parses the page and completes the ticket.
    async fn visit(&self, ticket: Ticket) -> Option<(Ticket, Box<Visit>)> {
        let permit = self.acquire_permit().await;
        let outcome = self.fetcher.fetch(ticket.job()).await;
        drop(permit);
        let is_small = outcome
            .as_ref()
            .map_or(true, |page| page.body.len() <= INLINE && !page.is_encoded())
            && !self.plan.computes();
        match &self.pool {
            Some(pool) if !is_small => {
                pool.parse(ticket, outcome);
                None
            }
            _ => ticket.parse(outcome, &self.plan),
        }
    }
}
