//! A lane without requests, to measure the loop: every job returns at once with the same page.

use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;

use super::ticket::Ticket;
use crate::error::{Error, Result};
use crate::visit::Visit;
use crate::worker::Plan;
use crate::{Body, Page};

/// The number of jobs taken at a time.
const BATCH: usize = 64;

/// Starts a lane.
///
/// # Errors
/// When the thread cannot be started.
pub(super) fn start(plan: &Plan, mut jobs: mpsc::Receiver<Ticket>) -> Result<JoinHandle<()>> {
    let plan = plan.clone();
    let visit = move |ticket: Ticket| -> Option<(Ticket, Box<Visit>)> {
        ticket.parse(Ok(Page::plain(200, Body::empty())), &plan)
    };
    thread::Builder::new()
        .name("lane".into())
        .spawn(move || {
            let mut batch = Vec::with_capacity(BATCH);
            while jobs.blocking_recv_many(&mut batch, BATCH) > 0 {
                let mut finished = batch.drain(..).filter_map(&visit).collect();
                super::ticket::send_all(&mut finished);
            }
        })
        .map_err(|source| Error::setup("a thread", source))
}
