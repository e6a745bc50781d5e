//! `haul audit`: what a run did is proved or refuted, and what nobody knows is not called polite.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use haul::origin::{Origin, OriginSettings, Reply, Response, Site};
use serde_json::Value;

use crate::cli::run as haul;
use crate::folder::Folder;
use crate::politeness::{assert_apart, hits};
use crate::run::{ms, on_every_engine};
use crate::{stranger, tools};

/// A generated site whose responses take longer than the delays of these tests.
fn slow() -> Origin {
    Origin::start(OriginSettings {
        pages: 100,
        page_bytes: 100,
        latency: ms(60),
        ..OriginSettings::default()
    })
    .unwrap()
}

fn urls(origin: &Origin, count: u64) -> Vec<String> {
    (0..count)
        .map(|page| format!("http://a.localhost:{}/page/{page}", origin.address().port()))
        .collect()
}

/// Fetches URLs with these flags, and returns the exit code.
fn fetch(folder: &Path, flags: &[&str], urls: &[String]) -> Option<i32> {
    let mut arguments = vec!["fetch", "-q"];
    arguments.extend(flags);
    arguments.extend(urls.iter().map(String::as_str));
    haul(folder, &arguments).0
}

/// Audits a run: the exit code, the lines of its hosts, and the last line.
fn audit(folder: &Path, arguments: &[&str]) -> (Option<i32>, Vec<Value>, Value) {
    let arguments = [&["audit", "--json"], arguments].concat();
    let (code, stdout, stderr) = haul(folder, &arguments);
    let mut lines: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let run = lines.pop().unwrap_or_else(|| panic!("{code:?} {stderr}"));
    (code, lines, run)
}

fn kinds(host: &Value) -> Vec<&str> {
    let breaches = host["breaches"].as_array().unwrap();
    breaches
        .iter()
        .map(|breach| breach["kind"].as_str().unwrap())
        .collect()
}

/// The shortest gap of a host, in milliseconds.
fn gap(host: &Value) -> f64 {
    host["shortest_gap_ms"].as_f64().unwrap()
}

#[test]
fn a_delay_is_kept_even_while_requests_overlap_and_a_stricter_one_is_refuted() {
    on_every_engine(|engine| {
        let origin = slow();
        let folder = Folder::new();
        let flags = ["--job", "job", "--delay", "40ms", "--engine", engine];
        assert_eq!(fetch(folder.path(), &flags, &urls(&origin, 12)), Some(0));
        let (code, hosts, run) = audit(folder.path(), &["job"]);
        assert_eq!((code, &run["verdict"]), (Some(0), &"kept".into()), "{run}");
        assert_eq!((hosts.len(), &hosts[0]["requests"]), (1, &12.into()));
        assert!(
            gap(&hosts[0]) >= 39.99 && hosts[0]["delay_ms"] == 40.0,
            "{}",
            hosts[0]
        );
        // The owner of the site sees the same.
        assert_apart(&hits("a", &origin), ms(40));
        let (code, hosts, run) = audit(folder.path(), &["job", "--delay", "5s"]);
        assert_eq!((code, &run["verdict"]), (Some(3), &"broken".into()));
        assert_eq!(hosts[0]["broken"], 11);
        assert_eq!(kinds(&hosts[0]), ["delay"; 5]);
    });
}

#[test]
fn a_job_without_a_delay_is_held_to_the_number_in_flight() {
    let origin = slow();
    let folder = Folder::new();
    let flags = ["--job", "job", "--per-host", "3"];
    assert_eq!(fetch(folder.path(), &flags, &urls(&origin, 12)), Some(0));
    let (code, hosts, _) = audit(folder.path(), &["job"]);
    assert_eq!((code, &hosts[0]["most_in_flight"]), (Some(0), &3.into()));
    let (code, hosts, _) = audit(folder.path(), &["job", "--per-host", "2"]);
    assert_eq!(code, Some(3));
    assert_eq!(kinds(&hosts[0])[0], "per-host");
    let (code, _, run) = audit(folder.path(), &["job", "--rate", "5/s"]);
    assert_eq!(code, Some(3));
    assert_eq!(kinds(&run)[0], "rate");
}

