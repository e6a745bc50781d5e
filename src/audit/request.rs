//! A request, as every kind of source has it.

use crate::url::HostKey;

/// A request, as far as its source knows it. Moments are microseconds since 1970.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) host: HostKey,
    /// The number of its session; 0 if there are none.
    pub(super) session: i64,
    /// When it was begun.
    pub(super) begun: i64,
    /// When it left: its connection was ready.
    pub(super) sent: i64,
    /// When it was over.
    pub(super) ended: Option<i64>,
    /// Whether robots.txt applies to it.
    pub(super) heeds_robots: bool,
    pub(super) status: u16,
    /// How long the response asked to wait, in microseconds.
    pub(super) wait: Option<i64>,
    /// When the response had been read, so that its wait could be kept.
    pub(super) known: i64,
    /// The number of its URL in a job.
    pub(super) id: u64,
    pub(super) url: Option<String>,
    /// The address that responded, as text.
    pub(super) address: Option<String>,
}

impl Request {
    /// A request of which only host and moment are known.
    pub(super) fn at(host: HostKey, begun: i64) -> Self {
        Self {
            host,
            session: 0,
            begun,
            sent: begun,
            ended: None,
            heeds_robots: true,
            status: 0,
            wait: None,
            known: begun,
            id: 0,
            url: None,
            address: None,
        }
    }

    /// Whether its response refuses all requests to the host for a while.
    pub(super) fn is_refused(&self) -> bool {
        matches!(self.status, 429 | 503)
    }
}

/// A host's robots.txt from a moment on.
#[derive(Debug, Clone)]
pub(super) struct RobotsFrom {
    pub(super) session: i64,
    /// In microseconds since 1970.
    pub(super) at: i64,
    pub(super) rules: crate::robots::Rules,
}
