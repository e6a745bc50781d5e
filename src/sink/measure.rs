use super::samples::saved_from;
use super::*;
use std::time::{Duration, Instant};

fn run(kind: &str, all: usize, every: Option<Duration>, journal: bool) {
    let dir = std::path::PathBuf::from("/tmp/h/scratch-sinks");
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let mut s = SinkSettings {
        format: Format::Jsonl,
        destination: Destination::File {
            path: dir.join("r.jsonl"),
            append: false,
        },
        ..SinkSettings::default()
    };
    if kind == "files" {
        s.folder = Some(dir.join("files"));
    }
    let j = dir.join("journal");
    let rt = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut batches: Vec<Vec<Box<Visit>>> = (0..all / 250)
        .map(|b| {
            (0..250)
                .map(|n| {
                    Box::new(saved_from(
                        &format!("http://h{}.example/{b}/{n}", b % 10),
                        200,
                        "x".repeat(4000),
                    ))
                })
                .collect()
        })
        .collect();
    let started = Instant::now();
    let mut marks = 0;
    rt.block_on(async {
        let sinks = Sinks::open(&[s], journal.then_some(&*j), |_| {
            if every.is_some() {
                Start::Over
            } else {
                Start::Fresh
            }
        })
        .unwrap();
        let mut w = Writer::start(sinks).unwrap();
        let mut last = Instant::now();
        if every.is_some() {
            w.checkpoint().await.unwrap().await.unwrap();
        }
        for b in &mut batches {
            w.write(b).await.unwrap();
            if every.is_some_and(|e| last.elapsed() >= e) {
                last = Instant::now();
                drop(w.checkpoint().await.unwrap());
                marks += 1;
            }
        }
        w.finish().await.unwrap();
    });
    let s = started.elapsed().as_secs_f64();
    eprintln!(
        "{kind} {all} every {every:?} journal {journal}: {s:.3} s, {:.2} us a visit, {marks} marks",
        s * 1e6 / all as f64
    );
}

#[test]
#[ignore]
fn measure() {
    for _ in 0..8 {
        run("files", 5_000, Some(Duration::from_millis(1000)), true);
    }
}
