//! Large files that are received in segments: as many requests as that takes, and never a file that is not the server's.

use std::fs;
use std::num::NonZeroU8;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use haul::Config;
use haul::origin::{Hit, Origin, Reply, Request, Response, Site, Step};
use haul::sink::FilesSettings;

use crate::cli;
use crate::folder::Folder;
use crate::nginx::Nginx;
use crate::run::{Report, config, ms, on_every_engine, run};
use crate::stranger;
use crate::stranger::wait_until;
use crate::written;

/// Four segments of 1 MiB, and a bit.
const TOTAL: usize = (4 << 20) + 12_345;

fn body(seed: usize) -> Vec<u8> {
    (0..TOTAL).map(|at| ((at / 7 + seed) % 251) as u8).collect()
}

/// The first and the last byte that a request asks for.
fn range(request: &Request) -> Option<(usize, usize)> {
    let range = request.header("range")?.strip_prefix("bytes=")?;
    let (first, last) = range.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

fn part(body: &[u8], range: (usize, usize)) -> Reply {
    part_of("\"v1\"", body, range)
}

fn part_of(version: &'static str, body: &[u8], (first, last): (usize, usize)) -> Reply {
    Reply::new(206)
        .header("ETag", version)
        .header("Content-Range", format!("bytes {first}-{last}/{TOTAL}"))
        .body(body[first..=last].to_vec())
}

fn whole(body: &[u8]) -> Reply {
    whole_of("\"v1\"", body)
}

fn whole_of(version: &'static str, body: &[u8]) -> Reply {
    Reply::new(200)
        .header("ETag", version)
        .header("Accept-Ranges", "bytes")
        .header("Content-Type", "application/octet-stream")
        .body(body.to_vec())
}

/// A server of a large file, which answers requests for a range of it with what `answer` says.
fn origin(answer: impl Fn(&[u8], (usize, usize)) -> Response + Send + Sync + 'static) -> Origin {
    let body = body(0);
    Site::builder()
        .route_with("/large", move |request| match range(request) {
            Some(range) => answer(&body, range),
            None => whole(&body).into(),
        })
        .start()
        .unwrap()
}

/// How a server answers a request for a range of a body.
type Answer = fn(&[u8], (usize, usize)) -> Response;

fn settings(engine: &str, url: String, folder: &Path) -> Config {
    let mut settings = config(engine, [url]);
    settings.fetch.spool.segments = NonZeroU8::new(4).unwrap();
    settings.files = Some(FilesSettings::folder(folder));
    settings
}

/// The only file that was saved, in a folder without anything else that was downloaded.
fn saved(folder: &Path) -> Vec<u8> {
    let names = fs::read_dir(folder).unwrap().flatten();
    let mut names: Vec<_> = names
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names.len(), 2, "a file and its list: {names:?}");
    let host = names.iter().find(|name| *name != "index.jsonl").unwrap();
    let files = fs::read_dir(folder.join(host)).unwrap().flatten();
    let files: Vec<_> = files.map(|entry| entry.path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    fs::read(&files[0]).unwrap()
}

fn ranges(hits: &[Hit]) -> Vec<Option<&str>> {
    let mut ranges: Vec<_> = hits.iter().map(|hit| hit.header("range")).collect();
    ranges.sort_unstable();
    ranges
}

fn assert_whole(report: &Report, folder: &Path, seed: usize) {
    let record = report.only();
    assert_eq!(record.end(), "200", "{record:?}");
    assert_eq!(record.decoded_bytes, Some(TOTAL as u64), "{record:?}");
    assert!(saved(folder) == body(seed), "the file is another one");
}

#[test]
fn a_large_file_is_received_in_segments_at_the_same_time_and_joined() {
    on_every_engine(|engine| {
        let origin = origin(|body, range| Response::from(part(body, range)).after(ms(50)));
        let folder = Folder::new();
        let report = run(settings(engine, origin.url("/large"), folder.path()));
        assert_whole(&report, folder.path(), 0);
        assert_eq!(report.only().wire_bytes, TOTAL as u64);
        assert!(report.only().attempts.is_empty());
        let expected = [
            None,
            Some("bytes=0-1051662"),
            Some("bytes=1051663-2103325"),
            Some("bytes=2103326-3154988"),
            Some("bytes=3154989-4206648"),
        ];
        let hits = origin.log().hits("/large");
        assert_eq!(ranges(&hits), expected, "{engine}");
        let conditions = hits.iter().filter_map(|hit| hit.header("if-range"));
        assert!(conditions.eq(["\"v1\""; 4]), "{engine}");
        if engine != "sequential" {
            assert!(origin.log().counts().most_in_flight > 1, "{engine}");
        }
    });
}

#[test]
fn segments_count_against_the_limit_of_their_host() {
    let origin = origin(|body, range| Response::from(part(body, range)).after(ms(20)));
    let folder = Folder::new();
    let mut settings = settings("async:16", origin.url("/large"), folder.path());
    settings.frontier.per_host = 2;
    let report = run(settings);
    assert_whole(&report, folder.path(), 0);
    assert_eq!(origin.log().counts().most_in_flight, 2);
}

#[test]
fn a_segment_that_is_cut_continues_where_it_was() {
    on_every_engine(|engine| {
        let cuts = AtomicU64::new(0);
        let origin = origin(move |body, range| {
            if range.0 == 1_051_663 && cuts.fetch_add(1, Ordering::Relaxed) == 0 {
                let (first, last) = range;
                let head = format!(
                    "HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\nContent-Length: {}\r\n\
                     Content-Range: bytes {first}-{last}/{TOTAL}\r\n\r\n",
                    last - first + 1
                );
                let half = body[first..first + 500_000].to_vec();
                return Response::Raw(vec![Step::send(head), Step::send(half), Step::Close]);
            }
            part(body, range).into()
        });
        let folder = Folder::new();
        let report = run(settings(engine, origin.url("/large"), folder.path()));
        assert_whole(&report, folder.path(), 0);
        assert_eq!(report.only().attempts, ["cut"], "{engine}");
        let hits = origin.log().hits("/large");
        let again = Some("bytes=1551663-2103325");
        assert!(ranges(&hits).contains(&again), "{engine}: {hits:?}");
    });
}

#[test]
fn a_file_whose_segments_do_not_fit_together_is_received_as_a_whole() {
    let lies: [(&str, Answer); 5] = [
        ("another version", |body, range| {
            part_of("\"v2\"", body, range).into()
        }),
        ("another range", |body, (first, last)| {
            part(body, (first + 1, last)).into()
        }),
        ("the whole", |body, _| whole(body).into()),
        ("refused", |_, _| Response::status(403)),
        ("no range", |_, _| Response::status(416)),
    ];
    for (name, lie) in lies {
        on_every_engine(|engine| {
            let origin = origin(move |body, range| match range.0 {
                1_051_663 => lie(body, range),
                _ => part(body, range).into(),
            });
            let folder = Folder::new();
            let report = run(settings(engine, origin.url("/large"), folder.path()));
            assert_whole(&report, folder.path(), 0);
            let attempts = &report.only().attempts;
            assert_eq!(attempts.len(), 1, "{engine}, {name}: {attempts:?}");
            let hits = origin.log().hits("/large");
            let whole = hits.iter().filter(|hit| hit.header("range").is_none());
            assert_eq!(whole.count(), 2, "{engine}, {name}");
        });
    }
}

#[test]
fn a_file_that_changes_between_its_segments_is_received_as_a_whole() {
    on_every_engine(|engine| {
        let old = body(0);
        let new = Arc::new(body(9));
        let asked = AtomicU64::new(0);
        let origin = Site::builder()
            .route_with("/large", move |request| {
                // RFC 9110 13.1.5: with another validator, the whole is sent.
                match (asked.fetch_add(1, Ordering::Relaxed), range(request)) {
                    (0, _) => whole(&old).into(),
                    (1, Some(range)) => part(&old, range).into(),
                    _ => whole_of("\"v2\"", &new).into(),
                }
            })
            .start()
            .unwrap();
        let folder = Folder::new();
        let report = run(settings(engine, origin.url("/large"), folder.path()));
        assert_whole(&report, folder.path(), 9);
    });
}

#[test]
fn a_small_file_and_one_without_ranges_or_validator_are_received_as_a_whole() {
    let large = body(0);
    let origin = Site::builder()
        .route("/small", whole(&large[..2_000_000]))
        .route(
            "/weak",
            Reply::new(200)
                .header("ETag", "W/\"v1\"")
                .header("Accept-Ranges", "bytes")
                .body(large.clone()),
        )
        .route(
            "/none",
            Reply::new(200)
                .header("ETag", "\"v1\"")
                .header("Accept-Ranges", "none")
                .body(large.clone()),
        )
        .route(
            "/silent",
            Reply::new(200).header("ETag", "\"v1\"").body(large),
        )
        .start()
        .unwrap();
    for path in ["/small", "/weak", "/none", "/silent"] {
        let folder = Folder::new();
        let report = run(settings("async:8", origin.url(path), folder.path()));
        assert_eq!(report.ends(), ["200"], "{path}");
        assert_eq!(origin.log().hits(path).len(), 1, "{path}");
    }
}

#[test]
fn a_checksum_is_that_of_the_whole() {
    on_every_engine(|engine| {
        let origin = origin(|body, range| part(body, range).into());
        let folder = Folder::new();
        let mut wrong = settings(engine, origin.url("/large"), folder.path());
        wrong.seeds.checksum = Some(format!("sha256={}", "0".repeat(64)).parse().unwrap());
        let report = run(wrong);
        assert_eq!(report.only().class, Some("checksum"), "{:?}", report.only());
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "only the list"
        );
    });
}

