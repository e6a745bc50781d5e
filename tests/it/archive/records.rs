//! The records of an archive, including those without a page.
//!
//! Covers redirects, failed requests, resources and conversions.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use haul::archive::Archive;
use haul::origin::{Origin, OriginSettings};

use super::{run_strangers, serve, served};
use crate::cli::run;
use crate::folder::Folder;
use crate::tools;

/// The records of an uncompressed archive: the type and the whole text of each.
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
        let folder = Folder::new();
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
        let (code, _, stderr) = run(folder.path(), &words);
        assert_eq!(code, Some(0), "{engine}: {stderr}");
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
        // Each response has its request.
        let records = records(&archive);
        for path in ["/first", "/second", "/last"] {
            let of = |wanted: &str| {
                let uri = format!("{origin}{path}");
                let mut matches = records.iter().filter(|(kind, record)| {
                    kind == wanted && field(record, "WARC-Target-URI") == Some(&uri)
                });
                let record = matches
                    .next()
                    .unwrap_or_else(|| panic!("{engine}: no {wanted} of {path}"));
                assert!(matches.next().is_none(), "{engine}: two of {path}");
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
fn a_request_that_failed_is_archived_with_the_reason() {
    let origin = Origin::start(OriginSettings::default()).unwrap();
    let cut = origin.url("/fault/truncated-length");
    let nobody = "http://127.0.0.1:1/";
    let folder = Folder::new();
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
    let (code, _, stderr) = run(folder.path(), &words);
    assert_eq!(code, Some(4), "{stderr}");
    let archive = folder.path().join("pages.warc");
    let records = records(&archive);
    let of = |wanted: &str, url: &str| {
        let mut matches = records.iter();
        let matches = matches
            .find(|(kind, record)| kind == wanted && field(record, "WARC-Target-URI") == Some(url));
        matches.map(|(_, record)| record.clone())
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
        "there was no connection to send it on"
    );
    if let Some(python) = tools::python("archive") {
        run_strangers(&python, "check", &archive, &[]);
        run_strangers(&python, "index", &archive, &[]);
    }
}

/// A WARC record as other programs write it.
fn foreign(kind: &str, uri: &str, media: &str, block: &str) -> String {
    format!(
        "WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {uri}\r\nWARC-Date: 2020-02-03T04:05:06Z\r\n\
         WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-000000000000>\r\nContent-Type: {media}\r\n\
         Content-Length: {}\r\n\r\n{block}\r\n\r\n",
        block.len()
    )
}

#[test]
fn a_resource_is_a_page_and_records_without_a_page_are_counted() {
    let folder = Folder::new();
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
    let (code, _, stderr) = run(folder.path(), &words);
    assert_eq!(code, Some(0), "{stderr}");
    let record = fs::read_to_string(folder.path().join("out.jsonl")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    assert_eq!(record["url"], "http://h.example/a.html");
    assert_eq!(record["status"], 200);
    assert_eq!(record["title"], "As it was on a disk");
    assert_eq!(record["content_type"], "text/html", "{record}");
    let expected = "  ignored   4 archive records without a page: conversion × 2, resource × 1, response × 1\n";
    assert!(stderr.contains(expected), "{stderr}");
    let words = [
        "fetch",
        "--no-config",
        "--from",
        "text.warc.wet",
        "-o",
        "out.jsonl",
    ];
    let (code, _, stderr) = run(folder.path(), &words);
    assert_eq!(code, Some(4), "{stderr}");
    assert!(
        stderr.contains("ignored   2 archive records without a page: conversion × 2\n"),
        "{stderr}"
    );
    let Some(python) = tools::python("archive") else {
        return;
    };
    let archive = folder.path().join("made.warc.gz");
    run_strangers(&python, "resources", &archive, &[]);
    let words = [
        "fetch",
        "--no-config",
        "--from",
        "made.warc.gz",
        "-f",
        "jsonl",
    ];
    let (code, text, stderr) = run(folder.path(), &words);
    assert_eq!((code, text.lines().count()), (Some(0), 2), "{stderr}");
    assert!(
        stderr
            .contains("ignored   2 archive records without a page: conversion × 1, resource × 1\n"),
        "{stderr}"
    );
}
