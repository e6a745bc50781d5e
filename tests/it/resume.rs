//! Pulling the plug: the real binary is killed at random, and still writes each record once.
//!
//! Other libraries read the records. A kill comes after a random time, like a power failure; no test depends on which
//! moment it hits. A run that does not end is killed later each time. The seed of a failure is printed; the moments
//! also depend on the scheduler, so a seed leads close to the failure, not exactly to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use haul::origin::{LogLevel, Origin, OriginSettings};
use serde_json::Value;

use crate::cli::haul;
use crate::folder::Folder;
use crate::program::{Process, Program};
use crate::run::ms;
use crate::written;

/// The number of trials that run at once: a trial is mostly waiting.
const AT_ONCE: usize = 5;
/// The first kills come within this time.
const FIRST: Duration = ms(600);
/// The number of kills after which the next ones come later.
const PATIENCE: u32 = 8;
/// A killed process and everything that it started end within this time.
const GONE: Duration = Duration::from_secs(20);

/// Every engine, and the number of pages that it crawls in a second or two.
const ENGINES: [(&str, u64); 5] = [
    ("sequential", 400),
    ("threads:8", 1500),
    ("blocking:8", 1500),
    ("async:64", 3000),
    ("processes:2x8", 2000),
];

/// Every kind of output.
#[derive(Debug, Clone, Copy)]
enum OutputKind {
    Jsonl,
    Csv,
    Template,
    /// A file for each body, and its path in the records.
    Folder,
}

const KINDS: [OutputKind; 4] = [
    OutputKind::Jsonl,
    OutputKind::Csv,
    OutputKind::Template,
    OutputKind::Folder,
];

impl OutputKind {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            OutputKind::Jsonl => &["-o", "out.jsonl"],
            OutputKind::Csv => &["-o", "out.csv"],
            OutputKind::Template => &["-o", "out.txt", "-w", "%{row} %{status} %{url}\\n"],
            OutputKind::Folder => &["-o", "out.jsonl", "--output-dir", "pages"],
        }
    }

    /// Reads the output: row, status or error class, and URL of each record.
    fn read(self, folder: &Path) -> Vec<(String, String, String)> {
        match self {
            OutputKind::Jsonl | OutputKind::Folder => {
                let records = written::jsonl(&folder.join("out.jsonl"));
                let text = |value: &Value| match value {
                    Value::Null => String::new(),
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                let ended = |record: &Value| match &record["status"] {
                    Value::Null => text(&record["error"]),
                    status => status.to_string(),
                };
                let parts = |record: &Value| {
                    let (row, url) = (text(&record["row"]), text(&record["url"]));
                    (row, ended(record), url)
                };
                records.iter().map(parts).collect()
            }
            OutputKind::Csv => {
                let records = written::csv(&folder.join("out.csv"));
                let parts = |record: &BTreeMap<String, String>| {
                    let ended = match record["status"].as_str() {
                        "" => &record["error"],
                        status => status,
                    };
                    let (row, url) = (record["row"].clone(), record["url"].clone());
                    (row, ended.to_owned(), url)
                };
                records.iter().map(parts).collect()
            }
            OutputKind::Template => {
                let lines = fs::read_to_string(folder.join("out.txt")).unwrap();
                assert!(lines.is_empty() || lines.ends_with('\n'), "a torn line");
                let parts = |line: &str| {
                    let mut parts = line.splitn(3, ' ').map(str::to_owned);
                    let mut part = || parts.next().unwrap_or_else(|| panic!("torn: {line:?}"));
                    (part(), part(), part())
                };
                lines.lines().map(parts).collect()
            }
        }
    }
}

/// A process, and the standard error of it and everything that it started.
pub(crate) struct Running {
    child: Process,
    output: Receiver<String>,
}

