//! Against tinyproxy and squid: which requests go through a proxy, with credentials or without, and which do not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use haul::Config;
use haul::fetch::{NoProxy, Proxy, ProxyUrls, TlsSettings};
use haul::origin::{Hit, Origin, Response, Site};
use rustix::process::Signal;

use crate::certificates::self_signed;
use crate::cli;
use crate::folder::Folder;
use crate::run::{ENGINES, config, on_every_engine, run};
use crate::stranger::{self, Stranger, free_ports, wait_until};
use crate::tools;

/// Whether a proxy asks for the name `ann` and the password `s3cret`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    Nobody,
    Everybody,
}

/// A proxy for a test, on a port of its own.
struct Foreign {
    server: Stranger,
    port: u16,
}

impl Foreign {
    fn tinyproxy(asks: Asks) -> Option<Self> {
        let program = tools::program("tinyproxy")?;
        Some(Self::start(|folder, port| {
            let auth = match asks {
                Asks::Nobody => "",
                Asks::Everybody => "BasicAuth ann s3cret\n",
            };
            let text = format!(
                "Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 100\nLogFile \"{folder}/log\"\n\
                 LogLevel Connect\nViaProxyName \"tinyproxy\"\n{auth}"
            );
            fs::write(format!("{folder}/conf"), text).unwrap();
            let mut command = Command::new(program);
            command.args(["-d", "-c"]).arg(format!("{folder}/conf"));
            command
        }))
    }

    fn squid(asks: Asks) -> Option<Self> {
        let program = tools::program("squid")?;
        Some(Self::start(|folder, port| {
            let helper = format!("{folder}/helper");
            let script = "#!/bin/sh\nwhile read -r name password; do\n\
                          [ \"$name $password\" = 'ann s3cret' ] && echo OK || echo ERR\ndone\n";
            fs::write(&helper, script).unwrap();
            // Started by root, squid becomes another user.
            for path in [folder, &helper] {
                fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
            }
            let access = match asks {
                Asks::Nobody => "http_access allow all\n".to_owned(),
                Asks::Everybody => format!(
                    "auth_param basic program {helper}\nauth_param basic children 1\n\
                     acl known proxy_auth REQUIRED\nhttp_access allow known\n"
                ),
            };
            let text = format!(
                "http_port 127.0.0.1:{port}\npid_filename none\ncache_log {folder}/cache.log\n\
                 access_log stdio:{folder}/log\ncache deny all\ncoredump_dir {folder}\n\
                 shutdown_lifetime 0 seconds\npinger_enable off\nnetdb_filename none\n\
                 visible_hostname squid\n{access}http_access deny all\n"
            );
            fs::write(format!("{folder}/conf"), text).unwrap();
            let mut command = Command::new(program);
            command.args(["-N", "-f"]).arg(format!("{folder}/conf"));
            command
        }))
    }

    fn start(command: impl FnOnce(&str, u16) -> Command) -> Self {
        let folder = stranger::folder();
        let port = free_ports(1)[0];
        let mut command = command(folder.path().to_str().unwrap(), port);
        let server = Stranger::start(folder, &mut command, port, Signal::TERM);
        Self { server, port }
    }

    /// Its URL, with this name and password if there are any.
    fn url(&self, user: &str) -> String {
        format!("http://{user}127.0.0.1:{}", self.port)
    }

    fn proxy(&self, user: &str) -> Proxy {
        self.url(user).parse().unwrap()
    }

    /// Waits until it has logged this many tunnels: squid logs one when it ends.
    fn wait_for_tunnels(&self, count: usize) {
        wait_until("tunnels are missing in the log", || self.tunnels() >= count);
    }

    /// The number of tunnels that it has logged.
    fn tunnels(&self) -> usize {
        let log = fs::read_to_string(self.server.file("log")).unwrap_or_default();
        log.matches("CONNECT localhost:").count()
    }
}

/// A site, and the same over TLS.
fn sites() -> (Origin, Origin) {
    let site = || Site::builder().fallback(Response::page("<title>By proxy</title>"));
    (site().start().unwrap(), self_signed(site()))
}

fn url(scheme: &str, name: &str, origin: &Origin, path: &str) -> String {
    format!("{scheme}://{name}:{}{path}", origin.address().port())
}

fn settings(engine: &str, urls: &[String]) -> Config {
    let mut settings = config(engine, urls.iter().cloned());
    settings.fetch.tls = TlsSettings::Insecure;
    settings.frontier.retries = 0;
    settings
}

/// The proxy that forwarded a request, by the name that it gives itself.
fn forwarded_by(hit: &Hit) -> Option<&str> {
    let via = hit.headers.iter();
    let via = via.filter(|(name, _)| name.eq_ignore_ascii_case("via"));
    via.map(|(_, value)| value.split(' ').nth(1).unwrap())
        .next()
}

