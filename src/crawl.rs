//! The loop. One owner, no locks: it holds the frontier, the crew and the writer, and is the only place that knows
//! the order of things. A list fetch is a crawl that follows no links.
//!
//! The end is obvious: nothing to read, nothing waiting, nothing in flight. Back-pressure is visible: the crew has room
//! or it has not, and the writer is waited for.

use std::pin::pin;
use std::time::{Duration, Instant};

use http::Method;
use tokio::time::{MissedTickBehavior, interval, sleep_until};

use crate::config::Config;
use crate::descriptors;
use crate::engine::{Ahead, Crew};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::frontier::{Again, Frontier, Next, Noted};
use crate::rows::Rows;
use crate::seeds::{Batch, Entry, Seeds};
use crate::sink::{self, Writer};
use crate::stop::Stop;
use crate::tally::Tally;
use crate::visit::{FetchError, Visit};
use crate::worker::Plan;

/// How often the figures are told.
const TICK: Duration = Duration::from_millis(100);
/// Bytes of bodies settled before they are handed to the writer: with its queue, all that may wait for the disk.
const BATCH_BYTES: u64 = 8 << 20;
/// Visits wait for the writer no longer than this, while others come; the next tick takes the last of them.
const WRITE_EVERY: Duration = Duration::from_millis(10);
/// Visits settled before they are handed to the writer and the loop looks around again.
const BATCH: usize = 256;

/// How a run went.
#[derive(Debug)]
pub struct Outcome {
    /// The figures.
    pub tally: Tally,
    /// How it ended.
    pub ended: Ended,
    /// The rows that have no record, where it ended early.
    pub missing: Rows,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Every row has its record.
    Complete,
    /// It was interrupted.
    Interrupted,
    /// Its time was up.
    TimeUp,
}

