//! The contract of the engines: all write the same records and send the same requests.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use haul::origin::{Gate, Log, Origin, OriginSettings, Reply, Response, Site};
use haul::{Config, Ended, Event, Stop};

use crate::folder::Folder;
use crate::program::PATH;
use crate::run::{
    ENGINES, Record, Report, config, in_flight, ms, on_every_engine, run, run_with, wait,
};

/// A stop must not take longer than this.
const PROMPTLY: Duration = Duration::from_secs(5);

/// A site with a bit of everything that a list may run into.
fn site() -> Origin {
    let requests = AtomicUsize::new(0);
    Site::builder()
        .settings(OriginSettings {
            pages: 40,
            ..OriginSettings::default()
        })
        .route_with("/flaky", move |_| {
            // Fails every other time, so that it is the same for every engine.
            match requests.fetch_add(1, Ordering::SeqCst) % 2 {
                0 => Response::status(500),
                _ => Response::page("<title>At last</title>"),
            }
        })
        .route(
            "/gzip",
            Reply::new(200)
                .header("Content-Type", "text/html")
                .header("Content-Encoding", "gzip")
                .body(gzip("<title>Packed</title>")),
        )
        .route(
            "/post",
            Response::call(|request| Response::page(request.method().to_owned())),
        )
        .route("/chunked", Reply::new(200).body("in pieces").chunked(3))
        .route("/empty", Reply::new(204))
        .start()
        .unwrap()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn everything(origin: &Origin) -> Vec<String> {
    let paths = [
        "/redirect/4",
        "/status/404",
        "/flaky",
        "/gzip",
        "/size/3000000",
        "/fault/reset-before",
        "/fault/reset-middle",
        "/fault/redirect-loop",
        "/chunked",
        "/empty",
        "/page/7",
    ];
    let pages = (0..30).map(|page| format!("/page/{page}"));
    let mut urls: Vec<String> = pages
        .chain(paths.map(str::to_owned))
        .map(|path| origin.url(&path))
        .collect();
    urls.push("no url at all".into());
    urls
}

/// How often each path was requested.
fn request_counts(log: &Log) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for hit in log.all_hits() {
        *counts
            .entry(format!("{} {}", hit.method, hit.path))
            .or_default() += 1;
    }
    counts
}

/// Every record of a run, except how much of a cut body arrived, which is a matter of luck.
fn records(report: &Report) -> Vec<Record> {
    let plain = |record: &Record| {
        let mut record = record.comparable();
        record.wire_bytes *= u64::from(record.class.is_none());
        record
    };
    report.records.iter().map(plain).collect()
}

#[test]
fn every_engine_writes_the_same_records_and_sends_the_same_requests() {
    let origin = site();
    let all: Vec<_> = ENGINES
        .iter()
        .map(|engine| {
            origin.log().clear();
            let report = run(config(engine, everything(&origin)));
            let tally = &report.outcome.tally;
            let figures = format!(
                "{} {} {} {} {} {:?} {:?}",
                tally.visited,
                tally.failed,
                tally.duplicates,
                tally.retries,
                tally.redirects,
                tally.statuses,
                tally
                    .failures
                    .iter()
                    .map(|(class, failures)| (*class, failures.count))
                    .collect::<Vec<_>>(),
            );
            assert_eq!(report.outcome.ended, Ended::Complete);
            assert!(report.outcome.missing.is_empty());
            (records(&report), figures, request_counts(origin.log()))
        })
        .collect();
    let (records, figures, counts) = &all[0];
    assert_eq!(records.len(), 42);
    let ends: Vec<_> = records[30..].iter().map(Record::end).collect();
    assert_eq!(
        ends,
        [
            "200",
            "404",
            "200",
            "200",
            "200",
            "closed",
            "cut",
            "redirects",
            "200",
            "204",
            "duplicate",
            "malformed"
        ]
    );
    assert_eq!(records[32].attempts, ["500"]);
    assert_eq!(records[33].title.as_deref(), Some("Packed"));
    assert_eq!(records[34].decoded_bytes, Some(3_000_000));
    assert!(
        records[..40]
            .iter()
            .all(|record| record.version.is_none_or(|version| version == "1.1"))
    );
    for (engine, (others, figures_there, counts_there)) in ENGINES.iter().zip(&all) {
        for (ours, theirs) in records.iter().zip(others) {
            assert_eq!(ours, theirs, "{engine}");
        }
        assert_eq!(figures, figures_there, "{engine}");
        assert_eq!(counts, counts_there, "{engine}");
    }
}

