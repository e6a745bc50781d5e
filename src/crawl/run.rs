//! The state of a run, which the loop owns.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::cookies::RunCookies;
use super::hook::Hook;
use crate::cache;
use crate::config::BrokenSettings;
use crate::engine::Crew;
use crate::follow::LinkFollower;
use crate::frontier::{Frontier, ListMark, PendingCommit};
use crate::run::event::Event;
use crate::run::tally::{Tally, Totals};
use crate::sink::{Holders, Marks, Mirror, Writer};
use crate::visit::Visit;
use crate::worker::Plan;

/// Bytes of settled bodies after which they are passed to the writer.
///
/// Together with the writer's queue, this bounds what may wait for the disk.
const BATCH_BYTES: u64 = 8 << 20;
/// Settled visits after which they are passed to the writer, and the loop handles other events.
pub(super) const BATCH: usize = 256;

/// A prepared commit, and the marks that it waits for.
pub(super) type Checkpoint = (PendingCommit, oneshot::Receiver<Marks>);

/// The state of a run.
pub(super) struct Run<F> {
    pub(super) frontier: Frontier,
    pub(super) crew: Crew,
    pub(super) cookies: RunCookies,
    pub(super) writer: Writer,
    /// Writes to the cache, if there is one.
    pub(super) cache: Option<cache::Writer>,
    /// Decides which links become jobs; `None` if links are not followed.
    pub(super) follow: Option<LinkFollower>,
    /// Which page links where, and the reports to write; `None` if none are wanted.
    pub(super) holders: Option<(Holders, BrokenSettings)>,
    /// The files of a browsable copy; `None` if none is wanted.
    pub(super) mirror: Option<Mirror>,
    /// Visits that wait for the writer.
    pub(super) settled: Vec<Box<Visit>>,
    /// Bytes of their bodies in memory.
    pub(super) settled_bytes: u64,
    /// The most rows of the list that are used.
    pub(super) max_rows: Option<u64>,
    /// How far the list was read.
    pub(super) list: ListMark,
    pub(super) tally: Tally,
    /// The totals of the earlier sessions of the job.
    pub(super) earlier: Totals,
    /// Rows in flight when the run was aborted.
    pub(super) unanswered: Vec<u64>,
    /// The number of jobs in flight when the run was aborted.
    pub(super) cancelled: u64,
    /// A prepared commit, and the marks that it waits for.
    pub(super) checkpoint: Option<Checkpoint>,
    pub(super) started: Instant,
    pub(super) written: Instant,
    pub(super) committed: Instant,
    /// The time from the last commit to the next checkpoint.
    pub(super) checkpoint_after: Duration,
    /// Whether pages come from archives, so that no request is sent.
    pub(super) is_stored: bool,
    /// When to check next what the run is waiting for.
    pub(super) waits_due: Duration,
    /// Whether there was room for jobs, but none that could be sent.
    pub(super) starved: bool,
    /// The resources that the lanes share.
    pub(super) plan: Plan,
    /// The program's hook; `None` if it has none.
    pub(super) hook: Option<Hook>,
    pub(super) tell: F,
}

impl<F: FnMut(&Event<'_>)> Run<F> {
    /// Whether there are enough settled visits for the writer.
    pub(super) fn batch_is_full(&self) -> bool {
        self.settled.len() >= BATCH || self.settled_bytes >= BATCH_BYTES
    }
}
