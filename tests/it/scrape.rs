//! Typed fields, scraped from the pages of a real server into records.

use std::path::Path;

use haul::origin::{Origin, Response, Site};
use serde_json::{Value, json};

use crate::cli::haul;
use crate::folder::Folder;
use crate::program::Program;

const PLANE: &str = "<title>x</title><h1> A <b>plane</b> </h1><p class=price>1.234,50 €</p>\
    <ul><li><a href=/b>B</a><li><a href=c>C</a></ul><p class=formula>=1+1</p>";
const SAW: &str = "<h1>A saw</h1><p class=price>on request</p>";
const LIST: &str = "<div class=item><h2>One</h2><i>5</i></div><div class=item><h2>Two</h2><i>many</i></div>\
    <div class=item><h2>Three</h2></div>";

fn shop() -> Origin {
    let site = Site::builder()
        .route("/plane", Response::page(PLANE))
        .route("/saw", Response::page(SAW))
        .route("/list", Response::page(LIST))
        .route("/gone", Response::status(404));
    Origin::of(site.build().unwrap()).unwrap()
}

fn records(folder: &Path, words: &[&str]) -> (Vec<Value>, String, i32) {
    let output = haul(folder, words).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut records: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect(&stderr))
        .collect();
    records.sort_by_key(|record| record["row"].as_u64());
    (records, stderr, output.status.code().unwrap())
}

const SELECT: [&str; 8] = [
    "-s",
    "title=h1|trim",
    "-s",
    "price=.price|number",
    "-s",
    "links[]=a@href|url",
    "-s",
    "formula=.formula",
];

#[test]
fn selected_fields_are_typed_and_values_that_do_not_convert_are_reported() {
    let (shop, folder) = (shop(), Folder::new());
    let urls = ["/plane", "/saw", "/gone"].map(|path| shop.url(path));
    for engine in [
        "async",
        "threads:2",
        "blocking:2",
        "sequential",
        "processes:2x2",
    ] {
        let mut words = vec!["fetch", "-f", "jsonl", "--engine", engine];
        words.extend(SELECT);
        words.extend(urls.iter().map(String::as_str));
        let (records, stderr, code) = records(folder.path(), &words);
        assert_eq!(code, 3, "{stderr}");
        assert_eq!(
            records[0]["fields"],
            json!({ "title": "A plane", "price": 1234.5, "links": [shop.url("/b"), shop.url("/c")], "formula": "=1+1" }),
            "{engine}"
        );
        assert_eq!(records[0].get("misses"), None, "{engine}");
        assert_eq!(records[1]["fields"]["price"], Value::Null, "{engine}");
        let miss = &records[1]["misses"][0];
        assert_eq!(miss["field"], "price", "{engine}");
        assert!(
            miss["why"].as_str().unwrap().contains("on request"),
            "{engine}: {miss}"
        );
        assert_eq!(
            records[2].get("fields"),
            None,
            "a page that failed has no fields: {engine}"
        );
        assert!(
            stderr.contains("price") && stderr.contains("50.0%"),
            "{stderr}"
        );
    }
}

#[test]
fn a_table_has_a_column_for_each_selected_field_and_no_formula() {
    let (shop, folder) = (shop(), Folder::new());
    let (plane, saw) = (shop.url("/plane"), shop.url("/saw"));
    let mut words = vec!["fetch", "-q", "-o", "out.csv", "--engine", "sequential"];
    words.extend(SELECT);
    words.extend([plane.as_str(), saw.as_str()]);
    assert!(haul(folder.path(), &words).status().unwrap().success());
    let mut table = csv::Reader::from_path(folder.path().join("out.csv")).unwrap();
    let names = table.headers().unwrap().clone();
    let rows: Vec<_> = table.records().map(Result::unwrap).collect();
    let cell = |row: usize, name: &str| {
        let at = names.iter().position(|known| known == name).unwrap();
        rows[row][at].to_owned()
    };
    assert_eq!(cell(0, "fields.title"), "A plane");
    assert_eq!(cell(0, "fields.price"), "1234.5");
    let links: Vec<String> = serde_json::from_str(&cell(0, "fields.links")).unwrap();
    assert_eq!(links, [shop.url("/b"), shop.url("/c")]);
    assert_eq!(cell(0, "fields.formula"), "'=1+1");
    assert_eq!(cell(1, "fields.price"), "");
    assert_eq!(cell(0, "title"), "x", "the record's own title stays");
}

const RECIPE: &str = r#"
name = "thing"
match = ["**/list"]
each = ".item"

[fields]
name = "h2"
count = { select = "i", type = "integer", min_rate = 0.5 }
"#;

