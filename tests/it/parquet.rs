//! Parquet datasets that haul writes, read by other programs.
//!
//! The programs are pyarrow and DuckDB from the Python package index.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use haul::origin::Origin;
use serde_json::{Map, Value, json};

use crate::cli::{haul, run};
use crate::folder::Folder;
use crate::resume::{audit, generated, pull_the_plug, site};
use crate::{tools, written};

const STRANGERS: &str = include_str!("parquet/strangers.py");

/// pyarrow and DuckDB, in a Python environment.
struct Strangers {
    python: PathBuf,
}

impl Strangers {
    /// Finds them, or returns `None` if they are not installed.
    fn installed() -> Option<Self> {
        let python = tools::python("parquet")?;
        Some(Self { python })
    }

    /// Runs one of the queries in `strangers.py` on a dataset and returns what it prints.
    fn query(&self, what: &str, dataset: &Path, more: &[&str]) -> String {
        let mut python = Command::new(&self.python);
        python.args(["-c", STRANGERS, what]).arg(dataset).args(more);
        let output = python.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{what} {}: {stderr}",
            dataset.display()
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn rows(&self, what: &str, dataset: &Path, more: &[&str]) -> Vec<Map<String, Value>> {
        let text = self.query(what, dataset, more);
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The rows of a table without the page number, in the form of [`items`].
    fn table(&self, what: &str, dataset: &Path, name: &str) -> Vec<String> {
        let without = |mut row: Map<String, Value>| {
            assert!(row.remove("page").unwrap().is_u64());
            Value::Object(row).to_string()
        };
        let rows = self.rows(what, dataset, &[name]);
        let mut rows: Vec<_> = rows.into_iter().map(without).collect();
        rows.sort();
        rows
    }
}

/// The folder of a table other than `pages`.
fn table(dataset: &Path, name: &str) -> PathBuf {
    dataset.with_extension(format!("{name}.parquet"))
}

/// The records of a run in a JSON Lines file.
fn records(folder: &Path, file: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder.join(file)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The items of a recipe in JSON records, each with its URL and its number on the page.
///
/// Without a recipe, the `fields` of each page are its one item.
fn items(records: &[Value], recipe: &str) -> Vec<String> {
    let mut items = Vec::new();
    for record in records {
        let page_items = match recipe {
            "fields" => record.get("fields").map(|item| vec![item.clone()]),
            _ => record["items"][recipe].as_array().cloned(),
        };
        for (number, mut item) in page_items.unwrap_or_default().into_iter().enumerate() {
            item["url"] = record["url"].clone();
            item["item"] = json!(number);
            items.push(item.to_string());
        }
    }
    items.sort();
    items
}

const SHOP: &str = "http://shop.localhost/";

/// Crawls the practice shop with a recipe and a selection, to this file.
fn shop(folder: &Path, file: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (site, recipe) = (
        root.join("fixtures/site"),
        root.join("fixtures/recipes/product.toml"),
    );
    let words = [
        "crawl",
        SHOP,
        "-q",
        "--no-config",
        "--serve",
        site.to_str().unwrap(),
        "--recipe",
        recipe.to_str().unwrap(),
        "-s",
        "links[]=a@href|url",
        "-s",
        "price=.price|number",
        "-o",
        file,
    ];
    let (code, _, stderr) = run(folder, &words);
    assert!(matches!(code, Some(0 | 3)), "{code:?} {stderr}");
}

#[test]
fn other_programs_read_typed_tables_of_what_was_scraped() {
    let Some(strangers) = Strangers::installed() else {
        return;
    };
    let folder = Folder::new();
    shop(folder.path(), "out.jsonl");
    shop(folder.path(), "out.parquet");
    let records = records(folder.path(), "out.jsonl");
    let dataset = folder.path().join("out.parquet");
    for name in ["product", "fields"] {
        let expected = items(&records, name);
        assert!(expected.len() >= 50, "{}", expected.len());
        for reader in ["arrow", "duckdb"] {
            assert_eq!(
                strangers.table(reader, &dataset, name),
                expected,
                "{reader} {name}"
            );
        }
    }
    assert_eq!(
        strangers.query("schema", &dataset, &["product"]),
        "page: int64\nurl: string\nitem: int64\ntitle: string\nprice: double\ncurrency: string\nsku: string\nstock: int64\n\
         related: list<element: string>\nspec: list<element: struct<what: string, value: string>>\n"
    );
    let types = strangers.query("types", &dataset, &["product"]);
    assert!(
        types.contains(
            "stock: BIGINT\nrelated: VARCHAR[]\nspec: STRUCT(what VARCHAR, \"value\" VARCHAR)[]\n"
        ),
        "{types}"
    );
    let types = strangers.query("types", &dataset, &["pages"]);
    for column in [
        "status: BIGINT",
        "total_ms: DOUBLE",
        "sent: TIMESTAMP WITH TIME ZONE",
        "redirects: JSON",
        "noindex: BOOLEAN",
        "external: BOOLEAN",
    ] {
        assert!(types.contains(column), "{column}: {types}");
    }

    let urls = |pages: Vec<Value>| {
        let mut urls: Vec<_> = pages
            .iter()
            .map(|page| {
                json!([
                    page["url"],
                    page["status"],
                    page["title"],
                    page["sha256"],
                    page["links"]
                ])
                .to_string()
            })
            .collect();
        urls.sort();
        urls
    };
    let pages = strangers.rows("pages", &dataset, &[]);
    let numbers: Vec<_> = pages
        .iter()
        .map(|page| page["page"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (1..=pages.len() as u64).collect::<Vec<_>>());
    assert_eq!(
        urls(pages.into_iter().map(Value::Object).collect()),
        urls(records.clone())
    );

    let joined = strangers.rows(
        "sql",
        &dataset,
        &[
            "select count(*) as count, sum(price) as sum, count(distinct spec[1].what) as whats, \
            count(*) filter (where pages.url <> product.url) as astray \
           from '{product}/*.parquet' as product join '{dataset}/*.parquet' as pages using (page)",
        ],
    );
    let products: Vec<_> = records
        .iter()
        .filter_map(|record| record["items"]["product"].as_array())
        .flatten()
        .collect();
    let sum: f64 = products
        .iter()
        .filter_map(|item| item["price"].as_f64())
        .sum();
    assert_eq!(joined[0]["count"], products.len());
    assert!((joined[0]["sum"].as_f64().unwrap() - sum).abs() < 1e-6);
    assert!(joined[0]["whats"].as_u64() > Some(0));
    assert_eq!(joined[0]["astray"], 0);

    let count: usize = records
        .iter()
        .filter_map(|record| record["misses"].as_array().map(Vec::len))
        .sum();
    let misses = strangers.rows("sql", &dataset, &["select * from '{misses}/*.parquet'"]);
    assert_eq!(misses.len(), count);
    assert!(
        misses
            .iter()
            .any(|miss| miss["field"] == "stock" && miss["recipe"] == "product")
    );
    let parts = strangers.query("parts", &dataset, &[]);
    assert!(parts.lines().all(|part| part.ends_with(" ZSTD")), "{parts}");
}

#[test]
fn appended_runs_are_kept_side_by_side_and_one_without_items_is_an_empty_table() {
    let Some(strangers) = Strangers::installed() else {
        return;
    };
    let folder = Folder::new();
    let origin = generated(3);
    let dataset = folder.path().join("out.parquet");
    let (first, second) = (origin.url("/page/0"), origin.url("/page/1"));
    for url in [&first, &second] {
        let words = [
            "fetch",
            "-q",
            "--no-config",
            "-o",
            "out.parquet",
            "--append",
            "-s",
            "none[]=.none",
            url,
        ];
        let (code, _, stderr) = run(folder.path(), &words);
        assert_eq!(code, Some(0), "{stderr}");
    }
    let pages = strangers.rows("pages", &dataset, &[]);
    assert_eq!(
        (&pages[0]["page"], &pages[0]["url"]),
        (&json!(1), &json!(first))
    );
    assert_eq!(
        (&pages[1]["page"], &pages[1]["url"]),
        (&json!(2), &json!(second))
    );
    assert_eq!(strangers.rows("arrow", &dataset, &["fields"]).len(), 2);
    let words = [
        "fetch",
        "-q",
        "--no-config",
        "-o",
        "out.parquet",
        "-s",
        "none=h1",
        "http://127.0.0.1:1/",
    ];
    assert_eq!(run(folder.path(), &words).0, Some(4));
    assert_eq!(strangers.rows("arrow", &dataset, &["fields"]).len(), 0);
    assert_eq!(strangers.rows("duckdb", &dataset, &["fields"]).len(), 0);
    assert_eq!(
        strangers.rows("pages", &dataset, &[])[0]["error"],
        "connect"
    );
}

const RECIPES: [(&str, &str); 2] = [
    (
        "article.toml",
        "name = 'article'\n[fields]\nheading = { select = 'h1', required = true }\n\
         paragraphs = { select = 'p|trim', list = true }\n\
         [fields.related]\neach = 'ul.related li'\n[fields.related.fields]\nname = 'a'\nto = 'a@href|url'\n",
    ),
    (
        "link.toml",
        "name = 'link'\neach = 'ul.related li'\n[fields]\nname = 'a'\nto = { select = 'a@href|url', type = 'url' }\n",
    ),
];

/// The command line of a crawl with these recipes.
fn crawl<'w>(origin: &'w str, more: &[&'w str]) -> Vec<&'w str> {
    let words = [
        "crawl",
        origin,
        "-q",
        "--no-config",
        "--recipe",
        "article.toml",
        "--recipe",
        "link.toml",
        "-s",
        "title=title",
    ];
    [&words[..], more].concat()
}

fn in_folder() -> (Folder, PathBuf) {
    let folder = Folder::new();
    for (name, text) in RECIPES {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let dataset = folder.path().join("out.parquet");
    (folder, dataset)
}

fn assert_complete(origin: &Origin, folder: &Path, dataset: &Path, pages: u64) {
    let start = origin.url("/");
    let words = crawl(&start, &["-o", "out.jsonl"]);
    let output = haul(folder, &words).output().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 3)));
    let expected = records(folder, "out.jsonl");
    audit(written::column(dataset, "url"), &site(origin, pages));
    let strangers = Strangers::installed();
    for name in ["article", "link", "fields"] {
        let expected = items(&expected, name);
        assert!(expected.len() as u64 >= pages, "{name}: {}", expected.len());
        assert!(
            written::items(&table(dataset, name)) == written::numbered(&expected),
            "different items in {name}"
        );
        let Some(strangers) = &strangers else {
            continue;
        };
        for reader in ["arrow", "duckdb"] {
            assert!(
                strangers.table(reader, dataset, name) == expected,
                "{reader}: different items in {name}"
            );
        }
    }
    if let Some(strangers) = strangers {
        strangers.query("parts", dataset, &[]);
    }
}

#[test]
fn a_crawl_with_recipes_that_is_killed_has_each_page_and_each_item_once() {
    let mut kills = 0;
    for seed in [4, 5] {
        let origin = generated(600);
        let (folder, dataset) = in_folder();
        let start = origin.url("/");
        let words = crawl(&start, &["--job", "job", "-o", "out.parquet"]);
        kills += pull_the_plug(folder.path(), seed, &words);
        assert!(!folder.path().join(".out.parquet/journal").exists());
        assert_complete(&origin, folder.path(), &dataset, 600);
    }
    println!("killed {kills} times");
    assert!(kills > 0, "the run was never killed");
}

#[test]
fn a_dataset_needs_its_own_folder() {
    let folder = Folder::new();
    let words = [
        "fetch",
        "--no-config",
        "-f",
        "parquet",
        "http://127.0.0.1:1/",
    ];
    let (code, _, stderr) = run(folder.path(), &words);
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains("--format parquet needs a folder to write to"),
        "{stderr}"
    );
    fs::write(folder.path().join("out.parquet"), "mine").unwrap();
    for (more, expected) in [(&[][..], 5), (&["--append"], 5), (&["--job", "job"], 2)] {
        let words = [
            "fetch",
            "--no-config",
            "-o",
            "out.parquet",
            "http://127.0.0.1:1/",
        ];
        let (code, _, stderr) = run(folder.path(), &[&words[..], more].concat());
        assert_eq!(code, Some(expected), "{stderr}");
    }
    let there = fs::read_to_string(folder.path().join("out.parquet"));
    assert_eq!(there.unwrap(), "mine");
}
