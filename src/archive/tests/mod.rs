//! Archives in every form that producers write, and damaged ones.

mod package;

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::page::body::Body;

/// A file with these bytes, in a folder of its own.
struct TestFile {
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl TestFile {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        Self { folder, path }
    }

    fn all(&self) -> Vec<Result<Stored, Damage>> {
        let archive = Archive::open(&self.path).unwrap();
        archive.spool(self.folder.path().to_owned()).collect()
    }

    /// The URLs and bodies of the responses, and the last problem.
    fn read(&self) -> (Vec<(String, Vec<u8>)>, Option<String>) {
        let mut responses = Vec::new();
        let mut problem = None;
        for item in self.all() {
            match item {
                Ok(stored) => responses.push((stored.url.to_string(), bytes(&stored))),
                Err(damage) => problem = Some(damage.problem),
            }
        }
        (responses, problem)
    }
}

fn bytes(stored: &Stored) -> Vec<u8> {
    match &stored.page.body {
        Body::Memory(bytes) => bytes.to_vec(),
        Body::Spooled(spool) => fs::read(spool.path()).unwrap(),
        Body::Dropped(_) => unreachable!("nothing is dropped"),
    }
}

/// A record as it is stored in a file.
fn record(kind: &str, fields: &str, block: &[u8]) -> Vec<u8> {
    let length = block.len();
    let mut record = format!(
        "WARC/1.0\r\nWARC-Type: {kind}\r\nContent-Type: application/http; msgtype=response\r\n\
         WARC-Date: 2020-02-03T04:05:06Z\r\n{fields}Content-Length: {length}\r\n\r\n"
    )
    .into_bytes();
    record.extend_from_slice(block);
    record.extend_from_slice(b"\r\n\r\n");
    record
}

/// A response from `http://h.example/{name}`.
fn response(name: &str, http: &str) -> Vec<u8> {
    let uri = format!("WARC-Target-URI: http://h.example/{name}\r\n");
    record("response", &uri, http.as_bytes())
}

fn member(bytes: &[u8]) -> Vec<u8> {
    let mut member = GzEncoder::new(Vec::new(), Compression::fast());
    member.write_all(bytes).unwrap();
    member.finish().unwrap()
}

fn three() -> [Vec<u8>; 3] {
    ["a", "b", "c"].map(|name| {
        response(
            name,
            &format!("HTTP/1.1 200 OK\r\nX: y\r\n\r\nbody of {name}"),
        )
    })
}

fn expected() -> Vec<(String, Vec<u8>)> {
    ["a", "b", "c"]
        .map(|name| {
            (
                format!("http://h.example/{name}"),
                format!("body of {name}").into_bytes(),
            )
        })
        .to_vec()
}

#[test]
fn an_archive_is_read_however_its_records_are_compressed() {
    let all = three().concat();
    let shapes = [
        ("pages.warc", all.clone()),
        (
            "pages.warc.gz",
            three().map(|record| member(&record)).concat(),
        ),
        ("pages.warc.gz", member(&all)),
        // Members that start anywhere, as tools write them that compress in parallel.
        ("pages.warc.gz", all.chunks(97).flat_map(member).collect()),
        ("pages.gz", all),
    ];
    for (number, (name, bytes)) in shapes.into_iter().enumerate() {
        let (responses, problem) = TestFile::new(name, &bytes).read();
        assert_eq!((responses, problem), (expected(), None), "shape {number}");
    }
}

#[test]
fn a_response_has_its_date_its_status_its_fields_and_its_address() {
    let http = b"HTTP/2 404 Not Found\r\nContent-Type: text/html\r\nX-Note: one\r\n two\r\nno field\r\nSet-Cookie: a\r\nset-cookie: b\r\n\r\nx";
    let fields = "warc-target-uri: <https://h.example/>\r\nWARC-IP-Address: 2001:db8::1\r\n";
    let file = TestFile::new("pages.warc", &record("response", fields, http));
    let stored = file.all().remove(0).unwrap();
    assert_eq!(stored.url.as_str(), "https://h.example/");
    let page = &stored.page;
    assert_eq!(
        (page.status, page.version.as_str(), page.wire_bytes),
        (404, "2", 1)
    );
    assert_eq!(page.headers.text("x-note"), Some("one two"));
    assert_eq!(page.headers.0.get_all("set-cookie").iter().count(), 2);
    assert_eq!(page.remote.unwrap().to_string(), "[2001:db8::1]:443");
    assert_eq!(
        page.timing.sent,
        Some(UNIX_EPOCH + Duration::from_secs(1_580_702_706))
    );
}

