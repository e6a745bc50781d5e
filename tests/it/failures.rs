//! `haul retry FILE`: the failures in any output are fetched again, into the same output.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use haul::origin::{Gate, Origin, Request, Response, Site};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::cli::{haul as command, run as haul};
use crate::folder::Folder;
use crate::run::wait;

/// A site whose `/bad` returns 503 until it is mended.
struct Shop {
    site: Origin,
    is_mended: Arc<AtomicBool>,
}

impl Shop {
    fn open() -> Self {
        let is_mended = Arc::new(AtomicBool::new(false));
        let mended = is_mended.clone();
        let bad = move |_: &Request| match mended.load(Ordering::SeqCst) {
            true => Response::page("well again"),
            false => Response::status(503),
        };
        let site = Site::builder()
            .route("/bad", Response::call(bad))
            .fallback(Response::page("<title>well</title>"))
            .start()
            .unwrap();
        Self { site, is_mended }
    }

    /// Writes a list with a good URL, a failing one, an unreachable one, and an invalid one.
    fn list(&self, folder: &Path) {
        let text = format!(
            "url,shop\n{},tools\n{},wood\nhttp://127.0.0.1:1/,gone\nnonsense,none\n",
            self.site.url("/well"),
            self.site.url("/bad"),
        );
        fs::write(folder.join("list.csv"), text).unwrap();
    }

