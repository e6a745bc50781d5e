//! The HTTP clients of one event loop.
//!
//! A client never crosses runtimes, so each loop builds its own; the expensive parts (TLS roots, the resolver) are
//! shared. Direct requests use hyper's pooled client over our own connections, so that the lane can limit them,
//! time them, and tell kept-alive connections from new ones. Requests through a proxy use
//! [reqwest](super::proxied).

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::uri::{Authority, Parts};
use http::{HeaderMap, Method, Request, Uri, header};
use http_body_util::Full;
use hyper_util::client::legacy::{Client, Error as ClientError, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;

use super::answer::Answer;
use super::connector::{Connector, Way};
use super::fault::{self, Stage};
use super::framing::{HEADER_BYTES, HEADER_FIELDS};
use super::hosts::{Hosts, InUse};
use super::proxied::Proxied;
use super::shared::Shared;
use super::sockets::{self, Sockets};
use crate::error::Result;
use crate::job::Job;
use crate::job::outgoing::Outgoing;
use crate::page::failure::FetchError;

/// Hosts remembered that want HTTP/1.1.
const WANT_HTTP1: usize = 4096;
/// The most clients for requests under another name than that of their URL.
const RENAMED: usize = 64;

/// The protocols that a client offers to its hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variant {
    /// Every protocol that the settings allow.
    Any,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/1.1 only, each time on a new connection.
    Fresh,
}

/// A client with its kept-alive connections, and what is known about its https hosts.
#[derive(Clone)]
struct Pool {
    client: Client<Connector, Full<Bytes>>,
    hosts: Arc<Hosts>,
}

/// The clients of one event loop.
pub(crate) struct Clients {
    shared: Arc<Shared>,
    sockets: Arc<Sockets>,
    /// Every protocol that the settings allow.
    tls: Arc<ClientConfig>,
    /// By variant; for hosts that the user named, and for hosts that a page named.
    pools: [[OnceLock<Pool>; 2]; 3],
    /// Hosts that want HTTP/1.1.
    want_http1: Mutex<HashSet<Box<str>>>,
    /// One for each host that is asked under another name.
    ///
    /// HTTP/2 calls the name the authority, and connections are pooled by it.
    renamed: Mutex<HashMap<(Authority, String, bool), Pool>>,
    /// By proxy, and whether addresses are guarded.
    proxied: Vec<[Proxied; 2]>,
}

/// Which client sends a request, and with which URI.
struct Route<'a> {
    pool: Cow<'a, Pool>,
    uri: Uri,
}

/// A request that was sent, as a future of its response's head.
///
/// Small, because it passes through many functions.
pub(super) enum Sent<'a> {
    Direct {
        clients: &'a Clients,
        job: &'a Job,
        method: Method,
        /// Set if the host may speak HTTP/2.
        host: Option<InUse>,
        started: Instant,
        response: ResponseFuture,
    },
    Proxied(Pin<Box<dyn Future<Output = Result<Box<Answer>, FetchError>> + Send + 'a>>),
}

impl Future for Sent<'_> {
    type Output = Result<Box<Answer>, FetchError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Sent::Direct {
                clients,
                job,
                method,
                host,
                started,
                response,
            } => {
                let response = ready!(Pin::new(response).poll(context));
                Poll::Ready(match response {
                    Ok(response) => Ok(Answer::direct(response, host.take(), *started)),
                    Err(error) => Err(clients.fault(&error, method, job)),
                })
            }
            Sent::Proxied(answer) => answer.as_mut().poll(context),
        }
    }
}