#[test]
fn records_are_held_to_what_is_demanded_and_alone_prove_nothing() {
    let origin = slow();
    let folder = Folder::new();
    let at = |name: &str| folder.path().join(name);
    let flags = ["-o", "out.jsonl", "--delay", "50ms"];
    assert_eq!(fetch(folder.path(), &flags, &urls(&origin, 6)), Some(0));
    let (code, hosts, run) = audit(folder.path(), &["out.jsonl"]);
    assert_eq!((code, &run["verdict"]), (Some(4), &"not-proved".into()));
    assert!(gap(&hosts[0]) >= 48.0, "{}", hosts[0]);
    assert!(
        run["unknown"]
            .as_array()
            .unwrap()
            .contains(&"limits".into())
    );
    let (code, ..) = audit(folder.path(), &["out.jsonl", "--delay", "50ms"]);
    assert_eq!(code, Some(0));
    // Somebody makes one of them look as if it was sent together with the one before it.
    let text = fs::read_to_string(at("out.jsonl")).unwrap();
    let mut records: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    records[3]["sent"] = records[2]["sent"].clone();
    let lines = records.iter().map(|record| format!("{record}\n"));
    fs::write(at("altered.jsonl"), lines.collect::<String>()).unwrap();
    let (code, hosts, _) = audit(folder.path(), &["altered.jsonl", "--delay", "50ms"]);
    assert_eq!(code, Some(3));
    assert_eq!((gap(&hosts[0]), kinds(&hosts[0])), (0.0, vec!["delay"]));
}

/// A host that is busy once, and asks to come back a second later.
fn busy() -> Origin {
    busy_for("1")
}

/// The same, with another wait, in seconds.
fn busy_for(seconds: &'static str) -> Origin {
    let requests = AtomicUsize::new(0);
    Site::builder()
        .route_with("/busy", move |_| {
            match requests.fetch_add(1, Ordering::SeqCst) {
                0 => Reply::explained(503).header("Retry-After", seconds).into(),
                _ => Response::page("well again"),
            }
        })
        .fallback(Response::page("well"))
        .start()
        .unwrap()
}

#[test]
fn a_retry_after_is_kept_and_one_that_was_not_is_found() {
    let origin = busy();
    let folder = Folder::new();
    let urls = ["/busy", "/a", "/b", "/c"].map(|path| origin.url(path));
    let flags = ["--job", "job", "--per-host", "1"];
    assert_eq!(fetch(folder.path(), &flags, &urls), Some(0));
    let (code, hosts, _) = audit(folder.path(), &["job"]);
    assert_eq!(
        (code, &hosts[0]["waits"]),
        (Some(0), &1.into()),
        "{hosts:?}"
    );
    let records = folder.path().join("job/records.jsonl");
    let limit = ["--per-host", "1"];
    let path = records.to_str().unwrap();
    let (code, hosts, _) = audit(folder.path(), &[&[path][..], &limit].concat());
    assert_eq!(
        (code, &hosts[0]["waits"]),
        (Some(0), &1.into()),
        "{hosts:?}"
    );
    // The same run, had the host asked for ten minutes.
    let text = fs::read_to_string(&records).unwrap();
    let altered = text.replace("\"retry_after_s\":1", "\"retry_after_s\":600");
    assert_ne!(text, altered);
    fs::write(folder.path().join("altered.jsonl"), altered).unwrap();
    let (code, hosts, _) = audit(folder.path(), &["altered.jsonl"]);
    assert_eq!(code, Some(3));
    assert_eq!(kinds(&hosts[0])[0], "retry-after");
}

/// A site that forbids `/private`.
fn forbidding() -> Origin {
    Site::builder()
        .route(
            "/robots.txt",
            Response::body("text/plain", "User-agent: *\nDisallow: /private\n"),
        )
        .fallback(Response::page("a page"))
        .start()
        .unwrap()
}

