//! haul as a link checker: which links are reported as broken, and which are ignored.

mod external;
mod lychee;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Output;

use haul::origin::{Origin, Response, Site};

use crate::folder::Folder;
use crate::program::Program;

/// A page that links to these targets.
fn linking(targets: &[&str]) -> Response {
    let link = |target: &&str| format!("<a href=\"{target}\">there</a>\n");
    Response::page(targets.iter().map(link).collect::<String>())
}

fn haul(folder: &Path, arguments: &[&str]) -> Output {
    let arguments = [arguments, &["--no-config", "-o", "records.jsonl"]].concat();
    Program::new(folder, &arguments).output().unwrap()
}

fn stderr_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The rows of a CSV file, without the header.
fn rows(file: &Path) -> BTreeSet<Vec<String>> {
    let mut reader = csv::Reader::from_path(file).unwrap();
    let row = |row: csv::StringRecord| row.iter().map(str::to_owned).collect();
    reader
        .records()
        .map(|record| row(record.unwrap()))
        .collect()
}

/// The records of a run.
fn records(folder: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(folder.join("records.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn an_accepted_status_is_not_a_failure_and_stays_in_the_record() {
    let site = Site::builder()
        .route("/", linking(&["/closed", "/strange", "/busy", "/gone"]))
        .route("/closed", Response::status(403))
        .route("/strange", Response::status(999))
        .route("/busy", Response::status(429));
    let origin = Origin::of(site.build().unwrap()).unwrap();
    let folder = Folder::new();
    let crawl = |accept: &str| {
        let seed = origin.url("/");
        let arguments = [
            "--fail-on-broken",
            "--broken",
            "broken.csv",
            "--accept",
            accept,
        ];
        haul(folder.path(), &[&["crawl", &seed][..], &arguments].concat())
    };
    let broken = |path: &str, class: &str, status: &str| {
        vec![
            origin.url(path),
            class.into(),
            status.into(),
            origin.url("/"),
        ]
    };

    let some = crawl("403,429,900-999");
    assert_eq!(some.status.code(), Some(3), "{}", stderr_of(&some));
    let only_gone = BTreeSet::from([broken("/gone", "http-4xx", "404")]);
    assert_eq!(rows(&folder.path().join("broken.csv")), only_gone);
    let closed = origin.url("/closed");
    let record = records(folder.path())
        .into_iter()
        .find(|record| record["url"] == closed.as_str())
        .unwrap();
    assert_eq!(
        (&record["status"], &record["error"]),
        (&403.into(), &serde_json::Value::Null)
    );
    let busy = origin.log().paths();
    let busy = busy.iter().filter(|path| *path == "/busy").count();
    assert_eq!(busy, 1, "an accepted status is not retried");

    let all = crawl("4xx,999");
    assert_eq!(all.status.code(), Some(0), "{}", stderr_of(&all));

    let list = haul(folder.path(), &["fetch", &closed, "--accept", "403"]);
    assert_eq!(list.status.code(), Some(0), "{}", stderr_of(&list));
    let list = haul(folder.path(), &["fetch", &closed, "--accept", "404"]);
    assert_eq!(list.status.code(), Some(4), "{}", stderr_of(&list));
    for wrong in ["soon", "99", "500-400", ""] {
        let refused = haul(folder.path(), &["fetch", &closed, "--accept", wrong]);
        assert_eq!(
            refused.status.code(),
            Some(2),
            "{wrong}: {}",
            stderr_of(&refused)
        );
    }
}

/// A broken link as a row of the report.
fn broken(text: &str, class: &str, status: &str, holder: String) -> Vec<String> {
    vec![text.into(), class.into(), status.into(), holder]
}

#[test]
fn an_href_that_is_not_a_url_is_reported_as_broken_with_its_page() {
    let hrefs = [
        "http://exa mple/",
        "htps://example.org/",
        "http://[::1/",
        "https:// example.org/",
        // These are well formed, or have schemes that a link checker ignores.
        "mailto:ann@example.org",
        "tel:+1",
        "javascript:void(0)",
        "data:text/plain,x",
        "ftp://example.org/",
        "sftp://example.org/",
        "obsidian://open",
        "#top",
    ];
    let site = Site::builder()
        .route("/", linking(&hrefs))
        .route("/other", linking(&["htps://example.org/"]));
    let origin = Origin::of(site.build().unwrap()).unwrap();
    let folder = Folder::new();
    let seeds = [origin.url("/"), origin.url("/other")];
    let seeds = seeds.each_ref().map(String::as_str);

    let plain = haul(folder.path(), &[&["crawl"][..], &seeds].concat());
    assert_eq!(plain.status.code(), Some(0), "{}", stderr_of(&plain));
    assert!(
        stderr_of(&plain).contains("htps://example.org/"),
        "{}",
        stderr_of(&plain)
    );

    let flags = ["--fail-on-broken", "--broken", "broken.csv"];
    let checked = haul(folder.path(), &[&["crawl"][..], &seeds, &flags].concat());
    assert_eq!(checked.status.code(), Some(3), "{}", stderr_of(&checked));
    let on = |text: &str, path: &str| broken(text, "malformed", "", origin.url(path));
    let expected = [
        on("http://exa mple/", "/"),
        on("htps://example.org/", "/"),
        on("htps://example.org/", "/other"),
        on("http://[::1/", "/"),
        on("https:// example.org/", "/"),
    ];
    assert_eq!(
        rows(&folder.path().join("broken.csv")),
        BTreeSet::from(expected)
    );
    assert!(
        stderr_of(&checked).contains("broken"),
        "{}",
        stderr_of(&checked)
    );
}

/// The requests that a server received, sorted.
fn requests(origin: &Origin) -> Vec<String> {
    let hits = origin.log().all_hits();
    let mut requests: Vec<_> = hits
        .iter()
        .map(|hit| format!("{} {}", hit.method, hit.path))
        .collect();
    requests.sort();
    requests
}

#[test]
fn a_fragment_that_is_missing_on_its_page_is_broken() {
    let here = [
        "#here",
        "#nowhere",
        "#",
        "#top",
        "#TOP",
        "#a%20b",
        "#a b",
        "#%C3%A4",
        "#ä",
        "#named",
        "#here:~:text=x",
        "#:~:text=x",
        "/other#there",
        "/other#not-there",
        "/moved#there",
        "/moved#lost",
        "/picture#x",
        "/plain#L3",
        "/gone#x",
        "#100%",
        "#name-of-div",
    ];
    let page = format!(
        "<p id=here><p id='a b'><p id=ä><a name=named>x</a><p id='100%'><div name=name-of-div>{}",
        here.map(|href| format!("<a href=\"{href}\">x</a>"))
            .concat(),
    );
    let site = Site::builder()
        .route("/", Response::page(page))
        .route(
            "/other",
            Response::page(
                "<a href='/#here'>x</a><a href='/#nowhere'>x</a><svg><g id=there></g></svg>",
            ),
        )
        .route("/moved", Response::redirect(301, "/other"))
        .route("/picture", Response::body("image/png", "x"))
        .route("/plain", Response::body("text/plain", "x"));
    let origin = Origin::of(site.build().unwrap()).unwrap();
    let folder = Folder::new();
    let seed = origin.url("/");
    let flags = [
        "crawl",
        &seed,
        "--fragments",
        "--fail-on-broken",
        "--broken",
        "broken.csv",
    ];
    let checked = haul(folder.path(), &flags);
    assert_eq!(checked.status.code(), Some(3), "{}", stderr_of(&checked));
    let missing =
        |url: &str, holder: &str| broken(&origin.url(url), "fragment", "200", origin.url(holder));
    let expected = [
        missing("/#nowhere", "/"),
        missing("/#nowhere", "/other"),
        missing("/other#not-there", "/"),
        missing("/moved#lost", "/"),
        missing("/#name-of-div", "/"),
        broken(&origin.url("/gone"), "http-4xx", "404", origin.url("/")),
    ];
    assert_eq!(
        rows(&folder.path().join("broken.csv")),
        BTreeSet::from(expected)
    );
}

#[test]
fn links_that_redirect_are_listed_with_their_targets_and_pages() {
    let site = Site::builder()
        .route("/", linking(&["/old", "/older", "/fine", "/lost"]))
        .route("/fine", linking(&["/older"]))
        .route("/older", Response::redirect(302, "/old"))
        .route("/old", Response::redirect(301, "/new"))
        .route("/lost", Response::redirect(307, "/gone"))
        .route("/new", Response::page("new"));
    let origin = Origin::of(site.build().unwrap()).unwrap();
    let folder = Folder::new();
    let seed = origin.url("/");
    let checked = haul(
        folder.path(),
        &["crawl", &seed, "--redirects", "redirects.csv"],
    );
    assert_eq!(checked.status.code(), Some(0), "{}", stderr_of(&checked));
    let row = |from: &str, status: &str, to: &str, holder: &str| {
        vec![
            origin.url(from),
            status.into(),
            origin.url(to),
            origin.url(holder),
        ]
    };
    let expected = [
        row("/old", "301", "/new", "/"),
        row("/older", "302", "/new", "/"),
        row("/older", "302", "/new", "/fine"),
        row("/lost", "307", "/gone", "/"),
    ];
    assert_eq!(
        rows(&folder.path().join("redirects.csv")),
        BTreeSet::from(expected)
    );
}

#[test]
fn every_page_of_a_folder_is_checked() {
    let folder = Folder::new();
    let write = |name: &str, text: &str| {
        let path = folder.path().join("site").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("index.html", "<a href=guide/>guide</a>");
    write(
        "guide/index.html",
        "<a href=../lost.html>x</a><a href=notes.txt>x</a>",
    );
    write("guide/notes.txt", "notes");
    write("nobody links here.html", "<a href=/gone.html>x</a>");
    let checked = haul(
        folder.path(),
        &[
            "crawl",
            "site",
            "--broken",
            "broken.csv",
            "--fail-on-broken",
        ],
    );
    assert_eq!(checked.status.code(), Some(3), "{}", stderr_of(&checked));
    let url = |path: &str| format!("http://site.localhost/{path}");
    let gone = |path: &str, holder: &str| broken(&url(path), "http-4xx", "404", url(holder));
    let expected = [
        gone("lost.html", "guide/"),
        gone("gone.html", "nobody%20links%20here.html"),
    ];
    assert_eq!(
        rows(&folder.path().join("broken.csv")),
        BTreeSet::from(expected)
    );
    let urls: BTreeSet<_> = records(folder.path())
        .iter()
        .map(|record| record["url"].as_str().unwrap().to_owned())
        .collect();
    let expected = [
        "",
        "guide/",
        "guide/notes.txt",
        "nobody%20links%20here.html",
        "lost.html",
        "gone.html",
    ]
    .map(url);
    assert_eq!(urls, BTreeSet::from(expected));
}