#[test]
fn a_download_in_segments_that_was_killed_continues_with_what_it_has() {
    let body = body(3);
    let served = stranger::folder();
    fs::create_dir(served.path().join("files")).unwrap();
    fs::write(served.path().join("files/large.bin"), &body).unwrap();
    let server = "location /files/ { root .; }";
    let Some(nginx) = Nginx::within(served, "$status $body_bytes_sent", &[server]) else {
        return;
    };
    let url = format!("https://nginx.localhost:{}/files/large.bin", nginx.ports[0]);
    let line = [
        url.as_str(),
        "--insecure",
        "-q",
        "-o",
        "out.jsonl",
        "--output-dir",
        "saved",
        "--segments",
        "4",
    ];
    let folder = Folder::new();
    let slowly = [&line[..], &["--limit-rate", "1M"]].concat();
    let mut child = cli::haul(folder.path(), &slowly).spawn().unwrap();
    let parts = || {
        let entries = fs::read_dir(folder.path().join("saved"));
        let entries = entries.into_iter().flatten().flatten();
        entries
            .filter(|entry| {
                let name = entry.file_name().into_string().unwrap();
                name.ends_with(".part") && entry.metadata().is_ok_and(|part| part.len() > 100_000)
            })
            .count()
    };
    wait_until("no part of a segment arrives", || parts() == 4);
    child.kill().unwrap();
    child.wait().unwrap();
    let (code, _, stderr) = cli::run(folder.path(), &line);
    assert_eq!(code, Some(0), "{stderr}");
    let record = &written::jsonl(&folder.path().join("out.jsonl"))[0];
    let received = record["wire_bytes"].as_u64().unwrap();
    assert!(received < TOTAL as u64 - 400_000, "{received}");
    let saved = folder.path().join(record["file"].as_str().unwrap());
    assert!(fs::read(saved).unwrap() == body, "the file is another one");
    let left = fs::read_dir(folder.path().join("saved")).unwrap().count();
    assert_eq!(left, 2, "the host and the list");
}

