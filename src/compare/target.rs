//! What a comparison asks: URLs, or a practice server of our own.

use std::time::Duration;

use crate::size::ByteSize;

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// These URLs, each once.
    Urls(Vec<String>),
    /// A practice server that is started for it.
    Practice(Practice),
}

impl Target {
    /// Whether it is a server of our own.
    pub fn is_practice(&self) -> bool {
        matches!(self, Target::Practice(_))
    }
}

/// The practice server of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Practice {
    /// Waited before each answer.
    pub latency: Duration,
    /// Waited besides, by chance, at the most.
    pub jitter: Duration,
    /// About how large a page is.
    pub size: ByteSize,
    /// Pages: as many URLs.
    pub pages: u64,
    /// The share of requests that fail, 0 to 1.
    pub error_rate: f64,
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
