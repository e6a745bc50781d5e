//! Seeds that a program sends while its run is in progress.

use std::cell::Cell;
use std::path::Path;

use haul::origin::{Gate, Origin, Response, Site};
use haul::seeds::{Seed, SeedReceiver, channel};
use haul::{Config, CrawlSettings, Ended, Event, JobSettings, Request, Runner, Stop, Visit};

use crate::folder::Folder;
use crate::run::{on, on_every_engine, wait};

fn site() -> Origin {
    Site::builder()
        .fallback(Response::page("<title>A page</title>"))
        .start()
        .unwrap()
}

/// The visits of a run that receives its seeds from a channel.
fn visits(config: Config, seeds: SeedReceiver) -> haul::Result<Vec<Box<Visit>>> {
    crate::run::visits(Runner::new(config).seeds(seeds))
}

fn rows(visits: &[Box<Visit>]) -> Vec<(u64, String)> {
    let mut rows: Vec<_> = visits
        .iter()
        .map(|visit| {
            (
                visit.job.row.unwrap_or_default(),
                visit.job.url.as_str().to_owned(),
            )
        })
        .collect();
    rows.sort();
    rows
}

#[test]
fn a_visit_may_provide_the_next_seed_and_the_run_ends_with_its_senders() {
    on_every_engine(|engine| {
        let origin = site();
        let (sender, seeds) = channel(1);
        let mut visits = Runner::new(on(engine, Config::default()))
            .seeds(seeds)
            .visits();
        // All seeds come from the channel, each sent after the visit to the previous one.
        let urls = wait(async {
            let mut urls = Vec::new();
            for page in 0..10 {
                sender.send(origin.url(&format!("/{page}"))).await.unwrap();
                let visit = visits.next().await.unwrap().unwrap();
                assert_eq!(visit.job.row, Some(page + 1));
                urls.push(visit.job.url.to_string());
            }
            drop(sender);
            assert!(visits.next().await.is_none());
            urls
        });
        assert_eq!(
            urls,
            (0..10)
                .map(|page| origin.url(&format!("/{page}")))
                .collect::<Vec<_>>()
        );
        let outcome = visits.outcome().unwrap();
        assert_eq!(
            (outcome.ended, outcome.tally.visited),
            (Ended::Complete, 10)
        );
    });
}

#[test]
fn a_channel_comes_after_the_list_and_its_seeds_may_have_whatever_rows_have() {
    let origin = site();
    let (sender, seeds) = channel(8);
    let request = Request {
        headers: [("x-key".parse().unwrap(), "k".parse().unwrap())]
            .into_iter()
            .collect(),
        columns: vec![("note".into(), "first".into())],
        ..Request::default()
    };
    wait(async {
        sender
            .send(Seed::new(origin.url("/sent")).request(request))
            .await
            .unwrap();
        sender.send("htp:/not a url").await.unwrap();
        sender
            .send(Seed::new(origin.url("/far")).numbered(70))
            .await
            .unwrap();
    });
    drop(sender);
    let list = Config::urls([origin.url("/listed"), origin.url("/too")]);
    let visits = visits(on("async", list), seeds).unwrap();
    let rows = rows(&visits).into_iter().map(|(row, _)| row);
    assert_eq!(rows.collect::<Vec<_>>(), [1, 2, 3, 4, 70]);
    let sent = visits
        .iter()
        .find(|visit| visit.job.row == Some(3))
        .unwrap();
    assert_eq!(sent.job.request.as_ref().unwrap().columns.len(), 1);
    let bad = visits
        .iter()
        .find(|visit| visit.job.row == Some(4))
        .unwrap();
    assert_eq!(bad.failure(), Some("malformed"));
    let keyed = |path: &str| origin.log().hits(path)[0].header("x-key") == Some("k");
    assert!(keyed("/sent") && !keyed("/listed") && !keyed("/far"));
}

#[test]
fn a_sender_waits_while_the_run_has_no_room() {
    on_every_engine(|engine| {
        let gate = Gate::new();
        let unanswered = Response::page("late").held(&gate);
        let origin = Site::builder().fallback(unanswered).start().unwrap();
        let (sender, seeds) = channel(16);
        let mut config = on(engine, Config::default());
        config.frontier.per_host = 0;
        let stop = Stop::new();
        let abort = stop.abort.clone();
        let runner = Runner::new(config).seeds(seeds).stop(stop);
        let sent = Cell::new(0);
        // The server never responds, so no room is made: the run accepts seeds until it is full, and is then stopped.
        let (mut before, mut quiet) = (0, 0);
        let run = runner.run(|event| {
            if let Event::Tick(_) = event {
                quiet = if sent.get() == before { quiet + 1 } else { 0 };
                before = sent.get();
                if before > 0 && quiet == 5 {
                    abort.cancel();
                }
            }
        });
        let send = async {
            for page in 0..20_000 {
                if sender.send(origin.url(&format!("/{page}"))).await.is_err() {
                    break;
                }
                sent.set(sent.get() + 1);
            }
        };
        let (outcome, ()) = wait(async { tokio::join!(run, send) });
        assert_eq!(outcome.unwrap().ended, Ended::Interrupted);
        assert!((4096..6000).contains(&sent.get()), "{}", sent.get());
        gate.open();
    });
}

