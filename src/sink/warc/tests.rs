//! Archives read back with the strict reader.
//!
//! Other people's readers are tested in `tests/it`.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use ::http::{HeaderValue, Method};
use bytes::Bytes;

use super::super::samples::Case;
use super::super::samples::{self, failed, page, redirected, saved_from};
use super::super::{Format, Mark, Sink, Start};
use super::strict::{self, Record};
use super::*;
use crate::job::Request;
use crate::page::body::Spool;
use crate::page::failure::FetchError;
use crate::page::headers::Headers;
use crate::text::size::ByteSize;

/// An archive in its own folder.
struct Archive {
    folder: tempfile::TempDir,
    case: Case,
}

impl Archive {
    fn new(name: &str, change: impl FnOnce(&mut ArchiveSettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let mut settings = ArchiveSettings::default();
        change(&mut settings);
        let case = Case::new(&path, false, Format::Warc(settings), Vec::new());
        Self { folder, case }
    }

    fn open(&self, start: Start<'_>) -> Box<dyn Sink> {
        self.case.open(start).unwrap()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The records that are written for these visits.
    fn of(visits: &[Visit]) -> Vec<Record> {
        let archive = Self::new("pages.warc.gz", |_| {});
        let mut sink = archive.open(Start::Fresh);
        visits.iter().for_each(|visit| sink.write(visit).unwrap());
        sink.finish().unwrap();
        strict::records(&archive.file("pages.warc.gz"))
    }

    /// The names of its files, in order.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn kinds(records: &[Record]) -> Vec<&str> {
    records
        .iter()
        .map(|record| record.field("WARC-Type"))
        .collect()
}

fn text(record: &Record) -> String {
    String::from_utf8(record.block.clone()).unwrap()
}

#[test]
fn a_response_is_stored_with_its_request_and_metadata() {
    let records = Archive::of(&[page(200)]);
    assert_eq!(
        kinds(&records),
        ["warcinfo", "response", "request", "metadata"]
    );
    let [info, answer, request, metadata] = &records[..] else {
        unreachable!()
    };
    assert_eq!(info.field("WARC-Filename"), "pages.warc.gz");
    assert!(text(info).contains("\r\nformat: WARC File Format 1.1\r\n"));
    assert_eq!(answer.field("WARC-Target-URI"), "https://example.org/a");
    assert_eq!(answer.field("WARC-Date"), "2026-11-21T16:37:13.012345Z");
    assert_eq!(answer.field("WARC-IP-Address"), "192.0.2.7");
    let (head, body) = answer.message();
    assert_eq!(body, "x".repeat(4200).as_bytes());
    assert!(head.starts_with(b"HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\n"));
    for other in [request, metadata] {
        assert_eq!(
            other.field("WARC-Concurrent-To"),
            answer.field("WARC-Record-ID")
        );
        assert_eq!(other.field("WARC-Date"), answer.field("WARC-Date"));
    }
    assert!(text(request).starts_with("GET /a HTTP/1.1\r\nhost: example.org\r\n"));
    assert!(text(metadata).contains("\r\ntitle: A \"title\", naïve\r\n"));
    assert!(text(metadata).contains("fetchTimeMs: 12\r\n"));
}

#[test]
fn a_redirect_on_the_way_is_a_response_with_only_its_status_and_target() {
    let records = Archive::of(&[redirected()]);
    let hop = &records[1];
    assert_eq!(hop.field("WARC-Target-URI"), "http://example.org/old");
    assert_eq!(hop.field("WARC-Truncated"), "unspecified");
    assert_eq!(
        text(hop),
        "HTTP/1.1 301 Moved Permanently\r\nlocation: https://example.org/new\r\ncontent-length: 0\r\n\r\n"
    );
    assert_eq!(
        hop.field("WARC-Concurrent-To"),
        records[2].field("WARC-Record-ID")
    );
    assert!(text(&records[4]).contains("redirect: 301 http://example.org/old\r\n"));
}

#[test]
fn a_redirect_that_was_stored_is_a_response_with_its_request() {
    let mut visit = redirected();
    let mut answer = page(301).outcome.unwrap();
    answer.body = Body::Memory(Bytes::from_static(b"moved"));
    visit.job.hops[0].answer = Some(Arc::new(answer));
    let records = Archive::of(&[visit]);
    assert_eq!(
        kinds(&records),
        [
            "warcinfo", "response", "request", "response", "request", "metadata"
        ]
    );
    let [_, hop, request, last, ..] = &records[..] else {
        unreachable!()
    };
    for record in [hop, request] {
        assert_eq!(record.field("WARC-Target-URI"), "http://example.org/old");
        assert_eq!(record.field("WARC-Date"), "2026-11-21T16:37:13.012345Z");
    }
    assert_eq!(hop.message().1, b"moved");
    assert_eq!(
        hop.field("WARC-Concurrent-To"),
        last.field("WARC-Record-ID")
    );
    assert_eq!(
        request.field("WARC-Concurrent-To"),
        hop.field("WARC-Record-ID")
    );
    assert!(text(request).starts_with("GET /old HTTP/1.1\r\nhost: example.org\r\n"));
}

#[test]
fn a_visit_without_a_response_is_reported_with_its_error_class() {
    for visit in samples::every()
        .iter()
        .filter(|visit| visit.outcome.is_err())
    {
        let records = Archive::of(std::slice::from_ref(visit));
        let last = records.last().unwrap();
        let class = visit.outcome.as_ref().unwrap_err().class();
        assert!(last.is("metadata"));
        // No request is recorded unless it is known that one was sent.
        let sent = [
            "closed",
            "cut",
            "too-large",
            "protocol",
            "head",
            "redirects",
            "redirect",
            "decode",
            "timeout",
        ];
        let request = records.iter().find(|record| record.is("request"));
        assert!(request.is_none() || sent.contains(&class), "{class}");
        if let Some(request) = request {
            assert_eq!(
                request.field("WARC-Concurrent-To"),
                last.field("WARC-Record-ID")
            );
        }
        assert!(text(last).starts_with(&format!("error: {class}\r\nerrorMessage: ")));
        assert_eq!(last.field("WARC-Target-URI"), visit.job.url.as_str());
    }
}

#[test]
fn no_page_url_or_message_can_end_a_line_or_a_record() {
    const EVIL: &str =
        "a\r\n\r\nWARC/1.1\r\nWARC-Type: response\r\nContent-Length: 0\r\n\r\n\u{85}\u{2028}\0";
    let mut titled = saved_from("http://h.example/?q=a\r\nWARC-Type: x", 200, EVIL);
    titled.parsed.title = Some(EVIL.into());
    titled.parsed.charset = Some(EVIL.into());
    titled.parsed.fault = Some(EVIL.into());
    titled.job.found_on = Some(EVIL.into());
    let refused = failed(FetchError::Malformed {
        text: EVIL.into(),
        problem: EVIL.into(),
    });
    let moved = failed(FetchError::BadRedirect {
        target: EVIL.into(),
        problem: EVIL.into(),
    });
    let records = Archive::of(&[titled, refused, moved]);
    assert_eq!(
        kinds(&records)[1..],
        [
            "response", "request", "metadata", "metadata", "request", "metadata"
        ]
    );
    assert_eq!(records[1].message().1, EVIL.as_bytes());
    for record in records.iter().filter(|record| record.is("metadata")) {
        let text = text(record);
        assert!(
            !text.replace("\r\n", "").contains(char::is_control),
            "{text}"
        );
        assert!(text.lines().all(|line| line.contains(": ")), "{text}");
    }
}

#[test]
fn a_body_in_a_file_is_streamed_with_its_bytes_unchanged() {
    let mut random = fastrand::Rng::with_seed(3);
    let body: Vec<u8> = (0..3 << 20).map(|_| random.u8(..)).collect();
    let body_path = tempfile::NamedTempFile::new()
        .unwrap()
        .into_temp_path()
        .keep()
        .unwrap();
    fs::write(&body_path, &body).unwrap();
    let mut visit = saved_from("http://h.example/large", 200, "");
    let answer = visit.outcome.as_mut().unwrap();
    answer
        .headers
        .0
        .insert("content-encoding", HeaderValue::from_static("gzip"));
    answer.body = Body::Spooled(Spool::adopt(body_path, body.len() as u64, None));
    let records = Archive::of(&[visit]);
    assert!(records[1].message().1 == body);
    let head = String::from_utf8(records[1].message().0.to_vec()).unwrap();
    assert!(
        head.contains("content-encoding: gzip\r\ncontent-length: 3145728\r\n"),
        "{head}"
    );
}

#[test]
fn a_dropped_body_is_marked_as_truncated() {
    let mut visit = page(200);
    visit.outcome.as_mut().unwrap().body = Body::Dropped(4200);
    let records = Archive::of(&[visit]);
    assert_eq!(records[1].field("WARC-Truncated"), "unspecified");
    assert_eq!(records[1].get("WARC-Payload-Digest"), None);
}

#[test]
fn secrets_of_a_request_are_withheld_and_listed() {
    let field = |name, value| {
        (
            ::http::HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    let mut archive = Archive::new("pages.warc", |_| {});
    let mut headers = Headers::default();
    headers.0.extend([
        field("authorization", "Basic secret-2"),
        field("accept", "*/*"),
    ]);
    let body = Some("password=secret-1".into());
    archive.case.plan.template = Template::new(&Method::POST, &headers, body);
    let mut visit = page(200);
    let mut request = Request {
        method: Some(Method::PUT),
        ..Request::default()
    };
    request
        .headers
        .insert("x-key", HeaderValue::from_static("secret-3"));
    visit.job.request = Some(Arc::new(request));
    let mut sink = archive.open(Start::Fresh);
    sink.write(&visit).unwrap();
    sink.finish().unwrap();
    let written = fs::read_to_string(archive.file("pages.warc")).unwrap();
    assert!(!written.contains("secret-"), "{written}");
    assert!(written.contains("PUT /a HTTP/1.1\r\nhost: example.org\r\naccept: */*\r\n\r\n"));
    assert!(
        written.contains("withheld: authorization\r\nwithheld: x-key\r\nwithheld: the body\r\n")
    );
}

fn numbered(from: usize, to: usize) -> impl Iterator<Item = Visit> {
    (from..to).map(|number| {
        let mut random = fastrand::Rng::with_seed(number as u64);
        let noise: Vec<u8> = (0..3000).map(|_| random.u8(..)).collect();
        saved_from(&format!("http://h.example/{number}"), 200, noise)
    })
}

#[test]
fn files_are_rotated_by_size_and_a_job_resumes_in_the_file_of_its_mark() {
    let archive = Archive::new("pages.warc.gz", |settings| {
        settings.rotate = ByteSize(20_000)
    });
    fs::write(archive.file("pages-00001.warc.gz"), "of an earlier run").unwrap();
    fs::write(archive.file("pages-00003.warc.gz"), "not of this series").unwrap();
    let mut sink = archive.open(Start::Over);
    assert_eq!(archive.names(), ["pages-00003.warc.gz", "pages.warc.gz"]);
    fs::remove_file(archive.file("pages-00003.warc.gz")).unwrap();
    numbered(0, 20).for_each(|visit| sink.write(&visit).unwrap());
    let mark = sink.checkpoint().unwrap();
    let mark: Mark = serde_json::from_str(&serde_json::to_string(&mark).unwrap()).unwrap();
    numbered(20, 60).for_each(|visit| sink.write(&visit).unwrap());
    sink.flush().unwrap();
    std::mem::forget(sink); // a kill
    let killed = archive.names().len();
    let mut sink = archive.open(Start::At(&mark));
    assert!(archive.names().len() < killed);
    numbered(20, 40).for_each(|visit| sink.write(&visit).unwrap());
    sink.finish().unwrap();
    let mut urls = Vec::new();
    let mut names = archive.names();
    names.rotate_right(1); // the one without a number is the first
    for name in &names {
        let path = archive.file(name);
        assert!(
            fs::metadata(&path).unwrap().len() < 20_000 + 5_000,
            "{name}"
        );
        let records = strict::records(&path);
        assert!(records[0].is("warcinfo") && records[0].field("WARC-Filename") == name);
        let answers = records.iter().filter(|record| record.is("response"));
        urls.extend(answers.map(|record| record.field("WARC-Target-URI").to_owned()));
    }
    let expected: Vec<_> = numbered(0, 40)
        .map(|visit| visit.job.url.to_string())
        .collect();
    assert_eq!(urls, expected);
    assert!(names.len() > 5, "{names:?}");
}

#[test]
fn a_body_written_before_is_referred_to_even_from_a_later_session_and_file() {
    let archive = Archive::new("pages.warc.gz", |settings| {
        settings.rotate = ByteSize(10_000)
    });
    let mut sink = archive.open(Start::Over);
    let first = numbered(0, 1).next().unwrap();
    sink.write(&first).unwrap();
    let mark = sink.checkpoint().unwrap();
    let mut lost = numbered(99, 100).next().unwrap();
    sink.write(&lost).unwrap();
    std::mem::forget(sink); // a kill
    let mut sink = archive.open(Start::At(&mark));
    numbered(1, 12).for_each(|visit| sink.write(&visit).unwrap());
    let mut same = numbered(0, 1).next().unwrap();
    same.job.url = crate::url::PageUrl::parse("http://h.example/same").unwrap();
    same.outcome.as_mut().unwrap().status = 404;
    sink.write(&same).unwrap();
    lost.job.url = crate::url::PageUrl::parse("http://h.example/again").unwrap();
    sink.write(&lost).unwrap();
    sink.write(&saved_from("http://h.example/empty", 200, ""))
        .unwrap();
    sink.write(&saved_from("http://h.example/empty-too", 200, ""))
        .unwrap();
    sink.finish().unwrap();

    let mut names = archive.names();
    names.rotate_right(1);
    let paths = names.iter().map(|name| archive.file(name));
    let records: Vec<_> = paths.flat_map(|path| strict::records(&path)).collect();
    let revisits: Vec<_> = records
        .iter()
        .filter(|record| record.is("revisit"))
        .collect();
    let [revisit] = &revisits[..] else {
        panic!("{} revisits", revisits.len());
    };
    let original = records.iter().find(|record| record.is("response")).unwrap();
    for (name, of_original) in [
        ("WARC-Refers-To", "WARC-Record-ID"),
        ("WARC-Refers-To-Target-URI", "WARC-Target-URI"),
        ("WARC-Refers-To-Date", "WARC-Date"),
        ("WARC-Payload-Digest", "WARC-Payload-Digest"),
    ] {
        assert_eq!(revisit.field(name), original.field(of_original));
    }
    assert_eq!(revisit.field("WARC-Profile"), IDENTICAL);
    assert!(revisit.message().0.starts_with(b"HTTP/1.1 404 ") && revisit.message().1.is_empty());

    // A reader finds every body again.
    let stored = crate::archive::Archive::open(archive.file("pages.warc.gz")).unwrap();
    let stored: Vec<_> = stored.map(Result::unwrap).collect();
    let body = |url: &str| {
        let matching = stored
            .iter()
            .find(|stored| stored.url.as_str() == url)
            .unwrap();
        assert!(!matching.truncated);
        (
            matching.page.status,
            matching.page.body.head(1 << 20).unwrap(),
        )
    };
    let bytes = |visit: &Visit| visit.bytes().unwrap().clone();
    assert_eq!(body("http://h.example/same"), (404, bytes(&first)));
    assert_eq!(body("http://h.example/again"), (200, bytes(&lost)));
    assert_eq!(stored.len(), 1 + 11 + 4);
}

#[test]
fn written_visits_are_read_back_unchanged() {
    let archive = Archive::new("pages.warc.gz", |_| {});
    let visits: Vec<_> = samples::every().into_iter().chain(numbered(0, 3)).collect();
    let mut sink = archive.open(Start::Fresh);
    visits.iter().for_each(|visit| sink.write(visit).unwrap());
    sink.finish().unwrap();
    let stored = crate::archive::Archive::open(archive.file("pages.warc.gz")).unwrap();
    let mut stored = stored
        .map(Result::unwrap)
        .filter(|stored| !stored.truncated);
    for visit in visits.iter().filter(|visit| visit.outcome.is_ok()) {
        let (read, page) = (stored.next().unwrap(), visit.outcome.as_ref().unwrap());
        assert_eq!(read.url, visit.job.url);
        assert_eq!(read.page.status, page.status);
        assert_eq!(read.page.timing.sent, page.timing.sent);
        assert_eq!(
            &read.page.body.head(1 << 20).unwrap(),
            visit.bytes().unwrap()
        );
        for (name, value) in &page.headers.0 {
            assert_eq!(read.page.headers.0.get(name), Some(value));
        }
    }
    assert_eq!(stored.count(), 0);
}
