//! A run as tests see it: the outcome of each row in plain values, under a hard time limit.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use futures::StreamExt;
use haul::engine::Engine;
use haul::{Config, Event, FetchError, HttpVersion, Outcome, Runner, Stop, Visit, crawl};

use crate::leaks;
use crate::program::PATH;

/// A run without a new record for this long hangs.
///
/// The total time of a run depends on the load of the machine.
const LIMIT: Duration = Duration::from_secs(40);
/// A run that takes this many times the limit is considered endless.
const ENDLESS: u32 = 10;

/// Every engine, at the size that the contract is tested with.
pub(crate) const ENGINES: [&str; 6] = [
    "sequential",
    "threads:4",
    "blocking:4",
    "async:16",
    // Large enough for jobs to queue in its loops.
    "async:64",
    "processes:2x4",
];

/// The outcome of one row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Record {
    pub(crate) row: u64,
    pub(crate) first_url: String,
    pub(crate) url: String,
    pub(crate) status: Option<u16>,
    pub(crate) class: Option<&'static str>,
    pub(crate) message: String,
    pub(crate) attempts: Vec<String>,
    pub(crate) hops: Vec<(String, u16)>,
    pub(crate) version: Option<&'static str>,
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) wire_bytes: u64,
    pub(crate) decoded_bytes: Option<u64>,
    pub(crate) media_type: Option<String>,
    pub(crate) charset: Option<String>,
    pub(crate) digest: Option<[u8; 32]>,
    pub(crate) title: Option<String>,
    pub(crate) fault: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) checked: Option<String>,
    /// What changed since the earlier run, and whether the server said that nothing did.
    pub(crate) compared: Option<(&'static str, bool)>,
    /// The other columns of its row.
    pub(crate) columns: Vec<String>,
    /// The whole visit in `Debug` format.
    pub(crate) inside: Inside,
}

/// Text to be searched, but not printed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Inside(pub(crate) String);

impl std::fmt::Debug for Inside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// The outcome of a run.
#[derive(Debug)]
pub(crate) struct Report {
    /// Sorted by row.
    pub(crate) records: Vec<Record>,
    pub(crate) outcome: Outcome,
    /// The events of the run other than visits and ticks.
    pub(crate) events: Vec<String>,
}

impl Report {
    /// The record of a row.
    pub(crate) fn row(&self, row: u64) -> &Record {
        let matches: Vec<_> = self
            .records
            .iter()
            .filter(|record| record.row == row)
            .collect();
        assert_eq!(matches.len(), 1, "row {row} has one record: {matches:?}");
        matches[0]
    }

    /// The record of the only row.
    pub(crate) fn only(&self) -> &Record {
        assert_eq!(self.records.len(), 1, "{:?}", self.records);
        &self.records[0]
    }

    /// Asserts that there is no secret in it.
    fn search(&self) {
        leaks::search("the report of a run", format!("{self:?}").as_bytes());
        for record in &self.records {
            leaks::search("a record", record.inside.0.as_bytes());
        }
    }

    /// Each record's status or error class.
    pub(crate) fn ends(&self) -> Vec<String> {
        self.records.iter().map(Record::end).collect()
    }
}

impl Record {
    fn of(visit: &Visit) -> Self {
        let page = visit.outcome.as_ref().ok();
        let error = visit.outcome.as_ref().err();
        let attempt = |attempt: &haul::Attempt| match (&attempt.status, &attempt.error) {
            (Some(status), _) => status.to_string(),
            (None, error) => error.as_ref().map_or("", FetchError::class).to_owned(),
        };
        Self {
            row: visit.job.row.unwrap_or_default(),
            first_url: visit.job.first_url().to_string(),
            url: visit.job.url.to_string(),
            status: page.map(|page| page.status),
            class: error.map(FetchError::class),
            message: error.map(ToString::to_string).unwrap_or_default(),
            attempts: visit.job.attempts.iter().map(attempt).collect(),
            hops: visit
                .job
                .hops
                .iter()
                .map(|hop| (hop.url.to_string(), hop.status))
                .collect(),
            version: page.map(|page| HttpVersion::as_str(page.version)),
            remote: page.and_then(|page| page.remote),
            wire_bytes: page.map_or(0, |page| page.wire_bytes),
            decoded_bytes: visit.parsed.decoded_bytes,
            media_type: visit.parsed.media_type.clone(),
            charset: visit.parsed.charset.clone(),
            digest: visit.parsed.digest,
            title: visit.parsed.title.clone(),
            fault: visit.parsed.fault.clone(),
            note: visit.parsed.note.clone(),
            checked: visit.parsed.checked.clone(),
            compared: visit
                .parsed
                .compared
                .as_ref()
                .map(|compared| (compared.change.as_str(), compared.is_unchanged)),
            columns: visit
                .job
                .request
                .iter()
                .flat_map(|request| &request.columns)
                .map(|(name, value)| format!("{name}={value}"))
                .collect(),
            inside: Inside(format!("{visit:?}")),
        }
    }

    /// Its status or error class.
    pub(crate) fn end(&self) -> String {
        match self.status {
            Some(status) => status.to_string(),
            None => self.class.unwrap_or_default().to_owned(),
        }
    }

