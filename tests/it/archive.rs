//! Archives, read by other people's programs: warcio, pywb and wacz, as they come from the Python package index.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use haul::archive::Archive;
use haul::origin::{Origin, OriginSettings};

use crate::cli::run;
use crate::resume::{audit, generated, pull_the_plug, site};
use crate::tools;

const STRANGERS: &str = include_str!("archive/strangers.py");

/// Runs them on an archive and returns what they print.
fn told(python: &Path, what: &str, archive: &Path, more: &[&str]) -> String {
    let mut python = Command::new(python);
    python.args(["-c", STRANGERS, what]).arg(archive).args(more);
    let output = python.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{what} {}: {said}",
        archive.display()
    );
    String::from_utf8(output.stdout).unwrap()
}

/// An answer as it goes over the wire, and its body as an archive should have it.
struct Served {
    path: &'static str,
    wire: Vec<u8>,
    body: Vec<u8>,
    coded: bool,
}

fn served(path: &'static str, head: &str, body: &[u8]) -> Served {
    let length = body.len();
    let mut wire = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n").into_bytes();
    wire.extend_from_slice(body);
    Served {
        path,
        wire,
        body: body.to_vec(),
        coded: false,
    }
}

/// Answers of every kind.
fn answers() -> Vec<Served> {
    const EVIL: &[u8] = b"<title>a\rb\nc</title>\r\n\r\nWARC/1.1\r\nWARC-Type: response\r\nContent-Length: 0\r\n\r\n\r\n\r\nPK\x05\x06";
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed
        .write_all(&b"<title>Packed</title><p>text</p>".repeat(500))
        .unwrap();
    let packed = packed.finish().unwrap();
    let mut wire = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in packed.chunks(100) {
        wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        wire.extend_from_slice(chunk);
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b"0\r\n\r\n");
    let mut random = fastrand::Rng::with_seed(5);
    let large: Vec<u8> = (0..9 << 20).map(|_| random.u8(..)).collect();
    let html = "200 OK\r\nContent-Type: text/html";
    vec![
        served("/plain", html, b"<title>Plain</title>"),
        Served {
            path: "/packed",
            wire,
            body: packed,
            coded: true,
        },
        served("/same", html, b"<title>Twice</title>"),
        served("/again", html, b"<title>Twice</title>"),
        served("/gone", "404 Not Found\r\nContent-Type: text/html", b"gone"),
        served(
            "/evil",
            "200 OK\r\nContent-Type: text/html\r\nX-Evil: na\u{ef}ve\t\"",
            EVIL,
        ),
        served(
            "/moved",
            "301 Moved\r\nLocation: /plain\r\nContent-Type: text/html",
            b"<a href=/plain>moved</a>",
        ),
        served("/empty", "200 OK\r\nContent-Type: text/plain", b""),
        served(
            "/large",
            "200 OK\r\nContent-Type: application/octet-stream",
            &large,
        ),
    ]
}

fn serve(answers: Arc<Vec<Served>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answers = Arc::clone(&answers);
            thread::spawn(move || answer(stream, &answers));
        }
    });
    address
}

fn answer(mut stream: TcpStream, answers: &[Served]) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    loop {
        let first = lines.next()?.ok()?;
        while !lines.next()?.ok()?.is_empty() {}
        let target = first.split(' ').nth(1)?.to_owned();
        match answers.iter().find(|served| served.path == target) {
            Some(served) => stream.write_all(&served.wire).ok()?,
            None => return None,
        }
    }
}

/// A folder with what is served in files, and an archive of it.
fn archived(name: &str) -> (tempfile::TempDir, PathBuf, String) {
    let answers = Arc::new(answers());
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("served");
    fs::create_dir(&below).unwrap();
    for served in answers.iter() {
        let end = if served.coded { ".coded" } else { "" };
        fs::write(
            below.join(format!("{}{end}", &served.path[1..])),
            &served.body,
        )
        .unwrap();
    }
    let origin = format!("http://{}", serve(Arc::clone(&answers)));
    let mut urls: Vec<String> = answers
        .iter()
        .map(|served| origin.clone() + served.path)
        .collect();
    urls.push("http://127.0.0.1:1/".to_owned());
    urls.push("no URL at\tall".to_owned());
    fs::write(folder.path().join("urls.txt"), urls.join("\n")).unwrap();
    let words = [
        "fetch",
        "urls.txt",
        "-q",
        "--no-config",
        "--retries",
        "0",
        "-o",
        name,
    ];
    let more = ["--max-failed", "100%", "--output-dir", "saved"];
    let (code, _, said) = run(folder.path(), &[&words[..], &more[..]].concat());
    assert_eq!(code, Some(0), "{said}");
    let path = folder.path().join(name);
    (folder, path, origin)
}

