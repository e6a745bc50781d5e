//! The same fetch for threads that block, on sockets that block in the kernel.
//!
//! This is how one would write it without an event loop. Requests, limits, guard and error classes are those of
//! [`Fetcher`](super::Fetcher), and so is [HTTP/1.1](super::http1); ureq only opens the connections: TCP, TLS, SOCKS and
//! tunnels. Invariant: every wait has a deadline; a connection is reused only after a body that ended where its framing
//! says.

mod clock;
mod dial;
mod exchange;
mod kept;
mod route;
mod source;
mod tls;
mod unix_socket;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::answer::{idle_timeout, is_idle_timeout};
use super::arrival::Asked;
use super::clearance::Clearance;
use super::direct;
use super::download::{Answered, Download, Step};
use super::fault;
use super::guard::{admits, check_answer, check_url};
use super::proxy::Proxy;
use super::reused::reused;
use super::segments;
use super::shared::Shared;
use super::spool::SpoolFile;
use super::tls::Offer;
use crate::error::Result;
use crate::job::segments::Segments;
use crate::job::{Job, Reuse};
use crate::page::Page;
use crate::page::failure::FetchError;
use crate::past::Lookup;
use clock::Clock;
use dial::Dialer;
use exchange::{Answer, Wire};
use kept::Kept;
use route::Route;

/// The fetch path of one thread.
pub(crate) struct BlockingFetcher {
    shared: Arc<Shared>,
    /// By clearance.
    dialers: Vec<Dialer>,
    /// The direct one, and one for each proxy.
    routes: Vec<Route>,
    kept: Kept,
    past: Option<Lookup>,
}

impl BlockingFetcher {
    /// The fetch path of one of `lanes`.
    ///
    /// # Errors
    /// When a setting is invalid.
    pub(crate) fn new(shared: Arc<Shared>, lanes: usize) -> Result<Self> {
        let proxies = shared.proxies.all().iter().map(Some);
        let routes = std::iter::once(None).chain(proxies).map(Route::new);
        let routes = routes.collect::<Result<_>>()?;
        let dialer = |clearance| {
            let tls = shared.tls.config(clearance, Offer::Http1).clone();
            let connections = shared.connections().clone();
            let socket = shared.plan.settings.unix_socket.clone();
            Dialer::new(shared.resolver.clone(), connections, tls, socket)
        };
        let dialers = Clearance::all(shared.plan.settings.identities.len()).map(dialer);
        let dialers = dialers.collect();
        // One more is in use, and at least one is kept alive.
        let most = (direct::limit() / lanes.max(1)).saturating_sub(1).max(1);
        let kept = Kept::new(most, shared.plan.keep_idle);
        Ok(Self {
            past: shared.lookup()?,
            shared,
            dialers,
            routes,
            kept,
        })
    }

    /// Sends one request.
    ///
    /// # Errors
    /// Why there is no page. That is data, not a fault of the program.
    pub(crate) fn fetch(&mut self, job: &Job) -> Result<Page, FetchError> {
        let shared = self.shared.clone();
        if let Some(Segments::Complete(whole)) = &job.segments {
            return segments::join(whole, &shared.plan.spool, job.checksum().is_some());
        }
        if job.reuse == Reuse::Yes {
            return reused(job, self.past.as_ref());
        }
        let clock = Clock::new(&shared.plan.settings.deadlines);
        let (route, proxy) = match shared.proxies.of(job) {
            Some((index, proxy)) => (index + 1, Some(proxy)),
            None => (0, None),
        };
        let wire = self.wire(job, (route, proxy), &clock)?;
        let mut outgoing = shared.template.outgoing(job);
        let asked = Asked::of(&mut outgoing, job, &shared.plan.spool, self.past.as_ref())?;
        outgoing.add(job);
        job.departs();
        let mut answer = wire
            .ask(&outgoing, &job.url, &self.routes[route], &clock)
            .map_err(|error| blame(error, proxy))?;
        if is_idle_timeout(answer.status, &answer.headers, answer.kept) {
            return Err(idle_timeout());
        }
        let answered = Answered {
            started: clock.started,
            answered: Instant::now(),
            remote: answer.remote(),
            phases: answer.phases,
        };
        let head = (
            answer.status,
            answer.version,
            std::mem::take(&mut answer.headers),
        );
        let download = Download::new(asked, job, head, answered, &shared)?;
        self.receive(job, answer, download, route, &clock)
    }

