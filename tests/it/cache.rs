//! The cache: what is fresh is not asked, what is stale is asked whether it changed, and nothing depends on it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use haul::origin::{Origin, Reply, Response, Site};
use serde_json::Value;

use crate::cli::{self, go};
use crate::folder::Folder;
use crate::run::{on_every_engine, wait};
use crate::since::asked;
use crate::written;

/// What servers say of three pages: one stays fresh, one has to be asked, one must not be kept.
const PAGES: [(&str, &str); 3] = [
    ("/fresh", "max-age=3600"),
    ("/stale", "max-age=0"),
    ("/secret", "no-store"),
];

fn site() -> Origin {
    let mut site = Site::builder().fallback(Response::status(404));
    for (index, (path, control)) in PAGES.into_iter().enumerate() {
        let next = PAGES.get(index + 1).map_or("/", |(path, _)| *path);
        site = site.route_with(path, move |request| {
            let reply = match request.header("if-none-match") {
                Some(_) => Reply::new(304),
                None => Reply::new(200)
                    .header("Content-Type", "text/html; charset=utf-8")
                    .header("Set-Cookie", "session=s3cret")
                    .body(format!("<title>{path}</title><a href={next}>next</a>")),
            };
            reply
                .header("Cache-Control", control)
                .header("ETag", "\"1\"")
                .into()
        });
    }
    site.start().unwrap()
}

/// The records of an output by path.
fn by_path(file: &Path) -> BTreeMap<String, Value> {
    let path = |record: &Value| {
        let url = record["url"].as_str().unwrap();
        url[url.rfind('/').unwrap()..].to_owned()
    };
    written::jsonl(file)
        .into_iter()
        .map(|one| (path(&one), one))
        .collect()
}

fn count(cache: &Path, what: &str) -> i64 {
    let database = rusqlite::Connection::open(cache.join("cache.db")).unwrap();
    let query = format!("SELECT {what} FROM entries");
    database.query_row(&query, [], |row| row.get(0)).unwrap()
}

#[test]
fn what_is_fresh_is_not_asked_and_what_is_stale_is_not_sent_again() {
    on_every_engine(|engine| {
        let origin = site();
        let folder = Folder::new();
        let path = folder.path();
        let url = origin.url("/fresh");
        let run = |output: &str, files: &str| {
            origin.log().clear();
            let line = [
                "crawl",
                &url,
                "--allow-private",
                "-q",
                "--engine",
                engine,
                "--no-cookies",
                "--cache",
                "cache",
            ];
            let more = ["-o", output, "--output-dir", files, "--select", "t=title"];
            go(path, &[&line[..], &more].concat());
            by_path(&path.join(output))
        };
        let first = run("1.jsonl", "then");
        assert_eq!(
            asked(&origin),
            ["/", "/fresh", "/secret", "/stale"],
            "{engine}"
        );
        // A third run has what the second one refreshed.
        for output in ["2.jsonl", "3.jsonl"] {
            let again = run(output, "now");
            assert_eq!(asked(&origin), ["/", "/secret", "/stale"], "{engine}");
            assert!(
                again.keys().eq(first.keys()),
                "{engine}: {:?}",
                again.keys()
            );
            for (page, status, cached, unchanged) in [
                ("/fresh", 200, true, false),
                ("/stale", 304, false, true),
                ("/secret", 200, false, false),
            ] {
                let (record, then) = (&again[page], &first[page]);
                assert_eq!(record["status"], status, "{engine}: {record}");
                assert_eq!(record["cached"] == true, cached, "{engine}: {record}");
                assert_eq!(record["unchanged"] == true, unchanged, "{engine}: {record}");
                for field in [
                    "sha256",
                    "title",
                    "links",
                    "fields",
                    "charset",
                    "content_type",
                ] {
                    assert_eq!(record[field], then[field], "{engine}: {field} of {record}");
                }
                let file =
                    |record: &Value| fs::read(path.join(record["file"].as_str().unwrap())).unwrap();
                assert_eq!(file(record), file(then), "{engine}: {record}");
            }
        }
        assert_eq!(
            count(&path.join("cache"), "count(*)"),
            2,
            "{engine}: no-store is obeyed"
        );
    });
}

