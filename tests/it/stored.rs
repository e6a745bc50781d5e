//! Runs over stored pages, which are rows like those of any list.
//!
//! A crawl can read them instead of the network.
//!
//! Such runs can be killed, interrupted, and kept as jobs.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use flate2::Compression;
use flate2::write::GzEncoder;
use haul::{Config, Ended, Event, Stop};
use rustix::process::{Pid, Signal, kill_process};

use crate::cli::{haul, run};
use crate::folder::Folder;
use crate::program::Process;
use crate::resume::{audit, generated, pull_the_plug, site};
use crate::run::wait;
use crate::written;

/// The command for a job over an archive.
const JOB: [&str; 7] = [
    "fetch",
    "--from",
    "pages.warc",
    "--job",
    "job",
    "-o",
    "a.jsonl",
];

/// Writes an archive of N pages on three hosts, with a 503, a redirect and repeated URLs.
///
/// One response is a 503 with a Retry-After of one second, one is a redirect, and every tenth repeats an earlier URL.
fn archive(path: &Path, pages: u64) {
    let mut text = String::new();
    for page in 1..=pages {
        let url = match page % 10 {
            0 => format!("http://h{}.example/{}", (page - 1) % 3, page - 1),
            _ => format!("http://h{}.example/{page}", page % 3),
        };
        let head = match page {
            2 => "503 Later\r\nRetry-After: 1",
            3 => "301 Moved\r\nLocation: http://h9.example/",
            _ => "200 OK\r\nContent-Type: text/html",
        };
        let body = format!("<title>{page}</title>{}", "<p>word</p>".repeat(100));
        let block = format!("HTTP/1.1 {head}\r\n\r\n{body}");
        text += &format!(
            "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2020-02-03T04:05:06Z\r\n\
             Content-Type: application/http; msgtype=response\r\nContent-Length: {}\r\n\r\n{block}\r\n\r\n",
            block.len()
        );
    }
    fs::write(path, text).unwrap();
}

fn rows(first: u64, last: u64) -> BTreeSet<String> {
    (first..=last).map(|row| row.to_string()).collect()
}

fn rows_of(path: &Path) -> Vec<String> {
    let row = |record: &serde_json::Value| record["row"].to_string();
    written::jsonl(path).iter().map(row).collect()
}

#[test]
fn a_job_over_an_archive_that_is_killed_again_and_again_has_each_page_once_in_each_output() {
    let mut kills = 0;
    for seed in 0..3 {
        let folder = Folder::new();
        let pages = folder.path().join("pages.warc");
        archive(&pages, 20_000);
        // The end of the archive is damaged: that counts as a row too.
        let whole = fs::read(&pages).unwrap();
        fs::write(&pages, &whole[..whole.len() - 100]).unwrap();
        let words = ["fetch", "--from", "pages.warc", "--job", "job", "-q"];
        let more = ["-o", "a.jsonl", "-o", "b.csv"];
        kills += pull_the_plug(folder.path(), seed, &[&words[..], &more].concat());
        let at = |name| folder.path().join(name);
        audit(rows_of(&at("a.jsonl")), &rows(1, 20_000));
        let csv = written::csv(&at("b.csv"));
        audit(
            csv.into_iter().map(|record| record["row"].clone()),
            &rows(1, 20_000),
        );
    }
    assert!(kills >= 3, "{kills} kills are no proof");
}

