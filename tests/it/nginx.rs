//! Against nginx, which closes an HTTP/2 connection after a number of requests.
//!
//! No URL is lost, and no connection is wasted.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use haul::fetch::TlsSettings;
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use crate::run::{config, run};
use crate::tools;

/// How long nginx may take to start.
const START: Duration = Duration::from_secs(20);

/// A private nginx for a test, with its files in a temporary folder.
struct Nginx {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl Nginx {
    /// Starts nginx, or returns `None` if it is not installed.
    fn start(requests: usize) -> Option<Self> {
        let program = tools::program("nginx")?;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["nginx.localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        fs::write(path.join("certificate.pem"), certificate.pem()).unwrap();
        fs::write(path.join("key.pem"), key.serialize_pem()).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
        let port = port.unwrap().port();
        let text = format!(
            "daemon off; master_process off; pid nginx.pid; error_log error.log;
             events {{ worker_connections 512; }}
             http {{
               log_format told '$connection $status $server_protocol';
               access_log access.log told;
               client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
               uwsgi_temp_path uwsgi; scgi_temp_path scgi;
               server {{
                 listen 127.0.0.1:{port} ssl http2;
                 keepalive_requests {requests};
                 ssl_certificate {folder}/certificate.pem;
                 ssl_certificate_key {folder}/key.pem;
                 location / {{ return 200 'a page'; }}
               }}
             }}",
            folder = path.display(),
        );
        fs::write(path.join("nginx.conf"), text).unwrap();
        let child = Command::new(program)
            .arg("-p")
            .arg(path)
            .args(["-c", "nginx.conf", "-e", "error.log"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < START, "nginx does not start");
            thread::yield_now();
        }
        Some(Self {
            child,
            folder,
            port,
        })
    }

    /// The log of nginx: a connection, a status and a protocol for each request.
    fn log(mut self) -> Vec<(String, String, String)> {
        self.stop();
        let log = fs::read_to_string(self.folder.path().join("access.log")).unwrap();
        let words = |line: &str| {
            let mut words = line.split(' ').map(str::to_owned);
            Some((words.next()?, words.next()?, words.next()?))
        };
        log.lines().filter_map(words).collect()
    }

    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Fetches `pages` pages from an nginx that closes connections after `requests` requests.
///
/// Returns the number of connections that it accepted, including unused ones.
fn fetch(engine: &str, pages: usize, requests: usize) -> Option<usize> {
    let nginx = Nginx::start(requests)?;
    let port = nginx.port;
    let urls = (0..pages).map(|page| format!("https://nginx.localhost:{port}/{page}"));
    let mut settings = config(engine, urls);
    settings.fetch.tls = TlsSettings::Insecure;
    settings.frontier.per_host = 64;
    settings.frontier.retries = 0;
    let report = run(settings);
    let ends = report.ends();
    let lost = ends.iter().find(|end| *end != "200");
    assert_eq!(lost, None, "{engine}: {:?}", report.outcome);
    let log = nginx.log();
    assert!(log.iter().all(|(.., protocol)| protocol == "HTTP/2.0"));
    assert_eq!(log.len(), pages, "{engine}: each page was sent once");
    // nginx numbers them; the first was the test's own, to check that it is up.
    let numbers = log.iter().map(|(connection, ..)| connection.parse());
    let last: usize = numbers.map(Result::unwrap).max().unwrap_or_default();
    Some(last - 1)
}

#[test]
fn a_server_that_closes_connections_after_some_requests_loses_no_url_and_is_not_stampeded() {
    let runs = [
        ("async:64", 2, 1100, 1000),
        ("async:64", 2, 400, 50),
        ("processes:2x32", 2, 400, 50),
        ("sequential", 1, 120, 50),
    ];
    for (engine, loops, pages, requests) in runs {
        let Some(connections) = fetch(engine, pages, requests) else {
            return;
        };
        // Each loop has its own connection, and its last one is not used up.
        let needed = pages / requests + loops;
        assert!(
            connections <= needed + loops,
            "{engine}: {connections} connections, but {needed} suffice"
        );
    }
}
