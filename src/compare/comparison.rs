//! The result of a comparison as plain data.
//!
//! Tables, reports and sentences are made from it alone.
//!
//! Names end in their unit; a figure that could not be measured is `None`, never a guess. Times are medians over
//! rounds unless the name says otherwise.

use serde::Serialize;

use super::curve::Sweep;
use super::finding::{Diagnosis, Recommendation, Verdict, Warning};
use super::latency::Latency;
use super::machine::Machine;
use super::map::Map;
use super::statistics::Interval;
use super::verdict::Ranking;

/// The result of a comparison.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// The command line that repeats the comparison, including its seed.
    pub command: String,
    /// When the comparison began (RFC 3339, UTC).
    pub started: String,
    /// How long the whole comparison took.
    pub took_s: f64,
    /// The seed for the order of rounds, the choice of URLs, and the resampling.
    pub seed: u64,
    /// The machine it ran on.
    pub machine: Machine,
    /// The settings in effect, as names and values.
    pub settings: Vec<(String, String)>,
    /// What each engine had to do.
    pub workload: Workload,
    /// The figures of each engine.
    pub engines: Vec<EngineResult>,
    /// Whether all engines got the same answers.
    pub answers: Agreement,
    /// The winner; `None` if answers differ, or if none could be proved equal.
    pub verdict: Option<Verdict>,
    /// Whether the comparison was interrupted.
    ///
    /// The figures are then based on the completed blocks.
    pub interrupted: bool,
    /// What makes the figures less reliable.
    pub warnings: Vec<Warning>,
    /// What the best engine was waiting for.
    pub diagnosis: Option<Diagnosis>,
    /// Which engine to use.
    pub recommendation: Option<Recommendation>,
    /// Throughput against one setting.
    pub sweep: Option<Sweep>,
    /// Which engine wins at which latency and amount of work.
    pub map: Option<Map>,
}

/// What each engine had to do.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Workload {
    /// The number of URLs.
    pub urls: usize,
    /// The number of hosts among them.
    pub hosts: usize,
    /// Extra work done for each page.
    pub work: String,
    /// The practice server's settings, if it was the target.
    pub practice: Option<PracticeResult>,
    /// The archive that was served in place of the hosts, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveResult>,
}

/// The archive that was served in place of the hosts.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ArchiveResult {
    /// Its path.
    pub path: String,
    /// The delay before each response.
    pub latency_ms: f64,
    /// The most random delay on top of the latency.
    pub jitter_ms: f64,
    /// Whether each response was delayed as it was when it was stored, instead.
    pub as_recorded: bool,
}

/// The practice server's settings.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct PracticeResult {
    /// The delay before each response.
    pub latency_ms: f64,
    /// The most random delay on top of the latency.
    pub jitter_ms: f64,
    /// The approximate size of a page.
    pub size_bytes: u64,
    /// The number of pages.
    pub pages: u64,
    /// The share of requests that fail, 0 to 1.
    pub error_rate: f64,
}

/// The figures of one engine.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct EngineResult {
    /// The name under which the engine is compared.
    pub name: String,
    /// The engine with its size.
    pub engine: String,
    /// The most requests in flight.
    pub in_flight: usize,
    /// The number of URLs in each round.
    pub urls: usize,
    /// Whether the engine got fewer URLs than there are because it is slow.
    pub subset: bool,
    /// The rounds, in the order of their blocks.
    pub rounds: Vec<RoundResult>,
    /// Seconds per round.
    pub wall_s: Interval,
    /// Successful records per second.
    pub per_second: Interval,
    /// Body bytes per second.
    pub bytes_per_second: f64,
    /// Time per successful record relative to the best engine: 2 takes twice as long.
    pub ratio: Interval,
    /// The probability that chance alone makes such a difference to the best.
    ///
    /// `None` for the best.
    pub p: Option<f64>,
    /// What the rounds show about the engine.
    pub place: Ranking,
    /// Latency of the responses in all rounds.
    pub latency_ms: Latency,
    /// The latency curve: pairs of a percentile, 0 to 100, and milliseconds.
    pub latency_curve: Vec<(f64, f64)>,
    /// Processor time per record.
    pub cpu_us: ProcessorTime,
    /// Peak memory of all its processes together.
    pub peak_memory_bytes: Option<u64>,
    /// Memory growth since before the engine started, per request in flight.
    pub memory_per_in_flight_bytes: Option<u64>,
    /// Threads of all its processes at the end.
    pub threads: Option<u64>,
    /// The number of processes.
    pub processes: u64,
    /// Context switches per record.
    pub switches: Switches,
    /// Connections opened or attempted per round.
    pub connections: u64,
    /// Failed records in all rounds.
    pub failed: u64,
    /// Blocks in which this engine's round is an outlier.
    pub outliers: Vec<u32>,
    /// Requests in flight over a typical round: pairs of seconds since its start and a count.
    pub in_flight_over_time: Vec<(f64, u32)>,
    /// When the first 200 requests of that round were sent, and got their first and last bytes.
    ///
    /// In milliseconds.
    pub lanes: Vec<(f64, f64, f64)>,
}

impl Comparison {
    /// Whether the comparison may name a winner.
    ///
    /// It may if all engines got the same answers, and at least one answer proves it. A single engine needs no proof,
    /// because there is nothing to compare it with.
    pub fn is_proved(&self) -> bool {
        self.answers.agree && (self.answers.proved > 0 || self.engines.len() == 1)
    }
}

impl EngineResult {
    /// Whether at least one request succeeded.
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
    /// The number of records.
    pub requests: u64,
    /// The number of records that failed.
    pub failed: u64,
}

/// Processor time in microseconds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[non_exhaustive]
pub struct ProcessorTime {
    /// In user mode.
    pub user: f64,
    /// In the kernel.
    pub system: f64,
}

/// Context switches.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[non_exhaustive]
pub struct Switches {
    /// The thread started to wait for something.
    pub voluntary: f64,
    /// The thread was preempted.
    pub involuntary: f64,
}

/// Whether all engines got the same answers.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Agreement {
    /// Whether no URL differs and no engine fails at a different rate than the others.
    pub agree: bool,
    /// URLs that at least two engines had to fetch.
    pub compared: usize,
    /// Compared URLs whose answers were proved equal.
    pub proved: usize,
    /// Proved URLs whose bytes change between requests.
    ///
    /// Their status and media type are the same, and their texts nearly so.
    pub by_text: usize,
    /// URLs whose bytes change between two requests of one engine, and whose texts prove nothing either.
    pub changing: usize,
    /// URLs on which two engines differ.
    pub different: usize,
    /// The first URLs on which two engines differ.
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
    /// All requests.
    pub asked: u64,
    /// The probability that chance alone makes such a difference to the other engines.
    ///
    /// 0 to 1, by Fisher's exact test.
    pub p: f64,
    /// Whether that probability is too low for chance to explain the difference.
    pub differs: bool,
}

/// A URL on which engines differ.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Difference {
    /// The URL.
    pub url: String,
    /// Each engine with its answer: a status and the start of a digest, or a class of failure.
    pub answers: Vec<(String, String)>,
}
