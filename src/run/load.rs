//! Which hosts a run is busy with: their jobs that wait, and those in flight.

use crate::url::HostKey;

/// The hosts with the most jobs, and the sums of all others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loads {
    /// The busiest hosts, the one with the most jobs first; at most [`Loads::FIRST`].
    pub first: Vec<Load>,
    /// Jobs of other hosts that wait, and jobs that wait for their own retry.
    pub others_waiting: u64,
    /// Jobs of other hosts in flight.
    pub others_in_flight: u64,
}

/// The jobs of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// The host.
    pub host: HostKey,
    /// Its jobs that wait.
    pub waiting: u64,
    /// Its jobs in flight.
    pub in_flight: u64,
}

impl Loads {
    /// The most hosts that are listed.
    pub const FIRST: usize = 20;
}
