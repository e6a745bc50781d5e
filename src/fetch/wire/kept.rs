//! Connections that wait for the next request.

use std::net::SocketAddr;
use std::time::Instant;

use super::Wire;
use crate::fetch::client::IDLE;
use crate::url::HostKey;

/// Connections that one thread keeps: it has one request at a time, so more would only be held open.
const MOST: usize = 10;

/// The connections that a thread keeps, the last one used last.
#[derive(Default)]
pub(in crate::fetch) struct Kept(Vec<Idle>);

struct Idle {
    host: HostKey,
    route: usize,
    since: Instant,
    wire: Wire,
}

impl Kept {
    /// A connection to a host by a route that is still open, to an address that `admits` lets pass.
    pub(in crate::fetch) fn take(
        &mut self,
        host: &HostKey,
        route: usize,
        admits: impl Fn(Option<SocketAddr>) -> bool,
    ) -> Option<Wire> {
        self.0.retain(|idle| idle.since.elapsed() < IDLE);
        let at = self.0.iter().rposition(|idle| {
            idle.host == *host && idle.route == route && admits(idle.wire.remote)
        })?;
        let mut wire = self.0.remove(at).wire;
        // What the server says on an idle connection is no answer to the next request (RFC 9110 15.5.9).
        wire.source.is_idle().then_some(wire)
    }

    /// Keeps a connection; where there are too many, the one that was used longest ago goes.
    pub(in crate::fetch) fn put(&mut self, host: HostKey, route: usize, wire: Wire) {
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        let since = Instant::now();
        self.0.push(Idle {
            host,
            route,
            since,
            wire,
        });
    }
}