#[test]
fn robots_txt_counts_as_it_stood_then_and_ignoring_it_is_shown() {
    let origin = forbidding();
    let folder = Folder::new();
    let urls = ["/", "/private"].map(|path| origin.url(path));
    assert_eq!(
        fetch(folder.path(), &["--job", "obeys", "--robots"], &urls),
        Some(0)
    );
    let (code, hosts, _) = audit(folder.path(), &["obeys"]);
    assert_eq!((code, &hosts[0]["robots"]), (Some(0), &"kept".into()));
    assert_eq!(hosts[0]["requests"], 2, "robots.txt and one page");
    assert_eq!(fetch(folder.path(), &["--job", "ignores"], &urls), Some(0));
    let (code, hosts, _) = audit(folder.path(), &["ignores"]);
    assert_eq!((code, &hosts[0]["robots"]), (Some(0), &"ignored".into()));
    let (code, hosts, _) = audit(folder.path(), &["ignores", "--robots"]);
    assert_eq!(code, Some(3));
    assert_eq!(kinds(&hosts[0]), ["robots-unasked"; 2]);
    // An archive has the robots.txt itself, if it was requested.
    let urls = ["/robots.txt", "/", "/private"].map(|path| origin.url(path));
    let flags = ["-o", "site.warc", "--per-host", "1"];
    assert_eq!(fetch(folder.path(), &flags, &urls), Some(0));
    let (code, hosts, _) = audit(folder.path(), &["site.warc", "--robots"]);
    assert_eq!(code, Some(3));
    assert_eq!(kinds(&hosts[0]), ["robots"]);
    let url = hosts[0]["breaches"][0]["url"].as_str().unwrap();
    assert!(url.ends_with("/private"));
    assert_eq!(audit(folder.path(), &["site.warc"]).0, Some(4));
}

#[test]
fn an_archive_of_another_tool_is_audited_as_far_as_it_goes() {
    let Some(wget) = tools::program("wget") else {
        return;
    };
    let origin = slow();
    let folder = Folder::new();
    let archive = |name: &str, flags: &[&str]| {
        let status = Command::new(&wget)
            .current_dir(folder.path())
            .args([
                "-q",
                "--no-warc-compression",
                "-O",
                "pages",
                "-e",
                "robots=off",
            ])
            .args([format!("--warc-file={name}")])
            .args(flags)
            .args((0..4).map(|page| origin.url(&format!("/page/{page}"))))
            .status();
        assert!(status.unwrap().success());
        format!("{name}.warc")
    };
    let fast = archive("fast", &[]);
    let (code, hosts, run) = audit(folder.path(), &[&fast]);
    assert_eq!((code, &hosts[0]["requests"]), (Some(4), &4.into()));
    assert_eq!(hosts[0]["most_in_flight"], Value::Null);
    let unknown = run["unknown"].as_array().unwrap();
    for lack in ["durations", "limits", "robots"] {
        assert!(unknown.contains(&lack.into()), "{run}");
    }
    let (code, hosts, _) = audit(folder.path(), &[&fast, "--delay", "5s"]);
    assert_eq!(code, Some(3));
    assert_eq!(kinds(&hosts[0]), ["delay"; 3]);
    // Its dates are whole seconds: two that are a second apart may be hardly apart.
    let paced = archive("paced", &["--wait=2"]);
    let (code, _, run) = audit(folder.path(), &[&paced, "--delay", "1s"]);
    assert_eq!(code, Some(0), "{run}");
    let (code, _, run) = audit(folder.path(), &[&paced, "--delay", "2s"]);
    let unknown = run["unknown"].as_array().unwrap();
    assert_eq!(code, Some(4), "{run}");
    assert!(unknown.contains(&"whole-seconds".into()), "{run}");
}

#[test]
fn what_a_killed_session_sent_last_is_said_to_be_unknown() {
    let origin = slow();
    let folder = Folder::new();
    let mut arguments = vec!["fetch", "-q", "--job", "job", "--per-host", "1"];
    let urls = urls(&origin, 100);
    arguments.extend(urls.iter().map(String::as_str));
    let mut run = crate::cli::haul(folder.path(), &arguments).spawn().unwrap();
    crate::run::wait(origin.log().wait_for_hits(8));
    run.kill().unwrap();
    run.wait().unwrap();
    let (code, _, run) = audit(folder.path(), &["job"]);
    assert_eq!(code, Some(0), "{run}");
    assert_eq!(run["unknown"], serde_json::json!(["unfinished"]));
    assert_eq!(run["sessions"][0]["ended"], Value::Null);
    assert_eq!(haul(folder.path(), &arguments).0, Some(0));
    let (code, hosts, run) = audit(folder.path(), &["job"]);
    assert_eq!(code, Some(0), "{run}");
    assert!(hosts[0]["requests"].as_u64().unwrap() >= 92, "{run}");
    assert_eq!(run["sessions"].as_array().unwrap().len(), 2);
}

/// Starts a run, interrupts it after so many requests, and runs it to its end at once.
fn interrupted(folder: &Path, origin: &Origin, hits: u64, flags: &[&str], urls: &[String]) {
    let mut arguments = vec!["fetch", "-q", "--job", "job"];
    arguments.extend(flags);
    arguments.extend(urls.iter().map(String::as_str));
    let mut run = crate::cli::haul(folder, &arguments).spawn().unwrap();
    crate::run::wait(origin.log().wait_for_hits(hits));
    run.kill().unwrap();
    run.wait().unwrap();
    assert_eq!(haul(folder, &arguments).0, Some(0));
}

