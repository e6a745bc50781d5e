//! `haul job`, `haul explain` and `haul retry` show, explain and retry jobs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use haul::origin::{Gate, Origin, Response, Site};
use serde_json::Value;

use crate::folder::Folder;

/// How often a test looks for a state before it gives up.
const LOOKS: usize = 2_000;

fn haul(folder: &Path, words: &[&str]) -> Output {
    crate::cli::haul(folder, words).output().unwrap()
}

/// Runs a command, asserts its exit code, and returns what it prints.
fn output_of(folder: &Path, words: &[&str], code: i32) -> String {
    let output = haul(folder, words);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{words:?}: {errors}");
    String::from_utf8(output.stdout).unwrap() + &errors
}

fn json(folder: &Path, words: &[&str]) -> Value {
    let output = haul(folder, words);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words:?}: {errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The statuses of each URL's records, in order.
fn statuses(folder: &Path, origin: &Origin) -> BTreeMap<String, Vec<u64>> {
    let text = fs::read_to_string(folder.join("job/records.jsonl")).unwrap();
    let mut statuses: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let url = record["url"].as_str().unwrap();
        let path = url.strip_prefix(origin.url("").trim_end_matches('/'));
        let status = record["status"].as_u64().unwrap_or_default();
        statuses
            .entry(path.unwrap().to_owned())
            .or_default()
            .push(status);
    }
    statuses
}

/// Every file of the folder, and its content.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

fn page(links: &[&str]) -> Response {
    let links: Vec<_> = links
        .iter()
        .map(|link| format!("<a href=\"{link}\">x</a>"))
        .collect();
    Response::page(format!("<title>p</title>{}", links.concat()))
}

/// A site with broken pages.
///
/// One page is missing, one fails until mended, one such is behind a redirect, and one is forbidden.
struct Broken {
    origin: Origin,
    mended: Arc<AtomicBool>,
}

fn broken() -> Broken {
    let mended = Arc::new(AtomicBool::new(false));
    let busy = |mended: &Arc<AtomicBool>| {
        let mended = mended.clone();
        Response::call(move |_| match mended.load(SeqCst) {
            true => page(&["/late"]),
            false => Response::status(503),
        })
    };
    let robots = Response::body("text/plain", "User-agent: *\nDisallow: /private\n");
    let origin = Site::builder()
        .route("/robots.txt", robots)
        .route("/", page(&["/a", "/busy", "/gone", "/moved"]))
        .route(
            "/a",
            page(&[
                "/a/~b",
                "/private/x",
                "/a/file.pdf",
                "http://other.example/",
            ]),
        )
        .route("/a/~b", page(&["/a/c"]))
        .route("/a/c", page(&[]))
        .route("/late", page(&[]))
        .route("/busy", busy(&mended))
        .route("/behind", busy(&mended))
        .route("/moved", Response::redirect(302, "/behind"))
        .start()
        .unwrap();
    Broken { origin, mended }
}

fn crawl(folder: &Path, origin: &Origin, more: &[&str], code: i32) -> String {
    let seed = origin.url("/");
    let words = ["crawl", &seed, "--job", "job", "--retries", "0"];
    output_of(folder, &[&words[..], more].concat(), code)
}

#[test]
fn a_job_is_shown_while_another_haul_works_on_it() {
    let folder = Folder::new();
    let gate = Gate::new();
    let origin = Site::builder()
        .route("/", page(&["/held", "/1", "/2"]))
        .route("/held", page(&[]).held(&gate))
        .route("/1", page(&[]))
        .route("/2", page(&[]))
        .start()
        .unwrap();
    let words = ["crawl", &origin.url("/"), "--job", "job"];
    let mut crawl = crate::cli::haul(folder.path(), &words).spawn().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(origin.log().wait_for("/held"));
    // The requests show up with the next checkpoint.
    let look = || json(folder.path(), &["job", "job", "--json"]);
    let seen = (0..LOOKS)
        .map(|_| look())
        .find(|job| job["done"] == 3)
        .expect("a checkpoint came");
    assert_eq!((&seen["waiting"], &seen["urls"]), (&1.into(), &4.into()));
    assert_eq!(seen["hosts"][0]["waiting"], 1);
    let explained = output_of(folder.path(), &["explain", "job", &origin.url("/held")], 0);
    assert!(explained.contains("waiting or in flight"), "{explained}");
    // Only one process may work on a job.
    let again = output_of(folder.path(), &["retry", "job"], 0);
    assert!(again.contains("1 URL is waiting"), "{again}");
    gate.open();
    assert!(crawl.wait().unwrap().success());
    let job = look();
    assert_eq!((&job["waiting"], &job["done"]), (&0.into(), &4.into()));
    assert_eq!(job["list"]["done"], true);
}

