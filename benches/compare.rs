//! What `haul compare` has to get right: the real binary is checked against planted truths.
//!
//! Engines that differ by a known amount, identical twins, the laws of waiting and computing, a map whose cells are
//! timed again from outside, and the cost of being compared. All of it runs again next to a busy neighbour, where a
//! comparison may report fewer differences but never a false one.
//!
//! `cargo bench --bench compare [-- RUNS] [alone|neighbour] [planted] [twins] [laws] [map] [cost]`: all of it with 10
//! runs takes about an hour and a half. `benches/README.md` has the results.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use haul::origin::{LogLevel, Origin, OriginSettings};
use haul::parse::Work;
use haul::{Config, Stop};
use serde_json::Value;

/// How far a map cell's winner may be from the best engine measured outside, as a factor.
const NEAR: f64 = 1.05;
/// How often each engine is timed outside for a cell; the median counts.
const TIMES: usize = 3;
/// Roughly how long one of these timings takes, in seconds.
const TIME: f64 = 0.3;

fn main() {
    let runs = std::env::args()
        .filter_map(|word| word.parse().ok())
        .next()
        .unwrap_or(10_u64);
    let is_selected = |part: &str| std::env::args().any(|word| word == part);
    if !is_selected("neighbour") {
        truths("alone", runs);
    }
    if !is_selected("alone") {
        let neighbour = Neighbour::start();
        truths("beside a busy neighbour", runs);
        drop(neighbour);
    }
}

fn truths(place: &str, runs: u64) {
    let parts = ["planted", "twins", "laws", "map", "cost"];
    let some = std::env::args().any(|word| parts.contains(&word.as_str()));
    let is_selected = |part: &str| !some || std::env::args().any(|word| word == part);
    if is_selected("planted") {
        // When every request waits equally long, n in flight take 1/n of the time.
        planted(place, runs, 62, "2m");
        planted(place, runs.div_ceil(3), 63, "2m");
    }
    if is_selected("twins") {
        twins(place, runs * 10);
    }
    if is_selected("laws") {
        laws(place);
    }
    if is_selected("map") {
        map(place);
    }
    if is_selected("cost") {
        cost(place);
    }
}

/// A loop that keeps one core busy.
struct Neighbour(Arc<AtomicBool>, Option<thread::JoinHandle<()>>);

impl Neighbour {
    fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = stop.clone();
        let busy = move || {
            while !seen.load(Relaxed) {
                std::hint::spin_loop();
            }
        };
        Self(stop, Some(thread::spawn(busy)))
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
        let _ = self.1.take().map(thread::JoinHandle::join);
    }
}

