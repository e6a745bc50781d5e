//! The same fetch for threads that block: real sockets that block in the kernel, by way of ureq.
//!
//! What one writes without an event loop. Requests, limits, guard and error classes are those of
//! [`Fetcher`](super::Fetcher); HTTP/1.1 only, and one connection pool a thread.

use std::collections::HashMap;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver as UreqResolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::arrival::{Arrival, announced};
use super::dns::Resolver;
use super::fault::{self, Stage};
use super::intake::{Intake, Next};
use super::proxy::Proxy;
use super::settings::{FetchSettings, TlsSettings};
use super::spool::SpoolFile;
use super::transport::{Connect, InBody};
use super::{Answered, Shared, check_answer, check_url, tls};
use crate::body::Body;
use crate::error::{Error, Result};
use crate::headers::Headers;
use crate::job::Job;
use crate::page::Page;
use crate::visit::FetchError;

/// Header fields an answer may have: as many as the other client takes, so that it is one limit.
const HEADERS: usize = 100;
/// Bytes read from a socket at a time.
const CHUNK: usize = 64 << 10;
/// Bytes that the head of an answer may have: what fits into ureq's buffer, with room to see that there is more.
const HEAD: usize = 96 << 10;
/// Hosts whose address is remembered, to tell which one answered on a kept connection.
const REMEMBERED: usize = 1024;

/// The fetch path of one thread.
pub(crate) struct BlockingFetcher {
    shared: Arc<Shared>,
    agents: Vec<Agent>,
    /// Where the next connection is to go.
    target: Target,
    in_body: InBody,
    remembered: HashMap<String, SocketAddr>,
    buffer: BytesMut,
}

/// The one address that ureq may connect to next; chosen here, where the guard is.
#[derive(Clone, Default)]
struct Target(Arc<Mutex<Option<SocketAddr>>>);

impl BlockingFetcher {
    /// # Errors
    /// When a setting cannot hold.
    pub(crate) fn new(shared: Arc<Shared>) -> Result<Self> {
        let (target, in_body) = (Target::default(), InBody::default());
        let proxies: Vec<Option<&Proxy>> = match shared.settings.proxies.as_slice() {
            [] => vec![None],
            proxies => proxies.iter().map(Some).collect(),
        };
        let agent = |proxy: &Option<&Proxy>| agent(&shared, *proxy, &target, &in_body);
        let agents = proxies.iter().map(agent).collect::<Result<_>>()?;
        Ok(Self {
            shared,
            agents,
            target,
            in_body,
            remembered: HashMap::new(),
            buffer: BytesMut::new(),
        })
    }

    /// Asks once.
    ///
    /// # Errors
    /// Why there is no page. Data, not a fault of the program.
    pub(crate) fn fetch(&mut self, job: &Job) -> Result<Page, FetchError> {
        let started = Instant::now();
        let shared = self.shared.clone();
        let (place, proxy) = shared.proxy(job);
        // A proxy that resolves names itself is given the name.
        let choices = match proxy {
            Some(proxy) if !proxy.is_given_addresses() => {
                if shared.guards(job) {
                    check_url(job, Some(proxy))?;
                }
                vec![None]
            }
            _ => self.addresses(job, proxy)?.into_iter().map(Some).collect(),
        };
        let partial = shared.partial(job);
        let mut last = None;
        // Each address in turn, as a browser would.
        for address in choices {
            let mut outgoing = shared.template.outgoing(job);
            if let Some(partial) = &partial {
                outgoing.resume(partial.length, &partial.note.validator);
            }
            let mut request = http::Request::new(());
            *request.method_mut() = outgoing.method;
            *request.uri_mut() = Uri::try_from(job.url.as_str())
                .map_err(|error| FetchError::Protocol(error.to_string()))?;
            *request.headers_mut() = outgoing.headers;
            self.target.set(address);
            self.in_body.set(false);
            let agent = &self.agents[place];
            let answer = match outgoing.body {
                Some(body) => agent.run(request.map(|()| body.to_vec())),
                None => agent.run(request),
            };
            match answer {
                Ok(response) => {
                    let remote = self.remember(job, address.filter(|_| proxy.is_none()));
                    let answered = Answered {
                        started,
                        answered: Instant::now(),
                        remote,
                    };
                    return self.receive(job, response, partial, answered);
                }
                Err(error) => {
                    let error = fault::from_ureq(&error, Stage::Head, &shared.settings.deadlines);
                    let next_address = matches!(error, FetchError::Connect(_));
                    last = Some(shared.blame(error));
                    if !next_address {
                        break;
                    }
                }
            }
        }
        Err(last.unwrap_or_else(|| FetchError::Dns("the name has no address".into())))
    }

