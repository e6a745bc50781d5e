//! A lane with an event loop: one thread with its own runtime and client, for N requests.
//!
//! With room for one request it is the `sequential` engine, or one thread of `threads`; with room for many it is a
//! loop of `async`, switching between requests as responses arrive. No wake-up crosses threads while a request waits.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::cpu::{INLINE, Pool};
use super::idle::{Desk, Idle};
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
    let plan = plan.clone();
    let (report, reported) = std::sync::mpsc::sync_channel(1);
    let thread = thread::Builder::new()
        .name("lane".into())
        .spawn(move || {
            // Everything of a lane belongs to its thread, so it is made there.
            let (runtime, lane) = match Lane::build(plan, lanes, in_flight, pool) {
                Ok(built) => built,
                Err(error) => {
                    let _ = report.send(Err(error)); // it is being waited for
                    return;
                }
            };
            let _ = report.send(Ok(()));
            // The loop yields often enough by itself, and tokio's budget would poll a full loop twice each time. As a
            // task it is woken by its own requests without a system call, unlike a future that `block_on` drives
            // itself.
            let task = runtime.spawn_local(tokio::task::unconstrained(lane.run(jobs, abort)));
            let _ = runtime.block_on(task); // a lane that panicked dropped its tickets, which returned their jobs
            // Abandoned downloads remove their files; a disk that hangs is not waited for.
            runtime.shutdown_timeout(DISK_TIMEOUT);
        })
        .map_err(|source| Error::setup("a thread", source))?;
    let ended = std::io::Error::other("it ended at once");
    let built = reported.recv().map_err(|_| Error::setup("a thread", ended));
    built.and_then(|built| built).map(|()| thread)
}

struct Lane {
    fetcher: Fetcher,
    plan: Plan,
    pool: Option<Arc<Pool>>,
    /// One permit for each worker, and so for each request in flight.
    permits: Semaphore,
    /// Jobs that no worker has taken yet.
    waiting: RefCell<VecDeque<Ticket>>,
    /// Visits that are about to be sent.
    finished: RefCell<Vec<(Ticket, Box<Visit>)>>,
    idle: Idle,
}

impl Lane {
    /// # Errors
    /// When the system has no file descriptors left for an event loop, or a client cannot be built.
    fn build(
        plan: Plan,
        lanes: usize,
        in_flight: usize,
        pool: Option<Arc<Pool>>,
    ) -> Result<(LocalRuntime, Self)> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(DISK_THREADS)
            .build_local(LocalOptions::default())
            .map_err(|source| Error::setup("an event loop", source))?;
        let fetcher = {
            let _inside = runtime.enter();
            Fetcher::new(plan.shared.clone(), lanes, in_flight)?
        };
        let lane = Self {
            fetcher,
            plan,
            pool,
            permits: Semaphore::new(in_flight),
            waiting: RefCell::default(),
            finished: RefCell::new(Vec::with_capacity(BATCH)),
            idle: Idle::default(),
        };
        Ok((runtime, lane))
    }

    async fn run(self, mut jobs: mpsc::Receiver<Ticket>, abort: CancellationToken) {
        let mut workers = FuturesUnordered::new();
        let mut batch = Vec::with_capacity(BATCH);
        // Visits are sent in batches, so that the receiver wakes once for many: immediately if no job waits here,
        // otherwise when the batch is full, or a moment later.
        let mut batch_timer = pin!(sleep(BATCH_DELAY));
        let mut is_timed = false;
        let mut open = true;
        let mut abort = pin!(abort.cancelled());
        while open || workers.len() > self.idle.count() {
            tokio::select! {
                // Each branch is cancel-safe: receiving loses nothing, and a request lives in `workers`.
                count = jobs.recv_many(&mut batch, BATCH), if open => {
                    open = count > 0;
                    self.waiting.borrow_mut().extend(batch.drain(..));
                }
                // A worker ends only by a panic, which dropped its ticket and so returned the job as lost.
                () = poll_fn(|context| self.poll(&mut workers, context)) => {}
                () = &mut batch_timer, if is_timed => {
                    is_timed = false;
                    send_all(&mut self.finished.borrow_mut());
                }
                () = &mut abort => {
                    send_all(&mut self.finished.borrow_mut());
                    return;
                }
            }
            for _ in 0..self.waiting.borrow().len() {
                if self.idle.wake_one() {
                    continue;
                }
                let Ok(permit) = self.permits.try_acquire() else {
                    break;
                };
                workers.push(AssertUnwindSafe(self.work(permit)).catch_unwind());
            }
            let mut finished = self.finished.borrow_mut();
            if finished.len() >= BATCH || self.waiting.borrow().is_empty() {
                is_timed = false;
                send_all(&mut finished);
            } else if !is_timed && !finished.is_empty() {
                is_timed = true;
                batch_timer.as_mut().reset(Instant::now() + BATCH_DELAY);
            }
        }
    }

    /// Lets the workers go on, until one has finished a job or ended.
    fn poll(
        &self,
        workers: &mut FuturesUnordered<impl Future>,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let before = self.finished.borrow().len();
        let ended = matches!(workers.poll_next_unpin(context), Poll::Ready(Some(_)));
        match ended || self.finished.borrow().len() > before {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// Fetches one job after the other.
    ///
    /// That a worker is used again, and not made anew for each job, is what keeps its several KiB in place.
    async fn work(&self, _permit: SemaphorePermit<'_>) {
        let desk = Rc::new(Desk::default());
        loop {
            let ticket = poll_fn(|context| {
                let next = self.waiting.borrow_mut().pop_front();
                match next {
                    Some(ticket) => {
                        self.idle.leave(&desk);
                        Poll::Ready(ticket)
                    }
                    None => {
                        self.idle.enter(&desk, context);
                        Poll::Pending
                    }
                }
            })
            .await;
            if let Some(finished) = self.visit(ticket).await {
                self.finished.borrow_mut().push(finished);
            }
        }
    }

    /// Fetches a job. `None` if the pool parses the page and completes the ticket.
    async fn visit(&self, ticket: Ticket) -> Option<(Ticket, Box<Visit>)> {
        let outcome = self.fetcher.fetch(ticket.job()).await;
        let is_small = outcome.as_ref().map_or(true, |page| {
            let is_stored = page.known.as_ref().is_some_and(|known| known.is_stored());
            page.body.len() <= INLINE && !page.is_encoded() && !is_stored
        }) && !self.plan.computes();
        match &self.pool {
            Some(pool) if !is_small => {
                pool.parse(ticket, outcome);
                None
            }
            _ => ticket.parse(outcome, &self.plan),
        }
    }
}