#[test]
fn segments_are_for_saved_files() {
    let folder = Folder::new();
    let line = ["fetch", "--segments", "4", "http://127.0.0.1:1/"];
    let (code, _, stderr) = cli::run(folder.path(), &line);
    assert!(
        code == Some(2) && stderr.contains("--segments is about saved bodies"),
        "{stderr}"
    );
    for wrong in ["0", "many", "1000"] {
        let line = [
            "fetch",
            "--segments",
            wrong,
            "--output-dir",
            "saved",
            "http://127.0.0.1:1/",
        ];
        let (code, _, stderr) = cli::run(folder.path(), &line);
        assert!(code == Some(2) && stderr.contains("--segments"), "{stderr}");
    }
}

#[test]
fn only_pages_and_their_assets_are_received_in_segments() {
    let rules = format!("User-agent: *\nDisallow: /no\n{}", "#\n".repeat(3 << 19));
    let site = || {
        Site::builder()
            .route("/robots.txt", whole(rules.as_bytes()))
            .route("/", Response::page("<a href=/no>1</a><a href=/yes>2</a>"))
            .fallback(Response::page("a page"))
            .start()
            .unwrap()
    };
    // Two hosts, whose robots.txt have no numbers to tell them apart.
    let sites = [site(), site()];
    let folder = Folder::new();
    let seeds = sites.each_ref().map(|site| site.url("/"));
    let mut settings = Config::crawl(seeds);
    settings.fetch.spool.segments = NonZeroU8::new(4).unwrap();
    settings.fetch.private = haul::fetch::Private::Allow;
    settings.files = Some(FilesSettings::folder(folder.path()));
    let report = run(settings);
    assert_eq!(report.ends(), ["200"; 4], "{:?}", report.records);
    for site in &sites {
        let hits = site.log().all_hits();
        assert!(hits.iter().all(|hit| hit.header("range").is_none()));
        assert!(site.log().hits("/no").is_empty());
    }
}
