//! Curves of throughput along one setting, as data.

use std::str::FromStr;

use serde::Serialize;

use super::statistics::Interval;
use super::usl::Usl;

/// Along what throughput is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Axis {
    /// Requests in flight.
    Concurrency,
    /// The latency of the practice server.
    Latency,
    /// Work put on each page.
    Work,
}

/// Throughput along one setting.
#[derive(Debug, Clone, Serialize)]
pub struct Sweep {
    /// The setting.
    pub axis: Axis,
    /// Its unit: `in flight`, `ms`, or `us` of one core.
    pub unit: &'static str,
    /// A curve for each engine.
    pub curves: Vec<Curve>,
}

/// One engine's throughput along the setting.
#[derive(Debug, Clone, Serialize)]
pub struct Curve {
    /// The engine's name.
    pub engine: String,
    /// What was measured.
    pub points: Vec<Point>,
    /// The concurrency beyond which more hardly pays: where 90 % of the highest throughput are reached. Only of a curve that was seen
    /// to stop growing.
    pub knee: Option<u64>,
    /// Why the curve ends where it does; `None` along other axes than concurrency.
    pub end: Option<End>,
    /// The Universal Scalability Law, where concurrency is the axis, there are points enough, and it explains them.
    pub fit: Option<Fit>,
}

/// Why an engine's climb ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "because")]
pub enum End {
    /// Its throughput stopped growing.
    StoppedGrowing,
    /// The list is too short for more in flight.
    ListTooShort {
        /// URLs that two more doublings would need.
        urls_needed: usize,
    },
    /// It has a size of its own, or cannot have more in flight.
    FixedSize,
    /// It still grew at the highest concurrency that is tried.
    HighestTried,
}

/// One point of a curve.
#[derive(Debug, Clone, Serialize)]
pub struct Point {
    /// Where on the axis.
    pub x: f64,
    /// Records a second: the median, the least and the most of the runs.
    pub per_second: Interval,
    /// The median latency, in milliseconds.
    pub p50_ms: f64,
}

/// A fitted law, and what it predicts.
#[derive(Debug, Clone, Serialize)]
pub struct Fit {
    /// The law.
    #[serde(flatten)]
    pub law: Usl,
    /// The concurrency of the most throughput; `None` where the curve never turns.
    pub peak_at: Option<f64>,
    /// That throughput.
    pub peak_per_second: Option<f64>,
}

impl FromStr for Axis {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "concurrency" => Ok(Axis::Concurrency),
            "latency" => Ok(Axis::Latency),
            "work" => Ok(Axis::Work),
            _ => Err(format!("{text:?} is none of concurrency, latency and work")),
        }
    }
}
