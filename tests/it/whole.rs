//! What is written is whole and says one thing: names of files, ends of files, and disks that run full.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use haul::origin::{Answer, Origin, Reply, Site};
use serde_json::Value;

/// A server that answers each path with it, and each body with it.
fn echo() -> Origin {
    let says = |request: &haul::origin::Request| {
        let text = match request.body() {
            b"" => request.target().as_bytes().to_vec(),
            body => body.to_vec(),
        };
        Answer::from(
            Reply::new(200)
                .header("Content-Type", "text/html")
                .body(text),
        )
    };
    Site::builder()
        .fallback(Answer::call(says))
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

/// What each file that a run saved holds.
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
fn a_file_has_the_name_of_its_request_in_whatever_order_the_requests_come() {
    let site = echo();
    let folder = tempfile::tempdir().unwrap();
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

    // Whoever reads the folder later has each answer once, and knows how it was asked for.
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
fn records_are_not_glued_to_one_that_was_torn_and_the_user_is_told() {
    let site = echo();
    let folder = tempfile::tempdir().unwrap();
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
        let told = run(&urls[3..], out);
        assert!(told.contains("the last record was torn"), "{told}");
        let kept = match out {
            "out.jsonl" => records(&path).len(),
            _ => {
                let mut table = csv::Reader::from_path(&path).unwrap();
                table.records().map(|record| record.unwrap()).count()
            }
        };
        assert_eq!(kept, 5, "{out}");
    }
    let before = fs::read(folder.path().join("out.csv")).unwrap();
    let output = haul(
        folder.path(),
        &["fetch", "--append", "-b", "-o", "out.csv", &urls[0]],
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(
        errors(&output).contains("only in this run: body"),
        "{}",
        errors(&output)
    );
    assert_eq!(fs::read(folder.path().join("out.csv")).unwrap(), before);
}

#[test]
fn a_disk_that_runs_full_leaves_whole_records_and_the_command_for_the_rest() {
    let site = echo();
    let rows: Vec<_> = (0..400).map(|page| site.url(&format!("/{page}"))).collect();
    let program = env!("CARGO_BIN_EXE_haul");
    for out in ["out.jsonl", "out.csv", "out.sqlite"] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("list.txt"), rows.join("\n")).unwrap();
        let shell = |script: String| {
            let mut command = Command::new("sh");
            command
                .current_dir(folder.path())
                .args(["-c", &script])
                .output()
                .unwrap()
        };
        // Blocks of 512 bytes, of which no file may have more.
        let output = shell(format!(
            "ulimit -f 160; '{program}' fetch list.txt -q -o {out}"
        ));
        let told = errors(&output);
        assert_eq!(output.status.code(), Some(5), "{out}: {told}");
        let command = told.lines().find_map(|line| line.strip_prefix("  haul "));
        let command = command.unwrap_or_else(|| panic!("{out}: {told}"));
        assert!(
            command.contains("--append") && command.contains("--rows"),
            "{told}"
        );
        if out == "out.jsonl" {
            records(&folder.path().join(out));
        }
        let output = shell(format!("'{program}' {command}"));
        assert!(output.status.success(), "{out}: {}", errors(&output));
        let mut found: Vec<u64> = match out {
            "out.jsonl" => records(&folder.path().join(out))
                .iter()
                .map(|record| record["row"].as_u64().unwrap())
                .collect(),
            "out.csv" => csv::Reader::from_path(folder.path().join(out))
                .unwrap()
                .records()
                .map(|record| record.unwrap()[0].parse().unwrap())
                .collect(),
            _ => {
                let database = rusqlite::Connection::open(folder.path().join(out)).unwrap();
                let mut select = database.prepare("SELECT row FROM pages").unwrap();
                let rows = select.query_map([], |row| row.get::<_, i64>(0)).unwrap();
                rows.map(|row| row.unwrap().unsigned_abs()).collect()
            }
        };
        found.sort_unstable();
        assert_eq!(found, (1..=400).collect::<Vec<u64>>(), "{out}");
    }
}