#[test]
fn a_job_over_an_archive_respects_its_rows_and_its_limit_and_retries_failures() {
    let folder = Folder::new();
    archive(&folder.path().join("pages.warc"), 400);
    let go = |more: &[&str]| {
        run(
            folder.path(),
            &[&JOB[..], &["--rows", "1-300"], more].concat(),
        )
    };
    let (code, _, stderr) = go(&["-n", "100"]);
    assert_eq!(code, Some(3), "one of them is a 503: {stderr}");
    let at = folder.path().join("a.jsonl");
    audit(rows_of(&at), &rows(1, 100));
    let (code, _, stderr) = go(&["-n", "100"]);
    assert_eq!(code, Some(3), "{stderr}");
    assert!(
        stderr.contains("the job is done: 100 URLs, 1 failed"),
        "{stderr}"
    );
    // Only the failures are read again.
    let (code, _, stderr) = run(folder.path(), &["retry", "job"]);
    assert_eq!(code, Some(4), "{stderr}");
    let records = written::jsonl(&at);
    assert_eq!(records.len(), 101);
    assert_eq!(
        (&records[100]["row"], &records[100]["status"]),
        (&2.into(), &503.into())
    );
}

#[test]
fn a_job_is_not_resumed_with_an_archive_that_was_changed() {
    let folder = Folder::new();
    let pages = folder.path().join("pages.warc");
    archive(&pages, 50);
    let go = |more: &[&str]| run(folder.path(), &[&JOB[..], more].concat());
    assert_eq!(go(&["-n", "20"]).0, Some(3));
    let before = fs::read(folder.path().join("a.jsonl")).unwrap();
    let file = fs::File::options().append(true).open(&pages).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    for more in [&["-n", "20"][..], &["-n", "30", "--allow-changes"]] {
        let (code, _, stderr) = go(more);
        assert_eq!(code, Some(2), "{stderr}");
        let expected = "archives: pages.warc: 1 files of ";
        assert!(stderr.contains(expected), "{stderr}");
        assert!(
            stderr.contains("the last of 1970-01-01T00:00:00Z"),
            "{stderr}"
        );
    }
    assert_eq!(fs::read(folder.path().join("a.jsonl")).unwrap(), before);
}

/// Starts a run whose output is a pipe, which the test reads as far as the run should get.
fn begin(folder: &Path, words: &[&str]) -> (Process, BufReader<fs::File>) {
    let pipe = folder.join("pipe.jsonl");
    let mkfifo = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(mkfifo.success());
    let child = haul(folder, words).spawn().unwrap();
    let mut records = BufReader::with_capacity(256, fs::File::open(&pipe).unwrap());
    records.read_line(&mut String::new()).unwrap();
    (child, records)
}

#[test]
fn an_interrupted_run_over_an_archive_prints_the_command_for_the_rest() {
    let folder = Folder::new();
    archive(&folder.path().join("pages.warc"), 20_000);
    let words = ["fetch", "--from", "pages.warc"];
    let (child, mut records) = begin(
        folder.path(),
        &[&words[..], &["-o", "pipe.jsonl", "-o", "b.jsonl"]].concat(),
    );
    let id = Pid::from_raw(child.id() as i32).unwrap();
    kill_process(id, Signal::INT).unwrap();
    let mut rest = String::new();
    records.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    let stored = rows_of(&folder.path().join("b.jsonl"));
    assert_eq!(rest.lines().count() + 1, stored.len(), "both outputs");
    assert!(stored.len() < 20_000);
    fs::remove_file(folder.path().join("pipe.jsonl")).unwrap();
    // The command that haul prints fetches the rest.
    let (_, missing) = stderr.rsplit_once("--rows ").expect("a command");
    let missing = missing.split_whitespace().next().unwrap();
    let more = ["-o", "b.jsonl", "--append", "--rows", missing, "-q"];
    let (code, _, stderr) = run(folder.path(), &[&words[..], &more].concat());
    assert!(matches!(code, Some(0 | 3)), "{stderr}");
    audit(rows_of(&folder.path().join("b.jsonl")), &rows(1, 20_000));
}

