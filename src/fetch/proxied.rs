//! The client for requests through one proxy: reqwest, which supports every kind of proxy.
//!
//! Only plain requests to an HTTP proxy do without it: there the proxy itself is the server.
//!
//! Everything in it that hides a request from the frontier is turned off: redirects, retries, proxies from the
//! environment, decompression, cookies. It does not expose its connections, so they cannot be closed one by one:
//! when it has made more than the lane may have, the client is replaced, and its idle connections are closed with
//! it.

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper_util::client::legacy::Error as ClientError;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpInfo};
use reqwest::Client;
use rustls::ClientConfig;
use tower_layer::Layer;
use tower_service::Service;

use super::answer::Answer;
use super::clearance::Clearance;
use super::dns::ClientResolver;
use super::fault::{self, Stage};
use super::framing::{HEADER_BYTES, HEADER_FIELDS};
use super::phases::Phases;
use super::plan::FetchPlan;
use super::proxy::Proxy;
use super::settings::Versions;
use super::shared::Shared;
use super::tls::Offer;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::job::outgoing::Outgoing;
use crate::page::failure::FetchError;

/// The number of times that a request is sent again because a kept connection was closed.
///
/// No new connection can be asked for, so each of these may be another that was kept. A request that ends all of them is
/// itself the reason.
const FREE_TRIES: u16 = 3;

/// The client for one proxy.
pub(super) struct Proxied {
    proxy: Proxy,
    clearance: Clearance,
    limit: usize,
    current: Mutex<Current>,
}

struct Current {
    client: Client,
    new: New,
}

/// The connections of one client, identified by their local address.
#[derive(Debug, Clone, Default)]
struct New(Arc<Mutex<Made>>);

#[derive(Debug, Default)]
struct Made {
    count: usize,
    /// Those without a response so far, and how long they took.
    unused: HashMap<SocketAddr, (Instant, Duration)>,
}

impl Proxied {
    /// Builds the client for one proxy.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(super) fn new(
        shared: &Arc<Shared>,
        proxy: &Proxy,
        clearance: Clearance,
        limit: usize,
    ) -> Result<Self> {
        let current = Mutex::new(Current::new(shared, proxy, clearance)?);
        Ok(Self {
            proxy: proxy.clone(),
            clearance,
            limit,
            current,
        })
    }

    pub(super) async fn send(
        &self,
        shared: &Arc<Shared>,
        job: &Job,
        outgoing: Outgoing<'_>,
        started: Instant,
    ) -> Result<Box<Answer>, FetchError> {
        let (client, new) = self.client(shared);
        let method = outgoing.method.clone();
        let mut request = reqwest::Request::new(outgoing.method, job.url.as_url().clone());
        *request.headers_mut() = outgoing.headers.into_owned();
        *request.body_mut() = outgoing.body.map(reqwest::Body::from);
        match client.execute(request).await {
            Ok(response) => {
                let info = response.extensions().get::<HttpInfo>();
                let made = info.and_then(|info| new.answered(info.local_addr()));
                let connect = made.filter(|(began, _)| *began >= started);
                let phases = Phases {
                    connect: connect.map(|(_, took)| took),
                    ..Phases::default()
                };
                Ok(Answer::proxied(response, made.is_none(), phases))
            }
            Err(error) => {
                let deadlines = &shared.plan.settings.deadlines;
                let fault = fault::from_reqwest(&error, Stage::Head, deadlines);
                let kept = connection(&error).is_some_and(|local| new.answered(local).is_none());
                let kept = kept && !fault::is_stream_reset(&error) && job.free_tries < FREE_TRIES;
                Err(fault::by_proxy(fault::of_kept(fault, &method, kept)))
            }
        }
    }

    fn client(&self, shared: &Arc<Shared>) -> (Client, New) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.new.lock().count > self.limit
            && let Ok(next) = Current::new(shared, &self.proxy, self.clearance)
        {
            *current = next;
        }
        (current.client.clone(), current.new.clone())
    }
}

