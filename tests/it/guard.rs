//! Redirects into private networks are refused, unless the user allows them.
//!
//! The user's own list may name the host, or the user may allow all of them.
//!
//! Tests have loopback addresses only: 127.0.0.1 stands for the web, and the other addresses of 127.0.0.0/8 for
//! private networks that a page must not lead to.

use std::net::SocketAddr;

use haul::Config;
use haul::fetch::{Override, Private};
use haul::origin::{Origin, Response, Site};

use crate::folder::Folder;
use crate::run::{Report, config, on_every_engine, run};

/// A server on this address that redirects `/to/N` to the N-th target, with pages elsewhere.
fn origin(address: &str, targets: &[String]) -> Origin {
    let mut builder = Site::builder().fallback(Response::page("<title>Home</title>"));
    for (index, target) in targets.iter().enumerate() {
        builder = builder.route(
            &format!("/to/{index}"),
            Response::redirect(302, target.clone()),
        );
    }
    let address: SocketAddr = format!("{address}:0").parse().unwrap();
    Origin::at(address, builder.build().unwrap()).unwrap()
}

fn overrides(config: &mut Config, texts: &[&str]) {
    config.fetch.resolve = texts
        .iter()
        .map(|text| Override::parse(text).unwrap())
        .collect();
}

/// Fetches from a server on 127.0.0.1 that redirects to these targets.
fn follow(engine: &str, targets: &[String], change: impl Fn(&mut Config)) -> Report {
    let origin = origin("127.0.0.1", targets);
    let mut config = config(
        engine,
        (0..targets.len()).map(|index| origin.url(&format!("/to/{index}"))),
    );
    config.frontier.retries = 0;
    config.fetch.deadlines.connect = std::time::Duration::from_secs(2);
    change(&mut config);
    run(config)
}

#[test]
fn a_redirect_to_a_private_address_is_refused_in_every_spelling() {
    on_every_engine(|engine| {
        let inner = origin("127.0.0.2", &[]);
        let port = inner.address().port();
        let targets = [
            format!("http://127.0.0.2:{port}/"),
            format!("http://2130706434:{port}/"),
            format!("http://0177.0.0.2:{port}/"),
            format!("http://0x7f000002:{port}/"),
            format!("http://0x7f.2:{port}/"),
            format!("http://127.2:{port}/"),
            format!("http://127.0.0.2.:{port}/"),
            format!("http://\u{ff11}27.0.0.2:{port}/"),
            format!("http://[::ffff:127.0.0.2]:{port}/"),
            format!("http://[::ffff:7f00:2]:{port}/"),
            format!("//user@127.0.0.2:{port}/"),
            format!("http://[::1]:{port}/"),
            "http://[::]/".into(),
            "http://0.0.0.0/".into(),
            "http://10.0.0.1/".into(),
            "http://192.168.1.1/".into(),
            "http://169.254.169.254/latest/meta-data/".into(),
            "http://[fd00::1]/".into(),
            "http://[64:ff9b::10.0.0.1]/".into(),
        ];
        let report = follow(engine, &targets, |_| ());
        for (target, record) in targets.iter().zip(&report.records) {
            assert_eq!(record.class, Some("private"), "{target}: {record:?}");
            assert_eq!(record.hops.len(), 1, "{target}: {record:?}");
        }
        assert_eq!(inner.log().connections(), 0);
    });
}

#[test]
fn a_redirect_to_a_name_with_a_private_address_is_refused() {
    on_every_engine(|engine| {
        let inner = origin("127.0.0.2", &[]);
        let port = inner.address().port();
        let targets = ["one.example", "two.example", "mixed.example", "six.example"];
        let targets = targets.map(|name| format!("http://{name}:{port}/"));
        let report = follow(engine, &targets, |config| {
            overrides(
                config,
                &[
                    "one.example:*:127.0.0.2",
                    "two.example:*:169.254.169.254",
                    "mixed.example:*:8.8.8.8,127.0.0.2",
                    "six.example:*:::ffff:127.0.0.2",
                ],
            );
        });
        assert_eq!(report.ends(), ["private"; 4], "{:?}", report.records);
        assert_eq!(inner.log().connections(), 0);
    });
}

#[test]
fn every_hop_is_checked_and_not_only_the_first() {
    on_every_engine(|engine| {
        let innermost = origin("127.0.0.3", &[]);
        let inner = origin("127.0.0.2", &[innermost.url("/")]);
        let outer = origin("127.0.0.1", &[inner.url("/to/0")]);
        // The list contains the first two.
        let mut config = config(engine, [outer.url("/to/0"), inner.url("/")]);
        config.frontier.retries = 0;
        let report = run(config);
        assert_eq!(report.ends(), ["private", "200"]);
        assert_eq!(report.row(1).hops.len(), 2);
        assert_eq!(innermost.log().connections(), 0);
    });
}

#[test]
fn redirects_to_hosts_in_the_list_are_allowed() {
    on_every_engine(|engine| {
        let inner = origin("127.0.0.2", &[]);
        let port = inner.address().port();
        let targets = [
            inner.url("/elsewhere"),
            format!("http://intranet.example:{port}/elsewhere"),
        ];
        let outer = origin("127.0.0.1", &targets);
        let urls = [
            outer.url("/to/0"),
            outer.url("/to/1"),
            inner.url("/"),
            format!("http://intranet.example:{port}/"),
        ];
        let mut config = config(engine, urls);
        overrides(&mut config, &["intranet.example:*:127.0.0.2"]);
        assert_eq!(run(config).ends(), ["200"; 4]);
    });
}

#[test]
fn a_private_host_may_redirect_to_itself() {
    on_every_engine(|engine| {
        let inner = origin("127.0.0.2", &["/within".into()]);
        let report = run(config(engine, [inner.url("/to/0")]));
        assert_eq!(report.only().status, Some(200));
    });
}

#[test]
fn redirects_to_private_addresses_are_followed_if_the_user_allows_them() {
    on_every_engine(|engine| {
        let inner = origin("127.0.0.2", &[]);
        let port = inner.address().port();
        let targets = [inner.url("/"), format!("http://one.example:{port}/")];
        let report = follow(engine, &targets, |config| {
            config.fetch.private = Private::Allow;
            overrides(config, &["one.example:*:127.0.0.2"]);
        });
        assert_eq!(report.ends(), ["200"; 2]);
        assert_eq!(report.row(1).remote.unwrap().ip(), inner.address().ip());
    });
}

#[test]
fn a_refusal_names_the_address_and_how_to_allow_it() {
    let origin = origin("127.0.0.1", &["http://10.0.0.1/".into()]);
    let report = run(config("async:4", [origin.url("/to/0")]));
    let message = &report.only().message;
    assert_eq!(message, "redirect to the private address 10.0.0.1 refused");
    let folder = Folder::new();
    let (code, _, stderr) = crate::cli::run(folder.path(), &["fetch", &origin.url("/to/0")]);
    assert_eq!(code, Some(4), "{stderr}");
    assert!(
        stderr.contains("10.0.0.1 refused (--allow-private allows it)"),
        "{stderr}"
    );
}