    /// The parts that must not differ between engines.
    pub(crate) fn comparable(&self) -> Self {
        Self {
            message: String::new(),
            inside: Inside(String::new()),
            ..self.clone()
        }
    }
}

/// A run of these URLs on this engine, with default settings.
pub(crate) fn config<T: Into<String>>(engine: &str, urls: impl IntoIterator<Item = T>) -> Config {
    on(engine, Config::urls(urls))
}

/// The same run on another engine.
pub(crate) fn on(engine: &str, mut config: Config) -> Config {
    config.engine = engine.parse().unwrap();
    config.program = Some(PATH.into());
    config
}

/// Runs to the end.
pub(crate) fn run(config: Config) -> Report {
    run_with(config, Stop::new(), |_| ())
}

/// Runs to the end, or until it is stopped; `on_event` is called with every event.
pub(crate) fn run_with(
    config: Config,
    stop: Stop,
    on_event: impl FnMut(&Event<'_>) + Send + 'static,
) -> Report {
    let report = report(config, stop, on_event);
    report.search();
    report
}

/// Runs to the end without a search for secrets: the server sends one itself.
pub(crate) fn run_unsearched(config: Config) -> Report {
    report(config, Stop::new(), |_| ())
}

fn report(
    config: Config,
    stop: Stop,
    mut on_event: impl FnMut(&Event<'_>) + Send + 'static,
) -> Report {
    let engine = config.engine;
    let (sender, receiver) = mpsc::channel();
    let begun = Instant::now();
    let runner = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let (mut records, mut events) = (Vec::new(), Vec::new());
        let outcome = runtime.block_on(crawl(&config, stop, |event| {
            match event {
                Event::Visited(visit) => {
                    records.push(Record::of(visit));
                    let _ = sender.send(None); // nobody may be waiting anymore
                }
                Event::Tick(_) => {}
                other => events.push(format!("{other:?}")),
            }
            on_event(event);
        }));
        records.sort_by_key(|record| record.row);
        let _ = sender.send(Some((records, outcome, events)));
    });
    let (records, outcome, events) = loop {
        match receiver.recv_timeout(LIMIT) {
            Ok(Some(report)) => break report,
            Ok(None) if begun.elapsed() < ENDLESS * LIMIT => {}
            Ok(None) => panic!("{engine} does not end"),
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("{engine} hangs"),
            Err(mpsc::RecvTimeoutError::Disconnected) => match runner.join() {
                Err(cause) => std::panic::resume_unwind(cause),
                Ok(()) => unreachable!("it sends before it ends"),
            },
        }
    };
    Report {
        records,
        outcome: searched(outcome).unwrap(),
        events,
    }
}

/// Runs a program's run to the end and returns its visits.
///
/// # Errors
/// The error that stopped the run.
pub(crate) fn visits(runner: Runner) -> haul::Result<Vec<Box<Visit>>> {
    let visits: Vec<_> = wait(runner.visits().collect());
    let visits: Vec<_> = searched(visits.into_iter().collect())?;
    leaks::search("the visits", format!("{visits:?}").as_bytes());
    Ok(visits)
}

/// The same result, in whose error there is no secret.
fn searched<T>(result: haul::Result<T>) -> haul::Result<T> {
    if let Err(error) = &result {
        leaks::search("an error", format!("{error} {error:?}").as_bytes());
    }
    result
}

/// Runs to the end and returns only the outcome.
///
/// # Errors
/// The error that stopped the run.
pub(crate) fn outcome(config: Config) -> haul::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let run = crawl(&config, Stop::new(), |_| ());
    searched(runtime.block_on(async { tokio::time::timeout(LIMIT, run).await.unwrap() }))
}

/// Calls `test` for all engines at once, and reports those that failed.
pub(crate) fn on_every_engine(test: impl Fn(&str) + Sync) {
    at_once(ENGINES, test);
}

/// Calls `test` for all cases at once, and reports those that failed.
pub(crate) fn at_once<T: Copy + Debug + Send>(
    cases: impl IntoIterator<Item = T>,
    test: impl Fn(T) + Sync,
) {
    let failed: Vec<String> = thread::scope(|scope| {
        let test = &test;
        let start = |case| (case, scope.spawn(move || test(case)));
        let running: Vec<_> = cases.into_iter().map(start).collect();
        let ended = running
            .into_iter()
            .map(|(case, thread)| (case, thread.join()));
        let failed = ended.filter_map(|(case, ended)| {
            let cause = ended.err()?;
            let words = cause
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| cause.downcast_ref::<&str>().copied());
            Some(format!("on {case:?}: {}", words.unwrap_or("it panicked")))
        });
        failed.collect()
    });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// How many requests an engine may have in flight.
pub(crate) fn in_flight(engine: &str) -> usize {
    engine.parse::<Engine>().unwrap().in_flight()
}

/// N milliseconds.
pub(crate) const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Waits for an event in a server's log.
pub(crate) fn wait<T>(event: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async { tokio::time::timeout(LIMIT, event).await.unwrap() })
}
