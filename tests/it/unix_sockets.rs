//! Unix sockets in place of hosts, against nginx.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use haul::Config;
use haul::fetch::{HostSettings, TlsSettings};
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use crate::cli;
use crate::run::{config, on_every_engine, run};
use crate::tools;

/// How long nginx may take to start.
const START: Duration = Duration::from_secs(20);

/// A private nginx for a test. It listens on two Unix sockets, one of them with TLS, and on a port with TLS.
struct Nginx {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl Nginx {
    fn start() -> Option<Self> {
        let program = tools::program("nginx")?;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["sealed.example".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        fs::write(path.join("certificate.pem"), certificate.pem()).unwrap();
        fs::write(path.join("key.pem"), key.serialize_pem()).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
        let port = port.unwrap().port();
        let text = format!(
            "daemon off; master_process off; pid nginx.pid; error_log error.log;
             events {{ worker_connections 512; }}
             http {{
               log_format told '$connection';
               access_log access.log told;
               client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
               uwsgi_temp_path uwsgi; scgi_temp_path scgi;
               ssl_certificate {folder}/certificate.pem;
               ssl_certificate_key {folder}/key.pem;
               default_type text/html;
               server {{
                 listen unix:{folder}/plain.sock;
                 listen unix:{folder}/tls.sock ssl http2;
                 listen 127.0.0.1:{port} ssl http2;
                 location /to-private {{ return 302 http://10.0.0.1/private; }}
                 location / {{ return 200 '<title>$scheme $http_host $ssl_server_name</title>'; }}
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
        while TcpStream::connect(("127.0.0.1", port)).is_err()
            || UnixStream::connect(path.join("tls.sock")).is_err()
        {
            assert!(began.elapsed() < START, "nginx does not start");
            thread::yield_now();
        }
        Some(Self {
            child,
            folder,
            port,
        })
    }

    fn socket(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn by(socket: PathBuf, engine: &str, urls: &[&str]) -> Config {
    let mut settings = config(engine, urls.iter().copied());
    settings.fetch.unix_socket = Some(socket);
    settings.fetch.tls = TlsSettings::Insecure;
    settings.frontier.retries = 0;
    settings
}

#[test]
fn every_connection_goes_to_the_socket_and_host_and_tls_name_stay_those_of_the_url() {
    let Some(nginx) = Nginx::start() else { return };
    on_every_engine(|engine| {
        let urls = [
            "http://one.example:81/1",
            "http://two.example/2",
            "http://[::1]/3",
        ];
        let report = run(by(nginx.socket("plain.sock"), engine, &urls));
        assert_eq!(report.ends(), ["200"; 3], "{:?}", report.records);
        let titles = report
            .records
            .iter()
            .map(|one| one.title.as_deref().unwrap());
        let expected = ["http one.example:81", "http two.example", "http [::1]"];
        assert_eq!(titles.collect::<Vec<_>>(), expected);
        assert!(report.records.iter().all(|one| one.remote.is_none()));

        let urls = ["https://sealed.example/1", "https://sealed.example:8443/2"];
        let report = run(by(nginx.socket("tls.sock"), engine, &urls));
        assert_eq!(report.ends(), ["200"; 2], "{:?}", report.records);
        let title = report.row(1).title.as_deref().unwrap();
        assert!(
            title.starts_with("https ") && title.ends_with("sealed.example"),
            "{title}"
        );
        let version = match engine {
            "blocking:4" => "1.1",
            _ => "2",
        };
        assert_eq!(report.row(1).version, Some(version));
    });
}

#[test]
fn a_redirect_goes_to_the_socket_too_even_one_to_a_private_address() {
    let Some(nginx) = Nginx::start() else { return };
    on_every_engine(|engine| {
        let urls = ["http://one.example/to-private"];
        let report = run(by(nginx.socket("plain.sock"), engine, &urls));
        assert_eq!(report.ends(), ["200"], "{:?}", report.only());
        assert_eq!(report.only().title.as_deref(), Some("http 10.0.0.1"));
    });
}

#[test]
fn a_connection_to_a_socket_is_kept_alive() {
    let Some(nginx) = Nginx::start() else { return };
    for (rounds, engine) in [
        "sequential",
        "threads:1",
        "blocking:1",
        "async:1",
        "processes:1x1",
    ]
    .into_iter()
    .enumerate()
    {
        let urls = [
            "http://a.example/1",
            "http://a.example/2",
            "http://a.example/3",
        ];
        let report = run(by(nginx.socket("plain.sock"), engine, &urls));
        assert_eq!(report.ends(), ["200"; 3]);
        let log = fs::read_to_string(nginx.socket("access.log")).unwrap();
        let mut connections: Vec<_> = log.lines().collect();
        connections.dedup();
        assert_eq!(connections.len(), rounds + 1, "{engine}: {log}");
    }
}

#[test]
fn a_socket_that_is_missing_or_that_nobody_listens_on_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let dead = folder.path().join("dead.sock");
    drop(UnixListener::bind(&dead).unwrap());
    let missing = folder.path().join("missing.sock");
    on_every_engine(|engine| {
        for (path, why) in [
            (&missing, "it does not exist"),
            (&dead, "nobody listens on it"),
        ] {
            let urls = ["http://a.example/", "https://a.example/"];
            let report = run(by(path.clone(), engine, &urls));
            assert_eq!(report.ends(), ["connect", "connect"]);
            let words = format!("the Unix socket {}: {why}", path.display());
            for record in &report.records {
                assert!(record.message.ends_with(&words), "{}", record.message);
            }
        }
    });
}

#[test]
fn the_flag_is_that_of_curl_and_excludes_proxies() {
    let Some(nginx) = Nginx::start() else { return };
    let Some(curl) = tools::program("curl") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let socket = nginx.socket("plain.sock");
    let socket = socket.to_str().unwrap();
    let page = "http://one.example:81/";
    let curl = Command::new(curl)
        .args(["-s", "--unix-socket", socket, page])
        .output();
    let curl = String::from_utf8(curl.unwrap().stdout).unwrap();
    assert_eq!(curl, "<title>http one.example:81 </title>");
    let arguments = ["fetch", "--unix-socket", socket, "-o", "out.jsonl", page];
    let (code, _, stderr) = cli::run(folder.path(), &arguments);
    assert_eq!(code, Some(0), "{stderr}");
    let record = fs::read_to_string(folder.path().join("out.jsonl")).unwrap();
    assert!(record.contains("\"remote\":null"), "{record}");

    let arguments = ["fetch", "--unix-socket", socket, "-x", "h:1", page];
    let (code, _, stderr) = cli::run(folder.path(), &arguments);
    assert!(
        code == Some(2) && stderr.contains("--unix-socket and --proxy"),
        "{stderr}"
    );
    let arguments = [
        "fetch",
        "--unix-socket",
        socket,
        "--for-host",
        "* proxy=h:1",
        page,
    ];
    let (code, _, stderr) = cli::run(folder.path(), &arguments);
    assert!(
        code == Some(2) && stderr.contains("cannot be combined"),
        "{stderr}"
    );
    // A proxy of a lower layer gives way to the flag.
    let mut command = cli::haul(folder.path(), &["fetch", "--unix-socket", socket, page]);
    command.env("HAUL_PROXY", "http://127.0.0.1:1");
    let (code, _, stderr) = cli::split_output(command.output().unwrap());
    assert_eq!(code, Some(0), "{stderr}");
}

#[test]
fn one_host_can_be_asked_over_http1_while_others_speak_http2() {
    let Some(nginx) = Nginx::start() else { return };
    on_every_engine(|engine| {
        let url = |name: &str| format!("https://{name}.localhost:{}/", nginx.port);
        let mut settings = config(engine, [url("old"), url("new")]);
        settings.fetch.tls = TlsSettings::Insecure;
        settings.fetch.hosts = vec![HostSettings {
            http1: Some(true),
            ..HostSettings::new("old.localhost".parse().unwrap())
        }];
        let report = run(settings);
        let new = match engine {
            "blocking:4" => "1.1",
            _ => "2",
        };
        assert_eq!(report.row(1).version, Some("1.1"), "{:?}", report.row(1));
        assert_eq!(report.row(2).version, Some(new), "{:?}", report.row(2));
    });
}
