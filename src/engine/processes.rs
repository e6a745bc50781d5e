//! A lane in a child process, for isolation and with its own core.
//!
//! The child is this same binary, started with a hidden argument; jobs and visits cross two pipes. Politeness stays in
//! the parent. A child that dies loses only what it had in flight, and is replaced.

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
use crate::page::memory::Memory;
use crate::worker::Plan;

/// The only argument of a binary that is started as a child.
pub const CHILD_ARGUMENT: &str = "--haul-child";
/// Deaths in a row, without a visit in between, after which a child is not replaced again.
const MAX_DEATHS: u32 = 5;

/// How long a child may take to become ready.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// A child and the thread that reads its visits.
pub(super) struct Running {
    child: KillOnDrop,
    input: BufWriter<ChildStdin>,
    reader: JoinHandle<u64>,
    ready: Receiver<Ready>,
    /// The tickets that it is working on.
    pub(super) in_hand: InHand,
}

/// A child process that is killed on drop.
struct KillOnDrop(Child);

/// Starts a lane for a running child.
///
/// # Errors
/// When the child is not ready, or the lane's thread cannot be started.
pub(super) fn start(
    plan: &Plan,
    each: NonZeroUsize,
    running: Running,
    jobs: mpsc::Receiver<Ticket>,
    abort: CancellationToken,
) -> Result<JoinHandle<()>> {
    running.wait_until_ready()?;
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
            // Replace a child that died between two jobs, so that no job is lost with it.
            if running.reader.is_finished() {
                match self.replace_child(running) {
                    Some(new) => running = new,
                    None => return,
                }
            }
            let mut next = Some(ticket);
            let mut written = Ok(());
            // All waiting jobs are sent with one flush.
            while let Some(ticket) = next.take().filter(|_| written.is_ok()) {
                number += 1;
                let job = JobFrame::new(number, ticket.job());
                self.in_hand.put(number, ticket);
                written = frame::write(&mut running.input, &mut buffer, &job);
                next = jobs.try_recv().ok();
            }
            if written.and_then(|()| running.input.flush()).is_err() || running.reader.is_finished()
            {
                match self.replace_child(running) {
                    Some(new) => running = new,
                    None => return, // the remaining tickets are dropped with their channel
                }
            }
        }
        running.end(abort);
        self.in_hand.drop_all();
    }

    /// Replaces a child that died, and returns its jobs as lost.
    fn replace_child(&mut self, ended: Running) -> Option<Running> {
        let visits = ended.reap();
        self.in_hand.drop_all();
        self.deaths = if visits > 0 { 1 } else { self.deaths + 1 };
        if self.deaths > MAX_DEATHS {
            return None;
        }
        let running = Running::start(&self.plan, self.each, self.in_hand.clone()).ok()?;
        running.wait_until_ready().ok()?;
        Some(running)
    }
}

impl Running {
    /// Starts a child without waiting until it is ready.
    ///
    /// # Errors
    /// When the child or its thread cannot be started.
    pub(super) fn start(plan: &Plan, each: NonZeroUsize, in_hand: InHand) -> Result<Self> {
        let child = Command::new(&plan.program)
            .arg(CHILD_ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(setup)?;
        let mut child = KillOnDrop(child);
        let (Some(stdin), Some(stdout)) = (child.0.stdin.take(), child.0.stdout.take()) else {
            return Err(setup(std::io::Error::other("the child has no pipes")));
        };
        let mut input = BufWriter::with_capacity(64 << 10, stdin);
        let first = Orders {
            fetch: plan.fetch_of_child(),
            parse: plan.parse.clone(),
            in_flight: each.get(),
        };
        // If the child has already ended, its own message is reported instead of a broken pipe.
        let ordered = frame::write(&mut input, &mut Vec::new(), &first);
        let _ = ordered.and_then(|()| input.flush());
        let (shared, memory) = (plan.shared.clone(), plan.memory.clone());
        let (sender, ready) = sync_channel(1);
        let tickets = in_hand.clone();
        let reader = thread::Builder::new()
            .name("visits".into())
            .spawn(move || read_visits(stdout, &sender, &tickets, &shared, &memory))
            .map_err(setup)?;
        Ok(Self {
            child,
            input,
            reader,
            ready,
            in_hand,
        })
    }

    /// Waits until the child is ready for jobs.
    ///
    /// # Errors
    /// When it is not, with its own message if it sent one.
    fn wait_until_ready(&self) -> Result<()> {
        let problem = match self.ready.recv_timeout(READY_TIMEOUT) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(problem)) => problem,
            Err(RecvTimeoutError::Disconnected) => "it ended before it was ready".to_owned(),
            Err(RecvTimeoutError::Timeout) => {
                format!(
                    "it was not ready within {}",
                    crate::text::size::spelled(READY_TIMEOUT)
                )
            }
        };
        Err(setup(std::io::Error::other(problem)))
    }

    /// Closes its input and waits until it has returned everything, unless the run was aborted.
    fn end(self, abort: &CancellationToken) {
        let Self {
            mut child,
            input,
            reader,
            ..
        } = self;
        if abort.is_cancelled() {
            let _ = child.0.kill(); // fails only if the child is already gone
        }
        drop(input);
        let _ = reader.join();
        let _ = child.0.wait();
    }

    /// Makes sure that the child is dead. Returns the number of visits that it sent.
    fn reap(self) -> u64 {
        let Self {
            child,
            input,
            reader,
            ..
        } = self;
        drop(child);
        drop(input);
        reader.join().unwrap_or_default()
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        // Neither does anything if the child was already waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn setup(source: std::io::Error) -> Error {
    Error::setup("a child process", source)
}

/// Reads a child's output: first whether it is ready, then visits, until the child closes it.
///
/// Each visit completes its ticket. Returns the number of visits.
fn read_visits(
    stdout: ChildStdout,
    ready: &SyncSender<Ready>,
    in_hand: &InHand,
    shared: &Shared,
    memory: &Memory,
) -> u64 {
    let mut pipe = BufReader::with_capacity(256 << 10, stdout);
    let mut buffer = Vec::new();
    match frame::read::<Ready>(&mut pipe, &mut buffer) {
        Ok(Some(first)) => {
            // If nobody waits any more, no lane was started.
            let _ = ready.try_send(first);
        }
        // Not a child of ours, or one that died: dropping the sender reports that.
        Ok(None) | Err(_) => return 0,
    }
    let mut visits = 0;
    // An invalid frame means that the child is broken: stop reading, so that it is replaced.
    while let Ok(Some((visit, mut reserved))) = frame::read_within(memory, &mut pipe, &mut buffer) {
        let VisitFrame {
            number,
            outcome,
            mut parsed,
            connections,
        } = visit;
        reserved.shrink_to(parsed.carried());
        parsed.held = reserved;
        shared.connections().add(connections);
        visits += 1;
        let ticket = in_hand.take(number);
        if let Some(ticket) = ticket {
            ticket.complete(outcome, parsed);
        }
    }
    // The child closed its output: the jobs that it still had are lost.
    in_hand.drop_all();
    visits
}
