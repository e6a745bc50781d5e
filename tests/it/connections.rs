//! Reused connections: failed requests are resent, and open files never run out.
//!
//! A request that fails on a reused connection is sent again, an idle timeout is not taken for a response, connections
//! never exceed the limit of open files, and TLS sessions are resumed however many hosts there are.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use haul::Event;
use haul::fetch::{Private, TlsSettings};
use rcgen::{CertificateParams, KeyPair};
use rustix::net::{AddressFamily, RecvFlags, SocketType, recv};
use rustls::pki_types::PrivateKeyDer;
use rustls::{HandshakeKind, ServerConfig, ServerConnection, StreamOwned};

use crate::folder::Folder;
use crate::program::Program;
use crate::run::{Report, config, on_every_engine, run, run_with};

const PAGE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\na page";
const LAST_PAGE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\na page";
const TIMEOUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Serves each connection on a thread of its own, until the test binary ends.
fn serve(talk: impl Fn(TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let talk = Arc::new(talk);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let talk = talk.clone();
            thread::spawn(move || talk(stream));
        }
    });
    port
}

/// Reads a request without a body. `false` if the client has closed the connection.
fn request(from: &mut impl BufRead) -> std::io::Result<bool> {
    let mut line = String::new();
    while from.read_line(&mut line)? > 0 {
        if line == "\r\n" {
            return Ok(true);
        }
        line.clear();
    }
    Ok(false)
}

/// Responds to the first request of each connection with a page, to the second with `then`.
///
/// It then closes the connection.
fn close_after_second(then: &'static [u8]) -> u16 {
    serve(move |stream| {
        let (mut reader, mut writer) = (BufReader::new(stream.try_clone()?), stream);
        for answer in [PAGE, then] {
            if request(&mut reader)? {
                writer.write_all(answer)?;
            }
        }
        Ok(())
    })
}

/// Closes after the second request without a response, and records the requested paths.
fn close_and_record_paths(paths: Arc<Mutex<Vec<String>>>) -> u16 {
    serve(move |stream| {
        let (mut reader, mut writer) = (BufReader::new(stream.try_clone()?), stream);
        for answer in [PAGE, b""] {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if request(&mut reader)? {
                let path = line.split(' ').nth(1).unwrap_or_default();
                paths.lock().unwrap().push(path.to_owned());
                writer.write_all(answer)?;
            }
        }
        Ok(())
    })
}

/// Whether every URL got a page.
fn is_complete(report: &Report) -> bool {
    report.ends().iter().all(|end| end == "200")
}

#[test]
fn a_request_that_fails_on_a_reused_connection_is_resent_and_costs_no_retry() {
    on_every_engine(|engine| {
        let port = close_after_second(b"");
        let urls = (0..40).map(|page| format!("http://127.0.0.1:{port}/{page}"));
        let mut settings = config(engine, urls);
        settings.frontier.retries = 0;
        settings.frontier.per_host = 4;
        let report = run(settings);
        assert!(is_complete(&report), "{:?}", report.ends());
        assert!(
            report
                .records
                .iter()
                .all(|record| record.attempts.is_empty())
        );
    });
}

#[test]
fn a_request_that_failed_on_a_reused_connection_is_resent_on_a_new_one_only() {
    on_every_engine(|engine| {
        let paths: Arc<Mutex<Vec<String>>> = Arc::default();
        let port = close_and_record_paths(paths.clone());
        let urls = (0..60).map(|page| format!("http://127.0.0.1:{port}/{page}"));
        let mut settings = config(engine, urls);
        settings.frontier.retries = 0;
        settings.frontier.per_host = 8;
        let report = run(settings);
        assert!(is_complete(&report), "{:?}", report.ends());
        let paths = paths.lock().unwrap();
        for page in 0..60 {
            let path = format!("/{page}");
            let times = paths.iter().filter(|paths| **paths == path).count();
            assert!(times <= 2, "{path} was sent {times} times");
        }
    });
}

#[test]
fn a_request_that_must_not_be_sent_twice_is_not_resent_after_it_failed() {
    on_every_engine(|engine| {
        let port = close_after_second(b"");
        let urls = (0..2).map(|page| format!("http://127.0.0.1:{port}/{page}"));
        let mut settings = config(engine, urls);
        settings.frontier.retries = 0;
        settings.frontier.per_host = 1;
        settings.fetch.method = http::Method::POST;
        // An engine may or may not reuse the connection; a request that fails on it is not sent twice.
        let ends = run(settings).ends();
        assert!(
            matches!(ends[1].as_str(), "closed" | "200") && ends[0] == "200",
            "{ends:?}"
        );
        if ["sequential", "async:16", "async:64"].contains(&engine) {
            assert_eq!(ends[1], "closed");
        }
    });
}

