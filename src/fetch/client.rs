//! The HTTP clients of one event loop.
//!
//! reqwest, with everything that hides a request from the frontier turned off: redirects, retries, proxies of
//! the environment, decompression, cookies. A client never crosses runtimes, so each loop builds its own;
//! what is expensive (TLS roots, the resolver) is shared.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::{Client, Proxy};

use super::Shared;
use super::dns::ClientResolver;
use super::settings::Versions;
use crate::error::{Error, Result};

/// Idle connections are let go after this: broad lists would otherwise hold thousands.
const IDLE: Duration = Duration::from_secs(15);
/// Bytes of header fields that an HTTP/2 answer may have; real sites exceed the client's own 16 KiB.
const HEADER_BYTES: u32 = 128 << 10;

/// The clients of one event loop: for hosts that the user named, and for hosts that a page named.
pub(crate) struct Clients {
    named: Vec<Client>,
    found: Vec<Client>,
    turn: AtomicUsize,
}

impl Clients {
    /// # Errors
    /// When a proxy is no URL, or TLS cannot be set up.
    pub(crate) fn new(shared: &Arc<Shared>) -> Result<Self> {
        let proxies: Vec<Option<&str>> = match shared.settings.proxies.as_slice() {
            [] => vec![None],
            proxies => proxies.iter().map(|proxy| Some(proxy.as_str())).collect(),
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
            turn: AtomicUsize::new(0),
        })
    }

    /// The client to use next: proxies take turns.
    pub(crate) fn next(&self, guarded: bool) -> &Client {
        let clients = if guarded { &self.found } else { &self.named };
        if let [only] = clients.as_slice() {
            return only;
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        &clients[turn % clients.len()]
    }
}

fn client(shared: &Arc<Shared>, proxy: Option<&str>, guarded: bool) -> Result<Client> {
    let settings = &shared.settings;
    let deadline = |duration: Duration| (!duration.is_zero()).then_some(duration);
    // With a proxy it is the proxy that resolves names: guarding its own name would be wrong.
    let resolver = ClientResolver {
        resolver: shared.resolver.clone(),
        guarded: guarded && proxy.is_none(),
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
        let parsed = Proxy::all(proxy).map_err(|_| {
            Error::Setting(format!(
                "--proxy {} is not a proxy URL",
                without_password(proxy)
            ))
        })?;
        builder = builder.proxy(parsed);
    }
    builder
        .build()
        .map_err(|source| Error::setup("the HTTP client", source))
}

/// A proxy's URL as it may be shown.
pub(crate) fn without_password(proxy: &str) -> String {
    match (proxy.find("://"), proxy.rfind('@')) {
        (scheme, Some(at)) => format!(
            "{}…{}",
            &proxy[..scheme.map_or(0, |start| start + 3)],
            &proxy[at..]
        ),
        _ => proxy.to_owned(),
    }
}
