//! An archive as the earlier run: it has the bodies, so whatever is wanted of a page can be had although it was not sent again.

use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;
use haul::origin::{Origin, Reply, Response, Site};
use serde_json::Value;

use super::{PAGES, by_url, edition, run_with_kills, site};
use crate::archive::run_strangers;
use crate::cli::{self, go};
use crate::folder::Folder;
use crate::run::on_every_engine;
use crate::{stranger, tools, written};

#[test]
fn what_an_archive_has_is_read_as_if_it_had_been_sent_again() {
    on_every_engine(|engine| {
        let current = Arc::new(AtomicU64::new(0));
        let origin = site(current.clone());
        let folder = Folder::new();
        let path = folder.path();
        let url = origin.url("/");
        let base = [
            "crawl",
            url.as_str(),
            "--allow-private",
            "-q",
            "--engine",
            engine,
        ];
        go(path, &[&base[..], &["-o", "old.warc.gz"]].concat());
        let whole = ["--job", "whole", "--output-dir", "then"];
        go(path, &[&base[..], &whole].concat());
        let whole = by_url(path, "whole");
        current.store(1, Ordering::Relaxed);
        // Selectors that the archive has never heard of, and files of all pages.
        let line = [
            "--job",
            "new",
            "--since",
            "old.warc.gz",
            "--select",
            "price=.price | integer",
            "--output-dir",
            "now",
        ];
        go(path, &[&base[..], &line].concat());
        let new = by_url(path, "new");
        assert_eq!(new.len() as u64, PAGES + 1, "{engine}");
        for (page, status, changed) in [
            ("/", 304, "no"),
            ("/1", 304, "no"),
            ("/2", 304, "no"),
            ("/3", 200, "shell"),
            ("/4", 200, "content"),
            ("/5", 200, "no"),
        ] {
            let record = &new[&origin.url(page)];
            assert_eq!(record["status"], status, "{engine}: {record}");
            assert_eq!(record["changed"], changed, "{engine}: {record}");
            assert_eq!(record["links"], 1, "{engine}: {record}");
            let number = page.trim_start_matches('/').parse().unwrap_or(0);
            assert_eq!(record["fields"]["price"], number, "{engine}: {record}");
            let then = &whole[&origin.url(page)];
            let file =
                |record: &Value| fs::read(path.join(record["file"].as_str().unwrap())).unwrap();
            if status == 304 {
                assert_eq!(record["unchanged"], true);
                assert_eq!(record["wire_bytes"], 0);
                for field in [
                    "sha256",
                    "title",
                    "charset",
                    "content_type",
                    "decoded_bytes",
                ] {
                    assert_eq!(record[field], then[field], "{engine}: {field} of {record}");
                }
                assert_eq!(file(record), file(then), "{engine}: {record}");
            }
        }
        assert_eq!(new[&origin.url("/6")]["status"], 404);
    });
}

#[test]
fn a_revisit_names_the_record_of_the_archive_that_it_refers_to() {
    let Some(python) = tools::python("archive") else {
        return;
    };
    let origin = site(Arc::new(AtomicU64::new(0)));
    let folder = Folder::new();
    let path = folder.path();
    let url = origin.url("/");
    let base = ["crawl", url.as_str(), "--allow-private", "-q"];
    go(path, &[&base[..], &["-o", "old.warc.gz"]].concat());
    go(
        path,
        &[&base[..], &["-o", "new.warc.gz", "--since", "old.warc.gz"]].concat(),
    );
    let [old, new] = ["old.warc.gz", "new.warc.gz"].map(|name| path.join(name));
    run_strangers(&python, "check", &new, &[]);
    let old = old.display().to_string();
    let unchanged =
        run_strangers(&python, "unchanged", &new, &[&old, "by record"]).replace(&url, "");
    let mut unchanged: Vec<_> = unchanged.lines().collect();
    unchanged.sort_unstable();
    assert_eq!(unchanged, ["", "1", "2", "4"]);
}

