//! One limit that was broken, once.

use std::fmt;
use std::time::Duration;

/// One limit that was broken, once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Breach {
    /// Which limit.
    pub kind: BreachKind,
    /// When, in microseconds since 1970.
    pub at: i64,
    /// What had to be kept, in words.
    pub limit: String,
    /// What was found, in words.
    pub found: String,
    /// The URL that was requested, if it is known.
    pub url: Option<String>,
}

/// The limits that can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum BreachKind {
    /// The time between two requests to a host.
    Delay,
    /// The number of requests to a host in a time.
    HostRate,
    /// The number of requests in a time, over all hosts.
    Rate,
    /// The requests in flight to a host.
    PerHost,
    /// The requests in flight to an IP address.
    PerIp,
    /// What robots.txt forbids.
    Robots,
    /// A request before robots.txt was known.
    RobotsUnasked,
    /// A wait that a response asked for.
    RetryAfter,
}

impl BreachKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Delay,
        Self::HostRate,
        Self::Rate,
        Self::PerHost,
        Self::PerIp,
        Self::Robots,
        Self::RobotsUnasked,
        Self::RetryAfter,
    ];

    /// The name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delay => "delay",
            Self::HostRate => "host-rate",
            Self::Rate => "rate",
            Self::PerHost => "per-host",
            Self::PerIp => "per-ip",
            Self::Robots => "robots",
            Self::RobotsUnasked => "robots-unasked",
            Self::RetryAfter => "retry-after",
        }
    }
}

impl fmt::Display for BreachKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A time in microseconds in words, as `1.003s`, `12.5ms` or `7us`.
#[must_use]
pub fn spelled(microseconds: i64) -> String {
    let duration = Duration::from_micros(u64::try_from(microseconds).unwrap_or(0));
    match microseconds {
        ..1000 => format!("{microseconds}us"),
        1000..1_000_000 => format!("{:.3}ms", duration.as_secs_f64() * 1e3),
        _ => format!("{:.3}s", duration.as_secs_f64()),
    }
}
