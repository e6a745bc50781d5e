//! Proxies: they ask for us, they fail as a class of their own, and their passwords are told nowhere.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use haul::Config;
use haul::origin::{Answer, Origin, Site};

use crate::run::{config, on_every_engine, run};
use crate::secrets::told_nowhere;

fn site() -> Origin {
    let fallback = Answer::page("<title>By proxy</title>");
    Site::builder().fallback(fallback).start().unwrap()
}

fn by(proxy: SocketAddr, engine: &str, urls: &[&str]) -> Config {
    let mut settings = config(engine, urls.iter().copied());
    settings.fetch.proxies = vec![format!("http://ann:s3cret@{proxy}")];
    settings.frontier.retries = 0;
    settings
}

/// A proxy that only tunnels, each connection to the same server; it lives as long as the test binary.
fn tunnel(to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || talk(client, to));
        }
    });
    address
}

/// Ends when either side does.
fn talk(mut client: TcpStream, to: SocketAddr) -> std::io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"CONNECT anything.example:80 "));
    let mut server = TcpStream::connect(to)?;
    client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
    let (mut up_from, mut up_to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || std::io::copy(&mut up_from, &mut up_to));
    std::io::copy(&mut server, &mut client).map(drop)
}

#[test]
fn a_proxy_asks_for_us_and_resolves_names() {
    let urls = [
        "http://anything.example/page",
        "http://anything.example/page?2",
    ];
    on_every_engine(|engine| {
        let server = site();
        // ureq knows tunnels alone, the others ask the proxy itself.
        let proxy = match engine {
            "blocking:4" => tunnel(server.address()),
            _ => server.address(),
        };
        let report = run(by(proxy, engine, &urls));
        assert_eq!(report.ends(), ["200"; 2], "{:?}", report.seen);
        assert_eq!(report.row(1).title.as_deref(), Some("By proxy"));
        let hits = server.log().all_hits();
        assert!(
            hits.iter()
                .all(|hit| hit.host.starts_with("anything.example")),
            "{hits:?}"
        );
        told_nowhere(&report);
    });
}

#[test]
fn a_proxy_that_is_not_there_or_refuses_is_to_blame_and_not_the_host() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    on_every_engine(|engine| {
        let refuses = Site::builder()
            .fallback(Answer::status(407))
            .start()
            .unwrap();
        for proxy in [nobody, refuses.address()] {
            let report = run(by(proxy, engine, &["https://anything.example/"]));
            assert_eq!(report.ends(), ["proxy"], "{:?}", report.only());
            told_nowhere(&report);
        }
    });
}

#[test]
fn a_dead_proxy_among_others_costs_a_try_and_no_row() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    on_every_engine(|engine| {
        let server = site();
        let alive = match engine {
            "blocking:4" => tunnel(server.address()),
            _ => server.address(),
        };
        let urls: Vec<_> = (0..4)
            .map(|page| format!("http://anything.example/{page}"))
            .collect();
        let mut settings = config(engine, urls);
        settings.fetch.proxies = [nobody, alive]
            .map(|proxy| format!("http://{proxy}"))
            .to_vec();
        settings.frontier.retries = 8;
        assert_eq!(run(settings).ends(), ["200"; 4]);
    });
}
