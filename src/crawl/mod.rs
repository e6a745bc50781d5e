//! The loop. One owner, no locks: it holds the frontier, the crew and the writer, and is the only place that knows
//! the order of things. A list fetch is a crawl that follows no links.
//!
//! The end is obvious: nothing to read, nothing waiting, nothing in flight. Back-pressure is visible: the crew has room
//! or it has not, and the writer is waited for. Where a job folder keeps the run, a checkpoint each second makes what is
//! settled final: the sinks first, then the store.

mod checkpoint;
mod claimed;
mod end;
mod hook;
mod news;
mod outcome;
mod outputs;
mod pipes;
mod plan;
mod runner;
mod stored;
mod wake;

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval, sleep_until};

pub use hook::{Decision, PendingRequest};
pub use outcome::{Ended, Outcome};
use runner::Additions;
pub use runner::{Runner, Visits};

use wake::{Wake, until, wake_at};

use checkpoint::{Checkpoint, FIRST_CHECKPOINT, marks};
use outputs::Outputs;
use plan::RunPlan;
use stored::Pages;

use crate::config::{BrokenSettings, Config, JobSettings};
use crate::descriptors;
use crate::engine::{Ahead, Crew};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::extract::Health;
use crate::failure::FetchError;
use crate::follow::Follow;
use crate::frontier::{
    Again, Earlier, Folder, Frontier, ListMark, Next, Noted, Opened, marks_left,
};
use crate::seeds::{Batch, Entry, Position, Seeds};
use crate::sink::{Counter, Holders, Mark, Mirror, Writer};
use crate::stop::Stop;
use crate::tally::{Tally, Totals};
use crate::visit::Visit;
use crate::worker::Plan;

/// How often the figures are told.
const TICK: Duration = Duration::from_millis(100);
/// Bytes of bodies settled before they are handed to the writer: with its queue, all that may wait for the disk.
const BATCH_BYTES: u64 = 8 << 20;
/// Visits wait for the writer no longer than this, while others come; the next tick takes the last of them.
const WRITE_EVERY: Duration = Duration::from_millis(10);
/// Visits settled before they are handed to the writer and the loop looks around again.
const BATCH: usize = 256;

