//! One request: one page, or one reason why not.
//!
//! The only way to the network. It sends, receives, counts and gives up in time; it does not decompress, decode,
//! follow, or try again: an answer is handed on as it came. Invariant: every wait has a deadline and every body a
//! bound, both from [`FetchSettings`]. There are two clients behind it, one for event loops ([`Fetcher`]) and one
//! for threads that block ([`BlockingFetcher`]); requests, limits and error classes are the same.

mod blocking;
mod client;
mod dns;
mod fault;
mod intake;
mod request;
mod settings;
mod spool;
mod tls;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::Either;
use http::{StatusCode, header};
use tokio::time::timeout_at;
use url::Host;

pub(crate) use blocking::BlockingFetcher;
pub use settings::{
    Deadlines, FetchSettings, Override, Private, SpoolSettings, TlsSettings, Versions,
};
pub(crate) use spool::PREFIX as SPOOL_PREFIX;

use crate::address;
use crate::body::Body;
use crate::error::Result;
use crate::headers::Headers;
use crate::job::{Job, Reach};
use crate::page::{Page, Timing};
use crate::visit::{FetchError, Phase};
use client::Clients;
use dns::Resolver;
use fault::Stage;
use intake::{Intake, Next};
use request::Template;
use spool::{Note, Partial, SpoolFile, Spooling};

/// What all fetchers of a run share: the expensive parts.
pub(crate) struct Shared {
    settings: FetchSettings,
    template: Template,
    resolver: Resolver,
    tls: rustls::ClientConfig,
}

/// The fetch path of one event loop.
pub(crate) struct Fetcher {
    shared: Arc<Shared>,
    clients: Clients,
}

impl Shared {
    /// # Errors
    /// When a setting cannot hold, or TLS cannot be set up.
    pub(crate) fn new(settings: FetchSettings) -> Result<Arc<Self>> {
        let template = Template::new(&settings)?;
        let resolver = Resolver::new(settings.resolve.clone(), settings.deadlines.connect);
        let tls = tls::config(&settings.tls, settings.versions)?;
        Ok(Arc::new(Self {
            settings,
            template,
            resolver,
            tls,
        }))
    }

    /// What it may do.
    pub(crate) fn settings(&self) -> &FetchSettings {
        &self.settings
    }

    fn partial(&self, job: &Job) -> Option<Partial> {
        let spool = &self.settings.spool;
        (spool.resume && spool.keep && job.request.is_none())
            .then(|| Partial::find(spool, &job.url))
            .flatten()
    }

    /// Checks where a job that a page named would lead. `Ok(true)`: the client must guard each DNS answer too.
    fn guards(&self, job: &Job) -> bool {
        self.settings.private == Private::Refuse && !matches!(job.reach, Reach::Anywhere)
    }
}

/// Whether a job may lead to an address: public ones always, a private one only where it redirects to itself.
fn admits(job: &Job, address: IpAddr) -> bool {
    address::is_public(address)
        || matches!(job.reach, Reach::PublicOr(Some(same)) if same == address)
}

impl Fetcher {
    /// Builds the clients; call it inside the runtime that will drive them.
    ///
    /// # Errors
    /// When a client cannot be built.
    pub(crate) fn new(shared: Arc<Shared>) -> Result<Self> {
        let clients = Clients::new(&shared)?;
        Ok(Self { shared, clients })
    }

    /// Asks once.
    ///
    /// # Errors
    /// Why there is no page. Data, not a fault of the program.
    pub(crate) async fn fetch(&self, job: &Job) -> Result<Page, FetchError> {
        let started = Instant::now();
        let deadlines = &self.shared.settings.deadlines;
        let total = at(started, deadlines.total);
        let fetch = self.within(job, started);
        match total {
            None => fetch.await,
            Some(total) => timeout_at(total.into(), fetch)
                .await
                .unwrap_or_else(|_| Err(fault::late(Phase::Total, deadlines.total))),
        }
    }

