//! A lane that blocks: a thread with one request at a time on a socket that blocks in the kernel.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;

use super::in_hand::InHand;
use super::ticket::Ticket;
use crate::error::{Error, Result};
use crate::fetch::BlockingFetcher;
use crate::worker::{Plan, parse};

/// Enough for TLS and the parser; a thousand threads reserve no more than they use.
const STACK: usize = 512 << 10;

/// Starts one of `lanes`.
///
/// # Errors
/// When the thread or its client cannot be started.
pub(super) fn start(
    plan: &Plan,
    lanes: usize,
    mut jobs: mpsc::Receiver<Ticket>,
    in_hand: InHand,
) -> Result<JoinHandle<()>> {
    let mut fetcher = BlockingFetcher::new(plan.shared.clone(), lanes)?;
    let plan = plan.clone();
    thread::Builder::new()
        .name("lane".into())
        .stack_size(STACK)
        .spawn(move || {
            while let Some(ticket) = jobs.blocking_recv() {
                let job = ticket.job().clone();
                if !in_hand.put(0, ticket) {
                    return;
                }
                // A request that panics drops its ticket, and that pays.
                let _ = catch_unwind(AssertUnwindSafe(|| {
                    let outcome = fetcher.fetch(&job);
                    let parsed = parse(&job, &outcome, &plan);
                    if let Some(ticket) = in_hand.take(0) {
                        ticket.pay(outcome, parsed);
                    }
                }));
                in_hand.drop_all();
            }
        })
        .map_err(|source| Error::setup("a thread", source))
}