#[test]
fn foreign_proxies_forward_and_tunnel_with_credentials_and_without() {
    type Start = fn(Asks) -> Option<Foreign>;
    let starts: [(&str, &str, Start); 2] = [
        // tinyproxy responds to wrong credentials as an origin would.
        ("tinyproxy", "401", Foreign::tinyproxy),
        ("squid", "407", Foreign::squid),
    ];
    for (name, refusal, start) in starts {
        for (asks, user) in [(Asks::Nobody, ""), (Asks::Everybody, "ann:s3cret@")] {
            let Some(proxy) = start(asks) else { return };
            on_every_engine(|engine| {
                let (plain, sealed) = sites();
                let urls = [
                    url("http", "localhost", &plain, "/1"),
                    url("http", "localhost", &plain, "/2"),
                    url("https", "localhost", &sealed, "/3"),
                ];
                let mut settings = settings(engine, &urls);
                settings.fetch.proxies = vec![proxy.proxy(user)];
                let report = run(settings);
                assert_eq!(report.ends(), ["200"; 3], "{name} {:?}", report.records);
                assert_eq!(report.row(3).title.as_deref(), Some("By proxy"));
                for hit in plain.log().all_hits() {
                    assert_eq!(forwarded_by(&hit), Some(name), "{hit:?}");
                    assert!(!format!("{hit:?}").contains("Proxy-Authorization"));
                }
            });
            proxy.wait_for_tunnels(ENGINES.len());
            if asks == Asks::Nobody {
                continue;
            }
            on_every_engine(|engine| {
                let (plain, sealed) = sites();
                let urls = [
                    url("http", "localhost", &plain, "/"),
                    url("https", "localhost", &sealed, "/"),
                ];
                let mut settings = settings(engine, &urls);
                settings.fetch.proxies = vec![proxy.proxy("ann:s3cret-not@")];
                let report = run(settings);
                assert_eq!(
                    report.ends(),
                    [refusal, "proxy"],
                    "{name} {:?}",
                    report.records
                );
                let seen = plain.log().connections() + sealed.log().connections();
                assert_eq!(seen, 0, "nothing is sent directly");
            });
        }
    }
}

#[test]
fn each_url_goes_its_own_way_in_one_run() {
    let (Some(tinyproxy), Some(squid)) = (
        Foreign::tinyproxy(Asks::Nobody),
        Foreign::squid(Asks::Nobody),
    ) else {
        return;
    };
    for round in 0..2 {
        let before = (tinyproxy.tunnels(), squid.tunnels());
        on_every_engine(|engine| {
            let (plain, sealed) = sites();
            let urls = [
                url("http", "localhost", &plain, "/proxied"),
                url("http", "direct.localhost", &plain, "/by-name"),
                url("http", "127.0.0.1", &plain, "/by-address"),
                url("https", "direct.localhost", &sealed, "/by-name"),
                url("https", "localhost", &sealed, "/proxied"),
            ];
            let mut settings = settings(engine, &urls);
            let https = squid.proxy("").only_for(ProxyUrls::Https);
            settings.fetch.proxies = match round {
                0 => vec![tinyproxy.proxy("").only_for(ProxyUrls::Http), https],
                _ => vec![https],
            };
            settings.fetch.no_proxy = NoProxy::parse(".direct.localhost, 127.0.0.0/8").0;
            let report = run(settings);
            assert_eq!(report.ends(), ["200"; 5], "{:?}", report.records);
            let by = |path: &str| {
                let hits = plain.log().hits(path);
                forwarded_by(&hits[0]).map(str::to_owned)
            };
            let expected = (round == 0).then(|| "tinyproxy".to_owned());
            assert_eq!(by("/proxied"), expected);
            assert_eq!((by("/by-name"), by("/by-address")), (None, None));
            assert_eq!(report.row(3).remote, Some(plain.address()));
            assert_eq!(report.row(4).remote, Some(sealed.address()));
            assert_ne!(report.row(5).remote, Some(sealed.address()));
        });
        assert_eq!(tinyproxy.tunnels(), before.0, "only squid gets https URLs");
        squid.wait_for_tunnels(before.1 + ENGINES.len());
    }
}