#[test]
fn other_programs_find_in_an_archive_what_was_served() {
    let Some(python) = tools::python("archive") else {
        return;
    };
    for name in ["pages.warc", "pages.warc.gz", "pages.wacz"] {
        let (folder, path, origin) = archived(name);
        let below = folder.path().join("served").display().to_string();
        assert_eq!(
            told(&python, "bodies", &path, &[&below]).trim(),
            "9",
            "{name}"
        );
        // What else it says is about itself.
        let said = told(&python, "replay", &path, &[&below, &origin]);
        assert!(said.trim().ends_with("replayed"), "{name}: {said}");
        if name == "pages.wacz" {
            let said = told(&python, "package", &path, &[]);
            for title in ["Plain", "Packed", "Twice", "a b c"] {
                assert!(said.lines().any(|line| line == title), "{title}: {said}");
            }
        } else {
            told(&python, "check", &path, &[]);
            let index = told(&python, "index", &path, &[]);
            let urls: BTreeSet<&str> = index
                .lines()
                .map(|line| line.split_once(' ').unwrap().1)
                .collect();
            assert_eq!(urls.len(), 9, "{index}");
        }
    }
}

/// The records of an archive that is not packed: the kind, the named fields and the block of each.
fn records(archive: &Path) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(&fs::read(archive).unwrap()).into_owned();
    let mut parts = text.split("WARC/1.1\r\nWARC-Type: ");
    assert_eq!(parts.next(), Some(""));
    let kind = |record: &str| record.split("\r\n").next().unwrap().to_owned();
    parts
        .map(|record| (kind(record), record.to_owned()))
        .collect()
}

fn field<'r>(record: &'r str, name: &str) -> Option<&'r str> {
    let (head, _) = record.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[test]
fn every_redirect_of_a_chain_is_archived_as_it_was_received() {
    let mut random = fastrand::Rng::with_seed(6);
    let large: Vec<u8> = (0..9 << 20).map(|_| random.u8(..)).collect();
    let chain = || {
        vec![
            served(
                "/first",
                "302 Found\r\nLocation: /second\r\nX-Hop: one",
                b"the first",
            ),
            served(
                "/second",
                "301 Moved\r\nLocation: /last\r\nX-Hop: two",
                &large,
            ),
            served(
                "/last",
                "200 OK\r\nContent-Type: text/html",
                b"<title>Last</title>",
            ),
        ]
    };
    let origin = format!("http://{}", serve(Arc::new(chain())));
    let first = format!("{origin}/first");
    for engine in [
        "sequential",
        "threads:2",
        "blocking:2",
        "async:2",
        "processes:1x2",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let words = [
            "fetch",
            &first,
            "-q",
            "--no-config",
            "--engine",
            engine,
            "-o",
            "pages.warc",
        ];
        let (code, _, said) = run(folder.path(), &words);
        assert_eq!(code, Some(0), "{engine}: {said}");
        let archive = folder.path().join("pages.warc");
        let stored: Vec<_> = Archive::open(&archive)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(stored.len(), 3, "{engine}");
        for (stored, served) in stored.iter().zip(chain()) {
            assert_eq!(stored.url.as_url().path(), served.path, "{engine}");
            assert!(!stored.truncated, "{engine}: {}", served.path);
            assert!(
                stored.page.body.head(usize::MAX).unwrap() == served.body,
                "{engine}: {}",
                served.path
            );
        }
        let hops = stored
            .iter()
            .map(|stored| stored.page.headers.text("x-hop"));
        let hops: Vec<_> = hops.map(|hop| hop.map(str::to_owned)).collect();
        assert_eq!(hops, [Some("one".to_owned()), Some("two".to_owned()), None]);
        assert_eq!(
            stored[0].page.headers.text(http::header::LOCATION),
            Some("/second")
        );
        // Each answer has the request that asked for it.
        let records = records(&archive);
        for path in ["/first", "/second", "/last"] {
            let of = |wanted: &str| {
                let uri = format!("{origin}{path}");
                let mut found = records.iter().filter(|(kind, record)| {
                    kind == wanted && field(record, "WARC-Target-URI") == Some(&uri)
                });
                let record = found
                    .next()
                    .unwrap_or_else(|| panic!("{engine}: no {wanted} of {path}"));
                assert!(found.next().is_none(), "{engine}: two of {path}");
                record.1.clone()
            };
            let (request, response) = (of("request"), of("response"));
            assert!(
                request.contains(&format!("\r\n\r\nGET {path} HTTP/1.1\r\n")),
                "{request}"
            );
            assert_eq!(
                field(&request, "WARC-Concurrent-To"),
                field(&response, "WARC-Record-ID")
            );
            assert!(field(&response, "WARC-Payload-Digest").is_some());
        }
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{engine}: {left:?}");
    }
}

