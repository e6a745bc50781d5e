//! Opening connections with ureq's connectors: TCP, TLS, SOCKS and tunnels through a proxy.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use rustls::ClientConfig;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver as UreqResolver};
use ureq::unversioned::transport::time::Instant as UreqInstant;
use ureq::unversioned::transport::{ConnectionDetails, Connector, NextTimeout, Transport};

use super::clock::Clock;
use super::exchange::Wire;
use super::route::Route;
use super::source::Source;
use super::tls::{HandshakeTime, Steps, steps};
use super::unix_socket::UnixConnector;
use crate::fetch::connections::Connections;
use crate::fetch::dial::is_unroutable;
use crate::fetch::dns::Resolver;
use crate::fetch::fault::{self, Stage};
use crate::fetch::phases::Phases;
use crate::fetch::unix_socket::Unreachable;
use crate::page::failure::FetchError;
use crate::url::PageUrl;

/// Opens the connections of one thread.
pub(super) struct Dialer {
    connector: Arc<dyn Connector<Out = Box<dyn Transport>>>,
    /// Whether it connects to a Unix socket, which needs no address.
    is_local: bool,
    /// How long the last TLS handshake took.
    tls: HandshakeTime,
    connections: Connections,
    names: Names,
}

impl Dialer {
    pub(super) fn new(
        resolver: Resolver,
        connections: Connections,
        config: Arc<ClientConfig>,
        unix_socket: Option<PathBuf>,
    ) -> Self {
        let tls = HandshakeTime::default();
        let is_local = unix_socket.is_some();
        Self {
            connector: match unix_socket {
                Some(path) => Arc::new(Steps::new(UnixConnector { path }, config, tls.clone())),
                None => Arc::new(steps(config, tls.clone())),
            },
            is_local,
            tls,
            connections,
            names: Names(resolver),
        }
    }

    /// Connects to the first of these addresses that responds, or to the proxy of the route.
    ///
    /// # Errors
    /// Why the last one failed.
    pub(super) fn connect(
        &self,
        url: &PageUrl,
        route: &Route,
        addresses: &[SocketAddr],
        clock: &Clock,
    ) -> std::result::Result<Wire, FetchError> {
        let failed = |error: &ureq::Error| fault::from_ureq(error, Stage::Head, &clock.deadlines);
        let target =
            Uri::try_from(url.as_str()).map_err(|error| FetchError::Protocol(error.to_string()))?;
        let since = Instant::now();
        let (mut uri, mut config) = (&target, &route.config);
        let mut choices: Vec<Option<SocketAddr>> = addresses.iter().copied().map(Some).collect();
        let proxy = route.config.proxy();
        if let Some(plain) = route.proxy_of(url) {
            (uri, config) = (plain.proxy.uri(), &plain.config);
            let resolved = self.names.of(uri).map_err(|error| failed(&error))?;
            choices = resolved.iter().copied().map(Some).collect();
        } else if self.is_local || proxy.is_some_and(|proxy| !proxy.resolve_target()) {
            choices = vec![None]; // the proxy gets the name
        }
        // Through a proxy the address of the server is unknown, unless the proxy itself responds.
        let is_known = proxy.is_none() || route.proxy_of(url).is_some();
        let mut last = None;
        for (index, address) in choices.iter().enumerate() {
            let mut one = self.names.empty();
            address.iter().for_each(|address| one.push(*address));
            let timeout = clock.for_connection(since, choices.len() - index);
            match self.open(uri, config, one, timeout) {
                Ok(source) => {
                    let remote = address.filter(|_| is_known);
                    let (took, tls) = (since.elapsed(), self.tls.take());
                    let connect = took.saturating_sub(tls.unwrap_or_default());
                    let phases = Phases {
                        connect: Some(connect),
                        tls,
                        ..Phases::default()
                    };
                    return Ok(Wire::new(source, remote, phases));
                }
                Err(error) => {
                    let error = match (&error, address) {
                        // No local port is free, or there is no route to this address.
                        (ureq::Error::Io(cause), Some(address))
                            if cause.kind() == std::io::ErrorKind::AddrNotAvailable =>
                        {
                            fault::from_connect(cause, is_unroutable(*address), &clock.deadlines)
                        }
                        (ureq::Error::Other(cause), None) if cause.is::<Unreachable>() => {
                            FetchError::Connect(cause.to_string())
                        }
                        _ => failed(&error),
                    };
                    let next_may = matches!(
                        error,
                        FetchError::Connect(_)
                            | FetchError::Timeout {
                                phase: crate::page::failure::Phase::Connect,
                                ..
                            }
                    );
                    last = Some(error);
                    if !next_may {
                        break;
                    }
                }
            }
        }
        Err(last.unwrap_or_else(|| FetchError::Dns("the name has no address".into())))
    }

    fn open(
        &self,
        uri: &Uri,
        config: &Config,
        addrs: ResolvedSocketAddrs,
        timeout: NextTimeout,
    ) -> std::result::Result<Source, ureq::Error> {
        self.connections.add(1);
        let connector = Arc::clone(&self.connector);
        let details = ConnectionDetails {
            uri,
            addrs,
            config,
            request_level: false,
            resolver: &self.names,
            now: UreqInstant::now(),
            timeout,
            current_time: Arc::new(UreqInstant::now),
            // For a tunnel: the connection to the proxy itself.
            run_connector: Arc::new(move |details| open(&*connector, details)),
            register_shutdown: Arc::new(|_| Ok(())),
        };
        open(&*self.connector, &details).map(Source::new)
    }
}

fn open(
    connector: &dyn Connector<Out = Box<dyn Transport>>,
    details: &ConnectionDetails<'_>,
) -> std::result::Result<Box<dyn Transport>, ureq::Error> {
    connector
        .connect(details, None)?
        .ok_or(ureq::Error::ConnectionFailed)
}

/// Resolves the names of proxies, and names that a proxy cannot resolve itself.
struct Names(Resolver);

impl Names {
    fn of(&self, uri: &Uri) -> std::result::Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        let authority = uri.authority().ok_or(ureq::Error::HostNotFound)?;
        let port = authority.port_u16().unwrap_or(match uri.scheme_str() {
            Some("https") => 443,
            Some(scheme) if scheme.starts_with("socks") => 1080,
            _ => 80,
        });
        let name = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        if let Ok(literal) = name.parse::<IpAddr>() {
            addresses.push(SocketAddr::new(literal, port));
            return Ok(addresses);
        }
        let resolved = self
            .0
            .addresses_blocking(name)
            .map_err(|error| ureq::Error::Other(Box::new(error)))?;
        for address in resolved.iter().take(16) {
            addresses.push(SocketAddr::new(address.ip(), port));
        }
        Ok(addresses)
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Names")
    }
}

impl UreqResolver for Names {
    fn resolve(
        &self,
        uri: &Uri,
        _: &Config,
        _: NextTimeout,
    ) -> std::result::Result<ResolvedSocketAddrs, ureq::Error> {
        self.of(uri)
    }
}
