//! Bodies are received no faster than the limits allow, on every engine, and our own waiting is no server's fault.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use haul::ByteSize;
use haul::fetch::Bandwidth;
use haul::origin::{Origin, Reply, Site};

use crate::cli;
use crate::folder::Folder;
use crate::run::{config, ms, on_every_engine, run};

const SIZE: usize = 96 << 10;

fn site() -> Origin {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&vec![0; 1 << 20]).unwrap();
    let packed = Reply::new(200)
        .header("Content-Encoding", "gzip")
        .body(packed.finish().unwrap());
    Site::builder()
        .route(
            "/plain",
            Reply::new(200).body(vec![7; SIZE]).chunked(8 << 10),
        )
        .route("/packed", packed)
        .start()
        .unwrap()
}

/// A limit of the whole run, and one of each host.
fn limits(rate: ByteSize) -> [Bandwidth; 2] {
    let none = Bandwidth::default();
    let in_all = Bandwidth {
        in_all: rate,
        ..none
    };
    let per_host = Bandwidth {
        per_host: rate,
        ..none
    };
    [in_all, per_host]
}

#[test]
fn a_body_takes_as_long_as_its_limit_says() {
    let origin = site();
    on_every_engine(|engine| {
        for bandwidth in limits(ByteSize::kib(256)) {
            let mut settings = config(engine, [origin.url("/plain"), origin.url("/plain?2")]);
            settings.fetch.bandwidth = bandwidth;
            let report = run(settings);
            assert_eq!(report.ends(), ["200", "200"]);
            // 192 KiB, less what a pause at the start allows.
            let took = report.outcome.tally.elapsed;
            assert!(took >= ms(750 - 100), "{took:?}");
        }
    });
}

#[test]
fn a_wait_for_the_limit_ends_with_the_time_of_the_request() {
    let origin = site();
    on_every_engine(|engine| {
        for bandwidth in limits(ByteSize::kib(1)) {
            let mut settings = config(engine, [origin.url("/plain")]);
            settings.fetch.bandwidth = bandwidth;
            settings.fetch.deadlines.total = ms(300);
            settings.frontier.retries = 0;
            let report = run(settings);
            assert_eq!(report.only().end(), "timeout");
            assert!(
                report.only().message.contains("in all"),
                "{:?}",
                report.only()
            );
        }
    });
}

#[test]
fn a_compressed_body_counts_as_it_is_sent() {
    let origin = site();
    on_every_engine(|engine| {
        // Decoded, it would take more than a minute.
        for bandwidth in limits(ByteSize::kib(16)) {
            let mut settings = config(engine, [origin.url("/packed")]);
            settings.fetch.bandwidth = bandwidth;
            settings.fetch.deadlines.total = ms(20_000);
            settings.parse.wants.digest = true;
            let report = run(settings);
            assert_eq!(report.only().end(), "200");
            assert_eq!(report.only().decoded_bytes, Some(1 << 20));
        }
    });
}

#[test]
fn a_server_is_not_too_slow_because_we_are() {
    let origin = site();
    on_every_engine(|engine| {
        for bandwidth in limits(ByteSize::kib(64)) {
            let mut settings = config(engine, [origin.url("/plain")]);
            settings.fetch.bandwidth = bandwidth;
            settings.fetch.deadlines.least_rate = 1 << 20;
            settings.fetch.deadlines.least_rate_over = ms(600);
            settings.fetch.deadlines.between_chunks = ms(5000);
            settings.frontier.retries = 0;
            assert_eq!(run(settings).only().end(), "200");
        }
    });
}

#[test]
fn the_flags_are_those_of_curl_and_wget_and_may_change_when_a_job_is_resumed() {
    let (origin, folder) = (site(), Folder::new());
    let url = origin.url("/plain");
    let line = [
        &url,
        "-q",
        "--job",
        "job",
        "--timeout",
        "1s",
        "--retries",
        "0",
    ];
    let slow = [&line[..], &["--limit-rate", "1K"]].concat();
    let (code, _, stderr) = cli::run(folder.path(), &slow);
    assert_eq!(code, Some(4), "{stderr}");
    let faster = ["--limit-rate-per-host", "100M", "--fresh"];
    let (code, _, stderr) = cli::run(folder.path(), &[&line[..], &faster].concat());
    assert_eq!(code, Some(0), "{stderr}");
    let changed = ["--limit-rate", "1M", "--allow-changes"];
    let (code, _, stderr) = cli::run(folder.path(), &[&line[..], &changed].concat());
    assert_eq!(code, Some(0), "{stderr}");
}
