//! Archives served as the sites that they were: by `haul serve`, during a run, and for a comparison.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use haul::origin::{LogLevel, Origin, OriginSettings, Reply, Request, Response, Site};
use haul::replay::{Replay, Waits};
use serde_json::Value;

use crate::cli::{haul, run};
use crate::compare::compare;
use crate::folder::Folder;
use crate::program::Process;
use crate::tools;

/// A WARC file, written by hand.
#[derive(Default)]
struct Warc {
    bytes: Vec<u8>,
    records: usize,
}

impl Warc {
    /// Adds a record with these fields, and returns its id.
    fn record(&mut self, kind: &str, fields: &[(&str, &str)], block: &[u8]) -> String {
        self.records += 1;
        let id = format!("<urn:test:{}>", self.records);
        let mut head = format!("WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Record-ID: {id}\r\n");
        for (name, value) in fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", block.len()));
        self.bytes.extend_from_slice(head.as_bytes());
        self.bytes.extend_from_slice(block);
        self.bytes.extend_from_slice(b"\r\n\r\n");
        id
    }

    /// Adds a response of a day in 2024.
    fn response(&mut self, url: &str, day: u32, message: &str) -> String {
        let date = format!("2024-01-{day:02}T00:00:00Z");
        let fields = [("WARC-Target-URI", url), ("WARC-Date", &date)];
        self.record("response", &fields, message.as_bytes())
    }

    fn page(&mut self, url: &str, day: u32, text: &str) -> String {
        let length = text.len();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html";
        let message = format!("{head}\r\nContent-Length: {length}\r\n\r\n{text}");
        self.response(url, day, &message)
    }

    fn save(&self, folder: &Folder) -> PathBuf {
        let path = folder.path().join("pages.warc");
        fs::write(&path, &self.bytes).unwrap();
        path
    }

    /// Serves it, as long as the folder is there.
    fn serve(&self) -> (Folder, Origin) {
        let folder = Folder::new();
        let origin = serve(&self.save(&folder), Waits::AsTold).1;
        (folder, origin)
    }
}

fn serve(path: &Path, waits: Waits) -> (Replay, Origin) {
    let replay = Replay::open(path).unwrap();
    let site = replay.site(OriginSettings::default(), waits);
    (replay, site.start().unwrap())
}

