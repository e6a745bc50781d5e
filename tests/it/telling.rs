//! Progress as JSON: whatever happens, standard error has only objects that match the schema, and the last one says how
//! the run ended.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Stdio;

use haul::origin::{Reply, Response, Site};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::cli::{self, haul, split_output};
use crate::folder::Folder;
use crate::program::Process;

const SCHEMA: &str = include_str!("../../docs/src/reference/progress.schema.json");

/// The objects on standard error, each of which matches the schema; only the last one is an end.
fn objects(stderr: &str) -> Vec<Value> {
    let validator = jsonschema::draft202012::new(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line:?}"));
    let objects: Vec<Value> = stderr.lines().map(parse).collect();
    for object in &objects {
        let problems: Vec<String> = validator
            .iter_errors(object)
            .map(|p| p.to_string())
            .collect();
        assert!(problems.is_empty(), "{problems:#?}\n{object:#}");
    }
    let (last, earlier) = objects.split_last().expect("at least an end");
    assert_eq!(last["kind"], "end", "{stderr}");
    assert!(
        earlier.iter().all(|object| object["kind"] != "end"),
        "{stderr}"
    );
    objects
}

/// Runs haul, and returns the last object, whose exit code is that of the process.
fn end_of(folder: &Path, arguments: &[&str]) -> Value {
    let mut command = haul(folder, arguments);
    let (code, _, stderr) = split_output(command.args(&["--progress", "json"]).output().unwrap());
    let end = objects(&stderr).pop().unwrap();
    assert_eq!(end["exit_code"].as_i64(), code.map(i64::from), "{stderr}");
    end
}

#[test]
fn the_last_object_has_the_final_figures_and_how_the_run_ended() {
    let (site, folder) = (cli::Site::start(), Folder::new());
    site.list(folder.path(), &["a", "b", "404", "a"]);
    let end = end_of(folder.path(), &["fetch", "urls.txt", "-o", "out.jsonl"]);
    assert_eq!(
        (&end["reason"], &end["error"]),
        (&"finished".into(), &Value::Null)
    );
    assert_eq!(end["exit_code"], 3);
    let counts = [
        "done",
        "fetched",
        "failed",
        "duplicates",
        "responses",
        "total",
    ];
    assert_eq!(
        counts.map(|name| end[name].as_u64().unwrap()),
        [4, 2, 1, 1, 3, 4]
    );
    assert_eq!(end["statuses"], serde_json::json!({"200": 2, "404": 1}));
    assert_eq!(end["failures"], serde_json::json!({"http-4xx": 1}));
    let times = &end["response_ms"];
    assert!(times["p50"].as_f64() <= times["p99"].as_f64(), "{times}");
    assert!(times["p99"].as_f64() <= times["max"].as_f64(), "{times}");
    assert_eq!((&end["resume"], &end["job"]), (&Value::Null, &Value::Null));
}

#[test]
fn a_resumed_job_ends_with_the_records_of_all_its_sessions() {
    let (site, folder) = (cli::Site::start(), Folder::new());
    site.list(folder.path(), &["a", "503", "b"]);
    let line = ["fetch", "urls.txt", "--job", "job", "--retries", "0"];
    let end = end_of(folder.path(), &line);
    assert_eq!(end["job"], serde_json::json!({"done": 3, "failed": 1}));
    assert!(end["checkpoint_age_s"].as_f64().unwrap() < 60.0, "{end}");
    let again = end_of(folder.path(), &line);
    assert_eq!(
        (&again["done"], &again["exit_code"]),
        (&0.into(), &3.into())
    );
    assert_eq!(again["job"], serde_json::json!({"done": 3, "failed": 1}));
    let retried = end_of(folder.path(), &["retry", "job", "--"]);
    assert_eq!(
        (&retried["done"], &retried["exit_code"]),
        (&1.into(), &4.into())
    );
    let none = end_of(folder.path(), &["retry", "job", "--cause", "dns", "--"]);
    assert_eq!(
        (&none["reason"], &none["exit_code"]),
        (&"finished".into(), &0.into())
    );
}

fn send(child: &Process, signal: Signal) {
    let pid = Pid::from_raw(child.id() as i32).unwrap();
    kill_process(pid, signal).unwrap();
}

#[test]
fn an_interrupted_run_tells_that_it_drains_and_ends_with_the_command_for_the_rest() {
    let (site, folder) = (cli::Site::start(), Folder::new());
    site.list(folder.path(), &["a", "held", "b"]);
    let line = [
        "fetch",
        "urls.txt",
        "-c",
        "1",
        "-o",
        "out.jsonl",
        "--progress=json",
    ];
    let mut child = haul(folder.path(), &line).spawn().unwrap();
    site.arrived.recv().unwrap();
    send(&child, Signal::TERM);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    while !text.contains("finishing 1 request in flight") {
        assert_ne!(stderr.read_line(&mut text).unwrap(), 0, "{text}");
    }
    send(&child, Signal::TERM);
    stderr.read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    let objects = objects(&text);
    let notices = objects.iter().filter(|object| object["kind"] == "notice");
    assert_eq!(notices.count(), 1, "{text}");
    let end = objects.last().unwrap();
    assert_eq!(
        (&end["reason"], &end["exit_code"]),
        (&"interrupted".into(), &143.into())
    );
    let resume = end["resume"].as_str().unwrap();
    assert!(resume.contains("--append --rows 2-3 urls.txt"), "{resume}");
}

