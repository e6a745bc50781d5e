//! The events of a run, as the loop reports them.
//!
//! One callback gets every event, in order, from the loop itself: progress, the summary and the tests are folds over
//! them. The callback must be quick, as the loop waits for it.

use std::time::{Duration, Instant};

use crate::run::tally::Tally;
use crate::url::{HostKey, PageUrl};
use crate::visit::Visit;

/// Something that happened during a run.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A job is finished; next, its record goes to the sinks.
    Visited(&'a Visit),
    /// An attempt failed, and the job goes back to the frontier.
    Retried {
        /// The host of the job.
        host: &'a HostKey,
        /// The class of what failed, or the HTTP status.
        cause: &'a str,
        /// The least time until the next attempt.
        after: Duration,
    },
    /// A host is paused: it responded with 429 or 503, or kept failing.
    Held {
        /// The host.
        host: &'a HostKey,
        /// The moment when it may get requests again.
        until: Instant,
        /// The class of what failed, or the HTTP status.
        cause: &'a str,
    },
    /// A host was given up: it kept failing through all its pauses, so its remaining jobs fail as `host-down`.
    GivenUp {
        /// The host.
        host: &'a HostKey,
        /// Failures in a row.
        failures: u32,
        /// The class of the last failure, or its HTTP status.
        cause: &'a str,
    },
    /// A robots.txt or a sitemap could not be read, or only partly.
    Unread {
        /// Its URL.
        url: &'a PageUrl,
        /// The problem.
        problem: &'a str,
    },
    /// The robots.txt of a host asks for a delay between requests.
    Slowed {
        /// The host.
        host: &'a HostKey,
        /// The requested `Crawl-delay`.
        asked: Duration,
        /// The delay that is obeyed: at most what the settings allow.
        kept: Duration,
    },
    /// The figures so far; reported a few times a second, and once at the end.
    Tick(&'a Tally),
    /// A message for the user; most come before the run starts.
    Notice(&'a str),
    /// The first interrupt arrived: requests in flight are being finished.
    Draining,
}
