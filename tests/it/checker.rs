//! A link checker: which links of a site are broken, and what is none of its business.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use haul::origin::{Answer, Origin, Site};

/// A page that links to these.
fn linking(targets: &[&str]) -> Answer {
    let link = |target: &&str| format!("<a href=\"{target}\">there</a>\n");
    Answer::page(targets.iter().map(link).collect::<String>())
}

fn haul(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_haul"))
        .args(arguments)
        .args(["--no-config", "-o", "records.jsonl"])
        .current_dir(folder)
        .output()
        .unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The rows of a CSV, without its head.
fn rows(file: &Path) -> BTreeSet<Vec<String>> {
    let mut reader = csv::Reader::from_path(file).unwrap();
    let row = |row: csv::StringRecord| row.iter().map(str::to_owned).collect();
    reader.records().map(|found| row(found.unwrap())).collect()
}

/// The records of a run, by the path that was asked.
fn records(folder: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(folder.join("records.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_status_that_is_accepted_is_no_failure_and_its_record_keeps_it() {
    let site = Site::builder()
        .route("/", linking(&["/closed", "/strange", "/busy", "/gone"]))
        .route("/closed", Answer::status(403))
        .route("/strange", Answer::status(999))
        .route("/busy", Answer::status(429));
    let origin = Origin::of(site.build().unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
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
    assert_eq!(some.status.code(), Some(3), "{}", told(&some));
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
    assert_eq!(busy, 1, "what is accepted is not tried again");

    let all = crawl("4xx,999");
    assert_eq!(all.status.code(), Some(0), "{}", told(&all));

    let list = haul(folder.path(), &["fetch", &closed, "--accept", "403"]);
    assert_eq!(list.status.code(), Some(0), "{}", told(&list));
    let list = haul(folder.path(), &["fetch", &closed, "--accept", "404"]);
    assert_eq!(list.status.code(), Some(4), "{}", told(&list));
    for wrong in ["soon", "99", "500-400", ""] {
        let refused = haul(folder.path(), &["fetch", &closed, "--accept", wrong]);
        assert_eq!(
            refused.status.code(),
            Some(2),
            "{wrong}: {}",
            told(&refused)
        );
    }
}

/// What is broken on a page of its own, as a row of the report.
fn broken(text: &str, class: &str, status: &str, holder: String) -> Vec<String> {
    vec![text.into(), class.into(), status.into(), holder]
}

#[test]
fn an_href_that_is_no_url_is_broken_and_its_holder_is_named() {
    let hrefs = [
        "http://exa mple/",
        "htps://example.org/",
        "http://[::1/",
        "https:// example.org/",
        // These are well formed, or none of a link checker's business.
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
    let folder = tempfile::tempdir().unwrap();
    let seeds = [origin.url("/"), origin.url("/other")];
    let seeds = seeds.each_ref().map(String::as_str);

    let plain = haul(folder.path(), &[&["crawl"][..], &seeds].concat());
    assert_eq!(plain.status.code(), Some(0), "{}", told(&plain));
    assert!(
        told(&plain).contains("htps://example.org/"),
        "{}",
        told(&plain)
    );

    let flags = ["--fail-on-broken", "--broken", "broken.csv"];
    let checked = haul(folder.path(), &[&["crawl"][..], &seeds, &flags].concat());
    assert_eq!(checked.status.code(), Some(3), "{}", told(&checked));
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
    assert!(told(&checked).contains("broken"), "{}", told(&checked));
}