#[test]
fn a_recipe_reads_items_from_its_pages_and_a_field_below_its_rate_is_an_exit_code() {
    let (shop, folder) = (shop(), Folder::new());
    std::fs::write(folder.path().join("thing.toml"), RECIPE).unwrap();
    let (list, saw) = (shop.url("/list"), shop.url("/saw"));
    let words = [
        "fetch",
        "-f",
        "jsonl",
        "--recipe",
        "thing.toml",
        &list,
        &saw,
    ];
    let (items, stderr, code) = records(folder.path(), &words);
    assert_eq!(code, 7, "{stderr}");
    assert!(
        stderr.contains("below min_rate: count of thing, 33.3% instead of 50.0%"),
        "{stderr}"
    );
    assert_eq!(
        items[0]["items"],
        json!({ "thing": [{ "name": "One", "count": 5 }, { "name": "Two", "count": null }, { "name": "Three", "count": null }] })
    );
    let missed: Vec<_> = items[0]["misses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|miss| &miss["item"])
        .collect();
    assert!(missed.contains(&&json!(1)), "{missed:?}");
    assert_eq!(items[1].get("items"), None, "the recipe is not for it");

    let lower = RECIPE.replace("0.5", "0.3");
    std::fs::write(folder.path().join("thing.toml"), lower).unwrap();
    assert_eq!(records(folder.path(), &words).2, 0);
}

#[test]
fn a_mistake_in_a_recipe_is_reported_with_its_line_before_any_request() {
    let (shop, folder) = (shop(), Folder::new());
    let wrong = RECIPE
        .replace("match", "matches")
        .replace("\"integer\"", "\"whole\"");
    std::fs::write(folder.path().join("thing.toml"), wrong).unwrap();
    let list = shop.url("/list");
    for words in [
        &["recipe", "check", "thing.toml"][..],
        &["fetch", "--recipe", "thing.toml", &list],
    ] {
        let output = haul(folder.path(), words).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(
            stderr.contains("thing.toml:3:1") && stderr.contains("match"),
            "{stderr}"
        );
        assert!(stderr.contains("thing.toml:8:"), "{stderr}");
    }
    assert_eq!(shop.log().counts().requests, 0);
    std::fs::write(folder.path().join("thing.toml"), RECIPE).unwrap();
    let output = haul(folder.path(), &["recipe", "check", "thing.toml"])
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(
        stdout.starts_with("thing\n  name ")
            && stdout.contains("integer, in 50 % of items at least"),
        "{stdout}"
    );
}

#[test]
fn a_crawl_reads_fields_from_each_page_that_it_finds() {
    let folder = Folder::new();
    let site = Site::builder()
        .route(
            "/",
            Response::page("<h1>Start</h1><a href=/1>1</a> <a href=/2>2</a>"),
        )
        .route("/1", Response::page("<h1>First</h1>"))
        .route("/2", Response::page("<h1>Second</h1><a href=/1>1</a>"));
    let origin = Origin::of(site.build().unwrap()).unwrap();
    let start = origin.url("/");
    let output = haul(
        folder.path(),
        &["crawl", &start, "-f", "jsonl", "-s", "heading=h1"],
    )
    .output()
    .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut headings: Vec<String> = text
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["fields"]["heading"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    headings.sort();
    assert_eq!(headings, ["First", "Second", "Start"]);
}

#[test]
fn archived_pages_are_scraped_again_without_a_request() {
    let (shop, folder) = (shop(), Folder::new());
    let urls = ["/plane", "/saw", "/list", "/gone"].map(|path| shop.url(path));
    let mut words = vec!["fetch", "-q", "-f", "jsonl"];
    words.extend(SELECT);
    words.extend(urls.iter().map(String::as_str));
    let live = records(folder.path(), &words).0;
    for archive in ["pages.warc", "pages.warc.gz", "pages.wacz"] {
        let mut words = vec!["fetch", "-q", "-o", archive];
        words.extend(urls.iter().map(String::as_str));
        assert_eq!(
            haul(folder.path(), &words).status().unwrap().code(),
            Some(3)
        );
        let requests = shop.log().counts().requests;
        let mut words = vec!["fetch", "-f", "jsonl", "--from", archive];
        words.extend(SELECT);
        let (stored, stderr, code) = records(folder.path(), &words);
        assert_eq!(code, 3, "one of them is a 404: {stderr}");
        assert_eq!(shop.log().counts().requests, requests, "{archive}");
        let fields = |records: &[Value]| -> Vec<Value> {
            let mut fields: Vec<Value> = records
                .iter()
                .map(|record| {
                    json!([
                        record["url"],
                        record["status"],
                        record["sha256"],
                        record["fields"],
                        record["misses"]
                    ])
                })
                .collect();
            fields.sort_by_key(ToString::to_string);
            fields
        };
        assert_eq!(fields(&stored), fields(&live), "{archive}");
    }
    let output = haul(folder.path(), &["fetch", "--from", "none.warc"])
        .output()
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(2),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let output = haul(
        folder.path(),
        &["fetch", "--from", "pages.warc", "http://h/"],
    )
    .output()
    .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_damaged_archive_is_reported_and_its_intact_records_are_read() {
    let (shop, folder) = (shop(), Folder::new());
    let urls = ["/plane", "/saw"].map(|path| shop.url(path));
    let words = [
        "fetch",
        "-q",
        "-c",
        "1",
        "-o",
        "pages.warc.gz",
        &urls[0],
        &urls[1],
    ];
    assert!(haul(folder.path(), &words).status().unwrap().success());
    let path = folder.path().join("pages.warc.gz");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() * 2 / 3]).unwrap();
    let (records, stderr, code) = records(
        folder.path(),
        &["fetch", "-f", "jsonl", "--from", "pages.warc.gz"],
    );
    assert_eq!(code, 3, "{stderr}");
    assert!(
        records.iter().any(|record| record["status"] == 200),
        "{records:?}"
    );
    assert!(
        records.iter().any(|record| record["error"] == "malformed"),
        "{records:?}"
    );
}

#[test]
fn a_selector_is_tried_on_a_page_and_its_matches_are_shown() {
    let (shop, folder) = (shop(), Folder::new());
    std::fs::write(
        folder.path().join("page.html"),
        "<ul>\n<li>1\n<li>many\n</ul>",
    )
    .unwrap();
    let output = haul(folder.path(), &["select", "page.html", "li|integer", "b"])
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(
        stdout.starts_with("li|integer: 2 matches\n     2  1\n"),
        "{stdout}"
    );
    assert!(
        stdout.contains("     3  null\n        missed: ") && stdout.contains("b: 0 matches"),
        "{stdout}"
    );
    let url = shop.url("/plane");
    let output = haul(folder.path(), &["select", &url, "a@href|url"])
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(
        stdout.contains(&format!("{:?}", shop.url("/b"))),
        "{stdout}"
    );
    for (words, expected) in [
        (["select", "page.html", "li >"], "li >"),
        (["select", "none.html", "li"], "none.html"),
    ] {
        let output = haul(folder.path(), &words).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(2) && stderr.contains(expected),
            "{stderr}"
        );
    }
}

