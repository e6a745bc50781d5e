//! Proxies: their failures have their own class, and their passwords appear nowhere.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use haul::Config;
use haul::fetch::{Override, Private};
use haul::origin::{Origin, Response, Site};

use crate::cli;
use crate::run::{ENGINES, config, on_every_engine, run};
use crate::secrets::appears_nowhere;
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

/// A proxy that forwards every connection to the same server, tunnelled or not.
///
/// It runs as long as the test binary.
pub(crate) fn relay(to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || talk(client, to));
        }
    });
    address
}

/// Relays one connection until either side ends it.
fn talk(mut client: TcpStream, to: SocketAddr) -> std::io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let mut server = TcpStream::connect(to)?;
    match head.starts_with(b"CONNECT ") {
        true => client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?,
        false => server.write_all(&head)?,
    }
    join(&client, server)
}

/// Copies both ways until either side ends.
fn join(mut client: &TcpStream, mut server: TcpStream) -> std::io::Result<()> {
    let (mut up_from, mut up_to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || std::io::copy(&mut up_from, &mut up_to));
    std::io::copy(&mut server, &mut client).map(drop)
}

/// A SOCKS 5 proxy that forwards to one server and records the requested targets.
fn socks(to: SocketAddr) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let targets = Arc::new(Mutex::new(Vec::new()));
    let recorded = targets.clone();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let recorded = recorded.clone();
            thread::spawn(move || greet(client, to, &recorded));
        }
    });
    (address, targets)
}

/// RFC 1928: a greeting without authentication, then a CONNECT with an address or a name.
fn greet(
    mut client: TcpStream,
    to: SocketAddr,
    targets: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut two = [0; 2];
    client.read_exact(&mut two)?;
    client.read_exact(&mut vec![0; usize::from(two[1])])?;
    client.write_all(&[5, 0])?;
    let mut four = [0; 4];
    client.read_exact(&mut four)?;
    let target = match four[3] {
        1 => {
            let mut address = [0; 4];
            client.read_exact(&mut address)?;
            Ipv4Addr::from(address).to_string()
        }
        _ => {
            let mut length = [0];
            client.read_exact(&mut length)?;
            let mut name = vec![0; usize::from(length[0])];
            client.read_exact(&mut name)?;
            String::from_utf8(name).unwrap()
        }
    };
    client.read_exact(&mut two)?;
    targets.lock().unwrap().push(target);
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    join(&client, TcpStream::connect(to)?)
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
        appears_nowhere(&report);
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
            appears_nowhere(&report);
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
        let (socks, requested) = socks(server.address());
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
            requested.iter().all(|name| name == "anything.example"),
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
        let (socks, requested) = socks(server.address());
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
        let known = ["192.0.2.7", "1.1.1.1"];
        assert!(
            requested.iter().all(|name| known.contains(&name.as_str())),
            "{requested:?}"
        );
    });
}

#[test]
fn an_invalid_proxy_is_an_error_and_nothing_is_sent_directly() {
    let (server, folder) = (site(), tempfile::tempdir().unwrap());
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
    let (server, folder) = (site(), tempfile::tempdir().unwrap());
    let mut command = cli::haul(folder.path(), &["fetch", "-x", "", &server.url("/")]);
    command.env("HAUL_PROXY", "http://127.0.0.1:1");
    let (code, _, stderr) = cli::split_output(command.output().unwrap());
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(server.log().requests(), 1);
}
