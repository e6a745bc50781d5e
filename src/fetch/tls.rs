//! The TLS configuration of a run: built once, shared by every client.
//!
//! Reading the system's roots is slow, so clients do not do it themselves. reqwest does not set the protocols of a
//! finished configuration, so they are set here.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::pinned::Pinned;
use super::settings::{TlsSettings, Versions};
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
    let verifier: Arc<dyn ServerCertVerifier> = match settings {
        TlsSettings::Insecure => Arc::new(AnyCertificate(provider.clone())),
        TlsSettings::Verify { roots: None } => Arc::new(SystemRoots {
            provider: provider.clone(),
            verifier: OnceLock::new(),
        }),
        TlsSettings::Verify { roots: Some(path) } => {
            let certificates = extra_roots(path)?;
            let verifier = Verifier::new_with_extra_roots(certificates.clone(), provider.clone());
            let verifier =
                verifier.map_err(|source| Error::setup("the certificate roots", source))?;
            Arc::new(Pinned {
                verifier: Arc::new(verifier),
                certificates,
            })
        }
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|source| Error::setup("TLS", source))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.resumption = Resumption::in_memory_sessions(HOSTS * TICKETS);
    config.alpn_protocols = match versions {
        Versions::Any => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        Versions::Http1 => vec![b"http/1.1".to_vec()],
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

/// The system's roots, read with the first certificate: plain `http` never needs them.
#[derive(Debug)]
struct SystemRoots {
    provider: Arc<CryptoProvider>,
    verifier: OnceLock<Result<Arc<dyn ServerCertVerifier>, rustls::Error>>,
}

impl SystemRoots {
    fn verifier(&self) -> Result<&Arc<dyn ServerCertVerifier>, rustls::Error> {
        let read = || -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
            match Verifier::new(self.provider.clone()) {
                Ok(verifier) => Ok(Arc::new(verifier)),
                // A container without CA files: use Mozilla's list, compiled in.
                Err(_) => bundled(self.provider.clone()),
            }
        };
        self.verifier
            .get_or_init(read)
            .as_ref()
            .map_err(Clone::clone)
    }
}

impl ServerCertVerifier for SystemRoots {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verifier = self.verifier()?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier()?
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier()?
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn bundled(provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let builder =
        rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
    let verifier = builder
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    Ok(verifier)
}

/// Accepts every certificate, for `--insecure`.
///
/// Signatures are still checked: the peer has the key of its certificate.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
