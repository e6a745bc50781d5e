//! What `haul compare` may claim: proven equality, advice that works, a budget that holds.
//!
//! An interrupt keeps the complete rounds.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use haul::origin::{LogLevel, Origin, OriginSettings, Request, Response, Site};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::cli::haul;
use crate::compare::{compare, json};
use crate::folder::Folder;
use crate::http2;

/// A server that responds with `answer`, and a list of its URLs.
fn server(
    folder: &std::path::Path,
    urls: usize,
    answer: impl Fn(&Request) -> Response + Send + Sync + 'static,
) -> Origin {
    let site = Site::builder().route_with("/page", answer);
    let origin = Origin::of(site.build().unwrap()).unwrap();
    let lines = (0..urls).map(|page| origin.url(&format!("/page?{page}")));
    std::fs::write(
        folder.join("urls.txt"),
        lines.collect::<Vec<_>>().join("\n"),
    )
    .unwrap();
    origin
}

/// Enough text for a page to stay similar when a number in it changes.
fn prose() -> String {
    let words = (0..400_u64).map(|word| format!("word{}", word * 7919 % 1000));
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn an_engine_that_is_rejected_half_of_the_time_does_not_win() {
    let folder = Folder::new();
    // Every second request over HTTP/2 is rejected, and `blocking` speaks HTTP/1.1.
    let address = http2::serve(&["h2", "http/1.1"], Arc::default());
    let urls = (0..20).map(|page| format!("https://{address}/half/{page}\n"));
    std::fs::write(folder.path().join("urls.txt"), urls.collect::<String>()).unwrap();
    let words = [
        "urls.txt",
        "-k",
        "--engines",
        "async,blocking",
        "--retries",
        "0",
        "--json",
        "found.json",
    ];
    let output = compare(folder.path(), &words);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(10), "{text}");
    assert!(
        text.contains("no winner") && text.contains("failed"),
        "{text}"
    );
    let comparison = std::fs::read(folder.path().join("found.json")).unwrap();
    let comparison: Value = serde_json::from_slice(&comparison).unwrap();
    assert_eq!(comparison["answers"]["agree"], false);
    assert_eq!(
        comparison["answers"]["changing"], 0,
        "a failure is not a change"
    );
    assert_eq!(comparison["verdict"], Value::Null);
    // Failures do not count as throughput, only pages do.
    for engine in comparison["engines"].as_array().unwrap() {
        let per_second = |round: &Value| {
            let pages = round["requests"].as_f64().unwrap() - round["failed"].as_f64().unwrap();
            pages / round["wall_s"].as_f64().unwrap()
        };
        let mut speeds: Vec<_> = engine["rounds"]
            .as_array()
            .unwrap()
            .iter()
            .map(per_second)
            .collect();
        speeds.sort_by(f64::total_cmp);
        let median = engine["per_second"]["median"].as_f64().unwrap();
        assert_eq!(speeds.len(), 5);
        assert!(
            (median / speeds[2] - 1.0).abs() < 1e-6,
            "{median} {speeds:?}"
        );
    }
    assert!(comparison["engines"][0]["failed"].as_u64() > Some(0));
    let rates = comparison["answers"]["failure_rates"].as_array().unwrap();
    assert!(
        rates.iter().all(|rate| rate["differs"] == true),
        "{rates:?}"
    );
}

#[test]
fn pages_with_a_counter_are_proved_equal_by_their_text() {
    let folder = Folder::new();
    let counter = AtomicU64::new(0);
    let _origin = server(folder.path(), 12, move |_| {
        let nonce = counter.fetch_add(1, Relaxed);
        Response::page(format!("<p>{}</p><p>visit {nonce}</p>", prose()))
    });
    let words = ["urls.txt", "--engines", "async,threads", "--json", "-"];
    let comparison = json(&compare(folder.path(), &words));
    let answers = &comparison["answers"];
    assert_eq!(
        (&answers["proved"], &answers["by_text"]),
        (&12.into(), &12.into()),
        "{answers}"
    );
    assert!(comparison["verdict"].is_object());
}

