//! A job folder from the outside: what an interrupt, another command line, a second process, damage and a full disk
//! come to, told by exit codes and by the bytes of the output.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use haul::origin::{Answer, Gate, Origin, Site};
use rustix::process::{Pid, Signal, kill_process};

use crate::cli::{haul, run};
use crate::resume::{Running, audit, generated, site};
use crate::run::wait;

/// Longer than any of these runs takes.
const LIMIT: Duration = Duration::from_secs(60);
/// Where SQLite keeps the format of a job in its file (file format 1.3: the user version, big-endian).
const FORMAT_AT: u64 = 60;

/// A crawl of a generated site, kept in `job` in a folder of its own.
struct Kept {
    origin: Origin,
    pages: u64,
    folder: tempfile::TempDir,
}

impl Kept {
    fn of(pages: u64) -> Self {
        Self {
            origin: generated(pages),
            pages,
            folder: tempfile::tempdir().unwrap(),
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
        run.ends_within(LIMIT).expect("it hangs")
    }

    fn run(&self, more: &[&str]) -> (Option<i32>, String) {
        self.run_in(self.folder.path(), more)
    }

    /// Runs until the server has been asked so often, then interrupts.
    fn interrupted(&self, signal: Signal, after: u64) -> (Option<i32>, String) {
        self.origin.log().clear();
        let mut run = self.start_in(self.folder.path(), &[]);
        wait(self.origin.log().wait_for_hits(after));
        let id = Pid::from_raw(run.id().cast_signed()).unwrap();
        kill_process(id, signal).unwrap();
        run.ends_within(LIMIT).expect("it hangs")
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

    /// A copy of the folder as it stands, to spoil.
    fn copy(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        copy_folder(self.folder.path(), copy.path());
        copy
    }

    /// Asserts that a spoilt copy is refused with these words, and that its output stays as it is.
    fn refused(&self, copy: &Path, says: &str) {
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

fn shorten(path: &Path, length: u64) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(length).unwrap();
}

fn flip(path: &Path, bit: u64) {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, bit / 8).unwrap();
    file.write_all_at(&[byte[0] ^ 1 << (bit % 8)], bit / 8)
        .unwrap();
}

#[test]
fn an_interrupted_job_prints_the_command_that_goes_on_and_that_ends_it() {
    for (signal, ends_with) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let kept = Kept::of(1500);
        let (code, text) = kept.interrupted(signal, 300);
        assert_eq!(code, Some(ends_with), "{text}");
        let command = text
            .lines()
            .map(str::trim)
            .find(|line| line.starts_with("haul crawl"));
        let command = command.unwrap_or_else(|| panic!("no command in {text}"));
        let asked = kept.origin.log().requests();
        let binary = Path::new(env!("CARGO_BIN_EXE_haul"));
        let search = format!("{}:/usr/bin:/bin", binary.parent().unwrap().display());
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", command])
            .current_dir(kept.folder.path())
            .env("PATH", search)
            .env("XDG_CONFIG_HOME", kept.folder.path())
            .stderr(Stdio::piped());
        let (code, text) = Running::start(shell).ends_within(LIMIT).expect("it hangs");
        assert_eq!(code, Some(0), "{text}");
        kept.audit();
        // What was in flight was finished, so nothing was asked twice but robots.txt and its like.
        let all = kept.origin.log().requests();
        assert!(asked < 1500 && all < 1500 + 10, "{asked}, {all}");
    }
}

#[test]
fn a_job_that_is_done_asks_nothing_and_fresh_starts_over() {
    let kept = Kept::of(300);
    assert_eq!(kept.run(&["-q"]).0, Some(0));
    kept.audit();
    let (first, asked) = (kept.out(), kept.origin.log().requests());
    assert_eq!(kept.run(&["-q"]).0, Some(0));
    assert_eq!((kept.out(), kept.origin.log().requests()), (first, asked));
    assert_eq!(kept.run(&["-q", "--fresh"]).0, Some(0));
    assert_eq!(kept.origin.log().requests(), 2 * asked);
    kept.audit();
}

#[test]
fn a_job_that_is_done_tells_what_failed_and_ends_as_it_did_before() {
    let site = Site::builder()
        .route(
            "/",
            Answer::page("<a href=/gone>gone</a><a href=/well>well</a>"),
        )
        .route("/well", Answer::page("well"))
        .start()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (first, gone, well) = (site.url("/"), site.url("/gone"), site.url("/well"));
    let crawl = ["crawl", "--job", "crawl", &first];
    let checked = ["crawl", "--job", "checked", "--fail-on-broken", &first];
    let list = ["fetch", "--job", "list", &well, &gone];
    let forgiving = [
        "fetch",
        "--job",
        "forgiving",
        "--max-failed",
        "50%",
        &well,
        &gone,
    ];
    let nothing = ["fetch", "--job", "nothing", &gone];
    for (words, ends_with, failed) in [
        (&crawl[..], 0, "3 URLs, 1 failed"),
        (&checked, 3, "3 URLs, 1 failed"),
        (&list, 3, "2 URLs, 1 failed"),
        (&forgiving, 0, "2 URLs, 1 failed"),
        (&nothing, 4, "1 URL, 1 failed"),
    ] {
        let (code, _, text) = run(folder.path(), words);
        assert_eq!(code, Some(ends_with), "{text}");
        let asked = site.log().requests();
        let (code, _, text) = run(folder.path(), words);
        assert_eq!(code, Some(ends_with), "{words:?}: {text}");
        assert_eq!(site.log().requests(), asked);
        let expected = format!(
            "the job is done: {failed}; haul retry {} fetches the failures again\n",
            words[2]
        );
        assert!(text.contains(&expected), "{text}");
    }
    let (code, _, text) = run(folder.path(), &["fetch", "--job", "good", &well]);
    assert_eq!(code, Some(0), "{text}");
    let (code, _, text) = run(folder.path(), &["fetch", "--job", "good", &well]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("the job is done: 1 URL, none failed\n"),
        "{text}"
    );
}

#[test]
fn a_job_that_goes_on_ends_by_what_all_its_sessions_came_to() {
    let site = Site::builder()
        .route("/well", Answer::page("well"))
        .start()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (gone, well) = (site.url("/gone"), site.url("/well"));
    let session = |more: &[&str]| {
        let words = ["crawl", "--job", "job", "-c", "1", "--ignore-robots"];
        run(folder.path(), &[&words, more, &[&gone, &well]].concat())
    };
    let (code, _, text) = session(&["-n", "1"]);
    assert_eq!(code, Some(4), "{text}");
    let (code, _, text) = session(&["-n", "2", "--allow-changes"]);
    assert_eq!(code, Some(3), "{text}");
    assert_eq!(site.log().paths(), ["/gone", "/well"]);
}

/// The words as a user of this machine who may not read what is in the folder.
fn as_nobody(folder: &Path, words: &[&str]) -> Option<(Option<i32>, String)> {
    const NOBODY: u32 = 65534;
    let mut command = haul(folder, words);
    if rustix::process::geteuid().is_root() {
        // The binary may be where nobody else can go.
        let binary = folder.join("haul");
        fs::copy(env!("CARGO_BIN_EXE_haul"), &binary).unwrap();
        let environment: Vec<_> = command
            .get_envs()
            .map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned)))
            .collect();
        command = Command::new(binary);
        command
            .args(words)
            .current_dir(folder)
            .uid(NOBODY)
            .gid(NOBODY);
        for (name, value) in environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
    }
    let output = command.output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Some((output.status.code(), text))
}