#[test]
fn a_request_that_was_sent_and_failed_is_archived_with_why() {
    let origin = Origin::start(OriginSettings::default()).unwrap();
    let cut = origin.url("/fault/truncated-length");
    let nobody = "http://127.0.0.1:1/";
    let folder = tempfile::tempdir().unwrap();
    let words = [
        "fetch",
        "-q",
        "--no-config",
        "--retries",
        "0",
        "-o",
        "pages.warc",
        &cut,
        nobody,
    ];
    let (code, _, said) = run(folder.path(), &words);
    assert_eq!(code, Some(4), "{said}");
    let archive = folder.path().join("pages.warc");
    let records = records(&archive);
    let of = |wanted: &str, url: &str| {
        let mut found = records.iter();
        let found = found
            .find(|(kind, record)| kind == wanted && field(record, "WARC-Target-URI") == Some(url));
        found.map(|(_, record)| record.clone())
    };
    let (request, metadata) = (of("request", &cut).unwrap(), of("metadata", &cut).unwrap());
    assert!(
        request.contains("GET /fault/truncated-length HTTP/1.1\r\n"),
        "{request}"
    );
    assert_eq!(
        field(&request, "WARC-Concurrent-To"),
        field(&metadata, "WARC-Record-ID")
    );
    assert!(metadata.contains("error: cut\r\n"), "{metadata}");
    assert!(
        of("metadata", nobody)
            .unwrap()
            .contains("error: connect\r\n")
    );
    assert_eq!(
        of("request", nobody),
        None,
        "nobody was there to send it to"
    );
    if let Some(python) = tools::python("archive") {
        told(&python, "check", &archive, &[]);
        told(&python, "index", &archive, &[]);
    }
}

/// A record as other programs write it.
fn foreign(kind: &str, uri: &str, media: &str, block: &str) -> String {
    format!(
        "WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {uri}\r\nWARC-Date: 2020-02-03T04:05:06Z\r\n\
         WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-000000000000>\r\nContent-Type: {media}\r\n\
         Content-Length: {}\r\n\r\n{block}\r\n\r\n",
        block.len()
    )
}

