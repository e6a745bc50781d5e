//! The HTTP clients of one event loop.
//!
//! reqwest, with everything that hides a request from the frontier turned off: redirects, retries, proxies of
//! the environment, decompression, cookies. A client never crosses runtimes, so each loop builds its own;
//! what is expensive (TLS roots, the resolver) is shared.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;

use super::Shared;
use super::dns::ClientResolver;
use super::proxy::Proxy;
use super::settings::Versions;
use crate::error::{Error, Result};

/// Idle connections are let go after this: broad lists would otherwise hold thousands.
pub(super) const IDLE: Duration = Duration::from_secs(15);
/// Header fields that an HTTP/1 answer may have. Some sites send a hundred cookies; nobody has a use for thousands.
pub(super) const HEADER_FIELDS: usize = 1000;
/// Bytes of header fields that an HTTP/2 answer may have; real sites exceed the client's own 16 KiB.
const HEADER_BYTES: u32 = 128 << 10;

/// The clients of one event loop: for hosts that the user named, and for hosts that a page named.
pub(crate) struct Clients {
    named: Vec<Client>,
    found: Vec<Client>,
}

impl Clients {
    /// # Errors
    /// When TLS cannot be set up.
    pub(crate) fn new(shared: &Arc<Shared>) -> Result<Self> {
        let proxies: Vec<Option<&Proxy>> = match shared.settings.proxies.as_slice() {
            [] => vec![None],
            proxies => proxies.iter().map(Some).collect(),
        };
        let build = |guarded| {
            proxies
                .iter()
                .map(|proxy| client(shared, *proxy, guarded))
                .collect::<Result<Vec<_>>>()
        };
        Ok(Self {
            named: build(false)?,
            found: build(true)?,
        })
    }

    /// The client for the proxy at this place, or the only client where there is no proxy.
    pub(crate) fn of(&self, place: usize, guarded: bool) -> &Client {
        let clients = if guarded { &self.found } else { &self.named };
        &clients[place % clients.len()]
    }
}

fn client(shared: &Arc<Shared>, proxy: Option<&Proxy>, guarded: bool) -> Result<Client> {
    let settings = &shared.settings;
    let deadline = |duration: Duration| (!duration.is_zero()).then_some(duration);
    let resolver = ClientResolver {
        resolver: shared.resolver.clone(),
        guarded,
        // The user named the proxy: it may be anywhere.
        trusted: proxy.map(|proxy| proxy.host().to_owned()),
    };
    let mut builder = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .dns_resolver(Arc::new(resolver))
        .tls_backend_preconfigured(shared.tls.clone())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(settings.idle_per_host)
        .tcp_nodelay(true)
        // Heads as browsers read them: folded lines (RFC 9112 5.2), a space before a colon, a bad line among good ones.
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_ignore_invalid_headers_in_responses(true)
        .http1_max_headers(HEADER_FIELDS)
        // Each of these is a system call a connection, for what the deadlines see to already.
        .tcp_keepalive(None)
        .tcp_user_timeout(None)
        .http2_max_header_list_size(HEADER_BYTES);
    if settings.count_connections {
        builder = builder.connector_layer(shared.connections.clone());
    }
    if let Some(connect) = deadline(settings.deadlines.connect) {
        builder = builder.connect_timeout(connect);
    }
    if settings.versions == Versions::Http1 {
        builder = builder.http1_only();
    }
    if let Some(proxy) = proxy {
        let known = reqwest::Proxy::all(proxy.secret_url())
            .map_err(|source| Error::setup("the proxy", source))?;
        builder = builder.proxy(known);
    }
    builder
        .build()
        .map_err(|source| Error::setup("the HTTP client", source))
}
