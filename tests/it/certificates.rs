//! Certificates: good ones are accepted, and each kind of bad one has its own error class.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use haul::fetch::TlsSettings;
use haul::origin::{Opening, Origin, Response, Site, SiteBuilder, Step};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::folder::Folder;
use crate::run::{config, on_every_engine, run};
use crate::tools;

/// A certificate authority that tests trust, and the file with its certificate.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pub(crate) roots: PathBuf,
    _folder: Folder,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let folder = Folder::new();
        let roots = folder.path().join("roots.pem");
        std::fs::write(&roots, issuer.pem()).unwrap();
        Self {
            issuer,
            roots,
            _folder: folder,
        }
    }

    /// Starts a site behind TLS with a certificate for this name.
    pub(crate) fn serve_site(&self, site: SiteBuilder, name: &str) -> Origin {
        let key = KeyPair::generate().unwrap();
        let certificate = params(name).signed_by(&key, &self.issuer).unwrap();
        serve_with(site, certificate.der().clone(), &key)
    }

    /// Starts a server with a certificate issued by this authority.
    fn serve(&self, params: CertificateParams) -> Origin {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        serve(certificate.der().clone(), &key)
    }
}

fn params(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).unwrap()
}

/// A site behind TLS, with a self-signed certificate.
pub(crate) fn self_signed(site: SiteBuilder) -> Origin {
    let key = KeyPair::generate().unwrap();
    let certificate = params("localhost").self_signed(&key).unwrap();
    serve_with(site, certificate.der().clone(), &key)
}

fn serve(certificate: CertificateDer<'static>, key: &KeyPair) -> Origin {
    let site = Site::builder().fallback(Response::page("<title>Sealed</title>"));
    serve_with(site, certificate, key)
}

fn serve_with(site: SiteBuilder, certificate: CertificateDer<'static>, key: &KeyPair) -> Origin {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let site = site.encrypted().build().unwrap();
    Origin::dressed(site, move |stream| {
        let acceptor = acceptor.clone();
        async move { acceptor.accept(stream).await }
    })
    .unwrap()
}

fn on(name: &str, address: SocketAddr) -> String {
    format!("https://{name}:{}/", address.port())
}

#[test]
fn each_bad_certificate_has_its_own_class_and_a_good_one_passes() {
    let ours = Authority::new("ours");
    let theirs = Authority::new("theirs");
    let good = ours.serve(params("good.localhost"));
    let literal = ours.serve(params("127.0.0.1"));
    let mut late = params("late.localhost");
    late.not_after = date_time_ymd(2020, 1, 1);
    let late = ours.serve(late);
    let mut early = params("early.localhost");
    early.not_before = date_time_ymd(2090, 1, 1);
    early.not_after = date_time_ymd(2091, 1, 1);
    let early = ours.serve(early);
    let unknown = theirs.serve(params("unknown.localhost"));
    let key = KeyPair::generate().unwrap();
    let alone = params("alone.localhost").self_signed(&key).unwrap();
    let alone = serve(alone.der().clone(), &key);
    let words = Step::send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let plain = Site::builder()
        .opening(Opening::Script(vec![words, Step::Close]))
        .start()
        .unwrap();
    on_every_engine(|engine| {
        let cases = [
            (on("good.localhost", good.address()), "200"),
            (literal.url("/"), "200"),
            (on("wrong.localhost", good.address()), "tls-name"),
            (on("late.localhost", late.address()), "tls-expired"),
            (on("early.localhost", early.address()), "tls-expired"),
            (on("unknown.localhost", unknown.address()), "tls-issuer"),
            (on("alone.localhost", alone.address()), "tls-issuer"),
            (on("plain.localhost", plain.address()), "tls"),
        ];
        let mut settings = config(engine, cases.iter().map(|(url, _)| url.clone()));
        settings.frontier.retries = 0;
        settings.fetch.tls = TlsSettings::Verify {
            roots: Some(ours.roots.clone()),
        };
        let report = run(settings);
        for ((url, end), record) in cases.iter().zip(&report.records) {
            assert_eq!(record.end(), *end, "{url}: {record:?}");
        }
        let words = |row| report.row(row).message.trim_start_matches("TLS: ");
        assert_eq!(
            [3, 4, 5, 6].map(words),
            [
                "the certificate is for another name: it is for good.localhost",
                "the certificate has expired or is not valid yet: it expired on 2020-01-01",
                "the certificate has expired or is not valid yet: it is valid from 2090-01-01",
                "the certificate's issuer is unknown",
            ]
        );
        assert_eq!(report.row(1).version, Some("1.1"));
        // With checks turned off, any certificate is accepted.
        let mut settings = config(engine, cases[..7].iter().map(|(url, _)| url.clone()));
        settings.fetch.tls = TlsSettings::Insecure;
        assert_eq!(run(settings).ends(), ["200"; 7]);
    });
}

#[test]
fn an_unknown_authority_is_not_trusted() {
    let ours = Authority::new("ours");
    let good = ours.serve(params("good.localhost"));
    on_every_engine(|engine| {
        let mut settings = config(engine, [on("good.localhost", good.address())]);
        settings.frontier.retries = 0;
        assert_eq!(run(settings).ends(), ["tls-issuer"]);
    });
}

#[test]
fn the_certificate_that_openssl_makes_for_a_server_is_trusted_as_curl_trusts_it() {
    let (Some(openssl), Some(curl)) = (tools::program("openssl"), tools::program("curl")) else {
        return;
    };
    let folder = Folder::with_secrets_in(&["key.pem"]);
    let line = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout key.pem -out \
                roots.pem -subj /CN=alone.localhost -addext subjectAltName=DNS:alone.localhost";
    let output = Command::new(openssl)
        .args(line.split(' '))
        .current_dir(folder.path())
        .output();
    assert!(output.unwrap().status.success());
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let key = KeyPair::from_pem(&read("key.pem")).unwrap();
    let certificate = CertificateDer::from_pem_slice(read("roots.pem").as_bytes()).unwrap();
    let server = serve(certificate, &key);
    let url = on("alone.localhost", server.address());
    let by_curl = Command::new(curl)
        .args(["-s", "--cacert", "roots.pem", &url])
        .current_dir(folder.path())
        .output();
    assert!(by_curl.unwrap().status.success());
    let line = ["fetch", &url, "--cacert", "roots.pem"];
    let (code, _, stderr) = crate::cli::run(folder.path(), &line);
    assert_eq!(code, Some(0), "{stderr}");
}

#[test]
fn a_self_signed_certificate_that_the_user_names_is_trusted_for_its_host() {
    for is_authority in [false, true] {
        let mut params = params("alone.localhost");
        if is_authority {
            // The kind of certificate that `openssl req -x509` creates.
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let folder = Folder::new();
        let roots = folder.path().join("alone.pem");
        std::fs::write(&roots, certificate.pem()).unwrap();
        let server = serve(certificate.der().clone(), &key);
        on_every_engine(|engine| {
            let urls =
                ["alone.localhost", "other.localhost"].map(|name| on(name, server.address()));
            let mut settings = config(engine, urls);
            settings.frontier.retries = 0;
            settings.fetch.tls = TlsSettings::Verify {
                roots: Some(roots.clone()),
            };
            assert_eq!(
                run(settings).ends(),
                ["200", "tls-name"],
                "{is_authority} {engine}"
            );
        });
    }
}
