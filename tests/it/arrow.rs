//! Arrow as other programs read it: a file, and a stream on standard output.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};

use crate::cli::{haul, run};
use crate::folder::Folder;
use crate::stranger::nobody;
use crate::tools;

const STRANGERS: &str = include_str!("arrow/strangers.py");

/// Crawls the practice shop with a recipe and a selection; the flags say where its records go.
fn shop(more: &[&str]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = |name: &str| root.join(name).to_str().unwrap().to_owned();
    let (site, recipe) = (path("fixtures/site"), path("fixtures/recipes/product.toml"));
    let words = [
        "crawl",
        "http://shop.localhost/",
        "-q",
        "--no-config",
        "--serve",
        &site,
        "--recipe",
        &recipe,
        "-s",
        "links[]=a@href|url",
    ];
    words.iter().chain(more).map(ToString::to_string).collect()
}

fn words(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

fn rows(text: &str) -> Vec<Map<String, Value>> {
    let mut rows: Vec<Map<String, Value>> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    rows.sort_by_key(|row| row["url"].as_str().unwrap().to_owned());
    rows
}

/// What pyarrow reads; standard input is the stream.
fn read(python: &PathBuf, what: &str, path: &Path, stream: Stdio) -> String {
    let mut python = Command::new(python);
    python.args(["-c", STRANGERS, what]).arg(path).stdin(stream);
    let output = python.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn other_programs_read_a_file_and_a_stream_with_what_was_scraped_nested_in_each_record() {
    let Some(python) = tools::python("parquet") else {
        return;
    };
    let folder = Folder::new();
    let at = |name: &str| folder.path().join(name);
    let both = shop(&["-o", "out.jsonl", "-o", "out.arrow"]);
    let (code, _, errors) = run(folder.path(), &words(&both));
    assert!(matches!(code, Some(0 | 3)), "{code:?} {errors}");
    let records = rows(&fs::read_to_string(at("out.jsonl")).unwrap());
    assert!(records.len() > 50, "{}", records.len());
    let file = rows(&read(&python, "file", &at("out.arrow"), Stdio::null()));

    let stream = shop(&["-f", "arrow"]);
    let output = haul(folder.path(), &words(&stream)).output().unwrap();
    fs::write(at("stream"), &output.stdout).unwrap();
    let stdin = fs::File::open(at("stream")).unwrap().into();
    let stream = rows(&read(&python, "stream", &at("-"), stdin));

    for arrow in [&file, &stream] {
        assert_eq!(arrow.len(), records.len());
        for (row, record) in arrow.iter().zip(&records) {
            for name in ["url", "status", "title", "sha256", "noindex", "fields"] {
                let expected = record.get(name).unwrap_or(&Value::Null);
                assert_eq!(row[name], *expected, "{name} of {}", record["url"]);
            }
            let items = &record.get("items").unwrap_or(&Value::Null)["product"];
            assert_eq!(row["items"]["product"], *items, "{}", record["url"]);
        }
    }
    let schema = read(&python, "schema", &at("out.arrow"), Stdio::null());
    for line in [
        "sent: timestamp[ms, tz=UTC]",
        "total_ms: double",
        "fields: struct<links: list<item: string>>",
        "items: struct<product: list<item: struct<title: string, price: double, currency: string, sku: string, stock: \
         int64, related: list<item: string>, spec: list<item: struct<what: string, value: string>>>>>",
        "misses: list<item: struct<recipe: string, item: int64, field: string, why: string>>",
    ] {
        assert!(schema.contains(&format!("{line}\n")), "{line} in {schema}");
    }
}

#[test]
fn a_run_adds_to_a_file_that_another_one_wrote() {
    let Some(python) = tools::python("parquet") else {
        return;
    };
    let folder = Folder::new();
    for (list, more) in [("1\n", &[][..]), ("2\n", &["--append"])] {
        fs::write(
            folder.path().join("list"),
            format!("http://a.example/{list}"),
        )
        .unwrap();
        let words = ["fetch", "list", "--dry-run", "-q", "-o", "out.arrow"];
        let (code, _, errors) = run(folder.path(), &[&words, more].concat());
        assert_eq!(code, Some(0), "{errors}");
    }
    let file = read(
        &python,
        "file",
        &folder.path().join("out.arrow"),
        Stdio::null(),
    );
    let urls: Vec<_> = rows(&file).iter().map(|row| row["url"].clone()).collect();
    assert_eq!(
        urls,
        [json!("http://a.example/1"), json!("http://a.example/2")]
    );
}

#[test]
fn lists_in_parquet_and_arrow_carry_the_values_of_their_columns_with_their_types() {
    let Some(python) = tools::python("parquet") else {
        return;
    };
    let folder = Folder::new();
    let made = Command::new(&python)
        .args(["-c", include_str!("arrow/lists.py")])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let fetch = |list: &[&str]| {
        let words = ["fetch", "--dry-run", "-q", "-f", "jsonl"];
        run(folder.path(), &[&words, list].concat())
    };
    let mut first = None;
    for list in [
        "snappy.parquet",
        "zstd.parquet",
        "list.arrow",
        "stream",
        "folder",
    ] {
        let (code, records, errors) = fetch(&["-i", list]);
        assert_eq!(code, Some(3), "{list}: {errors}");
        let records: Vec<Value> = records
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let summary: Vec<_> = records
            .iter()
            .map(|record| json!([record["row"], record["error"], record["columns"]]))
            .collect();
        assert_eq!(
            summary[0],
            json!([1, "skipped", {
                "id": 0, "price": 0.5, "ok": true, "day": "2026-11-30", "at": "2026-11-30T12:00:01.5Z",
                "tags": ["a", "b"], "shop": {"name": "x", "size": 3}, "kind": "new",
            }])
        );
        assert_eq!(summary[2][2]["price"], Value::Null);
        assert_eq!(summary[5][1], "malformed");
        assert_eq!(summary[6][1], "malformed");
        assert_eq!(summary.len(), 7, "{list}");
        assert_eq!(*first.get_or_insert(summary.clone()), summary, "{list}");
    }
    let (code, rows, errors) = fetch(&["-i", "folder", "--rows", "5", "-n", "1"]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(rows.contains("http://site4.example/"), "{rows}");

    let mut piped = haul(
        folder.path(),
        &["fetch", "-", "--dry-run", "-q", "-f", "csv"],
    );
    piped.stdin(fs::File::open(folder.path().join("stream")).unwrap());
    let output = piped.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 8);

    let (code, rows, _) = fetch(&["-i", "named.parquet", "--url-column", "link"]);
    assert_eq!((code, rows.lines().count()), (Some(0), 1));
    for (list, problem) in [
        ("named.parquet", "no column \"url\": its columns are link"),
        (
            "bytes.parquet",
            "cannot carry its column \"raw\" of type BYTE_ARRAY",
        ),
    ] {
        let (code, _, errors) = fetch(&["-i", list]);
        assert_eq!(code, Some(2), "{errors}");
        assert!(errors.contains(problem), "{errors}");
    }
}

#[test]
fn the_failures_in_a_file_are_fetched_again_and_it_is_compared_as_other_outputs_are() {
    let folder = Folder::new();
    let nobody = nobody();
    let list = format!("http://{nobody}/1\nhttp://{nobody}/2\n");
    fs::write(folder.path().join("list"), list).unwrap();
    let words = ["fetch", "list", "-q", "--retries", "0", "-o", "out.arrow"];
    let (code, _, errors) = run(folder.path(), &words);
    assert_eq!(code, Some(4), "{errors}");
    fs::copy(
        folder.path().join("out.arrow"),
        folder.path().join("old.arrow"),
    )
    .unwrap();
    let retry = ["retry", "out.arrow", "--", "--retries", "0"];
    let (code, _, errors) = run(folder.path(), &retry);
    assert_eq!(code, Some(4), "{errors}");
    assert!(errors.contains("2 records"), "{errors}");
    let (code, text, errors) = run(folder.path(), &["audit", "out.arrow"]);
    assert_eq!(code, Some(4), "no limit is demanded: {errors}");
    assert!(text.contains("(4 requests, 1 host)"), "{text}");
    // The newest record of each counts.
    let (code, text, errors) = run(folder.path(), &["diff", "old.arrow", "out.arrow"]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(
        text.contains("2 unchanged") || text.contains("2 pages"),
        "{text}"
    );
}
