//! An output as the earlier run: the pages of a list are asked whether they changed, and what needs more is refused.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use haul::origin::{Origin, Reply, Response, Site};
use serde_json::Value;

use crate::cli;
use crate::folder::Folder;
use crate::run::on_every_engine;
use crate::written;

/// A page that knows ETags, one that knows only when it is asked since, and one that knows neither.
///
/// From edition 1 on, all of them have another text.
fn site(edition: Arc<AtomicU64>) -> Origin {
    let mut site = Site::builder();
    for path in ["/tag", "/since", "/neither"] {
        let edition = edition.clone();
        site = site.route_with(path, move |request| {
            let edition = edition.load(Ordering::Relaxed);
            let tag = format!("\"{edition}\"");
            let since = request
                .header("if-modified-since")
                .and_then(|date| httpdate::parse_http_date(date).ok());
            let is_same = match path {
                "/tag" => request.header("if-none-match") == Some(&tag),
                // The first edition is from long ago.
                "/since" => edition == 0 && since.is_some(),
                _ => false,
            };
            let mut reply = match is_same {
                true => Reply::new(304),
                false => Reply::new(200)
                    .header("Content-Type", "text/html; charset=utf-8")
                    .body(format!("<title>{path} {edition}</title>")),
            };
            if path == "/tag" {
                reply = reply.header("ETag", tag);
            }
            Response::from(reply)
        });
    }
    site.start().unwrap()
}

/// The records of an output in JSON Lines, by path.
fn by_path(records: Vec<Value>) -> BTreeMap<String, Value> {
    let path = |record: &Value| {
        let url = record["url"].as_str().unwrap();
        url[url.rfind('/').unwrap()..].to_owned()
    };
    records.into_iter().map(|one| (path(&one), one)).collect()
}

#[test]
fn a_list_is_asked_what_changed_since_an_output_of_any_format() {
    let formats = [
        "old.jsonl.gz",
        "old.csv",
        "old.sqlite",
        #[cfg(feature = "parquet")]
        "old.parquet",
    ];
    on_every_engine(|engine| {
        let edition = Arc::new(AtomicU64::new(0));
        let origin = site(edition.clone());
        let folder = Folder::new();
        let path = folder.path();
        let all = ["/tag", "/since", "/neither"].map(|page| origin.url(page));
        fs::write(path.join("urls.txt"), all.join("\n")).unwrap();
        let base = [
            "fetch",
            "urls.txt",
            "--allow-private",
            "-q",
            "--engine",
            engine,
            "--keep-headers",
            "etag",
        ];
        let go = |flags: &[&str]| {
            let (code, _, stderr) = cli::run(path, &[&base[..], flags].concat());
            assert_eq!(code, Some(0), "{engine} {flags:?}: {stderr}");
        };
        go(&["-o", "first.jsonl"]);
        let first = by_path(written::jsonl(&path.join("first.jsonl")));
        // The output of a second run is as good: its pages are those that did not change.
        for format in formats {
            edition.store(0, Ordering::Relaxed);
            go(&["-o", format]);
            for (new, status, changed) in
                [("same.jsonl", 304, "no"), ("other.jsonl", 200, "content")]
            {
                go(&["-o", new, "--since", format]);
                let records = by_path(written::jsonl(&path.join(new)));
                for page in ["/tag", "/since", "/neither"] {
                    let (record, then) = (&records[page], &first[page]);
                    let status = if page == "/neither" { 200 } else { status };
                    assert_eq!(record["status"], status, "{engine} {format}: {record}");
                    assert_eq!(record["changed"], changed, "{engine} {format}: {record}");
                    if changed == "no" {
                        for field in ["sha256", "title", "content_type", "charset"] {
                            assert_eq!(record[field], then[field], "{engine} {format}: {record}");
                        }
                    }
                }
                fs::remove_file(path.join(new)).unwrap();
                edition.store(1, Ordering::Relaxed);
            }
        }
    });
}

#[test]
fn the_output_of_a_run_since_another_is_as_good_as_the_first() {
    let edition = Arc::new(AtomicU64::new(0));
    let origin = site(edition);
    let folder = Folder::new();
    let path = folder.path();
    let url = origin.url("/tag");
    let base = [
        "fetch",
        url.as_str(),
        "--allow-private",
        "-q",
        "--keep-headers",
        "etag",
    ];
    let go = |flags: &[&str]| {
        let (code, _, stderr) = cli::run(path, &[&base[..], flags].concat());
        assert_eq!(code, Some(0), "{flags:?}: {stderr}");
    };
    go(&["-o", "1.jsonl"]);
    go(&["-o", "2.jsonl", "--since", "1.jsonl"]);
    go(&["-o", "3.jsonl", "--since", "2.jsonl"]);
    let [first, third] =
        [1, 3].map(|run| written::jsonl(&path.join(format!("{run}.jsonl"))).swap_remove(0));
    assert_eq!(third["unchanged"], true, "{third}");
    assert_eq!(
        (&third["sha256"], &third["title"]),
        (&first["sha256"], &first["title"])
    );
}

#[test]
fn what_an_output_does_not_have_is_refused_before_anything_is_sent() {
    let origin = site(Arc::new(AtomicU64::new(0)));
    let folder = Folder::new();
    let path = folder.path();
    let url = origin.url("/tag");
    let (code, _, stderr) = cli::run(
        path,
        &["fetch", &url, "--allow-private", "-q", "-o", "old.jsonl"],
    );
    assert_eq!(code, Some(0), "{stderr}");
    fs::write(
        path.join("other.jsonl"),
        "{\"url\":\"http://a.example/\"}\n",
    )
    .unwrap();
    let failed = origin.url("/404");
    let (_, _, _) = cli::run(
        path,
        &[
            "fetch",
            &failed,
            "--allow-private",
            "-q",
            "-o",
            "failed.jsonl",
        ],
    );
    let before = origin.log().requests();
    for (command, flags, words) in [
        (
            "crawl",
            &["--since", "old.jsonl"][..],
            "an output has no links",
        ),
        (
            "fetch",
            &["--since", "old.jsonl", "--output-dir", "pages"],
            "an output has no bodies",
        ),
        (
            "fetch",
            &["--since", "old.jsonl", "--select", "t=title"],
            "by which selectors",
        ),
        ("fetch", &["--since", "other.jsonl"], "other.jsonl"),
        (
            "fetch",
            &["--since", "failed.jsonl"],
            "no record in it is of a page",
        ),
    ] {
        let line = [&[command, &url, "--allow-private", "-q"][..], flags].concat();
        let (code, _, stderr) = cli::run(path, &line);
        assert!(
            code == Some(2) && stderr.contains(words),
            "{line:?}: {code:?} {stderr}"
        );
    }
    assert_eq!(origin.log().requests(), before, "nothing was sent");
}
