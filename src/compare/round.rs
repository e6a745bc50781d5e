//! One round of one engine, in a child process of its own.
//!
//! So its processor time, memory and context switches are those of the round alone. The child is this same binary. It
//! reads its order from standard input, runs the same loop as any other run, and writes its measurements to standard
//! output. It measures by folding over the run's events; nothing is computed from them before the clock has stopped.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};

use super::flights::{Flight, Flights};
use super::machine::{Footprint, Usage, run_queue};
use crate::config::Config;
use crate::crawl::{Ended, crawl};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::fetch::FetchSettings;
use crate::frontier::{Duplicates, FrontierSettings};
use crate::parse::{Work, simhash};
use crate::run::event::Event;
use crate::run::stop::Stop;
use crate::visit::Visit;

/// The first argument of a child process that runs a round.
pub const ROUND_ARGUMENT: &str = "--haul-round";
/// How often a comparison that waits for a round checks whether it was interrupted.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// What a child has to do.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) urls: Vec<String>,
    pub(super) engine: Engine,
    pub(super) fetch: FetchSettings,
    pub(super) frontier: FrontierSettings,
    pub(super) work: Work,
    /// Whether to compute the simhash of each page's text too; only for untimed runs.
    pub(super) texts: bool,
    /// How long it may take; what is not finished by then is not measured.
    pub(super) limit: Option<Duration>,
}

/// What a child measured.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Measured {
    /// From before the engine was started to after its last record.
    pub(super) wall: Duration,
    pub(super) records: u64,
    pub(super) failed: u64,
    /// Responses received, including redirects and retries.
    pub(super) requests: u64,
    pub(super) retries: u64,
    pub(super) wire_bytes: u64,
    /// Connections that were opened.
    pub(super) connections: u64,
    /// Latencies in microseconds, each with how often it occurred.
    pub(super) latencies: Vec<(u64, u64)>,
    pub(super) usage: Usage,
    pub(super) footprint: Option<Footprint>,
    /// How long its threads were ready to run but waited for a processor.
    ///
    /// `None` if the system does not report it.
    pub(super) run_queue: Option<Duration>,
    /// Whether its time was up before all URLs were fetched.
    pub(super) cut: bool,
    /// Peak memory before the engine was started, in bytes.
    pub(super) memory_before: u64,
    /// How often a host was paused.
    pub(super) pauses: u64,
    pub(super) flights: Flights,
    pub(super) answers: Vec<RoundReply>,
}

impl Measured {
    /// The median latency in milliseconds; 0 if there is none.
    pub(super) fn median_latency_ms(&self) -> f64 {
        let all: u64 = self.latencies.iter().map(|(_, count)| count).sum();
        let mut seen = 0;
        let middle = self.latencies.iter().find(|(_, count)| {
            seen += count;
            seen * 2 >= all
        });
        middle.map_or(0.0, |(micros, _)| *micros as f64 / 1e3)
    }
}

/// The answer for one URL.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RoundReply {
    /// The index of the URL in the order, from 0.
    pub(super) url: u32,
    /// The status; 0 for a failure without one.
    pub(super) status: u16,
    /// A hash of the media type.
    pub(super) media: u64,
    /// A hash of the body and of the result of the work.
    pub(super) digest: u64,
    /// The simhash of the text, if [`Order::texts`] asks for it and there is enough text.
    pub(super) text: Option<u64>,
    /// The class of the failure.
    ///
    /// No response, or one that depends on the server's state rather than on the page.
    pub(super) failure: Option<String>,
}

impl RoundReply {
    fn of(visit: &Visit) -> Option<Self> {
        let url = u32::try_from(visit.job.row?.checked_sub(1)?).ok()?;
        let Ok(page) = &visit.outcome else {
            let failure = visit.failure().unwrap_or("skipped").to_owned();
            return Some(Self {
                url,
                failure: Some(failure),
                ..Self::default()
            });
        };
        let parsed = &visit.parsed;
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        hash.update(parsed.digest.as_ref().map_or(&[][..], |digest| digest));
        hash.update(parsed.title.as_deref().unwrap_or_default().as_bytes());
        hash.update(&parsed.work.unwrap_or_default().to_le_bytes());
        let media = parsed.media_type.as_deref().unwrap_or_default();
        // A missing page is missing for every engine; a busy server may turn away some engines and not others.
        let is_failure =
            page.status >= 500 || matches!(page.status, 408 | 429) || parsed.fault.is_some();
        let failure = is_failure.then(|| visit.failure().unwrap_or("decode").to_owned());
        let text = parsed.text.as_deref();
        Some(Self {
            url,
            status: page.status,
            media: xxhash_rust::xxh3::xxh3_64(media.as_bytes()),
            digest: hash.digest(),
            text: text.and_then(|text| simhash::of_html(text.as_bytes())),
            failure,
        })
    }
}

