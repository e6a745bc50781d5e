//! What a comparison has to get right, with the real binary: the same engine twice is no difference, a planted one is found, waiting and computing
//! follow their laws, and being compared costs nothing. What is printed is in `benches/README.md`.
//!
//! `cargo bench --bench compare [-- RUNS]`

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::process::{Command, Stdio};
use std::time::Instant;

use haul::origin::{LogLevel, Origin, OriginSettings};
use serde_json::Value;

fn main() {
    let runs = std::env::args()
        .filter_map(|word| word.parse().ok())
        .next()
        .unwrap_or(10_u64);
    twins(runs);
    waiting();
    computing();
    cost();
}

fn compare(words: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_haul"))
        .args(["compare", "--no-config", "-q", "--json", "-"])
        .args(words)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn engines(found: &Value) -> &[Value] {
    found["engines"].as_array().unwrap()
}

/// The same engine under two names, and one with a sixth less in flight: where every request waits as long, it takes a fifth longer.
fn twins(runs: u64) {
    let small = [
        "--latency",
        "10ms",
        "--pages",
        "1500",
        "--time-budget",
        "5s",
    ];
    let (mut same, mut found) = (0, 0);
    for run in 0..runs {
        let seed = run.to_string();
        let words = |engines| [&["--seed", &seed, "--engines", engines][..], &small].concat();
        let twins = compare(&words("async:60,async:60"));
        same += u64::from(
            engines(&twins)
                .iter()
                .all(|engine| engine["place"] != "slower"),
        );
        let planted = compare(&words("async:60,async:50"));
        found += u64::from(engines(&planted)[1]["place"] == "slower");
    }
    println!("the same engine twice: no difference shown in {same} of {runs}");
    println!("a slowdown of 20 %: found in {found} of {runs}");
}

/// N requests that wait L each take N x L one after the other, and N / n x L with n in flight.
fn waiting() {
    let words = [
        "--latency",
        "50ms",
        "--pages",
        "960",
        "-c",
        "48",
        "--engines",
        "sequential,threads,async",
        "--rounds",
        "5",
    ];
    let found = compare(&words);
    for engine in engines(&found) {
        let urls = engine["urls"].as_f64().unwrap();
        let law = urls * 0.05 / engine["in_flight"].as_f64().unwrap();
        let wall = engine["wall_s"]["median"].as_f64().unwrap();
        println!(
            "50 ms, {:>3} in flight: {} takes {:.2}x what waiting alone would",
            engine["in_flight"],
            engine["name"].as_str().unwrap(),
            wall / law
        );
    }
}

/// What computes is as fast as there are cores, whoever waits.
fn computing() {
    let words = [
        "--latency",
        "0",
        "--pages",
        "200",
        "--work",
        "hash:10000",
        "-c",
        "16",
        "--rounds",
        "5",
        "--time-budget",
        "60s",
    ];
    let found = compare(&words);
    let speed = |engine: &Value| engine["per_second"]["median"].as_f64().unwrap();
    let alone = speed(&engines(&found)[0]);
    for engine in engines(&found) {
        println!(
            "computing on {} cores: {} is {:.2}x as fast as sequential",
            found["machine"]["cores"],
            engine["name"].as_str().unwrap(),
            speed(engine) / alone
        );
    }
}

/// The same URLs inside a comparison and by `haul fetch`, in turn.
fn cost() {
    let settings = OriginSettings {
        pages: 20_000,
        log: LogLevel::Counts,
        ..OriginSettings::default()
    };
    let origin = Origin::start(settings).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("urls.txt");
    let urls: Vec<_> = (0..20_000)
        .map(|page| origin.url(&format!("/page/{page}")))
        .collect();
    std::fs::write(&list, urls.join("\n")).unwrap();
    let list = list.to_str().unwrap();
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let words = [
            list,
            "--engines",
            "async",
            "--per-host",
            "0",
            "--rounds",
            "5",
        ];
        inside.push(
            engines(&compare(&words))[0]["wall_s"]["median"]
                .as_f64()
                .unwrap(),
        );
        for _ in 0..5 {
            let begun = Instant::now();
            let status = Command::new(env!("CARGO_BIN_EXE_haul"))
                .args([
                    "fetch",
                    "--no-config",
                    "-q",
                    list,
                    "--per-host",
                    "0",
                    "-f",
                    "jsonl",
                    "-o",
                ])
                .arg(folder.path().join("out.jsonl"))
                .status();
            assert!(status.unwrap().success());
            outside.push(begun.elapsed().as_secs_f64());
        }
    }
    let (inside, outside) = (median(inside), median(outside));
    println!(
        "20,000 URLs: {inside:.3} s in a comparison, {outside:.3} s by haul fetch: {:.2}x",
        inside / outside
    );
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
