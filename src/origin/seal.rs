//! TLS for every host at once, with certificates that are made when a client asks for them.
//!
//! An authority is made for each run and forgotten with it: whoever is to trust the server gets its
//! [certificate](Seal::certificate). Invariant: the number of certificates in memory is bounded.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// The first byte of a client that wants TLS: a record of its handshake (RFC 8446 5.1).
pub(crate) const HANDSHAKE: u8 = 0x16;

/// The hosts whose certificates are kept.
const NAMES: usize = 4096;

/// An authority of its own, and the certificates that it has issued.
pub struct Seal {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// The key of every host.
    key: KeyPair,
    provider: Arc<CryptoProvider>,
    issued: Mutex<HashMap<String, Arc<ServerConfig>>>,
}

impl Seal {
    /// Makes an authority.
    ///
    /// # Errors
    /// When no key can be made: the system has no random numbers.
    pub fn new() -> io::Result<Seal> {
        let mut params = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
        let name = "haul, for one run of a practice server";
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = || KeyPair::generate().map_err(io::Error::other);
        Ok(Seal {
            issuer: CertifiedIssuer::self_signed(params, key()?).map_err(io::Error::other)?,
            key: key()?,
            provider: Arc::new(rustls::crypto::ring::default_provider()),
            issued: Mutex::default(),
        })
    }

    /// The certificate of the authority, as PEM: a client that trusts it trusts every host here.
    #[must_use]
    pub fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// Sets up TLS with a client, as the host that it names or, if it names none, as `otherwise`.
    pub(crate) async fn accept<S>(&self, stream: S, otherwise: &str) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let hello = start.client_hello();
        let config = self.config(hello.server_name().unwrap_or(otherwise))?;
        start.into_stream(config).await
    }

    fn config(&self, name: &str) -> io::Result<Arc<ServerConfig>> {
        let lock = || self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = lock().get(name) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.issue(name)?);
        let mut issued = lock();
        if issued.len() >= NAMES {
            issued.clear();
        }
        issued.insert(name.to_owned(), Arc::clone(&config));
        Ok(config)
    }

    fn issue(&self, name: &str) -> io::Result<ServerConfig> {
        let params = CertificateParams::new(vec![name.to_owned()]).map_err(io::Error::other)?;
        let certificate = params
            .signed_by(&self.key, &self.issuer)
            .map_err(io::Error::other)?;
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).map_err(io::Error::other)?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider));
        let mut config = builder
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Seal") // its keys are nobody's business
    }
}