    fn requested(&self) -> Vec<String> {
        let mut paths = self.site.log().paths();
        paths.sort();
        paths
    }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn the_failures_of_every_output_are_fetched_again_and_nothing_else() {
    for output in [
        "out.jsonl",
        "out.csv",
        "out.sqlite",
        "out.parquet",
        "out.jsonl.gz",
        "out.csv.zst",
    ] {
        let (shop, folder) = (Shop::open(), Folder::new());
        let here = folder.path();
        shop.list(here);
        let run = |words: &[&str]| haul(here, &[words, &["--retries", "0"]].concat());
        let (code, _, error) = run(&["fetch", "list.csv", "-o", output]);
        assert_eq!(code, Some(3), "{output}: {error}");
        assert_eq!(shop.requested(), ["/bad", "/well"], "{output}");

        let (code, _, error) = haul(here, &["retry", output, "--", "--retries", "0"]);
        assert_eq!(code, Some(4), "{output}: {error}");
        assert!(
            error.contains("2 of 3 failures will be fetched again"),
            "{output}: {error}"
        );
        assert!(
            error.contains("1 failure cannot be retried: not a URL"),
            "{output}: {error}"
        );
        assert!(
            error.contains("do not contain the headers, bodies"),
            "{output}: {error}"
        );
        assert_eq!(shop.requested(), ["/bad", "/bad", "/well"], "{output}");

        // Only the newest record of each row counts: the records of the retry add no failures.
        let (_, out, error) = haul(
            here,
            &[
                "retry",
                output,
                "--cause",
                "5xx",
                "--",
                "--retries",
                "0",
                "-q",
                "-o",
                "-",
                "-f",
                "jsonl",
            ],
        );
        assert!(error.contains("1 of 3 failures"), "{output}: {error}");
        let record: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(record["row"], 3, "{output}");
        assert_eq!(record["columns"]["shop"], "wood", "{output}");
        assert_eq!(record["status"], 503, "{output}");
        // The first retry of the output wrote a record with pass 1.
        assert_eq!(record["pass"], 2, "{output}");
    }
}

#[test]
fn a_failure_that_a_retry_mended_no_longer_counts() {
    let (shop, folder) = (Shop::open(), Folder::new());
    let here = folder.path();
    fs::write(
        here.join("urls.txt"),
        format!("{}\n{}\n", shop.site.url("/well"), shop.site.url("/bad")),
    )
    .unwrap();
    let (code, ..) = haul(
        here,
        &["fetch", "urls.txt", "-o", "out.jsonl", "--retries", "0"],
    );
    assert_eq!(code, Some(3));
    shop.is_mended.store(true, Ordering::SeqCst);
    let (code, _, error) = haul(here, &["retry", "out.jsonl"]);
    assert_eq!(code, Some(0), "{error}");
    let records = lines(&here.join("out.jsonl"));
    let ends: Vec<_> = records
        .iter()
        .map(|record| (record["row"].as_u64(), record["status"].as_u64()))
        .collect();
    assert_eq!(ends.len(), 3);
    assert_eq!(ends[2], (Some(2), Some(200)));
    let (code, out, _) = haul(here, &["retry", "out.jsonl"]);
    assert_eq!((code, out.as_str()), (Some(0), "nothing failed\n"));
    assert_eq!(shop.requested(), ["/bad", "/bad", "/well"]);
}

#[test]
fn a_request_with_a_body_is_reported_and_never_sent_without_it() {
    let (shop, folder) = (Shop::open(), Folder::new());
    let here = folder.path();
    let bad = shop.site.url("/bad");
    let text = format!(
        "{{\"url\":\"{bad}\",\"method\":\"POST\",\"body\":\"k=1\"}}\n{{\"url\":\"{bad}?2\",\"method\":\"HEAD\"}}\n"
    );
    fs::write(here.join("list.jsonl"), text).unwrap();
    haul(
        here,
        &["fetch", "list.jsonl", "-o", "out.jsonl", "--retries", "0"],
    );
    let before = shop.site.log().all_hits().len();
    let (code, _, error) = haul(here, &["retry", "out.jsonl", "--", "--retries", "0"]);
    assert!(matches!(code, Some(3 | 4)), "{error}");
    assert!(
        error.contains("--rows 1 ") && error.contains("body"),
        "{error}"
    );
    let hits = shop.site.log().all_hits();
    assert_eq!(hits.len(), before + 1);
    assert_eq!(hits[before].method, "HEAD");
}

#[test]
fn an_output_of_a_job_and_a_file_that_is_not_an_output_are_rejected() {
    let (shop, folder) = (Shop::open(), Folder::new());
    let here = folder.path();
    shop.list(here);
    haul(
        here,
        &["fetch", "list.csv", "--job", "job", "--retries", "0"],
    );
    for (words, part) in [
        (&["retry", "job/records.jsonl"][..], "haul retry"),
        (&["retry", "list.csv"], "no records of haul"),
        (&["retry", "absent.jsonl"], "no job"),
    ] {
        let (code, _, error) = haul(here, words);
        assert!(
            matches!(code, Some(2 | 6)) && error.contains(part),
            "{words:?} {code:?}: {error}"
        );
    }
    fs::write(here.join("out.jsonl"), "{\"row\":1,\"url\":\"http://a.example/\",\"final_url\":null,\"status\":null,\"error\":\"dns\",\"duplicate_of\":null,\"method\":null,\"depth\":0,\"found_on\":null}\n{\"torn\":").unwrap();
    let (code, _, error) = haul(here, &["retry", "out.jsonl", "--", "http://a.example/"]);
    assert!(
        code == Some(2) && error.contains("cannot be used here"),
        "{error}"
    );
    let (_, _, error) = haul(here, &["retry", "out.jsonl", "--", "--dry-run", "-o", "-"]);
    assert!(
        error.contains("1 line of out.jsonl is not a record"),
        "{error}"
    );
}

#[test]
fn an_interrupted_retry_prints_how_to_resume() {
    let (gate, folder) = (Gate::new(), Folder::new());
    let here = folder.path();
    let site = Site::builder()
        .fallback(Response::page("late").held(&gate))
        .start()
        .unwrap();
    let record = serde_json::json!({
        "row": 7, "url": site.url("/x"), "final_url": null, "status": null, "error": "timeout", "duplicate_of": null,
        "method": null, "depth": 0, "found_on": null,
    });
    fs::write(here.join("my out.jsonl"), format!("{record}\n")).unwrap();
    let words = ["retry", "my out.jsonl", "--", "--retries", "0"];
    let mut child = command(here, &words).spawn().unwrap();
    wait(site.log().wait_for_hits(1));
    let process = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(process, Signal::INT).unwrap();
    let mut error = BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    while !text.contains("Ctrl-C") {
        assert_ne!(error.read_line(&mut text).unwrap(), 0, "{text}");
    }
    kill_process(process, Signal::INT).unwrap();
    error.read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{text}");
    assert!(
        text.contains("haul retry 'my out.jsonl' -- --retries 0\n"),
        "{text}"
    );
    gate.open();
}
