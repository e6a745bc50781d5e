//! The TLS configuration of a run: built once, shared by every client.
//!
//! Reading the system's roots is slow, so clients do not do it themselves. reqwest does not set the protocols of a
//! finished configuration, so they are set here.

use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::settings::{TlsSettings, Versions};
use super::verifier::ServerVerifier;
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
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Builds the configuration.
///
/// # Errors
/// When the roots cannot be read.
pub(crate) fn config(settings: &TlsSettings, versions: Versions) -> Result<ClientConfig> {
    let provider = provider();
    let verifier = match settings {
        TlsSettings::Insecure => ServerVerifier::insecure(provider.clone()),
        TlsSettings::Verify { roots: None } => ServerVerifier::system(provider.clone()),
        TlsSettings::Verify { roots: Some(path) } => {
            let extra = ServerVerifier::with_extra(provider.clone(), extra_roots(path)?);
            extra.map_err(|source| Error::setup("the certificate roots", source))?
        }
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|source| Error::setup("TLS", source))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.resumption = Resumption::in_memory_sessions(HOSTS * TICKETS);
    config.alpn_protocols = match versions {
        Versions::Any => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        Versions::Http1 => vec![b"http/1.1".to_vec()],
        Versions::Http2 => vec![b"h2".to_vec()],
    };
    Ok(config)
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
