//! Against nginx, which closes an HTTP/2 connection after a number of requests, and serves files.
//!
//! No URL is lost, no connection is wasted, and a download that was killed continues where it was.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use haul::fetch::TlsSettings;
use rcgen::{CertificateParams, KeyPair};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::cli::{self, haul};
use crate::run::{config, run};
use crate::{tools, written};

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
    ///
    /// It serves the files in `files` of its folder with the header field `Repr-Digest`, if there are any.
    fn start(requests: usize) -> Option<Self> {
        Self::serving(tempfile::tempdir().unwrap(), requests, "")
    }

    fn serving(folder: TempDir, requests: usize, digest: &str) -> Option<Self> {
        let program = tools::program("nginx")?;
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
                 location /files/ {{ root {folder}; add_header Repr-Digest '{digest}'; }}
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

#[test]
fn a_download_that_was_killed_is_continued_and_ends_with_the_sum_and_the_time_of_the_file() {
    let Some(sha256sum) = tools::program("sha256sum") else {
        return;
    };
    let body: Vec<u8> = (0..6_u32 << 20).map(|at| (at / 9 % 251) as u8).collect();
    let digest = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(&body)));
    let served = tempfile::tempdir().unwrap();
    let file = served.path().join("files/data.bin");
    fs::create_dir(served.path().join("files")).unwrap();
    fs::write(&file, &body).unwrap();
    let modified = UNIX_EPOCH + Duration::from_secs(1_605_866_400);
    let opened = fs::File::options().append(true).open(&file).unwrap();
    opened.set_modified(modified).unwrap();
    let output = Command::new(sha256sum).arg(&file).output().unwrap();
    let sum = String::from_utf8(output.stdout).unwrap()[..64].to_owned();
    let Some(nginx) = Nginx::serving(served, 1000, &digest) else {
        return;
    };
    let url = format!("https://nginx.localhost:{}/files/data.bin", nginx.port);
    let checksum = format!("sha256={sum}");
    let line = [
        url.as_str(),
        "--insecure",
        "-q",
        "-o",
        "out.jsonl",
        "--output-dir",
        "saved",
        "--remote-time",
        "--checksum",
        &checksum,
    ];
    let folder = tempfile::tempdir().unwrap();
    let slowly = [&line[..], &["--limit-rate", "1M"]].concat();
    let mut child = haul(folder.path(), &slowly).spawn().unwrap();
    let began = Instant::now();
    let is_part = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        name.ends_with(".part") && entry.metadata().is_ok_and(|part| part.len() > 0)
    };
    loop {
        let entries = fs::read_dir(folder.path().join("saved"))
            .into_iter()
            .flatten();
        if entries.flatten().any(is_part) {
            break;
        }
        assert!(began.elapsed() < START, "no part of the file arrives");
        thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let (code, _, stderr) = cli::run(folder.path(), &line);
    assert_eq!(code, Some(0), "{stderr}");
    let record = &written::jsonl(&folder.path().join("out.jsonl"))[0];
    assert_eq!(record["checked"], "sha256, repr-digest");
    let saved = folder.path().join(record["file"].as_str().unwrap());
    assert!(
        fs::read(&saved).unwrap() == body,
        "the parts do not make up the file"
    );
    assert_eq!(fs::metadata(&saved).unwrap().modified().unwrap(), modified);
    let log = nginx.log();
    let mut statuses: Vec<_> = log.iter().map(|(_, status, _)| status.as_str()).collect();
    // nginx may notice only later that the first connection is gone.
    statuses.sort_unstable();
    assert_eq!(statuses, ["200", "206"]);
}
