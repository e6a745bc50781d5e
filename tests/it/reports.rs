//! The reports that the real binary writes, opened in a browser.

use std::path::Path;

use haul::origin::{LogLevel, Origin, OriginSettings};
use serde_json::Value;

use crate::cli::haul;
use crate::folder::Folder;
use crate::report::browser::Browser;

fn site() -> Origin {
    let settings = OriginSettings {
        pages: 60,
        log: LogLevel::Counts,
        ..OriginSettings::default()
    };
    Origin::start(settings).unwrap()
}

fn run(folder: &Path, words: &[&str]) -> i32 {
    let output = haul(folder, words).output().unwrap();
    let code = output.status.code().unwrap();
    assert!(
        [0, 3].contains(&code),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    code
}

/// The page of a report, and the data in it.
pub(crate) fn data(folder: &Path, name: &str) -> (String, Value) {
    let page = std::fs::read_to_string(folder.join(name)).unwrap();
    let (_, after) = page.split_once("id=\"data\">").unwrap();
    let json = after.split_once("</script>").unwrap().0.trim();
    let value = serde_json::from_str(json).unwrap();
    (page, value)
}

fn is_drawn(browser: &mut Browser, page: &str, charts: u64) {
    let address = browser.open(page);
    let drawn = browser.evaluate("document.querySelectorAll('[data-chart] svg').length");
    assert!(drawn.as_u64() >= Some(charts), "{drawn} charts");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    assert_eq!(browser.requests(), [address]);
}

#[test]
fn a_fetch_and_a_crawl_report_what_they_did() {
    let folder = Folder::new();
    let site = site();
    let list: Vec<_> = (0..50)
        .map(|page| site.url(&format!("/page/{page}")))
        .collect();
    let missing = site.url("/status/404?<b>");
    std::fs::write(
        folder.path().join("urls.txt"),
        format!("{}\n{missing}\n", list.join("\n")),
    )
    .unwrap();
    let words = [
        "fetch",
        "urls.txt",
        "--report",
        "fetch.html",
        "-q",
        "-o",
        "out.jsonl",
    ];
    assert_eq!(run(folder.path(), &words), 3);
    let (page, report) = data(folder.path(), "fetch.html");
    assert_eq!(
        (&report["kind"], &report["ended"]),
        (&"run".into(), &"complete".into())
    );
    assert_eq!(
        (&report["records"], &report["failed"]),
        (&51.into(), &1.into())
    );
    assert_eq!(report["statuses"], serde_json::json!([[200, 50], [404, 1]]));
    assert_eq!(
        report["failures"][0]["example"],
        Value::from(missing.replace('<', "%3C").replace('>', "%3E"))
    );
    assert_eq!(report["slowest"].as_array().unwrap().len(), 50);
    let records: f64 = {
        let points = report["over_time"].as_array().unwrap();
        let mut before = 0.0;
        points
            .iter()
            .map(|point| {
                let took = point["s"].as_f64().unwrap() - before;
                before += took;
                point["per_second"].as_f64().unwrap() * took
            })
            .sum()
    };
    assert!((records - 51.0).abs() < 0.01, "{records} records over time");
    let Some(mut browser) = Browser::start() else {
        return;
    };
    is_drawn(&mut browser, &page, 3);

    let start = site.url("/");
    run(
        folder.path(),
        &[
            "crawl",
            &start,
            "--depth",
            "2",
            "--sitemaps",
            "none",
            "--report",
            "crawl.html",
            "-q",
            "-o",
            "out2.jsonl",
        ],
    );
    let (page, report) = data(folder.path(), "crawl.html");
    let depths = report["depths"].as_array().unwrap();
    assert_eq!(depths.len(), 3, "{depths:?}");
    let pages: u64 = depths
        .iter()
        .map(|depth| depth["pages"].as_u64().unwrap())
        .sum();
    assert_eq!(report["records"], pages);
    is_drawn(&mut browser, &page, 4);
}

#[test]
fn a_comparison_is_drawn_and_drawn_again_from_its_json() {
    let folder = Folder::new();
    let words = [
        "compare",
        "-q",
        "--pages",
        "60",
        "--latency",
        "2ms",
        "-c",
        "4",
        "--rounds",
        "5",
        "--time-budget",
        "2s",
        "--report",
        "one.html",
        "--json",
        "two.json",
    ];
    assert_eq!(run(folder.path(), &words), 0);
    assert_eq!(run(folder.path(), &["report", "two.json"]), 0);
    let ((page, report), (again, same)) = (
        data(folder.path(), "one.html"),
        data(folder.path(), "two.html"),
    );
    assert_eq!(report, same);
    assert_eq!(page.len(), again.len());
    let Some(mut browser) = Browser::start() else {
        return;
    };
    is_drawn(&mut browser, &page, 18);
    let headline = browser.evaluate("document.querySelector('h1').textContent");
    assert_eq!(headline, report["verdict"]["sentence"]);
}

#[test]
fn a_file_that_is_not_report_data_is_rejected() {
    let folder = Folder::new();
    for (text, expected) in [
        ("{", "not valid JSON"),
        ("{\"kind\":\"order\"}", "not the data of a report"),
        ("{\"kind\":\"run\",\"format\":2}", "format 2"),
    ] {
        std::fs::write(folder.path().join("data.json"), text).unwrap();
        let output = haul(folder.path(), &["report", "data.json"])
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(
            stderr.contains(expected) && stderr.contains("data.json"),
            "{stderr}"
        );
    }
    assert!(!folder.path().join("data.html").exists());
}
