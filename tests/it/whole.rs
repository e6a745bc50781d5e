//! Outputs are complete and consistent: file names, ends of files, full disks, retries.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Output;

use haul::origin::{Origin, Reply, Response, Site};
use serde_json::Value;

use crate::folder::Folder;
use crate::program::Program;

/// A server that responds with the request's body, or with its target if there is none.
fn echo() -> Origin {
    let says = |request: &haul::origin::Request| {
        let text = match request.body() {
            b"" => request.target().as_bytes().to_vec(),
            body => body.to_vec(),
        };
        Response::from(
            Reply::new(200)
                .header("Content-Type", "text/html")
                .body(text),
        )
    };
    Site::builder()
        .fallback(Response::call(says))
        .start()
        .unwrap()
}

fn haul(folder: &Path, words: &[&str]) -> Output {
    crate::cli::haul(folder, words).output().unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn records(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect()
}

/// The content of each file that a run saved.
fn saved(folder: &Path, list: &str, into: &str) -> BTreeMap<String, String> {
    fs::write(folder.join("list.jsonl"), list).unwrap();
    let out = format!("{into}.jsonl");
    let output = haul(
        folder,
        &[
            "fetch",
            "list.jsonl",
            "-q",
            "--per-host",
            "1",
            "-o",
            &out,
            "--output-dir",
            into,
        ],
    );
    assert!(output.status.success(), "{}", errors(&output));
    let files = records(&folder.join(&out)).into_iter().map(|record| {
        let file = record["file"].as_str().unwrap();
        let text = fs::read_to_string(folder.join(file)).unwrap();
        (file.strip_prefix(into).unwrap().to_owned(), text)
    });
    files.collect()
}

#[test]
fn a_file_name_depends_on_the_request_and_not_on_the_order_of_requests() {
    let site = echo();
    let folder = Folder::new();
    let plain = [
        "/",
        "/index.html",
        "/a",
        "/a.html",
        "/a/",
        "/A",
        "/a?x",
        "/a@x.html",
        "/x/y.png",
    ];
    let mut rows: Vec<String> = plain
        .iter()
        .map(|path| serde_json::json!({ "url": site.url(path) }).to_string())
        .collect();
    for body in ["one", "two", "three", "four", "five"] {
        rows.push(
            serde_json::json!({ "url": site.url("/"), "method": "POST", "body": body }).to_string(),
        );
    }
    let forth = saved(folder.path(), &rows.join("\n"), "forth");
    assert_eq!(forth.len(), rows.len(), "{forth:#?}");
    rows.reverse();
    assert_eq!(saved(folder.path(), &rows.join("\n"), "back"), forth);
    let host = site.url("/").replace("http://", "/").replace(':', "+");
    assert_eq!(forth[&format!("{host}index.html")], "/");
    assert_eq!(forth[&format!("{host}a.html")], "/a.html");
    assert_eq!(forth[&format!("{host}x/y.png")], "/x/y.png");
    let texts: BTreeSet<_> = forth.values().map(String::as_str).collect();
    assert!(
        ["one", "two", "three", "four", "five"]
            .iter()
            .all(|body| texts.contains(body))
    );

    // Reading the folder later gives each response once, with the request that it belongs to.
    let output = haul(
        folder.path(),
        &["fetch", "--from", "forth", "-q", "-f", "jsonl"],
    );
    let again: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(again.len(), forth.len());
    assert_eq!(
        again
            .iter()
            .filter(|record| record["method"] == "POST")
            .count(),
        5
    );
}

#[test]
fn a_page_that_was_saved_twice_is_read_once_in_its_latest_version() {
    let requests = std::sync::atomic::AtomicUsize::new(0);
    let counts = move |_: &haul::origin::Request| {
        let time = requests.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let page = Reply::new(200).header("Content-Type", "text/html");
        Response::from(page.body(format!("<title>{time}</title>")))
    };
    let site = Site::builder()
        .fallback(Response::call(counts))
        .start()
        .unwrap();
    let folder = Folder::new();
    let url = site.url("/");
    for _ in 0..2 {
        let output = haul(
            folder.path(),
            &["fetch", &url, "-q", "--output-dir", "saved"],
        );
        assert!(output.status.success(), "{}", errors(&output));
    }
    let output = haul(
        folder.path(),
        &["fetch", "--from", "saved", "-q", "-o", "again.jsonl"],
    );
    assert!(output.status.success(), "{}", errors(&output));
    let again = records(&folder.path().join("again.jsonl"));
    let titles: Vec<_> = again.iter().map(|record| &record["title"]).collect();
    assert_eq!(titles, ["1"]);
}

#[test]
fn records_are_not_glued_to_a_torn_one_and_the_user_is_warned() {
    let site = echo();
    let folder = Folder::new();
    let urls: Vec<_> = (0..6).map(|page| site.url(&format!("/{page}"))).collect();
    let run = |urls: &[String], out: &str| {
        let mut words = vec!["fetch", "-q", "--append", "-o", out];
        words.extend(urls.iter().map(String::as_str));
        let output = haul(folder.path(), &words);
        assert!(output.status.success(), "{}", errors(&output));
        errors(&output)
    };
    for out in ["out.jsonl", "out.csv"] {
        assert_eq!(run(&urls[..3], out), "");
        let path = folder.path().join(out);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 40]).unwrap();
        let stderr = run(&urls[3..], out);
        assert!(stderr.contains("the last record was torn"), "{stderr}");
        let records_kept = match out {
            "out.jsonl" => records(&path).len(),
            _ => {
                let mut table = csv::Reader::from_path(&path).unwrap();
                table.records().filter(Result::is_ok).count()
            }
        };
        assert_eq!(records_kept, 5, "{out}");
    }
    let before = fs::read(folder.path().join("out.csv")).unwrap();
    let output = haul(
        folder.path(),
        &["fetch", "--append", "--body", "-o", "out.csv", &urls[0]],
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(
        errors(&output).contains("only in this run: body"),
        "{}",
        errors(&output)
    );
    assert_eq!(fs::read(folder.path().join("out.csv")).unwrap(), before);
}

