//! The CPU pool: one thread per core, for parsing pages that are not small.
//!
//! An event loop sends a page and continues; the pool parses it and completes the ticket. Small pages never come here:
//! passing them on costs more than parsing them. The queue is bounded by the number of tickets.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::ticket::Ticket;
use crate::error::{Error, Result};
use crate::page::Page;
use crate::page::failure::FetchError;
use crate::worker::{Plan, parse};

/// Pages up to this size, in bytes, are parsed where they arrived.
///
/// Measured: passing a page to the pool costs about 5 µs, as much as hashing and scanning 8 KiB.
pub(crate) const INLINE: u64 = 16 << 10;

/// The threads that parse pages.
pub(crate) struct Pool {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    ready: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<(Ticket, Result<Page, FetchError>)>,
    closed: bool,
}

impl Pool {
    /// Starts the threads.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub(crate) fn start(plan: &Plan, threads: usize) -> Result<Self> {
        // If a thread cannot be started, dropping the pool ends the earlier ones.
        let mut pool = Self {
            queue: Arc::new(Queue::default()),
            threads: Vec::with_capacity(threads),
        };
        for index in 0..threads {
            let (queue, plan) = (pool.queue.clone(), plan.clone());
            let thread = thread::Builder::new()
                .name(format!("parse-{index}"))
                .spawn(move || {
                    while let Some((ticket, mut outcome)) = queue.next() {
                        // A page that panics drops its ticket, which returns the job as lost.
                        let _ = catch_unwind(AssertUnwindSafe(|| {
                            let parsed = parse(ticket.job(), &mut outcome, &plan);
                            ticket.complete(outcome, parsed);
                        }));
                    }
                });
            pool.threads
                .push(thread.map_err(|source| Error::setup("a thread", source))?);
        }
        Ok(pool)
    }

    /// Queues a page to be parsed.
    pub(crate) fn parse(&self, ticket: Ticket, outcome: Result<Page, FetchError>) {
        let mut state = self
            .queue
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        state.waiting.push_back((ticket, outcome));
        drop(state);
        self.queue.ready.notify_one();
    }
}

impl Queue {
    fn next(&self) -> Option<(Ticket, Result<Page, FetchError>)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(page) = state.waiting.pop_front() {
                return Some(page);
            }
            if state.closed {
                return None;
            }
            state = self
                .ready
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .closed = true;
        self.queue.ready.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join(); // panics of pages are caught
        }
    }
}

/// Returns the number of cores that this process may use.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
