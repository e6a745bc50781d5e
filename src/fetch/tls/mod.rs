//! The TLS configurations of a run: built once, shared by every client.
//!
//! Reading the system's roots is slow, so clients do not do it themselves. reqwest does not set the protocols of a
//! finished configuration, so they are set here. Invariant: a client certificate is in a configuration of its own, with
//! sessions of its own, so that resuming a session never shows it to a host that may not see it.

mod fault;
mod identity;
mod key_log;
pub(super) mod public_key;
mod verifier;

use std::path::Path;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, SupportedProtocolVersion};

pub(super) use self::fault::from_tls;
use self::key_log::KeyLogFile;
use self::verifier::ServerVerifier;
use super::clearance::Clearance;
use super::settings::{ClientIdentity, FetchSettings, TlsSettings, TlsVersion, Versions};
use crate::error::{Error, Result, Setting};

/// The most hosts whose sessions are kept, to avoid full handshakes; the oldest goes first.
///
/// All lanes share them.
const HOSTS: usize = 4096;
/// The number of sessions that rustls counts per host.
const TICKETS: usize = 8;

/// The provider of all cryptography.
///
/// Always passed explicitly, never installed for the whole process.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The protocols that a client offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offer {
    /// Every protocol that the settings allow.
    Allowed,
    /// HTTP/1.1 only.
    Http1,
}

/// The TLS configurations of a run.
#[derive(Debug)]
pub(super) struct Tls {
    anonymous: Configurations,
    /// One for each client certificate, in the order of the settings.
    identified: Vec<Configurations>,
}

/// The same configuration for each offer. They share their sessions.
#[derive(Debug)]
struct Configurations {
    allowed: Arc<ClientConfig>,
    http1: Arc<ClientConfig>,
}

impl Tls {
    /// Builds the configurations.
    ///
    /// # Errors
    /// When certificates or keys cannot be read.
    pub(super) fn new(settings: &FetchSettings) -> Result<Self> {
        let provider = provider();
        let verifier = verifier(&settings.tls, &provider)?.pinned(settings.pins.clone());
        let verifier = Arc::new(verifier);
        let log = settings.key_log.as_deref().map(key_log).transpose()?;
        let versions: &[&SupportedProtocolVersion] = match settings.tls_min {
            TlsVersion::Tls12 => &[&TLS13, &TLS12],
            TlsVersion::Tls13 => &[&TLS13],
        };
        let build = |identity: Option<&ClientIdentity>| {
            let builder = ClientConfig::builder_with_provider(provider.clone())
                .with_protocol_versions(versions)
                .map_err(|source| Error::setup("TLS", source))?
                .dangerous()
                .with_custom_certificate_verifier(verifier.clone());
            let mut config = match identity {
                Some(identity) => {
                    builder.with_client_cert_resolver(identity::load(identity, &provider)?)
                }
                None => builder.with_no_client_auth(),
            };
            if let Some(log) = &log {
                config.key_log = log.clone();
            }
            Ok(Configurations::of(config, settings.versions))
        };
        Ok(Self {
            anonymous: build(None)?,
            identified: settings
                .identities
                .iter()
                .map(|identity| build(Some(identity)))
                .collect::<Result<_>>()?,
        })
    }

    /// The configuration for connections with this clearance.
    pub(super) fn config(&self, clearance: Clearance, offer: Offer) -> &Arc<ClientConfig> {
        let identity = clearance.identity();
        let configurations = identity.and_then(|identity| self.identified.get(identity));
        let configurations = configurations.unwrap_or(&self.anonymous);
        match offer {
            Offer::Allowed => &configurations.allowed,
            Offer::Http1 => &configurations.http1,
        }
    }
}

impl Configurations {
    fn of(mut config: ClientConfig, versions: Versions) -> Self {
        config.resumption = Resumption::in_memory_sessions(HOSTS * TICKETS);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let http1 = Arc::new(config.clone());
        let allowed = match versions {
            Versions::Any => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Versions::Http1 => vec![b"http/1.1".to_vec()],
            Versions::Http2 => vec![b"h2".to_vec()],
        };
        config.alpn_protocols = allowed;
        let allowed = Arc::new(config);
        Self { allowed, http1 }
    }
}

fn key_log(path: &Path) -> Result<Arc<KeyLogFile>> {
    KeyLogFile::open(path)
        .map(Arc::new)
        .map_err(|source| Error::Output {
            path: path.to_owned(),
            source,
        })
}

fn verifier(settings: &TlsSettings, provider: &Arc<CryptoProvider>) -> Result<ServerVerifier> {
    let provider = provider.clone();
    match settings {
        TlsSettings::Insecure => Ok(ServerVerifier::insecure(provider)),
        TlsSettings::Verify { roots: None } => Ok(ServerVerifier::system(provider)),
        TlsSettings::Verify { roots: Some(path) } => {
            ServerVerifier::with_extra(provider, extra_roots(path)?)
                .map_err(|source| Error::setup("the certificate roots", source))
        }
    }
}

/// The certificates of a PEM file.
///
/// # Errors
/// When it cannot be read, or is not PEM.
fn extra_roots(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let unreadable = |source| {
        let problem = format!("cannot read {}: {source}", path.display());
        Error::invalid(Setting::Authorities, problem)
    };
    let found = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
    let roots = found.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    if roots.is_empty() {
        let problem = format!(
            "no certificate is in {}; a PEM file with BEGIN CERTIFICATE is needed",
            path.display()
        );
        return Err(Error::invalid(Setting::Authorities, problem));
    }
    Ok(roots)
}
