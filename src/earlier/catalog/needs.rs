//! What a run needs of the earlier run that it compares with.

use crate::url::HostKey;

/// What a run needs of the earlier run.
pub(crate) struct Needs {
    /// If there are any, it has to have a page of one of these hosts.
    pub(crate) hosts: Vec<HostKey>,
    /// Identifies what is read out of pages.
    pub(crate) reads: u64,
    /// Whether links are followed.
    pub(crate) links: bool,
    /// Whether values are extracted.
    pub(crate) values: bool,
    /// Whether pages are used without asking while they are fresh.
    pub(crate) freshness: bool,
    /// Whether the bodies of pages that did not change are needed.
    pub(crate) bodies: bool,
}
