//! The ways in which a server may end an HTTP/2 stream or connection.
//!
//! A request that was never processed is sent again whatever its method, a cut body is reported as cut, and a host
//! that requires HTTP/1.1 gets it. The server is written in raw frames, so that each ending is exactly the intended
//! one.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use haul::fetch::TlsSettings;
use http::{HeaderName, HeaderValue, Response};
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::run::{Report, config, on_every_engine, run};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// `:status 200` in HPACK.
const OK: &[u8] = &[0x88];
/// The length of the preface that a client sends first.
const PREFACE: usize = 24;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

fn reset(code: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, 1, &code.to_be_bytes())
}

/// A GOAWAY frame: nothing above stream `last` was processed.
fn goaway(last: u32, code: u32) -> Vec<u8> {
    frame(
        GOAWAY,
        0,
        0,
        &[last.to_be_bytes(), code.to_be_bytes()].concat(),
    )
}

fn page() -> Vec<u8> {
    let head = frame(HEADERS, END_HEADERS, 1, OK);
    [head, frame(DATA, END_STREAM, 1, b"a page")].concat()
}

/// The frames that the server sends to the first request on its first connection.
///
/// Other connections get a page.
#[derive(Clone)]
struct Server {
    first: Arc<Mutex<Option<Vec<u8>>>>,
    /// The protocol of each connection.
    versions: Arc<Mutex<Vec<&'static str>>>,
}

fn acceptor() -> TlsAcceptor {
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
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(tls))
}

/// Serves until the test binary ends.
fn serve<T, F>(talk: T) -> u16
where
    T: Fn(TlsStream<TcpStream>) -> F + Send + 'static,
    F: Future<Output = Option<()>> + Send + 'static,
{
    let acceptor = acceptor();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    thread::spawn(move || {
        runtime.block_on(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // One handshake after the other: the first connection is the first one that is ready.
                if let Ok(stream) = acceptor.accept(stream).await {
                    tokio::spawn(talk(stream));
                }
            }
        });
    });
    address.port()
}

impl Server {
    fn start(first: Vec<u8>) -> (Self, u16) {
        let server = Self {
            first: Arc::new(Mutex::new(Some(first))),
            versions: Arc::default(),
        };
        let of_each = server.clone();
        let port = serve(move |stream| of_each.clone().talk(stream));
        (server, port)
    }

    async fn talk(self, mut stream: TlsStream<TcpStream>) -> Option<()> {
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            self.versions.lock().unwrap().push("1.1");
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.ok()?);
            }
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\na page";
            stream.write_all(answer).await.ok()?;
            return stream.shutdown().await.ok();
        }
        self.versions.lock().unwrap().push("2");
        stream.read_exact(&mut [0; PREFACE]).await.ok()?;
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.ok()?;
        loop {
            let mut head = [0; 9];
            stream.read_exact(&mut head).await.ok()?;
            let length = usize::from(head[1]) << 8 | usize::from(head[2]);
            stream.read_exact(&mut vec![0; length]).await.ok()?;
            match head[3] {
                SETTINGS if head[4] == 0 => {
                    stream.write_all(&frame(SETTINGS, 1, 0, &[])).await.ok()?;
                }
                HEADERS => break,
                _ => {}
            }
        }
        let first = self.first.lock().unwrap().take();
        let answer = first.unwrap_or_else(page);
        stream.write_all(&answer).await.ok()?;
        stream.shutdown().await.ok()
    }
}

/// Sends one request with this method to a server that responds with `first`.
fn send_one(
    engine: &str,
    method: &str,
    first: Vec<u8>,
    retries: u32,
) -> (Report, Vec<&'static str>) {
    let (server, port) = Server::start(first);
    let mut settings = config(engine, [format!("https://two.localhost:{port}/")]);
    settings.fetch.tls = TlsSettings::Insecure;
    settings.fetch.method = method.parse().unwrap();
    settings.frontier.retries = retries.try_into().unwrap();
    let report = run(settings);
    let versions = server.versions.lock().unwrap().clone();
    (report, versions)
}

/// Calls `test` for every engine except the one that only speaks HTTP/1.1.
fn on_every_engine_with_http_2(test: impl Fn(&str) + Sync) {
    on_every_engine(|engine| {
        if !engine.starts_with("blocking") {
            test(engine);
        }
    });
}

