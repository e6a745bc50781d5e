//! What a comparison fetches: URLs, or pages of the built-in practice server.

use std::time::Duration;

use crate::text::size::ByteSize;

/// What a comparison fetches.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// These URLs, each once.
    Urls(Vec<String>),
    /// Pages of a practice server that is started for the comparison.
    Practice(Practice),
}

impl Target {
    /// Whether the target is the practice server.
    pub fn is_practice(&self) -> bool {
        matches!(self, Target::Practice(_))
    }
}

/// The settings of the practice server.
#[derive(Debug, Clone, PartialEq)]
pub struct Practice {
    /// The delay before each response.
    pub latency: Duration,
    /// The most random delay on top of the latency.
    pub jitter: Duration,
    /// The approximate size of a page.
    pub size: ByteSize,
    /// The number of pages, each with one URL.
    pub pages: u64,
    /// The share of requests that fail, 0 to 1.
    pub error_rate: f64,
}

/// An archive that the caller serves, so that no request of the comparison reaches another machine.
///
/// The caller leads the requests to it, by the settings of the fetch path.
#[derive(Debug, Clone, PartialEq)]
pub struct Archived {
    /// Its path, for the report.
    pub path: String,
    /// The delay before each response.
    pub latency: Duration,
    /// The most random delay on top of the latency.
    pub jitter: Duration,
    /// Whether each response is delayed as it was when it was stored, instead.
    pub as_recorded: bool,
}

impl Default for Practice {
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(20),
            jitter: Duration::ZERO,
            size: ByteSize(6 << 10),
            pages: 2000,
            error_rate: 0.0,
        }
    }
}
