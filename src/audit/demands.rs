//! What a run is held to, beside the limits that it had itself.

use std::time::Duration;

use crate::frontier::Rate;

/// What a run is held to, beside its own limits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Demands {
    /// The least time between two requests to one host.
    pub delay: Option<Duration>,
    /// The most requests in flight to one host.
    pub per_host: Option<u64>,
    /// The rate limit over all requests.
    pub rate: Option<Rate>,
    /// Whether robots.txt has to be obeyed even if the run was told to ignore it.
    pub robots: bool,
    /// The product token by which a robots.txt in an archive is read.
    pub agent: String,
}

impl Default for Demands {
    fn default() -> Self {
        Self {
            delay: None,
            per_host: None,
            rate: None,
            robots: false,
            agent: "haul".to_owned(),
        }
    }
}