#[test]
fn a_second_crawl_from_an_archive_that_is_killed_again_and_again_has_each_page_once() {
    let address = stranger::nobody();
    let folder = Folder::new();
    let path = folder.path();
    let url = format!("http://{address}/");
    let base = [
        "crawl",
        url.as_str(),
        "--allow-private",
        "-q",
        "--depth",
        "1000",
    ];
    let first = edition(address, 1);
    go(
        path,
        &[&base[..], &["-o", "old.warc.gz", "--rotate", "64K"]].concat(),
    );
    assert!(path.join("old-00003.warc.gz").exists(), "a series");
    drop(first);
    let second = edition(address, 2);
    let line = [&base[..], &["--job", "new", "--since", "old.warc.gz"]].concat();
    run_with_kills(path, &line, &second);
    let new = by_url(path, "new");
    let changes = second.site().changes_since(1);
    let mut pages = 0;
    for (url, record) in &new {
        let page = url.strip_prefix(&format!("http://{address}")).unwrap();
        if !page.starts_with("/page/") {
            continue;
        }
        pages += 1;
        let expected = match changes.changed.contains(page) {
            true => (200, "content"),
            false => (304, "no"),
        };
        assert_eq!(
            (&record["status"], &record["changed"]),
            (&expected.0.into(), &expected.1.into()),
            "{record}"
        );
    }
    assert!(pages >= 399, "{pages}");
}

/// A record of a WARC file.
fn record(kind: &str, id: &str, url: &str, more: &str, block: &[u8]) -> Vec<u8> {
    let media = if kind == "request" {
        "request"
    } else {
        "response"
    };
    let head = format!(
        "WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:{id}>\r\nWARC-Target-URI: {url}\r\n\
         WARC-Date: 2026-01-01T00:00:00Z\r\nContent-Type: application/http; msgtype={media}\r\n{more}\
         Content-Length: {}\r\n\r\n",
        block.len()
    );
    [head.as_bytes(), block, b"\r\n\r\n"].concat()
}

/// A site of which nothing ever changes, if one believes it.
fn unchanging() -> Origin {
    let mut site = Site::builder();
    for path in ["/", "/get", "/post", "/head", "/cut", "/same", "/copy"] {
        site = site.route_with(path, move |request| {
            let reply = match request.header("if-none-match") {
                Some(_) => Reply::new(304),
                None => Reply::new(200)
                    .header("Content-Type", "text/html")
                    .body("<title>Sent</title>"),
            };
            Response::from(reply)
        });
    }
    site.start().unwrap()
}

#[test]
fn only_whole_responses_to_get_are_pages_of_an_archive() {
    let origin = unchanging();
    let folder = Folder::new();
    let path = folder.path();
    let page = |title: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Type: text/html\r\n\r\n<title>{title}</title>"
        )
    };
    let digest = "WARC-Payload-Digest: sha1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n";
    let profile =
        "WARC-Profile: http://netpreserve.org/warc/1.1/revisit/identical-payload-digest\r\n";
    let response = |id: &str, url: &str, more: &str, block: String| {
        record("response", id, url, more, block.as_bytes())
    };
    let url = |path: &str| origin.url(path);
    let parts = [
        response("1", &url("/get"), "", page("Stored")),
        // Some write the request first, others after the response.
        record(
            "request",
            "2",
            &url("/post"),
            "",
            b"POST /post HTTP/1.1\r\n\r\n",
        ),
        response(
            "3",
            &url("/post"),
            "WARC-Concurrent-To: <urn:2>\r\n",
            page("Posted"),
        ),
        response("4", &url("/head"), "", page("")),
        record(
            "request",
            "5",
            &url("/head"),
            "WARC-Concurrent-To: <urn:4>\r\n",
            b"HEAD /head HTTP/1.1\r\n\r\n",
        ),
        response("6", &url("/cut"), "WARC-Truncated: length\r\n", page("Cut")),
        response("7", &url("/same"), digest, page("Same")),
        record(
            "revisit",
            "8",
            &url("/copy"),
            &format!("{digest}{profile}"),
            b"HTTP/1.1 200 OK\r\nETag: \"2\"\r\n\r\n",
        ),
        response(
            "9",
            &url("/"),
            "",
            "HTTP/1.1 404 Not Found\r\nETag: \"1\"\r\n\r\n".into(),
        ),
    ];
    fs::write(path.join("old.warc"), parts.concat()).unwrap();
    let all: Vec<_> = ["/", "/get", "/post", "/head", "/cut", "/same", "/copy"]
        .map(url)
        .into();
    fs::write(path.join("urls.txt"), all.join("\n")).unwrap();
    let line = [
        "fetch",
        "urls.txt",
        "--allow-private",
        "-q",
        "--since",
        "old.warc",
        "--job",
        "new",
    ];
    go(path, &line);
    let records = by_url(path, "new");
    for (page, title) in [
        ("/", "Sent"),
        ("/get", "Stored"),
        ("/post", "Sent"),
        ("/head", "Sent"),
        ("/cut", "Sent"),
        ("/same", "Same"),
        ("/copy", "Same"),
    ] {
        let record = &records[&origin.url(page)];
        assert_eq!(record["title"], title, "{record}");
        assert_eq!(record["unchanged"] == true, title != "Sent", "{record}");
    }
}

