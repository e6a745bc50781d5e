//! One request: one page, or one reason why not.
//!
//! The only way to the network. It sends, receives, counts and gives up in time; it does not decompress, decode,
//! follow, or try again: an answer is handed on as it came. Invariant: every wait has a deadline and every body a
//! bound, both from [`FetchSettings`]. There are two fetchers, one for event loops (`Fetcher`) and one for threads that
//! block (`BlockingFetcher`); requests, limits and error classes are the same.

mod answer;
mod arrival;
mod blocking;
mod client;
mod connections;
mod connector;
mod dial;
mod dns;
mod fault;
mod framing;
mod hosts;
mod intake;
mod patience;
mod pinned;
mod plan;
mod proxied;
mod proxy;
mod range;
mod settings;
mod socket;
mod sockets;
mod spool;
mod tls;
mod types;
mod wire;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

pub(crate) use blocking::BlockingFetcher;
pub use proxy::{Proxy, ProxyScheme};
pub use types::MediaTypes;

pub(crate) use plan::{FetchPlan, KEEP_IDLE, SpoolPlan};
pub use settings::{
    Deadlines, FetchSettings, Override, Private, SpoolSettings, TlsSettings, Versions, method,
};

use crate::address;
use crate::body::Body;
use crate::error::Result;
use crate::headers::Headers;
use crate::job::{Job, Reach};
use crate::outgoing::Template;
use crate::page::{Page, Timing};
use crate::visit::FetchError;
use answer::{Answer, Incoming, idle_timeout, is_idle_timeout};
use arrival::{Arrival, Asked};
use client::Clients;
use connections::Connections;
use dns::Resolver;
use intake::{Intake, Next};
use patience::Patience;
use socket::Phases;
use spool::Spooling;

/// What all fetchers of a run share: the expensive parts.
pub(crate) struct Shared {
    plan: FetchPlan,
    template: Template,
    resolver: Resolver,
    tls: rustls::ClientConfig,
    /// Counted where the settings ask for it.
    connections: Connections,
}

/// The fetch path of one event loop.
pub(crate) struct Fetcher {
    shared: Arc<Shared>,
    clients: Clients,
}

impl Shared {
    /// # Errors
    /// When a setting cannot hold, or TLS cannot be set up.
    pub(crate) fn new(plan: FetchPlan) -> Result<Arc<Self>> {
        let settings = &plan.settings;
        let template = Template::new(&settings.method, &settings.headers, settings.body.clone());
        let resolver = Resolver::new(settings.resolve.clone(), settings.deadlines.connect);
        let tls = tls::config(&settings.tls, settings.versions)?;
        Ok(Arc::new(Self {
            plan,
            template,
            resolver,
            tls,
            connections: Connections::default(),
        }))
    }

    /// Connections that were opened, where the settings ask for it.
    pub(crate) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// What it may do.
    pub(crate) fn plan(&self) -> &FetchPlan {
        &self.plan
    }

    /// The place of the proxy that a job goes through, and the proxy; `None` where it goes straight to its host.
    ///
    /// Proxies take turns, and a job that is tried again goes through the next one.
    fn proxy(&self, job: &Job) -> (usize, Option<&Proxy>) {
        let proxies = &self.plan.settings.proxies;
        if proxies.is_empty() {
            return (0, None);
        }
        let turn = match job.id {
            0 => xxhash_rust::xxh3::xxh3_64(job.host.as_str().as_bytes()),
            id => id,
        };
        let turn = turn.wrapping_add(job.attempts.len() as u64);
        let place = (turn % proxies.len() as u64) as usize;
        (place, proxies.get(place))
    }

    /// Whose fault it is, with a proxy between.
    fn blame(&self, fault: FetchError) -> FetchError {
        if self.plan.settings.proxies.is_empty() {
            fault
        } else {
            fault::by_proxy(fault)
        }
    }

    /// Checks where a job that a page named would lead. `Ok(true)`: the client must guard each DNS answer too.
    fn guards(&self, job: &Job) -> bool {
        self.plan.settings.private == Private::Refuse && !matches!(job.reach, Reach::Anywhere)
    }
}