#[test]
fn a_job_is_shown_with_its_causes_of_failure_and_is_not_changed() {
    let folder = Folder::new();
    let site = broken();
    crawl(folder.path(), &site.origin, &["-E", "*.pdf"], 0);
    let before = files(&folder.path().join("job"));
    let job = json(folder.path(), &["job", "job", "--json"]);
    let table = output_of(folder.path(), &["job", "job"], 0);
    output_of(
        folder.path(),
        &["explain", "job", &site.origin.url("/a")],
        0,
    );
    assert_eq!(files(&folder.path().join("job")), before);

    assert_eq!(job["waiting"], 0);
    assert_eq!(job["failed"], 3, "{table}");
    assert_eq!(job["failures"]["http-5xx"]["count"], 2);
    assert_eq!(
        job["failures"]["http-4xx"]["example"],
        site.origin.url("/gone")
    );
    let skips = job["skips"].as_object().unwrap();
    let classes: Vec<_> = skips.keys().map(String::as_str).collect();
    assert_eq!(classes, ["excluded", "robots", "scope"]);
    assert_eq!(job["settings"]["command"], "crawl");
    let records: usize = statuses(folder.path(), &site.origin)
        .values()
        .map(Vec::len)
        .sum();
    assert_eq!(job["records"], records);
    let bytes = before["records.jsonl"].len();
    let marks = job["marks"].as_object().unwrap();
    assert!(
        marks.values().all(|mark| mark["bytes"] == bytes),
        "{marks:?}"
    );
    for text in [
        "3 failed",
        "× http-5xx",
        "× robots",
        "waiting",
        "fully read, 1 row",
    ] {
        assert!(table.contains(text), "{text}: {table}");
    }
}

#[test]
fn only_the_failures_of_a_cause_are_retried_and_their_links_are_followed() {
    let folder = Folder::new();
    let site = broken();
    crawl(folder.path(), &site.origin, &["-E", "*.pdf"], 0);
    let slip = output_of(
        folder.path(),
        &["retry", "job", "--cause", "5xx,sometimes"],
        2,
    );
    assert!(
        slip.contains("sometimes") && slip.contains("timeout"),
        "{slip}"
    );
    let none = output_of(folder.path(), &["retry", "job", "--cause", "dns"], 0);
    assert!(none.contains("none of 3 failures"), "{none}");

    site.mended.store(true, SeqCst);
    site.origin.log().clear();
    // Another spelling of the same folder.
    output_of(folder.path(), &["retry", "./job", "--cause", "5xx"], 0);
    let mut paths = site.origin.log().paths();
    paths.sort();
    assert_eq!(paths, ["/behind", "/busy", "/late", "/robots.txt"]);
    let statuses = statuses(folder.path(), &site.origin);
    assert_eq!(statuses["/busy"], [503, 200]);
    assert_eq!(statuses["/behind"], [503, 200]);
    assert_eq!(statuses["/moved"], [302], "a redirect has its own record");
    assert_eq!(
        (&statuses["/gone"][..], &statuses["/late"][..]),
        (&[404][..], &[200][..])
    );
    let job = json(folder.path(), &["job", "job", "--json"]);
    assert_eq!((&job["failed"], &job["pass"]), (&1.into(), &1.into()));

    // A repeated failure counts as a failure again, and without failures nothing is requested.
    output_of(folder.path(), &["retry", "job"], 0);
    assert_eq!(site.origin.log().hits("/gone").len(), 1);
}

#[test]
fn a_list_is_retried_too_and_without_failures_nothing_is_requested() {
    let folder = Folder::new();
    let site = broken();
    let lines = ["/busy", "/a"].map(|path| site.origin.url(path));
    fs::write(folder.path().join("urls.txt"), lines.join("\n")).unwrap();
    let words = ["fetch", "urls.txt", "--job", "job", "--retries", "0"];
    output_of(folder.path(), &words, 3);
    site.mended.store(true, SeqCst);
    output_of(folder.path(), &["retry", "job"], 0);
    let seen = statuses(folder.path(), &site.origin);
    assert_eq!(
        (&seen["/busy"][..], &seen["/a"][..]),
        (&[503, 200][..], &[200][..])
    );
    let requests = site.origin.log().requests();
    let nothing = output_of(folder.path(), &["retry", "job"], 0);
    assert!(nothing.contains("nothing failed"), "{nothing}");
    assert_eq!(site.origin.log().requests(), requests);
}

#[test]
fn a_secret_of_a_job_has_to_be_given_again() {
    let folder = Folder::new();
    let site = broken();
    let secret = ["-H", "X-Key: s3cret", "-H", "Accept: text/html"];
    crawl(folder.path(), &site.origin, &secret, 0);
    site.origin.log().clear();
    let missing = output_of(folder.path(), &["retry", "job"], 2);
    assert!(missing.contains("--header X-Key: …"), "{missing}");
    assert_eq!(site.origin.log().requests(), 0);
    site.mended.store(true, SeqCst);
    let words = [
        "retry",
        "job",
        "--cause",
        "503",
        "--",
        "-H",
        "X-Key: s3cret",
    ];
    output_of(folder.path(), &words, 0);
    let hit = &site.origin.log().hits("/busy")[0];
    assert_eq!(hit.header("x-key"), Some("s3cret"));
    assert_eq!(hit.header("accept"), Some("text/html"));
    // A changed setting is an error, unless it may change and the user allows changes.
    let slower = [
        "retry",
        "job",
        "--",
        "-H",
        "X-Key: s3cret",
        "--delay",
        "1ms",
    ];
    let refused = output_of(folder.path(), &slower, 2);
    assert!(
        refused.contains("delay") && refused.contains("--allow-changes"),
        "{refused}"
    );
}

