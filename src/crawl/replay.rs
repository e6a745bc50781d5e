//! A run over stored pages: the parse half on every core, the same records, and no request.
//!
//! One thread reads the archives, one a core parses, and the loop hands what comes back to the writer. The channels between them are
//! bounded, so an archive of any size is read in flat memory. Records come in the order in which pages were parsed; `row` is the
//! place of the page in its archive.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc as blocking};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::pipes;
use super::plan::RunPlan;
use super::wake::until;
use super::{BATCH, BATCH_BYTES, Ended, Outcome, TICK};
use crate::archive::{Archive, Damage, Stored};
use crate::config::Config;
use crate::engine::cores;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::job::{Job, Request};
use crate::parse::Wants;
use crate::rows::Rows;
use crate::sink::{Counter, Sinks, Start, Writer};
use crate::stop::Stop;
use crate::tally::{Tally, Totals};
use crate::url::PageUrl;
use crate::visit::{FetchError, Parsed, Visit};
use crate::worker::{self, Plan};

/// Pages that may wait for a core, for each.
const AHEAD: usize = 16;

/// Pages on their way from the archives to the cores.
type Pages = Arc<Mutex<blocking::Receiver<(u64, Stored)>>>;

/// Parses the pages of archives as if they had just been fetched, and writes their records.
///
/// An archive is a WARC file, a WACZ package, or a folder of either or of saved pages. What is damaged in one has a record
/// that says so.
///
/// # Errors
/// When an archive cannot be opened, an output cannot be written, or a setting cannot hold: neither a crawl nor a job reads archives.
pub async fn replay(
    config: &Config,
    archives: Vec<PathBuf>,
    stop: Stop,
    mut tell: impl FnMut(&Event<'_>),
) -> Result<Outcome> {
    if config.job.is_some() || config.crawl.is_some() {
        return Err(Error::Setting(
            "stored pages are read at once and to their end: they go with no job, and no crawl"
                .into(),
        ));
    }
    let mut claims = config.claims();
    for path in &archives {
        claims.read(format!("the archive {}", path.display()), path);
    }
    claims.check()?;
    let plan = RunPlan::of(config, Wants::NOTHING)?;
    let Some(pipes) = pipes::with_readers(&config.sinks, &stop).await? else {
        return Ok(Outcome::never_begun());
    };
    let wanted = Wanted {
        rows: config.seeds.rows.clone(),
        limit: config.seeds.limit.unwrap_or(u64::MAX),
    };
    let max_time = config.max_time;
    let opened: Vec<Archive> = archives
        .iter()
        .map(|path| Archive::open(path).map_err(|damage| Error::Setting(damage.to_string())))
        .collect::<Result<_>>()?;
    let extract = &config.parse.extract;
    let tables = (!extract.is_empty())
        .then(|| extract.tables())
        .transpose()?;
    let mut sinks = Sinks::open(
        &config.sinks,
        config.files.as_ref(),
        &plan.sinks,
        None,
        |_| Start::Fresh,
    )?;
    if let Some(tables) = tables {
        sinks.add(Counter::NAME, Counter::open(tables, None, Start::Fresh)?);
    }
    for notice in &sinks.notices {
        tell(&Event::Notice(notice));
    }
    drop(pipes);
    let lanes = Plan::new(plan.fetch, plan.parse, config.program.clone())?;
    let mut writer = Writer::start(sinks)?;
    let (mut visits, reader) = start(opened, wanted, &lanes)?;
    let (started, mut tally) = (Instant::now(), Tally::default());
    let (mut batch, mut bytes) = (Vec::new(), 0);
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let limit = max_time.and_then(|limit| started.checked_add(limit));
    let mut done = Done::default();
    let mut ended = Ended::Complete;
    loop {
        tokio::select! {
            // Cancel-safe: receiving loses nothing.
            visit = visits.recv() => match visit {
                Some(visit) => {
                    tally.wire_bytes += visit.outcome.as_ref().map_or(0, |page| page.wire_bytes);
                    tally.settled(&visit);
                    done.add(visit.job.row.unwrap_or_default());
                    tell(&Event::Visited(&visit));
                    bytes += visit.in_memory();
                    batch.push(visit);
                }
                None => break,
            },
            _ = tick.tick() => {
                tally.elapsed = started.elapsed();
                tell(&Event::Tick(&tally));
                writer.tick(Instant::now());
                if !batch.is_empty() {
                    bytes = 0;
                    writer.write(&mut batch).await?;
                }
            }
            () = until(limit), if limit.is_some() => {
                ended = Ended::TimeUp;
                break;
            }
            () = stop.drain.cancelled() => {
                ended = Ended::Interrupted;
                break;
            }
        }
        if batch.len() >= BATCH || bytes >= BATCH_BYTES {
            bytes = 0;
            writer.write(&mut batch).await?;
        }
    }
    drop(visits); // whoever still reads or parses ends with the next page
    writer.write(&mut batch).await?;
    let marks = writer.finish().await?;
    let counter = marks.iter().find(|(name, _)| name == Counter::NAME);
    if ended == Ended::Complete {
        // All was parsed, so all was read: it has nothing left to do.
        tally.left_out = reader.join().unwrap_or_default();
    }
    tally.elapsed = started.elapsed();
    tell(&Event::Tick(&tally));
    let missing = match ended {
        Ended::Complete => Rows::default(),
        _ => done.missing(),
    };
    Ok(Outcome {
        tally,
        ended,
        missing,
        counts: counter.and_then(|(_, mark)| Counter::read(mark)),
        waiting: 0,
        earlier: Totals::default(),
        mirror: None,
        failure: None,
    })
}

/// Which of the stored pages are read.
struct Wanted {
    rows: Option<Rows>,
    limit: u64,
}

/// Rows that have their record. They end nearly in their order: those that are ahead are few.
#[derive(Default)]
struct Done {
    /// All up to this one.
    up_to: u64,
    ahead: BTreeSet<u64>,
}

impl Done {
    fn add(&mut self, row: u64) {
        self.ahead.insert(row);
        while self.ahead.remove(&(self.up_to + 1)) {
            self.up_to += 1;
        }
    }

    /// What has no record yet.
    fn missing(&self) -> Rows {
        let last = self.ahead.last().copied().unwrap_or(self.up_to);
        let between = (self.up_to + 1..last).filter(|row| !self.ahead.contains(row));
        Rows::of(between.collect(), Some(last + 1))
    }
}

/// What an archive holds that is no page, by its kind.
type LeftOut = BTreeMap<&'static str, u64>;

/// Starts to read and to parse; the visits come in any order. The thread that reads ends with what it left out.
fn start(
    archives: Vec<Archive>,
    wanted: Wanted,
    plan: &Plan,
) -> Result<(mpsc::Receiver<Box<Visit>>, JoinHandle<LeftOut>)> {
    let failed = |source| Error::setup("a thread", source);
    let (hand, pages) = blocking::sync_channel(AHEAD * cores());
    let (land, visits) = mpsc::channel(AHEAD * cores());
    let pages: Pages = Arc::new(Mutex::new(pages));
    for index in 0..cores() {
        let (plan, pages, land) = (plan.clone(), pages.clone(), land.clone());
        thread::Builder::new()
            .name(format!("parse-{index}"))
            .spawn(move || parse(&plan, &pages, &land))
            .map_err(failed)?;
    }
    let reader = thread::Builder::new()
        .name("read".into())
        .spawn(move || read(archives, &wanted, &hand, &land))
        .map_err(failed)?;
    Ok((visits, reader))
}

/// Hands on every page that is wanted. Answers what held none.
fn read(
    archives: Vec<Archive>,
    wanted: &Wanted,
    hand: &blocking::SyncSender<(u64, Stored)>,
    land: &mpsc::Sender<Box<Visit>>,
) -> LeftOut {
    let mut left_out = LeftOut::new();
    let (mut row, mut taken) = (0, 0);
    for mut archive in archives {
        while taken < wanted.limit
            && let Some(page) = archive.next()
        {
            row += 1;
            if wanted.rows.as_ref().is_some_and(|rows| !rows.contains(row)) {
                continue;
            }
            taken += 1;
            let gone = match page {
                Ok(stored) => hand.send((row, stored)).is_err(),
                Err(damage) => land.blocking_send(damaged(row, &damage)).is_err(),
            };
            if gone {
                return left_out;
            }
        }
        for (kind, count) in archive.left_out() {
            *left_out.entry(kind).or_default() += count;
        }
    }
    left_out
}

fn parse(plan: &Plan, pages: &Pages, land: &mpsc::Sender<Box<Visit>>) {
    loop {
        let page = pages.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((row, stored)) = page else { return };
        let mut job = Box::new(Job::seed(row, stored.url));
        job.request = stored.method.map(|method| {
            Arc::new(Request {
                method: Some(method),
                ..Request::default()
            })
        });
        let outcome = Ok(stored.page);
        // One poisoned page must not end the run.
        let parsed = catch_unwind(AssertUnwindSafe(|| worker::parse(&job, &outcome, plan)));
        let visit = Box::new(match parsed {
            Ok(parsed) => Visit {
                job,
                outcome,
                parsed,
            },
            Err(_) => Visit::unsent(job, FetchError::Lost("it panicked".into())),
        });
        if land.blocking_send(visit).is_err() {
            return;
        }
    }
}

/// The record of what is damaged.
fn damaged(row: u64, damage: &Damage) -> Box<Visit> {
    let text = damage.path.display().to_string();
    Box::new(Visit {
        job: Box::new(Job::seed(row, PageUrl::nowhere())),
        outcome: Err(FetchError::Malformed {
            text,
            problem: damage.to_string(),
        }),
        parsed: Parsed::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_row_by_row_whatever_order_pages_end_in() {
        let mut done = Done::default();
        assert_eq!(done.missing().to_string(), "1-");
        [2, 1, 5, 7, 4].into_iter().for_each(|row| done.add(row));
        assert_eq!(done.missing().to_string(), "3,6,8-");
        [3, 6].into_iter().for_each(|row| done.add(row));
        assert_eq!(
            (done.missing().to_string(), done.ahead.len()),
            ("8-".to_owned(), 0)
        );
    }
}