    async fn within(&self, job: &Job, started: Instant) -> Result<Page, FetchError> {
        let settings = &self.shared.settings;
        let guarded = self.shared.guards(job);
        let guarded = guarded && self.check(job).await?;
        let partial = self.shared.partial(job);
        let request = self.request(job, partial.as_ref());
        let first_byte = settings.deadlines.first_byte;
        let execute = self.clients.next(guarded).execute(request);
        let execute = match at(started, first_byte) {
            None => Either::Left(async { Ok(execute.await) }),
            Some(deadline) => Either::Right(timeout_at(deadline.into(), execute)),
        };
        let response = match execute.await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                return Err(fault::from_reqwest(
                    &error,
                    Stage::Head,
                    &settings.deadlines,
                ));
            }
            Err(_) => return Err(fault::late(Phase::FirstByte, first_byte)),
        };
        let answered = Instant::now();
        let remote = response.remote_addr();
        if self.shared.guards(job)
            && settings.proxies.is_empty()
            && let Some(address) = remote
                .map(|remote| remote.ip())
                .filter(|address| !admits(job, *address))
        {
            return Err(FetchError::Private { address });
        }
        self.receive(
            job,
            response,
            partial,
            Answered {
                started,
                answered,
                remote,
            },
        )
        .await
    }

    /// The literal host, or each address of the name, before anything is sent.
    async fn check(&self, job: &Job) -> Result<bool, FetchError> {
        let literal = match job.url.as_url().host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            _ => None,
        };
        if let Some(address) = literal {
            return if admits(job, address) {
                Ok(false)
            } else {
                Err(FetchError::Private { address })
            };
        }
        if !self.shared.settings.proxies.is_empty() {
            return Ok(false); // names are the proxy's to resolve
        }
        let name = job.url.as_url().host_str().unwrap_or_default();
        let addresses = self
            .shared
            .resolver
            .addresses(name)
            .await
            .map_err(|error| fault::from_dns(&error))?;
        check_answer(job, &addresses)
    }

    fn request(&self, job: &Job, partial: Option<&Partial>) -> reqwest::Request {
        let mut outgoing = self.shared.template.outgoing(job);
        if let Some(partial) = partial {
            outgoing.resume(partial.length, &partial.note.validator);
        }
        let mut request = reqwest::Request::new(outgoing.method, job.url.as_url().clone());
        *request.headers_mut() = outgoing.headers;
        *request.body_mut() = outgoing.body.map(reqwest::Body::from);
        request
    }

    async fn receive(
        &self,
        job: &Job,
        mut response: reqwest::Response,
        partial: Option<Partial>,
        answered: Answered,
    ) -> Result<Page, FetchError> {
        let settings = &self.shared.settings;
        let deadlines = &settings.deadlines;
        let status = response.status();
        let version = response.version().into();
        let headers = Headers(std::mem::take(response.headers_mut()));
        let arrival = Arrival::new(job, status, &headers, partial)?;
        let mut intake = Intake::new(settings, announced(&headers), answered.answered)?;
        let mut spooling: Option<Spooling> = None;
        if arrival.resumes() {
            spooling = Some(self.spool(job, &arrival));
        }
        loop {
            let chunk = match deadlines.between_chunks {
                Duration::ZERO => response.chunk().await,
                between => match tokio::time::timeout(between, response.chunk()).await {
                    Ok(chunk) => chunk,
                    Err(_) => return Err(fault::late(Phase::Body, between)),
                },
            };
            let chunk = chunk.map_err(|error| {
                fault::from_reqwest(&error, Stage::Body(intake.received()), deadlines)
            })?;
            let Some(chunk) = chunk else { break };
            let (bytes, first) = match intake.take(chunk, Instant::now())? {
                Next::Held if spooling.is_some() => (intake.in_memory(), false),
                Next::Held => continue,
                Next::Spill(bytes) => (bytes, true),
                Next::Write(bytes) => (bytes, false),
            };
            if !settings.spool.keep {
                continue;
            }
            if first && spooling.is_none() {
                spooling = Some(self.spool(job, &arrival));
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
            None if wire_bytes > settings.spool.over.0 && !settings.spool.keep => {
                Body::Dropped(wire_bytes)
            }
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

    fn spool(&self, job: &Job, arrival: &Arrival) -> Spooling {
        let (shared, url) = (self.shared.clone(), job.url.clone());
        let open = arrival.opener();
        Spooling::start(move || open(&shared.settings.spool, &url))
    }
}

/// What is known when the head of an answer is complete.
struct Answered {
    started: Instant,
    answered: Instant,
    remote: Option<SocketAddr>,
}

impl Answered {
    fn timing(&self, job: &Job) -> Timing {
        Timing {
            queued: self.started.saturating_duration_since(job.since),
            first_byte: self.answered.duration_since(self.started),
            total: self.started.elapsed(),
        }
    }
}

/// How an answer stands to the partial download that it was asked to complete, and to being resumed itself.
struct Arrival {
    status: StatusCode,
    partial: Option<Arc<Partial>>,
    note: Option<Note>,
}

impl Arrival {
    /// # Errors
    /// When a partial answer is not the part that was asked for.
    fn new(
        job: &Job,
        status: StatusCode,
        headers: &Headers,
        partial: Option<Partial>,
    ) -> Result<Self, FetchError> {
        let Some(partial) = partial else {
            let note = (status == StatusCode::OK)
                .then(|| note(job, headers))
                .flatten();
            return Ok(Self {
                status,
                partial: None,
                note,
            });
        };
        match status {
            StatusCode::PARTIAL_CONTENT
                if starts_at(headers, partial.length, partial.note.total) =>
            {
                Ok(Self {
                    status: StatusCode::OK,
                    partial: Some(Arc::new(partial)),
                    note: None,
                })
            }
            // The server has another body, or no ranges: the next try starts over.
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                partial.remove();
                Err(FetchError::Spool(
                    "the partial download no longer fits what the server has".into(),
                ))
            }
            _ => {
                let note = (status == StatusCode::OK)
                    .then(|| note(job, headers))
                    .flatten();
                Ok(Self {
                    status,
                    partial: None,
                    note,
                })
            }
        }
    }

    fn resumes(&self) -> bool {
        self.partial.is_some()
    }

    /// A download that was completed is as good as a whole one.
    fn status(&self) -> u16 {
        self.status.as_u16()
    }

    fn opener(
        &self,
    ) -> impl FnOnce(&SpoolSettings, &crate::url::PageUrl) -> std::io::Result<SpoolFile> + Send + 'static
    {
        let (partial, note) = (self.partial.clone(), self.note.clone());
        move |settings, url| match partial {
            Some(partial) => SpoolFile::append(settings, &partial),
            None => SpoolFile::create(settings, url, note.as_ref()),
        }
    }
}

/// What a later try would need to know, where the server says enough: a length, a validator, no coding.
fn note(job: &Job, headers: &Headers) -> Option<Note> {
    if headers.0.contains_key(header::CONTENT_ENCODING)
        || headers.text(header::ACCEPT_RANGES) == Some("none")
    {
        return None;
    }
    let strong = headers
        .text(header::ETAG)
        .filter(|tag| !tag.starts_with("W/"));
    let validator = strong.or_else(|| headers.text(header::LAST_MODIFIED))?;
    Some(Note {
        url: job.url.to_string(),
        validator: validator.to_owned(),
        total: announced(headers)?,
    })
}

/// `Content-Range: bytes 500-999/1000` (RFC 9110 14.4).
fn starts_at(headers: &Headers, from: u64, total: u64) -> bool {
    let range = headers
        .text(header::CONTENT_RANGE)
        .and_then(|value| value.trim().strip_prefix("bytes "));
    let Some((range, whole)) = range.and_then(|range| range.split_once('/')) else {
        return false;
    };
    let start = range
        .split_once('-')
        .and_then(|(start, _)| start.parse().ok());
    start == Some(from) && (whole == "*" || whole.parse() == Ok(total))
}

fn announced(headers: &Headers) -> Option<u64> {
    headers.text(header::CONTENT_LENGTH)?.trim().parse().ok()
}

/// One private address among public ones is how rebinding starts: the whole answer goes.
fn check_answer(job: &Job, addresses: &[SocketAddr]) -> Result<bool, FetchError> {
    match addresses
        .iter()
        .find(|address| !address::is_public(address.ip()))
    {
        None => Ok(true),
        Some(_)
            if addresses.iter().any(
                |address| matches!(job.reach, Reach::PublicOr(Some(same)) if same == address.ip()),
            ) =>
        {
            Ok(false)
        }
        Some(private) => Err(FetchError::Private {
            address: private.ip(),
        }),
    }
}

fn at(started: Instant, after: Duration) -> Option<Instant> {
    (!after.is_zero())
        .then(|| started.checked_add(after))
        .flatten()
}
