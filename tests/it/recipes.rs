//! Recipes in a crawl: which links they follow, and that each item is written once.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use haul::origin::{Origin, Response, Site};
use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;
use serde_json::Value;

use crate::cli::run;
use crate::folder::Folder;
use crate::resume::{audit, generated, pull_the_plug, site};
use crate::{tools, written};

/// A list of things whose pages are not recognizable by URL.
///
/// The link to the next page is nofollow.
const THINGS: &str = r#"
name = "list"
match = ["**/list*"]
each = ".thing"

[fields]
name = "a"

[[follow]]
select = ".thing a"
recipe = "thing"

[[follow]]
select = "a.next"
"#;

const THING: &str = r#"
name = "thing"
match = []

[fields]
title = { select = "h1", required = true }
price = { select = ".price", type = "number" }
tags = { select = ".tag", list = true }
"#;

fn list(from: u32, next: &str) -> Response {
    let things: String = (from..from + 3)
        .map(|number| format!("<p class=thing><a href=/x{number}>Thing {number}</a>"))
        .collect();
    Response::page(format!(
        "<meta name=robots content=nofollow>{things}<p><a href=/about>About</a>{next}"
    ))
}

fn shop() -> Origin {
    let mut shop = Site::builder()
        .route(
            "/list",
            list(0, "<a class=next rel=nofollow href=/list2>more</a>"),
        )
        .route("/list2", list(3, ""))
        .route("/about", Response::page("<h1>About</h1>"));
    for number in 0..6 {
        let page = format!(
            "<h1>Thing {number}</h1><b class=price>{number},50</b><i class=tag>a</i><i class=tag>b{number}</i>\
             <a href=/about>About</a><a href=/x{}>another</a>",
            (number + 1) % 6
        );
        shop = shop.route(&format!("/x{number}"), Response::page(page));
    }
    Origin::of(shop.build().unwrap()).unwrap()
}

fn write_recipes(folder: &Path) {
    fs::write(folder.join("list.toml"), THINGS).unwrap();
    fs::write(folder.join("thing.toml"), THING).unwrap();
}

/// Runs a query on `out.sqlite`: a line for each row, `|` between its cells.
fn query_rows(folder: &Path, query: &str) -> String {
    let file = Connection::open(folder.join("out.sqlite")).unwrap();
    let mut statement = file.prepare(query).unwrap();
    let columns = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    let mut lines = String::new();
    while let Some(row) = rows.next().unwrap() {
        let cells = (0..columns).map(|column| match row.get_unwrap(column) {
            SqlValue::Null => "NULL".to_owned(),
            SqlValue::Integer(number) => number.to_string(),
            SqlValue::Real(number) => number.to_string(),
            SqlValue::Text(text) => text,
            SqlValue::Blob(bytes) => format!("{bytes:?}"),
        });
        lines += &(cells.collect::<Vec<_>>().join("|") + "\n");
    }
    lines
}

#[test]
fn a_crawl_follows_recipes_and_reads_each_page_by_the_recipe_that_led_there() {
    let (shop, folder) = (shop(), Folder::new());
    let folder = folder.path();
    write_recipes(folder);
    let start = shop.url("/list");
    for (engine, job, only) in [
        ("async", false, true),
        ("processes:2x2", false, true),
        ("sequential", true, true),
        ("async", true, false),
    ] {
        let mut words = vec![
            "crawl",
            &start,
            "-q",
            "-o",
            "out.sqlite",
            "--engine",
            engine,
        ];
        words.extend(["--recipe", "list.toml", "--recipe", "thing.toml"]);
        words.extend(only.then_some("--only-recipe-links"));
        if job {
            words.extend(["--job", "job", "--fresh"]);
        }
        let (code, _, stderr) = run(folder, &words);
        assert_eq!(code, Some(0), "{stderr}");
        assert_eq!(
            query_rows(
                folder,
                "SELECT title, price, count(*), group_concat(value, '') FROM thing
                 JOIN thing_tags ON parent_id = item_id GROUP BY item_id ORDER BY title"
            ),
            (0..6)
                .map(|number| format!("Thing {number}|{number}.5|2|ab{number}\n"))
                .collect::<String>(),
            "{engine}"
        );
        assert_eq!(
            query_rows(folder, "SELECT count(*) FROM list"),
            "6\n",
            "{engine}"
        );
        // A page whose recipe was found after it had a record has another one.
        let pages = query_rows(
            folder,
            "SELECT count(*), sum(url LIKE '%/about') FROM (SELECT DISTINCT url FROM pages)",
        );
        let expected = if only { "8|0\n" } else { "9|1\n" };
        assert_eq!(pages, expected, "{engine}");
    }
}

