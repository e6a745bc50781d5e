//! What the figures say: who won, what the winner waited for, what makes it less sure. Data; sentences are made elsewhere.

use std::time::Duration;

use serde::Serialize;

use crate::frontier::Rate;

/// Who won.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The engine with the least median; empty where every request failed and there was nothing to win.
    pub best: String,
    /// Those that could not be told from it.
    pub tied: Vec<String>,
}

/// What the best engine was waiting for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diagnosis {
    /// What the run was bound by.
    pub bound: Bound,
    /// The best engine.
    pub engine: String,
    /// Requests that it may have in flight.
    pub in_flight: usize,
    /// The user's own limit that keeps requests from being in flight, where there is one.
    pub limit: Option<OwnLimit>,
    /// What that rests on. What is `None` could not be measured here.
    pub waits: Waits,
    /// Where the processors' time went during its rounds; `None` where the system does not say.
    pub shares: Option<Shares>,
}

/// What a run can be bound by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The user's own limits: [`Diagnosis::limit`].
    OwnLimits,
    /// The processors have nothing left to give.
    Processors,
    /// Something else keeps the processors busy.
    OtherWork,
    /// The server answers more slowly than when it is idle.
    Server,
    /// Something waits for the disk.
    Disk,
    /// The server answers as when it is idle: nothing but waiting for it.
    Waiting,
}

/// A limit of the user's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnLimit {
    /// The time between two requests to a host.
    Delay(Duration),
    /// Requests in a time.
    Rate(Rate),
    /// Each host is asked no faster than it bears.
    Adaptive,
    /// Requests in flight to one address.
    PerIp(usize),
    /// Requests in flight to one host.
    PerHost(usize),
}

/// Where the time of an engine's rounds went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Waits {
    /// Requests in flight on the average, as a share of the most that may be, 0 to 1.
    pub in_flight: f64,
    /// Of the time that requests were in flight, the share before the first byte of the answer, 0 to 1.
    pub first_byte: f64,
    /// The median latency, in milliseconds.
    pub latency_ms: f64,
    /// The same with one request in flight.
    pub idle_latency_ms: Option<f64>,
    /// Of the time that the engine's threads were ready to run, the share in which no processor was free for them, 0 to 1; `None`
    /// where the system does not say.
    pub run_queue: Option<f64>,
    /// The share of the rounds in which something on the machine waited for the disk; `None` where the system does not say.
    pub disk: Option<f64>,
}

/// Shares of all processors' time, 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Shares {
    /// The engine.
    pub client: f64,
    /// The practice server.
    pub server: f64,
    /// Anything else on the machine.
    pub others: f64,
    /// Nobody.
    pub idle: f64,
}

/// Which engine to take: of those that could not be told apart, the one with the least processor time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recommendation {
    /// The name of the engine.
    pub engine: String,
    /// Whether it alone is the fastest.
    pub alone: bool,
    /// The concurrency beyond which it hardly gets faster, where a sweep has shown one.
    pub knee: Option<u64>,
}

/// What makes the figures less sure.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Warning {
    /// An engine did not get one record in its share of the time, and is left out.
    TooSlow {
        /// The engine.
        engine: String,
        /// Its share of the time.
        limit: Duration,
    },
    /// Fewer rounds than wanted fit in the time.
    FewRounds {
        /// Rounds that were whole.
        whole: usize,
        /// Rounds that were wanted.
        wanted: u32,
        /// The time for all of them.
        budget: Duration,
    },
    /// Somebody interrupted it.
    Interrupted {
        /// Rounds that were whole.
        whole: usize,
        /// Rounds that were wanted.
        wanted: u32,
    },
    /// Rounds that took much longer or shorter than the others of their engine.
    Outliers {
        /// Engines, and how many rounds of each.
        rounds: Vec<(String, usize)>,
    },
    /// Records of an engine failed.
    Failures {
        /// The engine.
        engine: String,
        /// How many, in all rounds.
        records: u64,
    },
    /// The machine was busy with something else.
    BusyMachine {
        /// The share of its processors' time, 0 to 1.
        share: f64,
    },
    /// Pages whose bytes change and whose text is no proof.
    ChangingPages {
        /// URLs.
        urls: usize,
    },
    /// Hosts were paused, as they refused requests or did not answer.
    HostsPaused {
        /// How often.
        times: u64,
    },
    /// The practice server and the engines share one processor.
    OneProcessor,
}