#[test]
fn misses_beyond_a_hundred_are_counted() {
    let page = "<div class=item><h2>x</h2><i>many</i></div>".repeat(130);
    let site = Site::builder().route("/list", Response::page(page)).build();
    let (shop, folder) = (Origin::of(site.unwrap()).unwrap(), Folder::new());
    std::fs::write(folder.path().join("thing.toml"), RECIPE).unwrap();
    let words = [
        "fetch",
        "-f",
        "jsonl",
        "--recipe",
        "thing.toml",
        &shop.url("/list"),
    ];
    let (records, stderr, _) = records(folder.path(), &words);
    let misses = records[0]["misses"].as_array().expect(&stderr);
    assert_eq!(misses.len(), 101);
    assert_eq!(
        misses[100],
        json!({ "field": "", "why": "30 more misses on this page" })
    );
}

/// The record of a page that is read in every way, with the process's memory limited.
fn bounded(page: String) -> Value {
    let shop = Origin::of(
        Site::builder()
            .route("/", Response::page(page))
            .build()
            .unwrap(),
    )
    .unwrap();
    let folder = Folder::new();
    let limited = "ulimit -v 4000000 && exec haul \"$@\"";
    let mut shell = Program::by("sh", folder.path(), limited);
    shell.args(&[
        "sh",
        "fetch",
        &shop.url("/"),
        "-f",
        "jsonl",
        "-q",
        "--max-size",
        "64M",
    ]);
    shell.args(&[
        "-s",
        "title=h1",
        "-s",
        "links[]=a@href",
        "--metadata",
        "--article",
        "--markdown",
    ]);
    let output = shell.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_page_of_a_hundred_thousand_nested_elements_is_a_record_with_the_reason() {
    let record = bounded(format!("<h1>x</h1>{}", "<div>".repeat(100_000)));
    assert_eq!(record["status"], 200);
    let why = record["misses"][0]["why"].as_str().unwrap();
    assert!(why.contains("elements more than 512 deep"), "{why}");
    assert_eq!(record["metadata"]["faults"][0], why);
}

#[test]
fn a_page_of_fifty_megabytes_and_one_of_a_million_links_are_read_within_bounds() {
    let record = bounded(format!("<h1>long</h1><p>{}", "word ".repeat(10 << 20)));
    assert_eq!(record["fields"]["title"], "long");
    assert!(record["decoded_bytes"].as_u64().unwrap() > 50 << 20);
    let links = "<a href=/a>a</a>".repeat(1_000_000);
    let record = bounded(format!("<h1>many</h1>{links}"));
    assert_eq!(record["fields"]["title"], "many");
    let link_count = record["fields"]["links"].as_array().unwrap().len();
    assert!(link_count <= 100_000, "{link_count}");
    let why = record["misses"].to_string();
    assert!(why.contains("links"), "{why}");
}