#[test]
fn the_environment_counts_only_if_the_user_says_so() {
    let (Some(tinyproxy), Some(squid)) = (
        Foreign::tinyproxy(Asks::Nobody),
        Foreign::squid(Asks::Everybody),
    ) else {
        return;
    };
    let folder = Folder::new();
    for engine in ENGINES {
        let (plain, sealed) = sites();
        let urls = [
            url("http", "localhost", &plain, "/1"),
            url("http", "127.0.0.1", &plain, "/2"),
            url("https", "localhost", &sealed, "/3"),
        ];
        let fetch = |flags: &[&str]| {
            plain.log().clear();
            let mut arguments = vec!["fetch", "--engine", engine, "-k", "-o", "out.jsonl"];
            arguments.extend(flags);
            arguments.extend(urls.iter().map(String::as_str));
            let mut command = cli::haul(folder.path(), &arguments);
            command
                .env("http_proxy", tinyproxy.url(""))
                .env("HTTPS_PROXY", squid.url("ann:s3cret@"))
                .env("NO_PROXY", "127.0.0.1 localhost:80");
            let (code, _, stderr) = cli::split_output(command.output().unwrap());
            assert_eq!(code, Some(0), "{flags:?}: {stderr}");
            let forwarded = |path: &str| forwarded_by(&plain.log().hits(path)[0]).is_some();
            // Through a tunnel, the address of the server is not known.
            let records = fs::read_to_string(folder.path().join("out.jsonl")).unwrap();
            let direct = format!("\"remote\":\"{}\"", sealed.address());
            let ways = [forwarded("/1"), forwarded("/2"), !records.contains(&direct)];
            (ways, stderr)
        };
        assert_eq!(fetch(&[]).0, [false; 3]);
        let (ways, stderr) = fetch(&["-x", "env"]);
        assert_eq!(ways, [true, false, true], "{stderr}");
        let told = "no_proxy: \"localhost:80\" matches no host";
        assert_eq!(stderr.matches(told).count(), 1, "{stderr}");
        let told = "a proxy resolves the names of hosts";
        assert_eq!(stderr.matches(told).count(), 1, "{stderr}");
        assert_eq!(fetch(&["-x", "env", "--noproxy", ""]).0, [true; 3]);
        let (ways, _) = fetch(&["-x", "env", "--noproxy", "localhost"]);
        assert_eq!(ways, [false, true, false]);
        assert_eq!(fetch(&["-x", "env", "--noproxy", "*"]).0, [false; 3]);
        let (ways, _) = fetch(&["-x", &tinyproxy.url(""), "--noproxy", "localhost"]);
        assert_eq!(ways, [false, true, false]);
    }
}

#[test]
fn a_mistyped_variable_or_list_is_an_error_and_nothing_is_sent() {
    let (plain, _) = sites();
    let folder = Folder::new();
    let refused = |flags: &[&str], name: &str, value: &str| {
        let page = plain.url("/");
        let mut arguments = vec!["fetch"];
        arguments.extend(flags);
        arguments.push(&page);
        let mut command = cli::haul(folder.path(), &arguments);
        command.env(name, value);
        let (code, _, stderr) = cli::split_output(command.output().unwrap());
        assert_eq!(code, Some(2), "{stderr}");
        stderr
    };
    let env = ["-x", "env"];
    let told = refused(&env, "http_proxy", "htpp://ann:s3cret@127.0.0.1:1");
    assert!(
        told.contains("http_proxy") && told.contains("did you mean http"),
        "{told}"
    );
    assert!(refused(&env, "ALL_PROXY", "socks://127.0.0.1:1").contains("ALL_PROXY"));
    let told = refused(&["-x", "env", "-x", "http://127.0.0.1:1"], "X", "");
    assert!(told.contains("--proxy env"), "{told}");
    let told = refused(&["--noproxy", "a.test,b.test:80"], "X", "");
    assert!(
        told.contains("--noproxy") && told.contains("b.test:80"),
        "{told}"
    );
    assert_eq!(plain.log().connections(), 0);
}

#[test]
fn curl_reads_a_list_of_exceptions_the_same_way() {
    let Some(proxy) = Foreign::tinyproxy(Asks::Nobody) else {
        return;
    };
    let Some(curl) = tools::program("curl") else {
        return;
    };
    let (plain, _) = sites();
    for (host, list) in [
        ("localhost", "localhost"),
        ("localhost", ".localhost"),
        ("localhost", "x.test,localhost."),
        ("localhost", "x.test ,, LOCALHOST"),
        ("localhost", "host"),
        ("localhost", "*.localhost"),
        ("localhost", "x.test,*"),
        ("localhost", "*"),
        ("localhost", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.0/8"),
        ("127.0.0.1", "127.0.0.1/31"),
        ("127.0.0.1", "127.1.0.0/16"),
        ("127.0.0.1", "0.0.1"),
        ("127.0.0.1", "0.0.0.0/0"),
        ("127.0.0.1", "localhost"),
    ] {
        let page = url("http", host, &plain, "/");
        plain.log().clear();
        let status = Command::new(&curl)
            .args(["-sf", "-o", "/dev/null", "--noproxy", list, "-x"])
            .args([&proxy.url(""), &page])
            .status();
        assert!(status.unwrap().success());
        let mut settings = settings("async:16", &[page]);
        settings.fetch.proxies = vec![proxy.proxy("")];
        settings.fetch.no_proxy = NoProxy::parse(list).0;
        assert_eq!(run(settings).ends(), ["200"]);
        let hits = plain.log().all_hits();
        let ways: Vec<_> = hits.iter().map(forwarded_by).collect();
        assert_eq!(ways[0], ways[1], "curl and haul: {host} {list:?}");
    }
}
