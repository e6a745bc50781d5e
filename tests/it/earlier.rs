//! An earlier run is read back as the same pages, wherever it was written.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use haul::earlier::{Choice, EarlierRun, Page, PageVisitor, Reach, RunKind, Wants};
use haul::origin::{Origin, Reply, Response, Site};
use serde_json::{Value, json};

use crate::cli::run as haul;
use crate::folder::Folder;

/// Everything that can be asked for.
const ALL: Wants = Wants {
    response: true,
    validators: true,
    values: true,
    text: true,
};

const RECIPE: &str = "name = \"product\"\n[fields]\nsku = \".sku\"\n\
    price = { select = \".price|number\", type = \"number\" }\n\
    tags = { select = \"i\", list = true }\n";

fn words(count: usize) -> String {
    (0..count).map(|word| format!("word{word} ")).collect()
}

/// A site with a front page, a product, a redirect, and two broken links.
fn shop() -> Origin {
    let front = format!(
        "<title>Front</title><a href=/p>p</a><a href=/moved>m</a><a href=/gone>g</a><a href=/down>d</a><p>{}",
        words(40)
    );
    let product = "<title>=1+1</title><b class=sku>A-1</b><b class=price>12.5</b><i>x</i><i>y</i>";
    let tagged = Reply::new(200)
        .header("Content-Type", "text/html; charset=utf-8")
        .header("ETag", "\"v1\"")
        .header("Last-Modified", "Mon, 02 Mar 2026 08:00:00 GMT")
        .body(front);
    let site = Site::builder()
        .route("/", Response::from(tagged))
        .route("/p", Response::page(product))
        .route("/moved", Response::redirect(301, "/p"))
        .route("/gone", Response::status(404))
        .route("/down", Response::status(503));
    Origin::of(site.build().unwrap()).unwrap()
}

/// Collects pages by their paths; the newest one counts.
#[derive(Default)]
struct Pages {
    pages: BTreeMap<String, Page>,
    numbers: Vec<u64>,
    only: Option<u64>,
}

impl PageVisitor for Pages {
    fn choose(&mut self, number: u64) -> Choice {
        match self.only {
            Some(only) if number < only => Choice::Skip,
            Some(only) if number > only => Choice::Stop,
            _ => Choice::Read,
        }
    }

    fn take(&mut self, number: u64, page: Page) -> ControlFlow<()> {
        let path = haul::deps::Url::parse(&page.url).map(|url| url.path().to_owned());
        self.pages
            .insert(path.unwrap_or_else(|_| page.url.clone()), page);
        self.numbers.push(number);
        ControlFlow::Continue(())
    }
}

fn pages(path: &Path) -> Pages {
    let mut pages = Pages::default();
    let run = EarlierRun::open(path).unwrap();
    assert_eq!(run.pages(ALL, &mut pages).unwrap(), 0, "{}", path.display());
    pages
}

