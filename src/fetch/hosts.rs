//! The https hosts of one lane, and which request opens the first connection to each.
//!
//! Whether a host speaks HTTP/2 is known when the first handshake is over, and from then on one connection is
//! enough. So only one request at a time connects to a host that is not known to speak HTTP/1; the others wait
//! until that connection is in the client's pool, or turned out to speak HTTP/1, or failed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// The number of hosts from which on unused ones are forgotten.
const HOSTS: usize = 1024;

/// The https hosts of one lane.
#[derive(Debug, Default)]
pub(super) struct Hosts(Mutex<HashMap<Box<str>, Arc<Host>>>);

/// One https host.
#[derive(Debug, Default)]
pub(super) struct Host {
    in_flight: AtomicUsize,
    protocol: Mutex<Protocol>,
}

/// The protocol that the host is known to speak.
#[derive(Debug, Default)]
enum Protocol {
    #[default]
    Unknown,
    /// A request is connecting, and will report the protocol.
    Asked(watch::Receiver<Spoken>),
    Http1,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spoken {
    NotYet,
    Http1,
    Http2,
}

/// A request to a host, from before it is sent until its last byte.
#[derive(Debug)]
pub(super) struct InUse(Arc<Host>);

/// The first connection to a host while it is being made. Dropping it reports a failure.
#[derive(Debug)]
pub(super) struct Opening {
    host: Arc<Host>,
    spoken: watch::Sender<Spoken>,
}

/// What a request without a connection should do.
#[derive(Debug)]
pub(super) enum Turn {
    /// Connect, and report the protocol.
    First(Opening),
    /// Connect.
    Connect,
    /// Do not connect: there is a connection now that takes it.
    NotNeeded,
}

impl Hosts {
    /// The host of an authority.
    pub(super) fn host(&self, authority: &str) -> Arc<Host> {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.get(authority) {
            return host.clone();
        }
        if hosts.len() >= HOSTS {
            hosts.retain(|_, host| Arc::strong_count(host) > 1);
        }
        let host = Arc::<Host>::default();
        hosts.insert(authority.into(), host.clone());
        host
    }
}

impl Host {
    /// Counts a request as under way until the returned value is dropped.
    pub(super) fn enter(self: &Arc<Self>) -> InUse {
        self.in_flight.fetch_add(1, Relaxed);
        InUse(self.clone())
    }

    /// Whether a request is under way.
    pub(super) fn in_use(&self) -> bool {
        self.in_flight.load(Relaxed) > 0
    }

    /// Whether it is known to speak only HTTP/1.
    pub(super) fn speaks_http1(&self) -> bool {
        matches!(*self.lock(), Protocol::Http1)
    }

    /// Waits for another request that is connecting already.
    pub(super) async fn turn(self: &Arc<Self>) -> Turn {
        let mut asked = {
            let mut protocol = self.lock();
            match &*protocol {
                Protocol::Http1 => return Turn::Connect,
                Protocol::Asked(asked) => asked.clone(),
                Protocol::Unknown => {
                    let (spoken, asked) = watch::channel(Spoken::NotYet);
                    *protocol = Protocol::Asked(asked);
                    return Turn::First(Opening {
                        host: self.clone(),
                        spoken,
                    });
                }
            }
        };
        let spoken = asked.wait_for(|spoken| *spoken != Spoken::NotYet).await;
        match spoken.map(|spoken| *spoken) {
            Ok(Spoken::Http2) => Turn::NotNeeded,
            // After a failure all of them try at once: one by one, the last would wait for the deadlines of all
            // others.
            _ => Turn::Connect,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Protocol> {
        self.protocol.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Opening {
    /// Reports that the host speaks HTTP/1: every request connects.
    pub(super) fn found_http1(self) {
        *self.host.lock() = Protocol::Http1;
        self.spoken.send_replace(Spoken::Http1);
    }

    /// Reports that the host speaks HTTP/2 and the pool has the connection: no more connections.
    pub(super) fn found_http2(self) {
        self.spoken.send_replace(Spoken::Http2);
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        let mut protocol = self.host.lock();
        if matches!(*protocol, Protocol::Asked(_)) {
            *protocol = Protocol::Unknown; // the next connection finds out
        }
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn first(host: &Arc<Host>) -> Opening {
        match host.turn().now_or_never() {
            Some(Turn::First(opening)) => opening,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn one_request_connects_and_the_others_do_as_its_connection_says() {
        let hosts = Hosts::default();
        let host = hosts.host("a.example");
        let opening = first(&host);
        assert!(host.turn().now_or_never().is_none());
        let (others, ()) = tokio::join!(host.turn(), async { opening.found_http2() });
        assert!(matches!(others, Turn::NotNeeded));
        // That connection is used up.
        let opening = first(&host);
        let (others, ()) = tokio::join!(host.turn(), async { drop(opening) });
        assert!(matches!(others, Turn::Connect), "a failure lets all try");
        let opening = first(&host);
        let (others, ()) = tokio::join!(host.turn(), async { opening.found_http1() });
        assert!(matches!(others, Turn::Connect));
        assert!(host.speaks_http1());
        assert!(matches!(host.turn().await, Turn::Connect));
    }

    #[test]
    fn hosts_that_nothing_uses_are_forgotten_when_there_are_many() {
        let hosts = Hosts::default();
        let used = hosts.host("used.example");
        let in_use = used.enter();
        for number in 0..HOSTS {
            hosts.host(&format!("{number}.example"));
        }
        assert!(hosts.0.lock().unwrap().len() < HOSTS);
        assert!(Arc::ptr_eq(&used, &hosts.host("used.example")) && used.in_use());
        drop(in_use);
        assert!(!used.in_use());
    }
}
