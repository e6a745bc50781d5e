//! The second half of a download is checked before it is joined to the first.
//!
//! A mismatch never produces a file that looks complete.

use std::fs;
use std::path::Path;

use haul::origin::{Origin, Reply, Request, Response, Site, Step};
use haul::seeds::{SeedSettings, SeedSource};
use haul::{ByteSize, Config};
use sha2::{Digest, Sha256};

use crate::folder::Folder;
use crate::run::{Record, config, on, on_every_engine, run};

const TOTAL: usize = 400_000;
/// Where the first response is cut.
const HALF: usize = 200_000;

fn body(seed: usize) -> Vec<u8> {
    (0..TOTAL).map(|at| ((at / 7 + seed) % 251) as u8).collect()
}

fn digest(bytes: &[u8]) -> Option<[u8; 32]> {
    Some(Sha256::digest(bytes).into())
}

/// The first half of a body, after a head that announces all of it.
fn first_half(body: &[u8], fields: &str) -> Response {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n{fields}Content-Length: {TOTAL}\r\n\r\n"
    );
    let half = body[..HALF].to_vec();
    Response::Raw(vec![Step::send(head), Step::send(half), Step::Close])
}

/// The offset from which a request asks for the rest of the body, if it does.
fn asked_from(request: &Request) -> Option<usize> {
    let range = request.header("range")?.strip_prefix("bytes=")?;
    range.strip_suffix('-')?.parse().ok()
}

/// A part of the body as a 206 response.
fn part(from: usize, to: usize) -> Reply {
    Reply::new(206)
        .header("ETag", "\"v1\"")
        .header("Content-Range", format!("bytes {from}-{}/{TOTAL}", to - 1))
        .body(body(0)[from..to].to_vec())
}

/// A server that cuts the body in half, and responds with `rest` to a request for the rest.
fn origin(
    fields: &'static str,
    rest: impl Fn(usize) -> Response + Send + Sync + 'static,
) -> Origin {
    Site::builder()
        .route_with("/large", move |request| match asked_from(request) {
            Some(from) => rest(from),
            None => first_half(&body(0), fields),
        })
        .start()
        .unwrap()
}

fn resuming(engine: &str, url: String, folder: &Path) -> Config {
    spooling(config(engine, [url]), folder)
}

fn spooling(mut settings: Config, folder: &Path) -> Config {
    settings.fetch.spool.over = ByteSize::kib(16);
    settings.fetch.spool.folder = Some(folder.to_owned());
    settings
}

