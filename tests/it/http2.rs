//! HTTP/2, if a server offers it over TLS: many requests share one connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use haul::fetch::{TlsSettings, Versions};
use http::Response;
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::run::{config, on_every_engine, run};

/// A server that speaks these protocols; it runs as long as the test binary.
pub(crate) fn serve(protocols: &[&str], connections: Arc<AtomicUsize>) -> SocketAddr {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["two.localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    tls.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        runtime.block_on(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(talk(stream, acceptor.clone()));
            }
        });
    });
    address
}

/// Responds to every request over HTTP/2 with its path, except one that it resets; over HTTP/1.1 with "one".
///
/// Returns `None` once the client has left.
async fn talk(stream: TcpStream, acceptor: TlsAcceptor) -> Option<()> {
    let mut stream = acceptor.accept(stream).await.ok()?;
    if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
        let mut head = Vec::new();
        loop {
            head.push(stream.read_u8().await.ok()?);
            if head.ends_with(b"\r\n\r\n") {
                head.clear();
                let response = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none";
                stream.write_all(response).await.ok()?;
            }
        }
    }
    let mut connection = h2::server::handshake(stream).await.ok()?;
    while let Some(Ok((request, mut answer))) = connection.accept().await {
        let path = request.uri().path().to_owned();
        if path == "/reset" {
            answer.send_reset(h2::Reason::INTERNAL_ERROR);
            continue;
        }
        let mut body = answer.send_response(Response::new(()), false).ok()?;
        body.send_data(path.into(), true).ok()?;
    }
    None
}

/// The number of connection pools of an engine.
fn lanes(engine: &str) -> usize {
    let (name, size) = engine.split_once(':').unwrap_or((engine, "1"));
    let number = |text: &str| text.parse().unwrap();
    match name {
        "async" => thread::available_parallelism().unwrap().get(),
        "processes" => number(size.split('x').next().unwrap()),
        _ => number(size),
    }
}

#[test]
fn many_requests_share_a_connection_and_a_reset_stream_affects_no_other() {
    on_every_engine(|engine| {
        if engine.starts_with("blocking") {
            return; // it only speaks HTTP/1.1
        }
        let connections = Arc::new(AtomicUsize::new(0));
        let port = serve(&["h2"], connections.clone()).port();
        let paths = (0..40).map(|page| format!("/{page}"));
        let paths = paths.chain(["/reset".to_owned()]);
        let mut settings = config(
            engine,
            paths.map(|path| format!("https://two.localhost:{port}{path}")),
        );
        settings.fetch.tls = TlsSettings::Insecure;
        settings.frontier.per_host = 16;
        settings.frontier.retries = 0;
        let report = run(settings);
        for record in &report.records[..40] {
            assert_eq!(
                (record.status, record.version),
                (Some(200), Some("2")),
                "{record:?}"
            );
            assert_eq!(
                record.wire_bytes,
                record.url.rsplit('/').next().unwrap().len() as u64 + 1
            );
        }
        assert_eq!(
            report.ends()[40..],
            ["closed"],
            "{:?}",
            &report.records[40..]
        );
        // Of requests that start together, one connects, in each lane.
        let lanes = lanes(engine);
        let opened = connections.load(Ordering::SeqCst);
        assert!(opened <= lanes, "{opened} connections of {lanes} lanes");
    });
}

#[test]
fn a_run_limited_to_http_1_does_not_offer_http_2() {
    on_every_engine(|engine| {
        if engine.starts_with("blocking") {
            return; // it offers no protocol, and the server accepts that
        }
        let port = serve(&["h2"], Arc::default()).port();
        let mut settings = config(engine, [format!("https://two.localhost:{port}/")]);
        settings.fetch.tls = TlsSettings::Insecure;
        settings.fetch.versions = Versions::Http1;
        settings.frontier.retries = 0;
        assert_eq!(run(settings).ends(), ["tls"]);
    });
}
