//! Hosts that are asked less from now on, and why.
//!
//! The frontier notes each change as it happens, so that whoever runs it can say what a run waits for.

use std::time::{Duration, Instant};

use super::host::Host;
use crate::url::HostKey;

/// A host that is asked less from now on, or no more.
#[derive(Debug, Clone)]
pub(crate) struct Pause {
    pub(crate) host: HostKey,
    pub(crate) change: Change,
}

/// How a host is asked from now on.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// Not before then: the class of the last failure, or its status.
    Paused { until: Instant, cause: String },
    /// No more.
    GivenUp { failures: u32, cause: String },
    /// With a delay that its robots.txt asks for, as far as the settings allow.
    Slowed { asked: Duration, kept: Duration },
}

impl Pause {
    /// After trouble; without a moment the host was given up.
    pub(super) fn of(host: &Host, until: Option<Instant>) -> Self {
        let (failures, last) = host.health.failures();
        let cause = last.to_owned();
        Self {
            host: host.key.clone(),
            change: match until {
                Some(until) => Change::Paused { until, cause },
                None => Change::GivenUp { failures, cause },
            },
        }
    }
}
