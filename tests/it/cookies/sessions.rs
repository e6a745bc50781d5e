//! Cookies that outlive a process, in a job, and outputs that have none of them.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use haul::origin::{Origin, Response, Site};

use super::{has, setting, wall};
use crate::cli::haul;
use crate::folder::Folder;
use crate::resume::{Running, pull_the_plug};
use crate::run::wait;
use crate::written;

/// Every engine, small.
const ENGINES: [&str; 5] = [
    "sequential",
    "threads:4",
    "blocking:4",
    "async:8",
    "processes:2x2",
];

/// A site with a login at its entrance, and pages that without it are a redirect to `/denied`.
///
/// The login is given once: whoever loses the cookie does not get another.
fn guarded(pages: usize) -> Origin {
    let logins = AtomicUsize::new(0);
    let page = Response::call(move |request| {
        let number: usize = request
            .path()
            .trim_start_matches("/page/")
            .parse()
            .unwrap_or(0);
        match has(request, "session=s3cret") {
            true if number < pages => {
                let links =
                    (1..=3).map(|child| format!("<a href=/page/{}>x</a>", number * 3 + child));
                Response::page(links.collect::<String>())
            }
            true => Response::page("the last"),
            false => Response::redirect(302, "/denied"),
        }
    });
    Site::builder()
        .route("/robots.txt", Response::status(404))
        .route_with("/", move |request| match has(request, "session=s3cret") {
            true => Response::page("<a href=/page/0>in</a>"),
            false if logins.fetch_add(1, Ordering::SeqCst) == 0 => {
                setting("/", &["session=s3cret; Path=/; HttpOnly"])
            }
            false => Response::status(403),
        })
        .route("/denied", Response::status(403))
        .fallback(page)
        .start()
        .unwrap()
}

#[test]
fn a_crawl_that_is_killed_goes_on_with_its_session() {
    for engine in ENGINES {
        let origin = guarded(60);
        let folder = Folder::with_secrets_in(&["frontier.db", "frontier.db-wal"]);
        let url = origin.url("/");
        let line = [
            "crawl",
            &url,
            "--job",
            "job",
            "-o",
            "out.jsonl",
            "-q",
            "--engine",
            engine,
            "--rate",
            "200/s",
        ];
        // Killed once for certain, after the login and some pages; then at random moments.
        let run = Running::start(haul(folder.path(), &line));
        wait(origin.log().wait_for_hits(60));
        run.kill();
        pull_the_plug(folder.path(), 7, &line);
        let records = written::jsonl(&folder.path().join("out.jsonl"));
        assert_eq!(records.len(), 182, "{engine}");
        assert!(
            records.iter().all(|record| record["status"] == 200),
            "{engine}"
        );
    }
}

/// The files of a folder that contain a text.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for path in crate::folder::files(folder) {
        let bytes = fs::read(&path).unwrap();
        if bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
        {
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            names.push(name);
        }
    }
    names
}

#[test]
fn a_cookie_is_in_the_database_of_the_job_and_nowhere_else() {
    let origin = wall("<a href=/one>1</a>").start().unwrap();
    let folder = Folder::with_secrets_in(&["frontier.db", "frontier.db-wal"]);
    let url = origin.url("/");
    let line = [
        "crawl",
        &url,
        "--job",
        "job",
        "-o",
        "out.jsonl",
        "-o",
        "out.csv",
        "-o",
        "out.sqlite",
        "-o",
        "out.parquet",
        "--report",
        "out.html",
        "-vv",
        "-b",
        "own=s3cret-own",
    ];
    let (code, _, stderr) = crate::cli::run(folder.path(), &line);
    assert_eq!(code, Some(0), "{stderr}");
    let found = files_with(folder.path(), "s3cret");
    assert!(
        !found.is_empty() && found.iter().all(|name| name.starts_with("job/frontier.db")),
        "{found:?}"
    );
    assert!(files_with(folder.path(), "s3cret-own").is_empty());
    for arguments in [
        &["job", "job"][..],
        &["job", "job", "--json"],
        &["explain", "job", &url],
    ] {
        crate::cli::run(folder.path(), arguments);
    }
}

#[test]
fn an_archive_says_that_cookies_were_withheld_and_has_none_that_was_sent() {
    let origin = wall("<a href=/one>1</a>").start().unwrap();
    let folder = Folder::with_secrets_in(&["pages.warc"]);
    let line = ["crawl", &origin.url("/"), "-o", "pages.warc"];
    let (code, _, stderr) = crate::cli::run(folder.path(), &line);
    assert_eq!(code, Some(0), "{stderr}");
    let text = fs::read(folder.path().join("pages.warc")).unwrap();
    let text = String::from_utf8_lossy(&text);
    assert_eq!(
        text.matches("s3cret").count(),
        text.matches("set-cookie: seen=s3cret").count()
    );
    assert!(!text.contains("\r\ncookie: "));
    assert!(text.contains("withheld: cookie"));
}
