//! Connections that wait for the next request.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::Wire;
use crate::url::HostKey;

/// The connections that a thread keeps, the last one used last.
pub(in crate::fetch) struct Kept {
    most: usize,
    within: Duration,
    idle: Vec<Idle>,
}

struct Idle {
    host: HostKey,
    route: usize,
    since: Instant,
    wire: Wire,
}

impl Kept {
    /// At most `most` connections, each for as long as `within`.
    pub(in crate::fetch) fn new(most: usize, within: Duration) -> Self {
        Self {
            most,
            within,
            idle: Vec::new(),
        }
    }

    /// A connection to a host by a route that is still open, to an address that `admits` lets pass.
    pub(in crate::fetch) fn take(
        &mut self,
        host: &HostKey,
        route: usize,
        admits: impl Fn(Option<SocketAddr>) -> bool,
    ) -> Option<Wire> {
        self.idle.retain(|idle| idle.since.elapsed() < self.within);
        let at = self.idle.iter().rposition(|idle| {
            idle.host == *host && idle.route == route && admits(idle.wire.remote)
        })?;
        let mut wire = self.idle.remove(at).wire;
        // What the server says on an idle connection is no answer to the next request (RFC 9110 15.5.9).
        wire.source.is_idle().then_some(wire)
    }

    /// Keeps a connection; where there are too many, the one that was used longest ago goes.
    pub(in crate::fetch) fn put(&mut self, host: HostKey, route: usize, wire: Wire) {
        if self.idle.len() >= self.most {
            self.idle.remove(0);
        }
        let since = Instant::now();
        self.idle.push(Idle {
            host,
            route,
            since,
            wire,
        });
    }
}
