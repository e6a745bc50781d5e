//! The same fetch for threads that block: real sockets that block in the kernel.
//!
//! What one writes without an event loop. Requests, limits, guard and error classes are those of
//! [`Fetcher`](super::Fetcher); HTTP/1.1 only, and a few kept connections a thread.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::answer::{idle_timeout, is_idle_timeout};
use super::arrival::{Arrival, Asked};
use super::fault;
use super::intake::{Intake, Next};
use super::plan::FetchPlan;
use super::proxy::Proxy;
use super::sockets;
use super::spool::SpoolFile;
use super::wire::{Answer, Clock, Dialer, Kept, Route, Wire};
use super::{Answered, Shared, admits, check_answer, check_url};
use crate::body::Body;
use crate::error::Result;
use crate::headers::Headers;
use crate::job::Job;
use crate::page::Page;
use crate::visit::FetchError;

/// The fetch path of one thread.
pub(crate) struct BlockingFetcher {
    shared: Arc<Shared>,
    dialer: Dialer,
    /// One for each proxy.
    routes: Vec<Route>,
    kept: Kept,
}

impl BlockingFetcher {
    /// The fetch path of one of `lanes`.
    ///
    /// # Errors
    /// When a setting cannot hold.
    pub(crate) fn new(shared: Arc<Shared>, lanes: usize) -> Result<Self> {
        let mut tls = shared.tls.clone();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let proxies = &shared.plan.settings.proxies;
        let routes = match proxies.as_slice() {
            [] => vec![Route::new(None)?],
            proxies => proxies
                .iter()
                .map(|proxy| Route::new(Some(proxy)))
                .collect::<Result<_>>()?,
        };
        let connections = shared.connections().clone();
        let dialer = Dialer::new(shared.resolver.clone(), connections, Arc::new(tls));
        // One more is in use, and one is kept at least.
        let most = (sockets::limit() / lanes.max(1)).saturating_sub(1).max(1);
        let kept = Kept::new(most, shared.plan.keep_idle);
        Ok(Self {
            shared,
            dialer,
            routes,
            kept,
        })
    }

    /// Asks once.
    ///
    /// # Errors
    /// Why there is no page. Data, not a fault of the program.
    pub(crate) fn fetch(&mut self, job: &Job) -> Result<Page, FetchError> {
        let shared = self.shared.clone();
        let clock = Clock::new(&shared.plan.settings.deadlines);
        let (route, proxy) = shared.proxy(job);
        let wire = self.wire(job, (route, proxy), &clock)?;
        let mut outgoing = shared.template.outgoing(job);
        let asked = Asked::of(&mut outgoing, job, &shared.plan.spool);
        let answer = wire
            .ask(&outgoing, &job.url, &self.routes[route], &clock)
            .map_err(|error| shared.blame(error))?;
        if is_idle_timeout(answer.status, &answer.headers, answer.kept) {
            return Err(idle_timeout());
        }
        let answered = Answered {
            started: clock.started,
            answered: Instant::now(),
            remote: answer.remote(),
            phases: answer.phases,
        };
        self.receive(job, answer, asked, route, &clock, answered)
    }

    /// A connection to a job's host: one that was kept, or a new one.
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
        let names_are_the_proxys = proxy.is_some_and(|proxy| !proxy.is_given_addresses());
        let may = |remote: Option<SocketAddr>| {
            let admitted = || remote.is_some_and(|remote| admits(job, remote.ip(), proxy));
            !guards || names_are_the_proxys || admitted()
        };
        // RFC 9112 9.3.1: what was not processed on a kept connection goes again on a new one, which settles it.
        if job.free_tries == 0
            && let Some(wire) = self.kept.take(&job.host, route, may)
        {
            return Ok(wire);
        }
        let began = Instant::now();
        let addresses = match names_are_the_proxys {
            true => Vec::new(),
            false => self.addresses(job, proxy)?,
        };
        let resolve = (!names_are_the_proxys).then(|| began.elapsed());
        let connected = self
            .dialer
            .connect(&job.url, &self.routes[route], &addresses, clock);
        let mut wire = connected.map_err(|error| self.shared.blame(error))?;
        wire.phases.resolve = resolve;
        Ok(wire)
    }

    /// The addresses of a job's host, checked by the guard where a page named it.
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
        asked: Asked,
        route: usize,
        clock: &Clock,
        answered: Answered,
    ) -> Result<Page, FetchError> {
        let shared = self.shared.clone();
        let FetchPlan {
            settings, spool, ..
        } = &shared.plan;
        let version = answer.version;
        let mut headers = Headers(std::mem::take(&mut answer.headers));
        let mut arrival = Arrival::new(asked, job, answer.status, version, &mut headers)?;
        let version = version.into();
        if !settings.types.want(job, &headers) {
            return Ok(arrival.without_body(
                version,
                headers,
                answered.remote,
                answered.timing(job),
            ));
        }
        let mut intake = Intake::new(settings, arrival.announced(), answered.answered)?;
        let open = |arrival: &mut Arrival| {
            arrival.opener()(spool).map_err(|error| FetchError::Spool(error.to_string()))
        };
        let mut file: Option<SpoolFile> = if arrival.resumes() {
            Some(open(&mut arrival)?)
        } else {
            None
        };
        loop {
            let next = match next(&mut answer, &arrival, &mut intake, clock) {
                Ok(Some(next)) => next,
                Ok(None) => break,
                Err(error) => {
                    drop(file);
                    if arrival.check(intake.received()).is_err() {
                        arrival.forget();
                    }
                    return Err(error);
                }
            };
            let (bytes, first) = match next {
                Next::Held if file.is_some() => (intake.in_memory(), false),
                Next::Held => continue,
                Next::Spill(bytes) => (bytes, true),
                Next::Write(bytes) => (bytes, false),
            };
            if !spool.keep {
                continue;
            }
            if first && file.is_none() {
                file = Some(open(&mut arrival)?);
            }
            if let Some(file) = &mut file {
                file.write(&bytes)
                    .map_err(|error| FetchError::Spool(error.to_string()))?;
            }
        }
        if let Some(wire) = answer.into_wire() {
            self.kept.put(job.host.clone(), route, wire);
        }
        let wire_bytes = intake.received();
        let body = match file {
            Some(file) => Body::Spooled(file.finish()),
            None if wire_bytes > settings.spool.over.0 && !spool.keep => Body::Dropped(wire_bytes),
            None => Body::Memory(intake.in_memory()),
        };
        let timing = answered.timing(job);
        Ok(Page {
            status: arrival.status(),
            version,
            headers,
            body,
            wire_bytes,
            remote: answered.remote,
            timing,
        })
    }
}

/// The next piece of a body; `None` at its end.
fn next(
    answer: &mut Answer,
    arrival: &Arrival,
    intake: &mut Intake,
    clock: &Clock,
) -> Result<Option<Next>, FetchError> {
    if arrival.is_whole(intake.received()) {
        return Ok(None);
    }
    let Some(mut chunk) = answer.chunk(clock)? else {
        arrival.finish(intake.received())?;
        return Ok(None);
    };
    arrival.trim(&mut chunk, intake.received());
    let next = intake.take(chunk, Instant::now())?;
    arrival.check(intake.received())?;
    Ok(Some(next))
}
