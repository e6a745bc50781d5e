//! Curves of throughput along one setting, as data.

use std::str::FromStr;

use serde::Serialize;

use super::statistics::Interval;
use super::usl::Usl;

/// The setting along which throughput is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Axis {
    /// Requests in flight.
    Concurrency,
    /// The latency of the practice server.
    Latency,
    /// Extra work done for each page.
    Work,
}

/// Throughput along one setting.
#[derive(Debug, Clone, Serialize)]
pub struct Sweep {
    /// The setting.
    pub axis: Axis,
    /// The unit of the setting: `in flight`, `ms`, or `us` of one core.
    pub unit: &'static str,
    /// One curve per engine.
    pub curves: Vec<Curve>,
}

/// One engine's throughput along the setting.
#[derive(Debug, Clone, Serialize)]
pub struct Curve {
    /// The engine's name.
    pub engine: String,
    /// The measured points.
    pub points: Vec<Point>,
    /// The concurrency beyond which more hardly pays off.
    ///
    /// Where 90 % of the highest throughput is reached; only for a curve that was seen to stop growing.
    pub knee: Option<u64>,
    /// Why the curve ends where it does; `None` along axes other than concurrency.
    pub end: Option<End>,
    /// The fitted Universal Scalability Law.
    ///
    /// Only if the axis is concurrency, there are enough points, and the law explains them.
    pub fit: Option<Fit>,
}

/// Why the concurrency of an engine was not raised further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "because")]
pub enum End {
    /// The throughput stopped growing.
    StoppedGrowing,
    /// The list is too short for more requests in flight.
    ListTooShort {
        /// The number of URLs that two more doublings would need.
        urls_needed: usize,
    },
    /// The engine has a fixed size, or cannot have more requests in flight.
    FixedSize,
    /// The throughput still grew at the highest concurrency that is tried.
    HighestTried,
}

/// One point of a curve.
#[derive(Debug, Clone, Serialize)]
pub struct Point {
    /// The position on the axis.
    pub x: f64,
    /// Successful records per second: the median, the lowest and the highest of the runs.
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
    /// The concurrency with the highest throughput; `None` if the curve never turns down.
    pub peak_at: Option<f64>,
    /// The throughput at the peak.
    pub peak_per_second: Option<f64>,
}

impl FromStr for Axis {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "concurrency" => Ok(Axis::Concurrency),
            "latency" => Ok(Axis::Latency),
            "work" => Ok(Axis::Work),
            _ => Err(format!("{text:?} is not concurrency, latency or work")),
        }
    }
}
