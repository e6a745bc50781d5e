//! The crew: a running engine with its lanes and their jobs, as the loop sees it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::in_hand::InHand;
use super::ticket::{FinishedVisit, Ticket};
use super::{Engine, blocking, cpu, lane, processes, stored, stub};
use crate::archive::Shelf;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::url::HostKey;
use crate::visit::Visit;
use crate::worker::Plan;

/// The most jobs that may wait on a lane in addition to those in flight.
const MAX_AHEAD: usize = 256;

/// Lanes with fewer requests in flight get no read-ahead: wake-ups are not their bottleneck.
const MIN_IN_FLIGHT_TO_READ_AHEAD: usize = 16;

/// Whether jobs may be sent before there is room for them in flight.
///
/// That way a lane and the loop need not wake each other for every request. It must be off if a host has a delay: a
/// job would start later than it was allowed to, and the next one too soon after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ahead {
    /// A few jobs wait on each lane.
    Some,
    /// No jobs wait on lanes.
    None,
}

/// By how many jobs a lane may have more to do than another one and still get those of its hosts.
///
/// More would keep hosts on their lanes more often, but at the end of a run the others would have nothing left to do.
const FARTHEST_BEHIND: usize = 32;

/// A running engine: its lanes and their jobs.
pub(crate) struct Crew {
    /// The number of jobs sent and not yet returned.
    out: usize,
    /// The size of its channels.
    most_out: usize,
    /// The most jobs that may be out: in flight, or waiting on a lane so that it never idles.
    capacity: usize,
    lanes: Vec<Lane>,
    /// The free lanes, if lanes run one job at a time.
    ///
    /// The last one to be freed is used first, as its caches are warm.
    free: Vec<usize>,
    /// The jobs of lanes that cannot be cancelled.
    uncancellable: Vec<InHand>,
    /// Whether lanes block in the kernel, where they cannot be interrupted.
    blocks: bool,
    results: mpsc::Receiver<Vec<FinishedVisit>>,
    /// Visits that were received and not yet taken.
    received: VecDeque<FinishedVisit>,
    sender: mpsc::Sender<Vec<FinishedVisit>>,
    abort: CancellationToken,
}

/// One lane, as the crew sees it.
struct Lane {
    jobs: Option<mpsc::Sender<Ticket>>,
    load: usize,
    /// The number of jobs whose host's connections it keeps, on whatever lane they are.
    homed: usize,
    /// The most jobs in flight on the lane.
    in_flight: usize,
    /// The most jobs on the lane, in flight or waiting.
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

    /// Starts the engine of stored pages, which looks them up on a shelf if there is one.
    pub(crate) fn hire_for(shelf: Option<Arc<Shelf>>, plan: &Plan) -> Result<Self> {
        Self::hire_on(Engine::Stored, plan, Ahead::None, cpu::cores(), shelf)
    }