fn left_behind(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

fn end(record: &Record) -> (String, Vec<String>) {
    (record.end(), record.attempts.clone())
}

const TAGGED: &str = "ETag: \"v1\"\r\n";

#[test]
fn a_part_that_ends_before_the_total_is_cut_and_kept_for_the_next_attempt() {
    on_every_engine(|engine| {
        // Each response is complete by its own head, and has 50,000 bytes.
        let origin = origin(TAGGED, |from| part(from, from + 50_000).into());
        let folder = Folder::new();
        let report = run(resuming(engine, origin.url("/large"), folder.path()));
        let cut = ("cut".to_owned(), vec!["cut".to_owned(); 2]);
        assert_eq!(end(report.only()), cut, "{:?}", report.only());
        assert_eq!(left_behind(folder.path()), 2, "the part and its note");
        let report = run(resuming(engine, origin.url("/large"), folder.path()));
        let record = report.only();
        assert_eq!(
            end(record),
            ("200".into(), vec!["cut".into()]),
            "{record:?}"
        );
        assert_eq!(record.digest, digest(&body(0)));
        assert_eq!(record.decoded_bytes, Some(TOTAL as u64));
        let from: Vec<_> = origin
            .log()
            .hits("/large")
            .iter()
            .map(|hit| hit.header("range").map(str::to_owned))
            .collect();
        let range_from = |from: usize| Some(format!("bytes={from}-"));
        assert_eq!(
            from,
            [
                None,
                range_from(200_000),
                range_from(250_000),
                range_from(300_000),
                range_from(350_000)
            ]
        );
        assert_eq!(left_behind(folder.path()), 0);
    });
}

#[test]
fn a_part_of_another_body_is_never_joined_to_the_first() {
    type Part = fn(usize) -> Response;
    let parts: [(&str, Part); 15] = [
        ("a part from before", |from| {
            let other = Reply::new(206).header("ETag", "\"v1\"");
            let (first, last) = (from - 1000, TOTAL - 1001);
            let other = other.header("Content-Range", range(first, last, TOTAL));
            other.body(body(0)[first..=last].to_vec()).into()
        }),
        ("a part from further on", |from| {
            let other = Reply::new(206).header("ETag", "\"v1\"");
            let first = from + 1000;
            let other = other.header("Content-Range", range(first, TOTAL - 1, TOTAL));
            other.body(body(0)[first..].to_vec()).into()
        }),
        ("more than the total, which is not in the header", |from| {
            let other = Reply::new(206).header("ETag", "\"v1\"");
            let range = format!("bytes {from}-{}/*", TOTAL + 999);
            let other = other.header("Content-Range", range);
            other.body(vec![0; TOTAL + 1000 - from]).into()
        }),
        ("another total", |from| {
            let other = Reply::new(206).header("ETag", "\"v1\"");
            let other = other.header("Content-Range", range(from, TOTAL - 1, TOTAL + 1000));
            other.body(body(0)[from..].to_vec()).into()
        }),
        ("another ETag", |from| {
            let mut other = Reply::new(206).header("ETag", "\"v2\"");
            other = other.header("Content-Range", range(from, TOTAL - 1, TOTAL));
            other.body(body(9)[from..].to_vec()).into()
        }),
        ("no ETag", |from| {
            let other = Reply::new(206).header("Content-Range", range(from, TOTAL - 1, TOTAL));
            other.body(body(9)[from..].to_vec()).into()
        }),
        ("the ETag, but weak", |from| {
            let other = Reply::new(206).header("ETag", "W/\"v1\"");
            let other = other.header("Content-Range", range(from, TOTAL - 1, TOTAL));
            other.body(body(9)[from..].to_vec()).into()
        }),
        ("another date", |from| {
            let later = "Fri, 20 Nov 2026 10:00:00 GMT";
            part(from, TOTAL).header("Last-Modified", later).into()
        }),
        ("a coding", |from| {
            part(from, TOTAL).header("Content-Encoding", "gzip").into()
        }),
        ("several parts", |from| {
            let kind = "multipart/byteranges; boundary=x";
            part(from, TOTAL).header("Content-Type", kind).into()
        }),
        ("no range", |from| {
            let other = Reply::new(206).header("ETag", "\"v1\"");
            other.body(body(0)[from..].to_vec()).into()
        }),
        ("a range beyond the end", |from| {
            let other = Reply::new(206).header("ETag", "\"v1\"");
            let other = other.header("Content-Range", range(from, TOTAL, TOTAL));
            other.body(vec![0; TOTAL - from + 1]).into()
        }),
        ("a length that is not the range's", |from| {
            let other = Reply::new(206).header("ETag", "\"v1\"");
            let other = other.header("Content-Range", range(from, TOTAL - 1, TOTAL));
            other.body(body(0)[from..TOTAL - 9].to_vec()).into()
        }),
        ("more than its range", |from| {
            let other = Reply::new(206).header("ETag", "\"v1\"");
            let other = other.header("Content-Range", range(from, TOTAL - 10, TOTAL));
            other.body(body(0)[from..].to_vec()).chunked(9999).into()
        }),
        ("more than the total", |from| {
            let other = Reply::new(206).header("ETag", "\"v1\"");
            let other = other.header("Content-Range", range(from, TOTAL - 1, TOTAL));
            other.body(vec![0; TOTAL]).chunked(9999).into()
        }),
    ];
    on_every_engine(|engine| {
        for (what, rest) in parts {
            let fields = "ETag: \"v1\"\r\nLast-Modified: Fri, 20 Nov 2020 10:00:00 GMT\r\n";
            let origin = origin(fields, rest);
            let folder = Folder::new();
            let report = run(resuming(engine, origin.url("/large"), folder.path()));
            // The third attempt starts over, and is cut again.
            let record = report.only();
            let ended = ("cut".to_owned(), vec!["cut".to_owned(), "spool".to_owned()]);
            assert_eq!(end(record), ended, "{what}: {record:?}");
            let ranges: Vec<_> = origin
                .log()
                .hits("/large")
                .iter()
                .map(|hit| hit.header("range").is_some())
                .collect();
            assert_eq!(ranges, [false, true, false], "{what}");
        }
    });
}

fn range(from: usize, last: usize, total: usize) -> String {
    format!("bytes {from}-{last}/{total}")
}

#[test]
fn a_part_without_a_total_is_checked_against_the_known_one() {
    on_every_engine(|engine| {
        let origin = origin(TAGGED, |from| {
            let reply = Reply::new(206).header("ETag", "\"v1\"");
            let reply = reply.header("Content-Range", format!("bytes {from}-{}/*", TOTAL - 1));
            reply.body(body(0)[from..].to_vec()).into()
        });
        let folder = Folder::new();
        let report = run(resuming(engine, origin.url("/large"), folder.path()));
        assert_eq!(report.only().digest, digest(&body(0)));
        // The response that completed the body has no Content-Type.
        assert_eq!(report.only().media_type.as_deref(), Some("image/png"));
    });
}

#[test]
fn without_a_strong_validator_nothing_is_resumed() {
    on_every_engine(|engine| {
        let just_now = httpdate::fmt_http_date(std::time::SystemTime::now());
        let fresh = format!("Date: {just_now}\r\nLast-Modified: {just_now}\r\n");
        for fields in ["ETag: W/\"v1\"\r\n", "", &*fresh.leak()] {
            let origin = origin(fields, |_| Response::status(500));
            let folder = Folder::new();
            let report = run(resuming(engine, origin.url("/large"), folder.path()));
            assert_eq!(report.only().end(), "cut");
            let hits = origin.log().hits("/large");
            assert!(hits.iter().all(|hit| hit.header("range").is_none()));
            assert_eq!(left_behind(folder.path()), 0);
        }
    });
}

#[test]
fn a_part_that_was_not_requested_is_not_a_page() {
    on_every_engine(|engine| {
        let whole = format!("bytes 0-{}/{TOTAL}", TOTAL - 1);
        let origin = Site::builder()
            .route("/part", part(0, HALF))
            .route("/no-range", Reply::new(206).body("half of"))
            .route(
                "/all",
                Reply::new(206).header("Content-Range", whole).body(body(0)),
            )
            .start()
            .unwrap();
        let urls = ["/part", "/no-range", "/all"].map(|path| origin.url(path));
        let report = run(config(engine, urls));
        assert_eq!(report.ends(), ["protocol", "protocol", "206"]);
        // A request with its own Range header gets a part; if that breaks off, it is not resumed like a whole body.
        let folder = Folder::new();
        let mut settings = resuming(engine, origin.url("/part"), folder.path());
        let value = "bytes=0-199999".parse().unwrap();
        settings.fetch.headers.0.insert("range", value);
        let report = run(settings);
        assert_eq!(report.only().end(), "206");
        assert_eq!(report.only().decoded_bytes, Some(HALF as u64));
    });
}

#[test]
fn each_request_for_a_url_has_its_own_partial_download() {
    on_every_engine(|engine| {
        // The body depends on the request, and so does its second half.
        let seed_of = |request: &Request| request.header("x-who").map_or(0, str::len);
        let origin = Site::builder()
            .route_with("/large", move |request| {
                let whole = body(seed_of(request));
                match asked_from(request) {
                    None => first_half(&whole, TAGGED),
                    Some(from) => Reply::new(206)
                        .header("ETag", "\"v1\"")
                        .header("Content-Range", range(from, TOTAL - 1, TOTAL))
                        .body(whole[from..].to_vec())
                        .into(),
                }
            })
            .start()
            .unwrap();
        let folder = Folder::new();
        let list = folder.path().join("rows.jsonl");
        let row = |who: &str| {
            let url = origin.url("/large");
            format!("{{\"url\": \"{url}\", \"headers\": {{\"x-who\": \"{who}\"}}}}\n")
        };
        fs::write(&list, ["a", "bb", "ccc"].map(row).concat()).unwrap();
        let spool = folder.path().join("spool");
        fs::create_dir(&spool).unwrap();
        let seeds = SeedSettings::of(vec![SeedSource::File(list)]);
        let report = run(spooling(on(engine, Config::new(seeds)), &spool));
        for (index, record) in report.records.iter().enumerate() {
            let ended = ("200".to_owned(), vec!["cut".to_owned()]);
            assert_eq!(end(record), ended, "{record:?}");
            assert_eq!(
                record.digest,
                digest(&body(index + 1)),
                "row {}",
                record.row
            );
        }
        assert_eq!(report.records.len(), 3);
        let resumed = origin.log().hits("/large");
        let resumed = resumed.iter().filter(|hit| hit.header("range").is_some());
        assert_eq!(
            resumed.count(),
            3,
            "the headers of a row do not keep it from being resumed"
        );
        assert_eq!(left_behind(&spool), 0);
    });
}

#[test]
fn a_response_to_head_has_the_length_of_a_body_but_is_never_too_large() {
    on_every_engine(|engine| {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n";
        let origin = Site::builder()
            .route("/", Response::Raw(vec![Step::send(head)]))
            .start()
            .unwrap();
        for method in ["HEAD", "head"] {
            let mut settings = config(engine, [origin.url("/")]);
            settings.fetch.method = haul::fetch::method(method).unwrap();
            assert_eq!(run(settings).only().end(), "200", "{method}");
        }
    });
}