/// Runs to the end, and tells what happens on the way.
///
/// Call it inside a tokio runtime; a current-thread one is best. Dropping the future drops what is in flight.
///
/// # Errors
/// What kept the run from going on: an input that cannot be read, an output that cannot be written, a setting that
/// cannot hold. A URL that fails is no error: it is a visit.
pub async fn crawl(
    mut config: Config,
    stop: Stop,
    tell: impl FnMut(&Event<'_>),
) -> Result<Outcome> {
    config.settle()?;
    let mut tell = tell;
    if let Some(notice) = descriptors::fit(&mut config.engine) {
        tell(&Event::Notice(&notice));
    }
    let method = Method::from_bytes(config.fetch.method.as_bytes()).map_err(|_| {
        Error::Setting(format!(
            "--method {:?} is not an HTTP method",
            config.fetch.method
        ))
    })?;
    let plan = Plan::new(config.fetch, config.parse, config.program)?;
    let seeds = Seeds::start(config.seeds)?;
    // Opened last: an output that is there is not emptied for a run that cannot start.
    let mut files = None;
    let mut sinks = Vec::new();
    for settings in &config.sinks {
        files = files.or(sink::open_files(settings)?);
        sinks.push(sink::open(settings)?);
    }
    let paced = !config.frontier.delay.is_zero() || config.frontier.rate.is_some();
    let ahead = if paced { Ahead::None } else { Ahead::Some };
    let run = Run {
        frontier: Frontier::new(config.frontier, method),
        crew: Crew::hire(config.engine, &plan, ahead)?,
        writer: Writer::start(sinks, files)?,
        settled: Vec::with_capacity(BATCH),
        settled_bytes: 0,
        tally: Tally::default(),
        unanswered: Vec::new(),
        started: Instant::now(),
        written: Instant::now(),
        starved: true,
        tell,
    };
    run.until_the_end(seeds, stop, config.max_time).await
}

/// All that the loop owns.
struct Run<F> {
    frontier: Frontier,
    crew: Crew,
    writer: Writer,
    /// Visits on their way to the writer.
    settled: Vec<Box<Visit>>,
    /// Bytes of their bodies that are in memory.
    settled_bytes: u64,
    tally: Tally,
    /// Rows that were in flight when the run was cut short.
    unanswered: Vec<u64>,
    started: Instant,
    written: Instant,
    /// Whether there was room for jobs and none that may be sent.
    starved: bool,
    tell: F,
}

impl<F: FnMut(&Event<'_>)> Run<F> {
    async fn until_the_end(
        mut self,
        mut seeds: Seeds,
        stop: Stop,
        max_time: Option<Duration>,
    ) -> Result<Outcome> {
        let mut reading = true;
        let mut ended = Ended::Complete;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut drain = pin!(stop.drain.cancelled());
        let mut abort = pin!(stop.abort.cancelled());
        let mut aborted = false;
        let limit = max_time.and_then(|limit| self.started.checked_add(limit));
        loop {
            let wake = if ended == Ended::Complete {
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
            if self.crew.is_idle() && (stopping || !reading && wake.is_none()) {
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
                batch = seeds.next(), if reading && !stopping && self.frontier.wants_more(self.starved) => {
                    reading = self.admit(batch?)?;
                }
                () = sleep_until(wake_at(wake)), if wake.is_some() => {}
                _ = tick.tick() => self.tick(),
            }
        }
        self.end(ended, reading)
    }

    /// Sends jobs while there is room and any may be sent.
    fn lease(&mut self) -> Result<Option<Wake>> {
        let now = Instant::now();
        self.starved = false;
        while self.crew.has_room() {
            if self.batch_is_full() {
                return Ok(Some(Wake::AtOnce));
            }
            match self.frontier.next(now) {
                Next::Job(job) => self.crew.send(job)?,
                Next::NotBefore(at) => {
                    self.starved = true;
                    return Ok(Some(Wake::At(at)));
                }
                Next::Nothing => {
                    self.starved = true;
                    return Ok(None);
                }
                Next::Settled(visit) => self.settle(visit),
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

    /// Takes a batch of the list in. Answers whether there may be more.
    fn admit(&mut self, batch: Option<Batch>) -> Result<bool> {
        let Some(batch) = batch else {
            self.tally.total = Some(self.tally.rows);
            return Ok(false);
        };
        self.tally.rows = batch.read;
        self.tally.last_row = batch.last_row;
        self.tally.total = batch.estimate;
        let now = Instant::now();
        for entry in batch.entries {
            let settled = match entry {
                Entry::Job(job) => self.frontier.admit(job, now)?.map(Box::new),
                Entry::Bad(visit) => Some(visit),
            };
            if let Some(visit) = settled {
                self.settle(visit);
            }
        }
        Ok(true)
    }

    /// Notes a visit, and those that are here already.
    fn note_all(&mut self, visit: Box<Visit>) -> Result<()> {
        let now = Instant::now();
        let mut next = Some(visit);
        while let Some(visit) = next.take() {
            self.note(visit, now);
            if !self.batch_is_full() {
                next = self.crew.try_next();
            }
        }
        Ok(())
    }

    fn note(&mut self, visit: Box<Visit>, now: Instant) {
        if let Ok(page) = &visit.outcome {
            self.tally.answered(page.wire_bytes, page.timing.total);
        }
        if matches!(visit.outcome, Err(FetchError::Cancelled)) {
            self.unanswered.extend(visit.job.row);
            return;
        }
        match self.frontier.note(visit, now) {
            Noted::Settled(visit) => self.settle(visit),
            Noted::Again(Again::Redirect) => self.tally.redirects += 1,
            Noted::Again(Again::Retry {
                host,
                cause,
                after,
                held,
            }) => {
                self.tally.retries += 1;
                (self.tell)(&Event::Retried {
                    host: &host,
                    cause: &cause,
                    after,
                });
                if held {
                    (self.tell)(&Event::Held {
                        host: &host,
                        until: now + after,
                    });
                }
            }
        }
    }

    fn settle(&mut self, visit: Box<Visit>) {
        self.tally.settled(&visit);
        (self.tell)(&Event::Visited(&visit));
        self.settled_bytes += visit.bytes().map_or(0, |bytes| bytes.len() as u64);
        self.settled.push(visit);
    }

    fn batch_is_full(&self) -> bool {
        self.settled.len() >= BATCH || self.settled_bytes >= BATCH_BYTES
    }

    fn tick(&mut self) {
        self.tally.in_flight = self.crew.in_flight();
        self.tally.waiting = self.frontier.waiting();
        self.tally.elapsed = self.started.elapsed();
        (self.tell)(&Event::Tick(&self.tally));
    }

    fn end(mut self, ended: Ended, reading: bool) -> Result<Outcome> {
        self.tick();
        let mut rows = self.unanswered;
        rows.extend(self.frontier.rows());
        let unread = (reading && ended != Ended::Complete).then_some(self.tally.last_row + 1);
        // The lanes close their connections while the last records are written.
        self.crew.close();
        self.writer.finish()?;
        self.crew.dismiss();
        Ok(Outcome {
            tally: self.tally,
            ended,
            missing: Rows::of(rows, unread),
        })
    }
}

/// When the frontier may have something again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wake {
    /// Now: the loop only came up for air.
    AtOnce,
    At(Instant),
}

fn wake_at(wake: Option<Wake>) -> tokio::time::Instant {
    match wake {
        Some(Wake::At(at)) => at.into(),
        _ => tokio::time::Instant::now(),
    }
}

async fn until(limit: Option<Instant>) {
    match limit {
        Some(limit) => sleep_until(limit.into()).await,
        None => std::future::pending().await,
    }
}
