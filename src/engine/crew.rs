//! The crew: a running engine, its lanes and what is on them, as the loop sees it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::in_hand::InHand;
use super::ticket::{Landed, Ticket};
use super::{Engine, blocking, cpu, lane, processes, stored, stub};
use crate::archive::Shelf;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::visit::Visit;
use crate::worker::Plan;

/// Jobs that may wait on a lane beside those in flight on it.
const AHEAD: usize = 256;

/// In flight on a lane below which none wait: it is not the wake-ups that such a run is short of.
const AHEAD_FROM: usize = 16;

/// Whether jobs may be sent before there is room for them in flight, so that a lane and the loop need not wake each other
/// for every request. Not where a host has a delay: a job would start later than it was allowed to, and the next too soon after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ahead {
    /// A few.
    Some,
    /// None.
    None,
}

/// A running engine: lanes, and what is on them.
pub(crate) struct Crew {
    /// Jobs that are out.
    out: usize,
    /// Jobs that may be out: those in flight, and a few that wait on their lane so that it need not wait for them.
    capacity: usize,
    lanes: Vec<Lane>,
    /// Lanes that are free, where a lane holds one job at a time: the last to be freed goes first, it is warm.
    free: Vec<usize>,
    /// What lanes have in hand that cannot be told to let go.
    deaf: Vec<InHand>,
    /// Whether lanes block in the kernel, where nothing reaches them.
    blocks: bool,
    landings: mpsc::Receiver<Vec<Landed>>,
    /// What the last landing brought and nobody has taken yet.
    landed: VecDeque<Landed>,
    payment: mpsc::Sender<Vec<Landed>>,
    abort: CancellationToken,
}

/// One lane, as the crew sees it.
struct Lane {
    jobs: Option<mpsc::Sender<Ticket>>,
    load: usize,
    /// Jobs in flight on it at the most.
    in_flight: usize,
    /// Those, and the jobs that may wait on it.
    capacity: usize,
    thread: Option<JoinHandle<()>>,
}

impl Crew {
    /// Starts an engine.
    ///
    /// # Errors
    /// When a thread, a client or a child process cannot be started.
    pub(crate) fn hire(engine: Engine, plan: &Plan, ahead: Ahead) -> Result<Self> {
        Self::hire_on(engine, plan, ahead, cpu::cores(), None)
    }

    /// As [`hire`](Self::hire), to answer from a shelf of stored pages: what it does not have is not there.
    pub(crate) fn hire_for(shelf: Option<Arc<Shelf>>, plan: &Plan) -> Result<Self> {
        Self::hire_on(Engine::Stored, plan, Ahead::None, cpu::cores(), shelf)
    }

    /// As [`hire`](Self::hire), on one event loop: a child process is one core's worth.
    pub(super) fn hire_alone(engine: Engine, plan: &Plan) -> Result<Self> {
        Self::hire_on(engine, plan, Ahead::None, 1, None)
    }

