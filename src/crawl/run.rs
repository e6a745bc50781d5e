//! A run: all that the loop owns.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::hook::Hook;
use crate::config::BrokenSettings;
use crate::engine::Crew;
use crate::follow::LinkFollower;
use crate::frontier::{Frontier, ListMark, PendingCommit};
use crate::run::event::Event;
use crate::run::tally::{Tally, Totals};
use crate::sink::{Holders, Marks, Mirror, Writer};
use crate::visit::Visit;
use crate::worker::Plan;

/// Bytes of bodies settled before they are handed to the writer: with its queue, all that may wait for the disk.
const BATCH_BYTES: u64 = 8 << 20;
/// Visits settled before they are handed to the writer and the loop looks around again.
pub(super) const BATCH: usize = 256;

/// What was gathered for a commit, and the marks that it waits for.
pub(super) type Checkpoint = (PendingCommit, oneshot::Receiver<Marks>);

/// All that the loop owns.
pub(super) struct Run<F> {
    pub(super) frontier: Frontier,
    pub(super) crew: Crew,
    pub(super) writer: Writer,
    /// Which links become jobs; none where none do.
    pub(super) follow: Option<LinkFollower>,
    /// Who links where, and the files to tell of it; none where nobody asks.
    pub(super) holders: Option<(Holders, BrokenSettings)>,
    /// What was saved for a copy that can be browsed; none where nobody asks.
    pub(super) mirror: Option<Mirror>,
    /// Visits on their way to the writer.
    pub(super) settled: Vec<Box<Visit>>,
    /// Bytes of their bodies that are in memory.
    pub(super) settled_bytes: u64,
    /// How far the list was read.
    pub(super) list: ListMark,
    pub(super) tally: Tally,
    /// What the sessions of the job before this one came to.
    pub(super) earlier: Totals,
    /// Rows that were in flight when the run was cut short.
    pub(super) unanswered: Vec<u64>,
    /// Jobs that were, rows or not.
    pub(super) cancelled: u64,
    /// What was gathered for a commit, and the marks that it waits for.
    pub(super) checkpoint: Option<Checkpoint>,
    pub(super) started: Instant,
    pub(super) written: Instant,
    pub(super) committed: Instant,
    /// How long after that the next checkpoint is due.
    pub(super) checkpoint_after: Duration,
    /// Whether pages are stored, and nothing is asked.
    pub(super) is_stored: bool,
    /// When it is next looked at what the run waits for.
    pub(super) waits_due: Duration,
    /// Whether there was room for jobs and none that may be sent.
    pub(super) starved: bool,
    /// What the lanes share.
    pub(super) plan: Plan,
    /// What the program has to say about each request; none where it has no hook.
    pub(super) hook: Option<Hook>,
    pub(super) tell: F,
}

impl<F: FnMut(&Event<'_>)> Run<F> {
    /// Whether the settled visits are enough for the writer.
    pub(super) fn batch_is_full(&self) -> bool {
        self.settled.len() >= BATCH || self.settled_bytes >= BATCH_BYTES
    }
}