#[test]
fn without_responses_that_are_proved_equal_there_is_no_winner() {
    let folder = Folder::new();
    let counter = AtomicU64::new(0);
    let _origin = server(folder.path(), 12, move |_| {
        // No two responses share a word: texts that share some may be similar by chance.
        let visit = counter.fetch_add(1, Relaxed);
        let words = (0..400).map(|word| format!("word{word}of{visit}"));
        Response::page(words.collect::<Vec<_>>().join(" "))
    });
    let words = ["urls.txt", "--engines", "async,threads"];
    let output = compare(folder.path(), &words);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(10), "{text}");
    assert!(
        text.contains("proved equal: 0 of 12; no winner is named"),
        "{text}"
    );
    assert!(
        !text.contains("verdict") && !text.contains("haul fetch"),
        "{text}"
    );
}

#[test]
fn the_suggested_command_has_the_measured_concurrency() {
    let folder = Folder::new();
    let words = [
        "--engines",
        "async",
        "-c",
        "24",
        "--pages",
        "60",
        "--json",
        "-",
    ];
    let small = ["compare", "--rounds", "5", "--time-budget", "3s"];
    let mut command = haul(folder.path(), &[&small[..], &words[..]].concat());
    let comparison = json(&command.output().unwrap());
    let next = comparison["recommendation"]["command"]
        .as_str()
        .unwrap()
        .to_owned();
    let settings = OriginSettings {
        pages: 200,
        latency: std::time::Duration::from_millis(50),
        log: LogLevel::Counts,
        ..OriginSettings::default()
    };
    let origin = Origin::start(settings).unwrap();
    let urls = (0..200).map(|page| origin.url(&format!("/page/{page}")));
    std::fs::write(
        folder.path().join("urls.txt"),
        urls.collect::<Vec<_>>().join("\n"),
    )
    .unwrap();
    let pasted: Vec<&str> = next.split(' ').skip(1).collect();
    let output = haul(folder.path(), &[&pasted[..], &["-q"]].concat())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{next}");
    assert_eq!(origin.log().counts().most_in_flight, 24, "{next}");
}

#[test]
fn an_engine_that_is_too_slow_for_the_budget_fetches_fewer_urls_and_that_is_reported() {
    let folder = Folder::new();
    let _origin = server(folder.path(), 60, |_| {
        Response::page(prose()).after(std::time::Duration::from_millis(100))
    });
    let words = [
        "urls.txt",
        "--engines",
        "sequential,async",
        "--time-budget",
        "5s",
        "--json",
        "-",
    ];
    let comparison = json(&compare(folder.path(), &words));
    let sequential = &comparison["engines"][0];
    assert_eq!(sequential["subset"], true, "{sequential}");
    let urls = sequential["urls"].as_u64().unwrap();
    assert!(urls <= 15, "five rounds of 60 URLs would take 30 s: {urls}");
}

#[tokio::test]
async fn an_interrupted_comparison_keeps_the_complete_rounds() {
    let folder = Folder::new();
    let origin = server(folder.path(), 10, |_| Response::page(prose()));
    let words = [
        "compare",
        "urls.txt",
        "--engines",
        "async,threads",
        "--rounds",
        "1000",
        "--time-budget",
        "10m",
        "--json",
        "-",
    ];
    let mut command = haul(folder.path(), &words);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One by one to probe the server, ten to warm up each engine, twenty per block.
    origin.log().wait_for_hits(125).await;
    let pid = Pid::from_raw(child.id() as i32).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let comparison: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(comparison["interrupted"], true);
    let whole = comparison["engines"][0]["rounds"].as_array().unwrap().len();
    assert!((1..1000).contains(&whole), "{whole}");
    assert_eq!(
        comparison["engines"][1]["rounds"].as_array().unwrap().len(),
        whole
    );
    assert!(comparison["verdict"].is_object());
    assert!(
        comparison["warnings"][0]
            .as_str()
            .unwrap()
            .starts_with("interrupted: ")
    );
}

/// A figure rounded to its significant digits, as in the report's sentences.
fn rounded(value: f64) -> String {
    let digits = match value {
        value if value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.digits$}")
}

