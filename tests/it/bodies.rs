//! Large bodies go to a file instead of memory, and can be resumed.
//!
//! If the server does not allow that, the download starts over.

use std::fs;
use std::path::Path;

use haul::origin::{Origin, Reply, Request, Response, Site, Step};
use haul::{ByteSize, Config};
use sha2::{Digest, Sha256};

use crate::folder::Folder;
use crate::run::{config, on_every_engine, run};

const LENGTH: usize = 400_000;

/// How a server responds to a request for the rest of a body.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// Sends the rest.
    Ranges,
    /// Sends the rest but cuts it again, then sends what is still missing.
    RangesCutAgain,
    /// Ignores ranges and sends the whole body.
    Ignores,
    /// Has a different body by now.
    Changed,
    /// Rejects the range.
    Refuses,
    /// Sends a different part than the one requested.
    WrongPart,
    /// Sends the requested part, but of a body of a different length.
    WrongLength,
}

fn body(seed: usize) -> Vec<u8> {
    (0..LENGTH)
        .map(|at| ((at / 7 + seed) % 251) as u8)
        .collect()
}

/// A server that cuts its first response in the middle; later ones depend on the manner.
fn origin(manner: Manner) -> Origin {
    Site::builder()
        .route_with("/large", move |request| answer(manner, request))
        .start()
        .unwrap()
}

fn answer(manner: Manner, request: &Request) -> Response {
    let whole = body(0);
    let Some(from) = asked_from(request) else {
        return cut(&whole, 0);
    };
    let part = |from: usize, total: usize| {
        Reply::new(206)
            .header("ETag", "\"v1\"")
            .header(
                "Content-Range",
                format!("bytes {from}-{}/{total}", LENGTH - 1),
            )
            .body(whole[from..].to_vec())
            .into()
    };
    match manner {
        Manner::RangesCutAgain if from < LENGTH / 4 * 3 => cut(&whole, from),
        Manner::Ranges | Manner::RangesCutAgain => part(from, LENGTH),
        Manner::Ignores => Reply::new(200).header("ETag", "\"v1\"").body(whole).into(),
        Manner::Changed => Reply::new(200)
            .header("ETag", "\"v2\"")
            .body(body(9))
            .into(),
        Manner::Refuses => Reply::new(416).header("Content-Range", "bytes */10").into(),
        Manner::WrongPart => part(from - 1000, LENGTH),
        Manner::WrongLength => part(from, LENGTH + 5),
    }
}

fn asked_from(request: &Request) -> Option<usize> {
    let range = request.header("range")?.strip_prefix("bytes=")?;
    range.strip_suffix('-')?.parse().ok()
}

/// Half of what is left, after a head that announces all of it.
fn cut(whole: &[u8], from: usize) -> Response {
    let left = LENGTH - from;
    let head = match from {
        0 => format!("HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: {left}\r\n\r\n"),
        _ => format!(
            "HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\nContent-Range: bytes {from}-{}/{LENGTH}\r\nContent-Length: {left}\r\n\r\n",
            LENGTH - 1
        ),
    };
    let half = whole[from..from + left / 2].to_vec();
    Response::Raw(vec![Step::send(head), Step::send(half), Step::Close])
}

fn resuming(engine: &str, origin: &Origin, folder: &Path) -> Config {
    let mut settings = config(engine, [origin.url("/large")]);
    settings.fetch.spool.over = ByteSize::kib(16);
    settings.fetch.spool.folder = Some(folder.to_owned());
    settings
}

fn digest(bytes: &[u8]) -> Option<[u8; 32]> {
    Some(Sha256::digest(bytes).into())
}