#[test]
fn a_resource_is_a_page_and_records_that_hold_none_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let page = "<title>As it was on a disk</title>";
    let records = [
        foreign(
            "resource",
            "http://h.example/a.html",
            "text/html; charset=utf-8",
            page,
        ),
        foreign(
            "resource",
            "urn:pageinfo:http://h.example/",
            "application/json",
            "{}",
        ),
        foreign(
            "conversion",
            "http://h.example/b",
            "text/plain",
            "the text of b",
        ),
        foreign(
            "conversion",
            "http://h.example/c",
            "text/plain",
            "the text of c",
        ),
        foreign(
            "response",
            "dns:h.example",
            "text/dns",
            "20200203040506\nh.example. 1 IN A 192.0.2.1",
        ),
        foreign(
            "request",
            "http://h.example/a.html",
            "application/http",
            "GET / HTTP/1.1\r\n\r\n",
        ),
        foreign(
            "metadata",
            "http://h.example/a.html",
            "application/warc-fields",
            "a: b\r\n",
        ),
    ];
    fs::write(folder.path().join("all.warc"), records.concat()).unwrap();
    fs::write(folder.path().join("text.warc.wet"), records[2..4].concat()).unwrap();
    let words = [
        "fetch",
        "--no-config",
        "--from",
        "all.warc",
        "-o",
        "out.jsonl",
    ];
    let (code, _, said) = run(folder.path(), &words);
    assert_eq!(code, Some(0), "{said}");
    let record = fs::read_to_string(folder.path().join("out.jsonl")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    assert_eq!(record["url"], "http://h.example/a.html");
    assert_eq!(record["status"], 200);
    assert_eq!(record["title"], "As it was on a disk");
    assert_eq!(record["content_type"], "text/html", "{record}");
    let expected = "  ignored   4 archive records without a page: conversion × 2, resource × 1, response × 1\n";
    assert!(said.contains(expected), "{said}");
    let words = [
        "fetch",
        "--no-config",
        "--from",
        "text.warc.wet",
        "-o",
        "out.jsonl",
    ];
    let (code, _, said) = run(folder.path(), &words);
    assert_eq!(code, Some(4), "{said}");
    assert!(
        said.contains("ignored   2 archive records without a page: conversion × 2\n"),
        "{said}"
    );
    let Some(python) = tools::python("archive") else {
        return;
    };
    let made = folder.path().join("made.warc.gz");
    told(&python, "resources", &made, &[]);
    let words = [
        "fetch",
        "--no-config",
        "--from",
        "made.warc.gz",
        "-f",
        "jsonl",
    ];
    let (code, text, said) = run(folder.path(), &words);
    assert_eq!((code, text.lines().count()), (Some(0), 2), "{said}");
    assert!(
        said.contains("ignored   2 archive records without a page: conversion × 1, resource × 1\n"),
        "{said}"
    );
}

/// What our own reader finds, which must be what was served; answers how many answers that is.
fn read(archive: &Path, served: &Path) -> usize {
    let mut found = BTreeSet::new();
    for stored in Archive::open(archive).unwrap() {
        let stored = stored.unwrap();
        if stored.truncated {
            continue;
        }
        let name = stored
            .url
            .as_url()
            .path()
            .trim_start_matches('/')
            .to_owned();
        let bytes = fs::read(served.join(&name))
            .or_else(|_| fs::read(served.join(format!("{name}.coded"))));
        assert!(
            stored.page.body.head(usize::MAX).unwrap() == bytes.unwrap(),
            "{name}"
        );
        found.insert(name);
    }
    found.len()
}

#[test]
fn our_own_reader_finds_it_too() {
    for name in ["pages.warc", "pages.warc.gz", "pages.wacz"] {
        let (folder, path, _) = archived(name);
        assert_eq!(read(&path, &folder.path().join("served")), 9, "{name}");
    }
}

#[test]
fn our_own_reader_finds_it_in_a_package_that_another_program_made() {
    let Some(python) = tools::python("archive") else {
        return;
    };
    let (folder, path, _) = archived("pages.warc.gz");
    let made = folder.path().join("made.wacz");
    told(&python, "wrap", &path, &[&made.display().to_string()]);
    assert_eq!(read(&made, &folder.path().join("served")), 9);
}

#[test]
fn an_archive_of_a_crawl_that_is_killed_has_each_answer_once() {
    for (seed, name) in [(1, "pages.warc"), (2, "pages.warc.gz"), (3, "pages.wacz")] {
        let origin = generated(600);
        let folder = tempfile::tempdir().unwrap();
        let start = origin.url("/");
        let words = ["crawl", &start, "--job", "job", "-q", "-o", name];
        let kills = pull_the_plug(folder.path(), seed, &words);
        let path = folder.path().join(name);
        println!("{name}: killed {kills} times");
        let urls = Archive::open(&path)
            .unwrap()
            .map(|stored| stored.unwrap().url.to_string());
        audit(urls, &site(&origin, 600));
        let Some(python) = tools::python("archive") else {
            continue;
        };
        let urls = told(&python, "urls", &path, &[]);
        audit(urls.lines().map(str::to_owned), &site(&origin, 600));
        match name {
            "pages.wacz" => drop(told(&python, "package", &path, &[])),
            _ => drop(told(&python, "check", &path, &[])),
        }
    }
}
