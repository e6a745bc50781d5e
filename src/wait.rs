//! What a run waits for, as it is told: hosts, until when, and why.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::size::spelled;

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
    /// Why.
    pub reason: WaitReason,
}

/// Why a host, or the whole run, is not asked for some seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WaitReason {
    /// The machine ran short of open files, ports or memory.
    Shortage,
    /// The run has sent as many requests as it may.
    Rate,
    /// A URL that failed is to be tried again.
    Retry,
    /// The host failed.
    Failures {
        /// How often in a row.
        count: u32,
        /// The class of the last failure, or its status.
        last: String,
    },
    /// The time between two requests to a host is not over.
    Delay,
    /// Nor is the longer one that its robots.txt asks for.
    CrawlDelay {
        /// Milliseconds between two requests.
        ms: u64,
    },
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitReason::Shortage => f.write_str("this machine ran short"),
            WaitReason::Rate => f.write_str("the limit of requests a second"),
            WaitReason::Retry => f.write_str("a URL that failed is to be tried again"),
            WaitReason::Failures { count: 1, last } => f.write_str(last),
            WaitReason::Failures { count, last } => write!(f, "{last}, {count} failures in a row"),
            WaitReason::Delay => f.write_str("the delay between requests"),
            WaitReason::CrawlDelay { ms } => {
                let apart = spelled(Duration::from_millis(*ms));
                write!(f, "its robots.txt asks for {apart} between requests")
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_read_back_as_it_was_written_and_names_no_flag() {
        let last = || "HTTP 503".to_owned();
        for (reason, text) in [
            (WaitReason::Shortage, "this machine ran short"),
            (WaitReason::Rate, "the limit of requests a second"),
            (WaitReason::Retry, "a URL that failed is to be tried again"),
            (
                WaitReason::Failures {
                    count: 1,
                    last: last(),
                },
                "HTTP 503",
            ),
            (
                WaitReason::Failures {
                    count: 3,
                    last: last(),
                },
                "HTTP 503, 3 failures in a row",
            ),
            (WaitReason::Delay, "the delay between requests"),
            (
                WaitReason::CrawlDelay { ms: 2500 },
                "its robots.txt asks for 2.5s between requests",
            ),
        ] {
            assert_eq!(reason.to_string(), text);
            let json = serde_json::to_string(&reason).unwrap();
            assert_eq!(serde_json::from_str::<WaitReason>(&json).unwrap(), reason);
        }
    }
}