/// A response as it arrives.
#[derive(Debug)]
struct Arrived {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Arrived {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Sends a request as it is, and reads until the server closes.
fn ask(address: SocketAddr, request: &str) -> Arrived {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let blank = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8_lossy(&bytes[..blank]).into_owned();
    Arrived {
        status: head[9..12].parse().unwrap(),
        head,
        body: bytes[blank + 4..].to_vec(),
    }
}

/// Asks as a client that connected to the server by a name.
fn get(origin: &Origin, host: &str, path: &str, more: &str) -> Arrived {
    let text = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n");
    ask(origin.address(), &text)
}

/// Asks as a client of a proxy.
fn get_by_proxy(origin: &Origin, url: &str) -> Arrived {
    let text = format!("GET {url} HTTP/1.1\r\nHost: any.example\r\nConnection: close\r\n\r\n");
    ask(origin.address(), &text)
}

#[test]
fn a_response_has_its_fields_and_its_body_and_not_the_framing_it_came_in() {
    let mut warc = Warc::default();
    let message = "HTTP/1.1 203 Fine\r\nServer: theirs\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nX-Two: 1\r\nX-Two: 2\r\n\
                   Transfer-Encoding: chunked\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nUpgrade: h2c\r\n\
                   Content-Encoding: gzip\r\nX-Latin: na\u{ef}ve\r\n\r\n5\r\nplain\r\n0\r\n\r\n";
    warc.response("http://shop.example/x?a=1", 1, message);
    let (_folder, origin) = warc.serve();
    let got = get(&origin, "shop.example", "/x?a=1", "");
    assert_eq!((got.status, got.text()), (203, "plain"), "{}", got.head);
    assert_eq!(got.header("server"), Some("theirs"));
    assert_eq!(got.head.to_lowercase().matches("\r\ndate: ").count(), 1);
    assert_eq!(got.head.matches("x-two: ").count(), 2);
    assert_eq!(got.header("content-length"), Some("5"));
    assert_eq!(got.header("x-latin"), Some("na\u{ef}ve"));
    for gone in ["transfer-encoding", "x-hop", "upgrade", "content-encoding"] {
        assert_eq!(
            got.header(gone),
            None,
            "{gone} was only true of the way it came"
        );
    }
}

#[test]
fn hosts_are_told_apart_by_name_and_a_proxy_by_the_whole_url() {
    let mut warc = Warc::default();
    warc.page("http://shop.example/x", 1, "plain shop");
    warc.page("https://shop.example/x", 2, "sealed shop");
    warc.page("https://blog.example/x", 3, "sealed blog");
    warc.page("http://127.0.0.1:9000/x", 4, "a port");
    let (_folder, origin) = warc.serve();
    let by_name = |host: &str| get(&origin, host, "/x", "").text().to_owned();
    assert_eq!(by_name("shop.example"), "plain shop");
    assert_eq!(by_name("Shop.Example:8080"), "plain shop");
    assert_eq!(by_name("blog.example:8080"), "sealed blog");
    assert_eq!(by_name("127.0.0.1:1"), "a port");
    assert_eq!(get(&origin, "other.example", "/x", "").status, 404);
    let by_proxy = |url: &str| get_by_proxy(&origin, url);
    assert_eq!(by_proxy("https://shop.example/x").text(), "sealed shop");
    assert_eq!(by_proxy("http://127.0.0.1:9000/x").text(), "a port");
    assert_eq!(by_proxy("http://blog.example/x").status, 404);
    assert_eq!(by_proxy("http://127.0.0.1/x").status, 404);
}

#[test]
fn what_the_archive_lacks_is_told_counted_and_no_recorded_404() {
    let folder = Folder::new();
    let mut warc = Warc::default();
    let gone = "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone";
    warc.response("http://shop.example/gone", 1, gone);
    let (replay, origin) = serve(&warc.save(&folder), Waits::AsTold);
    let recorded = get(&origin, "shop.example", "/gone", "");
    assert_eq!((recorded.status, recorded.text()), (404, "gone"));
    assert_eq!(recorded.header("haul-miss"), None);
    assert_eq!(replay.misses().count, 0);
    for _ in 0..2 {
        let miss = get(&origin, "shop.example", "/never", "");
        assert_eq!(
            (miss.status, miss.header("haul-miss")),
            (404, Some("not in the archive"))
        );
        assert!(
            miss.text().contains("GET http://shop.example/never"),
            "{}",
            miss.text()
        );
    }
    let misses = replay.misses();
    let listed: Vec<_> = misses.listed.into_iter().collect();
    assert_eq!(
        (misses.count, listed),
        (2, vec![("GET http://shop.example/never".to_owned(), 2)])
    );
}

#[test]
fn a_client_that_has_the_page_or_wants_a_part_of_it_gets_just_that() {
    let mut warc = Warc::default();
    let message = "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\n0123456789";
    warc.response("http://shop.example/", 1, message);
    let (_folder, origin) = warc.serve();
    let asked = |more: &str| get(&origin, "shop.example", "/", more);
    let same = asked("If-None-Match: \"v1\"\r\n");
    assert_eq!(
        (same.status, same.body.len(), same.header("etag")),
        (304, 0, Some("\"v1\""))
    );
    assert_eq!(asked("If-None-Match: \"v0\"\r\n").status, 200);
    let part = asked("Range: bytes=3-5\r\n");
    assert_eq!((part.status, part.text()), (206, "345"));
    assert_eq!(part.header("content-range"), Some("bytes 3-5/10"));
    let head = "HEAD / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n";
    let head = ask(origin.address(), head);
    assert_eq!(
        (head.status, head.header("content-length"), head.body.len()),
        (200, Some("10"), 0)
    );
}

#[test]
fn the_latest_response_is_sent_unless_it_says_nothing_and_a_revisit_has_the_body_it_means() {
    let mut warc = Warc::default();
    warc.page("http://shop.example/", 3, "newest");
    warc.page("http://shop.example/", 1, "oldest");
    warc.page("http://shop.example/", 2, "newer");
    warc.response(
        "http://shop.example/",
        4,
        "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n",
    );
    let digest = ("WARC-Payload-Digest", "sha1:AAAA");
    let of = |url| {
        [
            ("WARC-Target-URI", url),
            ("WARC-Date", "2024-01-01T00:00:00Z"),
            digest,
        ]
    };
    let packed = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody";
    warc.record(
        "response",
        &of("http://shop.example/first"),
        packed.as_bytes(),
    );
    let head =
        "HTTP/1.1 200 OK\r\nX-Own: yes\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n";
    warc.record("revisit", &of("http://shop.example/again"), head.as_bytes());
    let (_folder, origin) = warc.serve();
    assert_eq!(get(&origin, "shop.example", "/", "").text(), "newest");
    let again = get(&origin, "shop.example", "/again", "");
    assert_eq!((again.text(), again.header("x-own")), ("body", Some("yes")));
    let coding = again.header("content-encoding");
    assert_eq!(coding, None, "its body is not compressed");
}

#[test]
fn a_post_is_found_by_its_method_and_body_and_never_by_a_get() {
    let mut warc = Warc::default();
    let url = "http://shop.example/search";
    let mut asked = |body: &str, answer: &str| {
        let id = warc.page(url, 1, answer);
        let request = format!("POST /search HTTP/1.1\r\nHost: shop.example\r\n\r\n{body}");
        let fields = [
            ("WARC-Target-URI", url),
            ("WARC-Concurrent-To", id.as_str()),
        ];
        warc.record("request", &fields, request.as_bytes());
    };
    asked("q=saw", "saws");
    asked("q=plane", "planes");
    let (_folder, origin) = warc.serve();
    let post = |body: &str| {
        let length = body.len();
        let head = "POST /search HTTP/1.1\r\nHost: shop.example\r\nConnection: close";
        ask(
            origin.address(),
            &format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}"),
        )
    };
    assert_eq!(
        (post("q=saw").text(), post("q=plane").text()),
        ("saws", "planes")
    );
    assert_eq!(
        post("q=file").header("haul-miss"),
        Some("not in the archive")
    );
    assert_eq!(get(&origin, "shop.example", "/search", "").status, 404);
}

#[test]
fn responses_take_as_long_as_they_took_if_that_is_wanted() {
    let folder = Folder::new();
    let mut warc = Warc::default();
    let id = warc.page("http://shop.example/slow", 1, "slow");
    let fields = [("WARC-Concurrent-To", id.as_str())];
    warc.record(
        "metadata",
        &fields,
        b"fetchTimeMs: 900\r\nfirstByteMs: 400\r\n",
    );
    let path = warc.save(&folder);
    let took = |waits| {
        let (_, origin) = serve(&path, waits);
        let began = Instant::now();
        assert_eq!(get(&origin, "shop.example", "/slow", "").text(), "slow");
        began.elapsed()
    };
    let as_recorded = took(Waits::AsRecorded);
    assert!(as_recorded >= Duration::from_millis(400), "{as_recorded:?}");
    let at_once = took(Waits::AsTold);
    assert!(at_once < Duration::from_millis(400), "{at_once:?}");
}

#[test]
fn what_is_damaged_later_is_a_502_and_what_was_found_damaged_is_reported() {
    let folder = Folder::new();
    let mut warc = Warc::default();
    warc.page("http://shop.example/a", 1, "whole");
    let cut = warc.bytes.len();
    warc.page("http://shop.example/b", 1, "cut off");
    let path = warc.save(&folder);
    let (_, origin) = serve(&path, Waits::AsTold);
    fs::write(&path, &warc.bytes[..cut + 150]).unwrap();
    assert_eq!(get(&origin, "shop.example", "/a", "").text(), "whole");
    let lost = get(&origin, "shop.example", "/b", "");
    assert_eq!(
        (lost.status, lost.header("haul-miss")),
        (502, Some("damaged")),
        "{}",
        lost.head
    );
    let again = Replay::open(&path).unwrap();
    let damage: Vec<_> = again.damage().collect();
    assert!(
        damage.len() == 1 && damage[0].contains("cut off"),
        "{damage:?}"
    );
}

/// A site with pages of every kind, of which an archive is made.
fn site(pages: u64) -> Origin {
    let settings = OriginSettings {
        pages,
        page_bytes: 2 << 10,
        log: LogLevel::Counts,
        ..OriginSettings::default()
    };
    Site::builder()
        .settings(settings)
        .fallback(Response::call(answer))
        .start()
        .unwrap()
}

fn answer(request: &Request) -> Response {
    let (kind, number) = request.path()[1..].split_once('/').unwrap_or_default();
    match kind {
        "packed" => {
            let mut packed = GzEncoder::new(Vec::new(), Compression::default());
            write!(packed, "<title>{number}</title>").unwrap();
            Reply::new(200)
                .header("Content-Type", "text/html")
                .header("Content-Encoding", "gzip")
                .body(packed.finish().unwrap())
                .into()
        }
        "same" => Response::body("text/css", "body { color: green }"),
        "moved" => Response::redirect(301, format!("/packed/{number}")),
        "gone" => Reply::new(410).body(format!("{number} is gone")).into(),
        _ => Response::status(404),
    }
}

/// The URLs of the list, and an archive of their responses in this folder.
fn archived(folder: &Path, name: &str, pages: u64, of_each: u64) -> Vec<String> {
    let origin = site(pages);
    let mut urls: Vec<_> = (0..pages)
        .map(|page| origin.url(&format!("/page/{page}")))
        .collect();
    urls.push(origin.url("/size/3000000")); // more than is sent from memory
    for kind in ["packed", "same", "moved", "gone", "missing"] {
        urls.extend((0..of_each).map(|number| origin.url(&format!("/{kind}/{number}?of={kind}"))));
    }
    fs::write(folder.join("urls.txt"), urls.join("\n")).unwrap();
    let words = [
        "fetch",
        "urls.txt",
        "-q",
        "--per-host",
        "0",
        "--max-failed",
        "100%",
        "-o",
        name,
    ];
    let (code, _, stderr) = run(folder, &words);
    assert_eq!(code, Some(0), "{stderr}");
    urls
}

/// `haul serve` with an archive, and the address that it prints.
fn serving(folder: &Path, words: &[&str]) -> (Process, String) {
    let mut child = haul(folder, &[&["serve", "--port", "0"][..], words].concat())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let stdout = child.stdout.as_mut().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    let address = line
        .trim()
        .trim_start_matches("http://")
        .trim_end_matches('/');
    (child, address.to_owned())
}

fn end(mut child: Process) -> String {
    let id = rustix::process::Pid::from_raw(child.id() as i32).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    child.wait().unwrap();
    let mut text = String::new();
    child
        .stderr
        .as_mut()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    text
}

#[test]
fn pywb_sends_the_same_responses_from_the_same_archive() {
    let Some(python) = tools::python("archive") else {
        return;
    };
    let folder = Folder::new();
    let urls = archived(folder.path(), "pages.warc.gz", 499, 100);
    assert_eq!(urls.len(), 1000);
    let (child, address) = serving(folder.path(), &["pages.warc.gz"]);
    let mut command = Command::new(python);
    command.args(["-c", include_str!("replay/strangers.py")]);
    let output = command
        .current_dir(folder.path())
        .args(["pages.warc.gz", &address, "urls.txt"])
        .output()
        .unwrap();
    let text = end(child);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let printed = String::from_utf8(output.stdout).unwrap(); // by pywb too
    let statuses = "200: 700\n301: 100\n404: 100\n410: 100\n";
    assert!(printed.ends_with(statuses), "{printed} {text}");
}

#[test]
fn a_server_says_what_it_serves_and_in_the_end_what_it_lacked() {
    let folder = Folder::new();
    let mut warc = Warc::default();
    warc.page("http://shop.example/", 1, "shop");
    warc.page("https://blog.example/", 1, "blog");
    warc.page("https://blog.example/a", 1, "blog");
    warc.save(&folder);
    let words = ["pages.warc", "--authority", "authority.pem"];
    let (child, address) = serving(folder.path(), &words);
    let curl = tools::program("curl").map(|curl| {
        let proxy = format!("http://{address}");
        let words = [
            "-s",
            "--cacert",
            "authority.pem",
            "-x",
            &proxy,
            "https://blog.example/a",
        ];
        Command::new(curl)
            .current_dir(folder.path())
            .args(words)
            .output()
            .unwrap()
    });
    let address = address.parse().unwrap();
    ask(
        address,
        "GET /no HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n",
    );
    let text = end(child);
    if let Some(curl) = curl {
        assert_eq!(String::from_utf8_lossy(&curl.stdout), "blog", "{curl:?}");
    }
    for part in [
        "pages.warc: 3 responses of 2 hosts",
        "2  https://blog.example",
        "1 request was for what the archive does not have:",
        "1  GET http://shop.example/no",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// The URL, status and digest of each record.
fn ends(jsonl: &str) -> Vec<(String, Value, Value)> {
    let lines = jsonl
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut ends: Vec<_> = lines
        .map(|record| {
            let url = record["url"].as_str().unwrap().to_owned();
            (url, record["status"].clone(), record["sha256"].clone())
        })
        .collect();
    ends.sort_by(|one, other| one.0.cmp(&other.0));
    ends
}

#[test]
fn every_engine_fetches_from_an_archive_what_was_fetched_for_it() {
    let folder = Folder::new();
    archived(folder.path(), "pages.warc.gz", 20, 4);
    let fetch = |words: &[&str]| {
        let usual = [
            "-q",
            "--per-host",
            "0",
            "--max-failed",
            "100%",
            "-f",
            "jsonl",
        ];
        let (code, stdout, stderr) = run(folder.path(), &[words, &usual[..]].concat());
        assert_eq!(code, Some(0), "{words:?}: {stderr}");
        ends(&stdout)
    };
    let stored = fetch(&["fetch", "--from", "pages.warc.gz"]);
    let mut list = vec![
        "fetch",
        "urls.txt",
        "--serve",
        "pages.warc.gz",
        "--engine",
        "",
    ];
    let first = fetch(&[&list[..5], &["async"]].concat());
    assert_eq!(first.len(), 41);
    // A chain of redirects has one record, and an archive has a response for each hop.
    let of_archive = |end: &&(String, Value, Value)| !end.0.contains("/moved/");
    assert!(
        first
            .iter()
            .filter(of_archive)
            .all(|end| stored.contains(end)),
        "{first:#?} {stored:#?}"
    );
    for engine in ["threads", "blocking", "processes:2", "sequential"] {
        list[5] = engine;
        assert_eq!(fetch(&list), first, "{engine}");
    }
}

#[test]
fn a_crawl_inside_an_archive_follows_redirects_to_https_and_asks_nobody_else() {
    let folder = Folder::new();
    let mut warc = Warc::default();
    let moved =
        "HTTP/1.1 301 Moved\r\nLocation: https://shop.example/\r\nContent-Length: 0\r\n\r\n";
    warc.response("http://shop.example/", 1, moved);
    warc.page(
        "https://shop.example/",
        1,
        "<a href=/a>a</a> <a href=/never>never</a>",
    );
    warc.page(
        "https://shop.example/a",
        1,
        "<a href=https://shop.example:8443/b>b</a>",
    );
    warc.save(&folder);
    let words = [
        "crawl",
        "http://shop.example/",
        "--serve",
        "pages.warc",
        "-f",
        "jsonl",
    ];
    let (code, stdout, stderr) = run(folder.path(), &words);
    assert_eq!(code, Some(0), "{stderr}");
    let found: Vec<_> = ends(&stdout)
        .into_iter()
        .map(|(url, status, _)| (url, status))
        .collect();
    let expected = [
        ("http://shop.example/", 301),
        ("https://shop.example/", 200),
        ("https://shop.example/a", 200),
        ("https://shop.example/never", 404),
    ];
    let expected = expected.map(|(url, status)| (url.to_owned(), Value::from(status)));
    assert_eq!(found, expected, "{stderr}");
    assert!(
        stderr.contains("GET https://shop.example/never"),
        "{stderr}"
    );
    let (code, _, stderr) = run(
        folder.path(),
        &[&words[..], &["-x", "http://127.0.0.1:1"]].concat(),
    );
    assert!(
        code == Some(2) && stderr.contains("--proxy is about"),
        "{stderr}"
    );
}

#[test]
fn jobs_packages_and_saved_pages_are_served_and_a_job_without_pages_says_what_it_lacks() {
    let folder = Folder::new();
    let origin = site(3);
    let url = origin.url("/page/1");
    let fetch = |more: &[&str]| {
        let (code, _, stderr) = run(folder.path(), &[&["fetch", &url, "-q"][..], more].concat());
        assert_eq!(code, Some(0), "{stderr}");
    };
    fetch(&["--job", "with", "-o", "of-job.warc.gz"]);
    fetch(&["-o", "pages.wacz"]);
    fetch(&["--output-dir", "saved", "-o", "records.jsonl"]);
    fetch(&["--job", "without", "-o", "other.jsonl"]);
    drop(origin);
    for archive in ["with", "pages.wacz", "saved"] {
        let words = ["fetch", &url, "--serve", archive, "-q", "-f", "jsonl"];
        let (code, stdout, stderr) = run(folder.path(), &words);
        assert_eq!(code, Some(0), "{archive}: {stderr}");
        assert_eq!(ends(&stdout)[0].1, 200, "{archive}");
    }
    let (code, _, stderr) = run(folder.path(), &["serve", "without"]);
    assert!(
        code == Some(2) && stderr.contains("the job stored no pages"),
        "{stderr}"
    );
    fs::write(folder.path().join("not.warc"), "no archive").unwrap();
    for (words, problem) in [
        (&["serve", "not.warc"][..], "not a WARC record"),
        (&["serve", "none.warc"], "none.warc"),
        (&["serve", "pages.wacz", "--pages", "5"], "--pages is about"),
        (
            &["serve", "saved", "--as", "files", "--as-recorded"],
            "--as-recorded and --authority are about archives",
        ),
    ] {
        let (code, _, stderr) = run(folder.path(), words);
        assert!(
            code == Some(2) && stderr.contains(problem),
            "{words:?}: {code:?} {stderr}"
        );
    }
}

#[test]
fn a_file_packed_as_a_whole_is_refused_with_what_to_do() {
    let folder = Folder::new();
    let mut warc = Warc::default();
    warc.page("http://shop.example/", 1, "a");
    warc.page("http://shop.example/b", 1, "b");
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&warc.bytes).unwrap();
    fs::write(
        folder.path().join("whole.warc.gz"),
        packed.finish().unwrap(),
    )
    .unwrap();
    let (code, _, stderr) = run(folder.path(), &["serve", "whole.warc.gz"]);
    assert!(
        code == Some(2) && stderr.contains("unpack it first"),
        "{stderr}"
    );
}

#[test]
fn a_comparison_from_an_archive_asks_no_server_and_says_so() {
    let folder = Folder::new();
    archived(folder.path(), "pages.warc.gz", 60, 0);
    let words = [
        "--from",
        "pages.warc.gz",
        "--latency",
        "2ms",
        "--engines",
        "threads,async",
        "--seed",
        "3",
    ];
    let output = compare(
        folder.path(),
        &[&words[..], &["--json", "figures.json"]].concat(),
    );
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("1 host of pages.warc.gz, served here, 2 ms latency"),
        "{text}"
    );
    assert!(text.contains("--from pages.warc.gz"), "{text}");
    assert!(stderr.contains("on this machine"), "{stderr}");
    let figures = fs::read(folder.path().join("figures.json")).unwrap();
    let figures: Value = serde_json::from_slice(&figures).unwrap();
    assert_eq!(figures["workload"]["archive"]["path"], "pages.warc.gz");
    assert_eq!(figures["answers"]["compared"], 61);
    assert_eq!(figures["answers"]["agree"], true);
    let (code, _, stderr) = run(
        folder.path(),
        &["compare", "--from", "pages.warc.gz", "--pages", "5"],
    );
    assert!(
        code == Some(2) && stderr.contains("--pages configures the practice server"),
        "{stderr}"
    );
}
