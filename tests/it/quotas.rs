//! Quotas of servers: when nothing is left of one, its host is not asked before it is filled up again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use haul::origin::{Origin, Reply, Response, Site};

use crate::politeness::{assert_apart, hits, on};
use crate::run::{Report, config, ms, on_every_engine, run};

type Fields = Vec<(&'static str, String)>;

/// A site whose first response to each host of the list has these fields.
fn spent_once(status: u16, fields: fn() -> Fields) -> Origin {
    let requests = AtomicUsize::new(0);
    Site::builder()
        .route_with("/spent", move |_| {
            let mut reply = match requests.fetch_add(1, Ordering::SeqCst) {
                0 => Reply::new(status).body("the last one"),
                _ => return Response::page("filled up again"),
            };
            for (name, value) in fields() {
                reply = reply.header(name, value);
            }
            reply.into()
        })
        .fallback(Response::page("a page"))
        .start()
        .unwrap()
}

/// A page that uses up the quota of its host, and two more pages there.
fn three(engine: &str, origin: &Origin, longest: Duration) -> Report {
    let urls = ["/spent", "/1", "/2"].map(|path| on("host", origin, path));
    let mut settings = config(engine, urls);
    settings.frontier.per_host = 1;
    settings.frontier.max_retry_after = longest;
    run(settings)
}

fn seconds_since_1970() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap().as_secs()
}

#[test]
fn a_host_is_not_asked_before_its_quota_is_filled_up_again() {
    let forms: [fn() -> Fields; 4] = [
        || vec![("RateLimit", "\"policy\";r=0;t=1".into())],
        || {
            let policy = ("RateLimit-Policy", "\"policy\";q=10;w=1".into());
            vec![policy, ("RateLimit", "\"policy\";r=0".into())]
        },
        || {
            let left = ("RateLimit-Remaining", "0".into());
            vec![left, ("RateLimit-Reset", "1".into())]
        },
        || {
            // A moment has no fractions of a second: two seconds from now is at least one.
            let moment = seconds_since_1970() + 2;
            let left = ("X-RateLimit-Remaining", "0".into());
            vec![left, ("X-RateLimit-Reset", moment.to_string())]
        },
    ];
    on_every_engine(|engine| {
        for fields in forms {
            let origin = spent_once(200, fields);
            let report = three(engine, &origin, Duration::from_secs(60));
            assert_eq!(report.ends(), ["200"; 3]);
            assert!(report.row(1).attempts.is_empty());
            assert_apart(&hits("host", &origin)[..2], ms(1000));
            let paused = |event: &&String| event.contains("quota of the host is used up");
            assert_eq!(report.events.iter().filter(paused).count(), 1);
        }
    });
}

#[test]
fn a_refusal_without_retry_after_waits_for_the_quota() {
    on_every_engine(|engine| {
        let fields = || vec![("RateLimit", "\"policy\";r=0;t=1".into())];
        for status in [429, 503] {
            let origin = spent_once(status, fields);
            let report = three(engine, &origin, Duration::from_secs(60));
            assert_eq!(report.ends(), ["200"; 3]);
            assert_eq!(report.row(1).attempts, [status.to_string()]);
            assert_apart(&hits("host", &origin)[..2], ms(1000));
        }
    });
}

#[test]
fn a_quota_that_is_filled_up_too_late_delays_a_page_and_ends_a_refusal() {
    on_every_engine(|engine| {
        let fields = || vec![("RateLimit", "\"policy\";r=0;t=999999".into())];
        for (status, retried) in [(200, 0), (404, 0), (500, 1), (429, 0)] {
            let origin = spent_once(status, fields);
            let report = three(engine, &origin, ms(300));
            let first = match retried {
                0 => status.to_string(),
                _ => "200".to_owned(),
            };
            assert_eq!(report.ends(), [&first, "200", "200"]);
            assert_eq!(report.row(1).attempts.len(), retried, "{status}");
            if status != 429 {
                assert_apart(&hits("host", &origin)[..2], ms(300));
            }
        }
    });
}

#[test]
fn retry_after_has_precedence_and_a_malformed_quota_says_nothing() {
    on_every_engine(|engine| {
        let both = || {
            let quota = ("RateLimit", "\"policy\";r=0;t=999999".into());
            vec![quota, ("Retry-After", "0".into())]
        };
        let report = three(engine, &spent_once(429, both), Duration::from_secs(60));
        assert_eq!(report.ends(), ["200"; 3]);
        let malformed = || vec![("RateLimit", "\"policy;r=0;t=999999".into())];
        let report = three(engine, &spent_once(200, malformed), Duration::from_secs(60));
        assert_eq!(report.ends(), ["200"; 3]);
        assert!(report.events.iter().all(|event| !event.contains("quota")));
    });
}
