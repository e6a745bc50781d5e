//! `haul diff`: what changed between two runs of a site, whatever they were written to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use haul::origin::{Origin, OriginSettings, Reply, Request, Response, Site};
use serde_json::{Value, json};

use crate::cli::run as haul;
use crate::folder::Folder;
use crate::run::wait;
use crate::stranger;

/// A site that changes once.
struct Shop {
    site: Origin,
    is_new: Arc<AtomicBool>,
}

/// Enough words for a fingerprint of the text.
fn words(of: &str, count: usize) -> String {
    let word = |number: usize| format!("{of}{} ", spelled(number));
    (0..count).map(word).collect()
}

/// A number in letters: digits do not count as text.
fn spelled(number: usize) -> String {
    let digits = number.to_string();
    digits
        .bytes()
        .map(|digit| char::from(digit - b'0' + b'a'))
        .collect()
}

const LINKS: [&str; 14] = [
    "/same",
    "/text",
    "/short",
    "/title",
    "/nonce",
    "/break",
    "/dead",
    "/fixed",
    "/redirected",
    "/p1",
    "/p2",
    "/p3",
    "/counter",
    "/linked",
];

/// The page of a path, before and after the change.
fn page(path: &str, is_new: bool, nonce: u64) -> Response {
    let version = |old: &'static str, new: &'static str| if is_new { new } else { old };
    let html = match path {
        "/" => {
            let own = version(
                "<a href=/gone>g</a><a href=/from>f</a>",
                "<a href=/fresh>f</a><a href=/to>t</a><a href=/elsewhere>e</a>",
            );
            let links: String = LINKS
                .iter()
                .map(|path| format!("<a href={path}>x</a>"))
                .collect();
            format!(
                "<title>Front</title>{own}{links}{}",
                words(version("front", "news"), 300)
            )
        }
        "/same" => {
            let html = format!("<title>Same</title>{}", words("same", 300));
            let reply = Reply::new(200).header("Content-Type", "text/html");
            return reply.header("ETag", "\"same\"").body(html).into();
        }
        "/text" => format!(
            "<title>Text</title><p>{}",
            words(version("before", "after"), 300)
        ),
        "/short" => format!(
            "<title>Short</title><p>{}",
            version("ten words", "other words")
        ),
        "/title" => format!(
            "<title>{}</title><p>{}",
            version("Before", "After"),
            words("title", 300)
        ),
        "/nonce" => format!(
            "<title>Nonce</title><p data-nonce={nonce}>{}",
            words("nonce", 300)
        ),
        "/counter" => format!(
            "<title>Counter</title><p>{nonce} visitors {}",
            words("counter", 300)
        ),
        "/gone" | "/fresh" => format!("<title>{path}</title>{}", words(&path[1..], 100)),
        "/linked" if is_new => return Response::status(404),
        "/linked" | "/elsewhere" => {
            let html = format!(
                "<title>Elsewhere</title><p data-nonce={nonce}>{}",
                words("else", 300)
            );
            html
        }
        "/from" | "/to" => format!("<title>Moves</title>{}", words("moves", 300)),
        "/break" if is_new => return Response::status(500),
        "/dead" if is_new => return Response::status(404),
        "/fixed" if !is_new => return Response::status(503),
        "/redirected" if is_new => return Response::redirect(301, "/same"),
        "/break" | "/dead" | "/fixed" | "/redirected" => format!("<title>{path}</title>fine"),
        "/p1" => format!(
            "<b class=sku>A</b><b class=price>{}</b>",
            version("12.5", "13")
        ),
        "/p2" if is_new => "no product".to_owned(),
        "/p2" => "<b class=sku>B</b><b class=price>7</b>".to_owned(),
        "/p3" if is_new => "<b class=sku>B</b><b class=price>7</b><b class=stock>3</b>".to_owned(),
        "/p3" => "no product yet".to_owned(),
        _ => return Response::status(404),
    };
    Response::page(html)
}

