//! Proxies: their failures have their own class, and their passwords appear nowhere.

use std::net::SocketAddr;

use haul::Config;
use haul::fetch::{Override, Private};
use haul::origin::{Origin, Response, Site};

use crate::cli;
use crate::folder::Folder;
use crate::relay::{noting_relay, relay};
use crate::run::{ENGINES, config, on_every_engine, run};
use crate::stranger;

fn site() -> Origin {
    let fallback = Response::page("<title>By proxy</title>");
    Site::builder().fallback(fallback).start().unwrap()
}

fn by(proxy: SocketAddr, engine: &str, urls: &[&str]) -> Config {
    let mut settings = config(engine, urls.iter().copied());
    settings.fetch.proxies = vec![format!("http://ann:s3cret@{proxy}").parse().unwrap()];
    settings.frontier.retries = 0;
    settings
}

/// A server that redirects `/to/N` to the N-th target and has a page everywhere else.
fn leading(targets: &[&str]) -> Origin {
    let mut site = Site::builder().fallback(Response::page("<title>By proxy</title>"));
    for (place, target) in targets.iter().enumerate() {
        site = site.route(
            &format!("/to/{place}"),
            Response::redirect(302, (*target).to_owned()),
        );
    }
    site.start().unwrap()
}

/// Fetches N redirects from a server behind a proxy.
fn follow(engine: &str, proxy: &str, count: usize) -> Config {
    let urls = (0..count).map(|place| format!("http://anything.example/to/{place}"));
    let mut settings = config(engine, urls);
    settings.fetch.proxies = vec![proxy.parse().unwrap()];
    settings.frontier.retries = 0;
    settings
}

#[test]
fn a_proxy_forwards_requests_and_resolves_names() {
    let urls = [
        "http://anything.example/page",
        "http://anything.example/page?2",
    ];
    on_every_engine(|engine| {
        let server = site();
        let report = run(by(relay(server.address()), engine, &urls));
        assert_eq!(report.ends(), ["200"; 2], "{:?}", report.records);
        assert_eq!(report.row(1).title.as_deref(), Some("By proxy"));
        let hits = server.log().all_hits();
        assert!(
            hits.iter()
                .all(|hit| hit.host.starts_with("anything.example")),
            "{hits:?}"
        );
    });
}

#[test]
fn plain_pages_are_requested_from_a_proxy_in_absolute_form() {
    on_every_engine(|engine| {
        let proxy = site();
        let urls = ["http://anything.example/a?b=c", "http://anything.example/"];
        let report = run(by(proxy.address(), engine, &urls));
        assert_eq!(report.ends(), ["200", "200"]);
        let hits = proxy.log().all_hits();
        assert_eq!(hits.len(), 2);
        for hit in hits {
            assert_eq!(hit.method, "GET", "{hit:?}");
            assert_eq!(hit.host, "anything.example");
            let credentials = hit.header("proxy-authorization");
            assert_eq!(credentials, Some("Basic YW5uOnMzY3JldA=="));
        }
    });
}

#[test]
fn a_missing_or_refusing_proxy_is_blamed_and_not_the_host() {
    let nobody = stranger::nobody();
    on_every_engine(|engine| {
        let refuses = Site::builder()
            .fallback(Response::status(407))
            .start()
            .unwrap();
        for proxy in [nobody, refuses.address()] {
            let report = run(by(proxy, engine, &["https://anything.example/"]));
            assert_eq!(report.ends(), ["proxy"], "{:?}", report.only());
        }
    });
}

#[test]
fn a_dead_proxy_costs_one_attempt_as_the_next_one_uses_another() {
    let nobody = stranger::nobody();
    on_every_engine(|engine| {
        let server = site();
        let urls: Vec<_> = (0..4)
            .map(|page| format!("http://anything.example/{page}"))
            .collect();
        let mut settings = config(engine, urls);
        settings.fetch.proxies = [nobody, relay(server.address())]
            .map(|proxy| format!("http://{proxy}").parse().unwrap())
            .to_vec();
        settings.frontier.retries = 1;
        assert_eq!(run(settings).ends(), ["200"; 4]);
    });
}