impl Order {
    /// Runs the order in a child process.
    ///
    /// `None` if the comparison was interrupted, in which case the child is killed.
    ///
    /// # Errors
    /// When the child cannot be started, or exits without a result.
    pub(super) fn run(&self, program: &Path, stop: &Stop) -> Result<Option<Measured>> {
        let broken = |source: std::io::Error| Error::setup("the process of a round", source);
        let order =
            postcard::to_allocvec(self).map_err(|error| broken(std::io::Error::other(error)))?;
        let mut child = Command::new(program)
            .arg(ROUND_ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A Ctrl-C from the terminal must reach only the comparison, which then stops the round itself.
            .process_group(0)
            .spawn()
            .map_err(broken)?;
        let receiver = exchange(&mut child, order);
        let answer = loop {
            match receiver.recv_timeout(POLL_INTERVAL) {
                Ok(answer) => break answer.map_err(broken)?,
                Err(RecvTimeoutError::Timeout) if stop.drain.is_cancelled() => {
                    kill(&mut child);
                    return Ok(None);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break Vec::new(),
            }
        };
        let status = child.wait().map_err(broken)?;
        if !status.success() {
            return match stop.drain.is_cancelled() {
                true => Ok(None),
                false => Err(Error::Engine(format!(
                    "a round of {} ended with {status}",
                    self.engine
                ))),
            };
        }
        let measured = postcard::from_bytes(&answer);
        measured
            .map(Some)
            .map_err(|error| broken(std::io::Error::other(error)))
    }
}

/// Sends a child its order and receives its result, on a thread that ends with the child.
fn exchange(child: &mut Child, order: Vec<u8>) -> Receiver<std::io::Result<Vec<u8>>> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let pipes = (child.stdin.take(), child.stdout.take());
    std::thread::spawn(move || {
        let (Some(mut input), Some(mut output)) = pipes else {
            return;
        };
        // A child that exited early is detected by its exit status.
        let _ = input.write_all(&order);
        drop(input);
        let mut answer = Vec::new();
        let read = output.read_to_end(&mut answer);
        let _ = sender.send(read.map(|_| answer));
    });
    receiver
}

/// Kills a child and its own children.
fn kill(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // Fails only if the group is already gone.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

/// Runs the round that is ordered on standard input, and writes its result to standard output.
///
/// # Errors
/// When the order cannot be read, the run cannot continue, or the result cannot be written.
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
        config.parse.wants.text = self.texts;
        config.max_time = self.limit;
        config.program = std::env::current_exe()
            .ok()
            .or_else(|| Some(PathBuf::from("haul")));
        config
    }

    /// Runs the order in this process.
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
            memory_before: Footprint::now().map_or(0, |footprint| footprint.peak_bytes),
            ..Measured::default()
        };
        let before = Usage::now(true);
        let begun = Instant::now();
        let mut notices = Vec::new();
        let on_event = |event: &Event<'_>| match event {
            Event::Visited(visit) => {
                flights.extend(Flight::of(visit, begun));
                answers.extend(RoundReply::of(visit));
            }
            Event::Tick(_) => {
                measured.footprint = Footprint::now().or(measured.footprint);
                measured.run_queue = run_queue().max(measured.run_queue);
            }
            Event::Held { .. } => measured.pauses += 1,
            Event::Notice(notice) => notices.push((*notice).to_owned()),
            Event::GivenUp { .. }
            | Event::Retried { .. }
            | Event::Unread { .. }
            | Event::Slowed { .. }
            | Event::Draining => {}
        };
        let outcome = runtime.block_on(crawl(&config, Stop::new(), on_event))?;
        if let Some(failure) = outcome.failure {
            return Err(failure);
        }
        measured.wall = begun.elapsed();
        measured.usage = Usage::now(true).since(before);
        measured.run_queue = run_queue().max(measured.run_queue);
        measured.cut = outcome.ended != Ended::Complete;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_latency_is_the_one_in_the_middle() {
        let of = |latencies: &[(u64, u64)]| {
            let latencies = latencies.to_vec();
            Measured {
                latencies,
                ..Measured::default()
            }
            .median_latency_ms()
        };
        assert!((of(&[(1000, 1), (2000, 1), (9000, 1)]) - 2.0).abs() < 1e-9);
        assert!(of(&[]).abs() < 1e-9);
    }
}
