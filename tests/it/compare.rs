//! `haul compare`: the real binary against real servers.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use haul::origin::{LogLevel, Origin, OriginSettings};
use serde_json::Value;

use crate::cli::haul;
use crate::folder::Folder;
use crate::http2;
use crate::stranger;

/// The flags that keep a comparison small.
const SMALL: [&str; 6] = ["--rounds", "5", "--time-budget", "30s", "-c", "8"];

pub(crate) fn compare(folder: &Path, arguments: &[&str]) -> Output {
    let mut words = vec!["compare"];
    words.extend_from_slice(&SMALL);
    words.extend_from_slice(arguments);
    haul(folder, &words).output().unwrap()
}

pub(crate) fn json(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        output
            .status
            .code()
            .is_some_and(|code| [0, 10].contains(&code)),
        "{text}"
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn names(comparison: &Value) -> Vec<&str> {
    let engines = comparison["engines"].as_array().unwrap();
    engines
        .iter()
        .map(|engine| engine["name"].as_str().unwrap())
        .collect()
}

#[test]
fn every_engine_does_the_same_work_and_is_measured_by_itself() {
    let folder = Folder::new();
    let output = compare(
        folder.path(),
        &[
            "--json",
            "-",
            "--pages",
            "80",
            "--latency",
            "2ms",
            "--seed",
            "7",
        ],
    );
    let comparison = json(&output);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        names(&comparison),
        [
            "sequential",
            "threads",
            "blocking",
            "async",
            "processes",
            "hybrid"
        ]
    );
    assert_eq!(comparison["answers"]["agree"], true);
    assert_eq!(comparison["answers"]["compared"], 80);
    for engine in comparison["engines"].as_array().unwrap() {
        let name = engine["name"].as_str().unwrap();
        assert_eq!(engine["rounds"].as_array().unwrap().len(), 5, "{name}");
        for round in engine["rounds"].as_array().unwrap() {
            assert_eq!(round["requests"], engine["urls"], "{name}");
            assert_eq!(round["failed"], 0, "{name}");
        }
        assert!(
            engine["latency_ms"]["p50"].as_f64().unwrap() >= 2.0,
            "{name}"
        );
        assert!(
            engine["peak_memory_bytes"].as_u64().unwrap() > 1 << 20,
            "{name}"
        );
        let cpu = &engine["cpu_us"];
        assert!(
            cpu["user"].as_f64().unwrap() + cpu["system"].as_f64().unwrap() > 1.0,
            "{name}"
        );
        let lanes = engine["lanes"].as_array().unwrap();
        assert_eq!(
            lanes.len() as u64,
            engine["urls"].as_u64().unwrap(),
            "{name}"
        );
    }
    let engine = |name: &str| {
        let engines = comparison["engines"].as_array().unwrap();
        engines
            .iter()
            .find(|engine| engine["name"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(engine("sequential")["connections"], 1);
    assert_eq!(engine("processes")["connections"], 8);
    assert_eq!(engine("blocking")["connections"], 8);
    assert_eq!(engine("sequential")["place"], "slower");
    assert_eq!(engine("processes")["processes"], 9);
    assert!(engine("threads")["threads"].as_u64() > engine("async")["threads"].as_u64());
    let most = |name: &str| {
        let engine = engine(name);
        let points = engine["in_flight_over_time"].as_array().unwrap();
        points.iter().map(|point| point[1].as_u64().unwrap()).max()
    };
    assert_eq!(most("sequential"), Some(1));
    assert!(most("async") > Some(4) && most("async") <= Some(8));
    assert!(
        comparison["command"]
            .as_str()
            .unwrap()
            .ends_with("--latency 2ms --pages 80 --concurrency 8 --seed 7"),
        "{}",
        comparison["command"]
    );
}

#[test]
fn the_table_shows_the_winner_its_bottleneck_and_the_next_command() {
    let folder = Folder::new();
    let words = [
        "--engines",
        "sequential,async",
        "--pages",
        "40",
        "--latency",
        "5ms",
        "--work",
        "hash:1",
    ];
    let output = compare(folder.path(), &words);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    for expected in [
        "async is the fastest, with ",
        "sequential takes",
        "bound by ",
        "haul fetch urls.txt --per-host 0 --engine async -c 8",
        "proved equal: 40 of 40",
        "haul compare --engines sequential --engines async --work hash:1 --rounds 5",
        // Memory is shown in powers of two, as on the report page.
        "  MiB  KiB/req  ",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
}

#[test]
fn engines_that_get_different_responses_have_no_winner() {
    // The server has another page for those who speak HTTP/2, which `blocking` does not.
    let address = http2::serve(&["h2", "http/1.1"], Arc::default());
    let folder = Folder::new();
    let url = format!("https://{address}/page");
    let words = [
        "--engines",
        "async,blocking",
        "-k",
        "--json",
        "found.json",
        &url,
    ];
    let output = compare(folder.path(), &words);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(10), "{text}");
    assert!(text.contains("no winner") && text.contains(&url), "{text}");
    let comparison: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.path().join("found.json")).unwrap())
            .unwrap();
    assert_eq!(comparison["verdict"], Value::Null);
    assert_eq!(
        comparison["answers"]["differences"][0]["answers"][0][0],
        "async"
    );
}

#[test]
fn many_requests_to_other_machines_need_consent() {
    let folder = Folder::new();
    let lines: Vec<_> = (0..100)
        .map(|page| format!("http://192.0.2.1/{page}"))
        .collect();
    std::fs::write(folder.path().join("urls.txt"), lines.join("\n")).unwrap();
    let output = compare(folder.path(), &["urls.txt"]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(
        text.contains("4,200 requests") && text.contains("--yes"),
        "{text}"
    );
}

#[test]
fn the_users_politeness_settings_apply_and_the_diagnosis_says_so() {
    let settings = OriginSettings {
        pages: 30,
        log: LogLevel::Counts,
        ..OriginSettings::default()
    };
    let origin = Origin::start(settings).unwrap();
    let folder = Folder::new();
    let urls: Vec<_> = (0..30)
        .map(|page| origin.url(&format!("/page/{page}")))
        .collect();
    std::fs::write(folder.path().join("urls.txt"), urls.join("\n")).unwrap();
    let words = [
        "urls.txt",
        "--engines",
        "threads,async",
        "--delay",
        "3ms",
        "--json",
        "-",
    ];
    let output = compare(folder.path(), &words);
    let comparison = json(&output);
    assert_eq!(
        comparison["diagnosis"]["bound"],
        "your own politeness settings"
    );
    let wall = comparison["engines"][0]["wall_s"]["median"]
        .as_f64()
        .unwrap();
    assert!(wall >= 0.003 * 29.0, "{wall}");
    let next = comparison["recommendation"]["command"].as_str().unwrap();
    assert!(
        next.starts_with("haul fetch urls.txt --delay 3ms --engine "),
        "{next}"
    );
}

#[test]
fn a_sweep_climbs_until_more_does_not_help_and_is_fitted() {
    let folder = Folder::new();
    let words = [
        "--engines",
        "async",
        "--pages",
        "400",
        "--latency",
        "2ms",
        "--sweep",
        "--json",
        "-",
    ];
    let output = compare(folder.path(), &words);
    let comparison = json(&output);
    let curve = &comparison["sweep"]["curves"][0];
    let points = curve["points"].as_array().unwrap();
    assert!(points.len() >= 4, "{curve}");
    let speed = |index: usize| points[index]["per_second"]["median"].as_f64().unwrap();
    assert!(
        speed(2) > 2.0 * speed(0),
        "four in flight wait at the same time: {curve}"
    );
    let stopped = curve["end"]["because"] == "stopped_growing";
    assert_eq!(stopped, !curve["knee"].is_null(), "{curve}");
    assert!(
        curve["knee"].as_u64().is_none_or(|knee| knee >= 2),
        "{curve}"
    );
    if let Some(fit) = curve["fit"]["r_squared"].as_f64() {
        assert!(fit >= 0.8, "{curve}");
    }
}

#[test]
fn an_impossible_comparison_is_rejected_before_any_request() {
    let folder = Folder::new();
    for (words, expected) in [
        (&["--engines", "fibers"][..], "fibers"),
        (&["--work", "sleep:5"][..], "sleep:5"),
        (&["--map", "http://127.0.0.1:9/"][..], "--map"),
        (
            &["--latency", "5ms", "http://127.0.0.1:9/"][..],
            "--latency",
        ),
        (&["--pages", "0"][..], "--pages"),
    ] {
        let output = compare(folder.path(), words);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(expected), "{text}");
    }
    let output = haul(folder.path(), &["compare", "--rounds", "4"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn sweeps_and_the_map_change_one_thing_at_a_time_and_put_it_back() {
    let folder = Folder::new();
    let small = [
        "--engines",
        "async",
        "--pages",
        "24",
        "--latency",
        "1ms",
        "--json",
        "-",
    ];
    for (axis, unit, points) in [("latency", "ms", 8), ("work", "us", 7)] {
        let comparison = json(&compare(
            folder.path(),
            &[&small[..], &["--sweep", axis]].concat(),
        ));
        assert_eq!(comparison["sweep"]["unit"], unit);
        let curve = &comparison["sweep"]["curves"][0];
        let measured = curve["points"].as_array().unwrap();
        assert_eq!(measured.len(), points, "{curve}");
        let speed = |index: usize| measured[index]["per_second"]["median"].as_f64().unwrap();
        assert!(speed(0) > 2.0 * speed(points - 1), "{curve}");
        assert_eq!(curve["fit"], Value::Null, "the law is about concurrency");
    }
    let comparison = json(&compare(folder.path(), &[&small[..], &["--map"]].concat()));
    let map = &comparison["map"];
    assert_eq!(map["cells"].as_array().unwrap().len(), 16);
    assert_eq!(map["latency_ms"].as_array().unwrap().len(), 4);
    for cell in map["cells"].as_array().unwrap() {
        assert_eq!(
            (&cell["winner"], &cell["shown"]),
            (&"async".into(), &true.into())
        );
    }
    assert_eq!(comparison["workload"]["practice"]["latency_ms"], 1.0);
}

#[test]
fn without_a_fetched_page_there_is_no_winner() {
    let folder = Folder::new();
    let closed = stranger::nobody();
    let words = [
        "--engines",
        "async,threads",
        "--retries",
        "0",
        &format!("http://{closed}/"),
    ];
    let output = compare(folder.path(), &words);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(
        text.contains("nothing was fetched") && !text.contains("haul fetch"),
        "{text}"
    );
}
