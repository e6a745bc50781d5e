//! A job folder from the outside, judged by exit codes and by the bytes of the output.
//!
//! Covers interrupts, other command lines, a second process, damaged files and a full disk.

mod damage;
mod sessions;

use std::fs;
use std::path::Path;
use std::time::Duration;

use haul::origin::Origin;
use rustix::process::{Pid, Signal, kill_process};

use crate::cli::haul;
use crate::folder::Folder;
use crate::resume::{Running, audit, generated, site};
use crate::run::wait;

/// Any of these runs takes less time than this.
const LIMIT: Duration = Duration::from_secs(60);

/// A crawl of a generated site with its job in `job`, in a temporary folder.
struct JobCrawl {
    origin: Origin,
    pages: u64,
    folder: Folder,
}

impl JobCrawl {
    fn of(pages: u64) -> Self {
        Self {
            origin: generated(pages),
            pages,
            folder: Folder::new(),
        }
    }

    fn arguments(&self, more: &[&str]) -> Vec<String> {
        let begin = ["crawl", "--job", "job", "-o", "out.jsonl"];
        let words = begin.iter().chain(more).map(|word| (*word).to_owned());
        words.chain([self.origin.url("/")]).collect()
    }

    fn start_in(&self, folder: &Path, more: &[&str]) -> Running {
        let arguments = self.arguments(more);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        Running::start(haul(folder, &arguments))
    }

    fn run_in(&self, folder: &Path, more: &[&str]) -> (Option<i32>, String) {
        let mut run = self.start_in(folder, more);
        run.ends_within(LIMIT).expect("the run hangs")
    }

    fn run(&self, more: &[&str]) -> (Option<i32>, String) {
        self.run_in(self.folder.path(), more)
    }

    /// Runs until the server has received N requests, then sends a signal.
    fn run_and_signal(&self, signal: Signal, after: u64) -> (Option<i32>, String) {
        self.origin.log().clear();
        let mut run = self.start_in(self.folder.path(), &[]);
        wait(self.origin.log().wait_for_hits(after));
        let id = Pid::from_raw(run.id().cast_signed()).unwrap();
        kill_process(id, signal).unwrap();
        run.ends_within(LIMIT).expect("the run hangs")
    }

    fn out(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("out.jsonl")).unwrap()
    }

    fn audit(&self) {
        self.audit_in(self.folder.path());
    }

    fn audit_in(&self, folder: &Path) {
        audit(
            urls(&folder.join("out.jsonl")),
            &site(&self.origin, self.pages),
        );
    }

    /// A copy of the folder, to be damaged.
    fn copy(&self) -> Folder {
        let copy = Folder::new().with_damaged_jobs();
        copy_folder(self.folder.path(), copy.path());
        copy
    }

    /// Asserts that a damaged copy is rejected with this message, and its output unchanged.
    fn assert_rejected(&self, copy: &Path, says: &str) {
        let before = fs::read(copy.join("out.jsonl")).unwrap();
        let (code, text) = self.run_in(copy, &["-q"]);
        assert_eq!(code, Some(6), "{text}");
        assert!(text.contains(says), "{text}");
        assert_eq!(fs::read(copy.join("out.jsonl")).unwrap(), before);
    }
}

fn urls(records: &Path) -> Vec<String> {
    let text = fs::read_to_string(records).unwrap();
    assert!(text.ends_with('\n'), "a torn line");
    let url = |line: &str| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        record["url"].as_str().unwrap().to_owned()
    };
    text.lines().map(url).collect()
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