impl Shop {
    fn open() -> Self {
        let (is_new, nonce) = (Arc::new(AtomicBool::new(false)), AtomicU64::new(0));
        let state = is_new.clone();
        let answer = move |request: &Request| {
            if request.header("if-none-match") == Some("\"same\"") {
                return Reply::new(304).header("ETag", "\"same\"").into();
            }
            let path = request.target().to_owned();
            page(
                &path,
                state.load(Ordering::SeqCst),
                nonce.fetch_add(1, Ordering::SeqCst),
            )
        };
        let site = Site::builder()
            .fallback(Response::call(answer))
            .start()
            .unwrap();
        Self { site, is_new }
    }

    fn change(&self) {
        self.is_new.store(true, Ordering::SeqCst);
    }

    /// Crawls the site with these flags.
    fn crawl(&self, here: &Path, flags: &[&str]) {
        fs::write(here.join("recipe.toml"), RECIPE).unwrap();
        let front = self.site.url("/");
        let usual = [
            "-q",
            "--retries",
            "0",
            "--ignore-robots",
            "--recipe",
            "recipe.toml",
        ];
        let (code, _, error) = haul(here, &[&["crawl", &front], &usual[..], flags].concat());
        assert_eq!(code, Some(0), "{flags:?}: {error}");
    }

    fn path(&self, url: &str) -> String {
        let host = self.site.url("");
        format!(
            "/{}",
            url.strip_prefix(&host)
                .unwrap_or(url)
                .trim_start_matches('/')
        )
    }
}

const RECIPE: &str = "name = \"product\"\n[fields]\nsku = \".sku\"\n\
    price = { select = \".price|number\", type = \"number\" }\n\
    stock = { select = \".stock|integer\", type = \"integer\" }\n";