#[test]
fn an_archive_that_cannot_be_compared_with_is_refused_before_anything_is_sent() {
    let origin = site(Arc::new(AtomicU64::new(0)));
    let folder = Folder::new();
    let path = folder.path();
    let url = origin.url("/");
    let base = ["crawl", url.as_str(), "--allow-private", "-q"];
    go(path, &[&base[..], &["-o", "old.warc.gz"]].concat());
    go(path, &[&base[..], &["-o", "plain.warc"]].concat());
    go(path, &[&base[..], &["--output-dir", "saved"]].concat());
    let plain = fs::read(path.join("plain.warc")).unwrap();
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&plain).unwrap();
    fs::write(path.join("whole.warc.gz"), packed.finish().unwrap()).unwrap();
    fs::write(path.join("cut.warc"), &plain[..plain.len() - 100]).unwrap();
    let elsewhere = record(
        "response",
        "1",
        "http://b.example/",
        "",
        b"HTTP/1.1 200 OK\r\n\r\nx",
    );
    fs::write(path.join("strange.warc"), elsewhere).unwrap();
    let nothing = record(
        "response",
        "1",
        &url,
        "",
        b"HTTP/1.1 404 Not Found\r\n\r\nx",
    );
    fs::write(path.join("nothing.warc"), nothing).unwrap();
    let before = origin.log().requests();
    for (old, expected, words) in [
        ("whole.warc.gz", 2, "packed as a whole"),
        ("cut.warc", 2, "the last record is cut off"),
        (
            "strange.warc",
            2,
            "is of another site: it has no page of http://127.0.0.1:",
        ),
        ("nothing.warc", 2, "no whole response with status 200"),
        ("saved", 6, "there is no job here"),
    ] {
        let (code, _, stderr) = cli::run(path, &[&base[..], &["--since", old]].concat());
        assert!(
            code == Some(expected) && stderr.contains(words),
            "{old}: {code:?} {stderr}"
        );
    }
    assert_eq!(origin.log().requests(), before, "nothing was sent");
}

#[test]
fn a_page_whose_body_cannot_be_read_any_more_is_requested_as_a_whole() {
    on_every_engine(|engine| {
        let folder = Folder::new();
        let path = folder.path();
        let archive = path.join("old.warc");
        let damaged = archive.clone();
        // The archive is damaged while the page is asked for, behind the back of the run.
        let origin = Site::builder()
            .route_with("/", move |request| {
                if request.header("if-none-match").is_none() {
                    return Response::page("<title>Sent</title>");
                }
                let length = fs::metadata(&damaged).unwrap().len();
                fs::write(&damaged, vec![b'x'; length as usize]).unwrap();
                Reply::new(304).into()
            })
            .start()
            .unwrap();
        let url = origin.url("/");
        let page = "HTTP/1.1 200 OK\r\nETag: \"1\"\r\n\r\n<title>Stored</title>";
        fs::write(&archive, record("response", "1", &url, "", page.as_bytes())).unwrap();
        let line = [
            "fetch",
            &url,
            "--allow-private",
            "-q",
            "--engine",
            engine,
            "--since",
            "old.warc",
            "-o",
            "new.jsonl",
        ];
        go(path, &line);
        let records = written::jsonl(&path.join("new.jsonl"));
        assert_eq!(records.len(), 1);
        let record = &records[0];
        assert_eq!(record["title"], "Sent", "{engine}: {record}");
        assert_eq!(record["status"], 200, "{engine}: {record}");
        assert!(record["unchanged"].is_null(), "{engine}: {record}");
        assert_eq!(
            record["attempts"][0]["error"], "decode",
            "{engine}: {record}"
        );
    });
}
