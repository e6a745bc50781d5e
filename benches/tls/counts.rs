//! What the server saw.

use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::workload::URLS;

/// What the server saw since it was last asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Connections accepted.
    pub(crate) connections: u64,
    /// Handshakes in which the server proved who it is.
    pub(crate) full: u64,
    /// Handshakes that resumed a session.
    pub(crate) resumed: u64,
    /// Handshakes that failed.
    pub(crate) failed: u64,
    /// Responses with a body sent.
    pub(crate) responses: u64,
    /// The different URLs among them.
    pub(crate) urls: u64,
    /// Requests for what is not there.
    pub(crate) strange: u64,
}

/// The counts that grow.
#[derive(Default)]
pub(crate) struct Counter(Mutex<(Counts, Vec<bool>)>);

impl Counter {
    /// Changes a count.
    pub(crate) fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.0.lock().unwrap().0);
    }

    /// Counts the response to a request for a URL.
    pub(crate) fn responded(&self, id: usize) {
        let (counts, seen) = &mut *self.0.lock().unwrap();
        seen.resize(URLS, false);
        counts.responses += 1;
        counts.urls += u64::from(!std::mem::replace(&mut seen[id], true));
    }

    /// Takes the counts, and begins at 0 again.
    pub(crate) fn take(&self) -> Counts {
        std::mem::take(&mut *self.0.lock().unwrap()).0
    }
}