#[test]
fn several_outputs_agree_and_other_programs_read_them() {
    const READ: &str = "
import csv, gzip, io, json, sqlite3, zstandard
lines = zstandard.ZstdDecompressor().stream_reader(open('out.txt.zst', 'rb'), read_across_frames=True)
assert len(io.TextIOWrapper(lines, 'utf-8').readlines()) == 9, 'zst'
jsonl = [json.loads(line) for line in gzip.open('out.jsonl.gz', 'rt')]
table = list(csv.DictReader(gzip.open('out.csv.gz', 'rt', newline='', encoding='utf-8')))
pages = sqlite3.connect('out.sqlite').execute('SELECT url, status, wire_bytes, sha256, title FROM pages ORDER BY page_id')
pages = [tuple('' if cell is None else str(cell) for cell in page) for page in pages]
names = ['url', 'status', 'wire_bytes', 'sha256', 'title']
assert pages == [tuple(row[name] for name in names) for row in table], 'sqlite and csv'
assert pages == [tuple('' if row[name] is None else str(row[name]) for name in names) for row in jsonl], 'jsonl'
print(len(pages), jsonl[0]['items']['list'][0]['name'])
";
    let (shop, folder) = (shop(), Folder::new());
    let folder = folder.path();
    write_recipes(folder);
    let start = shop.url("/list");
    let words = [
        "crawl",
        &start,
        "-q",
        // One page after the other: none has a record before its recipe is found, and then another one.
        "-c",
        "1",
        "-o",
        "out.jsonl.gz",
        "-o",
        "out.csv.gz",
        "-o",
        "out.sqlite",
        "-o",
        "out.txt.zst",
        "--recipe",
        "list.toml",
        "--recipe",
        "thing.toml",
    ];
    let (code, _, stderr) = run(folder, &words);
    assert_eq!(code, Some(0), "{stderr}");
    let Some(python) = tools::python("packed") else {
        return;
    };
    let output = Command::new(python)
        .args(["-c", READ])
        .current_dir(folder)
        .output();
    let (code, out, stderr) = crate::cli::split_output(output.unwrap());
    assert_eq!((code, out.as_str()), (Some(0), "9 Thing 0\n"), "{stderr}");
}

const PAGE: &str = r#"
name = "page"
each = "article"

[fields]
title = "h1"
links = { select = "a@href", type = "url", list = true }
"#;

/// Title and links of the items of each URL.
///
/// Asserts that all outputs agree, and have each URL once.
fn items(folder: &Path) -> BTreeMap<String, Vec<(String, Vec<String>)>> {
    let of = |records: Vec<(String, Value)>| {
        let mut items_of = BTreeMap::new();
        for (url, items) in records {
            let item = |item: &Value| {
                let links = serde_json::from_value(item["links"].clone()).unwrap();
                (item["title"].as_str().unwrap().to_owned(), links)
            };
            let items = items["page"].as_array().unwrap().iter().map(item).collect();
            assert!(
                items_of.insert(url.clone(), items).is_none(),
                "twice: {url}"
            );
        }
        items_of
    };
    let record = |mut record: Value| {
        let url = record["url"].as_str().unwrap().to_owned();
        (url, record["items"].take())
    };
    let row = |mut row: BTreeMap<String, String>| {
        let items = serde_json::from_str(&row["items"]).unwrap();
        (row.remove("url").unwrap(), items)
    };
    let lines = |file: &str| written::jsonl(&folder.join(file)).into_iter().map(record);
    let items = of(lines("out.jsonl").collect());
    assert!(of(lines("out.jsonl.gz").collect()) == items, "packed");
    let rows = written::csv(&folder.join("out.csv"));
    assert!(of(rows.into_iter().map(row).collect()) == items, "csv");
    let pages = query_rows(
        folder,
        "SELECT url, json_object('page', json_group_array(json_object('title', item_title, 'links', json((
             SELECT json_group_array(value ORDER BY place) FROM page_links WHERE parent_id = item_id)))))
         FROM pages JOIN (SELECT item_id, page_id AS page, title AS item_title FROM page) ON page = page_id GROUP BY page_id",
    );
    let pages = pages.lines().map(|line| {
        let (url, items) = line.split_once('|').unwrap();
        (url.to_owned(), serde_json::from_str(items).unwrap())
    });
    assert!(of(pages.collect()) == items, "sqlite");
    let orphans =
        "SELECT count(*) FROM page_links WHERE parent_id NOT IN (SELECT item_id FROM page)";
    assert_eq!(query_rows(folder, orphans), "0\n", "orphans");
    items
}

