//! Pages that are still fresh are used without asking: the server sees nothing, and nothing is lost.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use haul::origin::{Origin, Reply, Response, Site};
use serde_json::Value;

use super::asked;
use crate::cli::{self, go};
use crate::folder::Folder;
use crate::run::on_every_engine;
use crate::written;

/// The path of a page, the header fields of its response, and whether it has to be asked again.
type Page = (&'static str, &'static [(&'static str, &'static str)], bool);

/// The pages of the site: each links to the next.
const PAGES: [Page; 9] = [
    ("/", &[("Cache-Control", "max-age=3600")], false),
    (
        "/validated",
        &[
            ("Cache-Control", "private, max-age=3600, must-revalidate"),
            ("ETag", "\"1\""),
        ],
        false,
    ),
    (
        "/no-cache",
        &[
            ("Cache-Control", "no-cache, max-age=3600"),
            ("ETag", "\"1\""),
        ],
        true,
    ),
    (
        "/no-store",
        &[("Cache-Control", "no-store, max-age=3600")],
        true,
    ),
    ("/stale", &[("Cache-Control", "max-age=0")], true),
    (
        "/guess",
        &[("Last-Modified", "Sat, 01 Jan 2000 00:00:00 GMT")],
        true,
    ),
    (
        "/star",
        &[("Cache-Control", "max-age=3600"), ("Vary", "*")],
        true,
    ),
    (
        "/shared",
        &[("Cache-Control", "s-maxage=3600"), ("ETag", "\"1\"")],
        true,
    ),
    (
        "/last",
        &[
            ("Cache-Control", "max-age=3600"),
            ("Vary", "Accept-Language"),
        ],
        false,
    ),
];

fn site() -> Origin {
    let mut site = Site::builder().fallback(Response::status(404));
    for (index, (path, fields, _)) in PAGES.into_iter().enumerate() {
        let next = PAGES.get(index + 1).map_or("/", |(path, _, _)| *path);
        site = site.route_with(path, move |request| {
            let is_same = request.header("if-none-match").is_some()
                || request.header("if-modified-since").is_some();
            let mut reply = match is_same {
                true => Reply::new(304),
                false => Reply::new(200)
                    .header("Content-Type", "text/html; charset=utf-8")
                    .body(format!(
                        "<title>{path}</title><a href={next}>next</a><b>{index}</b>"
                    )),
            };
            for (name, value) in fields {
                reply = reply.header(*name, *value);
            }
            reply.into()
        });
    }
    site.start().unwrap()
}

/// The records of a job by path, each once.
fn by_path(folder: &Path, job: &str) -> BTreeMap<String, Value> {
    let records = written::jsonl(&folder.join(job).join("records.jsonl"));
    let count = records.len();
    let path = |record: &Value| {
        let url = record["url"].as_str().unwrap();
        url[url.rfind('/').unwrap()..].to_owned()
    };
    let by_path: BTreeMap<_, _> = records.into_iter().map(|one| (path(&one), one)).collect();
    assert_eq!(by_path.len(), count, "{job}: each once");
    by_path
}

/// The paths of the site that are asked although fresh pages are used.
fn to_be_asked() -> Vec<&'static str> {
    let mut paths: Vec<_> = PAGES
        .iter()
        .filter(|page| page.2)
        .map(|page| page.0)
        .collect();
    paths.sort_unstable();
    paths
}

#[test]
fn a_crawl_asks_only_for_pages_that_are_not_fresh_and_follows_the_links_of_all() {
    on_every_engine(|engine| {
        let origin = site();
        let folder = Folder::new();
        let path = folder.path();
        let url = origin.url("/");
        let line = |more: &[&'static str]| {
            let base = [
                "crawl",
                url.as_str(),
                "--allow-private",
                "-q",
                "--engine",
                engine,
                "--select",
                "n=b | integer",
            ];
            go(path, &[&base[..], more].concat());
        };
        line(&["--job", "old"]);
        let old = by_path(path, "old");
        // The second of these runs is as good a source as the first one.
        for (job, since) in [("new", "old"), ("third", "new")] {
            origin.log().clear();
            line(&["--job", job, "--since", since, "--fresh-ok"]);
            assert_eq!(asked(&origin), to_be_asked(), "{engine}");
            let new = by_path(path, job);
            assert!(new.keys().eq(old.keys()), "{engine}: {:?}", new.keys());
            for (page, _, is_asked) in PAGES {
                let (record, then) = (&new[page], &old[page]);
                assert_eq!(record["cached"] == true, !is_asked, "{engine}: {record}");
                for field in [
                    "sha256",
                    "title",
                    "links",
                    "fields",
                    "charset",
                    "content_type",
                    "depth",
                ] {
                    assert_eq!(record[field], then[field], "{engine}: {field} of {record}");
                }
                if !is_asked {
                    assert_eq!(record["status"], 200, "{record}");
                    assert_eq!(record["wire_bytes"], 0, "{record}");
                    assert!(
                        record["sent"].is_null() && record["changed"].is_null(),
                        "{record}"
                    );
                }
            }
        }
        origin.log().clear();
        line(&["--job", "asking", "--since", "old"]);
        assert_eq!(
            asked(&origin).len(),
            PAGES.len(),
            "without the flag every page is asked"
        );
    });
}

