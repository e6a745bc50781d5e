//! Starts a run: checks and opens everything, outputs last.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use http::header::COOKIE;

use super::additions::Additions;
use super::checkpoint::FIRST_CHECKPOINT;
use super::cookies::RunCookies;
use super::outcome::Outcome;
use super::outputs::Outputs;
use super::pipes;
use super::plan::RunPlan;
use super::run::{BATCH, Run};
use super::stored::Pages;
use crate::cache;
use crate::config::{Config, JobSettings};
use crate::descriptors;
use crate::earlier::{Catalog, Needs};
use crate::engine::{Ahead, Crew};
use crate::error::{Error, Result, Setting};
use crate::extract::Health;
use crate::fetch::TlsSettings;
use crate::follow::LinkFollower;
use crate::frontier::{
    self, EarlierTotals, FreshPages, Frontier, JobFolder, ListMark, OpenJob, stored_marks,
};
use crate::hsts::Hsts;
use crate::run::event::Event;
use crate::run::stop::Stop;
use crate::run::tally::Tally;
use crate::seeds::{Position, SeedSource, Seeds};
use crate::sink::{Counter, Mark, Writer};
use crate::url::PageUrl;
use crate::worker::{ParsePlan, Plan};

/// Runs to the end, with what a program adds to the settings.
///
/// # Errors
/// As [`crawl`](super::crawl()).
pub(super) async fn run(
    config: &Config,
    stop: Stop,
    mut additions: Additions,
    tell: impl FnMut(&Event<'_>),
) -> Result<Outcome> {
    additions.check(config.engine)?;
    config.claims().check()?;
    if config.cache.is_some() && config.since.is_some() {
        let problem = "cannot be combined with the cache: each says what there is of a page";
        return Err(Error::invalid(Setting::Since, problem));
    }
    if (config.fresh_ok || config.cache.is_some()) && additions.hook.is_some() {
        let problem = "a page that is still fresh is not asked, so a hook that sees every request cannot be combined with it";
        return Err(Error::invalid(Setting::Since, problem));
    }
    let pages = Pages::of(config)?;
    let config = &*pages.fit(config)?;
    let mut plan = RunPlan::of(config, additions.wants)?;
    let reads = plan.parse.reads();
    // Dropped at the end of the run, and its file with it.
    let catalog = config.since.as_deref();
    let catalog = catalog.map(|path| since(config, path, &plan.parse));
    let catalog = catalog.transpose()?;
    plan.fetch.past = catalog.as_ref().map(|catalog| catalog.plan().clone());
    let Some(pipes) = pipes::with_readers(&config.sinks, &stop).await? else {
        return Ok(Outcome::never_begun());
    };
    let mut tell = tell;
    let (engine, notice) = descriptors::fit(config.engine);
    if let Some(notice) = notice {
        tell(&Event::Notice(&notice));
    }
    if plan.proxy_resolves {
        tell(&Event::Notice(
            "a proxy resolves the names of hosts: links and redirects may lead to private addresses behind it",
        ));
    }
    if plan.leads_nowhere {
        tell(&Event::Notice(
            "a recipe selects links to follow, but fetching a list follows none: use a crawl",
        ));
    }
    let mut frontier = Frontier::new(plan.frontier);
    if plan.parse.wants.raw {
        frontier.store_hops();
    }
    // Where nothing is requested, nobody waits for anybody.
    let requests = pages == Pages::Asked && config.frontier.run == frontier::Run::Real;
    if let Some(share) = config.share.clone().filter(|_| requests) {
        frontier.share(share);
    }
    let mut follow = plan.follow.map(LinkFollower::new);
    if let Some(follow) = &follow {
        frontier.rank(follow.ranks());
    }
    let mut cookies = match &pages {
        Pages::Asked => {
            let has_own = config.fetch.headers.0.contains_key(COOKIE);
            RunCookies::new(&config.cookies, has_own)?
        }
        _ => RunCookies::none(&config.cookies)?,
    };
    if cookies.are_for_run() && follow.is_some() {
        frontier.watch_walls();
    }
    // Without checks of certificates, anybody could have sent the policy.
    let is_checked = matches!(config.fetch.tls, TlsSettings::Verify { .. });
    if config.hsts == Hsts::Obey && is_checked && pages == Pages::Asked {
        frontier.obey_hsts();
    }
    let mut stored_cookies = None;
    let mut last_commit = None;
    let mut marks = BTreeMap::new();
    let mut before = None;
    let mut list = ListMark::default();
    let mut earlier = EarlierTotals::default();
    if let Some(job) = &config.job {
        last_commit = frontier::last_commit(&job.folder);
        let (mut opened, left) = open_job(job, reads)?;
        before = left;
        marks = opened.marks();
        list = opened.list();
        earlier = opened.earlier();
        stored_cookies = opened.take_cookies();
        if let Some(stored) = opened.take_hsts() {
            frontier.restore_hsts(stored);
        }
        let restored = |row: &_| {
            earlier.count(row);
            if let Some(follow) = &mut follow {
                follow.restore(row);
            }
        };
        frontier.keep(opened, restored, Instant::now())?;
    }
    for notice in cookies.fill(stored_cookies, last_commit) {
        tell(&Event::Notice(&notice));
    }
    let fingerprints = frontier.fingerprints();
    let parse = plan.parse.marked_by(fingerprints);
    let cache = match config.cache.as_ref().filter(|_| pages == Pages::Asked) {
        Some(settings) => match cache::Writer::start(settings) {
            Ok(cache) => {
                plan.fetch.cache = Some(settings.clone());
                Some(cache)
            }
            Err(problem) => {
                let folder = settings.folder.display();
                tell(&Event::Notice(&format!(
                    "the cache in {folder} is not used: {problem}"
                )));
                None
            }
        },
        None => None,
    };
    let mut lanes = Plan::new(plan.fetch, parse, config.program.clone())?;
    lanes.own = additions.extractor.take();
    let read = Position {
        row: list.row,
        taken: list.taken,
        again: frontier.awaited(),
    };
    if (config.fresh_ok || cache.is_some())
        && let Some(past) = lanes.shared.lookup()?
    {
        let template = config.fetch.template();
        let pages = FreshPages::new(past, template, Instant::now(), SystemTime::now());
        frontier.reuse(pages);
    }
    let seeds = Seeds::start(config.seeds.clone(), read.clone())?;
    let seeds = additions.feed(seeds, config, &read, &mut list);
    // A paced host's jobs must start when it is their turn, not when a lane becomes free.
    let ahead = match plan.is_paced {
        true => Ahead::None,
        false => Ahead::Some,
    };
    let crew = match &pages {
        Pages::Asked => Crew::hire(engine, &lanes, ahead)?,
        stored => Crew::hire_for(stored.shelf(&mut tell)?, &lanes)?,
    };
    // Opened last, so that an existing output is not emptied by a run that cannot start.
    let hook = additions.hook.take();
    let outputs = Outputs::open(config, &plan.sinks, fingerprints, &marks, before, additions)?;
    for notice in &outputs.sinks.notices {
        tell(&Event::Notice(notice));
    }
    drop(pipes);
    let mut run = Run {
        cache,
        frontier,
        crew,
        cookies,
        writer: Writer::start(outputs.sinks)?,
        follow,
        holders: outputs.holders,
        mirror: outputs.mirror,
        settled: Vec::with_capacity(BATCH),
        settled_bytes: 0,
        max_rows: config.seeds.limit,
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
    // The first marks are stored before the first record is written, so a kill never leaves unknown records behind.
    run.begin_checkpoint().await?;
    let outcome = match run.until_the_end(seeds, stop, config.max_time).await {
        Ok((ended, reading)) => run.end(ended, reading).await,
        Err(error) => Err(error),
    };
    run.end_cache();
    match outcome {
        Ok(outcome) => {
            run.crew.dismiss();
            run.cookies.write()?;
            Ok(outcome)
        }
        Err(error @ (Error::Output { .. } | Error::NotAsLeft { .. })) => {
            if let Err(problem) = run.cookies.write() {
                (run.tell)(&Event::Notice(&problem.to_string()));
            }
            run.stopped(error).await
        }
        Err(error) => Err(error),
    }
}

/// The pages of the earlier run that this one compares with.
fn since(config: &Config, past: &Path, parse: &ParsePlan) -> Result<Catalog> {
    let canonical = |path: &Path| path.canonicalize().ok();
    let own = config.job.as_ref().and_then(|job| canonical(&job.folder));
    if own.is_some() && own == canonical(past) {
        let problem = "it is the job of this run; give the run a new one";
        return Err(Error::invalid(Setting::Since, problem));
    }
    // The hosts of a list are not known before it is read.
    let mut hosts = Vec::new();
    for source in config.crawl.iter().flat_map(|_| &config.seeds.sources) {
        if let SeedSource::Urls(urls) = source {
            let urls = urls.iter().filter_map(|url| PageUrl::parse(url).ok());
            hosts.extend(urls.map(|url| url.host_key()));
        }
    }
    let needs = Needs {
        hosts,
        reads: parse.reads(),
        links: parse.follow.is_some(),
        values: !parse.extract.is_empty(),
        freshness: config.fresh_ok,
        bodies: parse.wants.text || parse.wants.content,
    };
    Catalog::open(past, &needs)
}

/// Locks the job's folder, and opens the job in it or starts one.
///
/// Also returns the field counts of a job that `--fresh` discards.
fn open_job(job: &JobSettings, reads: u64) -> Result<(OpenJob, Option<Health>)> {
    let folder = JobFolder::lock(&job.folder)?;
    let mut before = None;
    if job.fresh {
        let left = stored_marks(&job.folder).remove(Counter::NAME);
        before = left.and_then(|mark| Some(Counter::read(&Mark(mark))?.now));
        folder.clear()?;
    }
    let opened = OpenJob::open(folder, &job.settings, &job.may_change, reads)?;
    Ok((opened, before))
}