impl Running {
    pub(crate) fn start(mut command: Program) -> Self {
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let (sender, output) = channel();
        thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            let _ = sender.send(text); // nobody may be waiting anymore
        });
        Self { child, output }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its exit code and standard error, if it ends within this time.
    pub(crate) fn ends_within(&mut self, time: Duration) -> Option<(Option<i32>, String)> {
        match self.output.recv_timeout(time) {
            Ok(text) => Some((self.child.wait().unwrap().code(), text)),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("the reader has ended"),
        }
    }

    /// Kills the process and returns its standard error.
    ///
    /// Its children share that standard error, so once it is closed, all of them have ended.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().unwrap();
        let (code, text) = self
            .ends_within(GONE)
            .expect("a child that survives its parent");
        // It may have ended by itself just before that, with a list that has malformed lines.
        assert!(matches!(code, None | Some(0 | 3)), "{code:?} {text}");
        text
    }
}

/// Kills a run at random moments until it ends by itself; returns the number of kills.
pub(crate) fn pull_the_plug(folder: &Path, seed: u64, arguments: &[&str]) -> u32 {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut longest = FIRST;
    for kills in 0..400 {
        let wait = longest.mul_f64(random.f64());
        let mut run = Running::start(haul(folder, arguments));
        if let Some((code, text)) = run.ends_within(wait) {
            assert!(matches!(code, Some(0 | 3)), "{code:?} {text}");
            return kills;
        }
        let text = run.kill();
        assert!(text.is_empty(), "{text}");
        if kills % PATIENCE == PATIENCE - 1 {
            longest = longest.mul_f64(1.5);
        }
    }
    panic!("the run does not end");
}

/// Asserts that each page of a site has exactly one record, and that there are no others.
pub(crate) fn audit(urls: impl IntoIterator<Item = String>, wanted: &BTreeSet<String>) {
    let mut count: BTreeMap<String, u32> = BTreeMap::new();
    for url in urls {
        *count.entry(url).or_default() += 1;
    }
    let lost: Vec<_> = wanted
        .iter()
        .filter(|url| !count.contains_key(*url))
        .collect();
    let twice: Vec<_> = count.iter().filter(|(_, count)| **count > 1).collect();
    let foreign: Vec<_> = count.keys().filter(|url| !wanted.contains(*url)).collect();
    let first = |list: &[&String]| format!("{} such as {:?}", list.len(), list.first());
    assert!(
        lost.is_empty() && twice.is_empty() && foreign.is_empty(),
        "{} lost, {} twice such as {:?}, {} foreign",
        first(&lost),
        twice.len(),
        twice.first(),
        first(&foreign),
    );
}

/// The URLs of a generated site.
pub(crate) fn site(origin: &Origin, pages: u64) -> BTreeSet<String> {
    let numbered = (0..pages).map(|page| origin.url(&format!("/page/{page}")));
    numbered.chain([origin.url("/")]).collect()
}

pub(crate) fn generated(pages: u64) -> Origin {
    Origin::start(OriginSettings {
        pages,
        page_bytes: 2 << 10,
        links_per_page: 4,
        latency: ms(1),
        log: LogLevel::Counts,
        ..OriginSettings::default()
    })
    .unwrap()
}

/// Kills a crawl until it ends by itself, audits the output, and returns the number of kills.
fn crawl_trial(seed: u64) -> u32 {
    let (engine, mut pages) = ENGINES[seed as usize % ENGINES.len()];
    let kind = KINDS[seed as usize / ENGINES.len() % KINDS.len()];
    if matches!(kind, OutputKind::Folder) {
        pages /= 4; // each file is flushed to disk separately
    }
    let origin = generated(pages);
    let folder = Folder::new();
    let start = origin.url("/");
    let mut arguments = vec!["crawl", &start, "--job", "job", "-q", "--engine", engine];
    arguments.extend(kind.arguments());
    let kills = pull_the_plug(folder.path(), seed, &arguments);
    let records = kind.read(folder.path());
    assert!(records.iter().all(|(_, status, _)| status == "200"));
    audit(
        records.into_iter().map(|(_, _, url)| url),
        &site(&origin, pages),
    );
    if matches!(kind, OutputKind::Folder) {
        let files = written::files(folder.path(), "out.jsonl", "pages");
        assert_eq!(files as u64, pages + 1);
    }
    kills
}