#[test]
fn a_fresh_page_of_an_archive_is_read_from_there() {
    on_every_engine(|engine| {
        let origin = site();
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
        origin.log().clear();
        let line = [
            "--job",
            "new",
            "--since",
            "old.warc.gz",
            "--fresh-ok",
            "--output-dir",
            "pages",
            "--select",
            "n=b | integer",
        ];
        go(path, &[&base[..], &line].concat());
        let expected = to_be_asked();
        assert_eq!(asked(&origin), expected, "{engine}");
        let new = by_path(path, "new");
        assert_eq!(new.len(), PAGES.len());
        for (index, (page, _, _)) in PAGES.into_iter().enumerate() {
            let record = &new[page];
            assert_eq!(
                record["cached"] == true,
                !expected.contains(&page),
                "{engine}: {record}"
            );
            assert_eq!(record["fields"]["n"], index, "{engine}: {record}");
            let saved = fs::read_to_string(path.join(record["file"].as_str().unwrap())).unwrap();
            assert!(saved.contains(&format!("<title>{page}</title>")), "{saved}");
        }
    });
}

#[test]
fn a_fresh_page_costs_its_host_neither_pace_nor_a_slot() {
    let origin = site();
    let folder = Folder::new();
    let path = folder.path();
    let list: Vec<_> = (0..50)
        .map(|number| origin.url(&format!("/?{number}")))
        .collect();
    fs::write(path.join("urls.txt"), list.join("\n")).unwrap();
    let base = ["fetch", "urls.txt", "--allow-private", "-q"];
    go(path, &[&base[..], &["--job", "old"]].concat());
    let requests = origin.log().requests();
    // At this pace, even two requests to the host would take longer than anybody waits.
    go(
        path,
        &[
            &base[..],
            &[
                "--job",
                "new",
                "--since",
                "old",
                "--fresh-ok",
                "--delay",
                "1h",
            ],
        ]
        .concat(),
    );
    assert_eq!(origin.log().requests(), requests);
    assert_eq!(by_path(path, "new").len(), 50);
}

#[test]
fn a_request_that_may_lead_to_another_page_is_sent() {
    let origin = site();
    let folder = Folder::new();
    let path = folder.path();
    let urls = [origin.url("/"), origin.url("/last")];
    let base = ["fetch", &urls[0], &urls[1], "--allow-private", "-q"];
    go(path, &[&base[..], &["--job", "old"]].concat());
    go(
        path,
        &[&base[..], &["--job", "known", "--user", "ann:s3cret"]].concat(),
    );
    go(path, &[&base[..], &["-o", "old.warc.gz"]].concat());
    go(
        path,
        &[&base[..], &["-o", "known.warc.gz", "--user", "ann:s3cret"]].concat(),
    );
    let since = |old: &'static str, more: &[&'static str]| {
        origin.log().clear();
        go(
            path,
            &[
                &base[..],
                &["--since", old, "--fresh-ok", "-o", "new.jsonl"],
                more,
            ]
            .concat(),
        );
        asked(&origin)
    };
    assert!(since("old", &[]).is_empty());
    assert_eq!(
        since("old", &["--header", "Accept-Language: de"]),
        ["/last"]
    );
    for more in [
        &["--user", "ann:s3cret"][..],
        &["--header", "X-Key: s3cret"],
        &["--cookie", "session=s3cret"],
        &["--header", "Cache-Control: no-cache"],
    ] {
        assert_eq!(since("old", more), ["/", "/last"], "{more:?}");
    }
    // What was sent to somebody with a login is never used without asking.
    assert_eq!(since("known", &["--user", "ann:s3cret"]), ["/", "/last"]);
    assert_eq!(since("known", &[]), ["/", "/last"]);
    // An archive says by what a page was selected, and that there was more.
    assert!(since("old.warc.gz", &[]).is_empty());
    let german = ["--header", "Accept-Language: de"];
    assert_eq!(since("old.warc.gz", &german), ["/last"]);
    assert_eq!(since("known.warc.gz", &[]), ["/", "/last"]);
}

#[test]
fn a_damaged_note_of_freshness_and_content_that_cannot_be_read_make_the_page_be_asked() {
    let origin = site();
    let folder = Folder::new();
    let path = folder.path();
    let urls = [origin.url("/"), origin.url("/last")];
    let base = ["fetch", &urls[0], &urls[1], "--allow-private", "-q"];
    for (damage, expected) in [
        ("UPDATE fresh SET until = until + 1 WHERE id = 1", "/"),
        ("UPDATE pages SET content = x'00' WHERE id = 1", "/"),
        ("DELETE FROM pages WHERE id = 2", "/last"),
    ] {
        let _ = fs::remove_dir_all(path.join("old"));
        go(path, &[&base[..], &["--job", "old"]].concat());
        let database = rusqlite::Connection::open(path.join("old/frontier.db")).unwrap();
        database.execute_batch(damage).unwrap();
        drop(database);
        origin.log().clear();
        go(
            path,
            &[
                &base[..],
                &["--since", "old", "--fresh-ok", "-o", "new.jsonl"],
            ]
            .concat(),
        );
        assert_eq!(asked(&origin), [expected], "{damage}");
    }
}

#[test]
fn an_output_does_not_say_what_is_fresh() {
    let origin = site();
    let folder = Folder::new();
    let path = folder.path();
    let url = origin.url("/");
    go(
        path,
        &["fetch", &url, "--allow-private", "-q", "-o", "old.jsonl"],
    );
    let before = origin.log().requests();
    let line = [
        "fetch",
        &url,
        "--allow-private",
        "-q",
        "--since",
        "old.jsonl",
        "--fresh-ok",
    ];
    let (code, _, stderr) = cli::run(path, &line);
    assert!(
        code == Some(2) && stderr.contains("does not say how long"),
        "{code:?} {stderr}"
    );
    assert_eq!(origin.log().requests(), before, "nothing was sent");
}
