//! Against nginx, which closes an HTTP/2 connection after a number of requests, and serves files.
//!
//! No URL is lost, no connection is wasted, and a download that was killed continues where it was.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use haul::fetch::TlsSettings;
use rcgen::{CertificateParams, KeyPair};
use rustix::process::Signal;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::cli::{self, haul};
use crate::folder::Folder;
use crate::run::{config, run};
use crate::stranger::{self, Stranger, free_ports, wait_until};
use crate::{tools, written};

/// A private nginx for a test.
pub(crate) struct Nginx {
    server: Stranger,
    pub(crate) ports: Vec<u16>,
}

impl Nginx {
    /// Starts nginx with these servers behind TLS, each the text of its block, or returns `None` if it is not installed.
    ///
    /// They may listen on Unix sockets too. The log has the variables in `logged` for each request. The certificate is for names below `nginx.localhost`.
    pub(crate) fn start(logged: &str, servers: &[&str]) -> Option<Self> {
        Self::within(stranger::folder(), logged, servers)
    }

    /// The same, in a folder that may have files to serve.
    pub(crate) fn within(folder: TempDir, logged: &str, servers: &[&str]) -> Option<Self> {
        let program = tools::program("nginx")?;
        let path = folder.path();
        let key = KeyPair::generate().unwrap();
        let names = ["nginx.localhost", "*.nginx.localhost"].map(str::to_owned);
        let params = CertificateParams::new(names).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        fs::write(path.join("certificate.pem"), certificate.pem()).unwrap();
        fs::write(path.join("key.pem"), key.serialize_pem()).unwrap();
        let ports = free_ports(servers.len());
        let blocks: String = servers
            .iter()
            .zip(&ports)
            .map(|(server, port)| {
                // It listens last on the port, which tells that it is up.
                format!("server {{ {server} listen 127.0.0.1:{port} ssl http2; }}\n")
            })
            .collect();
        let text = format!(
            "daemon off; master_process off; pid nginx.pid; error_log error.log;
             events {{ worker_connections 512; }}
             http {{
               log_format told '{logged}';
               access_log access.log told;
               client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
               uwsgi_temp_path uwsgi; scgi_temp_path scgi;
               ssl_certificate {folder}/certificate.pem;
               ssl_certificate_key {folder}/key.pem;
               {blocks}
             }}",
            folder = path.display(),
        );
        fs::write(path.join("nginx.conf"), text).unwrap();
        let mut command = Command::new(program);
        command.current_dir(path).arg("-p").arg(path);
        command.args(["-c", "nginx.conf", "-e", "error.log"]);
        let server = Stranger::start(folder, &mut command, *ports.last()?, Signal::QUIT);
        Some(Self { server, ports })
    }

    /// The certificate of the servers.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.file("certificate.pem")
    }

    /// The path of one of its files or sockets.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.server.file(name)
    }

    /// The log of nginx: the line of each request.
    pub(crate) fn log(self) -> Vec<String> {
        self.server.log()
    }
}

/// Fetches `pages` pages from an nginx that closes connections after `requests` requests.
///
/// Returns the number of connections that it accepted, including unused ones.
fn fetch(engine: &str, pages: usize, requests: usize) -> Option<usize> {
    let server = format!("keepalive_requests {requests}; location / {{ return 200 'a page'; }}");
    let nginx = Nginx::start("$connection $server_protocol", &[&server])?;
    let port = nginx.ports[0];
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
    assert!(log.iter().all(|line| line.ends_with(" HTTP/2.0")));
    assert_eq!(log.len(), pages, "{engine}: each page was sent once");
    // nginx numbers them; the first was the test's own, to check that it is up.
    let numbers = log
        .iter()
        .map(|line| line.split(' ').next().unwrap().parse());
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
    let served = stranger::folder();
    let file = served.path().join("files/data.bin");
    fs::create_dir(served.path().join("files")).unwrap();
    fs::write(&file, &body).unwrap();
    let modified = UNIX_EPOCH + Duration::from_secs(1_605_866_400);
    let opened = fs::File::options().append(true).open(&file).unwrap();
    opened.set_modified(modified).unwrap();
    let output = Command::new(sha256sum).arg(&file).output().unwrap();
    let sum = String::from_utf8(output.stdout).unwrap()[..64].to_owned();
    let server = format!("location /files/ {{ root .; add_header Repr-Digest '{digest}'; }}");
    let Some(nginx) = Nginx::within(served, "$status", &[&server]) else {
        return;
    };
    let url = format!("https://nginx.localhost:{}/files/data.bin", nginx.ports[0]);
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
    let folder = Folder::new();
    let slowly = [&line[..], &["--limit-rate", "1M"]].concat();
    let mut child = haul(folder.path(), &slowly).spawn().unwrap();
    let is_part = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        name.ends_with(".part") && entry.metadata().is_ok_and(|part| part.len() > 0)
    };
    wait_until("no part of the file arrives", || {
        let entries = fs::read_dir(folder.path().join("saved"));
        entries.into_iter().flatten().flatten().any(is_part)
    });
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
    let mut statuses: Vec<_> = log.iter().map(String::as_str).collect();
    // nginx may notice only later that the first connection is gone.
    statuses.sort_unstable();
    assert_eq!(statuses, ["200", "206"]);
}