/// The rows that have records in an output, in order.
fn rows_of(path: &Path) -> Vec<u64> {
    let mut rows: Vec<u64> = match path.extension().and_then(|end| end.to_str()) {
        Some("jsonl") => records(path)
            .iter()
            .map(|record| record["row"].as_u64().unwrap())
            .collect(),
        Some("csv") => csv::Reader::from_path(path)
            .unwrap()
            .records()
            .map(|record| record.unwrap()[0].parse().unwrap())
            .collect(),
        _ => {
            let database = rusqlite::Connection::open(path).unwrap();
            let mut select = database.prepare("SELECT row FROM pages").unwrap();
            let rows = select.query_map([], |row| row.get::<_, i64>(0)).unwrap();
            rows.map(|row| row.unwrap().unsigned_abs()).collect()
        }
    };
    rows.sort_unstable();
    rows
}

#[test]
fn a_full_disk_leaves_whole_records_and_the_command_for_the_rest() {
    let site = echo();
    let rows: Vec<_> = (0..400).map(|page| site.url(&format!("/{page}"))).collect();
    for out in ["out.jsonl", "out.csv", "out.sqlite"] {
        let folder = Folder::new();
        fs::write(folder.path().join("list.txt"), rows.join("\n")).unwrap();
        let shell = |script: String| {
            let mut command = Program::by("sh", folder.path(), &script);
            command.output().unwrap()
        };
        // The limit on a file's size, in blocks of 512 bytes.
        let output = shell(format!("ulimit -f 160; haul fetch list.txt -q -o {out}"));
        let error = errors(&output);
        assert_eq!(output.status.code(), Some(5), "{out}: {error}");
        let command = error.lines().find_map(|line| line.strip_prefix("  haul "));
        let command = command.unwrap_or_else(|| panic!("{out}: {error}"));
        assert!(
            command.contains("--append") && command.contains("--rows"),
            "{error}"
        );
        if out == "out.jsonl" {
            records(&folder.path().join(out));
        }
        let output = shell(format!("haul {command}"));
        assert!(output.status.success(), "{out}: {}", errors(&output));
        let stored = rows_of(&folder.path().join(out));
        assert_eq!(stored, (1..=400).collect::<Vec<u64>>(), "{out}");
    }
}