fn compare(words: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_haul"))
        .args(["compare", "--no-config", "-q", "--json", "-"])
        .args(words)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn engines(comparison: &Value) -> &[Value] {
    comparison["engines"].as_array().unwrap()
}

fn slower(comparison: &Value) -> Vec<&str> {
    let slower = engines(comparison).iter();
    let slower = slower.filter(|engine| engine["place"] == "slower");
    slower
        .map(|engine| engine["name"].as_str().unwrap())
        .collect()
}

/// Compares 64 requests in flight with fewer, at 20 ms latency.
fn planted(place: &str, runs: u64, fewer: u64, budget: &str) {
    let (mut found, mut wrong, mut rounds, mut took) = (0, 0, Vec::new(), Vec::new());
    for run in 0..runs {
        let (seed, pair) = (run.to_string(), format!("async:64,async:{fewer}"));
        let begun = Instant::now();
        let comparison = compare(&[
            "--seed",
            &seed,
            "--engines",
            &pair,
            "--latency",
            "20ms",
            "--pages",
            "2000",
            "--time-budget",
            budget,
            "--rounds",
            "60",
        ]);
        took.push(begun.elapsed().as_secs_f64());
        rounds.push(engines(&comparison)[0]["rounds"].as_array().unwrap().len() as f64);
        let slower = slower(&comparison);
        found += u64::from(slower == [engines(&comparison)[1]["name"].as_str().unwrap()]);
        wrong += u64::from(slower.contains(&engines(&comparison)[0]["name"].as_str().unwrap()));
    }
    let least = 100.0 * (64.0 / fewer as f64 - 1.0);
    println!(
        "{place}: 64 against {fewer} in flight ({least:.1} %): found in {found} of {runs}, the wrong way round in {wrong}; {:.0} rounds in {:.0} s",
        median(rounds),
        median(took)
    );
}

/// Compares an engine with itself, under two names.
fn twins(place: &str, runs: u64) {
    let mut quiet = 0;
    for run in 0..runs {
        let seed = run.to_string();
        let comparison = compare(&[
            "--seed",
            &seed,
            "--engines",
            "async:64,async:64",
            "--latency",
            "10ms",
            "--pages",
            "1500",
            "--time-budget",
            "5s",
        ]);
        quiet += u64::from(slower(&comparison).is_empty());
    }
    println!("{place}: the same engine twice: no difference shown in {quiet} of {runs}");
}

/// N requests that wait L each take N / n x L with n in flight; computing scales with the cores.
fn laws(place: &str) {
    let waits = compare(&[
        "--latency",
        "50ms",
        "--pages",
        "960",
        "-c",
        "48",
        "--engines",
        "sequential,threads,blocking,async,processes",
        "--rounds",
        "5",
    ]);
    for engine in engines(&waits) {
        let law = engine["urls"].as_f64().unwrap() * 0.05 / engine["in_flight"].as_f64().unwrap();
        let wall = engine["wall_s"]["median"].as_f64().unwrap();
        println!(
            "{place}: 50 ms, {:>2} in flight: {} takes {:.2}x what waiting alone would",
            engine["in_flight"],
            engine["name"].as_str().unwrap(),
            wall / law
        );
    }
    let computes = compare(&[
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
    ]);
    let speed = |engine: &Value| engine["per_second"]["median"].as_f64().unwrap();
    let alone = speed(&engines(&computes)[0]);
    for engine in engines(&computes) {
        println!(
            "{place}: computing on {} cores: {} is {:.2}x as fast as sequential",
            computes["machine"]["cores"],
            engine["name"].as_str().unwrap(),
            speed(engine) / alone
        );
    }
}

/// Draws the map, then times its cells again with each engine on its own.
fn map(place: &str) {
    let comparison = compare(&[
        "--map",
        "--pages",
        "2000",
        "--rounds",
        "5",
        "--time-budget",
        "20s",
    ]);
    let hash_us = hashing();
    let (mut right, mut all) = (0, 0);
    for cell in comparison["map"]["cells"].as_array().unwrap() {
        let (latency, work) = (
            cell["latency_ms"].as_f64().unwrap(),
            cell["work_us"].as_f64().unwrap(),
        );
        let settings = OriginSettings {
            pages: 2000,
            latency: Duration::from_secs_f64(latency / 1e3),
            log: LogLevel::Counts,
            ..OriginSettings::default()
        };
        let origin = Origin::start(settings).unwrap();
        let names = cell["per_second"].as_object().unwrap();
        let mut outside = BTreeMap::new();
        for (name, per_second) in names {
            let count = (per_second.as_f64().unwrap() * TIME).clamp(4.0, 2000.0) as usize;
            let times = (0..TIMES).map(|_| {
                let urls = (0..count).map(|page| origin.url(&format!("/page/{page}")));
                timed(name, urls, work_of(work, hash_us))
            });
            outside.insert(name.clone(), median(times.collect()));
        }
        let best = outside.values().copied().fold(0.0, f64::max);
        let winner = outside[cell["winner"].as_str().unwrap()];
        let is_right = winner * NEAR >= best;
        all += 1;
        right += u64::from(is_right);
        if !is_right {
            println!(
                "{place}: at {latency} ms and {work} us the map says {}, outside: {outside:.0?}",
                cell["winner"]
            );
        }
    }
    println!(
        "{place}: cells of the map whose winner is within 5 % of the best outside: {right} of {all}"
    );
}

/// Fetches the same URLs in a comparison and with `haul fetch`, alternately.
fn cost(place: &str) {
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
        "{place}: 20,000 URLs: {inside:.3} s in a comparison, {outside:.3} s by haul fetch: {:.2}x",
        inside / outside
    );
}

/// The records per second of a plain run over these URLs on this engine.
fn timed(engine: &str, urls: impl Iterator<Item = String>, work: Work) -> f64 {
    let mut config = Config::urls(urls);
    config.engine = engine.parse().unwrap();
    config.program = Some(env!("CARGO_BIN_EXE_haul").into());
    config.frontier.per_host = 0;
    config.parse.work = work;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let begun = Instant::now();
    let outcome = runtime
        .block_on(haul::crawl(&config, Stop::new(), |_| ()))
        .unwrap();
    outcome.tally.visited as f64 / begun.elapsed().as_secs_f64()
}

/// How many microseconds it takes to hash 1 KiB on this machine.
fn hashing() -> f64 {
    use sha2::Digest;
    let block = [0_u8; 1024];
    let begun = Instant::now();
    let mut hash = sha2::Sha256::new();
    for _ in 0..50_000 {
        hash.update(block);
    }
    std::hint::black_box(hash.finalize());
    begun.elapsed().as_secs_f64() * 1e6 / 50_000.0
}

fn work_of(microseconds: f64, hash_us: f64) -> Work {
    match (microseconds / hash_us).round() as u32 {
        0 => Work::None,
        kib => Work::Hash(kib),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