#[test]
fn a_recipe_crawl_that_is_killed_again_and_again_has_each_item_once_in_every_output() {
    for (seed, engine) in [(1, "async:64"), (2, "processes:2x8")] {
        let pages = 1500;
        let (origin, folder) = (generated(pages), Folder::new());
        let folder = folder.path();
        fs::write(folder.join("page.toml"), PAGE).unwrap();
        let start = origin.url("/");
        let words = [
            "crawl",
            &start,
            "--job",
            "job",
            "-q",
            "--engine",
            engine,
            "--recipe",
            "page.toml",
            "-o",
            "out.jsonl",
            "-o",
            "out.jsonl.gz",
            "-o",
            "out.csv",
            "-o",
            "out.sqlite",
        ];
        let kills = pull_the_plug(folder, seed, &words);
        assert!(kills > 0, "it was never killed");
        let items = items(folder);
        for (url, items) in &items {
            assert_eq!(items.len(), 1, "{url}");
        }
        audit(items.into_keys(), &site(&origin, pages));
    }
}

#[test]
fn a_changed_recipe_over_a_finished_job_costs_no_request() {
    let (shop, folder) = (shop(), Folder::new());
    let folder = folder.path();
    let start = shop.url("/list");
    for (job, flags) in [
        ("a", ["-o", "a.warc.gz"]),
        ("b", ["--output-dir", "b.pages"]),
        ("c", ["-f", "warc"]),
    ] {
        write_recipes(folder);
        let mut words = vec!["crawl", &start, "-q", "--job", job, "--recipe", "list.toml"];
        // One at a time: a page that is found again, for more, would be in the archive twice.
        words.extend(["--recipe", "thing.toml", "-c", "1"]);
        words.extend(flags);
        let (code, _, stderr) = run(folder, &words);
        assert_eq!(code, Some(0), "{stderr}");
        let requests = shop.log().requests();
        let changed = THING.replace("match = []", "match = [\"**/x*\"]");
        fs::write(folder.join("thing.toml"), changed.replace("h1", ".price")).unwrap();
        let words = [
            "fetch",
            "-q",
            "--from",
            job,
            "--recipe",
            "thing.toml",
            "-o",
            "out.sqlite",
        ];
        let (code, _, stderr) = run(folder, &words);
        assert_eq!(code, Some(0), "{stderr}");
        assert_eq!(shop.log().requests(), requests, "{job}");
        let titles = query_rows(folder, "SELECT title FROM thing ORDER BY title");
        let expected: String = (0..6).map(|number| format!("{number},50\n")).collect();
        assert_eq!(titles, expected, "{job}");
        let urls = query_rows(
            folder,
            "SELECT count(*) FROM pages WHERE url LIKE 'http://127.0.0.1:%/x_'",
        );
        assert_eq!(urls, "6\n", "each page has the URL that answered: {job}");
    }
    let (code, _, stderr) = run(folder, &["crawl", &start, "-q", "--job", "d"]);
    assert_eq!(code, Some(0), "{stderr}");
    let (code, _, stderr) = run(folder, &["fetch", "--from", "d", "-s", "a=b"]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("d: the job stored no pages"), "{stderr}");
}

#[test]
fn a_fetch_reports_that_it_follows_no_links() {
    let (shop, folder) = (shop(), Folder::new());
    write_recipes(folder.path());
    let url = shop.url("/list");
    let words = [
        "fetch",
        &url,
        "--recipe",
        "list.toml",
        "--recipe",
        "thing.toml",
    ];
    let (code, _, stderr) = run(folder.path(), &words);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        stderr.contains("fetching a list follows none: use a crawl"),
        "{stderr}"
    );
    assert_eq!(shop.log().requests(), 1);
}

#[test]
fn a_field_that_is_rarer_than_in_the_previous_job_is_reported() {
    let folder = Folder::new();
    let folder = folder.path();
    let crawl_stderr = |page: &'static str| {
        let site = (0..25).fold(Site::builder(), |site, number| {
            site.route(&format!("/{number}"), Response::page(page))
        });
        let shop = Origin::of(site.build().unwrap()).unwrap();
        let urls: Vec<_> = (0..25)
            .map(|number| shop.url(&format!("/{number}")))
            .collect();
        let mut words = vec![
            "fetch",
            "--job",
            "job",
            "--fresh",
            "-s",
            "title=h1",
            "-s",
            "price=.price",
        ];
        words.extend(urls.iter().map(String::as_str));
        run(folder, &words).2
    };
    let before = crawl_stderr("<h1>A</h1><b class=price>1</b>");
    assert!(
        before.contains("price            100.0%") && !before.contains("less than"),
        "{before}"
    );
    let after = crawl_stderr("<h1>A</h1><b class=cost>1</b>");
    let expected = "less than in the previous job: price of fields, 0.0% instead of 100.0%";
    assert!(
        after.contains(expected) && !after.contains("title of"),
        "{after}"
    );
}