#[test]
fn each_figure_in_the_explanation_is_in_the_data() {
    let folder = Folder::new();
    let words = ["--engines", "async", "--pages", "60", "--json", "-"];
    let comparison = json(&compare(folder.path(), &words));
    let (diagnosis, engine) = (&comparison["diagnosis"], &comparison["engines"][0]);
    let waits = &diagnosis["waits"];
    let limit = engine["in_flight"].as_f64().unwrap();
    let mut known = vec![
        comparison["machine"]["cores"].to_string(),
        limit.to_string(),
    ];
    known.push(rounded(waits["in_flight"].as_f64().unwrap() * limit));
    for latency in ["latency_ms", "idle_latency_ms"] {
        known.extend(waits[latency].as_f64().map(rounded));
    }
    let shares = diagnosis["shares"].as_object().into_iter().flatten();
    let shares = shares.map(|(_, share)| share);
    let waited = ["first_byte", "run_queue", "disk"].map(|wait| &waits[wait]);
    let percent = |share: &Value| Some(format!("{:.0} %", share.as_f64()? * 100.0));
    known.extend(shares.chain(waited).filter_map(percent));
    let sentences = diagnosis["sentences"].as_array().unwrap();
    let mut figures = 0;
    for sentence in sentences {
        let sentence = sentence.as_str().unwrap();
        let words: Vec<_> = sentence
            .split(' ')
            .map(|word| word.trim_matches([',', '.', ':', ';']))
            .collect();
        for (place, word) in words.iter().enumerate() {
            let word = word.replace(',', "");
            if word.parse::<f64>().is_err() {
                continue;
            }
            let figure = match words.get(place + 1) {
                Some(&"%") => format!("{word} %"),
                _ => word,
            };
            figures += 1;
            assert!(
                known.contains(&figure),
                "{figure} in {sentence:?}: {known:?}"
            );
        }
    }
    assert!(figures >= 5, "{sentences:?}");
}

#[test]
fn a_comparison_that_would_exceed_the_budget_is_cut_off() {
    const LATE: std::time::Duration = std::time::Duration::from_secs(60);
    const TOO_SMALL: &str = "--time-budget: no engine got one record";
    let folder = Folder::new();
    let words = ["urls.txt", "--engines", "async", "--time-budget", "3s"];
    // Five requests to probe the server, ten to warm up the engine: from then on it is too slow for any round.
    let requests = AtomicU64::new(0);
    let _origin = server(folder.path(), 10, move |_| {
        match requests.fetch_add(1, Relaxed) {
            0..15 => Response::page(prose()),
            _ => Response::page(prose()).after(LATE),
        }
    });
    let output = compare(folder.path(), &words);
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    // On a busy machine, not even the warm-up may fit.
    assert!(
        text.contains("0 of 5 rounds fit in --time-budget 3s") || errors.contains(TOO_SMALL),
        "{text} {errors}"
    );
    let _origin = server(folder.path(), 10, |_| Response::page(prose()).after(LATE));
    let output = compare(folder.path(), &words);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains(TOO_SMALL), "{text}");
}

#[test]
fn a_sweep_continues_with_a_list_that_it_may_repeat() {
    let folder = Folder::new();
    let _origin = server(folder.path(), 6, |_| {
        Response::page("short").after(std::time::Duration::from_millis(5))
    });
    let words = ["urls.txt", "--engines", "async", "--sweep", "--json", "-"];
    let curve = |words: &[&str]| {
        let comparison = json(&compare(folder.path(), words));
        comparison["sweep"]["curves"][0].clone()
    };
    let once = curve(&words);
    assert_eq!(once["points"].as_array().unwrap().len(), 2, "{once}");
    assert_eq!(once["end"]["because"], "list_too_short", "{once}");
    assert_eq!(once["end"]["urls_needed"], 32, "{once}");
    let again = curve(&[&words[..], &["--yes"]].concat());
    assert!(again["points"].as_array().unwrap().len() > 3, "{again}");
    assert_ne!(again["end"]["because"], "list_too_short", "{again}");
}