#[test]
fn a_delay_and_a_wait_outlive_the_process_that_kept_them() {
    let origin = slow();
    let folder = Folder::new();
    let urls = urls(&origin, 3);
    interrupted(folder.path(), &origin, 2, &["--delay", "1s"], &urls);
    assert_apart(&hits("a", &origin), ms(1000));
    let origin = busy_for("2");
    let folder = Folder::new();
    let urls = ["/a", "/busy", "/b"].map(|path| origin.url(path));
    // The response that asks for the wait is in the log as soon as it is committed.
    let mut arguments = vec!["fetch", "-q", "--job", "job", "--per-host", "1"];
    arguments.extend(urls.iter().map(String::as_str));
    let mut run = crate::cli::haul(folder.path(), &arguments).spawn().unwrap();
    stranger::wait_until("the wait is not committed", || {
        let (code, hosts, _) = match folder.path().join("job/frontier.db").exists() {
            true => audit_if_there(folder.path()),
            false => (None, Vec::new(), Value::Null),
        };
        code == Some(0) && hosts.first().is_some_and(|host| host["waits"] == 1)
    });
    run.kill().unwrap();
    run.wait().unwrap();
    assert_eq!(haul(folder.path(), &arguments).0, Some(0));
    let (code, hosts, run) = audit(folder.path(), &["job"]);
    assert_eq!(code, Some(0), "{run} {hosts:?}");
    assert_eq!(run["sessions"].as_array().unwrap().len(), 2);
    let busy: Vec<_> = origin
        .log()
        .all_hits()
        .into_iter()
        .filter(|hit| hit.path == "/busy")
        .collect();
    assert_apart(&busy, ms(2000));
}

/// As [`audit`], of a job that may not be whole yet.
fn audit_if_there(folder: &Path) -> (Option<i32>, Vec<Value>, Value) {
    let (code, stdout, _) = haul(folder, &["audit", "--json", "job"]);
    let lines = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    (code, lines.collect(), Value::Null)
}

#[test]
fn a_job_of_an_earlier_version_has_not_passed() {
    let origin = forbidding();
    let folder = Folder::new().with_jobs_of_earlier_versions();
    let urls = [origin.url("/")];
    assert_eq!(fetch(folder.path(), &["--job", "job"], &urls), Some(0));
    let path = folder.path().join("job/frontier.db");
    let database = rusqlite::Connection::open(path).unwrap();
    let tables = "DROP TABLE sessions; DROP TABLE requests; DROP TABLE robots;";
    database.execute_batch(tables).unwrap();
    drop(database);
    let (code, _, run) = audit(folder.path(), &["job"]);
    assert_eq!((code, &run["verdict"]), (Some(4), &"not-proved".into()));
    assert!(
        run["unknown"]
            .as_array()
            .unwrap()
            .contains(&"earlier-version".into())
    );
    // It goes on being known after this version has worked on it.
    let more = [urls[0].clone(), origin.url("/more")];
    let flags = ["--job", "job", "--allow-changes", "--per-host", "2"];
    assert_ne!(fetch(folder.path(), &flags, &more[..1]), Some(2));
    let (code, _, run) = audit(folder.path(), &["job"]);
    assert_eq!(code, Some(4), "{run}");
}

#[test]
fn the_table_for_people_has_a_line_for_each_host_in_eighty_columns() {
    let origin = slow();
    let folder = Folder::new();
    let port = origin.address().port();
    let long = "a".repeat(60);
    let urls = [
        format!("http://{long}.localhost:{port}/page/1"),
        format!("http://b.localhost:{port}/page/1"),
        format!("http://b.localhost:{port}/page/2"),
    ];
    assert_eq!(
        fetch(folder.path(), &["--job", "job", "--delay", "20ms"], &urls),
        Some(0)
    );
    let mut program = crate::cli::haul(folder.path(), &["audit", "job", "--delay", "9s"]);
    let output = program.env("COLUMNS", "80").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3));
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert_eq!(
        text.lines()
            .filter(|line| line.starts_with("http://"))
            .count(),
        2
    );
    assert!(
        text.contains("  ! ") && text.contains("limits were broken once"),
        "{text}"
    );
}