#[test]
fn the_bytes_of_a_body_take_precedence_over_its_head() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let packed = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n";
    for (http, body) in [
        (
            format!("{chunked}5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: x\r\n\r\n"),
            "hello world",
        ),
        (format!("{chunked}0005 \r\nhello\r\n0\r\n\r\n"), "hello"),
        (format!("{chunked}0\r\n\r\n"), ""),
        (
            format!("{chunked}<html>no chunks at all"),
            "<html>no chunks at all",
        ),
        (
            format!("{chunked}add it up, and it is no chunk"),
            "add it up, and it is no chunk",
        ),
        (chunked.to_string(), ""),
        (
            format!("{packed}<html>unpacked by whoever stored it"),
            "<html>unpacked by whoever stored it",
        ),
        ("HTTP/1.1 200 OK".to_owned(), ""),
        ("HTTP/1.1 200 OK\n\nbare".to_owned(), "bare"),
    ] {
        let stored = TestFile::new("pages.warc", &response("a", &http))
            .all()
            .remove(0)
            .unwrap();
        assert_eq!(String::from_utf8(bytes(&stored)).unwrap(), body, "{http}");
        assert!(!stored.page.is_encoded(), "{http}");
        assert!(!stored.page.headers.0.contains_key("transfer-encoding"));
    }
}

#[test]
fn a_large_body_goes_to_a_file_that_is_deleted_with_its_response() {
    let mut random = fastrand::Rng::with_seed(7);
    let text: String = (0..5 << 20).map(|_| random.alphanumeric()).collect();
    let chunks: String = text
        .as_bytes()
        .chunks(70_000)
        .map(|chunk| {
            format!(
                "{:x}\r\n{}\r\n",
                chunk.len(),
                std::str::from_utf8(chunk).unwrap()
            )
        })
        .collect();
    let http = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n");
    let file = TestFile::new("pages.warc.gz", &member(&response("a", &http)));
    let stored = file.all().remove(0).unwrap();
    assert!(matches!(stored.page.body, Body::Spooled(_)));
    assert!(bytes(&stored) == text.as_bytes());
    drop(stored);
    assert_eq!(fs::read_dir(file.folder.path()).unwrap().count(), 1);
}

