//! The CPU pool: one thread a core, for parsing pages that are not small.
//!
//! An event loop hands a page over and goes on; the pool parses it and pays the ticket. Small pages never come
//! here: handing them over costs more than parsing them. The queue is bounded by the tickets there are.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::ticket::Ticket;
use crate::error::{Error, Result};
use crate::failure::FetchError;
use crate::page::Page;
use crate::worker::{Plan, parse};

/// Pages up to this size are parsed where they arrived. Measured: a hand-over costs about 5 us, as much as hashing
/// and looking through 8 KiB.
pub(crate) const INLINE: u64 = 16 << 10;

/// Threads that parse.
pub(crate) struct Pool {
    line: Arc<Line>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Line {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<(Ticket, Result<Page, FetchError>)>,
    closed: bool,
}

impl Pool {
    /// # Errors
    /// When a thread cannot be started.
    pub(crate) fn start(plan: &Plan, threads: usize) -> Result<Self> {
        // One that cannot be started leaves a pool that is dropped: those before it end.
        let mut pool = Self {
            line: Arc::new(Line::default()),
            threads: Vec::with_capacity(threads),
        };
        for index in 0..threads {
            let (line, plan) = (pool.line.clone(), plan.clone());
            let thread = thread::Builder::new()
                .name(format!("parse-{index}"))
                .spawn(move || {
                    while let Some((ticket, outcome)) = line.next() {
                        // A page that panics drops its ticket, and that pays.
                        let _ = catch_unwind(AssertUnwindSafe(|| {
                            let parsed = parse(ticket.job(), &outcome, &plan);
                            ticket.pay(outcome, parsed);
                        }));
                    }
                });
            pool.threads
                .push(thread.map_err(|source| Error::setup("a thread", source))?);
        }
        Ok(pool)
    }

    /// Hands a page over.
    pub(crate) fn parse(&self, ticket: Ticket, outcome: Result<Page, FetchError>) {
        let mut state = self
            .line
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        state.waiting.push_back((ticket, outcome));
        drop(state);
        self.line.work.notify_one();
    }
}

impl Line {
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
                .work
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.line
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .closed = true;
        self.line.work.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join(); // no page makes it panic
        }
    }
}

/// Cores that this process may use.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