/// Runs to the end, and tells what happens on the way.
///
/// The settings stay as they are: they can be run again. Call it inside a tokio runtime; a current-thread one is best.
/// Dropping the future drops what is in flight.
///
/// # Errors
/// What kept the run from going on: an input that cannot be read, an output that cannot be written, a setting that
/// cannot hold. A URL that fails is no error: it is a visit.
pub async fn crawl(config: &Config, stop: Stop, tell: impl FnMut(&Event<'_>)) -> Result<Outcome> {
    run(config, stop, Additions::default(), tell).await
}

async fn run(
    config: &Config,
    stop: Stop,
    mut additions: Additions,
    tell: impl FnMut(&Event<'_>),
) -> Result<Outcome> {
    additions.check(config.engine)?;
    config.claims().check()?;
    let pages = Pages::of(config)?;
    let config = &*pages.fit(config)?;
    let plan = RunPlan::of(config, additions.wants)?;
    let Some(pipes) = pipes::with_readers(&config.sinks, &stop).await? else {
        return Ok(Outcome::never_begun());
    };
    let mut tell = tell;
    let (engine, notice) = descriptors::fit(config.engine);
    if let Some(notice) = notice {
        tell(&Event::Notice(&notice));
    }
    if plan.leads_nowhere && pages == Pages::Asked {
        tell(&Event::Notice(
            "a recipe says what to follow: a crawl does, a fetch of a list does not",
        ));
    }
    let mut frontier = Frontier::new(plan.frontier);
    if plan.parse.wants.raw {
        frontier.keep_hops();
    }
    let mut follow = plan.follow.map(Follow::new);
    if let Some(follow) = &follow {
        frontier.rank(follow.ranks());
    }
    let mut marks = BTreeMap::new();
    let mut before = None;
    let mut list = ListMark::default();
    let mut earlier = Earlier::default();
    if let Some(job) = &config.job {
        let (opened, left) = open_job(job)?;
        before = left;
        marks = opened.marks();
        list = opened.list();
        earlier = opened.earlier();
        let restored = |row: &_| {
            earlier.count(row);
            if let Some(follow) = &mut follow {
                follow.restore(row);
            }
        };
        frontier.keep(opened, restored, Instant::now())?;
    }
    let fingerprints = frontier.fingerprints();
    let parse = plan.parse.marked_by(fingerprints);
    let mut lanes = Plan::new(plan.fetch, parse, config.program.clone())?;
    lanes.own = additions.extractor.take();
    let read = Position {
        row: list.row,
        taken: list.taken,
        again: frontier.awaited(),
    };
    let seeds = Seeds::start(config.seeds.clone(), read.clone())?;
    let seeds = additions.feed(seeds, config, &read, &mut list);
    // A host that is being measured is not to be measured by how long its jobs wait on a lane.
    let ahead = match plan.is_paced {
        true => Ahead::None,
        false => Ahead::Some,
    };
    let crew = match &pages {
        Pages::Asked => Crew::hire(engine, &lanes, ahead)?,
        stored => Crew::hire_for(stored.shelf(&mut tell)?, &lanes)?,
    };
    // Opened last: an output that is there is not emptied for a run that cannot start.
    let hook = additions.hook.take();
    let outputs = Outputs::open(config, &plan.sinks, fingerprints, &marks, before, additions)?;
    for notice in &outputs.sinks.notices {
        tell(&Event::Notice(notice));
    }
    drop(pipes);
    let mut run = Run {
        frontier,
        crew,
        writer: Writer::start(outputs.sinks)?,
        follow,
        holders: outputs.holders,
        mirror: outputs.mirror,
        settled: Vec::with_capacity(BATCH),
        settled_bytes: 0,
        list,
        tally: Tally::default(),
        earlier: earlier.totals(),
        unanswered: Vec::new(),
        cancelled: 0,
        checkpoint: None,
        started: Instant::now(),
        written: Instant::now(),
        committed: Instant::now(),
        checkpoint_after: FIRST_CHECKPOINT / 2,
        is_stored: pages != Pages::Asked,
        waits_due: Duration::ZERO,
        starved: true,
        plan: lanes,
        hook,
        tell,
    };
    // The first marks are there before the first record is: from then on a kill cannot leave what nobody knows of.
    run.begin_checkpoint().await?;
    let outcome = match run.until_the_end(seeds, stop, config.max_time).await {
        Ok((ended, reading)) => run.end(ended, reading).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(outcome) => {
            run.crew.dismiss();
            Ok(outcome)
        }
        Err(error @ (Error::Output { .. } | Error::NotAsLeft { .. })) => run.stopped(error).await,
        Err(error) => Err(error),
    }
}

/// Locks the job's folder, and opens the job that is in it or begins one. Answers what was counted by one that is forgotten.
fn open_job(job: &JobSettings) -> Result<(Opened, Option<Health>)> {
    let folder = Folder::lock(&job.folder)?;
    let mut before = None;
    if job.fresh {
        let left = marks_left(&job.folder).remove(Counter::NAME);
        before = left.and_then(|mark| Some(Counter::read(&Mark(mark))?.now));
        folder.clear()?;
    }
    let opened = Opened::open(folder, &job.settings, &job.may_change)?;
    Ok((opened, before))
}

/// All that the loop owns.
struct Run<F> {
    frontier: Frontier,
    crew: Crew,
    writer: Writer,
    /// Which links become jobs; none where none do.
    follow: Option<Follow>,
    /// Who links where, and the files to tell of it; none where nobody asks.
    holders: Option<(Holders, BrokenSettings)>,
    /// What was saved for a copy that can be browsed; none where nobody asks.
    mirror: Option<Mirror>,
    /// Visits on their way to the writer.
    settled: Vec<Box<Visit>>,
    /// Bytes of their bodies that are in memory.
    settled_bytes: u64,
    /// How far the list was read.
    list: ListMark,
    tally: Tally,
    /// What the sessions of the job before this one came to.
    earlier: Totals,
    /// Rows that were in flight when the run was cut short.
    unanswered: Vec<u64>,
    /// Jobs that were, rows or not.
    cancelled: u64,
    /// What was gathered for a commit, and the marks that it waits for.
    checkpoint: Option<Checkpoint>,
    started: Instant,
    written: Instant,
    committed: Instant,
    /// How long after that the next checkpoint is due.
    checkpoint_after: Duration,
    /// Whether pages are stored, and nothing is asked.
    is_stored: bool,
    /// When it is next looked at what the run waits for.
    waits_due: Duration,
    /// Whether there was room for jobs and none that may be sent.
    starved: bool,
    /// What the lanes share.
    plan: Plan,
    /// What the program has to say about each request; none where it has no hook.
    hook: Option<hook::Hook>,
    tell: F,
}

impl<F: FnMut(&Event<'_>)> Run<F> {
    /// Answers how it ended, and whether there was more to read of the list.
    async fn until_the_end(
        &mut self,
        mut seeds: Seeds,
        stop: Stop,
        max_time: Option<Duration>,
    ) -> Result<(Ended, bool)> {
        let mut reading = !self.list.done || self.frontier.has_awaited();
        if !reading {
            self.tally.total = self.follow.is_none().then_some(self.list.taken);
        }
        let mut ended = Ended::Complete;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut drain = pin!(stop.drain.cancelled());
        let mut abort = pin!(stop.abort.cancelled());
        let mut aborted = false;
        let limit = max_time.and_then(|limit| self.started.checked_add(limit));
        loop {
            self.keep().await?;
            // What belongs to a crawl depends on all of its seeds: but for those that a program sends as it goes on, they are
            // read before the first is asked.
            let may_begin = self.follow.is_none() || !reading || seeds.is_live();
            let wake = if ended == Ended::Complete && may_begin {
                self.lease()?
            } else {
                None
            };
            if self.batch_is_full()
                || wake == Some(Wake::AtOnce)
                || !self.settled.is_empty() && self.may_pause()
            {
                self.settled_bytes = 0;
                self.writer.write(&mut self.settled).await?;
            }
            if wake == Some(Wake::AtOnce) {
                tokio::task::yield_now().await; // a host that is down answers for many jobs: look around between
                continue;
            }
            let stopping = ended != Ended::Complete;
            let nothing = !reading && wake.is_none() && !self.frontier.has_more();
            if self.crew.is_idle() && (stopping || nothing) {
                break;
            }
            // Each branch is cancel-safe: receiving loses nothing, and what would lose data is in a branch's body.
            tokio::select! {
                biased;
                () = &mut abort, if !aborted => {
                    aborted = true;
                    ended = Ended::Interrupted;
                    self.crew.abort();
                }
                () = &mut drain, if !stopping => {
                    ended = Ended::Interrupted;
                    self.tick(); // whoever hears of it sees what is in flight now
                    (self.tell)(&Event::Draining);
                }
                () = until(limit), if !stopping && limit.is_some() => {
                    ended = Ended::TimeUp;
                    self.crew.abort();
                }
                Some(visit) = self.crew.next(), if !self.crew.is_idle() => self.note_all(visit)?,
                batch = seeds.next(), if reading && !stopping && self.wants_seeds() => {
                    reading = self.admit(batch?)?;
                    self.tally.left_out.clone_from(seeds.left_out());
                }
                answer = self.frontier.store_answer(), if self.frontier.awaits_store() => {
                    self.frontier.take(answer?, Instant::now())?;
                }
                marks = marks(&mut self.checkpoint), if self.checkpoint.is_some() => self.commit(marks).await?,
                () = sleep_until((self.committed + self.checkpoint_after).into()), if self.may_checkpoint() => {}
                () = sleep_until(wake_at(wake)), if wake.is_some() => {}
                _ = tick.tick() => {
                    self.tick();
                    self.writer.tick(Instant::now());
                }
            }
        }
        Ok((ended, reading))
    }

    /// Sends jobs while there is room and any may be sent.
    fn lease(&mut self) -> Result<Option<Wake>> {
        let now = Instant::now();
        self.starved = false;
        while self.crew.has_room() {
            if self.batch_is_full() {
                return Ok(Some(Wake::AtOnce));
            }
            match self.frontier.next(now)? {
                Next::Job(job) => self.send(job, now)?,
                Next::NotBefore(at) => {
                    self.starved = true;
                    return Ok(Some(Wake::At(at)));
                }
                Next::Nothing => {
                    self.starved = true;
                    return Ok(None);
                }
                Next::Settled(visit) => self.settle(visit, now)?,
            }
        }
        Ok(None)
    }

    /// Whether the writer should have what there is: after a while, or when nothing more comes.
    fn may_pause(&mut self) -> bool {
        let now = Instant::now();
        let due = self.crew.is_idle() || now.duration_since(self.written) >= WRITE_EVERY;
        if due {
            self.written = now;
        }
        due
    }

    fn wants_seeds(&self) -> bool {
        self.follow.is_some() || self.frontier.wants_more(self.starved)
    }

    /// Takes a batch of the list in. Answers whether there may be more.
    fn admit(&mut self, batch: Option<Batch>) -> Result<bool> {
        let Some(batch) = batch else {
            self.frontier.await_no_more()?;
            self.list.done = true;
            self.frontier.list_was_read(self.list);
            self.tally.total = self.follow.is_none().then_some(self.tally.rows);
            return Ok(false);
        };
        self.tally.rows = batch.read;
        self.tally.last_row = batch.last_row;
        self.tally.total = batch.estimate.filter(|_| self.follow.is_none());
        self.list.row = batch.last_row;
        self.list.taken = batch.read;
        self.frontier.list_was_read(self.list);
        let now = Instant::now();
        for entry in batch.entries {
            let settled = match entry {
                Entry::Job(job) => {
                    if let Some(follow) = &mut self.follow {
                        follow.anchor(&job.url);
                    }
                    let settled = match batch.is_late && self.follow.is_some() {
                        true => self.frontier.admit_late(job, now)?,
                        false => self.frontier.admit(job, now)?,
                    };
                    settled.map(Box::new)
                }
                Entry::Bad(visit) => Some(visit),
            };
            if let Some(visit) = settled {
                self.settle(visit, now)?;
            }
        }
        Ok(true)
    }

    /// Notes a visit, and those that are here already.
    fn note_all(&mut self, visit: Box<Visit>) -> Result<()> {
        let now = Instant::now();
        let mut next = Some(visit);
        while let Some(visit) = next.take() {
            self.note(visit, now)?;
            if !self.batch_is_full() {
                next = self.crew.try_next();
            }
        }
        Ok(())
    }

    fn note(&mut self, visit: Box<Visit>, now: Instant) -> Result<()> {
        if let Ok(page) = &visit.outcome {
            self.answered(page);
        }
        if matches!(visit.outcome, Err(FetchError::Cancelled)) {
            self.unanswered.extend(visit.job.row);
            self.cancelled += 1;
            return Ok(());
        }
        match self.frontier.note(visit, &mut self.follow, now) {
            Noted::Settled(visit) => self.settle(visit, now)?,
            Noted::Robots(visit, sitemaps) => {
                self.tally.robots += 1;
                if let Some(problem) = visit.robots_problem() {
                    (self.tell)(&Event::Unread {
                        url: visit.job.first_url(),
                        problem: &problem,
                    });
                }
                if let Some(follow) = &mut self.follow {
                    follow.sitemaps(&visit, &sitemaps, &mut self.frontier, now)?;
                }
                if self.frontier.is_paced() {
                    self.crew.stay_level();
                }
            }
            Noted::Again(Again::Redirect) => self.tally.redirects += 1,
            Noted::Again(Again::Get) => {}
            Noted::Again(Again::Retry { host, cause, after }) => {
                self.tally.retries += 1;
                (self.tell)(&Event::Retried {
                    host: &host,
                    cause: &cause,
                    after,
                });
            }
        }
        self.tell_pauses();
        Ok(())
    }

    /// A visit is over: what it leads to is admitted, and its record goes to the writer.
    fn settle(&mut self, mut visit: Box<Visit>, now: Instant) -> Result<()> {
        if let Some(follow) = &mut self.follow {
            self.frontier.come_nearer(&mut visit.job)?;
            follow.links(&visit, &mut self.frontier, now)?;
        }
        let skip = self.frontier.settle(&visit, now)?;
        if let Some((follow, skip)) = self.follow.as_mut().zip(skip) {
            follow.count(&skip);
        }
        if !visit.has_record() {
            self.unrecorded(&visit);
            return Ok(());
        }
        self.tally.settled(&visit);
        if self.follow.is_some() {
            self.tally.crawled(&visit);
        }
        (self.tell)(&Event::Visited(&visit));
        self.settled_bytes += visit.in_memory();
        self.settled.push(visit);
        Ok(())
    }

    fn batch_is_full(&self) -> bool {
        self.settled.len() >= BATCH || self.settled_bytes >= BATCH_BYTES
    }
}