#[test]
fn if_one_of_two_outputs_cannot_be_written_both_end_with_the_same_records() {
    const ROWS: u64 = 1500;
    let site = echo();
    let rows: Vec<_> = (0..ROWS)
        .map(|page| site.url(&format!("/{page}")))
        .collect();
    for other in ["out.csv", "out.sqlite"] {
        let folder = Folder::new();
        fs::write(folder.path().join("list.txt"), rows.join("\n")).unwrap();
        let shell = |script: String| {
            let mut command = Program::by("sh", folder.path(), &script);
            command.output().unwrap()
        };
        let written = || {
            let both = ["out.jsonl", other];
            both.map(|out| rows_of(&folder.path().join(out)))
        };
        // Either output may reach the limit first.
        let output = shell(format!(
            "ulimit -f 1000; haul fetch list.txt -q -o {other} -o out.jsonl"
        ));
        let stderr = errors(&output);
        assert_eq!(output.status.code(), Some(5), "{other}: {stderr}");
        let [lines, others] = written();
        assert_eq!(lines, others, "{other}");
        let command = stderr.lines().find_map(|line| line.strip_prefix("  haul "));
        let output = shell(format!("haul {}", command.unwrap()));
        assert!(output.status.success(), "{other}: {}", errors(&output));
        let all: Vec<u64> = (1..=ROWS).collect();
        assert_eq!(written(), [all.clone(), all], "{other}");
    }
}

/// A server whose paths under `/late/` fail the first time they are requested.
fn late() -> Origin {
    let paths = std::sync::Mutex::new(BTreeSet::new());
    let answers = move |request: &haul::origin::Request| {
        let first = paths.lock().unwrap().insert(request.target().to_owned());
        let is_late = request.target().starts_with("/late/") && first;
        let status = if is_late { 500 } else { 200 };
        Response::from(
            Reply::new(status)
                .header("ETag", "\"v1\"")
                .header("Content-Type", "text/html")
                .body("x"),
        )
    };
    Site::builder()
        .fallback(Response::call(answers))
        .route("/missing", Response::status(404))
        .start()
        .unwrap()
}

#[test]
fn after_a_retry_every_output_shows_which_record_counts_and_the_numbers_add_up() {
    let site = late();
    let folder = Folder::new();
    let paths = [
        "/1", "/late/2", "/late/3", "/1", "/missing", "/late/6", "/7", "/7",
    ];
    let mut list: Vec<_> = paths.iter().map(|path| site.url(path)).collect();
    list.push("ftp://h.example/".to_owned());
    fs::write(folder.path().join("list.txt"), list.join("\n")).unwrap();
    let words = [
        "fetch",
        "list.txt",
        "-q",
        "--retries",
        "0",
        "--job",
        "job",
        "-o",
        "out.jsonl",
        "-o",
        "out.csv",
        "-o",
        "out.sqlite",
        "--report",
        "report.html",
    ];
    assert_eq!(haul(folder.path(), &words).status.code(), Some(3));
    let output = haul(folder.path(), &["retry", "job", "--cause", "500"]);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));

    let lines = records(&folder.path().join("out.jsonl"));
    assert_eq!(lines.len(), 9 + 3);
    let newer: Vec<_> = lines.iter().filter(|line| line["pass"] != 0).collect();
    assert_eq!(newer.len(), 3);
    assert!(
        newer
            .iter()
            .all(|line| line["pass"] == 1 && line["status"] == 200)
    );
    let mut newest = BTreeMap::new();
    for line in &lines {
        let old = newest.insert(line["row"].as_u64(), line);
        assert!(old.is_none_or(|old| old["pass"].as_u64() < line["pass"].as_u64()));
    }
    assert_eq!(newest.len(), 9);
    let rows = csv::Reader::from_path(folder.path().join("out.csv"))
        .unwrap()
        .records()
        .count();
    assert_eq!(rows, 12);

    let stdout = haul(folder.path(), &["job", "job", "--json"]);
    let job: Value = serde_json::from_slice(&stdout.stdout).unwrap();
    assert_eq!(
        (&job["records"], &job["superseded"]),
        (&12.into(), &3.into())
    );
    let stdout = String::from_utf8(haul(folder.path(), &["job", "job"]).stdout).unwrap();
    assert!(
        stdout.contains("12, 3 of them superseded by later ones"),
        "{stdout}"
    );

    let database = rusqlite::Connection::open(folder.path().join("out.sqlite")).unwrap();
    let mut select = database
        .prepare("SELECT outcome, pages FROM summary")
        .unwrap();
    let summary: BTreeMap<String, i64> = select
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let expected = [
        ("ok", 5),
        ("duplicate", 2),
        ("http-4xx", 1),
        ("malformed", 1),
    ];
    assert_eq!(
        summary,
        expected
            .map(|(name, count)| (name.to_owned(), count))
            .into()
    );
}

