//! A certificate authority, and a certificate of each host.

use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, ProducesTickets};
use tokio_rustls::TlsAcceptor;

use crate::workload::{HOSTS, Workload, address};

/// The certificates of all hosts, with their keys (ECDSA P-256).
pub(crate) struct Certificates {
    hosts: Vec<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
    tickets: Arc<dyn ProducesTickets>,
}

impl Certificates {
    /// Issues them, and writes the certificate of the authority to a file.
    pub(crate) fn issue(authority: &Path) -> Self {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "The authority of a benchmark");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(authority, issuer.pem()).unwrap();
        let hosts = (0..HOSTS).map(|host| {
            let address = address(host).to_string();
            let mut params = CertificateParams::new(vec![address.clone()]).unwrap();
            params.distinguished_name.push(DnType::CommonName, address);
            params.use_authority_key_identifier_extension = true;
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            let key = KeyPair::generate().unwrap();
            let certificate = params.signed_by(&key, &issuer).unwrap();
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            (certificate.der().clone(), key)
        });
        Self {
            hosts: hosts.collect(),
            tickets: ring::Ticketer::new().unwrap(),
        }
    }

    /// What accepts the connections of each host.
    pub(crate) fn acceptors(&self, workload: Workload) -> Vec<TlsAcceptor> {
        let acceptor = |(certificate, key): &(CertificateDer<'static>, PrivateKeyDer<'static>)| {
            let mut config =
                ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
                    .with_safe_default_protocol_versions()
                    .unwrap()
                    .with_no_client_auth()
                    .with_single_cert(vec![certificate.clone()], key.clone_key())
                    .unwrap();
            config.alpn_protocols = vec![workload.protocol().to_vec()];
            config.session_storage = Arc::new(NoServerSessionStorage {});
            match workload {
                Workload::Full => config.send_tls13_tickets = 0,
                _ => config.ticketer = self.tickets.clone(),
            }
            TlsAcceptor::from(Arc::new(config))
        };
        self.hosts.iter().map(acceptor).collect()
    }
}