#[test]
fn an_engine_fills_its_slots_and_no_more() {
    on_every_engine(|engine| {
        let origin = slow(ms(20));
        let mut settings = config(engine, pages(&origin, 150));
        settings.frontier.per_host = 0;
        let most = Arc::new(AtomicUsize::new(0));
        let observed = most.clone();
        run_with(settings, Stop::new(), move |event| {
            if let Event::Tick(tally) = event {
                observed.fetch_max(tally.in_flight, Ordering::SeqCst);
            }
        });
        assert!(
            most.load(Ordering::SeqCst) <= in_flight(engine),
            "{most:?} in flight"
        );
        assert_eq!(
            origin.log().counts().most_in_flight,
            in_flight(engine) as u64
        );
    });
}

#[test]
fn no_host_has_more_in_flight_than_its_limit_and_each_has_its_own() {
    on_every_engine(|engine| {
        let origin = slow(ms(20));
        let port = origin.address().port();
        let urls = (0..40).map(|page| {
            let host = if page % 2 == 0 { "even" } else { "odd" };
            format!("http://{host}.localhost:{port}/page/{page}")
        });
        let mut settings = config(engine, urls);
        settings.frontier.per_host = 2;
        run(settings);
        let most = |name: &str| {
            origin
                .log()
                .max_in_flight(&format!("{name}.localhost:{port}"))
        };
        assert!(most("even") <= 2 && most("odd") <= 2);
        if in_flight(engine) >= 4 {
            assert_eq!(origin.log().counts().most_in_flight, 4);
        }
    });
}

#[test]
fn an_abort_ends_at_once_and_every_row_is_either_recorded_or_missing() {
    on_every_engine(|engine| {
        let (origin, _shut) = gated(1);
        let stop = Stop::new();
        let (begun, report) = stopped_by(&origin, engine, stop.clone(), 2, move || {
            stop.abort.cancel()
        });
        assert!(begun.elapsed() < PROMPTLY, "{:?}", begun.elapsed());
        assert_eq!(report.outcome.ended, Ended::Interrupted);
        assert_complete(&report, 100);
        let answered: Vec<_> = report
            .records
            .iter()
            .filter(|record| record.status.is_none())
            .collect();
        assert!(answered.is_empty(), "{answered:?}");
    });
}

#[test]
fn a_drain_finishes_what_is_in_flight_and_starts_nothing_more() {
    on_every_engine(|engine| {
        let (origin, gate) = gated(1);
        let stop = Stop::new();
        let drain = stop.drain.clone();
        let (begun, report) = stopped_by(&origin, engine, stop, 2, move || {
            drain.cancel();
            gate.open();
        });
        assert!(begun.elapsed() < PROMPTLY, "{:?}", begun.elapsed());
        assert_eq!(report.outcome.ended, Ended::Interrupted);
        assert_complete(&report, 100);
        assert!(
            report
                .records
                .iter()
                .all(|record| record.status == Some(200))
        );
        assert_eq!(origin.log().requests(), report.records.len() as u64);
        assert!(report.events.iter().any(|event| event == "Draining"));
        // Jobs that were passed to a loop in advance are finished too.
        assert!(
            report.records.len() <= 1 + 2 * in_flight(engine),
            "{}",
            report.records.len()
        );
    });
}

#[test]
fn a_run_whose_time_is_up_ends_at_once() {
    on_every_engine(|engine| {
        let (origin, _shut) = gated(0);
        let mut settings = gated_list(&origin, engine);
        settings.max_time = Some(ms(300));
        let begun = Instant::now();
        let report = run(settings);
        assert!(begun.elapsed() < PROMPTLY, "{:?}", begun.elapsed());
        assert_eq!(report.outcome.ended, Ended::TimeUp);
        assert_complete(&report, 100);
    });
}

#[test]
fn a_chain_of_redirects_is_followed_to_its_end_and_no_further_than_allowed() {
    on_every_engine(|engine| {
        let origin = site();
        let urls = ["/redirect/20", "/redirect/21"].map(|path| origin.url(path));
        let report = run(config(engine, urls));
        assert_eq!(report.ends(), ["200", "redirects"]);
        assert_eq!(report.row(1).hops.len(), 20);
        assert_eq!(report.row(2).hops.len(), 20);
        assert_eq!(report.outcome.tally.redirects, 40);
        // Waiting alone makes nothing ready, but a request in flight may: the loop waits for it.
        let mut long = config(engine, [origin.url("/redirect/300")]);
        long.frontier.max_redirects = 1000;
        assert_eq!(run(long).only().hops.len(), 300);
    });
}

