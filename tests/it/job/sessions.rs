//! The sessions of a job: interrupted, resumed, rerun after the end, or refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use haul::origin::{Gate, Response, Site};
use rustix::process::Signal;

use super::{JobCrawl, LIMIT, urls};
use crate::cli::{haul, run};
use crate::folder::Folder;
use crate::program::{PATH, Program};
use crate::resume::Running;
use crate::run::wait;

#[test]
fn an_interrupted_job_prints_a_command_that_resumes_and_finishes_it() {
    for (signal, ends_with) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let job = JobCrawl::of(1500);
        let (code, text) = job.run_and_signal(signal, 300);
        assert_eq!(code, Some(ends_with), "{text}");
        let command = text
            .lines()
            .map(str::trim)
            .find(|line| line.starts_with("haul crawl"));
        let command = command.unwrap_or_else(|| panic!("no command in {text}"));
        let requests = job.origin.log().requests();
        let shell = Program::by("sh", job.folder.path(), command);
        let (code, text) = Running::start(shell)
            .ends_within(LIMIT)
            .expect("the run hangs");
        assert_eq!(code, Some(0), "{text}");
        job.audit();
        // Requests in flight were finished, so nothing was requested twice except robots.txt and the like.
        let all = job.origin.log().requests();
        assert!(requests < 1500 && all < 1500 + 10, "{requests}, {all}");
    }
}

#[test]
fn a_finished_job_requests_nothing_and_fresh_starts_over() {
    let job = JobCrawl::of(300);
    assert_eq!(job.run(&["-q"]).0, Some(0));
    job.audit();
    let (first, requests) = (job.out(), job.origin.log().requests());
    assert_eq!(job.run(&["-q"]).0, Some(0));
    assert_eq!((job.out(), job.origin.log().requests()), (first, requests));
    assert_eq!(job.run(&["-q", "--fresh"]).0, Some(0));
    assert_eq!(job.origin.log().requests(), 2 * requests);
    job.audit();
}

#[test]
fn a_finished_job_reports_its_failures_and_exits_as_before() {
    let site = Site::builder()
        .route(
            "/",
            Response::page("<a href=/gone>gone</a><a href=/well>well</a>"),
        )
        .route("/well", Response::page("well"))
        .start()
        .unwrap();
    let folder = Folder::new();
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
        let requests = site.log().requests();
        let (code, _, text) = run(folder.path(), words);
        assert_eq!(code, Some(ends_with), "{words:?}: {text}");
        assert_eq!(site.log().requests(), requests);
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
fn the_exit_code_of_a_resumed_job_covers_all_its_sessions() {
    let site = Site::builder()
        .route("/well", Response::page("well"))
        .start()
        .unwrap();
    let folder = Folder::new();
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

#[test]
fn a_job_whose_limit_of_rows_is_raised_reads_on_in_its_list() {
    let site = Site::builder()
        .fallback(Response::page("well"))
        .start()
        .unwrap();
    let folder = Folder::new();
    let list: String = (1..=5).map(|row| site.url(&format!("/{row}\n"))).collect();
    fs::write(folder.path().join("list.txt"), list).unwrap();
    let session = |more: &[&str]| {
        let words = ["fetch", "list.txt", "--job", "job", "-c", "1"];
        let (code, _, text) = run(folder.path(), &[&words, more].concat());
        assert_eq!(code, Some(0), "{text}");
    };
    session(&["-n", "2"]);
    session(&["-n", "2"]);
    let (_, shown, _) = run(folder.path(), &["job", "job"]);
    assert!(shown.contains("read up to row 2"), "{shown}");
    session(&["-n", "4", "--allow-changes"]);
    assert_eq!(site.log().paths(), ["/1", "/2", "/3", "/4"]);
    session(&["-n", "9", "--allow-changes"]);
    let (_, shown, _) = run(folder.path(), &["job", "job"]);
    assert!(shown.contains("fully read, 5 rows"), "{shown}");
}

/// Runs a command as a user who may not read the job folder.
fn run_as_nobody(folder: &Path, words: &[&str]) -> Option<(Option<i32>, String)> {
    const NOBODY: u32 = 65534;
    let mut command = haul(folder, words);
    if rustix::process::geteuid().is_root() {
        // The binary may be in a folder that no other user can enter.
        let binary = folder.join("haul");
        fs::copy(PATH, &binary).unwrap();
        command = Program::at(&binary, folder, words);
        command.as_user(NOBODY);
    }
    let output = command.output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Some((output.status.code(), text))
}

#[test]
fn an_unreadable_job_folder_is_not_mistaken_for_one_without_a_job() {
    let site = Site::builder()
        .fallback(Response::page("well"))
        .start()
        .unwrap();
    let folder = Folder::new();
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
        let Some((code, text)) = run_as_nobody(folder.path(), words) else {
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
fn changed_settings_are_rejected_one_by_one_and_allow_changes_permits_some() {
    let job = JobCrawl::of(800);
    job.run_and_signal(Signal::TERM, 100);
    let before = job.out();
    let (code, text) = job.run(&["-q", "--scope", "domain", "--per-host", "4"]);
    assert_eq!(code, Some(2), "{text}");
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    assert_eq!(
        lines[1..],
        ["per-host: 8 then, 4 now", "scope: host then, domain now"]
    );
    let (code, text) = job.run(&[
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
    assert_eq!(job.out(), before, "a refusal changes nothing");
    let (code, text) = job.run(&["-q", "--per-host", "4", "--allow-changes"]);
    assert_eq!(code, Some(0), "{text}");
    job.audit();
}

#[test]
fn a_second_process_reports_which_folder_is_in_use() {
    let gate = Gate::new();
    let origin = Site::builder()
        .route("/", Response::page("<a href=/held>").held(&gate))
        .fallback(Response::page("well"))
        .start()
        .unwrap();
    let folder = Folder::new();
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
