//! TLS on a blocking connection, with the TLS configuration that all lanes share.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, LazyBuffers, NextTimeout,
    SocksConnector, TcpConnector, Transport, TransportAdapter,
};

/// The chain of connectors: ureq's SOCKS, tunnel and TCP, then TLS with the run's own configuration.
#[derive(Debug)]
pub(super) struct Steps<C> {
    before_tls: C,
    config: Arc<ClientConfig>,
    took: HandshakeTime,
}

/// How long the last handshake took.
#[derive(Debug, Clone, Default)]
pub(super) struct HandshakeTime(Arc<Mutex<Option<Duration>>>);

/// A transport under TLS.
struct TlsTransport<T: Transport> {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter<T>>,
}

pub(super) fn steps(
    config: Arc<ClientConfig>,
    took: HandshakeTime,
) -> impl Connector<Out = Box<dyn Transport>> {
    let before_tls =
        ().chain(SocksConnector::default())
            .chain(ConnectProxyConnector::default())
            .chain(TcpConnector::default());
    Steps::new(before_tls, config, took)
}

impl<C> Steps<C> {
    /// TLS, where a URL needs it, after these steps.
    pub(super) fn new(before_tls: C, config: Arc<ClientConfig>, took: HandshakeTime) -> Self {
        Self {
            before_tls,
            config,
            took,
        }
    }
}

impl HandshakeTime {
    /// The duration of the last handshake, if there was one since the last call.
    pub(super) fn take(&self) -> Option<Duration> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<C: Connector> Connector for Steps<C> {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        let Some(transport) = self.before_tls.connect(details, chained)? else {
            return Ok(None);
        };
        if !details.needs_tls() || transport.is_tls() {
            return Ok(Some(Box::new(transport)));
        }
        let began = Instant::now();
        let host = details.uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Error::Tls("the host is not a name that a certificate can have"))?;
        let mut conn = ClientConnection::new(self.config.clone(), name).map_err(Error::Rustls)?;
        let mut sock = TransportAdapter::new(transport, details.current_time.clone());
        sock.set_timeout(details.timeout);
        conn.complete_io(&mut sock)?;
        let mut took = self.took.0.lock().unwrap_or_else(PoisonError::into_inner);
        *took = Some(began.elapsed());
        let config = details.config;
        Ok(Some(Box::new(TlsTransport {
            buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
            stream: StreamOwned { conn, sock },
        })))
    }
}

impl<T: Transport> Transport for TlsTransport<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.sock.set_timeout(timeout);
        let output = &self.buffers.output()[..amount];
        self.stream.write_all(output)?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.sock.set_timeout(timeout);
        let input = self.buffers.input_append_buf();
        let amount = self.stream.read(input)?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl<T: Transport> std::fmt::Debug for TlsTransport<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsTransport")
    }
}
