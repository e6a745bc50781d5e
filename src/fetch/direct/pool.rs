//! The connections of a lane that may be used again, and what is known about their hosts.
//!
//! Whether an https host speaks HTTP/2 is known when the first handshake is over, and from then on one connection is
//! enough. So only one request at a time connects to a host that is not known to speak HTTP/1.1; the others wait until
//! that connection is here, or turned out to speak HTTP/1.1, or failed.
//!
//! Invariant: connections that rest here are bounded for each host, in their age and in sum; of those that are too many,
//! the one that was unused for longest is closed first.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::connection::Connection;
use super::room::Room;
use super::session::{InUse, Session};
use crate::fetch::plan::FetchPlan;
use crate::fetch::settings::Http2Connections;
use crate::job::Job;
use crate::url::HostKey;

/// The number of hosts from which on those without connections are forgotten.
const HOSTS: usize = 1024;
/// Hosts remembered that want HTTP/1.1.
const WANT_HTTP1: usize = 4096;
/// How often connections are looked for that have rested for too long.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// The connections of a lane that may be used again.
pub(super) struct Pool {
    limit: usize,
    idle_per_host: usize,
    keep_idle: Duration,
    http2_connections: Http2Connections,
    /// Connections that are open, in use or not.
    open: Rc<Cell<usize>>,
    hosts: HashMap<HostKey, Host>,
    /// Hosts that negotiate HTTP/2 and then refuse it.
    want_http1: HashSet<HostKey>,
    swept: Instant,
}

/// What a request does to get a connection.
pub(super) enum Turn {
    /// Use this idle one.
    Idle(Box<Connection>),
    /// Use this one, together with other requests.
    Shared(InUse),
    /// Open one.
    Connect,
    /// Open one, and tell the others what the host speaks.
    First(watch::Sender<()>),
    /// Wait for the one that is being opened, and look again.
    Wait(watch::Receiver<()>),
}

#[derive(Default)]
struct Host {
    /// The most recently used one last.
    idle: Vec<Idle>,
    shared: Vec<Rc<Session>>,
    protocol: Protocol,
}

struct Idle {
    since: Instant,
    connection: Box<Connection>,
}

/// The protocol that an https host is known to speak.
#[derive(Default)]
enum Protocol {
    #[default]
    Unknown,
    /// A request is opening a connection, and will tell.
    Asked(watch::Receiver<()>),
    Http1,
}

impl Pool {
    /// At most `limit` connections are open beside those in use.
    pub(super) fn new(limit: usize, plan: &FetchPlan) -> Self {
        Self {
            limit,
            idle_per_host: plan.idle_per_host,
            keep_idle: plan.keep_idle,
            http2_connections: plan.settings.http2_connections,
            open: Rc::default(),
            hosts: HashMap::new(),
            want_http1: HashSet::new(),
            swept: Instant::now(),
        }
    }

    /// Finds a connection for a job whose address and client certificate `may_use` accepts.
    pub(super) fn turn(
        &mut self,
        job: &Job,
        offers_http2: bool,
        may_use: impl Fn(Option<IpAddr>, Option<usize>) -> bool,
    ) -> Turn {
        if !self.hosts.contains_key(&job.host) {
            self.hosts.insert(job.host.clone(), Host::default());
        }
        let Some(host) = self.hosts.get_mut(&job.host) else {
            return Turn::Connect; // unreachable: it was just inserted
        };
        host.shared.retain(|session| !session.has_ended());
        let shared = host.shared.iter();
        let shared = shared.filter(|one| may_use(one.remote.map(|at| at.ip()), one.identity));
        if offers_http2
            && let Some(session) = shared.min_by_key(|session| session.in_flight())
            && !host.wants_another(session, self.http2_connections)
        {
            return Turn::Shared(session.enter());
        }
        // RFC 9112 9.3.1: a request that was not processed on a kept connection is sent again on a new one, which
        // settles it.
        if job.free_tries == 0
            && let Some(connection) = host.take(self.keep_idle, may_use)
        {
            return Turn::Idle(connection);
        }
        if !offers_http2 {
            return Turn::Connect;
        }
        match &host.protocol {
            Protocol::Http1 => Turn::Connect,
            Protocol::Asked(told) => Turn::Wait(told.clone()),
            Protocol::Unknown => {
                let (tell, told) = watch::channel(());
                host.protocol = Protocol::Asked(told);
                Turn::First(tell)
            }
        }
    }

    /// Keeps a connection for the next request to its host.
    pub(super) fn put(&mut self, host: &HostKey, connection: Box<Connection>) {
        let now = Instant::now();
        if now.duration_since(self.swept) >= SWEEP_EVERY {
            self.sweep(now);
        }
        if self.idle_per_host == 0 {
            return;
        }
        let idle = Idle {
            since: now,
            connection,
        };
        match self.hosts.get_mut(host) {
            Some(known) => {
                if known.idle.len() >= self.idle_per_host {
                    known.idle.remove(0);
                }
                known.idle.push(idle);
            }
            None => {
                let host = self.hosts.entry(host.clone()).or_default();
                host.idle.push(idle);
            }
        }
    }