impl Current {
    fn new(shared: &Arc<Shared>, proxy: &Proxy, clearance: Clearance) -> Result<Self> {
        let FetchPlan {
            settings,
            keep_idle,
            idle_per_host,
            ..
        } = &shared.plan;
        let new = New::default();
        let resolver = ClientResolver {
            resolver: shared.resolver.clone(),
            guarded: clearance.is_guarded(),
            // The user named the proxy, so it may be anywhere.
            trusted: Some(proxy.host().to_owned()),
        };
        let known = reqwest::Proxy::all(proxy.secret_url())
            .map_err(|source| Error::setup("the proxy", source))?;
        let tls = ClientConfig::clone(shared.tls.config(clearance, Offer::Allowed));
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .proxy(known)
            .dns_resolver(Arc::new(resolver))
            .tls_backend_preconfigured(tls)
            .pool_idle_timeout(*keep_idle)
            .pool_max_idle_per_host(*idle_per_host)
            .tcp_nodelay(true)
            // As lenient with heads as the other client.
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            .http1_allow_spaces_after_header_name_in_responses(true)
            .http1_ignore_invalid_headers_in_responses(true)
            .http1_max_headers(HEADER_FIELDS)
            // Each of these costs a system call per connection, and the deadlines cover it already.
            .tcp_keepalive(None)
            .tcp_user_timeout(None)
            .http2_max_header_list_size(HEADER_BYTES)
            .connector_layer(new.clone());
        if settings.count_connections {
            builder = builder.connector_layer(shared.connections.clone());
        }
        if !settings.deadlines.connect.is_zero() {
            builder = builder.connect_timeout(settings.deadlines.connect);
        }
        builder = match settings.versions {
            Versions::Any => builder,
            Versions::Http1 => builder.http1_only(),
            Versions::Http2 => builder.http2_prior_knowledge(),
        };
        let client = builder
            .build()
            .map_err(|source| Error::setup("the HTTP client", source))?;
        Ok(Self { client, new })
    }
}

impl New {
    /// How long a connection took, if this is its first response.
    fn answered(&self, local: SocketAddr) -> Option<(Instant, Duration)> {
        let mut made = self.lock();
        if made.unused.is_empty() {
            return None;
        }
        made.unused.remove(&local)
    }

    fn note(&self, connected: &Connected, began: Instant) {
        let mut extras = http::Extensions::new();
        connected.get_extras(&mut extras);
        let mut made = self.lock();
        made.count += 1;
        if let Some(info) = extras.get::<HttpInfo>() {
            made.unused
                .insert(info.local_addr(), (began, began.elapsed()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Made> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection that a request failed on, by its local address.
fn connection(error: &reqwest::Error) -> Option<SocketAddr> {
    let mut link: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = link {
        if let Some(found) = cause.downcast_ref::<ClientError>() {
            let mut extras = http::Extensions::new();
            found.connect_info()?.get_extras(&mut extras);
            return extras.get::<HttpInfo>().map(HttpInfo::local_addr);
        }
        link = cause.source();
    }
    None
}

/// A connector that notes the connections that it made.
#[derive(Debug, Clone)]
pub(super) struct Noting<S> {
    new: New,
    inner: S,
}

impl<S> Layer<S> for New {
    type Service = Noting<S>;

    fn layer(&self, inner: S) -> Noting<S> {
        Noting {
            new: self.clone(),
            inner,
        }
    }
}

impl<S, R> Service<R> for Noting<S>
where
    S: Service<R>,
    S::Response: Connection,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, to: R) -> Self::Future {
        let (new, connecting) = (self.new.clone(), self.inner.call(to));
        Box::pin(async move {
            let began = Instant::now();
            let connection = connecting.await?;
            new.note(&connection.connected(), began);
            Ok(connection)
        })
    }
}