#[test]
fn a_stop_ends_the_run_while_the_channel_is_open_and_its_sender_gets_an_error() {
    on_every_engine(|engine| {
        let origin = site();
        let (sender, seeds) = channel(4);
        let stop = Stop::new();
        let drain = stop.drain.clone();
        let runner = Runner::new(on(engine, Config::default()))
            .seeds(seeds)
            .stop(stop);
        let run = runner.run(move |event| {
            if let Event::Visited(_) = event {
                drain.cancel();
            }
        });
        let outcome = wait(async {
            sender.send(origin.url("/1")).await.unwrap();
            run.await.unwrap()
        });
        assert_eq!(outcome.ended, Ended::Interrupted);
        assert_eq!(outcome.tally.visited, 1);
        let unsent = wait(sender.send(origin.url("/2"))).unwrap_err();
        assert_eq!(unsent.0.url, origin.url("/2"));
    });
}

#[test]
fn a_crawl_accepts_seeds_while_it_runs_and_each_widens_its_scope() {
    on_every_engine(|engine| {
        let first = Site::builder()
            .fallback(Response::page("<a href='/a'>a</a><a href='/b'>b</a>"))
            .start()
            .unwrap();
        let second = Site::builder()
            .fallback(Response::page("<a href='/c'>c</a>"))
            .start()
            .unwrap();
        let (sender, seeds) = channel(4);
        let mut config = on(engine, Config::default());
        config.crawl = Some(CrawlSettings::default());
        let mut visits = Runner::new(config).seeds(seeds).visits();
        let mut records = wait(async {
            let mut records = Vec::new();
            sender.send(first.url("/")).await.unwrap();
            for _ in 0..3 {
                records.push(visits.next().await.unwrap().unwrap());
            }
            sender.send(first.url("/a")).await.unwrap();
            sender.send(second.url("/")).await.unwrap();
            drop(sender);
            while let Some(visit) = visits.next().await {
                records.push(visit.unwrap());
            }
            records
        });
        records.sort_by_key(|visit| visit.job.id);
        let summary = |visit: &Visit| {
            (
                visit.job.row,
                visit.job.url.to_string(),
                visit.outcome.is_ok(),
            )
        };
        let mut summaries: Vec<_> = records.iter().map(|visit| summary(visit)).collect();
        summaries.sort();
        let mut expected = vec![
            (Some(1), first.url("/"), true),
            (None, first.url("/a"), true),
            (None, first.url("/b"), true),
            // The crawl found it before it was sent.
            (Some(2), first.url("/a"), false),
            (Some(3), second.url("/"), true),
            (None, second.url("/c"), true),
        ];
        expected.sort();
        assert_eq!(summaries, expected);
        let ids: std::collections::BTreeSet<_> = records.iter().map(|visit| visit.job.id).collect();
        assert_eq!(ids.len(), 6, "no two jobs have one number");
    });
}

fn in_a_job(folder: &Path, crawls: bool) -> Config {
    let mut config = on("async:4", Config::default());
    config.crawl = crawls.then(CrawlSettings::default);
    config.job = Some(JobSettings {
        folder: folder.join("job"),
        fresh: false,
        settings: [("what".to_owned(), "a test".to_owned())].into(),
        may_change: Vec::new(),
    });
    config
}

#[test]
fn a_job_skips_the_seeds_that_it_has_when_they_are_sent_again() {
    for crawls in [false, true] {
        let (origin, folder) = (site(), Folder::new());
        let session = |numbers: std::ops::RangeInclusive<u64>| {
            let (sender, seeds) = channel(64);
            for number in numbers {
                let seed = Seed::new(origin.url(&format!("/{number}"))).numbered(number);
                wait(sender.send(seed)).unwrap();
            }
            drop(sender);
            let visits = visits(in_a_job(folder.path(), crawls), seeds).unwrap();
            rows(&visits)
                .into_iter()
                .map(|(row, _)| row)
                .collect::<Vec<_>>()
        };
        assert_eq!(session(1..=5), [1, 2, 3, 4, 5]);
        // Sent again from the start, from the middle, and with nothing new.
        assert_eq!(session(1..=8), [6, 7, 8]);
        assert_eq!(session(7..=9), [9]);
        assert_eq!(session(1..=9), Vec::<u64>::new());
    }
}

#[test]
fn a_job_rejects_seeds_without_meaningful_numbers() {
    let (origin, folder) = (site(), Folder::new());
    let fails = |numbers: [Option<u64>; 2]| {
        let (sender, seeds) = channel(64);
        for row in numbers {
            let mut seed = Seed::new(origin.url("/"));
            seed.row = row;
            wait(sender.send(seed)).unwrap();
        }
        drop(sender);
        visits(in_a_job(folder.path(), false), seeds)
            .unwrap_err()
            .to_string()
    };
    assert!(fails([None, None]).contains("without a number"));
    assert!(fails([Some(2), Some(2)]).contains("seed 2 came after seed 2"));
}