#[test]
fn figures_are_written_while_the_run_goes_on() {
    let (site, folder) = (cli::Site::start(), Folder::new());
    site.list(folder.path(), &["a", "held"]);
    let line = ["fetch", "urls.txt", "--job", "job", "--progress=json"];
    let mut child = haul(folder.path(), &line).spawn().unwrap();
    site.arrived.recv().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    while !text.contains(r#""kind":"progress""#) || !text.contains(r#""done":1"#) {
        assert_ne!(stderr.read_line(&mut text).unwrap(), 0, "{text}");
    }
    // The second signal aborts, if it is not merged with the first.
    send(&child, Signal::INT);
    while !text.contains("finishing 1 request in flight") {
        assert_ne!(stderr.read_line(&mut text).unwrap(), 0, "{text}");
    }
    send(&child, Signal::INT);
    stderr.read_to_string(&mut text).unwrap();
    child.wait().unwrap();
    let objects = objects(&text);
    let last = objects.iter().rfind(|object| object["kind"] == "progress");
    let figures = last.unwrap();
    assert_eq!(
        (&figures["in_flight"], &figures["waiting"]),
        (&1.into(), &0.into())
    );
    assert!(figures["checkpoint_age_s"].is_number(), "{figures}");
}

#[test]
fn each_way_to_end_has_its_reason() {
    let (site, folder) = (cli::Site::start(), Folder::new());
    site.list(folder.path(), &["a", "held"]);
    let limit = ["fetch", "urls.txt", "--max-time", "300ms", "-o", "o.jsonl"];
    let full = [
        "fetch",
        "urls.txt",
        "-n",
        "1",
        "-o",
        "/dev/full",
        "-f",
        "jsonl",
    ];
    fs::write(folder.path().join("other.db"), "not a database").unwrap();
    let cases: [(&[&str], &str, i64); 7] = [
        (&limit, "time-limit", 124),
        (&full, "output-failed", 5),
        (&["fetch", "urls.txt", "-o", "other.db"], "output-failed", 5),
        (&["fetch", "urls.txt", "-o", "urls.txt"], "error", 2),
        (&["fetch", "urls.txt", "--no-such-flag"], "error", 2),
        (&["fetch", "-i", "missing.txt"], "error", 2),
        (&["retry", "missing", "--"], "error", 6),
    ];
    for (line, reason, code) in cases {
        let end = end_of(folder.path(), line);
        assert_eq!(
            (&end["reason"], &end["exit_code"]),
            (&reason.into(), &code.into()),
            "{line:?} {end}"
        );
        let has_error = reason != "time-limit";
        assert_eq!(end["error"].is_string(), has_error, "{line:?} {end}");
        assert!(!end["meaning"].as_str().unwrap().is_empty());
    }
}

#[test]
fn a_reader_who_has_enough_is_no_failure_and_is_told_as_such() {
    let folder = Folder::new();
    let page = Reply::new(200).body("x".repeat(100));
    let site = Site::builder()
        .fallback(Response::from(page))
        .start()
        .unwrap();
    let urls: Vec<_> = (0..5000)
        .map(|page| site.url(&format!("/{page}")))
        .collect();
    fs::write(folder.path().join("urls.txt"), urls.join("\n")).unwrap();
    let line = ["fetch", "urls.txt", "-f", "jsonl", "--progress=json"];
    let mut child = haul(folder.path(), &line)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 1];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap(); // and closes it
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let end = objects(&stderr).pop().unwrap();
    assert_eq!(
        (&end["reason"], &end["exit_code"]),
        (&"output-closed".into(), &0.into())
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn messages_are_objects_and_a_secret_is_in_none() {
    let (site, folder) = (cli::Site::start(), Folder::new());
    site.list(folder.path(), &["503", "a"]);
    let line = [
        "fetch",
        "urls.txt",
        "-vv",
        "--retries",
        "1",
        "-u",
        "ann:s3cret",
        "--max-time",
        "300ms",
    ];
    let mut command = haul(folder.path(), &line);
    command
        .args(&["--progress", "json"])
        .env("SSLKEYLOGFILE", "keys");
    let (_, _, stderr) = split_output(command.output().unwrap());
    let objects = objects(&stderr);
    let notices = objects.iter().filter(|object| object["kind"] == "notice");
    let notices: Vec<&str> = notices
        .filter_map(|notice| notice["text"].as_str())
        .collect();
    assert!(
        notices.iter().any(|text| text.starts_with("SSLKEYLOGFILE")),
        "{notices:?}"
    );
    assert!(
        notices.iter().any(|text| text.contains("retrying in")),
        "{notices:?}"
    );
}

#[test]
fn without_it_standard_error_has_no_object() {
    let (site, folder) = (cli::Site::start(), Folder::new());
    site.list(folder.path(), &["a"]);
    for line in [
        &["fetch", "urls.txt"][..],
        &["fetch", "urls.txt", "--no-such-flag"],
    ] {
        let (_, _, stderr) = cli::run(folder.path(), line);
        assert!(!stderr.contains(r#""version""#), "{stderr}");
    }
}
