//! From a URI to a connection: DNS, TCP, TLS, each timed, each with its own failure.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use super::dial::{dial, is_unroutable};
use super::dns::check_public;
use super::dns_error::DnsError;
use super::fault::{self, Refused};
use super::hosts::{Host, Hosts, Turn};
use super::shared::Shared;
use super::socket::{Bytes, Socket};
use super::socket_state::{Phases, SocketState};
use super::sockets::Sockets;
use crate::page::failure::{FetchError, Phase};

/// The connector of one client.
#[derive(Clone)]
pub(super) struct Connector(Arc<Way>);

/// What the connections of one client have in common.
pub(super) struct Way {
    pub(super) shared: Arc<Shared>,
    pub(super) sockets: Arc<Sockets>,
    pub(super) hosts: Arc<Hosts>,
    /// The TLS settings, with the protocols to offer.
    pub(super) tls: Arc<ClientConfig>,
    /// Whether addresses that are not public are refused.
    pub(super) guarded: bool,
    /// The target of the connection, if the request uses another name than that of its URL.
    pub(super) target: Option<Uri>,
}

impl Connector {
    pub(super) fn new(way: Way) -> Self {
        Self(Arc::new(way))
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Socket>;
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Socket>, Refused>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let way = self.0.clone();
        Box::pin(async move { way.connect(&uri).await.map(TokioIo::new).map_err(Refused) })
    }
}

impl Way {
    async fn connect(&self, uri: &Uri) -> Result<Socket, FetchError> {
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let uri = self.target.as_ref().unwrap_or(uri);
        let secure = uri.scheme_str() == Some("https");
        let host = secure.then(|| self.hosts.host(authority));
        let offers_http2 = self.tls.alpn_protocols.iter().any(|name| name == b"h2");
        let mut opening = None;
        if let Some(host) = host.as_ref().filter(|_| offers_http2) {
            match host.turn().await {
                Turn::First(first) => opening = Some(first),
                Turn::Connect => {}
                // The request was given that connection already, so nobody sees this error.
                Turn::NotNeeded => {
                    let words = "another connection to the host was made meanwhile";
                    return Err(FetchError::Unprocessed(words.into()));
                }
            }
        }
        let room = self.sockets.room();
        if self.shared.plan.settings.count_connections {
            self.shared.connections.add(1);
        }
        let within = self.shared.plan.settings.deadlines.connect;
        let steps = self.steps(uri, host);
        let (bytes, state) = if within.is_zero() {
            steps.await?
        } else {
            let late = |_| FetchError::Timeout {
                phase: Phase::Connect,
                after: within,
            };
            tokio::time::timeout(within, steps).await.map_err(late)??
        };
        let opening = match opening {
            Some(opening) if !state.is_http2() => {
                opening.found_http1();
                None
            }
            opening => opening,
        };
        let state = Arc::new(state);
        room.fill(&state);
        Ok(Socket::new(bytes, state, opening, room))
    }

    /// Resolves the name, and sets up TCP and TLS.
    async fn steps(
        &self,
        uri: &Uri,
        host: Option<Arc<Host>>,
    ) -> Result<(Bytes, SocketState), FetchError> {
        let deadlines = &self.shared.plan.settings.deadlines;
        let began = Instant::now();
        let mut phases = Phases::default();
        let name = uri.host().unwrap_or_default();
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16();
        let default = if host.is_some() { 443 } else { 80 };
        let addresses = self
            .addresses(name, port, default)
            .await
            .map_err(|error| fault::from_dns(&error))?;
        let since = lap(&mut phases.resolve, began);
        let (stream, remote) = dial(&addresses).await.map_err(|(error, address)| {
            fault::from_connect(&error, address.is_some_and(is_unroutable), deadlines)
        })?;
        let since = lap(&mut phases.connect, since);
        let Some(host) = host else {
            let state = SocketState::new(remote, began, phases, None);
            return Ok((Bytes::Plain(stream), state));
        };
        let stream = self
            .handshake(name, stream)
            .await
            .map_err(|error| fault::from_connect(&error, false, deadlines))?;
        lap(&mut phases.tls, since);
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let state = SocketState::new(remote, began, phases, http2.then_some(host));
        Ok((Bytes::Tls(Box::new(stream)), state))
    }

    async fn addresses(
        &self,
        name: &str,
        port: Option<u16>,
        default: u16,
    ) -> Result<Vec<SocketAddr>, DnsError> {
        if let Ok(literal) = name.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(literal, port.unwrap_or(default))]);
        }
        let found = self.shared.resolver.addresses(name).await?;
        if self.guarded {
            check_public(&found)?;
        }
        // The port in the URL takes precedence over that of an address from the user.
        let with_port = |mut address: SocketAddr| {
            if port.is_some() || address.port() == 0 {
                address.set_port(port.unwrap_or(default));
            }
            address
        };
        Ok(found.iter().copied().map(with_port).collect())
    }

    async fn handshake(&self, name: &str, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(name.to_owned())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let connector = TlsConnector::from(self.tls.clone());
        connector.connect(name, stream).await
    }
}

/// Notes how long a step took, and returns when the next one started.
fn lap(step: &mut Option<Duration>, since: Instant) -> Instant {
    let now = Instant::now();
    *step = Some(now.duration_since(since));
    now
}
