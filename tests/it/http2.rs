//! HTTP/2, if a server offers it over TLS: many requests share one connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use haul::Config;
use haul::fetch::{Http2Connections, TlsSettings, Versions};
use http::{Response, StatusCode};
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;
use tokio_rustls::TlsAcceptor;

use crate::program::PATH;
use crate::run::{config, on_every_engine, outcome, run};

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

/// A server for HTTP/2 over plain TCP, with at most four requests at a time on each connection.
///
/// It has a start page with links to `number` pages, and responds to those only once all of them were requested.
fn serve_plain(number: usize, connections: Arc<AtomicUsize>) -> SocketAddr {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let all = Arc::new(Barrier::new(number));
    thread::spawn(move || {
        runtime.block_on(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(talk_plain(stream, number, all.clone()));
            }
        });
    });
    address
}

async fn talk_plain(stream: TcpStream, number: usize, all: Arc<Barrier>) -> Option<()> {
    let mut builder = h2::server::Builder::new();
    let handshake = builder
        .max_concurrent_streams(4)
        .handshake::<_, bytes::Bytes>(stream);
    let mut connection = handshake.await.ok()?;
    while let Some(Ok((request, mut answer))) = connection.accept().await {
        let all = all.clone();
        tokio::spawn(async move {
            let link = |page| format!("<a href=/all/{page}>{page}</a>");
            let body: String = (0..number).map(link).collect();
            if request.uri().path().starts_with("/all/") {
                all.wait().await;
            }
            let head = Response::builder().header("content-type", "text/html");
            let head = head.body(()).ok()?;
            let mut stream = answer.send_response(head, false).ok()?;
            stream.send_data(body.into(), true).ok()
        });
    }
    None
}

/// Responds to every request over HTTP/2 with its path, except one that it resets; over HTTP/1.1 with "one".
///
/// Paths that begin with `/half` have that page over HTTP/2 too, but every second request for one is rejected.
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
    let mut requests = 0;
    while let Some(Ok((request, mut answer))) = connection.accept().await {
        let path = request.uri().path().to_owned();
        if path == "/reset" {
            answer.send_reset(h2::Reason::INTERNAL_ERROR);
            continue;
        }
        let is_half = path.starts_with("/half");
        requests += usize::from(is_half);
        let mut head = Response::new(());
        if is_half && requests % 2 == 1 {
            *head.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
        let page = if is_half { "one".into() } else { path };
        let mut body = answer.send_response(head, false).ok()?;
        body.send_data(page.into(), true).ok()?;
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

#[test]
fn a_host_that_allows_few_requests_at_a_time_on_a_connection_gets_another() {
    // One lane, which knows the server's limit from the start page on.
    let connections = Arc::new(AtomicUsize::new(0));
    let address = serve_plain(16, connections.clone());
    let mut settings = Config::crawl([format!("http://{address}/")]);
    settings.engine = "processes:1x16".parse().unwrap();
    settings.program = Some(PATH.into());
    settings.frontier.per_host = 16;
    settings.fetch.versions = Versions::Http2;
    let report = run(settings);
    assert_eq!(report.ends(), ["200"; 17], "{:?}", report.records);
    assert_eq!(connections.load(Ordering::SeqCst), 4);
}

#[test]
fn as_many_connections_as_asked_for_share_the_requests_to_a_host() {
    on_every_engine(|engine| {
        let connections = Arc::new(AtomicUsize::new(0));
        let address = serve_plain(8, connections.clone());
        let urls = (0..8).map(|page| format!("http://{address}/all/{page}"));
        let mut settings = config(engine, urls);
        settings.frontier.per_host = 8;
        settings.fetch.versions = Versions::Http2;
        settings.fetch.http2_connections = Http2Connections::UpTo(3.try_into().unwrap());
        if engine.starts_with("blocking") {
            let error = outcome(settings).unwrap_err();
            assert!(error.to_string().contains("HTTP/1.1"), "{error}");
            return;
        }
        if !engine.starts_with("async") && !engine.starts_with("processes") {
            return; // never eight requests at once
        }
        let report = run(settings);
        assert_eq!(report.ends(), ["200"; 8], "{engine}: {:?}", report.records);
        let opened = connections.load(Ordering::SeqCst);
        let allowed = 2..=3 * lanes(engine);
        assert!(allowed.contains(&opened), "{engine}: {opened} connections");
    });
}
