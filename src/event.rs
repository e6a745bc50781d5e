//! What the loop tells while it works.
//!
//! One callback hears every event, in order, from the loop itself: progress, the summary and the tests
//! are folds over them. A callback must be quick; the loop waits for it.

use std::time::{Duration, Instant};

use crate::tally::Tally;
use crate::url::{HostKey, PageUrl};
use crate::visit::Visit;

/// One thing that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A job is over, and its record goes to the sinks next.
    Visited(&'a Visit),
    /// A try failed and the job goes back to the frontier.
    Retried {
        /// The host it is on.
        host: &'a HostKey,
        /// The class of what failed, or the HTTP status.
        cause: &'a str,
        /// How long until the next try at the earliest.
        after: Duration,
    },
    /// A host is paused: it answered 429 or 503, or kept failing.
    Held {
        /// The host.
        host: &'a HostKey,
        /// The moment it may be asked again.
        until: Instant,
        /// The class of what failed, or the HTTP status.
        cause: &'a str,
    },
    /// A host was given up: it kept failing through all its pauses, and the rest of its jobs ends as `host-down`.
    GivenUp {
        /// The host.
        host: &'a HostKey,
        /// Failures in a row.
        failures: u32,
        /// The class of the last one, or its HTTP status.
        cause: &'a str,
    },
    /// A robots.txt or a sitemap could not be read, or only in part.
    Unread {
        /// Its URL.
        url: &'a PageUrl,
        /// What was wrong.
        problem: &'a str,
    },
    /// A host's robots.txt asks for a pause between any two requests.
    Slowed {
        /// The host.
        host: &'a HostKey,
        /// The `Crawl-delay` that it asks for.
        asked: Duration,
        /// The delay that is kept: no more than the settings allow.
        kept: Duration,
    },
    /// A few times a second, and once at the end: the figures so far.
    Tick(&'a Tally),
    /// Something that the user should know before the run starts.
    Notice(&'a str),
    /// The first interrupt was heard: what is in flight is being finished.
    Draining,
}
