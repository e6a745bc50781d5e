//! Content codings: unknown names are ignored, and a body that cannot be decoded is a failure.

use std::fs;
use std::io::Write;

use haul::origin::{Origin, Reply, Response, Site, Step};

use crate::cli;
use crate::folder::Folder;
use crate::run::{Report, config, on_every_engine, run};

const PAGE: &str = "<title>In the clear</title>";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn coded(coding: &str, body: impl Into<bytes::Bytes>) -> Reply {
    Reply::new(200)
        .header("Content-Type", "text/html")
        .header("Content-Encoding", coding.to_owned())
        .body(body)
}

fn counted(report: &Report) -> Vec<(&str, u64)> {
    let failures = &report.outcome.tally.failures;
    failures
        .iter()
        .map(|(class, failures)| (*class, failures.count))
        .collect()
}

#[test]
fn a_name_that_is_not_a_coding_is_ignored_and_noted() {
    on_every_engine(|engine| {
        let names = ["utf-8", "none", "binary", "UTF-8, gzip", "identity", "gzip"];
        let mut site = Site::builder();
        for (index, name) in names.iter().enumerate() {
            let body = match name.ends_with("gzip") {
                true => gzip(PAGE),
                false => PAGE.into(),
            };
            site = site.route(&format!("/{index}"), coded(name, body));
        }
        let origin = site.start().unwrap();
        let urls = (0..names.len()).map(|index| origin.url(&format!("/{index}")));
        let report = run(config(engine, urls));
        for (name, record) in names.iter().zip(&report.records) {
            assert_eq!(record.title.as_deref(), Some("In the clear"), "{name}");
            assert_eq!(
                (record.end().as_str(), &record.fault),
                ("200", &None),
                "{name}"
            );
            let noted = !matches!(*name, "identity" | "gzip");
            assert_eq!(record.note.is_some(), noted, "{name}: {:?}", record.note);
        }
        assert_eq!(report.outcome.tally.failed, 0);
    });
}

#[test]
fn a_body_that_cannot_be_decoded_is_a_failure_and_is_not_retried() {
    on_every_engine(|engine| {
        let origin = Site::builder()
            .route("/plain", coded("gzip", PAGE))
            .route("/unknown", coded("compress", PAGE))
            .route("/error", coded("gzip", PAGE).closing())
            .route("/missing", {
                let page = Reply::new(404).header("Content-Encoding", "gzip");
                page.body(PAGE)
            })
            .start()
            .unwrap();
        let urls = ["/plain", "/unknown", "/error", "/missing"].map(|path| origin.url(path));
        let report = run(config(engine, urls));
        for record in &report.records {
            assert!(
                record.fault.is_some() && record.attempts.is_empty(),
                "{record:?}"
            );
        }
        assert_eq!(counted(&report), [("decode", 3), ("http-4xx", 1)]);
    });
}

/// A server that ends its first response early by closing.
///
/// Without a length, that looks like the end of the body.
fn cut_once() -> Origin {
    let packed = gzip(&PAGE.repeat(100));
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n";
    let answer = |body: &[u8]| {
        let body = Step::send(body.to_vec());
        Response::Raw(vec![Step::send(head), body, Step::Close])
    };
    let answers = vec![answer(&packed[..packed.len() / 2]), answer(&packed)];
    Site::builder()
        .route("/once", Response::Sequence(answers))
        .route("/always", answer(&packed[..packed.len() / 2]))
        .start()
        .unwrap()
}

#[test]
fn a_compressed_body_that_ends_early_is_retried() {
    on_every_engine(|engine| {
        let origin = cut_once();
        let urls = ["/once", "/always"].map(|path| origin.url(path));
        let report = run(config(engine, urls));
        let once = report.row(1);
        assert_eq!((once.end().as_str(), &once.fault), ("200", &None));
        assert_eq!(once.attempts, ["decode"]);
        assert_eq!(once.title.as_deref(), Some("In the clear"));
        let always = report.row(2);
        assert!(always.fault.is_some(), "{always:?}");
        assert_eq!(always.attempts, ["decode"; 2]);
        assert_eq!(counted(&report), [("decode", 1)]);
    });
}

#[test]
fn a_body_that_cannot_be_decoded_is_saved_as_received() {
    on_every_engine(|engine| {
        let large = PAGE.repeat(50_000); // more than stays in memory
        let origin = Site::builder()
            .route("/plain", coded("gzip", PAGE))
            .route("/large", coded("gzip", large.clone()))
            .route("/noted", coded("utf-8", PAGE))
            .route("/noted-large", coded("none", large.clone()))
            .start()
            .unwrap();
        let folder = Folder::new();
        let paths = ["/plain", "/large", "/noted", "/noted-large"];
        let urls = paths.map(|path| origin.url(path));
        let [first, second, third, fourth] = &urls;
        let arguments = [
            "fetch",
            first,
            second,
            third,
            fourth,
            "--engine",
            engine,
            "-o",
            "out.jsonl",
            "--output-dir",
            "saved",
        ];
        let (code, _, words) = cli::run(folder.path(), &arguments);
        assert_eq!(code, Some(3), "{words}");
        let records = fs::read_to_string(folder.path().join("out.jsonl")).unwrap();
        assert_eq!(records.lines().count(), 4);
        for line in records.lines() {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            let (path, file) = (&record["url"], record["file"].as_str());
            let file = file.unwrap_or_else(|| panic!("{path} is not saved"));
            let saved = fs::read_to_string(folder.path().join(file)).unwrap();
            let is_large = path.as_str().unwrap().ends_with("large");
            assert_eq!(saved, if is_large { &large } else { PAGE }, "{path}");
            let noted = path.as_str().unwrap().contains("noted");
            assert_eq!(record["note"].is_string(), noted, "{record}");
            assert_eq!(record["error"].as_str(), (!noted).then_some("decode"));
        }
    });
}