#[test]
fn nothing_is_kept_of_requests_and_responses_with_secrets() {
    let origin = site();
    let folder = Folder::new();
    let path = folder.path();
    let url = origin.url("/fresh");
    let run = |more: &[&str]| {
        origin.log().clear();
        let line = [
            "fetch",
            &url,
            "--allow-private",
            "-q",
            "--cache",
            "cache",
            "-o",
            "new.jsonl",
        ];
        go(path, &[&line[..], more].concat());
        asked(&origin).len()
    };
    for more in [
        &["--user", "ann:s3cret"][..],
        &["--header", "X-Key: s3cret"],
        &["--cookie", "session=s3cret"],
    ] {
        assert_eq!((run(more), run(more)), (1, 1), "{more:?}");
    }
    assert_eq!(count(&path.join("cache"), "count(*)"), 0);
    assert_eq!((run(&[]), run(&[])), (1, 0));
    // With a login it is another request.
    assert_eq!(run(&["--user", "ann:s3cret"]), 1);
    for entry in fs::read_dir(path.join("cache")).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(
            !bytes.windows(6).any(|six| six == b"s3cret"),
            "the cookie of the response is not kept"
        );
    }
}

#[test]
fn the_cache_is_bounded_and_what_was_not_used_for_longest_goes_first() {
    let mut random = fastrand::Rng::with_seed(3);
    let mut site = Site::builder();
    for number in 0..40 {
        let body: String = (0..4000).map(|_| random.alphanumeric()).collect();
        site = site.route_with(&format!("/{number}"), move |_| {
            Reply::new(200)
                .header("Cache-Control", "max-age=3600")
                .body(body.clone())
                .into()
        });
    }
    let origin = site.start().unwrap();
    let folder = Folder::new();
    let path = folder.path();
    let run = |numbers: &[u32]| {
        origin.log().clear();
        let list: Vec<_> = numbers
            .iter()
            .map(|number| origin.url(&format!("/{number}")))
            .collect();
        fs::write(path.join("urls.txt"), list.join("\n")).unwrap();
        go(
            path,
            &[
                "fetch",
                "urls.txt",
                "--allow-private",
                "-q",
                "--cache",
                "cache",
                "--cache-size",
                "64K",
                "-o",
                "new.jsonl",
            ],
        );
        asked(&origin).len()
    };
    for first in (0..40).step_by(4) {
        assert_eq!(run(&[first, first + 1, first + 2, first + 3]), 4);
        // It is used in every run, and so it stays.
        assert_eq!(run(&[0]), 0, "after {first}");
        assert!(count(&path.join("cache"), "sum(size)") <= 64 << 10);
    }
    assert!(
        count(&path.join("cache"), "count(*)") >= 10,
        "it is used to the full"
    );
    assert_eq!(run(&[1]), 1, "it was driven out");
}

#[test]
fn a_damaged_entry_is_requested_again_and_a_cache_that_is_none_is_not_used() {
    let origin = site();
    let folder = Folder::new();
    let path = folder.path();
    let urls = [origin.url("/fresh"), origin.url("/stale")];
    let run = |cache: &str| {
        origin.log().clear();
        let line = [
            "fetch",
            &urls[0],
            &urls[1],
            "--allow-private",
            "--cache",
            cache,
            "-o",
            "new.jsonl",
        ];
        let stderr = go(path, &line);
        let records = by_path(&path.join("new.jsonl"));
        for page in ["/fresh", "/stale"] {
            assert_eq!(records[page]["title"], page, "{records:?}");
        }
        (asked(&origin), stderr)
    };
    for (damage, expected) in [
        (
            "UPDATE entries SET body = x'00'",
            &["/fresh", "/stale", "/stale"][..],
        ),
        ("UPDATE entries SET headers = x'00'", &["/fresh", "/stale"]),
        (
            "UPDATE entries SET until = until + 1",
            &["/fresh", "/stale"],
        ),
        (
            "DELETE FROM entries WHERE url LIKE '%fresh'",
            &["/fresh", "/stale"],
        ),
    ] {
        run("cache");
        let database = rusqlite::Connection::open(path.join("cache/cache.db")).unwrap();
        database.execute_batch(damage).unwrap();
        drop(database);
        assert_eq!(run("cache").0, expected, "{damage}");
        assert_eq!(run("cache").0, ["/stale"], "{damage}: it is whole again");
    }
    for (name, content) in [
        (
            "garbage",
            &b"not a database at all, but long enough to be read as one"[..],
        ),
        ("empty.d", b""),
    ] {
        fs::create_dir_all(path.join(name)).unwrap();
        fs::write(path.join(name).join("cache.db"), content).unwrap();
        let (paths, stderr) = run(name);
        assert_eq!(paths, ["/fresh", "/stale"]);
        assert_eq!(
            stderr.contains("the cache in garbage is not used"),
            name == "garbage",
            "{stderr}"
        );
    }
    fs::write(path.join("file"), "").unwrap();
    assert!(run("file").1.contains("the cache in file is not used"));
    let other = rusqlite::Connection::open(path.join("other.db")).unwrap();
    other
        .execute_batch("CREATE TABLE mine(a); INSERT INTO mine VALUES (1);")
        .unwrap();
    drop(other);
    fs::create_dir(path.join("foreign")).unwrap();
    fs::rename(path.join("other.db"), path.join("foreign/cache.db")).unwrap();
    assert!(
        run("foreign")
            .1
            .contains("the cache in foreign is not used")
    );
    let other = rusqlite::Connection::open(path.join("foreign/cache.db")).unwrap();
    let mine: i64 = other
        .query_row("SELECT a FROM mine", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mine, 1, "a database of somebody else stays as it is");
}