    /// Starts an engine on one event loop, as a child process uses one core.
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
            Ahead::Some => MAX_AHEAD,
            Ahead::None => 0,
        };
        // One slot for each job that may be out, so that neither sending one nor completing it ever waits.
        let most_out = engine.in_flight() + ahead * cores;
        let (sender, results) = mpsc::channel(most_out);
        let abort = CancellationToken::new();
        let mut crew = Self {
            out: 0,
            most_out,
            capacity: 0,
            lanes: Vec::new(),
            free: Vec::new(),
            uncancellable: Vec::new(),
            blocks: matches!(engine, Engine::Blocking(_)),
            results,
            received: VecDeque::new(),
            sender,
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
                    crew.add_uncancellable(1, |jobs, in_hand| {
                        blocking::start(plan, count.get(), jobs, in_hand)
                    })?;
                }
            }
            Engine::Async(count) => {
                let loops = cores.min(count.get());
                let pool = Arc::new(cpu::Pool::start(plan, cores)?);
                for index in 0..loops {
                    let share = count.get() / loops + usize::from(index < count.get() % loops);
                    let ahead = if share < MIN_IN_FLIGHT_TO_READ_AHEAD {
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
                let plan = &plan.shared_by(processes.get());
                let start = |_| processes::Running::start(plan, each, InHand::default());
                // Start all of them before waiting for the first.
                let children: Vec<_> = (0..processes.get()).map(start).collect::<Result<_>>()?;
                for child in children {
                    let abort = crew.abort.clone();
                    let in_hand = child.in_hand.clone();
                    crew.add(each.get(), 0, |jobs| {
                        processes::start(plan, each, child, jobs, abort)
                    })?;
                    crew.uncancellable.push(in_hand);
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

    /// Adds a lane that cannot be cancelled, so that an abort has to take its tickets away.
    fn add_uncancellable(
        &mut self,
        capacity: usize,
        start: impl FnOnce(mpsc::Receiver<Ticket>, InHand) -> Result<JoinHandle<()>>,
    ) -> Result<()> {
        let in_hand = InHand::default();
        self.add(capacity, 0, |jobs| start(jobs, in_hand.clone()))?;
        self.uncancellable.push(in_hand);
        Ok(())
    }

    fn add(
        &mut self,
        in_flight: usize,
        ahead: usize,
        start: impl FnOnce(mpsc::Receiver<Ticket>) -> Result<JoinHandle<()>>,
    ) -> Result<()> {
        let capacity = in_flight + ahead;
        let (jobs, waiting) = mpsc::channel(self.most_out);
        let thread = Some(start(waiting)?);
        if capacity == 1 {
            self.free.push(self.lanes.len());
        }
        self.capacity += capacity;
        self.lanes.push(Lane {
            jobs: Some(jobs),
            load: 0,
            homed: 0,
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

    /// Ends read-ahead: from now on every job that is sent starts at once.
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

    /// Returns the number of jobs in flight, without those that wait on their lane.
    pub(crate) fn in_flight(&self) -> usize {
        let flying = |lane: &Lane| lane.load.min(lane.in_flight);
        self.lanes.iter().map(flying).sum()
    }

    /// Sends a job. Call it only if there [is room](Self::has_room).
    ///
    /// # Errors
    /// When the lane is gone because its thread ended.
    pub(crate) fn send(&mut self, job: Box<Job>) -> Result<()> {
        debug_assert!(self.has_room(), "the loop checks for room first");
        self.out += 1;
        let index = self.choose_lane(&job);
        let ticket = Ticket {
            job: Some(job),
            lane: index,
            results: self.sender.clone(),
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

    /// Chooses the lane for a job.
    ///
    /// That is the lane of its host, since it keeps the host's connections, unless the job would have to wait there while
    /// another lane has room, or has much less to do. A lane that is home to more jobs than it can take does not get
    /// them either, as with a single host: its connections are on all lanes anyway, and all lanes should end together.
    fn choose_lane(&mut self, job: &Job) -> usize {
        if let Some(lane) = self.free.pop() {
            return lane;
        }
        let home = self.home(&job.host);
        let lane = &mut self.lanes[home];
        lane.homed += 1;
        if lane.load < lane.in_flight {
            return home;
        }
        let Lane { load, .. } = *lane;
        let is_crowded = lane.homed > lane.capacity + FARTHEST_BEHIND;
        let other = (0..self.lanes.len()).min_by_key(|index| self.lanes[*index].load);
        let is_better = |other: &usize| {
            let other = &self.lanes[*other];
            is_crowded || other.load < other.in_flight || other.load + FARTHEST_BEHIND < load
        };
        other.filter(is_better).unwrap_or(home)
    }

    /// The lane that keeps the connections of a host.
    fn home(&self, host: &HostKey) -> usize {
        if let [_] = self.lanes.as_slice() {
            return 0;
        }
        let hash = xxhash_rust::xxh3::xxh3_64(host.as_str().as_bytes());
        (hash % self.lanes.len() as u64) as usize
    }

    /// Waits for the next visit. Cancel-safe: a visit that was not taken stays.
    pub(crate) async fn next(&mut self) -> Option<Box<Visit>> {
        if self.received.is_empty() {
            self.received.extend(self.results.recv().await?);
        }
        self.try_next()
    }

    /// Returns a visit that has already arrived.
    pub(crate) fn try_next(&mut self) -> Option<Box<Visit>> {
        if self.received.is_empty() {
            self.received.extend(self.results.try_recv().ok()?);
        }
        let finished = self.received.pop_front()?;
        Some(self.finish(finished))
    }

    fn finish(&mut self, mut finished: FinishedVisit) -> Box<Visit> {
        finished.visit.job.added = None;
        let lane = &mut self.lanes[finished.lane];
        lane.load -= 1;
        self.out -= 1;
        if lane.capacity == 1 {
            self.free.push(finished.lane);
        } else {
            let home = self.home(&finished.visit.job.host);
            self.lanes[home].homed -= 1;
        }
        finished.visit
    }

    /// Drops everything in flight: the jobs return as cancelled.
    pub(crate) fn abort(&mut self) {
        self.abort.cancel();
        for lane in &mut self.lanes {
            lane.jobs = None; // a lane that waits for jobs ends when its channel closes
        }
        self.uncancellable.iter().for_each(InHand::drop_all);
    }

    /// Sends no more jobs, so that the lanes end.
    pub(crate) fn close(&mut self) {
        for lane in &mut self.lanes {
            lane.jobs = None;
        }
    }

    /// Waits for the lanes to end, except, after an abort, for threads that block in the kernel.
    pub(crate) fn dismiss(mut self) {
        self.close();
        // Visits that nobody will take hold memory that a thread may be waiting for.
        self.results.close();
        self.received.clear();
        while self.results.try_recv().is_ok() {}
        let detached = self.blocks && self.abort.is_cancelled();
        for lane in &mut self.lanes {
            if let Some(thread) = lane.thread.take().filter(|_| !detached) {
                // A lane that panicked has already returned its jobs.
                let _ = thread.join();
            }
        }
    }
}

impl Drop for Crew {
    /// Aborts everything in flight: a crew that was not dismissed was abandoned.
    fn drop(&mut self) {
        self.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::PageUrl;

    /// A crew of two lanes whose jobs never end.
    fn crew() -> Crew {
        let (sender, results) = mpsc::channel(1);
        let lane = || Lane {
            jobs: None,
            load: 0,
            homed: 0,
            in_flight: 50,
            capacity: 100,
            thread: None,
        };
        Crew {
            out: 0,
            most_out: 200,
            capacity: 200,
            lanes: vec![lane(), lane()],
            free: Vec::new(),
            uncancellable: Vec::new(),
            blocks: false,
            results,
            received: VecDeque::new(),
            sender,
            abort: CancellationToken::new(),
        }
    }

    /// Sends `jobs` jobs of these hosts in turn; returns the load of each lane, and how many jobs are not at home.
    fn sent(jobs: usize, hosts: usize) -> ([usize; 2], usize) {
        let (mut crew, mut away) = (crew(), 0);
        for number in 0..jobs {
            let url = format!("http://{}.example/", number % hosts);
            let job = Job::seed(1, PageUrl::parse(&url).unwrap());
            let lane = crew.choose_lane(&job);
            crew.lanes[lane].load += 1;
            away += usize::from(lane != crew.home(&job.host));
        }
        ([crew.lanes[0].load, crew.lanes[1].load], away)
    }

    #[test]
    fn lanes_are_filled_evenly_by_one_host_and_keep_the_jobs_of_many() {
        let (mut loads, _) = sent(100, 1);
        assert_eq!(loads, [50, 50], "no lane waits while another one has room");
        (loads, _) = sent(200, 1);
        assert_eq!(loads, [100, 100]);
        let (loads, away) = sent(190, 500);
        assert!(loads[0].abs_diff(loads[1]) <= FARTHEST_BEHIND, "{loads:?}");
        assert!(
            away <= 10,
            "{away} jobs are on a lane without their connection"
        );
    }
}