#[test]
fn a_run_over_an_archive_ends_when_its_time_is_up() {
    let folder = Folder::new();
    archive(&folder.path().join("pages.warc"), 20_000);
    let words = ["fetch", "--from", "pages.warc", "--max-time", "100ms"];
    let more = ["-q", "--job", "job", "-o", "a.jsonl"];
    let (code, _, stderr) = run(folder.path(), &[&words[..], &more].concat());
    assert_eq!(code, Some(124), "{stderr}");
    let path = folder.path().join("a.jsonl");
    assert!(rows_of(&path).len() < 20_000);
    let words = [
        "fetch",
        "--from",
        "pages.warc",
        "--max-time",
        "1h",
        "--allow-changes",
    ];
    let (code, _, stderr) = run(folder.path(), &[&words[..], &more].concat());
    assert_eq!(code, Some(3), "{stderr}");
    audit(rows_of(&path), &rows(1, 20_000));
}

#[test]
fn an_aborted_run_over_an_archive_ends_at_once_and_reports_what_is_missing() {
    let folder = Folder::new();
    let path = folder.path().join("pages.warc");
    archive(&path, 2000);
    let stop = Stop::new();
    let mut seen = BTreeSet::new();
    let outcome = wait(haul::crawl(
        &Config::stored([&path]),
        stop.clone(),
        |event| {
            if let Event::Visited(visit) = event {
                seen.extend(visit.job.row);
                stop.drain.cancel();
                stop.abort.cancel();
            }
        },
    ));
    let outcome = outcome.unwrap();
    assert_eq!(outcome.ended, Ended::Interrupted);
    assert!(seen.len() < 2000);
    for row in 1..=2000 {
        assert_ne!(seen.contains(&row), outcome.missing.contains(row), "{row}");
    }
}

#[test]
fn every_stored_page_has_its_record_whatever_it_says_about_its_host() {
    let folder = Folder::new();
    let path = folder.path().join("pages.warc");
    archive(&path, 1000);
    let mut records = Vec::new();
    let outcome = wait(haul::crawl(
        &Config::stored([&path]),
        Stop::new(),
        |event| {
            if let Event::Visited(visit) = event {
                let status = visit.outcome.as_ref().unwrap().status;
                records.push((visit.job.row.unwrap(), status, visit.job.hops.len()));
            }
        },
    ));
    records.sort_unstable();
    let status = |row| match row {
        2 => 503,
        3 => 301,
        _ => 200,
    };
    let expected: Vec<_> = (1..=1000).map(|row| (row, status(row), 0)).collect();
    assert_eq!(records, expected);
    let tally = outcome.unwrap().tally;
    assert_eq!((tally.answers, tally.total), (0, Some(1000)));
}

/// A WARC record with a response, or a revisit record.
fn record(kind: &str, url: &str, digest: &str, block: &str) -> String {
    format!(
        "WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2020-02-03T04:05:06Z\r\n\
         WARC-Payload-Digest: {digest}\r\nContent-Type: application/http; msgtype=response\r\n\
         Content-Length: {}\r\n\r\n{block}\r\n\r\n",
        block.len()
    )
}

/// A small site of a host that does not exist, crawled twice.
fn small() -> String {
    const HTML: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n";
    let page = |path: &str, digest: &str, body: &str| {
        let url = format!("http://a.example{path}");
        record("response", &url, digest, &format!("{HTML}{body}"))
    };
    let links = ["one", "two", "gone", "moved"].map(|path| format!("<a href=/{path}>x</a>"));
    [
        page("/one", "sha1:A", "<title>old</title><a href=/old>x</a>"),
        page("/", "sha1:B", &links.concat()),
        page("/one", "sha1:C", "<title>new</title><a href=/?>x</a>"),
        record("revisit", "http://a.example/two", "sha1:C", HTML),
        record(
            "response",
            "http://a.example/moved",
            "sha1:D",
            "HTTP/1.1 301 Moved\r\nLocation: /target\r\n\r\n",
        ),
        page("/target", "sha1:E", "<title>target</title>"),
        page("/never-linked", "sha1:F", ""),
    ]
    .concat()
}

