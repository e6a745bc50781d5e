//! How long each step of opening a connection took.

use std::time::{Duration, Instant};

/// How long each step of opening a connection took; `None` for a step that was not taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Phases {
    pub(super) resolve: Option<Duration>,
    pub(super) connect: Option<Duration>,
    pub(super) tls: Option<Duration>,
}

/// Notes how long a step took, and returns when the next one started.
pub(super) fn lap(step: &mut Option<Duration>, since: Instant) -> Instant {
    let now = Instant::now();
    *step = Some(now.duration_since(since));
    now
}