    fn hire_on(
        engine: Engine,
        plan: &Plan,
        ahead: Ahead,
        cores: usize,
        shelf: Option<Arc<Shelf>>,
    ) -> Result<Self> {
        let ahead = match ahead {
            Ahead::Some => AHEAD,
            Ahead::None => 0,
        };
        // One slot for each job that may be out: paying a ticket never waits.
        let (payment, landings) = mpsc::channel(engine.in_flight() + ahead * cores);
        let abort = CancellationToken::new();
        let mut crew = Self {
            out: 0,
            capacity: 0,
            lanes: Vec::new(),
            free: Vec::new(),
            deaf: Vec::new(),
            blocks: matches!(engine, Engine::Blocking(_)),
            landings,
            landed: VecDeque::new(),
            payment,
            abort,
        };
        match engine {
            Engine::Sequential => crew.add_loop(plan, 1, 1, 0, None)?,
            Engine::Threads(count) => {
                for _ in 0..count.get() {
                    crew.add_loop(plan, count.get(), 1, 0, None)?;
                }
            }
            Engine::Blocking(count) => {
                for _ in 0..count.get() {
                    crew.add_deaf(1, |jobs, in_hand| {
                        blocking::start(plan, count.get(), jobs, in_hand)
                    })?;
                }
            }
            Engine::Async(count) => {
                let loops = cores.min(count.get());
                let pool = Arc::new(cpu::Pool::start(plan, cores)?);
                for index in 0..loops {
                    let share = count.get() / loops + usize::from(index < count.get() % loops);
                    let ahead = if share < AHEAD_FROM {
                        0
                    } else {
                        ahead.min(share)
                    };
                    crew.add_loop(plan, loops, share, ahead, Some(pool.clone()))?;
                }
            }
            Engine::Stored => {
                let in_hand = engine.in_flight();
                crew.add(in_hand, 0, |jobs| stored::start(plan, shelf, jobs))?;
            }
            Engine::Stub(count) => crew.add(count.get(), 0, |jobs| stub::start(plan, jobs))?,
            Engine::Processes { processes, each } => {
                let plan = &plan.shared_by(processes.get() + 1); // the children, and this process
                let start = |_| processes::Running::start(plan, each, InHand::default());
                // All of them are started before the first is waited for.
                let children: Vec<_> = (0..processes.get()).map(start).collect::<Result<_>>()?;
                for child in children {
                    let abort = crew.abort.clone();
                    let in_hand = child.in_hand.clone();
                    crew.add(each.get(), 0, |jobs| {
                        processes::start(plan, each, child, jobs, abort)
                    })?;
                    crew.deaf.push(in_hand);
                }
            }
        }
        Ok(crew)
    }

    fn add_loop(
        &mut self,
        plan: &Plan,
        loops: usize,
        in_flight: usize,
        ahead: usize,
        pool: Option<Arc<cpu::Pool>>,
    ) -> Result<()> {
        let abort = self.abort.clone();
        let start = |jobs| lane::start(plan, loops, in_flight, jobs, pool, abort);
        self.add(in_flight, ahead, start)
    }

    /// A lane whose tickets an abort has to take out of its hands.
    fn add_deaf(
        &mut self,
        capacity: usize,
        start: impl FnOnce(mpsc::Receiver<Ticket>, InHand) -> Result<JoinHandle<()>>,
    ) -> Result<()> {
        let in_hand = InHand::default();
        self.add(capacity, 0, |jobs| start(jobs, in_hand.clone()))?;
        self.deaf.push(in_hand);
        Ok(())
    }

    fn add(
        &mut self,
        in_flight: usize,
        ahead: usize,
        start: impl FnOnce(mpsc::Receiver<Ticket>) -> Result<JoinHandle<()>>,
    ) -> Result<()> {
        let capacity = in_flight + ahead;
        let (jobs, waiting) = mpsc::channel(capacity);
        let thread = Some(start(waiting)?);
        if capacity == 1 {
            self.free.push(self.lanes.len());
        }
        self.capacity += capacity;
        self.lanes.push(Lane {
            jobs: Some(jobs),
            load: 0,
            in_flight,
            capacity,
            thread,
        });
        Ok(())
    }

    /// Whether another job may be sent.
    pub(crate) fn has_room(&self) -> bool {
        self.out < self.capacity
    }

    /// From now on no job waits on a lane: one that is sent is under way.
    pub(crate) fn stay_level(&mut self) {
        for lane in &mut self.lanes {
            lane.capacity = lane.in_flight;
        }
        self.capacity = self.lanes.iter().map(|lane| lane.capacity).sum();
    }

    /// Whether nothing is in flight.
    pub(crate) fn is_idle(&self) -> bool {
        self.out == 0
    }

    /// How many jobs are in flight; those that wait on their lane are not yet.
    pub(crate) fn in_flight(&self) -> usize {
        let flying = |lane: &Lane| lane.load.min(lane.in_flight);
        self.lanes.iter().map(flying).sum()
    }

