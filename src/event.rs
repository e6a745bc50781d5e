//! What the loop tells while it works.
//!
//! One callback hears every event, in order, from the loop itself: progress, the summary and the tests
//! are folds over them. A callback must be quick; the loop waits for it.

use std::time::{Duration, Instant};

use crate::tally::Tally;
use crate::url::HostKey;
use crate::visit::Visit;

/// One thing that happened.
#[derive(Debug)]
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
    /// A host is left alone until then: it answered 429 or 503, or asked for it.
    Held {
        /// The host.
        host: &'a HostKey,
        /// The moment it may be asked again.
        until: Instant,
    },
    /// A few times a second, and once at the end: the figures so far.
    Tick(&'a Tally),
    /// Something that the user should know before the run starts.
    Notice(&'a str),
    /// The first interrupt was heard: what is in flight is being finished.
    Draining,
}