impl Clients {
    /// The clients for one of `lanes`, which has at most `in_flight` requests at a time.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(crate) fn new(shared: &Arc<Shared>, lanes: usize, in_flight: usize) -> Result<Self> {
        let limit = (sockets::limit() / lanes.max(1)).max(in_flight);
        let proxies = shared.plan.settings.proxies.iter();
        let proxied = proxies.map(|proxy| {
            let named = Proxied::new(shared, proxy, false, limit)?;
            Ok([named, Proxied::new(shared, proxy, true, limit)?])
        });
        Ok(Self {
            shared: shared.clone(),
            sockets: Sockets::new(limit),
            tls: Arc::new(shared.tls.clone()),
            pools: Default::default(),
            want_http1: Mutex::default(),
            renamed: Mutex::default(),
            proxied: proxied.collect::<Result<_>>()?,
        })
    }

    /// Sends a request, through the proxy with this index if there are proxies.
    ///
    /// # Errors
    /// When the URL cannot be requested.
    pub(super) fn send<'a>(
        &'a self,
        job: &'a Job,
        place: usize,
        guarded: bool,
        mut outgoing: Outgoing,
    ) -> Result<Sent<'a>, FetchError> {
        let started = Instant::now();
        if let Some(proxied) = self.proxied.get(place) {
            let proxied = &proxied[usize::from(guarded)];
            let answer = proxied.send(&self.shared, job, outgoing, started);
            return Ok(Sent::Proxied(Box::pin(answer)));
        }
        let Route { pool, uri } = self.route(job, guarded, &mut outgoing.headers)?;
        let host =
            (uri.scheme_str() == Some("https")).then(|| pool.hosts.host(authority(&uri)).enter());
        let method = outgoing.method.clone();
        let mut request = Request::new(Full::new(outgoing.body.unwrap_or_default()));
        *request.method_mut() = outgoing.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = outgoing.headers;
        Ok(Sent::Direct {
            clients: self,
            job,
            method,
            host,
            started,
            response: pool.client.request(request),
        })
    }

    fn fault(&self, error: &ClientError, method: &Method, job: &Job) -> FetchError {
        if fault::wants_http1(error) {
            // RFC 9113 7: it was not processed, and is retried over HTTP/1.1.
            self.prefer_http1(job);
            return FetchError::Unprocessed("the host wants HTTP/1.1".into());
        }
        let fault = fault::from_client(error, Stage::Head, &self.shared.plan.settings.deadlines);
        let mut extras = http::Extensions::new();
        if let Some(info) = error.connect_info() {
            info.get_extras(&mut extras);
        }
        let state = extras.get::<Arc<super::socket_state::SocketState>>();
        let died_idle = state.is_some_and(|state| state.died_idle());
        fault::of_kept(fault, method, died_idle && !fault::is_stream_reset(error))
    }

    fn route(
        &self,
        job: &Job,
        guarded: bool,
        headers: &mut HeaderMap,
    ) -> Result<Route<'_>, FetchError> {
        let uri = Uri::try_from(job.url.as_str())
            .map_err(|error| FetchError::Protocol(error.to_string()))?;
        let secure = uri.scheme_str() == Some("https");
        let wants_http1 = secure && lock(&self.want_http1).contains(authority(&uri));
        let variant = match job.free_tries {
            0 if wants_http1 => Variant::Http1,
            0 => Variant::Any,
            // RFC 9112 9.3.1: a request that was not processed on a kept-alive connection is retried on a new one,
            // which settles it.
            _ if !secure || wants_http1 || self.speaks_http1(&uri, guarded) => Variant::Fresh,
            _ => Variant::Any,
        };
        if secure
            && variant == Variant::Any
            && let Some(name) = headers.get(header::HOST)
            && let Ok(name) = Authority::try_from(name.as_bytes())
            && name.as_str() != authority(&uri)
        {
            headers.remove(header::HOST);
            let pool = Cow::Owned(self.renamed(&name, &uri, guarded));
            let mut parts = Parts::from(uri);
            parts.authority = Some(name);
            let uri =
                Uri::from_parts(parts).map_err(|error| FetchError::Protocol(error.to_string()))?;
            return Ok(Route { pool, uri });
        }
        let pool = Cow::Borrowed(self.pool(guarded, variant));
        Ok(Route { pool, uri })
    }

    fn speaks_http1(&self, uri: &Uri, guarded: bool) -> bool {
        let pool = self.pool(guarded, Variant::Any);
        pool.hosts.host(authority(uri)).speaks_http1()
    }

    fn pool(&self, guarded: bool, variant: Variant) -> &Pool {
        self.pools[variant as usize][usize::from(guarded)]
            .get_or_init(|| self.build(guarded, variant, None))
    }

    fn renamed(&self, name: &Authority, target: &Uri, guarded: bool) -> Pool {
        let mut renamed = lock(&self.renamed);
        let key = (name.clone(), authority(target).to_owned(), guarded);
        if let Some(pool) = renamed.get(&key) {
            return pool.clone();
        }
        if renamed.len() >= RENAMED {
            renamed.clear();
        }
        let pool = self.build(guarded, Variant::Any, Some(target.clone()));
        renamed.insert(key, pool.clone());
        pool
    }

    fn build(&self, guarded: bool, variant: Variant, target: Option<Uri>) -> Pool {
        let hosts = Arc::<Hosts>::default();
        let plan = &self.shared.plan;
        let tls = if variant != Variant::Any {
            let mut tls = ClientConfig::clone(&self.tls);
            tls.alpn_protocols = vec![b"http/1.1".to_vec()];
            Arc::new(tls)
        } else {
            self.tls.clone()
        };
        let connector = Connector::new(Way {
            shared: self.shared.clone(),
            sockets: self.sockets.clone(),
            hosts: hosts.clone(),
            tls,
            guarded,
            target,
        });
        let idle_per_host = match variant {
            Variant::Fresh => 0,
            Variant::Any | Variant::Http1 => plan.idle_per_host,
        };
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(plan.keep_idle)
            .pool_max_idle_per_host(idle_per_host)
            // As lenient as browsers: folded lines (RFC 9112 5.2), a space before a colon, a bad line among good
            // ones.
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            .http1_allow_spaces_after_header_name_in_responses(true)
            .http1_ignore_invalid_headers_in_responses(true)
            .http1_max_headers(HEADER_FIELDS)
            .http2_max_header_list_size(HEADER_BYTES)
            .build(connector);
        Pool { client, hosts }
    }

    /// Asks the job's host over HTTP/1.1 from now on.
    fn prefer_http1(&self, job: &Job) {
        let url = job.url.as_url();
        let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let mut want_http1 = lock(&self.want_http1);
        if want_http1.len() >= WANT_HTTP1 {
            want_http1.clear();
        }
        want_http1.insert(authority.into());
    }
}

fn authority(uri: &Uri) -> &str {
    uri.authority().map_or("", Authority::as_str)
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