#[test]
fn redirects_that_are_not_to_be_followed_are_pages() {
    on_every_engine(|engine| {
        let origin = site();
        let mut settings = config(engine, [origin.url("/redirect/3")]);
        settings.frontier.max_redirects = 0;
        let report = run(settings);
        assert_eq!(
            (report.only().status, report.only().hops.len()),
            (Some(302), 0)
        );
    });
}

#[test]
fn a_child_that_is_killed_loses_nothing() {
    let origin = slow(ms(5));
    let mut settings = config("processes:2x4", pages(&origin, 200));
    settings.frontier.retries = 5;
    // Under their own name: other tests have children too.
    let folder = Folder::new();
    let doomed = folder.path().join("doomed");
    std::os::unix::fs::symlink(PATH, &doomed).unwrap();
    settings.program = Some(doomed);
    let mut killed = 0;
    let report = run_with(settings, Stop::new(), move |event| {
        if let Event::Visited(visit) = event
            && visit.job.row.is_some_and(|row| row.is_multiple_of(60))
            && killed < 3
        {
            killed += 1;
            kill_a_child("doomed");
        }
    });
    assert_eq!(report.records.len(), 200);
    let statuses: Vec<_> = report
        .records
        .iter()
        .filter(|record| record.status != Some(200))
        .collect();
    assert!(statuses.is_empty(), "{statuses:?}");
    let lost = report
        .records
        .iter()
        .flat_map(|record| &record.attempts)
        .filter(|end| *end == "lost");
    assert!(lost.count() > 0, "a child died with work in hand");
}

/// Kills one child of this process with this name.
fn kill_a_child(wanted: &str) {
    let own = std::process::id();
    let children = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let id: i32 = entry.file_name().to_str()?.parse().ok()?;
            let status = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let (name, rest) = status.split_once(')')?;
            let mut rest = rest.split_whitespace();
            let dead = rest.next()? == "Z";
            let parent: u32 = rest.next()?.parse().ok()?;
            (parent == own && name.ends_with(&format!("({wanted}")) && !dead).then_some(id)
        });
    let child = children.into_iter().next().unwrap();
    let id = rustix::process::Pid::from_raw(child).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
}

fn slow(latency: Duration) -> Origin {
    Origin::start(OriginSettings {
        pages: 1000,
        page_bytes: 100,
        latency,
        ..OriginSettings::default()
    })
    .unwrap()
}

fn pages(origin: &Origin, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|page| origin.url(&format!("/page/{page}")))
}

/// A site whose first `open` pages respond immediately; all others wait behind a gate.
fn gated(open: usize) -> (Origin, Gate) {
    let gate = Gate::new();
    let mut builder = Site::builder().fallback(Response::page("behind the gate").held(&gate));
    for page in 0..open {
        builder = builder.route(&format!("/{page}"), Response::page("in the open"));
    }
    (builder.start().unwrap(), gate)
}

fn gated_list(origin: &Origin, engine: &str) -> Config {
    let mut settings = config(engine, (0..100).map(|page| origin.url(&format!("/{page}"))));
    settings.frontier.per_host = 0;
    settings
}

/// Runs, and calls `act` once the server has seen this many requests.
///
/// Returns the time of that call and the report.
fn stopped_by(
    origin: &Origin,
    engine: &str,
    stop: Stop,
    hits: u64,
    act: impl FnOnce() + Send,
) -> (Instant, Report) {
    let settings = gated_list(origin, engine);
    let site = origin.site();
    std::thread::scope(|scope| {
        let acted = scope.spawn(move || {
            wait(site.log().wait_for_hits(hits));
            act();
            Instant::now()
        });
        let report = run_with(settings, stop, |_| ());
        (acted.join().unwrap(), report)
    })
}

/// Asserts that each row either has a record or is listed as missing, never both.
fn assert_complete(report: &Report, rows: u64) {
    for row in 1..=rows {
        let records = report
            .records
            .iter()
            .filter(|record| record.row == row)
            .count();
        let missing = usize::from(report.outcome.missing.contains(row));
        assert_eq!(
            records + missing,
            1,
            "row {row}: {}",
            report.outcome.missing
        );
    }
}

#[test]
fn each_engine_name_in_a_comparison_is_accepted_by_a_run() {
    for name in haul::compare::CONTESTANTS {
        let engine = name.parse::<haul::engine::Engine>();
        assert!(engine.is_ok(), "{name}: {engine:?}");
    }
    let engine = |name: &str| name.parse::<haul::engine::Engine>().unwrap();
    assert_eq!(engine("hybrid:2x3"), engine("processes:2x3"));
    assert_eq!(engine("hybrid"), engine("processes"));
}