#[test]
fn two_processes_share_a_cache_at_the_same_time() {
    let mut site = Site::builder();
    for number in 0..200 {
        site = site.route_with(&format!("/{number}"), move |_| {
            Reply::new(200)
                .header("Cache-Control", "max-age=3600")
                .body(format!("page {number}"))
                .into()
        });
    }
    let origin = site.start().unwrap();
    let folder = Folder::new();
    let path = folder.path();
    let list: Vec<_> = (0..200)
        .map(|number| origin.url(&format!("/{number}")))
        .collect();
    fs::write(path.join("urls.txt"), list.join("\n")).unwrap();
    let line = |output| {
        [
            "fetch",
            "urls.txt",
            "--allow-private",
            "-q",
            "--cache",
            "cache",
            "-o",
            output,
        ]
    };
    let both = ["1.jsonl", "2.jsonl"].map(|output| cli::haul(path, &line(output)).spawn().unwrap());
    for mut child in both {
        assert!(child.wait().unwrap().success());
    }
    for output in ["1.jsonl", "2.jsonl"] {
        let records = written::jsonl(&path.join(output));
        assert_eq!(records.len(), 200);
        assert!(
            records.iter().all(|record| record["status"] == 200),
            "{output}"
        );
    }
    origin.log().clear();
    go(path, &line("3.jsonl"));
    assert!(asked(&origin).is_empty(), "{:?}", asked(&origin));
}

#[test]
fn a_crawl_with_a_cache_that_is_killed_again_and_again_has_each_page_once_and_leaves_the_cache_whole()
 {
    let mut site = Site::builder().fallback(Response::status(404));
    for number in 0..150 {
        let path = if number == 0 {
            "/".to_owned()
        } else {
            format!("/{number}")
        };
        site = site.route_with(&path, move |_| {
            let links: String = (1..150)
                .map(|to| format!("<a href=/{to}>{to}</a>"))
                .collect();
            let page = Reply::new(200).header("Content-Type", "text/html");
            let page = page.header("Cache-Control", "max-age=3600");
            page.body(format!("<title>{number}</title>{links}")).into()
        });
    }
    let origin = site.start().unwrap();
    let folder = Folder::new();
    let path = folder.path();
    let url = origin.url("/");
    let line = |job| {
        let base = [
            "crawl",
            url.as_str(),
            "--allow-private",
            "-q",
            "--per-host",
            "2",
            "--cache",
            "cache",
        ];
        [&base[..], &["--job", job]].concat()
    };
    for killed_at in [20, 60, 100] {
        let mut child = cli::haul(path, &line("first")).spawn().unwrap();
        wait(origin.log().wait_for_hits(killed_at));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    go(path, &line("first"));
    origin.log().clear();
    go(path, &line("second"));
    for job in ["first", "second"] {
        let file = path.join(job).join("records.jsonl");
        assert_eq!(
            by_path(&file).len(),
            written::jsonl(&file).len(),
            "{job}: each once"
        );
        assert_eq!(by_path(&file).len(), 150, "{job}");
    }
    // What a killed process had not written is requested again, and nothing else.
    let left = asked(&origin).len();
    assert_eq!(count(&path.join("cache"), "count(*)"), 150);
    assert!(left < 150, "{left}");
    origin.log().clear();
    go(path, &line("third"));
    assert!(asked(&origin).is_empty());
}
