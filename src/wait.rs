//! What a run waits for, as it is told: hosts, until when, and why.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// What a run waits for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waits {
    /// How many waits of some seconds or more there are.
    pub count: u64,
    /// Those that end first, in that order; a hundred at most.
    pub first: Vec<Wait>,
}

/// One host that is not asked for some seconds, or the whole run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// The host; `None` where the whole run waits.
    pub host: Option<String>,
    /// When it ends, in seconds since 1970.
    pub until: u64,
    /// Why, in words.
    pub reason: String,
}

impl Wait {
    /// How long it still takes.
    pub fn left(&self, now: SystemTime) -> Duration {
        let now = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let left = Duration::from_secs(self.until).saturating_sub(now);
        Duration::from_secs(left.as_millis().div_ceil(1000) as u64)
    }
}