#[test]
fn a_request_that_was_never_processed_is_resent_whatever_its_method_and_costs_no_retry() {
    on_every_engine_with_http_2(|engine| {
        for first in [goaway(0, 0), goaway(0, 2), reset(7)] {
            for method in ["GET", "POST"] {
                let (report, versions) = send_one(engine, method, first.clone(), 0);
                assert_eq!(report.ends(), ["200"], "{method} {first:?}: {report:?}");
                assert_eq!(versions, ["2", "2"]);
                assert!(report.only().attempts.is_empty(), "{report:?}");
            }
        }
    });
}

#[test]
fn a_host_that_requires_http_1_1_gets_it() {
    on_every_engine_with_http_2(|engine| {
        let (report, versions) = send_one(engine, "POST", reset(13), 0);
        assert_eq!(report.ends(), ["200"], "{report:?}");
        assert_eq!(report.only().version, Some("1.1"));
        assert_eq!(versions, ["2", "1.1"]);
    });
}

#[test]
fn a_stream_that_the_server_accepted_and_dropped_is_a_failure_of_the_connection() {
    on_every_engine_with_http_2(|engine| {
        // INTERNAL_ERROR; a GOAWAY that includes the stream; a close without any frame.
        for first in [reset(2), goaway(1, 0), Vec::new()] {
            let (report, _) = send_one(engine, "POST", first, 0);
            assert_eq!(report.ends(), ["closed"], "{report:?}");
        }
    });
}

#[test]
fn a_cut_body_is_reported_as_cut_whether_the_stream_or_the_connection_ends() {
    on_every_engine_with_http_2(|engine| {
        let head = frame(HEADERS, END_HEADERS, 1, OK);
        let begun = [head, frame(DATA, 0, 1, b"half")].concat();
        for end in [Vec::new(), reset(8), goaway(1, 2)] {
            let first = [begun.clone(), end].concat();
            let (report, _) = send_one(engine, "GET", first.clone(), 0);
            assert_eq!(report.ends(), ["cut"], "{report:?}");
            let (report, _) = send_one(engine, "GET", first, 1);
            assert_eq!(report.ends(), ["200"], "{report:?}");
            assert_eq!(report.only().attempts, ["cut"]);
        }
    });
}

#[test]
fn a_host_header_is_the_authority_of_a_request_and_each_host_keeps_its_own_connections() {
    on_every_engine_with_http_2(|engine| {
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let start = |name: &'static str| {
            let requests = requests.clone();
            serve(move |stream| {
                let requests = requests.clone();
                async move {
                    let mut connection = h2::server::handshake(stream).await.ok()?;
                    while let Some(Ok((request, mut answer))) = connection.accept().await {
                        let authority = request.uri().authority().unwrap();
                        let host = request.headers().get("host");
                        let line = format!("{name} {authority} {host:?}");
                        requests.lock().unwrap().push(line);
                        answer.send_response(Response::new(()), true).ok()?;
                    }
                    None
                }
            })
        };
        let ports = [start("one"), start("two")];
        let urls = ports.map(|port| format!("https://two.localhost:{port}/"));
        let mut settings = config(engine, urls);
        settings.fetch.tls = TlsSettings::Insecure;
        let name = HeaderValue::from_static("shop.example");
        settings
            .fetch
            .headers
            .0
            .insert(HeaderName::from_static("host"), name);
        assert_eq!(run(settings).ends(), ["200", "200"]);
        let mut requests = requests.lock().unwrap().clone();
        requests.sort();
        assert_eq!(requests, ["one shop.example None", "two shop.example None"]);
    });
}

#[test]
fn a_host_that_ends_each_connection_at_once_is_not_connected_to_more_often_than_tries_allow() {
    on_every_engine_with_http_2(|engine| {
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        let port = serve(move |mut stream| {
            count.fetch_add(1, Ordering::SeqCst);
            async move { stream.shutdown().await.ok() }
        });
        let mut settings = config(engine, [format!("https://two.localhost:{port}/")]);
        settings.fetch.tls = TlsSettings::Insecure;
        settings.frontier.retries = 0;
        assert_eq!(run(settings).ends(), ["closed"]);
        assert_eq!(connections.load(Ordering::SeqCst), 1, "{engine}");
    });
}