/// Writes a list of 5,000 rows with comments, repeated and malformed rows.
///
/// Returns the rows that get a record.
fn long_list(origin: &Origin, path: &Path) -> BTreeSet<String> {
    let mut list = fs::File::create(path).unwrap();
    let mut rows = BTreeSet::new();
    for row in 1..=5000_u64 {
        let line = match row % 50 {
            0 => "# a comment".to_owned(),
            1 | 2 => "no url at all".to_owned(),
            3..=8 => origin.url(&format!("/page/{}", row % 100)),
            _ => origin.url(&format!("/page/{row}")),
        };
        writeln!(list, "{line}").unwrap();
        if row % 50 != 0 {
            rows.insert(row.to_string());
        }
    }
    rows
}

/// Kills a fetch until it ends by itself, audits the output, and returns the number of kills.
fn list_trial(seed: u64) -> u32 {
    let origin = generated(5001);
    let folder = Folder::new();
    let rows = long_list(&origin, &folder.path().join("urls.txt"));
    let (engine, _) = ENGINES[1 + seed as usize % (ENGINES.len() - 1)];
    let kind = KINDS[seed as usize % 3];
    let mut arguments = vec![
        "fetch", "urls.txt", "--job", "job", "-q", "--engine", engine,
    ];
    arguments.extend(kind.arguments());
    let kills = pull_the_plug(folder.path(), seed, &arguments);
    let records = kind.read(folder.path());
    let ends = |wanted: &str| records.iter().filter(|record| record.1 == wanted).count();
    if !matches!(kind, OutputKind::Template) {
        assert_eq!(ends("malformed"), 200);
    }
    audit(records.into_iter().map(|(row, _, _)| row), &rows);
    kills
}

/// Runs the trial with all of these seeds, and returns the number of kills.
fn all(seeds: std::ops::Range<u64>, trial: fn(u64) -> u32) -> u32 {
    let (next, kills) = (AtomicU64::new(seeds.start), AtomicU32::new(0));
    let failed: Vec<u64> = thread::scope(|scope| {
        let work = || {
            let mut failed = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::SeqCst);
                if seed >= seeds.end {
                    return failed;
                }
                // In its own thread: a panic is printed where it happens, and ends no other trial.
                match thread::spawn(move || trial(seed)).join() {
                    Ok(count) => _ = kills.fetch_add(count, Ordering::SeqCst),
                    Err(_) => failed.push(seed),
                }
            }
        };
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    assert!(failed.is_empty(), "failed with the seeds {failed:?}");
    kills.into_inner()
}

#[test]
fn a_crawl_that_is_killed_again_and_again_has_each_page_once_on_every_engine_and_sink() {
    let kills = all(0..20, crawl_trial);
    assert!(kills >= 20, "{kills} kills are no proof");
}

#[test]
fn a_list_that_is_killed_again_and_again_has_each_row_once() {
    let kills = all(0..4, list_trial);
    assert!(kills >= 4, "{kills} kills are no proof");
}

#[test]
#[ignore = "soak: 200 seeds"]
fn soak_of_200_seeds() {
    let (crawls, lists) = (all(1000..1180, crawl_trial), all(1000..1020, list_trial));
    println!("{} kills", crawls + lists);
}

/// The children of a process, according to the system.
fn children(parent: u32) -> Vec<PathBuf> {
    let list = format!("/proc/{parent}/task/{parent}/children");
    let list = fs::read_to_string(list).unwrap_or_default();
    list.split_whitespace()
        .map(|id| Path::new("/proc").join(id))
        .collect()
}

#[test]
fn the_children_of_a_killed_run_end_with_it() {
    let origin = generated(3000);
    let folder = Folder::new();
    let start = origin.url("/");
    let arguments = [
        "crawl",
        &start,
        "--job",
        "job",
        "-q",
        "--engine",
        "processes:3x4",
    ];
    let run = Running::start(haul(folder.path(), &arguments));
    crate::run::wait(origin.log().wait_for_hits(300));
    let children = children(run.id());
    assert_eq!(children.len(), 3, "{children:?}");
    run.kill();
    assert!(children.iter().all(|child| !child.join("exe").exists()));
}
