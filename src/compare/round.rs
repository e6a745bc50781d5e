//! One round of one engine, in a child process of its own: its processor time, memory and switches are nobody else's.
//!
//! The child is this same binary. It reads its order from standard input, runs the same loop as any fetch, and writes
//! what it measured to standard output. What it measures is a fold over the run's events; nothing is computed from it before the
//! clock has stopped.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::flights::{Flight, Flights};
use super::machine::{Holding, Usage};
use crate::config::Config;
use crate::crawl::crawl;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::fetch::FetchSettings;
use crate::frontier::{Duplicates, FrontierSettings};
use crate::parse::Work;
use crate::stop::Stop;
use crate::visit::Visit;

/// The first argument of a child that runs a round.
pub const ROUND_ARGUMENT: &str = "--haul-round";

/// What a child shall do.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) urls: Vec<String>,
    pub(super) engine: Engine,
    pub(super) fetch: FetchSettings,
    pub(super) frontier: FrontierSettings,
    pub(super) work: Work,
}

/// What a child measured.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Measured {
    /// From before the engine was started to after its last record.
    pub(super) wall: Duration,
    pub(super) records: u64,
    pub(super) failed: u64,
    /// Answers over the wire, redirects and tries included.
    pub(super) requests: u64,
    pub(super) retries: u64,
    pub(super) wire_bytes: u64,
    /// Connections that were opened.
    pub(super) connections: u64,
    /// Latencies in microseconds, each with how often it was seen.
    pub(super) latencies: Vec<(u64, u64)>,
    pub(super) usage: Usage,
    pub(super) held: Option<Holding>,
    /// Memory before the engine was started.
    pub(super) held_before: u64,
    /// Hosts that were on hold at some time.
    pub(super) holds: u64,
    pub(super) flights: Flights,
    pub(super) answers: Vec<Answer>,
}

/// What a URL was answered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answer {
    /// The place of the URL in the order, from 0.
    pub(super) url: u32,
    /// The status; 0 for a failure.
    pub(super) status: u16,
    /// Stands for the body and what the work came to, or for the class of the failure.
    pub(super) digest: u64,
    /// The class of the failure.
    pub(super) failure: Option<String>,
}

impl Answer {
    fn of(visit: &Visit) -> Option<Self> {
        let url = u32::try_from(visit.job.row?.checked_sub(1)?).ok()?;
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        let (mut status, mut failure) = (0, None);
        match &visit.outcome {
            Ok(page) => {
                status = page.status;
                hash.update(
                    visit
                        .parsed
                        .digest
                        .as_ref()
                        .map_or(&[][..], |digest| digest),
                );
                hash.update(visit.parsed.title.as_deref().unwrap_or_default().as_bytes());
                hash.update(&visit.parsed.work.unwrap_or_default().to_le_bytes());
            }
            Err(error) => {
                failure = Some(error.class().to_owned());
                hash.update(error.class().as_bytes());
            }
        }
        Some(Self {
            url,
            status,
            digest: hash.digest(),
            failure,
        })
    }
}

impl Order {
    /// Has a child do it.
    ///
    /// # Errors
    /// When it cannot be started, or ends without an answer.
    pub(super) fn run(&self, program: &Path) -> Result<Measured> {
        let broken = |source: std::io::Error| Error::setup("the process of a round", source);
        let mut child = Command::new(program)
            .arg(ROUND_ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(broken)?;
        let order =
            postcard::to_allocvec(self).map_err(|error| broken(std::io::Error::other(error)))?;
        if let Some(mut pipe) = child.stdin.take() {
            // A child that ended early says so below.
            let _ = pipe.write_all(&order);
        }
        let mut answer = Vec::new();
        if let Some(mut pipe) = child.stdout.take() {
            pipe.read_to_end(&mut answer).map_err(broken)?;
        }
        let status = child.wait().map_err(broken)?;
        if !status.success() {
            return Err(Error::Engine(format!(
                "a round of {} ended with {status}",
                self.engine
            )));
        }
        postcard::from_bytes(&answer).map_err(|error| broken(std::io::Error::other(error)))
    }
}

/// Runs the round that standard input orders, and writes what was measured to standard output.
///
/// # Errors
/// When the order cannot be read, the run cannot go on, or nobody takes the answer.
pub fn serve_round() -> Result<()> {
    let broken = |source: std::io::Error| Error::output("the pipe to the comparison", source);
    let mut order = Vec::new();
    std::io::stdin().read_to_end(&mut order).map_err(broken)?;
    let order: Order =
        postcard::from_bytes(&order).map_err(|error| broken(std::io::Error::other(error)))?;
    let measured = order.measure()?;
    let answer =
        postcard::to_allocvec(&measured).map_err(|error| broken(std::io::Error::other(error)))?;
    let mut output = std::io::stdout();
    output.write_all(&answer).map_err(broken)?;
    output.flush().map_err(broken)
}

impl Order {
    fn config(self) -> Config {
        let mut config = Config::urls(self.urls);
        config.engine = self.engine;
        config.fetch = self.fetch;
        config.fetch.count_connections = true;
        config.frontier = self.frontier;
        config.frontier.duplicates = Duplicates::Keep;
        config.parse.work = self.work;
        config.program = std::env::current_exe()
            .ok()
            .or_else(|| Some(PathBuf::from("haul")));
        config
    }

    /// Runs it here.
    fn measure(self) -> Result<Measured> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| Error::setup("the event loop", source))?;
        let count = self.urls.len();
        let config = self.config();
        let mut flights: Vec<Flight> = Vec::with_capacity(count);
        let mut answers = Vec::with_capacity(count);
        let mut measured = Measured {
            held_before: Holding::now().map_or(0, |held| held.peak_bytes),
            ..Measured::default()
        };
        let before = Usage::now(true);
        let begun = Instant::now();
        let mut told = Vec::new();
        let hear = |event: &Event<'_>| match event {
            Event::Visited(visit) => {
                flights.extend(Flight::of(visit, begun));
                answers.extend(Answer::of(visit));
            }
            Event::Tick(_) => measured.held = Holding::now().or(measured.held),
            Event::Held { .. } => measured.holds += 1,
            Event::Notice(notice) => told.push((*notice).to_owned()),
            Event::GivenUp { .. }
            | Event::Retried { .. }
            | Event::Unread { .. }
            | Event::Slowed { .. }
            | Event::Draining => {}
        };
        let outcome = runtime.block_on(crawl(config, Stop::new(), hear))?;
        if let Some(failure) = outcome.failure {
            return Err(failure);
        }
        measured.wall = begun.elapsed();
        measured.usage = Usage::now(true).since(before);
        let tally = outcome.tally;
        measured.records = tally.visited;
        measured.failed = tally.failed;
        measured.requests = tally.answers;
        measured.retries = tally.retries;
        measured.wire_bytes = tally.wire_bytes;
        measured.connections = tally.connections;
        measured.latencies = tally
            .latency
            .iter_recorded()
            .map(|step| (step.value_iterated_to(), step.count_at_value()))
            .collect();
        measured.flights = Flights::of(flights);
        measured.answers = answers;
        Ok(measured)
    }
}