    /// Sends a job. Call it only where there [is room](Self::has_room).
    ///
    /// # Errors
    /// When the lane is gone: its thread could not go on.
    pub(crate) fn send(&mut self, job: Box<Job>) -> Result<()> {
        debug_assert!(self.has_room(), "the loop asks for room first");
        self.out += 1;
        let index = self.choose(&job);
        let ticket = Ticket {
            job: Some(job),
            lane: index,
            payment: self.payment.clone(),
            abort: self.abort.clone(),
        };
        let lane = &mut self.lanes[index];
        lane.load += 1;
        let sent = lane.jobs.as_ref().map(|jobs| jobs.try_send(ticket));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(Error::Engine(format!("lane {index} is gone"))),
        }
    }

    /// The lane for a job: its host's own while that has its share of room, as connections are kept there; else the
    /// one with the most room.
    fn choose(&mut self, job: &Job) -> usize {
        if let [_] = self.lanes.as_slice() {
            return 0;
        }
        if let Some(lane) = self.free.pop() {
            return lane;
        }
        let hash = xxhash_rust::xxh3::xxh3_64(job.host.as_str().as_bytes());
        let home = (hash % self.lanes.len() as u64) as usize;
        if self.lanes[home].load < self.lanes[home].in_flight {
            return home;
        }
        // Most room in flight first; a lane that has none takes what may wait.
        let room = |lane: &Lane| {
            let load = lane.load;
            (
                lane.in_flight.saturating_sub(load),
                lane.capacity.saturating_sub(load),
            )
        };
        (0..self.lanes.len())
            .max_by_key(|index| room(&self.lanes[*index]))
            .unwrap_or(0)
    }

    /// The next visits, at least one: as many as are there. Cancel-safe: a visit that was not taken stays.
    pub(crate) async fn next(&mut self) -> Option<Box<Visit>> {
        if self.landed.is_empty() {
            self.landed.extend(self.landings.recv().await?);
        }
        self.try_next()
    }

    /// A visit that is here already.
    pub(crate) fn try_next(&mut self) -> Option<Box<Visit>> {
        if self.landed.is_empty() {
            self.landed.extend(self.landings.try_recv().ok()?);
        }
        let landed = self.landed.pop_front()?;
        Some(self.take(landed))
    }

    fn take(&mut self, mut landed: Landed) -> Box<Visit> {
        landed.visit.job.added = None;
        let lane = &mut self.lanes[landed.lane];
        lane.load -= 1;
        self.out -= 1;
        if lane.capacity == 1 {
            self.free.push(landed.lane);
        }
        landed.visit
    }

    /// Drops what is in flight: it comes home as cancelled.
    pub(crate) fn abort(&mut self) {
        self.abort.cancel();
        for lane in &mut self.lanes {
            lane.jobs = None; // a lane that waits for jobs ends when there are no more
        }
        self.deaf.iter().for_each(InHand::drop_all);
    }

    /// Lets the lanes end: there are no more jobs.
    pub(crate) fn close(&mut self) {
        for lane in &mut self.lanes {
            lane.jobs = None;
        }
    }

    /// Waits for the lanes to end. After an abort threads that block in the kernel are not waited for.
    pub(crate) fn dismiss(mut self) {
        self.close();
        // Visits that nobody takes any more would keep memory that a thread may be waiting for.
        self.landings.close();
        self.landed.clear();
        while self.landings.try_recv().is_ok() {}
        let left = self.blocks && self.abort.is_cancelled();
        for lane in &mut self.lanes {
            if let Some(thread) = lane.thread.take().filter(|_| !left) {
                // A lane that panicked has paid for its jobs already.
                let _ = thread.join();
            }
        }
    }
}

impl Drop for Crew {
    /// A crew that is not dismissed was given up with all that it had in hand.
    fn drop(&mut self) {
        self.abort();
    }
}