#[test]
fn a_revisit_is_a_response_with_the_body_of_the_earlier_one() {
    let digest = "WARC-Payload-Digest: sha1:AAAA\r\n";
    let first = record(
        "response",
        &format!("WARC-Target-URI: http://h.example/a\r\n{digest}"),
        b"HTTP/1.1 200 OK\r\nX: 1\r\n\r\nsame",
    );
    let revisit = record(
        "revisit",
        &format!("WARC-Target-URI: http://h.example/b\r\n{digest}"),
        b"HTTP/1.1 203 OK\r\nX: 2\r\n\r\n",
    );
    let other = record(
        "revisit",
        "WARC-Target-URI: http://h.example/c\r\nWARC-Payload-Digest: sha1:B\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    );
    let file = TestFile::new(
        "pages.warc.gz",
        &[member(&first), member(&revisit), member(&other)].concat(),
    );
    let all: Vec<_> = file.all().into_iter().map(Result::unwrap).collect();
    assert_eq!(
        (all[1].page.status, bytes(&all[1]), all[1].truncated),
        (203, b"same".to_vec(), false)
    );
    // The earlier response is not in this archive.
    assert_eq!((bytes(&all[2]), all[2].truncated), (Vec::new(), true));
}

#[test]
fn records_without_a_page_are_skipped() {
    let records = [
        record("warcinfo", "", b"software: x\r\n"),
        record(
            "request",
            "WARC-Target-URI: http://h.example/\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
        ),
        record("response", "WARC-Target-URI: dns:h.example\r\n", b"x"),
        record("response", "WARC-Target-URI: ftp://h.example/\r\n", b"x"),
        record("response", "", b"x"),
        record(
            "continuation",
            "WARC-Target-URI: http://h.example/\r\n",
            b"x",
        ),
    ];
    let all = [records.concat(), three().concat()].concat();
    let file = TestFile::new("pages.warc", &all);
    assert_eq!(file.read(), (expected(), None));
    let mut archive = Archive::open(file.folder.path().join("pages.warc")).unwrap();
    assert_eq!(archive.by_ref().count(), 3);
    let expected = [("continuation", 1), ("response", 3)];
    assert_eq!(archive.left_out(), expected.into());
}

#[test]
fn a_resource_is_a_page_with_its_type_and_revisits_have_its_body() {
    let uri = "WARC-Target-URI: https://h.example/a\r\n";
    let digest = "WARC-Payload-Digest: sha1:AAAA\r\n";
    let resource = String::from_utf8(record(
        "resource",
        &(uri.to_owned() + digest),
        b"HTTP/1.1 is text",
    ));
    let resource = resource
        .unwrap()
        .replace("application/http; msgtype=response", "text/plain");
    let revisit = record(
        "revisit",
        &format!("WARC-Target-URI: http://h.example/b\r\n{digest}"),
        b"HTTP/1.1 200 OK\r\n\r\n",
    );
    // As warcit writes it: no content of its own, not even a head.
    let empty = record(
        "revisit",
        &format!("WARC-Target-URI: https://h.example/c\r\n{digest}"),
        b"",
    );
    let unknown = record(
        "revisit",
        "WARC-Target-URI: https://h.example/d\r\nWARC-Payload-Digest: sha1:B\r\n",
        b"",
    );
    let records = [resource.into_bytes(), revisit, empty, unknown];
    let file = TestFile::new("pages.warc", &records.concat());
    let all: Vec<_> = file.all().into_iter().map(Result::unwrap).collect();
    assert_eq!(all[0].url.as_str(), "https://h.example/a");
    let content_type = all[0].page.headers.text(http::header::CONTENT_TYPE);
    assert_eq!(
        (all[0].page.status, content_type),
        (200, Some("text/plain"))
    );
    for stored in &all {
        assert_eq!(bytes(stored), b"HTTP/1.1 is text");
    }
    let content_type = all[2].page.headers.text(http::header::CONTENT_TYPE);
    assert_eq!(
        (all[2].page.status, content_type),
        (200, Some("text/plain"))
    );
    assert_eq!(all.len(), 3, "a revisit of an unknown payload is left out");
}

#[test]
fn wherever_an_archive_is_cut_off_whole_records_are_read_and_the_rest_is_reported() {
    let plain = three().concat();
    let packed = three().map(|record| member(&record)).concat();
    for (name, bytes) in [("pages.warc", plain), ("pages.warc.gz", packed)] {
        let mut most = 0;
        for length in 0..bytes.len() {
            let (responses, problem) = TestFile::new(name, &bytes[..length]).read();
            assert!(expected().starts_with(&responses), "{name} {length}");
            assert!(responses.len() >= most, "{name} {length}");
            most = most.max(responses.len());
            if responses.len() < 3 && length > 0 && problem.is_none() {
                // The file was cut between two records.
                let rest = &bytes[length..];
                assert!(
                    rest.starts_with(b"WARC")
                        || rest.starts_with(&[0x1F, 0x8B])
                        || rest.starts_with(b"\r")
                        || rest.starts_with(b"\n"),
                    "{name} {length}"
                );
            }
        }
        assert_eq!(most, 3);
    }
}

#[test]
fn a_damaged_record_ends_the_reading_with_the_reason() {
    let long = format!("WARC/1.0\r\n{}\r\n\r\n", "X: y\r\n".repeat(100_000));
    let huge = response("a", "x");
    let huge = String::from_utf8(huge)
        .unwrap()
        .replace("Content-Length: 1", "Content-Length: 18446744073709551615");
    for (bytes, problem) in [
        (b"<html>".to_vec(), "not a WARC record"),
        (
            b"WARC/1.0\r\nWARC-Type: response\r\n\r\n".to_vec(),
            "a record without a length",
        ),
        (
            b"WARC/1.0\r\nContent-Length: -1\r\n\r\n".to_vec(),
            "a record without a length",
        ),
        (long.into_bytes(), "the head of a record is too large"),
        (huge.into_bytes(), "the last record is cut off"),
        (vec![b'\n'; 1 << 20], "nothing but blank lines"),
        (
            response("a", "HTTP/1.1 xyz OK\r\n\r\n"),
            "an HTTP response without a status",
        ),
        (response("a", "SSH-2.0-x\r\n"), "not an HTTP response"),
        (
            response(
                "a",
                &format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(2 << 20)),
            ),
            "the HTTP head is too large",
        ),
        (
            response(
                "a",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
            ),
            "the chunks of a body are cut off",
        ),
        (
            response(
                "a",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabXY",
            ),
            "the chunks of a body are damaged",
        ),
    ] {
        let (responses, problem_read) = TestFile::new("pages.warc", &bytes).read();
        assert_eq!(
            (responses, problem_read.as_deref()),
            (vec![], Some(problem))
        );
    }
}