#[test]
fn a_page_cannot_lead_to_private_hosts_through_a_proxy_that_resolves_names() {
    on_every_engine(|engine| {
        let private = [
            "http://127.0.0.1/", // the address of the proxy itself
            "http://2130706433/",
            "http://10.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://localhost/",
            "http://LOCALHOST./",
            "http://a.localhost/",
            "http://metadata.google.internal/",
            "http://intranet/",
        ];
        let server = leading(&private);
        let (socks, requested) = noting_relay(server.address());
        let http = format!("http://{}", relay(server.address()));
        for proxy in [http, format!("socks5h://{socks}")] {
            let report = run(follow(engine, &proxy, private.len()));
            assert_eq!(
                report.ends(),
                ["private"; 10],
                "{engine} {proxy} {:?}",
                report.records
            );
            assert_eq!(server.log().all_hits().len(), private.len());
            server.log().clear();
        }
        let requested = requested.lock().unwrap();
        assert!(
            requested.iter().all(|host| host == "anything.example:80"),
            "{requested:?}"
        );
    });
}

#[test]
fn private_addresses_that_the_user_allows_are_reached_by_proxy_too() {
    on_every_engine(|engine| {
        let server = leading(&["http://127.0.0.1/", "http://localhost/"]);
        let proxy = format!("http://{}", relay(server.address()));
        let mut settings = follow(engine, &proxy, 2);
        settings.fetch.private = Private::Allow;
        assert_eq!(run(settings).ends(), ["200"; 2]);
        // A host in the list is fetched too, wherever it is.
        let mut settings = config(engine, ["http://localhost/", "http://127.0.0.1/"]);
        settings.fetch.proxies = vec![proxy.parse().unwrap()];
        assert_eq!(run(settings).ends(), ["200"; 2]);
    });
}

#[test]
fn a_proxy_that_gets_addresses_never_gets_a_private_one_from_a_page() {
    on_every_engine(|engine| {
        let targets = [
            "http://inner.example/",
            "http://mixed.example/",
            "http://localhost/",
            "http://outer.example/",
        ];
        let server = leading(&targets);
        let (socks, requested) = noting_relay(server.address());
        let mut settings = follow(engine, &format!("socks5://{socks}"), targets.len());
        settings.fetch.resolve = [
            "anything.example:*:192.0.2.7", // in the list, so it may be anywhere
            "inner.example:*:127.0.0.1",
            "mixed.example:*:1.1.1.1,10.0.0.1",
            "outer.example:*:1.1.1.1",
        ]
        .map(|text| Override::parse(text).unwrap())
        .to_vec();
        let report = run(settings);
        let ends = ["private", "private", "private", "200"];
        assert_eq!(report.ends(), ends, "{engine} {:?}", report.records);
        let requested = requested.lock().unwrap();
        let known = ["192.0.2.7:80", "1.1.1.1:80"];
        assert!(
            requested.iter().all(|host| known.contains(&host.as_str())),
            "{requested:?}"
        );
    });
}

#[test]
fn an_invalid_proxy_is_an_error_and_nothing_is_sent_directly() {
    let (server, folder) = (site(), Folder::new());
    for proxy in [
        "socks://ann:s3cret@127.0.0.1:1",
        "sock5://127.0.0.1:1",
        "tor://127.0.0.1:1",
        "ftp://ann:s3cret@127.0.0.1",
        "http://",
        "http://ann:s3/cret@127.0.0.1:1",
        "127.0.0.1:99999",
    ] {
        for engine in ENGINES {
            let arguments = ["fetch", "-x", proxy, "--engine", engine, &server.url("/")];
            let (code, stdout, stderr) = cli::run(folder.path(), &arguments);
            assert_eq!(
                (code, stdout.as_str()),
                (Some(2), ""),
                "{proxy} {engine}: {stderr}"
            );
            assert!(
                stderr.contains("--proxy") && !stderr.contains("s3"),
                "{stderr}"
            );
        }
    }
    assert_eq!(server.log().connections(), 0);
}

#[test]
fn an_empty_proxy_turns_off_the_one_of_a_lower_layer() {
    let (server, folder) = (site(), Folder::new());
    let mut command = cli::haul(folder.path(), &["fetch", "-x", "", &server.url("/")]);
    command.env("HAUL_PROXY", "http://127.0.0.1:1");
    let (code, _, stderr) = cli::split_output(command.output().unwrap());
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(server.log().requests(), 1);
}
