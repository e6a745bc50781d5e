//! Questions in SQL about jobs and outputs, which nothing can make write.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::cli::{self, haul, run};
use crate::folder::{Folder, files};

/// A finished job with a SQLite output: two pages, a failure, and a list of four lines.
fn finished() -> (cli::Site, Folder) {
    let (site, folder) = (cli::Site::start(), Folder::new());
    site.list(folder.path(), &["a", "b", "404", "a"]);
    let line = [
        "fetch",
        "urls.txt",
        "--job",
        "job",
        "-o",
        "out.sqlite",
        "-q",
    ];
    assert_eq!(run(folder.path(), &line).0, Some(3));
    (site, folder)
}

/// The rows of a query as JSON.
fn rows(folder: &Path, of: &str, statement: &str) -> Vec<Value> {
    let (code, stdout, stderr) = run(folder, &["query", of, statement, "-f", "jsonl"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{statement}");
    stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Every file of a folder, with its content.
fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let each = files(folder).into_iter();
    each.map(|path| (path.display().to_string(), fs::read(path).unwrap()))
        .collect()
}

#[test]
fn a_job_is_a_few_tables_beside_those_of_its_output() {
    let (site, folder) = finished();
    let path = folder.path();
    let failed = rows(
        path,
        "job",
        "SELECT url, status, class, message, kind, via, row FROM failed",
    );
    let expected = json!({
        "url": site.url("404"), "status": 404, "class": "http-4xx", "message": "HTTP 404", "kind": "page", "via": "seed", "row": 3
    });
    assert_eq!(failed, [expected]);
    let states = rows(
        path,
        "job",
        "SELECT state, count(*) AS n FROM urls GROUP BY state ORDER BY state",
    );
    assert_eq!(
        states,
        [
            json!({"state": "done", "n": 2}),
            json!({"state": "failed", "n": 1})
        ]
    );
    let hosts = rows(
        path,
        "job",
        "SELECT urls, done, failed, waiting, skipped FROM hosts",
    );
    assert_eq!(
        hosts,
        [json!({"urls": 3, "done": 2, "failed": 1, "waiting": 0, "skipped": 0})]
    );
    // The output's tables have their own names, and `output.` where the job has the same.
    let pages = rows(
        path,
        "job",
        "SELECT d.url, p.status FROM done AS d JOIN pages AS p USING (url) WHERE p.status = 200",
    );
    assert_eq!(pages.len(), 2);
    let same = rows(path, "job", "SELECT count(*) AS n FROM output.pages");
    assert_eq!(
        same,
        rows(path, "out.sqlite", "SELECT count(*) AS n FROM pages")
    );
    assert_eq!(rows(path, "job", "SELECT * FROM output.hosts").len(), 1);
    assert_eq!(
        rows(path, "job", "SELECT 1 AS one FROM json_each('[1,2]')").len(),
        2
    );
}

#[test]
fn json_stays_json_and_truth_values_are_such() {
    let (site, folder) = (cli::Site::start(), Folder::new());
    let list = format!("{{\"url\": {:?}, \"tags\": [1, \"x\"]}}\n", site.url("a"));
    fs::write(folder.path().join("list.jsonl"), list).unwrap();
    assert_eq!(
        run(
            folder.path(),
            &["fetch", "list.jsonl", "-q", "-o", "out.sqlite"]
        )
        .0,
        Some(0)
    );
    let found = rows(
        folder.path(),
        "out.sqlite",
        "SELECT columns, redirects, x'00ff' AS bytes, NULL AS empty, 1.5 AS number, '[1]' AS text FROM latest",
    );
    let expected = json!({
        "columns": {"tags": [1, "x"]}, "redirects": [], "bytes": "00ff", "empty": null, "number": 1.5, "text": "[1]"
    });
    assert_eq!(found, [expected]);
}

#[test]
fn tables_fit_80_columns_and_csv_is_csv() {
    let (_site, folder) = finished();
    let mut command = haul(
        folder.path(),
        &[
            "query",
            "job",
            "SELECT url, state, status FROM urls ORDER BY id",
        ],
    );
    let (code, text, _) = cli::split_output(command.env("COLUMNS", "80").output().unwrap());
    assert_eq!(code, Some(0));
    let lines: Vec<_> = text.lines().collect();
    assert!(
        lines[0].starts_with("url ") && lines[1].starts_with("---"),
        "{text}"
    );
    assert_eq!(
        (lines.len(), lines[4].split_whitespace().nth(1)),
        (5, Some("failed")),
        "{text}"
    );
    let mut command = haul(folder.path(), &["query", "job"]);
    let (code, text, _) = cli::split_output(command.env("COLUMNS", "80").output().unwrap());
    assert_eq!(code, Some(0));
    assert!(
        text.lines()
            .all(|line| line.chars().count() <= 80 || line.starts_with("  haul query")),
        "{text}"
    );
    for table in [
        "urls ",
        "waiting ",
        "failed ",
        "output.pages ",
        "output.latest ",
    ] {
        assert!(
            text.lines().any(|line| line.starts_with(table)),
            "{table}: {text}"
        );
    }
    assert!(
        text.contains("haul query job \"SELECT class, count(*) FROM failed"),
        "{text}"
    );
    let line = [
        "query",
        "job",
        "SELECT id, state, class, '=1' AS x FROM urls ORDER BY id",
        "-f",
        "csv",
    ];
    let (_, text, _) = run(folder.path(), &line);
    assert_eq!(
        text,
        "id,state,class,x\n1,done,,'=1\n2,done,,'=1\n3,failed,http-4xx,'=1\n"
    );
}

#[test]
fn nothing_but_reading_is_allowed_and_no_file_changes() {
    let (_site, folder) = finished();
    let before = content(folder.path());
    for statement in [
        "DELETE FROM main.urls",
        "UPDATE output.pages SET url = ''",
        "INSERT INTO main.hosts VALUES (9, 'x', 1)",
        "DROP VIEW failed",
        "CREATE TEMP TABLE t(a)",
        "ATTACH 'new.db' AS new",
        "DETACH output",
        "VACUUM INTO 'new.db'",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA query_only = 0",
        "PRAGMA user_version = 9",
        "BEGIN IMMEDIATE",
        "REINDEX",
        "ANALYZE",
        "SELECT load_extension('x')",
        "SELECT 1; DELETE FROM main.urls",
        "",
        "/* nothing */",
    ] {
        for of in ["job", "out.sqlite"] {
            let (code, stdout, stderr) = run(folder.path(), &["query", of, statement]);
            assert_eq!(
                (code, stdout.as_str()),
                (Some(2), ""),
                "{of} {statement}: {stderr}"
            );
            assert!(
                stderr.contains("the query cannot be run"),
                "{statement}: {stderr}"
            );
        }
    }
    rows(
        folder.path(),
        "job",
        "SELECT * FROM pragma_table_info('failed')",
    );
    assert!(
        before == content(folder.path()),
        "a file was changed, or made"
    );
}

#[test]
fn a_wrong_query_is_told_with_sqlites_words_and_the_tables_that_there_are() {
    let (_site, folder) = finished();
    for (statement, words) in [
        ("SELECT * FROM fialed", "no such table: fialed"),
        ("SELECT nope FROM failed", "no such column: nope"),
        ("SELEC 1", "near \"SELEC\": syntax error"),
    ] {
        let (code, _, stderr) = run(folder.path(), &["query", "job", statement]);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains(words), "{stderr}");
        assert!(
            stderr.contains("urls, waiting, done, failed, skipped, hosts, output.pages"),
            "{stderr}"
        );
    }
}

#[test]
fn what_is_no_job_or_damaged_is_told_apart_from_a_wrong_query() {
    let (_site, folder) = finished();
    let folder = folder.with_damaged_jobs();
    let path = folder.path();
    fs::create_dir(path.join("empty")).unwrap();
    fs::write(path.join("text.sqlite"), "no database").unwrap();
    let mut other = fs::read(path.join("out.sqlite")).unwrap();
    other[68..72].fill(0); // its mark
    fs::write(path.join("other.sqlite"), &other).unwrap();
    let mut database = fs::read(path.join("job/frontier.db")).unwrap();
    let middle = database.len() / 2;
    database[middle..].fill(0x5a);
    fs::write(path.join("job/frontier.db"), database).unwrap();
    for of in ["empty", "nowhere", "text.sqlite", "other.sqlite", "job"] {
        let (code, stdout, stderr) = run(path, &["query", of, "SELECT 1"]);
        assert_eq!((code, stdout.as_str()), (Some(6), ""), "{of}: {stderr}");
        assert!(stderr.contains(of), "{of}: {stderr}");
    }
}

#[test]
fn a_job_that_is_being_worked_on_can_be_asked() {
    let (site, folder) = (cli::Site::start(), Folder::new());
    site.list(folder.path(), &["a", "held", "b"]);
    let line = [
        "fetch",
        "urls.txt",
        "-c",
        "1",
        "--job",
        "job",
        "-o",
        "out.sqlite",
        "-q",
    ];
    let mut child = haul(folder.path(), &line).spawn().unwrap();
    site.arrived.recv().unwrap();
    let count = "SELECT count(*) AS n FROM waiting";
    // A checkpoint comes within a second.
    while rows(folder.path(), "job", count) != [json!({"n": 2})] {}
    assert_eq!(
        rows(folder.path(), "job", "SELECT status FROM pages"),
        [json!({"status": 200})]
    );
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(
        rows(folder.path(), "job", count),
        [json!({"n": 2})],
        "what a kill left can be asked too"
    );
}

/// A statement that never ends.
const ENDLESS: &str =
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";

#[test]
fn a_query_ends_at_its_time_limit_and_at_an_interrupt() {
    let (_site, folder) = finished();
    let line = ["query", "job", ENDLESS, "--max-time", "50ms"];
    let (code, _, stderr) = run(folder.path(), &line);
    assert_eq!(code, Some(124), "{stderr}");
    assert!(
        stderr.contains("--max-time gives the query longer"),
        "{stderr}"
    );
    // Rows without end, until the interrupt.
    let rows = ENDLESS.replace("count(*)", "x");
    let line = ["query", "job", &rows, "-f", "csv"];
    let mut child = haul(folder.path(), &line).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 100]).unwrap();
    kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::INT).unwrap();
    let mut rest = Vec::new();
    stdout.read_to_end(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(rest.last(), Some(&b'\n'), "the last row is whole");
    // And until the reader has enough.
    let mut child = haul(folder.path(), &line)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdout
        .take()
        .unwrap()
        .read_exact(&mut [0; 100])
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_query_that_needs_too_much_memory_is_refused() {
    let (_site, folder) = finished();
    let numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100)";
    for statement in [
        "SELECT length(zeroblob(100000000))".to_owned(),
        format!("{numbers} SELECT length(json_group_array(hex(zeroblob(8000000)))) FROM n"),
    ] {
        let (code, _, stderr) = run(folder.path(), &["query", "job", &statement]);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(
            stderr.contains("too big") || stderr.contains("more memory"),
            "{stderr}"
        );
    }
}

#[test]
fn an_output_that_is_gone_is_told() {
    let (_site, folder) = finished();
    fs::remove_file(folder.path().join("out.sqlite")).unwrap();
    let (code, stdout, stderr) = run(
        folder.path(),
        &[
            "query",
            "job",
            "SELECT count(*) AS n FROM done",
            "-f",
            "csv",
        ],
    );
    assert_eq!((code, stdout.as_str()), (Some(0), "n\n2\n"));
    assert!(stderr.contains("out.sqlite is not there"), "{stderr}");
}