#[test]
fn a_job_folder_that_may_not_be_read_is_not_taken_for_one_without_a_job() {
    let site = Site::builder()
        .fallback(Answer::page("well"))
        .start()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let url = site.url("/gone");
    let (code, _, text) = run(folder.path(), &["fetch", "-q", "--job", "job", &url]);
    assert_eq!(code, Some(0), "{text}");
    let job = folder.path().join("job");
    fs::set_permissions(&job, fs::Permissions::from_mode(0o000)).unwrap();
    for words in [
        &["job", "job"][..],
        &["explain", "job", &url],
        &["retry", "job"],
        &["fetch", "-q", "--from", "job"],
        &["fetch", "-q", "--job", "job", &url],
        &["fetch", "-q", "--job", "job", "--fresh", &url],
    ] {
        let Some((code, text)) = as_nobody(folder.path(), words) else {
            println!("skipped: the binary cannot be run as another user here");
            return;
        };
        assert_eq!(code, Some(2), "{words:?}: {text}");
        assert!(
            text.contains("job") && text.contains("Permission denied"),
            "{words:?}: {text}"
        );
        assert!(!text.contains("no job"), "{words:?}: {text}");
    }
    fs::set_permissions(&job, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn other_settings_are_refused_one_by_one_and_change_lets_some_of_them_through() {
    let kept = Kept::of(800);
    kept.interrupted(Signal::TERM, 100);
    let before = kept.out();
    let (code, text) = kept.run(&["-q", "--scope", "domain", "--per-host", "4"]);
    assert_eq!(code, Some(2), "{text}");
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    assert_eq!(
        lines[1..],
        ["per-host: 8 then, 4 now", "scope: host then, domain now"]
    );
    let (code, text) = kept.run(&[
        "-q",
        "--scope",
        "domain",
        "--per-host",
        "4",
        "--allow-changes",
    ]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("scope: host then, domain now"), "{text}");
    assert!(!text.contains("per-host"), "{text}");
    assert_eq!(kept.out(), before, "a refusal changes nothing");
    let (code, text) = kept.run(&["-q", "--per-host", "4", "--allow-changes"]);
    assert_eq!(code, Some(0), "{text}");
    kept.audit();
}

#[test]
fn a_second_process_is_told_which_folder_is_taken() {
    let gate = Gate::new();
    let origin = Site::builder()
        .route("/", Answer::page("<a href=/held>").held(&gate))
        .fallback(Answer::page("well"))
        .start()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let start = origin.url("/");
    let arguments = ["crawl", "-q", "--job", "the-job", &start];
    let mut first = Running::start(haul(folder.path(), &arguments));
    wait(origin.log().wait_for("/"));
    let (code, _, text) = run(folder.path(), &arguments);
    assert_eq!(code, Some(6), "{text}");
    assert!(text.contains("the-job: another haul"), "{text}");
    gate.open();
    assert_eq!(first.ends_within(LIMIT).unwrap().0, Some(0));
    assert_eq!(urls(&folder.path().join("the-job/records.jsonl")).len(), 2);
    assert_eq!(origin.log().hits("/").len(), 1);
}

#[test]
fn a_store_that_lost_its_end_is_refused_and_nothing_is_changed() {
    let kept = Kept::of(800);
    kept.interrupted(Signal::TERM, 400); // a good end: all of the store is in its one file
    let size = fs::metadata(kept.folder.path().join("job/frontier.db"))
        .unwrap()
        .len();
    // A last byte that is zero is read as one when it is missing: that alone would lose nothing.
    for length in [0, 100, 3000, size / 2, size - 4096, size - 100] {
        let copy = kept.copy();
        shorten(&copy.path().join("job/frontier.db"), length);
        kept.refused(copy.path(), "damaged");
    }
    for length in [0, 7, 15] {
        let copy = kept.copy();
        shorten(&copy.path().join("job/commits"), length);
        kept.refused(copy.path(), "damaged");
    }
    let copy = kept.copy();
    fs::remove_file(copy.path().join("job/commits")).unwrap();
    kept.refused(copy.path(), "damaged or missing");
    let copy = kept.copy();
    let old = OpenOptions::new()
        .write(true)
        .open(copy.path().join("job/frontier.db"));
    old.unwrap().write_all_at(&[0; 4], FORMAT_AT).unwrap();
    kept.refused(copy.path(), "format 0");
}

#[test]
fn a_bit_that_flips_in_a_store_is_refused_or_harmless() {
    let kept = Kept::of(200);
    kept.interrupted(Signal::TERM, 120);
    let mut random = fastrand::Rng::with_seed(7);
    let size = fs::metadata(kept.folder.path().join("job/frontier.db"))
        .unwrap()
        .len();
    let mut refused = 0;
    for trial in 0..30 {
        let copy = kept.copy();
        let bit = random.u64(..size * 8);
        flip(&copy.path().join("job/frontier.db"), bit);
        let before = fs::read(copy.path().join("out.jsonl")).unwrap();
        match kept.run_in(copy.path(), &["-q"]) {
            (Some(6), text) => {
                refused += 1;
                assert!(
                    text.contains("damaged") || text.contains("format"),
                    "{text}"
                );
                assert_eq!(fs::read(copy.path().join("out.jsonl")).unwrap(), before);
            }
            // A bit that means nothing: room that no row takes.
            (Some(0), _) => kept.audit_in(copy.path()),
            other => panic!("trial {trial}, bit {bit}: {other:?}"),
        }
    }
    assert!(refused > 5, "{refused} of 30");
}

#[test]
fn a_log_that_is_damaged_after_a_kill_is_refused() {
    let kept = Kept::of(1500);
    let run = kept.start_in(kept.folder.path(), &["-q"]);
    wait(kept.origin.log().wait_for_hits(700));
    run.kill();
    let log = kept.folder.path().join("job/frontier.db-wal");
    let size = fs::metadata(&log).unwrap().len();
    assert!(size > 10_000, "{size} bytes");
    for damage in 0..3 {
        let copy = kept.copy();
        let log = copy.path().join("job/frontier.db-wal");
        match damage {
            0 => shorten(&log, size / 2),
            1 => flip(&log, size * 4),
            _ => fs::remove_file(&log).unwrap(),
        }
        kept.refused(copy.path(), "damaged");
    }
    assert_eq!(kept.run(&["-q"]).0, Some(0), "the one that nobody touched");
    kept.audit();
}

#[test]
fn an_output_that_somebody_shortened_is_refused() {
    let kept = Kept::of(800);
    kept.interrupted(Signal::TERM, 200);
    let out = kept.folder.path().join("out.jsonl");
    let whole = kept.out();
    shorten(&out, whole.len() as u64 - 1);
    let (code, text) = kept.run(&["-q"]);
    assert_eq!(code, Some(5), "{text}");
    assert!(text.contains("somebody changed it"), "{text}");
    assert_eq!(kept.out(), whole[..whole.len() - 1]);
    fs::write(&out, &whole).unwrap();
    assert_eq!(kept.run(&["-q"]).0, Some(0));
    kept.audit();
}

/// A small disk of its own.
struct Disk(PathBuf);

impl Disk {
    /// `None` where we may not have one.
    fn of(folder: &Path, size: &str) -> Option<Self> {
        let path = folder.join("disk");
        fs::create_dir(&path).unwrap();
        let mounted = mount(
            &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"],
            &path,
        );
        mounted.then(|| Self(path))
    }

    fn grow(&self, size: &str) {
        assert!(mount(&["-o", &format!("remount,size={size}")], &self.0));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(arguments: &[&str], path: &Path) -> bool {
    let mut mount = Command::new("mount");
    let output = mount.args(arguments).arg(path).output();
    output.is_ok_and(|output| output.status.success())
}

#[test]
fn a_disk_that_fills_up_ends_the_run_and_with_more_room_the_same_command_ends_the_job() {
    for size in ["300k", "600k", "1m"] {
        let kept = Kept::of(2000);
        let Some(disk) = Disk::of(kept.folder.path(), size) else {
            println!("skipped: no small disk can be mounted here");
            return;
        };
        let (code, text) = kept.run_in(&disk.0, &["-q"]);
        assert_eq!(code, Some(5), "{text}");
        assert!(text.contains("cannot write"), "{text}");
        // Full still: nothing gets worse.
        let (code, text) = kept.run_in(&disk.0, &["-q"]);
        assert_eq!(code, Some(5), "{text}");
        disk.grow("64m");
        let (code, text) = kept.run_in(&disk.0, &["-q"]);
        assert_eq!(code, Some(0), "{size}: {text}");
        kept.audit_in(&disk.0);
    }
}