/// What every source with responses says of a page.
fn outline(page: &Page) -> Value {
    let hex = |digest: &[u8; 32]| {
        digest
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    json!([
        page.status,
        page.error,
        page.title,
        page.content_type,
        page.sha256.as_ref().map(hex)
    ])
}

const CRAWL: [&str; 8] = [
    "-q",
    "--retries",
    "0",
    "--keep-headers",
    "etag,last-modified",
    "--recipe",
    "recipe.toml",
    "--ignore-robots",
];

fn crawl(site: &Origin, folder: &Path, more: &[&str]) {
    fs::write(folder.join("recipe.toml"), RECIPE).unwrap();
    let front = site.url("/");
    let (code, _, error) = haul(folder, &[&["crawl", &front], &CRAWL[..], more].concat());
    assert_eq!(code, Some(0), "{more:?}: {error}");
}

#[test]
fn every_output_and_every_job_gives_the_same_pages() {
    let (site, folder) = (shop(), Folder::new());
    let here = folder.path();
    let mut expected = None;
    let records = RunKind::Records;
    // The path, the flags, the kind, and whether it has records, which say more than responses.
    let cases: [(&str, &[&str], RunKind, bool); 11] = [
        ("out.jsonl", &["-o", "out.jsonl", "--body"], records, true),
        (
            "out.jsonl.gz",
            &["-o", "out.jsonl.gz", "--body"],
            records,
            true,
        ),
        (
            "out.csv.zst",
            &["-o", "out.csv.zst", "--body"],
            records,
            true,
        ),
        ("out.sqlite", &["-o", "out.sqlite", "--body"], records, true),
        #[cfg(feature = "parquet")]
        (
            "out.parquet",
            &["-o", "out.parquet", "--body"],
            records,
            true,
        ),
        (
            "files.jsonl",
            &["-o", "files.jsonl", "--output-dir", "files"],
            records,
            true,
        ),
        ("job", &["--job", "job", "--body"], RunKind::Job, true),
        (
            "job2",
            &["--job", "job2", "--body", "-o", "out2.sqlite"],
            RunKind::Job,
            true,
        ),
        (
            "pages.warc.gz",
            &["-o", "pages.warc.gz"],
            RunKind::Archive,
            false,
        ),
        ("pages.wacz", &["-o", "pages.wacz"], RunKind::Archive, false),
        (
            "job3",
            &["--job", "job3", "-o", "three.warc.gz"],
            RunKind::Job,
            false,
        ),
    ];
    for (path, flags, kind, has_records) in cases {
        crawl(&site, here, flags);
        let read = pages(&here.join(path));
        assert_eq!(
            EarlierRun::open(&here.join(path)).unwrap().kind(),
            kind,
            "{path}"
        );
        let each = read.pages.iter();
        let outlines: BTreeMap<_, _> = each
            .map(|(path, page)| (path.clone(), outline(page)))
            .collect();
        let expected = expected.get_or_insert_with(|| outlines.clone());
        assert_eq!(&outlines, expected, "{path}");
        assert_eq!(outlines.len(), 5, "{path}");
        let front = &read.pages["/"];
        assert_eq!(front.etag.as_deref(), Some("\"v1\""), "{path}");
        assert_eq!(
            front.last_modified.as_deref(),
            Some("Mon, 02 Mar 2026 08:00:00 GMT"),
            "{path}"
        );
        assert!(front.simhash().is_some() && front.text.is_some(), "{path}");
        assert_eq!(
            read.pages["/moved"].location.as_deref(),
            Some("/p"),
            "{path}"
        );
        assert_eq!(read.pages["/p"].title.as_deref(), Some("=1+1"), "{path}");
        if has_records {
            let items = json!({ "product": [{ "sku": "A-1", "price": 12.5, "tags": ["x", "y"] }] });
            assert_eq!(read.pages["/p"].items, Some(items), "{path}");
            let found_on = read.pages["/gone"].found_on.as_deref();
            assert_eq!(found_on, Some(front.url.as_str()), "{path}");
            assert_eq!((front.row, front.depth), (Some(1), Some(0)), "{path}");
        }
    }
    assert_eq!(expected.unwrap()["/gone"][1], "http-4xx");
}

#[test]
fn only_what_is_asked_for_is_read_of_the_chosen_pages() {
    let (site, folder) = (shop(), Folder::new());
    let here = folder.path();
    crawl(
        &site,
        here,
        &["-o", "out.jsonl", "--body", "--per-host", "1"],
    );
    let run = EarlierRun::open(&here.join("out.jsonl")).unwrap();
    let mut second = Pages {
        only: Some(2),
        ..Pages::default()
    };
    run.pages(Wants::default(), &mut second).unwrap();
    assert_eq!(second.numbers, [2]);
    let (_, page) = second.pages.pop_first().unwrap();
    assert_eq!((page.title, page.sha256, page.items), (None, None, None));
    assert!(page.text.is_none() && page.status.is_some());
}

#[test]
fn a_job_says_what_it_did_not_request_and_whether_it_came_to_its_end() {
    let (site, folder) = (shop(), Folder::new());
    let here = folder.path();
    crawl(&site, here, &["--job", "whole", "--exclude", "/p*"]);
    crawl(
        &site,
        here,
        &["--job", "part", "--limit", "2", "-o", "part.txt"],
    );
    let unasked = |job: &str| {
        let mut found = BTreeMap::new();
        let run = EarlierRun::open(&here.join(job)).unwrap();
        let reach = run.unasked(&mut |unasked| {
            let path = unasked
                .url
                .strip_prefix(&site.url(""))
                .unwrap_or(unasked.url);
            found.insert(path.to_owned(), unasked.why.to_owned());
        });
        (reach.unwrap(), found)
    };
    let (reach, found) = unasked("whole");
    assert_eq!(reach, Reach::Complete);
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        [("p".to_owned(), "excluded".to_owned())]
    );
    let (reach, found) = unasked("part");
    assert_eq!(reach, Reach::Unfinished(3));
    assert!(
        found.len() == 3 && found.values().all(|why| why == "waiting"),
        "{found:?}"
    );
    // Lines of text are no records: then the job itself has the statuses, and what it kept for later runs.
    let (read, whole) = (pages(&here.join("part")), pages(&here.join("whole")));
    let (front, same) = (&read.pages["/"], &whole.pages["/"]);
    assert_eq!((front.status, front.depth), (Some(200), Some(0)));
    assert_eq!(outline(front), outline(same));
    assert_eq!(front.etag.as_deref(), Some("\"v1\""));
    assert!(front.simhash().is_some() && front.simhash() == same.simhash());
    let run = EarlierRun::open(&here.join("whole/records.jsonl")).unwrap();
    assert_eq!(
        run.unasked(&mut |_| panic!("records do not know")).unwrap(),
        Reach::Unknown
    );
}