#[test]
fn a_request_that_fails_on_a_new_connection_or_after_the_first_byte_is_a_failure() {
    on_every_engine(|engine| {
        let ends = |answer: &'static [u8]| {
            let port = serve(move |mut stream| {
                let mut reader = BufReader::new(stream.try_clone()?);
                request(&mut reader)?;
                stream.write_all(answer)
            });
            let mut settings = config(engine, [format!("http://127.0.0.1:{port}/")]);
            settings.frontier.retries = 0;
            run(settings).ends()
        };
        assert_eq!(ends(b""), ["closed"]);
        let port = close_after_second(b"HTTP/1.1 200 O");
        let urls = (0..2).map(|page| format!("http://127.0.0.1:{port}/{page}"));
        let mut settings = config(engine, urls);
        settings.frontier.retries = 0;
        settings.frontier.per_host = 1;
        let ends = run(settings).ends();
        assert!(ends[1] == "closed" || ends[1] == "200", "{ends:?}");
        if ["sequential", "async:16", "async:64"].contains(&engine) {
            assert_eq!(ends[1], "closed");
        }
    });
}

#[test]
fn bytes_that_arrive_on_an_idle_connection_are_not_taken_for_a_response() {
    on_every_engine(|engine| {
        let port = close_after_second(TIMEOUT);
        for method in ["GET", "POST"] {
            let urls = (0..40).map(|page| format!("http://127.0.0.1:{port}/{page}"));
            let mut settings = config(engine, urls);
            settings.frontier.retries = 0;
            settings.frontier.per_host = 4;
            settings.fetch.method = method.parse().unwrap();
            let report = run(settings);
            assert!(is_complete(&report), "{:?}", report.ends());
        }
    });
}

#[test]
fn a_request_timeout_on_a_new_connection_is_a_response() {
    on_every_engine(|engine| {
        let port = serve(|mut stream| {
            let mut reader = BufReader::new(stream.try_clone()?);
            request(&mut reader)?;
            stream.write_all(TIMEOUT)
        });
        let mut settings = config(engine, [format!("http://127.0.0.1:{port}/")]);
        settings.frontier.retries = 0;
        assert_eq!(run(settings).ends(), ["408"]);
    });
}

/// Whether the client has closed this connection, even if nobody has read up to its end yet.
fn has_left(stream: &TcpStream) -> bool {
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    recv(stream, &mut [0_u8; 1][..], flags).is_ok_and(|(_, came)| came == 0)
}

/// Keeps each connection until the client closes it, and records how many are open at most.
///
/// The system is asked which of them the client has closed: the serving threads only notice once they get a processor,
/// which is late on a busy machine.
fn counting(most: Arc<AtomicUsize>) -> u16 {
    let open = Mutex::<Vec<TcpStream>>::default();
    serve(move |stream| {
        {
            let mut open = open.lock().unwrap();
            open.push(stream.try_clone()?);
            open.retain(|stream| !has_left(stream));
            most.fetch_max(open.len(), SeqCst);
        }
        let (mut reader, mut writer) = (BufReader::new(stream.try_clone()?), stream);
        while request(&mut reader)? {
            writer.write_all(PAGE)?;
        }
        Ok(())
    })
}

#[test]
fn a_run_over_many_hosts_stays_below_the_limit_of_open_files_and_loses_none() {
    const HOSTS: usize = 400;
    const FILES: usize = 200;
    for engine in ["async:16", "threads:8", "blocking:8", "processes:2x8"] {
        let most = Arc::new(AtomicUsize::new(0));
        let port = counting(most.clone());
        let folder = Folder::new();
        let list = folder.path().join("list.txt");
        let urls = (0..HOSTS).map(|host| format!("http://h{host}.localhost:{port}/\n"));
        std::fs::write(&list, urls.collect::<String>()).unwrap();
        let command = format!(
            "ulimit -n {FILES}; exec haul fetch {} --engine {engine} --retries 0 -q -o {}",
            list.display(),
            folder.path().join("out.jsonl").display()
        );
        let output = Program::by("sh", folder.path(), &command).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{engine}: {stderr}");
        // Each process has its own limit. Once it is reached, each request in flight may open its connection while the
        // one that makes room for it is still being closed.
        let processes = if engine.starts_with("processes") {
            2
        } else {
            1
        };
        let most = most.load(SeqCst);
        assert!(most <= processes * FILES / 2 + 16, "{engine}: {most}");
    }
}