    /// The addresses of a job's host, checked by the guard where a page named it.
    fn addresses(&self, job: &Job, proxy: Option<&Proxy>) -> Result<Vec<SocketAddr>, FetchError> {
        let guards = self.shared.guards(job);
        let port = job.url.port();
        if guards {
            check_url(job, proxy)?;
        }
        if let Some(address) = job.url.literal_address() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let name = job.url.as_url().host_str().unwrap_or_default();
        let found = self
            .shared
            .resolver
            .addresses_blocking(name)
            .map_err(|error| fault::from_dns(&error))?;
        if guards {
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

    /// ureq does not tell who answered: it was who was connected to, now or when the kept connection was made.
    fn remember(&mut self, job: &Job, connected: Option<SocketAddr>) -> Option<SocketAddr> {
        let was_used = self.target.take().is_none();
        let host = job.host.as_str();
        if was_used && let Some(address) = connected {
            if self.remembered.len() >= REMEMBERED {
                self.remembered.clear();
            }
            self.remembered.insert(host.to_owned(), address);
        }
        self.remembered.get(host).copied().or(connected)
    }

    fn receive(
        &mut self,
        job: &Job,
        response: ureq::http::Response<ureq::Body>,
        partial: Option<super::Partial>,
        answered: Answered,
    ) -> Result<Page, FetchError> {
        self.in_body.set(true);
        let shared = self.shared.clone();
        let settings = &shared.settings;
        let (parts, body) = response.into_parts();
        let headers = Headers(parts.headers);
        if headers.0.len() > HEADERS {
            return Err(FetchError::HeadTooLarge);
        }
        let arrival = Arrival::new(job, parts.status, &headers, partial)?;
        if !settings.types.want(job, &headers) {
            let version = parts.version.into();
            return Ok(arrival.without_body(
                version,
                headers,
                answered.remote,
                answered.timing(job),
            ));
        }
        let mut intake = Intake::new(settings, announced(&headers), answered.answered)?;
        let open = |arrival: &Arrival| {
            arrival.opener()(&settings.spool, &job.url)
                .map_err(|error| FetchError::Spool(error.to_string()))
        };
        let mut file: Option<SpoolFile> = if arrival.resumes() {
            Some(open(&arrival)?)
        } else {
            None
        };
        let mut reader = body.into_reader();
        while let Some(chunk) = self.chunk(&mut reader).map_err(|error| {
            fault::from_ureq(
                &ureq::Error::from(error),
                Stage::Body(intake.received()),
                &settings.deadlines,
            )
        })? {
            let (bytes, first) = match intake.take(chunk, Instant::now())? {
                Next::Held if file.is_some() => (intake.in_memory(), false),
                Next::Held => continue,
                Next::Spill(bytes) => (bytes, true),
                Next::Write(bytes) => (bytes, false),
            };
            if !settings.spool.keep {
                continue;
            }
            if first && file.is_none() {
                file = Some(open(&arrival)?);
            }
            if let Some(file) = &mut file {
                file.write(&bytes)
                    .map_err(|error| FetchError::Spool(error.to_string()))?;
            }
        }
        let wire_bytes = intake.received();
        let body = match file {
            Some(file) => Body::Spooled(file.finish()),
            None if wire_bytes > settings.spool.over.0 && !settings.spool.keep => {
                Body::Dropped(wire_bytes)
            }
            None => Body::Memory(intake.in_memory()),
        };
        let version = parts.version.into();
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

    fn chunk(&mut self, reader: &mut impl Read) -> std::io::Result<Option<Bytes>> {
        self.buffer.resize(CHUNK, 0);
        let count = reader.read(&mut self.buffer)?;
        if count == 0 {
            return Ok(None);
        }
        Ok(Some(self.buffer.split_to(count).freeze()))
    }
}

impl Target {
    fn set(&self, address: Option<SocketAddr>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = address;
    }

    fn take(&self) -> Option<SocketAddr> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Answers with the address that was chosen; for a proxy's own name it asks.
struct Chosen {
    target: Target,
    resolver: Resolver,
}

impl std::fmt::Debug for Chosen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Chosen")
    }
}

impl UreqResolver for Chosen {
    fn resolve(
        &self,
        uri: &Uri,
        _: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        if let Some(address) = self.target.take() {
            addresses.push(address);
            return Ok(addresses);
        }
        let authority = uri.authority().ok_or(ureq::Error::HostNotFound)?;
        let port = authority
            .port_u16()
            .unwrap_or(if uri.scheme_str() == Some("https") {
                443
            } else {
                80
            });
        let name = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        if let Ok(literal) = name.parse::<IpAddr>() {
            addresses.push(SocketAddr::new(literal, port));
            return Ok(addresses);
        }
        let found = self
            .resolver
            .addresses_blocking(name)
            .map_err(|error| ureq::Error::Other(Box::new(error)))?;
        for address in found.iter().take(16) {
            addresses.push(SocketAddr::new(address.ip(), port));
        }
        Ok(addresses)
    }
}

fn agent(
    shared: &Arc<Shared>,
    proxy: Option<&Proxy>,
    target: &Target,
    in_body: &InBody,
) -> Result<Agent> {
    let FetchSettings { deadlines, .. } = &shared.settings;
    let proxy = proxy
        .map(|proxy| ureq::Proxy::new(proxy.secret_url()))
        .transpose()
        .map_err(|source| Error::setup("the proxy", source))?;
    let within = |duration: Duration| (!duration.is_zero()).then_some(duration);
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .allow_non_standard_methods(true)
        .user_agent("")
        .accept("")
        .accept_encoding("")
        .max_idle_connections_per_host(1)
        .timeout_connect(within(deadlines.connect))
        .timeout_recv_response(within(deadlines.first_byte))
        .timeout_per_read(within(deadlines.between_chunks))
        .timeout_global(within(deadlines.total))
        .max_response_header_size(HEAD)
        .proxy(proxy)
        .tls_config(tls_config(&shared.settings.tls)?)
        .build();
    let resolver = Chosen {
        target: target.clone(),
        resolver: shared.resolver.clone(),
    };
    Ok(Agent::with_parts(
        config,
        Connect {
            in_body: in_body.clone(),
            connections: shared.connections().clone(),
            inner: DefaultConnector::default(),
        },
        resolver,
    ))
}

fn tls_config(settings: &TlsSettings) -> Result<TlsConfig> {
    let builder = TlsConfig::builder().unversioned_rustls_crypto_provider(tls::provider());
    Ok(match settings {
        TlsSettings::Insecure => builder.disable_verification(true).build(),
        TlsSettings::Verify { roots: None } => {
            builder.root_certs(RootCerts::PlatformVerifier).build()
        }
        TlsSettings::Verify { roots: Some(path) } => {
            let extra = tls::extra_roots(path)?;
            let system = rustls_native_certs::load_native_certs().certs;
            let all: Vec<_> = extra
                .iter()
                .chain(&system)
                .map(|der| Certificate::from_der(der).to_owned())
                .collect();
            builder.root_certs(RootCerts::new_with_certs(&all)).build()
        }
    })
}
