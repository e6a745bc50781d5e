//! A blocking lane: a thread with one request at a time on a blocking socket.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;

use super::in_hand::InHand;
use super::ticket::Ticket;
use crate::error::{Error, Result};
use crate::fetch::BlockingFetcher;
use crate::worker::{Plan, parse};

/// The stack of a thread, in bytes: enough for TLS and the parser.
///
/// Unused pages of it cost no memory.
const STACK: usize = 512 << 10;

/// Starts one of `lanes` lanes.
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
                // A request that panics drops its ticket, which returns the job as lost.
                let _ = catch_unwind(AssertUnwindSafe(|| {
                    let mut outcome = fetcher.fetch(&job);
                    let parsed = parse(&job, &mut outcome, &plan);
                    if let Some(ticket) = in_hand.take(0) {
                        ticket.complete(outcome, parsed);
                    }
                }));
                in_hand.drop_all();
            }
        })
        .map_err(|source| Error::setup("a thread", source))
}
