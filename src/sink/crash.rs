//! A writer in its own process, killed with SIGKILL at random moments until its work is done.
//!
//! The process stores its marks as a job's store does: in a file that is replaced atomically. It prints a line for
//! each mark, and the parent kills it after a few: while it writes, saves, renames or waits for the disk.

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use http::HeaderValue;
use http::header::CONTENT_DISPOSITION;
use serde::{Deserialize, Serialize};

use super::samples::{format, saved_from, tree};
use super::*;

/// The number of visits in the whole job.
const ALL: usize = 1500;
/// The environment variable that gives the killed process its folder.
const FOLDER: &str = "HAUL_TEST_CRASH_FOLDER";

/// The contents of the store.
#[derive(Default, Serialize, Deserialize)]
struct Store {
    done: usize,
    marks: HashMap<String, Mark>,
}

impl Store {
    fn load(folder: &Path) -> Self {
        match fs::read(folder.join("store")) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap(),
            Err(_) => Self::default(),
        }
    }

    fn commit(folder: &Path, done: usize, marks: Vec<(String, Mark)>) {
        let marks = marks.into_iter().collect();
        let text = serde_json::to_vec(&Self { done, marks }).unwrap();
        fs::write(folder.join("store.new"), text).unwrap();
        fs::rename(folder.join("store.new"), folder.join("store")).unwrap();
        writeln!(io::stdout(), "mark {done}").unwrap();
    }
}

fn settings(folder: &Path) -> Vec<SinkSettings> {
    [
        ("records.jsonl", format("jsonl", false)),
        ("records.csv", format("csv", true)),
        ("records.txt", format("text", false)),
    ]
    .map(|(name, format)| SinkSettings::file(folder.join(name), format))
    .into()
}

fn visit(number: usize) -> Box<Visit> {
    // Every second name differs from the previous one only in case.
    let (page, number) = (["page", "PAGE"][number % 2], number);
    let url = format!("http://h.example/{}/{page}", number / 2);
    let mut visit = Box::new(saved_from(&url, 200, number.to_string()));
    // And every second pair is given the same name by its server.
    if number / 2 % 2 == 0
        && let Ok(page) = &mut visit.outcome
    {
        let name = HeaderValue::from_static("attachment; filename=report.pdf");
        page.headers.0.insert(CONTENT_DISPOSITION, name);
    }
    visit.job.row = Some(number as u64);
    visit
}

#[tokio::test]
#[ignore = "started and killed by the test below"]
async fn session_to_be_killed() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let store = Store::load(&folder);
    let journal = folder.join("journal");
    let start = |name: &str| store.marks.get(name).map_or(Start::Over, Start::At);
    let files = FilesSettings {
        layout: Layout::NamedByServer,
        ..FilesSettings::folder(folder.join("files"))
    };
    let (settings, plan) = (settings(&folder), SinkPlan::default());
    let sinks = Sinks::open(&settings, Some(&files), &plan, Some(&journal), start).unwrap();
    let mut writer = Writer::start(sinks).unwrap();
    let mut next = store.done;
    let mut requested = Some((next, writer.checkpoint().await.unwrap()));
    if store.marks.is_empty() {
        let (done, marks) = requested.take().unwrap();
        Store::commit(&folder, done, marks.await.unwrap());
    }
    while next < ALL {
        for _ in 0..fastrand::usize(1..4) {
            let end = ALL.min(next + fastrand::usize(1..40));
            let mut batch = (next..end).map(visit).collect();
            writer.write(&mut batch).await.unwrap();
            next = end;
        }
        if let Some((done, marks)) = requested.take() {
            Store::commit(&folder, done, marks.await.unwrap());
        }
        requested = Some((next, writer.checkpoint().await.unwrap()));
    }
    let marks = writer.finish().await.unwrap();
    Store::commit(&folder, next, marks);
}

/// Runs a session and kills it after `marks` marks. Returns whether the whole job is done.
fn session(folder: &Path, marks: usize) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture"])
        .arg("sink::crash::session_to_be_killed")
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let seen = lines
        .map(|line| line.unwrap())
        .filter(|line| line.starts_with("mark "))
        .take(marks)
        .count();
    if seen == marks {
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    assert!(
        status.success() || seen == marks,
        "the session failed without being killed"
    );
    Store::load(folder).done == ALL
}

#[test]
fn after_any_number_of_kills_each_record_and_file_exists_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut sessions = 1;
    while !session(folder, fastrand::usize(1..6)) {
        sessions += 1;
    }
    assert!(sessions > 3, "only {sessions} sessions were needed");

    let expected: Vec<usize> = (0..ALL).collect();
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let jsonl = read("records.jsonl");
    let lines: Vec<serde_json::Value> = jsonl
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let rows = |line: &serde_json::Value| line["row"].as_u64().unwrap() as usize;
    assert_eq!(lines.iter().map(rows).collect::<Vec<_>>(), expected);
    let csv: Vec<usize> = ::csv::Reader::from_reader(read("records.csv").as_bytes())
        .records()
        .map(|record| record.unwrap()[0].parse().unwrap())
        .collect();
    assert_eq!(csv, expected);
    assert_eq!(read("records.txt").lines().count(), ALL);

    let mut files = tree(&folder.join("files"));
    files.retain(|(name, _)| name != "index.jsonl");
    assert_eq!(read("files/index.jsonl").lines().count(), ALL);
    assert_eq!(
        files.len(),
        ALL,
        "no file without a record, and no half file"
    );
    let given = files
        .iter()
        .filter(|(name, _)| name.ends_with("/report.pdf"));
    assert_eq!(given.count(), ALL / 4);
    for line in &lines {
        let text = fs::read_to_string(line["file"].as_str().unwrap()).unwrap();
        assert_eq!(text, rows(line).to_string());
    }
}