#[test]
fn a_url_is_explained_with_the_decision_and_the_pages_that_led_there() {
    let folder = Folder::new();
    let site = broken();
    crawl(folder.path(), &site.origin, &["-E", "*.pdf"], 0);
    let url = |path: &str| site.origin.url(path);
    for (url, texts) in [
        (
            url("/"),
            &["done, with status 200", "in the list, row 1"][..],
        ),
        (
            url("/busy"),
            &[
                "failed: http-5xx: HTTP 503",
                "haul retry job --cause http-5xx",
            ],
        ),
        (
            url("/private/x"),
            &["skipped: robots:", "Disallow: /private"],
        ),
        (
            url("/a/file.pdf"),
            &["skipped: excluded: excluded by *.pdf (--exclude)"],
        ),
        (
            "http://other.example/".to_owned(),
            &["skipped: scope: outside the scope: host (--scope)"],
        ),
        (
            url("/behind"),
            &["failed: http-5xx", "found     by a redirect", "/moved"],
        ),
        (
            url("/nobody"),
            &["never seen: no page links to it", "it is in scope"],
        ),
        (
            url("/nobody.pdf"),
            &["would be skipped: excluded: excluded by *.pdf (--exclude)"],
        ),
        (
            "http://nobody.example/".to_owned(),
            &["would be skipped: scope"],
        ),
    ] {
        let text = output_of(folder.path(), &["explain", "job", &url], 0);
        for part in texts {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    // Both spellings are the same URL, and the chain begins at the seed.
    let other = url("/x/../a/%7eb#top");
    let known = json(folder.path(), &["explain", "job", &other, "--json"]);
    let seen = &known["sightings"][0];
    assert_eq!(seen["url"], url("/a/~b"));
    let chain: Vec<_> = seen["chain"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["url"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(chain, [url("/"), url("/a")]);
    assert_eq!(
        (&seen["depth"], &seen["standing"]["status"]),
        (&2.into(), &200.into())
    );
    output_of(folder.path(), &["explain", "job", "mailto:a@b.example"], 2);
}

#[test]
fn a_long_chain_is_shown_from_both_ends() {
    let folder = Folder::new();
    let mut site = Site::builder();
    for at in 0..60 {
        site = site.route(&format!("/{at}"), page(&[&format!("/{}", at + 1)]));
    }
    let origin = site.start().unwrap();
    let words = ["crawl", &origin.url("/0"), "--job", "job"];
    output_of(folder.path(), &words, 0);
    let last = origin.url("/60");
    let known = json(folder.path(), &["explain", "job", &last, "--json"]);
    let seen = &known["sightings"][0];
    let chain = seen["chain"].as_array().unwrap();
    assert_eq!((chain.len(), &seen["left_out"]), (20, &40.into()));
    assert_eq!(chain[0]["url"], origin.url("/0"));
    assert_eq!(chain[1]["url"], origin.url("/41"));
    assert_eq!(chain[19]["url"], origin.url("/59"));
}

#[test]
fn a_missing_job_and_a_damaged_one_have_their_own_exit_codes() {
    let folder = Folder::new().with_damaged_jobs();
    let site = broken();
    let url = site.origin.url("/");
    for words in [
        &["job", "job"][..],
        &["retry", "job"],
        &["explain", "job", &url],
    ] {
        let text = output_of(folder.path(), words, 6);
        assert!(text.contains("no job"), "{text}");
        assert!(
            !folder.path().join("job").exists(),
            "looking creates no folder"
        );
    }
    crawl(folder.path(), &site.origin, &[], 0);
    let path = folder.path().join("job/frontier.db");
    let mut bytes = fs::read(&path).unwrap();
    let needle = b"HTTP 503";
    let at = bytes
        .windows(8)
        .position(|window| window == needle)
        .unwrap();
    bytes[at] ^= 1;
    fs::write(&path, &bytes).unwrap();
    for words in [&["job", "job"][..], &["retry", "job"]] {
        let text = output_of(folder.path(), words, 6);
        assert!(text.contains("damaged"), "{text}");
    }
}

#[test]
fn outputs_that_the_job_does_not_know_are_not_emptied() {
    let folder = Folder::new();
    let site = broken();
    crawl(folder.path(), &site.origin, &["-o", "out.jsonl"], 0);
    let before = fs::read(folder.path().join("out.jsonl")).unwrap();
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("out.jsonl"), "mine\n").unwrap();
    site.mended.store(true, SeqCst);
    let output = haul(&elsewhere, &["retry", "../job"]);
    assert!(!output.status.success());
    assert_eq!(fs::read(elsewhere.join("out.jsonl")).unwrap(), b"mine\n");
    assert_eq!(fs::read(folder.path().join("out.jsonl")).unwrap(), before);
}