#[test]
fn a_damaged_response_does_not_end_its_file_nor_a_damaged_file_the_archive() {
    let file = TestFile::new(
        "pages.warc",
        &[response("x", "no HTTP"), three().concat()].concat(),
    );
    let next = file.folder.path().join("pages-00001.warc");
    fs::write(&next, [three()[0].clone(), b"garbage".to_vec()].concat()).unwrap();
    fs::write(
        file.folder.path().join("pages-00002.warc"),
        three()[1].clone(),
    )
    .unwrap();
    let names = |all: Vec<Result<Stored, Damage>>| -> Vec<String> {
        let name = |stored: Stored| stored.url.as_str()[17..].to_owned();
        all.into_iter()
            .map(|item| item.map_or_else(|damage| damage.problem, name))
            .collect()
    };
    let expected = [
        "not an HTTP response",
        "a",
        "b",
        "c",
        "a",
        "not a WARC record",
        "b",
    ];
    assert_eq!(names(file.all()), expected);
    let folder = Archive::open(file.folder.path()).unwrap();
    assert_eq!(names(folder.collect()), expected);
}

#[test]
fn random_damage_never_panics() {
    let mut random = fastrand::Rng::with_seed(9);
    let plain = three().concat();
    let packed = three().map(|record| member(&record)).concat();
    for round in 0..3000 {
        let mut bytes = if round % 2 == 0 {
            plain.clone()
        } else {
            packed.clone()
        };
        for _ in 0..random.usize(1..6) {
            let at = random.usize(..bytes.len());
            bytes[at] = random.u8(..);
        }
        let (responses, _) = TestFile::new("pages.warc", &bytes).read();
        assert!(responses.len() <= 3);
    }
}

#[test]
fn a_folder_of_saved_pages_is_read_as_an_archive() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "page").unwrap();
    };
    for path in [
        "h.example/a.html",
        "h.example/b/50% #1?.txt",
        "localhost/x",
        "notes/c.htm",
        ".haul-123456",
        "h.example/.hidden/x",
    ] {
        write(path);
    }
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link.html")).unwrap();
    let responses: Vec<_> = Archive::open(folder.path())
        .unwrap()
        .map(|item| {
            let stored = item.unwrap();
            let media = stored.page.headers.text("content-type").map(str::to_owned);
            (stored.url.to_string(), media)
        })
        .collect();
    let html = Some("text/html".to_owned());
    assert_eq!(
        responses,
        [
            ("http://h.example/a.html".to_owned(), html.clone()),
            (
                "http://h.example/b/50%25%20%231%3F.txt".to_owned(),
                Some("text/plain".to_owned())
            ),
            ("http://localhost/x".to_owned(), None),
            ("http://folder.invalid/notes/c.htm".to_owned(), html),
        ]
    );
}

#[test]
fn an_archive_that_does_not_exist_is_named() {
    let damage = Archive::open("/nowhere/pages.warc").err().unwrap();
    assert!(
        damage
            .to_string()
            .starts_with("/nowhere/pages.warc: No such file"),
        "{damage}"
    );
    assert_eq!(TestFile::new("pages.warc.gz", b"").all().len(), 0);
}