/// Whether a job may lead to an address: public ones always, a private one only where it redirects to itself. Behind a
/// proxy the address that redirected is the proxy's, and says nothing.
fn admits(job: &Job, address: IpAddr, proxy: Option<&Proxy>) -> bool {
    let itself = matches!(job.reach, Reach::PublicOr(Some(same)) if same == address);
    address::is_public(address) || itself && proxy.is_none()
}

/// Checks what the URL itself says, before anything is resolved. Answers whether a resolver of ours has to be asked.
fn check_url(job: &Job, proxy: Option<&Proxy>) -> Result<bool, FetchError> {
    if let Some(address) = job.url.literal_address() {
        return match admits(job, address, proxy) {
            true => Ok(false),
            false => Err(FetchError::Private { address }),
        };
    }
    match proxy {
        Some(proxy) if !proxy.is_given_addresses() => match proxy::is_private_name(&job.url) {
            true => Err(FetchError::PrivateName {
                name: job.url.as_url().host_str().unwrap_or_default().to_owned(),
            }),
            false => Ok(false), // names are the proxy's to resolve
        },
        _ => Ok(true),
    }
}

impl Fetcher {
    /// Builds the clients of one of `lanes`, each with at most `in_flight` requests at a time; call it inside the runtime
    /// that will drive them.
    ///
    /// # Errors
    /// When a client cannot be built.
    pub(crate) fn new(shared: Arc<Shared>, lanes: usize, in_flight: usize) -> Result<Self> {
        let clients = Clients::new(&shared, lanes, in_flight)?;
        Ok(Self { shared, clients })
    }

    /// Asks once.
    ///
    /// # Errors
    /// Why there is no page. Data, not a fault of the program.
    pub(crate) async fn fetch(&self, job: &Job) -> Result<Page, FetchError> {
        let patience = Patience::new(&self.shared.plan.settings.deadlines);
        let (place, proxy) = self.shared.proxy(job);
        let guarded = self.shared.guards(job);
        let guarded = guarded && self.check(job, proxy).await?;
        let mut outgoing = self.shared.template.outgoing(job);
        let asked = Asked::of(&mut outgoing, job, &self.shared.plan.spool);
        let answer = {
            let mut sent = self.clients.send(job, place, guarded, outgoing)?;
            patience.for_head(&mut sent).await??
        };
        let answered = Instant::now();
        if is_idle_timeout(answer.head.status, &answer.head.headers, answer.kept) {
            return Err(idle_timeout());
        }
        let remote = answer.remote;
        if self.shared.guards(job)
            && proxy.is_none()
            && let Some(address) = remote
                .map(|remote| remote.ip())
                .filter(|address| !admits(job, *address, None))
        {
            return Err(FetchError::Private { address });
        }
        let answered = Answered {
            started: patience.started(),
            answered,
            remote,
            phases: answer.phases,
        };
        self.receive(job, answer, asked, &patience, answered).await
    }

    /// The literal host, or each address of the name, before anything is sent.
    async fn check(&self, job: &Job, proxy: Option<&Proxy>) -> Result<bool, FetchError> {
        if !check_url(job, proxy)? {
            return Ok(false);
        }
        let name = job.url.as_url().host_str().unwrap_or_default();
        let addresses = self
            .shared
            .resolver
            .addresses(name)
            .await
            .map_err(|error| fault::from_dns(&error))?;
        check_answer(job, &addresses, proxy)
    }

