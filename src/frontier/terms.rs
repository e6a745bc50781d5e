//! The terms of a session: the limits that it has to keep, as a job stores them for whoever checks it later.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::host_pace::HostPace;
use super::rate::Rate;
use super::settings::{FrontierSettings, Robots};

/// The limits of a run. Zero means no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Terms {
    /// The most requests in flight to one host.
    pub per_host: usize,
    /// The most requests in flight to one IP address, over all of its hosts.
    pub per_ip: usize,
    /// The least time between two requests to one host.
    pub delay: Duration,
    /// Other limits for some hosts.
    pub hosts: Vec<HostPace>,
    /// The rate limit over all requests.
    pub rate: Option<Rate>,
    /// Whether robots.txt is obeyed.
    pub robots: bool,
    /// The longest `Crawl-delay` that is respected.
    pub max_crawl_delay: Duration,
    /// The longest `Retry-After` that is respected.
    pub max_retry_after: Duration,
}

/// The limits of one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostTerms {
    /// The most requests in flight; 0 for no limit.
    pub per_host: usize,
    /// The time between two requests; zero for no limit.
    pub period: Duration,
    /// Whether a few requests may follow faster, to make up for timers that woke late: rates above 200 a second.
    pub makes_up: bool,
}

impl Terms {
    /// The terms in the settings; `per_host` is the limit of hosts without one of their own.
    pub(crate) fn of(settings: &FrontierSettings, per_host: usize) -> Self {
        Self {
            per_host,
            per_ip: settings.per_ip,
            delay: settings.delay,
            hosts: settings.hosts.clone(),
            rate: settings.rate,
            robots: settings.robots == Robots::Obey,
            max_crawl_delay: settings.max_crawl_delay,
            max_retry_after: settings.max_retry_after,
        }
    }
}
