//! The loop of a run: it owns the frontier, the crew and the writer, and needs no locks.
//!
//! It is the only place that knows the order of things. Fetching a list is a crawl that follows no links. A run has ended
//! when there is nothing left to read, nothing waiting and nothing in flight. Back-pressure is explicit: jobs are sent
//! only while the crew has room, and the loop waits for the writer. In a job, a checkpoint every second makes settled
//! visits final: the sinks first, then the store.

mod additions;
mod cached;
mod checkpoint;
mod claimed;
mod cookies;
mod end;
mod hook;
mod news;
mod outcome;
mod outputs;
mod pipes;
mod plan;
mod run;
mod runner;
mod start;
mod stored;
mod wake;

use std::pin::pin;
use std::time::{Duration, Instant, SystemTime};

use http::HeaderMap;
use tokio::time::{MissedTickBehavior, interval, sleep_until};

use additions::Additions;
use checkpoint::marks;
pub use hook::{Decision, PendingRequest};
pub use outcome::{Ended, Outcome};
use run::Run;
pub use runner::{Runner, Visits};
use wake::{Wake, until, wake_at};

use crate::config::Config;
use crate::error::Result;
use crate::frontier::{Again, ListMark, Next, Noted};
use crate::job::Job;
use crate::page::failure::FetchError;
use crate::run::event::Event;
use crate::run::stop::Stop;
use crate::seeds::{Batch, Entry, Seeds};
use crate::visit::Visit;

/// How often the figures are reported.
const TICK: Duration = Duration::from_millis(100);
/// The longest that visits wait for the writer while more arrive; the next tick takes the last of them.
const WRITE_EVERY: Duration = Duration::from_millis(10);

/// Runs to the end, and reports events to `tell`.
///
/// The settings are not changed, so they can be used again. Call it inside a tokio runtime, best a current-thread one.
/// Dropping the future drops the requests in flight.
///
/// # Errors
/// If the run cannot continue: an input cannot be read, an output cannot be written, or a setting is invalid. A URL that
/// fails is not an error, but a visit.
pub async fn crawl(config: &Config, stop: Stop, tell: impl FnMut(&Event<'_>)) -> Result<Outcome> {
    start::run(config, stop, Additions::default(), tell).await
}

impl<F: FnMut(&Event<'_>)> Run<F> {
    /// Returns how the run ended, and whether there was more of the list to read.
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
            // The scope of a crawl depends on all of its seeds, so they are read before the first request; except for those
            // that a program sends during the run.
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
                tokio::task::yield_now().await; // a host that is down settles many jobs at once: handle other events in between
                continue;
            }
            let stopping = ended != Ended::Complete;
            let nothing = !reading && wake.is_none() && !self.frontier.has_more();
            if self.crew.is_idle() && (stopping || nothing) {
                break;
            }
            // Each branch is cancel-safe: receiving loses nothing, and anything that could lose data is in a branch's body.
            tokio::select! {
                biased;
                () = &mut abort, if !aborted => {
                    aborted = true;
                    ended = Ended::Interrupted;
                    self.crew.abort();
                }
                () = &mut drain, if !stopping => {
                    ended = Ended::Interrupted;
                    self.tick(); // so that listeners see what is in flight now
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
                answer = self.frontier.store_reply(), if self.frontier.awaits_store() => {
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

    /// Sends a job, unless the program's hook decides otherwise.
    fn send(&mut self, mut job: Box<Job>, now: Instant) -> Result<()> {
        self.cookies.attach(&mut job);
        if let Some(hook) = &mut self.hook {
            let mut outgoing = self.plan.shared.outgoing(&job);
            outgoing.add(&job);
            let mut request = PendingRequest {
                outgoing,
                job: &job,
                added: HeaderMap::new(),
            };
            let decision = hook(&mut request)?;
            let added = std::mem::take(&mut request.added);
            match decision {
                Decision::Send => job.added = (!added.is_empty()).then(|| Box::new(added)),
                Decision::Skip(reason) => {
                    let visit = Visit::unsent(job, FetchError::Skipped(reason));
                    return self.note(Box::new(visit), now);
                }
            }
        }
        self.frontier.sent(&mut job, Instant::now());
        job.sent = Some(SystemTime::now());
        self.crew.send(job)
    }

    /// Whether to pass settled visits to the writer: after a while, or if nothing else is happening.
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

    /// Admits a batch of the list. Returns whether there may be more.
    fn admit(&mut self, batch: Option<Batch>) -> Result<bool> {
        let Some(batch) = batch else {
            self.frontier.await_no_more()?;
            self.list.done = true;
            // A job may be resumed with a higher limit: then there is more to read.
            let is_cut = self.max_rows.is_some_and(|most| self.list.taken >= most);
            self.frontier.note_list_mark(ListMark {
                done: !is_cut,
                ..self.list
            });
            self.tally.total = self.follow.is_none().then_some(self.tally.rows);
            return Ok(false);
        };
        self.tally.rows = batch.read;
        self.tally.last_row = batch.last_row;
        self.tally.total = batch.estimate.filter(|_| self.follow.is_none());
        self.list.row = batch.last_row;
        self.list.taken = batch.read;
        self.frontier.note_list_mark(self.list);
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

    /// Handles a visit, and those that have arrived since.
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

    fn note(&mut self, mut visit: Box<Visit>, now: Instant) -> Result<()> {
        // A page that is used without asking was answered long ago.
        if !visit.parsed.cached {
            self.cookies.take(&mut visit);
            if let Ok(page) = &visit.outcome {
                self.answered(page);
            }
        }
        if matches!(visit.outcome, Err(FetchError::Cancelled)) {
            self.unanswered.extend(visit.job.row);
            self.cancelled += 1;
            self.frontier.log(&visit, now); // it may have been sent
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
            Noted::Again(Again::Get | Again::Login | Again::Segment | Again::Asked) => {}
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

    /// Queues pages of a crawl again that redirected to this one until it set cookies for them.
    fn pass_walls(&mut self, visit: &Visit, now: Instant) -> Result<()> {
        if self.follow.is_none() || !self.cookies.are_for_run() {
            return Ok(());
        }
        let sent = visit.job.cookie.as_deref().map_or(0, cookies::hash);
        let cookies = &mut self.cookies;
        self.frontier
            .pass_walls(visit, sent, &mut |url| cookies.hash(url), now)
    }

    /// Finishes a visit: admits its links, and passes its record to the writer.
    fn settle(&mut self, mut visit: Box<Visit>, now: Instant) -> Result<()> {
        if let Some(follow) = &mut self.follow {
            self.frontier.secure_links(&mut visit);
            self.frontier.lower_depth(&mut visit.job)?;
            follow.links(&visit, &mut self.frontier, now)?;
        }
        visit.job.jar = None;
        let skip = self.frontier.settle(&visit, now)?;
        self.pass_walls(&visit, now)?;
        if let Some((follow, skip)) = self.follow.as_mut().zip(skip) {
            follow.count(&skip);
        }
        if !visit.has_record() {
            self.unrecorded(&visit);
            return Ok(());
        }
        self.cache(&visit);
        self.tally.settled(&visit);
        if self.follow.is_some() {
            self.tally.crawled(&visit);
        }
        (self.tell)(&Event::Visited(&visit));
        self.settled_bytes += visit.in_memory();
        self.settled.push(visit);
        Ok(())
    }
}