    async fn receive(
        &self,
        job: &Job,
        mut answer: Box<Answer>,
        asked: Asked,
        patience: &Patience,
        answered: Answered,
    ) -> Result<Page, FetchError> {
        let FetchPlan {
            settings, spool, ..
        } = &self.shared.plan;
        let head = &mut answer.head;
        let mut headers = Headers(std::mem::take(&mut head.headers));
        let mut arrival = Arrival::new(asked, job, head.status, head.version, &mut headers)?;
        let version = head.version.into();
        if !settings.types.want(job, &headers) {
            return Ok(arrival.without_body(
                version,
                headers,
                answered.remote,
                answered.timing(job),
            ));
        }
        let mut intake = Intake::new(settings, arrival.announced(), answered.answered)?;
        let mut spooling: Option<Spooling> = None;
        if arrival.resumes() {
            spooling = Some(self.spool(&mut arrival));
        }
        loop {
            let next = match self
                .next(&mut answer.body, &arrival, &mut intake, patience)
                .await
            {
                Ok(Some(next)) => next,
                Ok(None) => break,
                Err(error) => {
                    // The next try goes on from what is in the file: it has to be there, and nobody be writing to it.
                    if let Some(file) = spooling {
                        file.give_up().await;
                    }
                    if arrival.check(intake.received()).is_err() {
                        arrival.forget();
                    }
                    return Err(error);
                }
            };
            let (bytes, first) = match next {
                Next::Held if spooling.is_some() => (intake.in_memory(), false),
                Next::Held => continue,
                Next::Spill(bytes) => (bytes, true),
                Next::Write(bytes) => (bytes, false),
            };
            if !spool.keep {
                continue;
            }
            if first && spooling.is_none() {
                spooling = Some(self.spool(&mut arrival));
            }
            if let Some(file) = &spooling
                && file.write(bytes).await.is_err()
            {
                break; // the file's own error is told below
            }
        }
        let wire_bytes = intake.received();
        let body = match spooling {
            Some(file) => Body::Spooled(
                file.finish()
                    .await
                    .map_err(|error| FetchError::Spool(error.to_string()))?,
            ),
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

    /// The next piece of a body; `None` at its end.
    async fn next(
        &self,
        body: &mut Incoming,
        arrival: &Arrival,
        intake: &mut Intake,
        patience: &Patience,
    ) -> Result<Option<Next>, FetchError> {
        if arrival.is_whole(intake.received()) {
            return Ok(None);
        }
        let chunk = body.chunk(intake.received(), &self.shared.plan.settings.deadlines);
        let Some(mut chunk) = patience.for_chunk(chunk).await?? else {
            arrival.finish(intake.received())?;
            return Ok(None);
        };
        arrival.trim(&mut chunk, intake.received());
        let next = intake.take(chunk, Instant::now())?;
        arrival.check(intake.received())?;
        Ok(Some(next))
    }

    fn spool(&self, arrival: &mut Arrival) -> Spooling {
        let shared = self.shared.clone();
        let open = arrival.opener();
        Spooling::start(move || open(&shared.plan.spool))
    }
}

/// What is known when the head of an answer is complete.
struct Answered {
    started: Instant,
    answered: Instant,
    remote: Option<SocketAddr>,
    phases: Phases,
}

impl Answered {
    fn timing(&self, job: &Job) -> Timing {
        let total = self.started.elapsed();
        Timing {
            sent: SystemTime::now().checked_sub(total),
            queued: self.started.saturating_duration_since(job.since),
            first_byte: self.answered.duration_since(self.started),
            total,
            resolve: self.phases.resolve,
            connect: self.phases.connect,
            tls: self.phases.tls,
        }
    }
}

/// One private address among public ones is how rebinding starts: the whole answer goes.
fn check_answer(
    job: &Job,
    addresses: &[SocketAddr],
    proxy: Option<&Proxy>,
) -> Result<bool, FetchError> {
    match addresses
        .iter()
        .find(|address| !address::is_public(address.ip()))
    {
        None => Ok(true),
        Some(_)
            if proxy.is_none()
                && addresses.iter().any(|address| {
                    matches!(job.reach, Reach::PublicOr(Some(same)) if same == address.ip())
                }) =>
        {
            Ok(false)
        }
        Some(private) => Err(FetchError::Private {
            address: private.ip(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::PageUrl;

    #[tokio::test]
    async fn a_request_in_flight_is_a_small_thing() {
        let fetcher = Fetcher::new(Shared::new(FetchPlan::default()).unwrap(), 1, 1).unwrap();
        let job = Job::seed(1, PageUrl::parse("http://a.example/").unwrap());
        let fetch = size_of_val(&fetcher.fetch(&job));
        assert!(fetch <= 2048, "{fetch} bytes");
    }
}