fn left_behind(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn a_broken_download_is_resumed_within_a_run() {
    on_every_engine(|engine| {
        for (manner, tries) in [(Manner::Ranges, 2), (Manner::RangesCutAgain, 3)] {
            let (origin, folder) = (origin(manner), Folder::new());
            let report = run(resuming(engine, &origin, folder.path()));
            let record = report.only();
            assert_eq!(
                (record.status, record.digest),
                (Some(200), digest(&body(0))),
                "{record:?}"
            );
            assert_eq!(record.decoded_bytes, Some(LENGTH as u64));
            assert_eq!(record.attempts, vec!["cut"; tries - 1]);
            let hits = origin.log().hits("/large");
            assert_eq!(hits.len(), tries);
            assert_eq!(hits[1].header("range"), Some("bytes=200000-"));
            assert_eq!(hits[1].header("if-range"), Some("\"v1\""));
            // Bytes of a compressed body cannot be joined to bytes of a plain one.
            assert_eq!(hits[1].header("accept-encoding"), Some("identity"));
            assert!(hits.iter().all(|hit| {
                hit.headers
                    .iter()
                    .filter(|(name, _)| name.eq_ignore_ascii_case("range"))
                    .count()
                    < 2
            }));
            assert_eq!(left_behind(folder.path()), 0);
        }
    });
}

#[test]
fn a_broken_download_is_resumed_by_the_next_run() {
    on_every_engine(|engine| {
        let (origin, folder) = (origin(Manner::Ranges), Folder::new());
        let mut first = resuming(engine, &origin, folder.path());
        first.frontier.retries = 0;
        assert_eq!(run(first).ends(), ["cut"]);
        assert!(left_behind(folder.path()) > 0);
        let report = run(resuming(engine, &origin, folder.path()));
        let record = report.only();
        assert_eq!(
            (record.status, record.digest),
            (Some(200), digest(&body(0)))
        );
        assert!(record.attempts.is_empty());
        assert_eq!(
            record.wire_bytes,
            LENGTH as u64 / 2,
            "what this run has fetched"
        );
        assert_eq!(left_behind(folder.path()), 0);
    });
}

#[test]
fn a_download_starts_over_if_the_server_does_not_cooperate() {
    on_every_engine(|engine| {
        for manner in [Manner::Ignores, Manner::Changed] {
            let (origin, folder) = (origin(manner), Folder::new());
            let record = run(resuming(engine, &origin, folder.path()));
            let expected = if manner == Manner::Changed {
                body(9)
            } else {
                body(0)
            };
            assert_eq!(
                (record.only().status, record.only().digest),
                (Some(200), digest(&expected))
            );
            assert_eq!(record.only().decoded_bytes, Some(LENGTH as u64));
            assert_eq!(left_behind(folder.path()), 0);
        }
    });
}

#[test]
fn a_part_that_does_not_fit_is_discarded_and_the_next_attempt_requests_everything() {
    on_every_engine(|engine| {
        for manner in [Manner::Refuses, Manner::WrongPart, Manner::WrongLength] {
            let (origin, folder) = (origin(manner), Folder::new());
            let report = run(resuming(engine, &origin, folder.path()));
            // The third attempt starts over, and the server cuts it again.
            assert_eq!(report.only().attempts, ["cut", "spool"]);
            assert_eq!(report.only().end(), "cut");
            let hits = origin.log().hits("/large");
            let ranges: Vec<_> = hits
                .iter()
                .map(|hit| hit.header("range").is_some())
                .collect();
            assert_eq!(ranges, [false, true, false]);
        }
    });
}

#[test]
fn without_a_folder_to_resume_in_nothing_is_left_behind() {
    on_every_engine(|engine| {
        let (origin, folder) = (origin(Manner::Ranges), Folder::new());
        let mut settings = resuming(engine, &origin, folder.path());
        settings.fetch.spool.folder = None;
        let report = run(settings);
        assert_eq!(report.ends(), ["cut"]);
        assert!(
            origin
                .log()
                .all_hits()
                .iter()
                .all(|hit| hit.header("range").is_none())
        );
        assert_eq!(left_behind(folder.path()), 0);
    });
}

#[test]
fn a_large_body_that_nobody_wants_is_counted_and_dropped() {
    on_every_engine(|engine| {
        let (origin, folder) = (Site::builder().start().unwrap(), Folder::new());
        let mut settings = config(engine, [origin.url("/size/3000000")]);
        settings.fetch.spool.folder = Some(folder.path().join("not there"));
        settings.parse.wants = haul::parse::Wants::NOTHING;
        let report = run(settings);
        assert_eq!(
            (report.only().status, report.only().wire_bytes),
            (Some(200), 3_000_000)
        );
    });
}

#[test]
fn a_folder_that_cannot_be_written_is_reported_and_fails_nothing_else() {
    on_every_engine(|engine| {
        let (origin, folder) = (Site::builder().start().unwrap(), Folder::new());
        let urls = ["/size/3000000", "/size/1000"].map(|path| origin.url(path));
        let mut settings = config(engine, urls);
        settings.fetch.spool.folder = Some(folder.path().join("not there"));
        settings.frontier.retries = 0;
        let report = run(settings);
        assert_eq!(report.ends(), ["spool", "200"]);
    });
}

#[test]
fn a_body_of_an_unwanted_type_is_not_downloaded() {
    on_every_engine(|engine| {
        let origin = Site::builder()
            .route("/page", Response::page("<title>Taken</title>"))
            .route("/image", Response::body("image/png", "not taken"))
            .start()
            .unwrap();
        let mut settings = config(engine, ["/page", "/image"].map(|path| origin.url(path)));
        settings.fetch.types.add("text/*").unwrap();
        let report = run(settings);
        assert_eq!(report.ends(), ["200", "200"]);
        assert!(report.row(1).wire_bytes > 0);
        assert_eq!(report.row(2).wire_bytes, 0);
        assert_eq!(report.row(2).media_type.as_deref(), Some("image/png"));
    });
}
