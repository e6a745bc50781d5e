//! Politeness and retries, as the server's log shows them: what was requested when.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use haul::frontier::{Duplicates, RetryOn};
use haul::origin::{Hit, Origin, OriginSettings, Reply, Response, Site};
use haul::{Event, Stop};

use crate::run::{config, in_flight, ms, on_every_engine, run, run_with};

/// How much a busy machine may shift a request's time between haul's clock and the server's.
const SLACK: Duration = ms(30);

fn pages() -> Origin {
    Origin::start(OriginSettings {
        pages: 2000,
        page_bytes: 100,
        ..OriginSettings::default()
    })
    .unwrap()
}

/// The URL of a path on a host with this name: many hosts on one machine.
pub(crate) fn on(name: &str, origin: &Origin, path: &str) -> String {
    format!("http://{name}.localhost:{}{path}", origin.address().port())
}

pub(crate) fn hits(name: &str, origin: &Origin) -> Vec<Hit> {
    let host = format!("{name}.localhost:{}", origin.address().port());
    let all = origin.log().all_hits().into_iter();
    all.filter(|hit| hit.host == host).collect()
}

/// Asserts that requests are at least this far apart.
pub(crate) fn assert_apart(hits: &[Hit], least: Duration) {
    let moments: Vec<Instant> = hits.iter().map(|hit| hit.at).collect();
    for pair in moments.windows(2) {
        let gap = pair[1].saturating_duration_since(pair[0]);
        assert!(gap + SLACK >= least, "{gap:?} of {least:?}");
    }
    let span = moments[moments.len() - 1].saturating_duration_since(moments[0]);
    let whole = least * (moments.len() as u32 - 1);
    assert!(span + SLACK >= whole, "{span:?} of {whole:?}");
}

#[test]
fn a_host_is_never_asked_twice_within_its_delay_and_redirects_wait_too() {
    on_every_engine(|engine| {
        let origin = pages();
        let urls = (0..5)
            .flat_map(|page| ["a", "b"].map(|name| on(name, &origin, &format!("/page/{page}"))));
        let redirect = on("a", &origin, "/redirect/2");
        let mut settings = config(engine, urls.chain([redirect]));
        settings.frontier.delay = ms(100);
        let report = run(settings);
        assert!(
            report
                .records
                .iter()
                .all(|record| record.status == Some(200))
        );
        let (a, b) = (hits("a", &origin), hits("b", &origin));
        assert_eq!((a.len(), b.len()), (8, 5));
        assert_apart(&a, ms(100));
        assert_apart(&b, ms(100));
        // The two hosts do not wait for each other.
        assert!(b[4].at < a[7].at);
    });
}

#[test]
fn the_rate_of_the_run_holds_for_all_hosts_together() {
    on_every_engine(|engine| {
        let origin = pages();
        let urls =
            (0..24).map(|page| on(&format!("h{}", page % 6), &origin, &format!("/page/{page}")));
        let mut settings = config(engine, urls);
        settings.frontier.rate = Some("20/s".parse().unwrap());
        run(settings);
        assert_apart(&origin.log().all_hits(), ms(50));
    });
}

/// A host that reports once that it is busy, with this status and Retry-After.
fn busy_once(status: u16, until: fn() -> String) -> Origin {
    let requests = AtomicUsize::new(0);
    Site::builder()
        .route_with("/busy", move |_| {
            match requests.fetch_add(1, Ordering::SeqCst) {
                0 => Reply::explained(status)
                    .header("Retry-After", until())
                    .into(),
                _ => Response::page("well again"),
            }
        })
        .fallback(Response::page("well"))
        .start()
        .unwrap()
}