    /// Keeps a connection for all requests to its host.
    pub(super) fn share(&mut self, host: &HostKey, session: Rc<Session>) {
        let host = self.hosts.entry(host.clone()).or_default();
        host.shared.push(session);
    }

    /// Whether a new connection to a host may be used only once its server has said how many requests it allows.
    ///
    /// Where there are to be several, no request may gather on one of them beyond that.
    pub(super) fn awaits_limit(&self, host: &HostKey) -> bool {
        let is_another = |host: &Host| !host.shared.is_empty();
        matches!(self.http2_connections, Http2Connections::UpTo(_))
            || self.hosts.get(host).is_some_and(is_another)
    }

    /// Makes room for a connection, by closing connections that nobody uses if there is none.
    pub(super) fn room(&mut self) -> Room {
        if self.open.get() >= self.limit {
            self.close_unused();
        }
        Room::new(&self.open)
    }

    /// Remembers that a host speaks only HTTP/1.1.
    pub(super) fn found_http1(&mut self, host: &HostKey) {
        self.hosts.entry(host.clone()).or_default().protocol = Protocol::Http1;
    }

    /// Notes that the first connection to a host has been made, or failed.
    pub(super) fn opened(&mut self, host: &HostKey) {
        if let Some(host) = self.hosts.get_mut(host)
            && matches!(host.protocol, Protocol::Asked(_))
        {
            host.protocol = Protocol::Unknown; // the next connection finds out
        }
    }

    /// Whether HTTP/2 is not offered to a host.
    pub(super) fn wants_http1(&self, host: &HostKey) -> bool {
        !self.want_http1.is_empty() && self.want_http1.contains(host)
    }

    /// Asks a host over HTTP/1.1 from now on.
    pub(super) fn prefer_http1(&mut self, host: &HostKey) {
        if self.want_http1.len() >= WANT_HTTP1 {
            self.want_http1.clear();
        }
        self.want_http1.insert(host.clone());
    }

    /// Closes the connections that have been unused for longest.
    ///
    /// It closes a few at once, so that the search is rare.
    fn close_unused(&mut self) {
        let unused = self.hosts.values().flat_map(Host::unused_since);
        let mut unused: Vec<Instant> = unused.collect();
        let excess = (self.open.get() + 1).saturating_sub(self.limit);
        let count = excess.max(self.limit / 16).min(unused.len());
        let Some(last) = count.checked_sub(1) else {
            return;
        };
        let (_, newest, _) = unused.select_nth_unstable(last);
        let until = *newest;
        self.forget(|since| since <= until);
    }

    /// Closes the connections that have rested for too long.
    fn sweep(&mut self, now: Instant) {
        self.swept = now;
        let keep = self.keep_idle;
        self.forget(|since| now.duration_since(since) >= keep);
        if self.hosts.len() > HOSTS {
            self.hosts.retain(|_, host| !host.is_unused());
        }
    }

    fn forget(&mut self, is_over: impl Fn(Instant) -> bool) {
        for host in self.hosts.values_mut() {
            host.idle.retain(|idle| !is_over(idle.since));
            host.shared
                .retain(|session| session.unused_since().is_none_or(|since| !is_over(since)));
        }
    }
}

impl Host {
    /// Whether a request needs another connection with HTTP/2, given the one with the fewest requests.
    fn wants_another(&self, least_busy: &Session, allowed: Http2Connections) -> bool {
        let is_opening = matches!(self.protocol, Protocol::Asked(_));
        let in_flight = least_busy.in_flight();
        match allowed {
            // Without waiting for it: the others take requests meanwhile, as many as the server allows.
            Http2Connections::UpTo(most) => {
                let is_full = in_flight >= least_busy.capacity();
                self.shared.len() < most.get() && in_flight > 0 && (is_full || !is_opening)
            }
            // They do not, so a request that finds one being opened waits for that.
            Http2Connections::AsNeeded => {
                self.shared.len() < Http2Connections::MOST && in_flight >= least_busy.capacity()
            }
        }
    }

    fn take(
        &mut self,
        within: Duration,
        may_use: impl Fn(Option<IpAddr>, Option<usize>) -> bool,
    ) -> Option<Box<Connection>> {
        let is_usable = |idle: &Idle| {
            let connection = &idle.connection;
            may_use(connection.remote.map(|at| at.ip()), connection.identity)
        };
        while let Some(at) = self.idle.iter().rposition(is_usable) {
            let mut idle = self.idle.remove(at);
            // Anything that the server sends on an idle connection is no response to the next request (RFC 9110 15.5.9).
            if idle.since.elapsed() < within && idle.connection.is_quiet() {
                return Some(idle.connection);
            }
        }
        None
    }

    fn unused_since(&self) -> impl Iterator<Item = Instant> + '_ {
        let idle = self.idle.iter().map(|idle| idle.since);
        idle.chain(self.shared.iter().filter_map(|one| one.unused_since()))
    }

    fn is_unused(&self) -> bool {
        let is_asked = matches!(self.protocol, Protocol::Asked(_));
        self.idle.is_empty() && self.shared.is_empty() && !is_asked
    }
}