#[test]
fn the_numbers_of_a_report_are_disjoint_and_add_up_to_all_records() {
    let site = late();
    let folder = Folder::new();
    let paths = ["/1", "/late/2", "/1", "/missing", "/7", "/7"];
    let mut list: Vec<_> = paths.iter().map(|path| site.url(path)).collect();
    list.push("ftp://h.example/".to_owned());
    fs::write(folder.path().join("list.txt"), list.join("\n")).unwrap();
    let words = [
        "fetch",
        "list.txt",
        "-q",
        "--retries",
        "0",
        "-o",
        "out.jsonl",
        "--report",
        "report.html",
    ];
    assert_eq!(haul(folder.path(), &words).status.code(), Some(3));
    let (_, report) = crate::reports::data(folder.path(), "report.html");
    let of = |name: &str| report[name].as_u64().unwrap();
    let parts = [of("fetched"), of("failed"), of("duplicates"), of("skipped")];
    assert_eq!(parts, [2, 3, 2, 0]);
    assert_eq!(parts.iter().sum::<u64>(), of("records"));
    assert_eq!(of("failed_with_status"), 2);
}

#[test]
fn a_record_has_its_start_its_timings_and_the_selected_headers() {
    let site = late();
    let folder = Folder::new();
    let (page, nobody) = (site.url("/1"), "http://127.0.0.1:9/");
    let before = format!("{:.3}", jiff::Timestamp::now());
    let words = [
        "fetch",
        &page,
        nobody,
        "-q",
        "--retries",
        "0",
        "--keep-headers",
        "ETag,X-None",
        "-o",
        "out.jsonl",
        "-o",
        "out.csv",
    ];
    haul(folder.path(), &words);
    let after = format!("{:.3}", jiff::Timestamp::now());
    let lines = records(&folder.path().join("out.jsonl"));
    assert_eq!(lines.len(), 2);
    for line in &lines {
        let sent = line["sent"].as_str().unwrap();
        assert!(
            *before <= *sent && *sent <= *after,
            "{before} {sent} {after}"
        );
        let (row, page) = (line["row"].as_u64().unwrap(), line["row"] == 1);
        let etag = if page {
            Value::from("\"v1\"")
        } else {
            Value::Null
        };
        assert_eq!(
            line["headers"],
            serde_json::json!({ "etag": etag, "x-none": null }),
            "{row}"
        );
        for phase in ["body_ms", "parse_ms", "first_byte_ms", "total_ms"] {
            assert_eq!(line[phase].is_number(), page, "{phase} of {row}");
        }
        for phase in ["resolve_ms", "connect_ms", "tls_ms"] {
            assert!(line.get(phase).is_some(), "{phase} of {row}");
        }
    }
    let whole = lines.iter().find(|line| line["row"] == 1).unwrap();
    let of = |name: &str| whole[name].as_f64().unwrap();
    assert!((of("first_byte_ms") + of("body_ms") - of("total_ms")).abs() < 0.002);
    let mut table = csv::Reader::from_path(folder.path().join("out.csv")).unwrap();
    let header = table.headers().unwrap().clone();
    let etag = header
        .iter()
        .position(|name| name == "headers.etag")
        .unwrap();
    let etags: BTreeSet<_> = table
        .records()
        .map(|record| record.unwrap()[etag].to_owned())
        .collect();
    assert_eq!(etags, BTreeSet::from(["\"v1\"".to_owned(), String::new()]));
}