/// A TLS server that closes each connection after a page, and counts resumed sessions.
fn resuming(resumed: Arc<AtomicUsize>) -> u16 {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["*.localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    tls.session_storage = rustls::server::ServerSessionMemoryCache::new(10_000);
    let tls = Arc::new(tls);
    serve(move |stream| {
        let connection = ServerConnection::new(tls.clone()).unwrap();
        let mut stream = BufReader::new(StreamOwned::new(connection, stream));
        if request(&mut stream)? {
            let kind = stream.get_ref().conn.handshake_kind();
            resumed.fetch_add(usize::from(kind == Some(HandshakeKind::Resumed)), SeqCst);
            let secure = stream.get_mut();
            secure.write_all(LAST_PAGE)?;
            secure.conn.send_close_notify();
            secure.flush()?;
            // Waits for the client to close: a reset would discard what it has not read yet.
            let _ = secure.sock.read_to_end(&mut Vec::new());
        }
        Ok(())
    })
}

#[test]
fn the_second_connection_to_each_of_many_hosts_resumes_the_session_of_the_first() {
    const HOSTS: usize = 60;
    // If lanes are processes, a host may move from one to another.
    for engine in ["sequential", "threads:4", "blocking:4", "async:16"] {
        let resumed = Arc::new(AtomicUsize::new(0));
        let port = resuming(resumed.clone());
        let round = |round: usize| {
            (0..HOSTS).map(move |host| format!("https://h{host}.localhost:{port}/{round}"))
        };
        let mut settings = config(engine, round(1).chain(round(2)));
        settings.fetch.tls = TlsSettings::Insecure;
        settings.frontier.retries = 0;
        settings.frontier.per_host = 1;
        let report = run(settings);
        assert!(report.ends().iter().all(|end| end == "200"), "{report:?}");
        assert_eq!(resumed.load(SeqCst), HOSTS, "{engine}");
    }
}

#[test]
fn a_page_has_the_time_of_its_new_connection_and_none_for_a_reused_one() {
    on_every_engine(|engine| {
        let port = serve(|stream| {
            let (mut reader, mut writer) = (BufReader::new(stream.try_clone()?), stream);
            while request(&mut reader)? {
                writer.write_all(PAGE)?;
            }
            Ok(())
        });
        let urls = (0..12).map(|page| format!("http://one.localhost:{port}/{page}"));
        let mut settings = config(engine, urls);
        settings.frontier.per_host = 1;
        let timings = Arc::new(Mutex::new(Vec::new()));
        let recorded = timings.clone();
        let report = run_with(settings, haul::Stop::new(), move |event| {
            if let Event::Visited(visit) = event
                && let Ok(page) = &visit.outcome
            {
                recorded
                    .lock()
                    .unwrap()
                    .push((page.timing, visit.parsed.took));
            }
        });
        assert_eq!(report.ends(), ["200"; 12]);
        let timings = timings.lock().unwrap();
        let (new, reused): (Vec<_>, Vec<_>) = timings
            .iter()
            .partition(|(timing, _)| timing.connect.is_some());
        assert!(!new.is_empty() && !reused.is_empty(), "{timings:?}");
        for (timing, parsed) in &new {
            assert!(timing.resolve.is_some() && timing.tls.is_none() && parsed.is_some());
            let steps = timing.resolve.unwrap() + timing.connect.unwrap();
            assert!(steps <= timing.first_byte, "{timing:?}");
        }
        for (timing, _) in &reused {
            assert_eq!((timing.resolve, timing.tls), (None, None), "{timing:?}");
        }
    });
}

/// Occupies a port of 127.0.0.2 so that connections to it are neither taken nor refused; returns what keeps it so.
fn silent(port: u16) -> Vec<OwnedFd> {
    let address = SocketAddr::from(([127, 0, 0, 2], port));
    let listener = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&listener, &address).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let mut kept = vec![listener];
    // The queue of a listener that never accepts is soon full.
    while let Ok(waiting) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        kept.push(waiting.into());
    }
    kept
}

#[test]
fn an_address_that_does_not_respond_is_left_for_the_next_one() {
    on_every_engine(|engine| {
        let port = serve(|stream| {
            let mut reader = BufReader::new(stream.try_clone()?);
            while request(&mut reader)? {
                (&stream).write_all(PAGE)?;
            }
            Ok(())
        });
        let _kept = silent(port);
        let mut settings = config(engine, [format!("http://two.example:{port}/")]);
        settings.fetch.resolve = vec!["two.example:*:127.0.0.2,127.0.0.1".parse().unwrap()];
        settings.fetch.private = Private::Allow;
        // Nothing but the second address can end the wait in this time.
        settings.fetch.deadlines.connect = Duration::ZERO;
        settings.fetch.deadlines.total = Duration::from_secs(20);
        settings.frontier.retries = 0;
        let report = run(settings);
        assert_eq!(report.ends(), ["200"], "{:?}", report.records);
    });
}