/// The changes that a command prints as JSON Lines.
fn changes(here: &Path, words: &[&str]) -> Vec<Value> {
    let (code, out, error) = haul(here, &[&["diff"], words, &["-f", "jsonl"]].concat());
    assert_eq!(code, Some(0), "{error}");
    out.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The paths of each kind of change.
fn by_kind(shop: &Shop, changes: &[Value]) -> BTreeMap<String, BTreeSet<String>> {
    let mut kinds: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for change in changes {
        let path = shop.path(change["url"].as_str().unwrap());
        let kind = change["kind"].as_str().unwrap().to_owned();
        assert!(
            kinds.entry(kind).or_default().insert(path) || change["kind"] == "value",
            "{change}"
        );
    }
    kinds
}

fn kinds(of: &[(&str, &[&str])]) -> BTreeMap<String, BTreeSet<String>> {
    let set = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
    of.iter()
        .map(|(kind, paths)| ((*kind).to_owned(), set(paths)))
        .collect()
}

#[test]
fn what_changed_is_the_same_whatever_the_two_runs_were_written_to() {
    let (shop, folder) = (Shop::open(), Folder::new());
    let here = folder.path();
    // The name of the old run, the flags that write it, and whether it has items.
    let cases: [(&str, &[&str], bool); 10] = [
        ("OUT.jsonl", &["-o", "OUT.jsonl", "--body"], true),
        ("OUT.csv.gz", &["-o", "OUT.csv.gz", "--body"], true),
        ("OUT.sqlite", &["-o", "OUT.sqlite", "--body"], true),
        #[cfg(feature = "parquet")]
        ("OUT.parquet", &["-o", "OUT.parquet", "--body"], true),
        (
            "FILES.jsonl",
            &["-o", "FILES.jsonl", "--output-dir", "FILES"],
            true,
        ),
        ("JOB", &["--job", "JOB", "--body"], true),
        ("OUT.warc.gz", &["-o", "OUT.warc.gz"], false),
        ("OUT.wacz", &["-o", "OUT.wacz"], false),
        (
            "BOTH",
            &["--job", "BOTH", "-o", "BOTH.jsonl", "-o", "BOTH.warc.gz"],
            true,
        ),
        ("ARCHIVED", &["--job", "ARCHIVED", "-o", "JOB.warc"], false),
    ];
    let named = |word: &str, run: &str| {
        let name = word.trim_start_matches(char::is_uppercase);
        match name.len() < word.len() {
            true => format!("{run}-{word}"),
            false => word.to_owned(),
        }
    };
    for run in ["old", "new"] {
        for (_, flags, _) in cases {
            let flags: Vec<_> = flags.iter().map(|word| named(word, run)).collect();
            shop.crawl(here, &flags.iter().map(String::as_str).collect::<Vec<_>>());
        }
        shop.change();
    }
    let pages: [(&str, &[&str]); 9] = [
        ("broken", &["/break", "/dead", "/linked"]),
        ("gone", &["/gone"]),
        ("moved", &["/from", "/redirected", "/linked"]),
        ("added", &["/fresh"]),
        ("status", &["/fixed"]),
        ("content", &["/", "/text", "/short", "/p1", "/p2", "/p3"]),
        ("title", &["/title"]),
        ("shell", &["/title", "/nonce", "/counter"]),
        ("value", &["/p1", "/p2"]),
    ];
    for (name, _, has_items) in cases {
        let (old, new) = (named(name, "old"), named(name, "new"));
        let found = by_kind(&shop, &changes(here, &[&old, &new, "--key", "sku"]));
        let pages = if has_items { &pages[..] } else { &pages[..8] };
        assert_eq!(found, kinds(pages), "{name}");
    }
    // Of two sources, what both know is compared.
    let found = changes(here, &["old-JOB", "new-OUT.wacz"]);
    assert_eq!(by_kind(&shop, &found), kinds(&pages[..8]));
    let found = changes(here, &["old-OUT.sqlite", "new-OUT.csv.gz", "--key", "sku"]);
    assert_eq!(by_kind(&shop, &found), kinds(&pages));
    // A run is the same as itself, and a run of the same site, too, except for what is never the same.
    assert_eq!(changes(here, &["old-JOB", "old-JOB"]), Vec::<Value>::new());
    let found = changes(here, &["old-JOB", "old-OUT.jsonl"]);
    assert_eq!(
        by_kind(&shop, &found),
        kinds(&[("shell", &["/nonce", "/counter", "/linked"])])
    );
}

#[test]
fn a_job_keeps_enough_of_its_pages_to_tell_content_from_shell_and_a_304_is_no_change() {
    let (shop, folder) = (Shop::open(), Folder::new());
    let here = folder.path();
    shop.crawl(here, &["--job", "old"]);
    shop.crawl(here, &["--job", "again", "--since", "old"]);
    let unchanged = [("shell", &["/nonce", "/counter", "/linked"][..])];
    let found = by_kind(&shop, &changes(here, &["old", "again"]));
    assert_eq!(found, kinds(&unchanged));
    shop.change();
    shop.crawl(here, &["--job", "new", "--since", "again"]);
    let records = fs::read_to_string(here.join("new/records.jsonl")).unwrap();
    assert!(records.contains("\"status\":304"), "{records}");
    let expected: [(&str, &[&str]); 10] = [
        ("broken", &["/break", "/dead", "/linked"]),
        ("gone", &["/gone"]),
        ("moved", &["/from", "/redirected", "/linked"]),
        ("added", &["/fresh"]),
        ("status", &["/fixed"]),
        ("content", &["/", "/text"]),
        // Too short for a fingerprint.
        ("bytes", &["/short", "/p1", "/p2", "/p3"]),
        ("title", &["/title"]),
        ("shell", &["/title", "/nonce", "/counter"]),
        ("value", &["/p1", "/p2"]),
    ];
    for old in ["old", "again"] {
        let found = by_kind(&shop, &changes(here, &[old, "new", "--key", "sku"]));
        assert_eq!(found, kinds(&expected), "{old}");
    }
}

#[test]
fn a_page_that_was_not_asked_for_is_not_gone() {
    let folder = Folder::new();
    let here = folder.path();
    let nonce = AtomicU64::new(0);
    let tree = move |request: &Request| match request.target() {
        "/" => Response::page("<a href=/a>a</a><a href=/b>b</a>"),
        "/a" => Response::page("<a href=/a/a>a</a><a href=/a/b>b</a>"),
        "/a/a" => Response::page("<a href=/a/a/a>a</a>"),
        "/b" => Response::page(format!(
            "<a href=/b/a>a</a><p data-nonce={}>",
            nonce.fetch_add(1, Ordering::SeqCst)
        )),
        _ => Response::page("leaf"),
    };
    let site = Site::builder()
        .fallback(Response::call(tree))
        .start()
        .unwrap();
    let crawl = |flags: &[&str]| {
        let front = site.url("/");
        let (code, _, error) = haul(
            here,
            &[&["crawl", &front, "-q", "--ignore-robots"], flags].concat(),
        );
        assert_eq!(code, Some(0), "{error}");
    };
    crawl(&["--job", "whole"]);
    crawl(&["--job", "limited", "--limit", "2"]);
    crawl(&["--job", "shallow", "--depth", "1"]);
    crawl(&["--job", "excluding", "--exclude", "/a/a*"]);
    crawl(&["-o", "whole.jsonl"]);
    crawl(&["-o", "limited.jsonl", "--limit", "2"]);
    let found = |old: &str, new: &str| {
        let only = "gone,added,not-asked,not-asked-before";
        let changes = changes(here, &[old, new, "--only", only]);
        let path = |url: &Value| {
            url.as_str()
                .unwrap()
                .replace(&site.url(""), "/")
                .replace("//", "/")
        };
        let each = changes.iter().map(|change| {
            let words =
                [&change["kind"], &change["why"]].map(|word| word.as_str().unwrap_or_default());
            format!("{} {}: {}", words[0], path(&change["url"]), words[1])
        });
        each.collect::<Vec<_>>()
    };
    assert_eq!(
        found("whole", "shallow"),
        [
            "not-asked /a/a: source-unchanged",
            "not-asked /a/a/a: source-not-asked",
            "not-asked /a/b: source-unchanged",
            "not-asked /b/a: too-deep"
        ]
    );
    assert_eq!(
        found("whole", "excluding"),
        [
            "not-asked /a/a: excluded",
            "not-asked /a/a/a: source-not-asked"
        ]
    );
    assert_eq!(found("excluding", "whole").len(), 2);
    assert!(found("excluding", "whole")[0].starts_with("not-asked-before /a/a: excluded"));
    let limited = found("whole", "limited");
    assert_eq!(limited.len(), 5, "{limited:?}");
    assert!(
        limited
            .iter()
            .all(|change| change.starts_with("not-asked ")),
        "{limited:?}"
    );
    // Records alone do not say that they are not all: the pages that link to what is missing are the same.
    let limited = found("whole.jsonl", "limited.jsonl");
    assert!(
        limited.len() == 5
            && limited
                .iter()
                .all(|change| change.starts_with("not-asked ")),
        "{limited:?}"
    );
    // What a list does not have was not asked for.
    fs::write(
        here.join("list.txt"),
        format!("{}\n{}\n", site.url("/"), site.url("/b")),
    )
    .unwrap();
    for (out, list) in [("two.csv", "list.txt"), ("one.csv", &site.url("/b"))] {
        let (code, _, error) = haul(here, &["fetch", list, "-q", "-o", out]);
        assert_eq!(code, Some(0), "{error}");
    }
    assert_eq!(found("two.csv", "one.csv"), ["not-asked /: not-in-list"]);
}

#[test]
fn of_a_site_with_a_nonce_on_every_page_exactly_the_changed_pages_have_other_content() {
    let folder = Folder::new();
    let here = folder.path();
    let address = stranger::nobody();
    let front = format!("http://{address}/");
    let mut expected = None;
    for (job, edition) in [("old", 1), ("new", 2)] {
        let site = Site::new(OriginSettings {
            pages: 300,
            edition,
            churn: 0.05,
            added: 0.02,
            gone: 0.01,
            nonces: true,
            ..OriginSettings::default()
        });
        let origin = Origin::at(address, site.unwrap()).unwrap();
        let (code, _, error) = haul(here, &["crawl", &front, "-q", "--job", job]);
        assert_eq!(code, Some(0), "{error}");
        expected = Some(origin.site().changes_since(1));
    }
    let expected = expected.unwrap();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for change in changes(here, &["old", "new"]) {
        let path = change["url"].as_str().unwrap().replacen(&front, "/", 1);
        let kind = change["kind"].as_str().unwrap().to_owned();
        found.entry(kind).or_default().insert(path);
    }
    let pages = |kind: &str| found.get(kind).cloned().unwrap_or_default();
    let of_kind = |kind: &str| -> BTreeSet<_> {
        let pages = pages(kind).into_iter();
        pages.filter(|path| path.starts_with("/page/")).collect()
    };
    assert_eq!(of_kind("content"), expected.changed);
    assert_eq!(of_kind("added"), expected.added);
    assert_eq!(&of_kind("gone") | &of_kind("broken"), expected.gone);
    assert!(of_kind("shell").len() > 250, "{found:?}");
    assert!(
        of_kind("bytes").is_empty() && of_kind("not-asked").is_empty(),
        "{found:?}"
    );
}

#[test]
fn the_newest_record_of_a_request_counts() {
    let (shop, folder) = (Shop::open(), Folder::new());
    let here = folder.path();
    shop.crawl(here, &["--job", "old"]);
    shop.change();
    shop.crawl(here, &["--job", "new"]);
    let broken = |new: &str| {
        let found = by_kind(&shop, &changes(here, &["old", new]));
        found.get("broken").cloned().unwrap_or_default()
    };
    assert_eq!(broken("new").len(), 3);
    shop.is_new.store(false, Ordering::SeqCst);
    let (code, _, error) = haul(here, &["retry", "new", "--", "-q"]);
    assert_eq!(code, Some(0), "{error}");
    assert_eq!(broken("new").len(), 0, "the failures were fetched again");
}

#[test]
fn a_job_that_was_killed_is_compared_up_to_its_last_checkpoint_and_what_it_lacks_was_not_asked_for()
{
    let folder = Folder::new();
    let here = folder.path();
    let settings = OriginSettings {
        pages: 100,
        ..OriginSettings::default()
    };
    let site = Origin::start(settings).unwrap();
    let front = site.url("/");
    for (job, output) in [
        ("a", "a/records.jsonl"),
        ("b", "b.sqlite"),
        ("c", "c.warc.gz"),
        ("d", "d.csv.zst"),
        ("e", "e.txt"),
    ] {
        let whole = format!("whole-{job}");
        let (code, _, error) = haul(here, &["crawl", &front, "-q", "--job", &whole]);
        assert_eq!(code, Some(0), "{error}");
        site.log().clear();
        let words = [
            "crawl", &front, "-q", "--job", job, "-o", output, "--delay", "30ms",
        ];
        let mut child = crate::cli::haul(here, &words).spawn().unwrap();
        // Longer than a second, after which there is a checkpoint.
        wait(site.log().wait_for_hits(60));
        child.kill().unwrap();
        child.wait().unwrap();
        let found = changes(here, &[&whole, job]);
        let kinds: BTreeSet<_> = found
            .iter()
            .map(|change| change["kind"].as_str().unwrap())
            .collect();
        assert_eq!(kinds, BTreeSet::from(["not-asked"]), "{output}: {found:?}");
        assert!(
            (20..100).contains(&found.len()),
            "{output}: {}",
            found.len()
        );
    }
}

#[test]
fn values_are_compared_by_key_wherever_an_item_is() {
    let (shop, folder) = (Shop::open(), Folder::new());
    let here = folder.path();
    shop.crawl(here, &["-o", "old.jsonl"]);
    shop.change();
    shop.crawl(here, &["-o", "new.sqlite"]);
    let found = changes(
        here,
        &[
            "old.jsonl",
            "new.sqlite",
            "--key",
            "sku",
            "--only",
            "value,item-added,item-gone",
        ],
    );
    let each = found.iter().map(|change| {
        let to = change["new_url"].as_str().map(|url| shop.path(url));
        json!([
            shop.path(change["url"].as_str().unwrap()),
            to,
            change["key"],
            change["field"],
            change["old"],
            change["new"]
        ])
    });
    let each: Vec<_> = each.collect();
    assert_eq!(
        each,
        [
            json!(["/p1", null, "A", "price", 12.5, 13.0]),
            json!(["/p2", "/p3", "B", "stock", null, 3])
        ]
    );
    // Without a key an item belongs to its page.
    let found = changes(here, &["old.jsonl", "new.sqlite", "--only", "value"]);
    let each: Vec<_> = found
        .iter()
        .map(|change| shop.path(change["url"].as_str().unwrap()))
        .collect();
    assert_eq!(each, ["/p1", "/p2", "/p3"]);
    assert_eq!((&found[1]["old"], &found[1]["new"]), (&json!(1), &json!(0)));
    let (_, _, error) = haul(here, &["diff", "old.jsonl", "new.sqlite", "--key", "isbn"]);
    assert!(error.contains("no item has the field \"isbn\""), "{error}");
}

#[test]
fn text_and_csv_are_for_people_and_tables_and_the_exit_code_for_scripts() {
    let (shop, folder) = (Shop::open(), Folder::new());
    let here = folder.path();
    shop.crawl(here, &["--job", "old", "--body"]);
    shop.crawl(here, &["--job", "again", "--body"]);
    shop.change();
    shop.crawl(here, &["--job", "new", "--body"]);
    let (code, out, error) = haul(
        here,
        &[
            "diff",
            "old",
            "new",
            "--key",
            "sku",
            "--fail-on-change",
            "--show",
            "1",
        ],
    );
    assert_eq!(code, Some(8), "{error}");
    assert!(
        out.starts_with("old  old (job): 17 pages\nnew  new (job): 18 pages\n"),
        "{out}"
    );
    for line in [
        "       3 broken           answered before, fail now",
        "broken: answered before, fail now",
        "  and 2 more (--show 0 lists all)",
        "    product A price: 12.5 → 13",
    ] {
        assert!(
            out.lines().any(|found| found.starts_with(line)),
            "{line}: {out}"
        );
    }
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");

    let (code, out, error) = haul(here, &["diff", "old", "new", "-o", "changes.csv"]);
    assert_eq!((code, out.as_str()), (Some(0), ""), "{error}");
    assert!(error.contains("3 broken"), "{error}");
    let mut table = csv::Reader::from_path(here.join("changes.csv")).unwrap();
    let names: Vec<_> = table.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(names, haul::diff::Change::COLUMNS);
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    assert_eq!(&rows[0][0], "broken");
    assert_eq!((&rows[0][6], &rows[0][7]), ("200", "500"));
    assert_eq!(rows.len(), changes(here, &["old", "new"]).len());

    // Other bytes with the same text are no change of the site.
    let (code, out, _) = haul(here, &["diff", "old", "again", "--fail-on-change"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("3 shell"), "{out}");
    let (code, ..) = haul(
        here,
        &[
            "diff",
            "old",
            "new",
            "--fail-on-change",
            "--only",
            "item-gone",
        ],
    );
    assert_eq!(code, Some(0), "there is none");
}

#[test]
fn what_cannot_be_compared_is_refused_in_one_sentence() {
    let (shop, folder) = (Shop::open(), Folder::new().with_damaged_jobs());
    let here = folder.path();
    shop.crawl(here, &["--job", "job"]);
    let other = Site::builder()
        .fallback(Response::page("x"))
        .start()
        .unwrap();
    let elsewhere = other.url("/").replace("127.0.0.1", "other.localhost");
    let (code, _, error) = haul(here, &["fetch", &elsewhere, "-q", "-o", "other.jsonl"]);
    assert_eq!(code, Some(0), "{error}");
    fs::write(here.join("empty.jsonl"), "").unwrap();
    fs::write(
        here.join("foreign.jsonl"),
        "{\"url\":\"http://a.example/\"}\n",
    )
    .unwrap();
    let copy = |name: &str| {
        let folder = here.join(name);
        fs::create_dir(&folder).unwrap();
        for entry in fs::read_dir(here.join("job")).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
        }
        folder.join("frontier.db")
    };
    let database = rusqlite::Connection::open(copy("older")).unwrap();
    database.pragma_update(None, "user_version", 1).unwrap();
    drop(database);
    let damaged = copy("damaged");
    let mut bytes = fs::read(&damaged).unwrap();
    let end = bytes.len();
    bytes[end - 4096..].fill(0xff);
    fs::write(&damaged, bytes).unwrap();
    for (words, code, problem) in [
        (
            &["job", "other.jsonl"][..],
            2,
            "only runs of the same site can be compared",
        ),
        (&["job", "none"], 2, "cannot read none"),
        (
            &["job", "empty.jsonl"],
            2,
            "there is no page in it to compare",
        ),
        (&["job", "foreign.jsonl"], 2, "no records of haul"),
        (&["job", "http://a.example/"], 2, "that is a URL"),
        (&["older", "job"], 6, "the job has format 1"),
        (&["job", "damaged"], 6, "damaged"),
        (
            &["job", "job", "--only", "brocken"],
            2,
            "did you mean \"broken\"",
        ),
        (
            &["job", "job/records.jsonl", "-o", "job/records.jsonl"],
            2,
            "job/records.jsonl",
        ),
    ] {
        let before = fs::read(here.join("job/records.jsonl")).unwrap();
        let (found, out, error) = haul(here, &[&["diff"], words].concat());
        assert_eq!(found, Some(code), "{words:?}: {error}");
        assert!(
            error.contains(problem) && out.is_empty(),
            "{words:?}: {error}{out}"
        );
        assert_eq!(
            fs::read(here.join("job/records.jsonl")).unwrap(),
            before,
            "{words:?}"
        );
    }
}

#[test]
fn titles_of_the_site_are_clean_on_the_terminal_and_no_formula_in_a_table() {
    let folder = Folder::new();
    let here = folder.path();
    let is_new = Arc::new(AtomicBool::new(false));
    let state = is_new.clone();
    let answer = move |_: &Request| match state.load(Ordering::SeqCst) {
        true => Response::page("<title>=1+1\u{1b}[2J</title>"),
        false => Response::page("<title>plain</title>"),
    };
    let site = Site::builder()
        .fallback(Response::call(answer))
        .start()
        .unwrap();
    for out in ["old.jsonl", "new.jsonl"] {
        let (code, _, error) = haul(here, &["fetch", &site.url("/"), "-q", "-o", out]);
        assert_eq!(code, Some(0), "{error}");
        is_new.store(true, Ordering::SeqCst);
    }
    let (_, out, _) = haul(here, &["diff", "old.jsonl", "new.jsonl"]);
    assert!(
        out.contains("plain → =1+1") && !out.contains('\u{1b}'),
        "{out}"
    );
    let (_, out, _) = haul(here, &["diff", "old.jsonl", "new.jsonl", "-f", "csv"]);
    assert!(out.contains(",'=1+1"), "{out}");
}
