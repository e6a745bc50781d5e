//! A lane in a child process: isolation, and a core of its own.
//!
//! The child is this same binary, started with a hidden argument; jobs and visits cross two pipes. Politeness stays
//! here. A child that dies loses only what it had in flight, and is replaced.

use std::io::{BufReader, BufWriter, Write};
use std::num::NonZeroUsize;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::frame::{self, JobFrame, Orders, Ready, VisitFrame};
use super::in_hand::InHand;
use super::ticket::Ticket;
use crate::error::{Error, Result};
use crate::fetch::Shared;
use crate::memory::Memory;
use crate::worker::Plan;

/// The first argument that tells a binary to be a child, and nothing else.
pub const CHILD_ARGUMENT: &str = "--haul-child";
/// Deaths in a row, without a visit between them, after which a child is not replaced again.
const DEATHS: u32 = 5;

/// How long a child may take until it is ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// A child and the thread that listens to it.
pub(super) struct Running {
    child: Offspring,
    orders: BufWriter<ChildStdin>,
    listener: JoinHandle<u64>,
    ready: Receiver<Ready>,
    /// What it is working on.
    pub(super) in_hand: InHand,
}

/// A child process that does not outlive whoever holds it.
struct Offspring(Child);

/// Starts a lane for a child that was started.
///
/// # Errors
/// When the child says why it cannot work, or the lane's thread cannot be started.
pub(super) fn start(
    plan: &Plan,
    each: NonZeroUsize,
    running: Running,
    jobs: mpsc::Receiver<Ticket>,
    abort: CancellationToken,
) -> Result<JoinHandle<()>> {
    running.until_ready()?;
    let lane = Lane {
        plan: plan.clone(),
        each,
        in_hand: running.in_hand.clone(),
        deaths: 0,
    };
    thread::Builder::new()
        .name("lane".into())
        .spawn(move || lane.run(running, jobs, &abort))
        .map_err(|source| Error::setup("a thread", source))
}

struct Lane {
    plan: Plan,
    each: NonZeroUsize,
    in_hand: InHand,
    deaths: u32,
}

impl Lane {
    fn run(
        mut self,
        mut running: Running,
        mut jobs: mpsc::Receiver<Ticket>,
        abort: &CancellationToken,
    ) {
        let mut buffer = Vec::new();
        let mut number = 0;
        while let Some(ticket) = jobs.blocking_recv() {
            // A child that died between two jobs takes none of them along.
            if running.listener.is_finished() {
                match self.replace(running) {
                    Some(new) => running = new,
                    None => return,
                }
            }
            let mut next = Some(ticket);
            let mut written = Ok(());
            // All that is there goes out with one flush.
            while let Some(ticket) = next.take().filter(|_| written.is_ok()) {
                number += 1;
                let job = JobFrame::new(number, ticket.job());
                self.in_hand.put(number, ticket);
                written = frame::write(&mut running.orders, &mut buffer, &job);
                next = jobs.try_recv().ok();
            }
            if written.and_then(|()| running.orders.flush()).is_err()
                || running.listener.is_finished()
            {
                match self.replace(running) {
                    Some(new) => running = new,
                    None => return, // the tickets still to come are dropped with their channel
                }
            }
        }
        running.end(abort);
        self.in_hand.drop_all();
    }

    /// A new child for one that died; what that one had is paid for as lost.
    fn replace(&mut self, dead: Running) -> Option<Running> {
        let visits = dead.bury();
        self.in_hand.drop_all();
        self.deaths = if visits > 0 { 1 } else { self.deaths + 1 };
        if self.deaths > DEATHS {
            return None;
        }
        let running = Running::start(&self.plan, self.each, self.in_hand.clone()).ok()?;
        running.until_ready().ok()?;
        Some(running)
    }
}

