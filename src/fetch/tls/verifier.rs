//! Verifies servers: by their certificate in one of three ways, and always by their signature and the pins.
//!
//! `--cacert` with a self-signed certificate means: trust this server, with this certificate. `openssl req -x509`
//! marks its certificates as authorities too, and webpki does not accept an authority as a server; OpenSSL, and so
//! curl, does if it is trusted itself.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;

use crate::fetch::pin::{Pin, PinMismatch};

/// Verifies a server: that it has the key of its certificate, and that the certificate is accepted.
#[derive(Debug)]
pub(super) struct ServerVerifier {
    provider: Arc<CryptoProvider>,
    accepted: Accepted,
    /// The keys that a server must have one of; if empty, any.
    pins: Vec<Pin>,
}

/// The certificates that are accepted.
#[derive(Debug)]
enum Accepted {
    /// Every certificate, for `--insecure`.
    All,
    /// Those that the system trusts.
    ///
    /// Its roots are read with the first certificate: plain `http` never needs them.
    System(OnceLock<Result<Arc<dyn ServerCertVerifier>, rustls::Error>>),
    /// Those that the system or an extra authority trusts, and the extra certificates themselves.
    Extra {
        verifier: Verifier,
        certificates: Vec<CertificateDer<'static>>,
    },
}

impl ServerVerifier {
    /// Accepts every certificate.
    pub(super) fn insecure(provider: Arc<CryptoProvider>) -> Self {
        Self {
            provider,
            accepted: Accepted::All,
            pins: Vec::new(),
        }
    }

    /// Accepts what the system trusts.
    pub(super) fn system(provider: Arc<CryptoProvider>) -> Self {
        Self {
            provider,
            accepted: Accepted::System(OnceLock::new()),
            pins: Vec::new(),
        }
    }

    /// Accepts what the system trusts, and these certificates: as authorities, and for the servers that they name.
    ///
    /// # Errors
    /// If the system's roots cannot be read.
    pub(super) fn with_extra(
        provider: Arc<CryptoProvider>,
        certificates: Vec<CertificateDer<'static>>,
    ) -> Result<Self, rustls::Error> {
        let verifier = Verifier::new_with_extra_roots(certificates.clone(), provider.clone())?;
        Ok(Self {
            provider,
            accepted: Accepted::Extra {
                verifier,
                certificates,
            },
            pins: Vec::new(),
        })
    }

    /// The same, but servers must have one of these keys too, unless there are none.
    pub(super) fn pinned(self, pins: Vec<Pin>) -> Self {
        Self { pins, ..self }
    }

    fn check_pins(&self, certificate: &CertificateDer<'_>) -> Result<(), rustls::Error> {
        if self.pins.is_empty() {
            return Ok(());
        }
        let pin = Pin::of_certificate(certificate);
        if pin.is_some_and(|pin| self.pins.contains(&pin)) {
            return Ok(());
        }
        let mismatch = OtherError(Arc::new(PinMismatch(pin)));
        Err(CertificateError::Other(mismatch).into())
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verify = |verifier: &dyn ServerCertVerifier| {
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        let verified = match &self.accepted {
            Accepted::All => Ok(ServerCertVerified::assertion()),
            Accepted::System(verifier) => {
                let verifier = verifier.get_or_init(|| system_roots(&self.provider));
                verify(verifier.as_ref().map_err(Clone::clone)?.as_ref())
            }
            Accepted::Extra {
                verifier,
                certificates,
            } => match verify(verifier) {
                // webpki checks the time of a certificate before its use, so this one is valid now.
                Err(rustls::Error::InvalidCertificate(CertificateError::Other(other)))
                    if other.to_string().contains("CaUsedAsEndEntity")
                        && certificates.iter().any(|known| known == end_entity) =>
                {
                    verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                    Ok(ServerCertVerified::assertion())
                }
                verified => verified,
            },
        }?;
        self.check_pins(end_entity)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// The system's roots, or in a container without CA files Mozilla's list, which is compiled in.
fn system_roots(
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
    if let Ok(verifier) = Verifier::new(provider.clone()) {
        return Ok(Arc::new(verifier));
    }
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let provider = provider.clone();
    let builder =
        rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
    match builder.build() {
        Ok(verifier) => Ok(verifier),
        Err(error) => Err(rustls::Error::General(error.to_string())),
    }
}