#[test]
fn a_busy_response_delays_its_whole_host_and_no_other() {
    let second: fn() -> String = || "1".into();
    // A date has no fractions of a second: two seconds from now is at least one.
    let date: fn() -> String =
        || httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(2));
    on_every_engine(|engine| {
        for (status, until) in [(503, second), (429, second), (503, date)] {
            let origin = busy_once(status, until);
            let busy = on("busy", &origin, "/busy");
            let others = (0..6).flat_map(|page| {
                ["busy", "free"].map(|name| on(name, &origin, &format!("/{page}")))
            });
            let mut settings = config(engine, [busy].into_iter().chain(others));
            settings.frontier.per_host = 1;
            let report = run(settings);
            assert_eq!(report.row(1).attempts, [status.to_string()]);
            assert!(
                report
                    .records
                    .iter()
                    .all(|record| record.status == Some(200))
            );
            let waits = report
                .events
                .iter()
                .filter(|event| event.starts_with("Held"));
            assert_eq!(waits.count(), 1, "{:?}", report.events);
            let (busy, free) = (hits("busy", &origin), hits("free", &origin));
            let gap = busy[1].at.duration_since(busy[0].at);
            assert!(gap + SLACK >= Duration::from_secs(1), "{status}: {gap:?}");
            assert!(free[5].at < busy[1].at, "the free host did not wait");
        }
    });
}

#[test]
fn a_server_that_asks_for_too_long_a_wait_is_not_retried() {
    on_every_engine(|engine| {
        let origin = busy_once(503, || "86400".into());
        let report = run(config(engine, [origin.url("/busy")]));
        assert_eq!(
            (report.only().status, origin.log().requests()),
            (Some(503), 1)
        );
    });
}

#[test]
fn a_host_that_stays_down_is_tried_as_often_as_allowed_and_no_more() {
    on_every_engine(|engine| {
        let origin = Site::builder()
            .route("/down", Reply::new(503).header("Retry-After", "0"))
            .fallback(Response::page("well"))
            .start()
            .unwrap();
        let urls = ["/down", "/1", "/2"].map(|path| origin.url(path));
        let report = run(config(engine, urls));
        assert_eq!(report.ends(), ["503", "200", "200"]);
        assert_eq!(report.row(1).attempts, ["503", "503"]);
        assert_eq!(origin.log().hits("/down").len(), 3);
    });
}

#[test]
fn a_slow_host_does_not_block_fast_ones() {
    on_every_engine(|engine| {
        if in_flight(engine) == 1 {
            return;
        }
        let slow = Origin::start(OriginSettings {
            pages: 1000,
            latency: ms(50),
            ..OriginSettings::default()
        })
        .unwrap();
        let fast = pages();
        let slow_urls = (0..1000).map(|page| on("slow", &slow, &format!("/page/{page}")));
        let fast_urls = (0..1000).map(|page| {
            on(
                &format!("fast{}", page % 9),
                &fast,
                &format!("/page/{page}"),
            )
        });
        // The slow host comes first: a run that takes the list in order would wait for it.
        let mut settings = config(engine, slow_urls.chain(fast_urls));
        settings.frontier.per_host = 2;
        let stop = Stop::new();
        let abort = stop.abort.clone();
        let mut answered = 0;
        let report = run_with(settings, stop, move |event| {
            if let Event::Visited(visit) = event
                && visit.job.row > Some(1000)
            {
                answered += 1;
                if answered == 1000 {
                    abort.cancel();
                }
            }
        });
        assert_eq!(fast.log().requests(), 1000);
        assert!(
            slow.log().requests() < 300,
            "{} of the slow ones",
            slow.log().requests()
        );
        assert!(slow.log().counts().most_in_flight <= 2);
        assert!(report.outcome.missing.contains(1000));
    });
}

#[test]
fn each_url_of_a_failing_host_gets_all_retries_of_the_settings() {
    on_every_engine(|engine| {
        let origin = Site::builder()
            .fallback(Response::status(500))
            .start()
            .unwrap();
        let urls = (0..100).map(|page| origin.url(&format!("/{page}")));
        let report = run(config(engine, urls));
        assert_eq!(report.records.len(), 100);
        assert!(
            report
                .records
                .iter()
                .all(|record| record.attempts == ["500", "500"])
        );
        assert_eq!(origin.log().requests(), 300);
        assert_eq!(report.outcome.tally.retries, 200);
    });
}

