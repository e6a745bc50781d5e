//! Unix sockets in place of hosts, against nginx.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::Command;

use haul::Config;
use haul::fetch::{HostSettings, TlsSettings};

use crate::cli;
use crate::folder::Folder;
use crate::nginx::Nginx;
use crate::run::{config, on_every_engine, run};
use crate::tools;

/// A server on two Unix sockets, one of them with TLS, besides its port.
const SERVER: &str =
    "listen unix:plain.sock; listen unix:tls.sock ssl http2; default_type text/html;
    location /to-private { return 302 http://10.0.0.1/private; }
    location / { return 200 '<title>$scheme $http_host $ssl_server_name</title>'; }";

fn server() -> Option<Nginx> {
    Nginx::start("$connection", &[SERVER])
}

fn by<U: Into<String>>(socket: PathBuf, engine: &str, urls: impl IntoIterator<Item = U>) -> Config {
    let mut settings = config(engine, urls);
    settings.fetch.unix_socket = Some(socket);
    settings.fetch.tls = TlsSettings::Insecure;
    settings.frontier.retries = 0;
    settings
}

#[test]
fn every_connection_goes_to_the_socket_and_host_and_tls_name_stay_those_of_the_url() {
    let Some(nginx) = server() else { return };
    on_every_engine(|engine| {
        let urls = [
            "http://one.example:81/1",
            "http://two.example/2",
            "http://[::1]/3",
        ];
        let report = run(by(nginx.file("plain.sock"), engine, urls));
        assert_eq!(report.ends(), ["200"; 3], "{:?}", report.records);
        let titles = report
            .records
            .iter()
            .map(|one| one.title.as_deref().unwrap());
        let expected = ["http one.example:81", "http two.example", "http [::1]"];
        assert_eq!(titles.collect::<Vec<_>>(), expected);
        assert!(report.records.iter().all(|one| one.remote.is_none()));

        let urls = ["https://sealed.example/1", "https://sealed.example:8443/2"];
        let report = run(by(nginx.file("tls.sock"), engine, urls));
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
    let Some(nginx) = server() else { return };
    on_every_engine(|engine| {
        let urls = ["http://one.example/to-private"];
        let report = run(by(nginx.file("plain.sock"), engine, urls));
        assert_eq!(report.ends(), ["200"], "{:?}", report.only());
        assert_eq!(report.only().title.as_deref(), Some("http 10.0.0.1"));
    });
}

#[test]
fn a_connection_to_a_socket_is_kept_alive() {
    let Some(nginx) = server() else { return };
    let engines = [
        "sequential",
        "threads:1",
        "blocking:1",
        "async:1",
        "processes:1x1",
    ];
    for engine in engines {
        let urls = [1, 2, 3].map(|page| format!("http://a.example/{page}"));
        let report = run(by(nginx.file("plain.sock"), engine, urls));
        assert_eq!(report.ends(), ["200"; 3]);
    }
    let mut connections = nginx.log();
    assert_eq!(connections.len(), 3 * engines.len());
    connections.dedup();
    assert_eq!(connections.len(), engines.len(), "one for each engine");
}

#[test]
fn a_socket_that_is_missing_or_that_nobody_listens_on_is_named() {
    let folder = Folder::new();
    let dead = folder.path().join("dead.sock");
    drop(UnixListener::bind(&dead).unwrap());
    let missing = folder.path().join("missing.sock");
    on_every_engine(|engine| {
        for (path, why) in [
            (&missing, "it does not exist"),
            (&dead, "nobody listens on it"),
        ] {
            let urls = ["http://a.example/", "https://a.example/"];
            let report = run(by(path.clone(), engine, urls));
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
    let Some(nginx) = server() else { return };
    let Some(curl) = tools::program("curl") else {
        return;
    };
    let folder = Folder::new();
    let socket = nginx.file("plain.sock");
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
    let Some(nginx) = server() else { return };
    on_every_engine(|engine| {
        let url = |name: &str| format!("https://{name}.localhost:{}/", nginx.ports[0]);
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
