//! The waits of a run, as they are reported: which host, until when, and why.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::text::size::spelled;

/// The current waits of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waits {
    /// The number of waits of a few seconds or more.
    pub count: u64,
    /// The waits that end first, in that order; at most a hundred.
    pub first: Vec<Wait>,
}

/// A wait of a few seconds or more, of one host or of the whole run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// The host; `None` if the whole run waits.
    pub host: Option<String>,
    /// When it ends, in seconds since 1970.
    pub until: u64,
    /// The reason.
    pub reason: WaitReason,
}

/// The reason why a host, or the whole run, waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WaitReason {
    /// The machine ran out of open files, ports or memory.
    Shortage,
    /// The run has reached its limit of requests per second.
    Rate,
    /// A failed URL will be retried.
    Retry,
    /// The host failed.
    Failures {
        /// How often in a row.
        count: u32,
        /// The class of the last failure, or its status.
        last: String,
    },
    /// The host said that nothing is left of its quota.
    Quota,
    /// The delay between two requests to the host is not over.
    Delay,
    /// The longer delay that the host's robots.txt asks for is not over.
    CrawlDelay {
        /// Milliseconds between two requests.
        ms: u64,
    },
    /// Another run on this machine asks the host too, or was told by it to wait.
    OtherRun,
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitReason::Shortage => f.write_str("this machine ran out of resources"),
            WaitReason::Rate => f.write_str("the rate limit"),
            WaitReason::Retry => f.write_str("a failed URL will be retried"),
            WaitReason::Failures { count: 1, last } => f.write_str(last),
            WaitReason::Failures { count, last } => write!(f, "{last}, {count} failures in a row"),
            WaitReason::Quota => f.write_str("the quota of the host is used up"),
            WaitReason::Delay => f.write_str("the delay between requests"),
            WaitReason::CrawlDelay { ms } => {
                let apart = spelled(Duration::from_millis(*ms));
                write!(f, "its robots.txt asks for {apart} between requests")
            }
            WaitReason::OtherRun => f.write_str("another haul asks this host"),
        }
    }
}

impl Wait {
    /// The time that is left, rounded up to whole seconds.
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
            (WaitReason::Shortage, "this machine ran out of resources"),
            (WaitReason::Rate, "the rate limit"),
            (WaitReason::Retry, "a failed URL will be retried"),
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
            (WaitReason::Quota, "the quota of the host is used up"),
            (WaitReason::Delay, "the delay between requests"),
            (
                WaitReason::CrawlDelay { ms: 2500 },
                "its robots.txt asks for 2.5s between requests",
            ),
            (WaitReason::OtherRun, "another haul asks this host"),
        ] {
            assert_eq!(reason.to_string(), text);
            let json = serde_json::to_string(&reason).unwrap();
            assert_eq!(serde_json::from_str::<WaitReason>(&json).unwrap(), reason);
        }
    }
}
