//! Hosts that are paused, slowed or given up, and why.
//!
//! The frontier notes each change as it happens, so that its caller can report what a run waits for.

use std::time::{Duration, Instant};

use super::host::Host;
use crate::run::wait::WaitReason;
use crate::url::HostKey;

/// A host that is from now on asked less often, or not at all.
#[derive(Debug, Clone)]
pub(crate) struct Pause {
    pub(crate) host: HostKey,
    pub(crate) change: Change,
}

/// How a host is treated from now on.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// Not asked before `until`; the cause is the class or status of the last failure, or that the quota is used up.
    Paused { until: Instant, cause: String },
    /// Not asked any more.
    GivenUp { failures: u32, cause: String },
    /// Asked with the delay that its robots.txt demands, as far as the settings allow.
    Slowed { asked: Duration, kept: Duration },
}

impl Pause {
    /// The change after a failure; without a moment, the host was given up.
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

    /// The change after a response that leaves nothing of the host's quota.
    pub(super) fn of_quota(host: &Host, until: Instant) -> Self {
        let cause = WaitReason::Quota.to_string();
        Self {
            host: host.key.clone(),
            change: Change::Paused { until, cause },
        }
    }
}
