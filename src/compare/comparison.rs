//! What a comparison found, as plain data: tables, reports and sentences are drawn from it alone.
//!
//! Units are in the names; a figure that could not be had is `None`, never a guess. Times are medians over rounds unless
//! the name says otherwise.

use serde::Serialize;

use super::curve::Sweep;
use super::finding::{Diagnosis, Recommendation, Verdict, Warning};
use super::latency::Latency;
use super::machine::Machine;
use super::map::Map;
use super::statistics::Interval;
use super::verdict::Place;

/// What a comparison found.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// The command line that repeats it, its seed included.
    pub command: String,
    /// When it began (RFC 3339, UTC).
    pub started: String,
    /// How long all of it took.
    pub took_s: f64,
    /// The seed of the order of rounds, of the choice of URLs, and of the resampling.
    pub seed: u64,
    /// Where it ran.
    pub machine: Machine,
    /// What was in force, name and value.
    pub settings: Vec<(String, String)>,
    /// What each engine was given to do.
    pub workload: Workload,
    /// What each engine did.
    pub engines: Vec<EngineResult>,
    /// Whether all gave the same answers.
    pub answers: Agreement,
    /// Who won; `None` where answers differ, or none were proved equal.
    pub verdict: Option<Verdict>,
    /// Whether it was interrupted: what is here rests on the blocks that were whole.
    pub interrupted: bool,
    /// What makes the figures less sure.
    pub warnings: Vec<Warning>,
    /// What the best engine was waiting for.
    pub diagnosis: Option<Diagnosis>,
    /// Which engine to take.
    pub recommendation: Option<Recommendation>,
    /// Throughput against one setting.
    pub sweep: Option<Sweep>,
    /// Who wins at which latency and which work.
    pub map: Option<Map>,
}

/// What each engine was given to do.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Workload {
    /// URLs.
    pub urls: usize,
    /// Hosts among them.
    pub hosts: usize,
    /// Work put on each page besides.
    pub work: String,
    /// The practice server, where it was the host.
    pub practice: Option<PracticeResult>,
}

/// The practice server's settings.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct PracticeResult {
    /// Waited before each answer.
    pub latency_ms: f64,
    /// Waited besides, by chance, at the most.
    pub jitter_ms: f64,
    /// About how large a page is.
    pub size_bytes: u64,
    /// Pages.
    pub pages: u64,
    /// The share of requests that fail, 0 to 1.
    pub error_rate: f64,
}

/// What one engine did.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct EngineResult {
    /// The name that it is compared by.
    pub name: String,
    /// The engine with its size.
    pub engine: String,
    /// Requests in flight at the most.
    pub in_flight: usize,
    /// URLs of each round.
    pub urls: usize,
    /// Whether that is fewer than there are, as the engine is slow.
    pub subset: bool,
    /// Its rounds, in the order of their blocks.
    pub rounds: Vec<RoundResult>,
    /// Seconds of a round.
    pub wall_s: Interval,
    /// Records a second, of those that did not fail.
    pub per_second: Interval,
    /// Body bytes a second.
    pub bytes_per_second: f64,
    /// Time a record that did not fail, against the best engine's: 1 is the best, 2 takes twice as long.
    pub ratio: Interval,
    /// How likely so clear a difference to the best would be by chance; `None` for the best.
    pub p: Option<f64>,
    /// Where it stands.
    pub place: Place,
    /// Latency of the answers of all rounds.
    pub latency_ms: Latency,
    /// The same as pairs of a percentile, 0 to 100, and milliseconds.
    pub latency_curve: Vec<(f64, f64)>,
    /// Processor time a record.
    pub cpu_us: ProcessorTime,
    /// The most memory, of all its processes together.
    pub peak_memory_bytes: Option<u64>,
    /// What it had more than before it started, a request in flight.
    pub memory_per_in_flight_bytes: Option<u64>,
    /// Threads at the end, of all its processes.
    pub threads: Option<u64>,
    /// Processes.
    pub processes: u64,
    /// Context switches a record.
    pub switches: Switches,
    /// Connections that it opened in a round, or tried to.
    pub connections: u64,
    /// Records that failed, in all rounds.
    pub failed: u64,
    /// Blocks whose round is an outlier.
    pub outliers: Vec<u32>,
    /// Of a round that took about the median: seconds since its begin, and requests in flight.
    pub in_flight_over_time: Vec<(f64, u32)>,
    /// Of the same round the first 200 requests: when each was sent, got its first byte and its last, in milliseconds.
    pub lanes: Vec<(f64, f64, f64)>,
}

impl Comparison {
    /// Whether the comparison may name a winner: all engines gave the same answers, and at least one answer proves it. A single engine
    /// has nobody to agree with.
    pub fn is_proved(&self) -> bool {
        self.answers.agree && (self.answers.proved > 0 || self.engines.len() == 1)
    }
}

impl EngineResult {
    /// Whether anything was fetched at all.
    pub fn fetched(&self) -> bool {
        self.rounds
            .iter()
            .any(|round| round.failed < round.requests)
    }
}

/// One round of one engine.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RoundResult {
    /// The block that it ran in.
    pub block: u32,
    /// Seconds from before the engine was started to after its last record.
    pub wall_s: f64,
    /// Records.
    pub requests: u64,
    /// Those that failed.
    pub failed: u64,
}

/// Processor time in microseconds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[non_exhaustive]
pub struct ProcessorTime {
    /// In programs.
    pub user: f64,
    /// In the kernel on their behalf.
    pub system: f64,
}

/// Context switches.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[non_exhaustive]
pub struct Switches {
    /// To wait for something.
    pub voluntary: f64,
    /// As the time was up.
    pub involuntary: f64,
}

/// Whether all engines gave the same answers.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Agreement {
    /// Whether nothing speaks against it: no URL differs, and no engine fails more often than the others.
    pub agree: bool,
    /// URLs that at least two engines were to fetch.
    pub compared: usize,
    /// Those of them whose answers were proved equal.
    pub proved: usize,
    /// Those of the proved ones whose bytes change from one request to the next: status and media type are the same, and the texts
    /// are near.
    pub by_text: usize,
    /// URLs whose bytes change from one request of an engine to the next and whose text is no proof either.
    pub changing: usize,
    /// URLs on which two engines differ.
    pub different: usize,
    /// The first of them.
    pub differences: Vec<Difference>,
    /// How often each engine failed.
    pub failure_rates: Vec<FailureRate>,
}

/// How often an engine failed, in all rounds.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct FailureRate {
    /// The engine.
    pub engine: String,
    /// Requests that failed.
    pub failed: u64,
    /// Requests in all.
    pub asked: u64,
    /// The probability of a difference to the other engines this large by chance, 0 to 1 (Fisher's exact test).
    pub p: f64,
    /// Whether that is too improbable to be chance.
    pub differs: bool,
}

/// A URL on which engines differ.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Difference {
    /// The URL.
    pub url: String,
    /// Each engine's answer: a status and the beginning of a digest, or a class of failure.
    pub answers: Vec<(String, String)>,
}