#[test]
fn a_request_that_may_not_be_sent_twice_is_not_retried() {
    on_every_engine(|engine| {
        let origin = pages();
        let urls = ["/fault/reset-before", "/fault/empty"].map(|path| origin.url(path));
        let mut settings = config(engine, urls);
        settings.fetch.method = http::Method::POST;
        settings.fetch.body = Some("once".into());
        let report = run(settings);
        assert_eq!(report.ends(), ["closed", "closed"]);
        assert_eq!(origin.log().requests(), 2);
        assert!(origin.log().all_hits().iter().all(|hit| hit.body == "once"));
    });
}

#[test]
fn the_user_decides_what_is_retried() {
    on_every_engine(|engine| {
        let origin = pages();
        let mut settings = config(
            engine,
            [origin.url("/status/404"), origin.url("/status/500")],
        );
        settings.frontier.retry_on = RetryOn::nothing();
        settings.frontier.retry_on.add("404").unwrap();
        let report = run(settings);
        assert_eq!(report.row(1).attempts, ["404", "404"]);
        assert!(report.row(2).attempts.is_empty());
    });
}

#[test]
fn a_repeated_line_is_fetched_once_and_recorded_twice() {
    on_every_engine(|engine| {
        let origin = pages();
        let urls = ["/page/1", "/page/2", "/page/1", "/page/1#part", "/./page/2"]
            .map(|path| origin.url(path));
        let report = run(config(engine, urls.clone()));
        assert_eq!(
            report.ends(),
            ["200", "200", "duplicate", "duplicate", "duplicate"]
        );
        assert_eq!(report.row(5).message, "same as line 2");
        assert_eq!(
            (report.outcome.tally.duplicates, report.outcome.tally.failed),
            (3, 0)
        );
        assert_eq!(origin.log().requests(), 2);
        origin.log().clear();
        let mut settings = config(engine, urls);
        settings.frontier.duplicates = Duplicates::Keep;
        assert_eq!(run(settings).ends(), ["200"; 5]);
        assert_eq!(origin.log().requests(), 5);
    });
}

#[test]
fn hosts_that_share_an_address_share_its_limit() {
    on_every_engine(|engine| {
        let origin = Origin::start(OriginSettings {
            pages: 2000,
            page_bytes: 100,
            latency: ms(3),
            ..OriginSettings::default()
        })
        .unwrap();
        let urls = (0..240).map(|page| {
            on(
                &format!("h{}", page % 24),
                &origin,
                &format!("/page/{page}"),
            )
        });
        let mut settings = config(engine, urls);
        settings.frontier.per_ip = 3;
        let report = run(settings);
        assert!(
            report
                .records
                .iter()
                .all(|record| record.status == Some(200))
        );
        assert_eq!((report.records.len(), origin.log().requests()), (240, 240));
        let most = origin.log().counts().most_in_flight;
        assert_eq!(most, in_flight(engine).min(3) as u64);
    });
}

#[test]
fn a_rate_limited_server_seldom_gets_more_requests_than_it_allows() {
    on_every_engine(|engine| {
        let origin = Origin::start(OriginSettings {
            pages: 2000,
            page_bytes: 100,
            latency: ms(5),
            rate_limit: Some(40.0),
            ..OriginSettings::default()
        })
        .unwrap();
        let urls = (0..400).map(|page| origin.url(&format!("/page/{page}")));
        let mut settings = config(engine, urls);
        settings.frontier.adaptive = true;
        settings.frontier.retries = 5;
        let report = run(settings);
        assert!(
            report
                .records
                .iter()
                .all(|record| record.status == Some(200)),
            "{:?}",
            report.ends()
        );
        let hits = origin.log().all_hits();
        let refused = hits.iter().filter(|hit| hit.status == Some(429)).count();
        assert!((1..=36).contains(&refused), "{refused} of {}", hits.len());
        // Ten seconds' worth: requests are not much slower than the limit allows either.
        let took = hits[hits.len() - 1].at.duration_since(hits[0].at);
        assert!(took < Duration::from_secs(30), "{took:?}");
    });
}
