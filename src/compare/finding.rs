//! What the figures show: who won, what the winner waited for, and how reliable that is.
//!
//! All of it is data; sentences are made from it elsewhere.

use std::time::Duration;

use serde::Serialize;

use crate::frontier::Rate;

/// The winner of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The engine with the lowest median; empty if every request failed, so that no engine won.
    pub best: String,
    /// Engines that may be just as fast: no difference was shown.
    pub tied: Vec<String>,
}

/// What the best engine was waiting for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diagnosis {
    /// What limited the run.
    pub bound: Bound,
    /// The best engine.
    pub engine: String,
    /// The most requests that it may have in flight.
    pub in_flight: usize,
    /// The user's own limit that keeps requests from being in flight, if there is one.
    pub limit: Option<OwnLimit>,
    /// The figures behind the conclusion; those that could not be measured here are `None`.
    pub waits: Waits,
    /// Where the processors' time went during its rounds.
    ///
    /// `None` if the system does not report it.
    pub shares: Option<Shares>,
}

/// What can limit a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The user's own limits: [`Diagnosis::limit`].
    OwnLimits,
    /// The processors are fully used by the engine.
    Processors,
    /// Something else keeps the processors busy.
    OtherWork,
    /// The server responds more slowly than when it is idle.
    Server,
    /// Something waits for the disk.
    Disk,
    /// Only the wait for responses, and the server responds as fast as when it is idle.
    Waiting,
}

/// A limit that the user set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnLimit {
    /// The time between two requests to a host.
    Delay(Duration),
    /// The number of requests in a period.
    Rate(Rate),
    /// The number of requests in flight adapts to what each host can take.
    Adaptive,
    /// The most requests in flight to one IP address.
    PerIp(usize),
    /// The most requests in flight to one host.
    PerHost(usize),
}

/// Where the time of an engine's rounds went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Waits {
    /// The average number of requests in flight, as a share of the most allowed, 0 to 1.
    pub in_flight: f64,
    /// The share of time in flight spent waiting for the first byte, 0 to 1.
    pub first_byte: f64,
    /// The median latency, in milliseconds.
    pub latency_ms: f64,
    /// The median latency with one request in flight, in milliseconds.
    pub idle_latency_ms: Option<f64>,
    /// The share of its threads' runnable time in which no processor was free for them, 0 to 1.
    ///
    /// `None` if the system does not report it.
    pub run_queue: Option<f64>,
    /// The share of the rounds' time in which something on the machine waited for the disk.
    ///
    /// `None` if the system does not report it.
    pub disk: Option<f64>,
}

/// Who used the processors, as shares of all their time, 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Shares {
    /// The engine.
    pub client: f64,
    /// The practice server.
    pub server: f64,
    /// Anything else on the machine.
    pub others: f64,
    /// Idle time.
    pub idle: f64,
}

/// Which engine to use.
///
/// Among those with no difference shown, it is the one that uses the least processor time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recommendation {
    /// The name of the engine.
    pub engine: String,
    /// Whether it is the only engine that may be the fastest.
    pub alone: bool,
    /// The concurrency beyond which it hardly gets faster, if a sweep has shown one.
    pub knee: Option<u64>,
}

/// Something that makes the figures less reliable.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Warning {
    /// An engine did not get a single record in its share of the time, and is left out.
    TooSlow {
        /// The engine.
        engine: String,
        /// Its share of the time.
        limit: Duration,
    },
    /// Fewer rounds than wanted fit in the time.
    FewRounds {
        /// The number of completed rounds.
        whole: usize,
        /// The number of rounds wanted.
        wanted: u32,
        /// The time for all of them.
        budget: Duration,
    },
    /// The comparison was interrupted.
    Interrupted {
        /// The number of completed rounds.
        whole: usize,
        /// The number of rounds wanted.
        wanted: u32,
    },
    /// Some rounds took much longer or shorter than the others of their engine.
    Outliers {
        /// Engines, each with the number of its outliers.
        rounds: Vec<(String, usize)>,
    },
    /// Records of an engine failed.
    Failures {
        /// The engine.
        engine: String,
        /// The number of failed records in all rounds.
        records: u64,
    },
    /// The machine was busy with something else.
    BusyMachine {
        /// The share of its processors' time, 0 to 1.
        share: f64,
    },
    /// The bytes of some pages change between requests, and their texts prove nothing.
    ChangingPages {
        /// The number of URLs.
        urls: usize,
    },
    /// Hosts were paused because they refused requests or did not respond.
    HostsPaused {
        /// How often a host was paused.
        times: u64,
    },
    /// The practice server and the engines share one processor.
    OneProcessor,
}