/// Path, status or error, and title of each record.
fn summaries_of(path: &Path) -> BTreeSet<(String, String, String)> {
    let text = |value: &serde_json::Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let records = written::jsonl(path);
    let ended = |record: &serde_json::Value| match &record["status"] {
        serde_json::Value::Null => text(&record["error"]),
        status => status.to_string(),
    };
    let all = records.iter().map(|record| {
        let url = text(&record["url"]).replace("http://a.example", "");
        (url, ended(record), text(&record["title"]))
    });
    all.collect()
}

#[test]
fn a_crawl_inside_an_archive_finds_the_latest_version_and_reports_what_is_missing() {
    let folder = Folder::new();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("pages.warc"), small()).unwrap();
    let words = [
        "crawl",
        "http://a.example/",
        "-q",
        "-o",
        "a.jsonl",
        "--from",
    ];
    let go = |from: &str| run(folder.path(), &[&words[..], &[from]].concat());
    let (code, _, stderr) = go("pages.warc");
    assert_eq!(code, Some(0), "{stderr}");
    let expected = [
        ("/", "200", "null"),
        ("/?", "not-stored", "null"),
        ("/one", "200", "new"),
        ("/two", "200", "new"),
        ("/gone", "not-stored", "null"),
        ("/moved", "301", "null"),
        ("/target", "200", "target"),
    ];
    let expected: BTreeSet<_> = expected
        .iter()
        .map(|(url, ended, title)| ((*url).to_owned(), (*ended).to_owned(), (*title).to_owned()))
        .collect();
    assert_eq!(summaries_of(&at("a.jsonl")), expected);

    // If the file is compressed as a whole, records cannot be read by offset.
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(small().as_bytes()).unwrap();
    fs::write(at("whole.warc.gz"), packed.finish().unwrap()).unwrap();
    let (code, _, stderr) = go("whole.warc.gz");
    assert_eq!(code, Some(2), "{stderr}");
    assert!(
        stderr.contains("whole.warc.gz: packed as a whole"),
        "{stderr}"
    );

    // A folder of saved pages works too.
    fs::create_dir_all(at("saved/b.example")).unwrap();
    fs::write(at("saved/b.example/a.html"), "<a href=b.html>b</a>").unwrap();
    fs::write(at("saved/b.example/b.html"), "<title>b</title>").unwrap();
    let words = ["crawl", "http://b.example/a.html", "-q", "-o", "b.jsonl"];
    let (code, _, stderr) = run(folder.path(), &[&words[..], &["--from", "saved"]].concat());
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(summaries_of(&at("b.jsonl")).len(), 2);
}

#[test]
fn a_crawl_inside_an_archive_finds_what_the_original_crawl_found_without_requests() {
    let origin = generated(300);
    let folder = Folder::new();
    let start = origin.url("/");
    let words = [
        "crawl",
        &start,
        "-q",
        "-o",
        "pages.warc.gz",
        "--output-dir",
        "saved",
    ];
    let (code, _, stderr) = run(folder.path(), &words);
    assert_eq!(code, Some(0), "{stderr}");
    let requests = origin.log().counts().requests;
    let url = |record: &serde_json::Value| record["url"].as_str().unwrap().to_owned();
    for (from, name) in [("pages.warc.gz", "a.jsonl"), ("saved", "b.jsonl")] {
        let words = ["crawl", &start, "-q", "--job", name, "-o", "out.jsonl"];
        let kills = pull_the_plug(folder.path(), 7, &[&words[..], &["--from", from]].concat());
        println!("{from}: killed {kills} times");
        let path = folder.path().join("out.jsonl");
        // Pages link to the sitemap, which a live crawl reads as a sitemap but does not store.
        let (found, missing): (Vec<_>, Vec<_>) = written::jsonl(&path)
            .into_iter()
            .partition(|record| record["status"] == 200);
        audit(found.iter().map(url), &site(&origin, 300));
        audit(
            missing.iter().map(url),
            &[origin.url("/sitemap.xml")].into(),
        );
        fs::remove_file(path).unwrap();
    }
    assert_eq!(origin.log().counts().requests, requests);
}
