//! How often each host may be asked, where that differs from host to host.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rate::Rate;
use crate::url::HostPattern;

/// How often some hosts may be asked.
///
/// If several patterns match a host, each setting is that of the most specific pattern that has it. Of two patterns that
/// are equally specific, the first one counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostPace {
    /// The hosts.
    pub hosts: HostPattern,
    /// The most requests in flight to each of them; 0 for no limit.
    pub per_host: Option<usize>,
    /// The least time between the starts of two requests to one of them.
    pub delay: Option<Duration>,
    /// The rate limit for each of them.
    pub rate: Option<Rate>,
}

impl HostPace {
    /// No limits for these hosts.
    pub fn new(hosts: HostPattern) -> Self {
        Self {
            hosts,
            per_host: None,
            delay: None,
            rate: None,
        }
    }

    /// Whether it asks for time between requests.
    pub(crate) fn is_paced(&self) -> bool {
        self.rate.is_some() || self.delay.is_some_and(|delay| !delay.is_zero())
    }
}
