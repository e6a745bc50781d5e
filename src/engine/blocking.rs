//! A lane that blocks: a thread with one request at a time on a socket that blocks in the kernel.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;

use super::Ticket;
use crate::error::{Error, Result};
use crate::fetch::BlockingFetcher;
use crate::worker::{Plan, parse};

/// Enough for TLS and the parser; a thousand threads reserve no more than they use.
const STACK: usize = 512 << 10;

/// Starts a lane.
///
/// # Errors
/// When the thread or its client cannot be started.
pub(super) fn start(plan: &Plan, mut jobs: mpsc::Receiver<Ticket>) -> Result<JoinHandle<()>> {
    let mut fetcher = BlockingFetcher::new(plan.shared.clone())?;
    let plan = plan.clone();
    thread::Builder::new()
        .name("lane".into())
        .stack_size(STACK)
        .spawn(move || {
            while let Some(ticket) = jobs.blocking_recv() {
                // A request that panics drops its ticket, and that pays.
                let _ = catch_unwind(AssertUnwindSafe(|| {
                    let outcome = fetcher.fetch(ticket.job());
                    ticket.pay(|job| parse(job, outcome, &plan.parse));
                }));
            }
        })
        .map_err(|source| Error::setup("a thread", source))
}
