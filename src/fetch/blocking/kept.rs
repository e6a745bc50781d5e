//! Idle connections kept for the next request.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::exchange::Wire;
use crate::url::HostKey;

/// The idle connections of a thread, the most recently used one last.
pub(super) struct Kept {
    most: usize,
    within: Duration,
    idle: Vec<Idle>,
}

/// How a connection was made: the index of its route, and of its client certificate.
type Way = (usize, Option<usize>);

struct Idle {
    host: HostKey,
    way: Way,
    since: Instant,
    wire: Wire,
}

impl Kept {
    /// Keeps at most `most` connections, each for at most `within`.
    pub(super) fn new(most: usize, within: Duration) -> Self {
        Self {
            most,
            within,
            idle: Vec::new(),
        }
    }

    /// Removes and returns an open connection to a host made this way, to an address that `admits` accepts.
    pub(super) fn take(
        &mut self,
        host: &HostKey,
        way: Way,
        admits: impl Fn(Option<SocketAddr>) -> bool,
    ) -> Option<Wire> {
        self.idle.retain(|idle| idle.since.elapsed() < self.within);
        let at = self
            .idle
            .iter()
            .rposition(|idle| idle.host == *host && idle.way == way && admits(idle.wire.remote))?;
        let mut wire = self.idle.remove(at).wire;
        // Anything the server sends on an idle connection is not a response to the next request (RFC 9110 15.5.9).
        wire.source.is_idle().then_some(wire)
    }

    /// Stores a connection; if there are too many, the one unused for longest is dropped.
    pub(super) fn put(&mut self, host: HostKey, way: Way, wire: Wire) {
        if self.idle.len() >= self.most {
            self.idle.remove(0);
        }
        let since = Instant::now();
        self.idle.push(Idle {
            host,
            way,
            since,
            wire,
        });
    }
}
