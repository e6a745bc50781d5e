//! Opening a connection: DNS, TCP, TLS, each timed, each with its own failure.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http::HeaderValue;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use crate::fetch::clearance::Clearance;
use crate::fetch::dial::{dial, is_unroutable};
use crate::fetch::dns::check_public;
use crate::fetch::dns_error::DnsError;
use crate::fetch::fault;
use crate::fetch::http1::Form;
use crate::fetch::phases::{Phases, lap};
use crate::fetch::proxy::Proxy;
use crate::fetch::settings::Versions;
use crate::fetch::shared::Shared;
use crate::fetch::tls::Offer;
use crate::fetch::unix_socket;
use crate::page::failure::FetchError;
use crate::url::PageUrl;

/// The bytes of a connection to an address, or to a Unix socket.
pub(super) type Socket = Either<TcpStream, UnixStream>;
/// The bytes of a connection: plain, or under TLS.
pub(super) type Stream = Either<Socket, Box<TlsStream<Socket>>>;

/// Opens the connections of a lane.
pub(super) struct Connector {
    pub(super) shared: Arc<Shared>,
    proxy: Option<PlainProxy>,
}

/// A proxy that takes requests itself, and to which all connections go.
struct PlainProxy {
    url: PageUrl,
    /// The value of `Proxy-Authorization`.
    authorization: Option<HeaderValue>,
}

/// A connection that was opened.
pub(super) struct Opened {
    pub(super) stream: Stream,
    /// `None` for a Unix socket.
    pub(super) remote: Option<SocketAddr>,
    pub(super) phases: Phases,
    pub(super) is_http2: bool,
    /// The index of the client certificate that it was opened with.
    pub(super) identity: Option<usize>,
}

/// How to open a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    /// What it may reach and show.
    pub(super) clearance: Clearance,
    /// Whether only HTTP/1.1 is offered.
    pub(super) http1: bool,
}

impl Connector {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: shared.clone(),
            proxy: None,
        }
    }

    /// The same with all connections to a proxy; `None` if it takes no requests itself.
    pub(super) fn through(&self, proxy: &Proxy) -> Option<Self> {
        let (url, authorization) = proxy.for_plain_requests()?;
        let proxy = Some(PlainProxy { url, authorization });
        Some(Self {
            shared: self.shared.clone(),
            proxy,
        })
    }

    /// Whether all connections go to a proxy.
    pub(super) fn is_by_proxy(&self) -> bool {
        self.proxy.is_some()
    }

    /// The form of the requests on these connections.
    pub(super) fn form(&self) -> Form<'_> {
        match &self.proxy {
            Some(proxy) => Form::Absolute(proxy.authorization.as_ref()),
            None => Form::Origin,
        }
    }

    /// Whether a connection for this URL may turn out to speak HTTP/2.
    pub(super) fn may_be_http2(&self, url: &PageUrl) -> bool {
        match self.shared.plan.settings.versions {
            Versions::Any => url.is_secure(),
            Versions::Http1 => false,
            Versions::Http2 => true,
        }
    }

    /// Connects to the host of a URL, or to the proxy.
    ///
    /// # Errors
    /// Which step failed.
    pub(super) async fn connect(&self, url: &PageUrl, how: How) -> Result<Opened, FetchError> {
        let Some(proxy) = &self.proxy else {
            return self.open(url, how).await;
        };
        // The user named it, so it may be anywhere.
        let how = How {
            clearance: Clearance::Anywhere,
            http1: self.shared.plan.settings.versions != Versions::Http2,
        };
        self.open(&proxy.url, how).await.map_err(fault::by_proxy)
    }

    /// Resolves the name, and sets up TCP and TLS.
    async fn open(&self, url: &PageUrl, how: How) -> Result<Opened, FetchError> {
        let settings = &self.shared.plan.settings;
        let deadlines = &settings.deadlines;
        let mut phases = Phases::default();
        let failed = |error: io::Error| fault::from_connect(&error, false, deadlines);
        let began = Instant::now();
        let (socket, remote, since) = if let Some(path) = &settings.unix_socket {
            let socket = unix_socket::connect(path);
            let socket = socket.map_err(|error| FetchError::Connect(error.to_string()))?;
            let socket = UnixStream::from_std(socket).map_err(failed)?;
            (Socket::Right(socket), None, began)
        } else {
            let addresses = self
                .addresses(url, how.clearance.is_guarded())
                .await
                .map_err(|error| fault::from_dns(&error))?;
            let since = lap(&mut phases.resolve, began);
            let (socket, remote) = dial(&addresses).await.map_err(|(error, address)| {
                fault::from_connect(&error, address.is_some_and(is_unroutable), deadlines)
            })?;
            (Socket::Left(socket), Some(remote), since)
        };
        let since = lap(&mut phases.connect, since);
        // A server that says nothing about HTTP/2 may still speak it, if the user knows so.
        let mut is_http2 = settings.versions == Versions::Http2;
        let stream = match url.is_secure() {
            false => Stream::Left(socket),
            true => {
                let stream = self.handshake(url, socket, how).await.map_err(failed)?;
                lap(&mut phases.tls, since);
                is_http2 |= stream.get_ref().1.alpn_protocol() == Some(b"h2");
                Stream::Right(Box::new(stream))
            }
        };
        Ok(Opened {
            stream,
            remote,
            phases,
            is_http2,
            identity: how.clearance.identity(),
        })
    }

    async fn addresses(&self, url: &PageUrl, guarded: bool) -> Result<Vec<SocketAddr>, DnsError> {
        let port = url.port();
        if let Some(literal) = url.literal_address() {
            return Ok(vec![SocketAddr::new(literal, port)]);
        }
        let name = url.as_url().host_str().unwrap_or_default();
        let found = self.shared.resolver.addresses(name).await?;
        if guarded {
            check_public(&found)?;
        }
        // The port in the URL takes precedence over that of an address from the user.
        let is_explicit = url.as_url().port().is_some();
        let with_port = |mut address: SocketAddr| {
            if is_explicit || address.port() == 0 {
                address.set_port(port);
            }
            address
        };
        Ok(found.iter().copied().map(with_port).collect())
    }

    async fn handshake(
        &self,
        url: &PageUrl,
        socket: Socket,
        how: How,
    ) -> io::Result<TlsStream<Socket>> {
        let name = url.as_url().host_str().unwrap_or_default();
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(name.to_owned())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let offer = match how.http1 {
            true => Offer::Http1,
            false => Offer::Allowed,
        };
        let config = self.shared.tls.config(how.clearance, offer);
        let connector = TlsConnector::from(config.clone());
        connector.connect(name, socket).await
    }
}