    /// A connection to a job's host: one that was kept alive, or a new one.
    fn wire(
        &mut self,
        job: &Job,
        (route, proxy): (usize, Option<&Proxy>),
        clock: &Clock,
    ) -> Result<Wire, FetchError> {
        let guards = self.shared.guards(job);
        if guards {
            check_url(job, proxy)?;
        }
        let clearance = self.shared.clearance(job, guards);
        let names_are_the_proxys = proxy.is_some_and(|proxy| !proxy.is_given_addresses());
        let may = |remote: Option<SocketAddr>| {
            let admitted = || remote.is_some_and(|remote| admits(job, remote.ip(), proxy));
            !guards || names_are_the_proxys || admitted()
        };
        // RFC 9112 9.3.1: a request that was not processed on a kept-alive connection is retried on a new one,
        // which settles it.
        if job.free_tries == 0
            && let Some(wire) = self
                .kept
                .take(&job.host, (route, clearance.identity()), may)
        {
            return Ok(wire);
        }
        let began = Instant::now();
        let resolves = !names_are_the_proxys && self.shared.plan.settings.unix_socket.is_none();
        let addresses = match resolves {
            true => self.addresses(job, proxy)?,
            false => Vec::new(),
        };
        let resolve = resolves.then(|| began.elapsed());
        let connected = self.dialers[clearance.index()].connect(
            &job.url,
            &self.routes[route],
            &addresses,
            clock,
        );
        let mut wire = connected.map_err(|error| match (blame(error, proxy), proxy) {
            // No response was asked for yet, but by the proxy.
            (FetchError::Protocol(words), Some(_)) => FetchError::Proxy(words),
            (error, _) => error,
        })?;
        wire.phases.resolve = resolve;
        Ok(wire)
    }

    /// The addresses of a job's host, checked by the guard if a page named it.
    fn addresses(&self, job: &Job, proxy: Option<&Proxy>) -> Result<Vec<SocketAddr>, FetchError> {
        let port = job.url.port();
        if let Some(address) = job.url.literal_address() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let name = job.url.as_url().host_str().unwrap_or_default();
        let found = self
            .shared
            .resolver
            .addresses_blocking(name)
            .map_err(|error| fault::from_dns(&error))?;
        if self.shared.guards(job) {
            check_answer(job, &found, proxy)?;
        }
        let explicit = job.url.as_url().port().is_some();
        let with_port = |mut address: SocketAddr| {
            if explicit || address.port() == 0 {
                address.set_port(port);
            }
            address
        };
        Ok(found.iter().copied().map(with_port).collect())
    }

    fn receive(
        &mut self,
        job: &Job,
        mut answer: Answer,
        mut download: Download<'_>,
        route: usize,
        clock: &Clock,
    ) -> Result<Page, FetchError> {
        let mut file: Option<SpoolFile> = None;
        if download.resumes() {
            file = Some(self.spool(&mut download)?);
        }
        loop {
            let step = match download.is_over() {
                true => Ok(Step::End),
                false => answer.chunk(clock).and_then(|chunk| {
                    if let Some(moment) = download.pay(chunk.as_ref()) {
                        download.waited(clock.sleep_until(moment)?);
                    }
                    download.take(chunk)
                }),
            };
            match step {
                Ok(Step::Read) => {}
                Ok(Step::Write(bytes)) => {
                    let file = match &mut file {
                        Some(file) => file,
                        none => none.insert(self.spool(&mut download)?),
                    };
                    file.write(&bytes)
                        .map_err(|error| FetchError::Spool(error.to_string()))?;
                }
                Ok(Step::End) => break,
                Err(error) => {
                    drop(file);
                    download.give_up();
                    return Err(error);
                }
            }
        }
        if let Some(wire) = answer.into_wire() {
            let clearance = self.shared.clearance(job, self.shared.guards(job));
            self.kept
                .put(job.host.clone(), (route, clearance.identity()), wire);
        }
        Ok(download.page(job, file.and_then(SpoolFile::finish)))
    }

    fn spool(&self, download: &mut Download<'_>) -> Result<SpoolFile, FetchError> {
        download.opener()(&self.shared.plan.spool)
            .map_err(|error| FetchError::Spool(error.to_string()))
    }
}

/// Attributes a fault to the proxy where it may be the proxy's.
fn blame(fault: FetchError, proxy: Option<&Proxy>) -> FetchError {
    match proxy {
        Some(_) => fault::by_proxy(fault),
        None => fault,
    }
}