#[test]
fn a_job_finds_its_output_where_it_was_written_or_in_its_own_folder() {
    let (site, folder) = (shop(), Folder::new());
    let here = folder.path();
    crawl(&site, here, &["--job", "job"]);
    crawl(&site, here, &["--job", "other", "-o", "out.csv"]);
    // What a killed process wrote after its mark is not read.
    let records = here.join("job/records.jsonl");
    let mut text = fs::read_to_string(&records).unwrap();
    text.push_str("{\"row\":null,\"url\":\"http://torn");
    fs::write(&records, text).unwrap();
    assert_eq!(pages(&here.join("job")).pages.len(), 5);
    assert_eq!(pages(&here.join("other")).pages.len(), 5);

    fs::rename(here.join("job"), here.join("moved")).unwrap();
    assert_eq!(pages(&here.join("moved")).pages.len(), 5);
    fs::remove_file(here.join("out.csv")).unwrap();
    let error = EarlierRun::open(&here.join("other")).err().unwrap();
    assert!(
        error.to_string().contains("out.csv, which is not there"),
        "{error}"
    );
    // Jobs of earlier versions do not know where their relative paths start.
    let database = rusqlite::Connection::open(here.join("moved/frontier.db")).unwrap();
    assert_eq!(
        database.execute("DELETE FROM job WHERE name = 'directory'", []),
        Ok(1)
    );
    drop(database);
    assert_eq!(pages(&here.join("moved")).pages.len(), 5);
}

#[test]
fn a_damaged_output_is_an_error_that_names_the_file_and_the_place() {
    let (site, folder) = (shop(), Folder::new());
    let here = folder.path();
    crawl(&site, here, &["-o", "out.jsonl.gz", "--body"]);
    crawl(&site, here, &["-o", "pages.warc.gz"]);
    let long = |name: &str| {
        let bytes = fs::read(here.join(name)).unwrap();
        fs::write(here.join(name), &bytes[..bytes.len() - 20]).unwrap();
        let run = EarlierRun::open(&here.join(name)).unwrap();
        run.pages(ALL, &mut Pages::default())
            .unwrap_err()
            .to_string()
    };
    let error = long("out.jsonl.gz");
    assert!(
        error.contains("out.jsonl.gz: damaged after line"),
        "{error}"
    );
    let error = long("pages.warc.gz");
    assert!(
        error.contains("pages.warc.gz: ") && error.contains("at byte"),
        "{error}"
    );
    fs::write(
        here.join("foreign.jsonl"),
        "{\"url\":\"http://a.example/\"}\n",
    )
    .unwrap();
    let run = EarlierRun::open(&here.join("foreign.jsonl")).unwrap();
    let error = run
        .pages(ALL, &mut Pages::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("no records of haul"), "{error}");
}
