//! A run over stored pages: the parse half on every core, the same records, and no request.
//!
//! One thread reads the archives, one a core parses, and the loop hands what comes back to the writer. The channels between them are
//! bounded, so an archive of any size is read in flat memory. Records come in the order in which pages were parsed; `row` is the
//! place of the page in its archive.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc as blocking};
use std::thread;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio::time::interval;

use super::{BATCH, Ended, Outcome, TICK};
use crate::archive::{Archive, Damage, Stored};
use crate::config::Config;
use crate::engine::cores;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::job::Job;
use crate::rows::Rows;
use crate::sink::{Counter, Sinks, Start, Writer};
use crate::stop::Stop;
use crate::tally::Tally;
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
    mut config: Config,
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
    config.settle()?;
    let limit = config.seeds.limit.unwrap_or(u64::MAX);
    let opened: Vec<Archive> = archives
        .iter()
        .map(|path| Archive::open(path).map_err(|damage| Error::Setting(damage.to_string())))
        .collect::<Result<_>>()?;
    let extract = &config.parse.extract;
    let tables = (!extract.is_empty())
        .then(|| extract.tables())
        .transpose()?;
    let plan = Plan::new(config.fetch, config.parse, config.program)?;
    let mut sinks = Sinks::open(&config.sinks, None, |_| Start::Fresh)?;
    if let Some(tables) = tables {
        sinks.add(Counter::NAME, Counter::open(tables, None, Start::Fresh)?);
    }
    let mut writer = Writer::start(sinks)?;
    let mut visits = start(opened, limit, &plan)?;
    let (started, mut tally, mut batch) = (Instant::now(), Tally::default(), Vec::new());
    let mut tick = interval(TICK);
    let mut ended = Ended::Complete;
    loop {
        tokio::select! {
            // Cancel-safe: receiving loses nothing.
            visit = visits.recv() => match visit {
                Some(visit) => {
                    tally.wire_bytes += visit.outcome.as_ref().map_or(0, |page| page.wire_bytes);
                    tally.settled(&visit);
                    tell(&Event::Visited(&visit));
                    batch.push(visit);
                }
                None => break,
            },
            _ = tick.tick() => {
                tally.elapsed = started.elapsed();
                tell(&Event::Tick(&tally));
                writer.write(&mut batch).await?;
            }
            () = stop.drain.cancelled() => {
                ended = Ended::Interrupted;
                break;
            }
        }
        if batch.len() >= BATCH {
            writer.write(&mut batch).await?;
        }
    }
    drop(visits); // whoever still reads or parses ends with the next page
    writer.write(&mut batch).await?;
    let marks = writer.finish().await?;
    let counter = marks.iter().find(|(name, _)| name == Counter::NAME);
    tally.elapsed = started.elapsed();
    tell(&Event::Tick(&tally));
    let last = tally.visited;
    let missing = match ended {
        Ended::Complete => Rows::default(),
        _ => Rows::of(Vec::new(), Some(last + 1)),
    };
    Ok(Outcome {
        tally,
        ended,
        missing,
        counts: counter.and_then(|(_, mark)| Counter::read(mark)),
        waiting: 0,
    })
}

/// Starts to read and to parse; the visits come in any order.
fn start(archives: Vec<Archive>, limit: u64, plan: &Plan) -> Result<mpsc::Receiver<Box<Visit>>> {
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
    thread::Builder::new()
        .name("read".into())
        .spawn(move || {
            let pages = archives
                .into_iter()
                .flatten()
                .take(usize::try_from(limit).unwrap_or(usize::MAX));
            for (row, page) in (1..).zip(pages) {
                let gone = match page {
                    Ok(stored) => hand.send((row, stored)).is_err(),
                    Err(damage) => land.blocking_send(damaged(row, &damage)).is_err(),
                };
                if gone {
                    break;
                }
            }
        })
        .map_err(failed)?;
    Ok(visits)
}

fn parse(plan: &Plan, pages: &Pages, land: &mpsc::Sender<Box<Visit>>) {
    loop {
        let page = pages.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((row, stored)) = page else { return };
        let job = Box::new(Job::seed(row, stored.url));
        let outcome = Ok(stored.page);
        let parsed = worker::parse(&job, &outcome, plan);
        let visit = Box::new(Visit {
            job,
            outcome,
            parsed,
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