impl Running {
    /// Starts a child, and does not wait until it is ready.
    ///
    /// # Errors
    /// When the system starts none.
    pub(super) fn start(plan: &Plan, each: NonZeroUsize, in_hand: InHand) -> Result<Self> {
        let child = Command::new(&plan.program)
            .arg(CHILD_ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(setup)?;
        let mut child = Offspring(child);
        let (Some(stdin), Some(stdout)) = (child.0.stdin.take(), child.0.stdout.take()) else {
            return Err(setup(std::io::Error::other("the child has no pipes")));
        };
        let mut orders = BufWriter::with_capacity(64 << 10, stdin);
        let first = Orders {
            fetch: plan.shared.plan().clone(),
            parse: plan.parse.clone(),
            in_flight: each.get(),
        };
        // A child that is gone already has said why: that is told instead of a broken pipe.
        let ordered = frame::write(&mut orders, &mut Vec::new(), &first);
        let _ = ordered.and_then(|()| orders.flush());
        let (shared, memory) = (plan.shared.clone(), plan.memory.clone());
        let (tell, ready) = sync_channel(1);
        let pays = in_hand.clone();
        let listener = thread::Builder::new()
            .name("listen".into())
            .spawn(move || listen(stdout, &tell, &pays, &shared, &memory))
            .map_err(setup)?;
        Ok(Self {
            child,
            orders,
            listener,
            ready,
            in_hand,
        })
    }

    /// Waits until the child is ready for jobs.
    ///
    /// # Errors
    /// Why it is not, in its own words where it has any.
    fn until_ready(&self) -> Result<()> {
        let problem = match self.ready.recv_timeout(PATIENCE) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(problem)) => problem,
            Err(RecvTimeoutError::Disconnected) => "it ended before it was ready".to_owned(),
            Err(RecvTimeoutError::Timeout) => {
                format!("it was not ready within {}", crate::size::spelled(PATIENCE))
            }
        };
        Err(setup(std::io::Error::other(problem)))
    }

    /// Closes its input and waits until it has answered everything, unless the run was aborted.
    fn end(self, abort: &CancellationToken) {
        let Self {
            mut child,
            orders,
            listener,
            ..
        } = self;
        if abort.is_cancelled() {
            let _ = child.0.kill(); // gone already is as good as killed
        }
        drop(orders);
        let _ = listener.join();
        let _ = child.0.wait();
    }

    /// Makes sure that it is dead. Answers how many visits it sent in its life.
    fn bury(self) -> u64 {
        let Self {
            child,
            orders,
            listener,
            ..
        } = self;
        drop(child);
        drop(orders);
        listener.join().unwrap_or_default()
    }
}

impl Drop for Offspring {
    fn drop(&mut self) {
        // One that has ended is not killed, and is only waited for once.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn setup(source: std::io::Error) -> Error {
    Error::setup("a child process", source)
}

/// Tells whether the child is ready, then pays tickets as visits come back, until the child closes its output. Answers
/// how many came.
fn listen(
    stdout: ChildStdout,
    ready: &SyncSender<Ready>,
    in_hand: &InHand,
    shared: &Shared,
    memory: &Memory,
) -> u64 {
    let mut pipe = BufReader::with_capacity(256 << 10, stdout);
    let mut buffer = Vec::new();
    match frame::read::<Ready>(&mut pipe, &mut buffer) {
        Ok(Some(told)) => {
            // Whoever gave up waiting has started no lane.
            let _ = ready.try_send(told);
        }
        // No child of ours, or one that died: the sender is dropped, and that tells.
        Ok(None) | Err(_) => return 0,
    }
    let mut visits = 0;
    // What is no frame is a child gone wrong: it is heard no more, and replaced.
    while let Ok(Some((visit, mut held))) = frame::read_within(memory, &mut pipe, &mut buffer) {
        let VisitFrame {
            number,
            outcome,
            mut parsed,
            connections,
        } = visit;
        held.shrink_to(parsed.carried());
        parsed.held = held;
        shared.connections().add(connections);
        visits += 1;
        let ticket = in_hand.take(number);
        if let Some(ticket) = ticket {
            ticket.pay(outcome, parsed);
        }
    }
    // The child closed its output: whatever it still had is lost, and nobody may wait for it.
    in_hand.drop_all();
    visits
}
