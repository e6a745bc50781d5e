//! Trouble with a host delays its URLs but drops none: outages, refusals, rate limits.

use std::collections::{BTreeSet, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use haul::frontier::Robots;
use haul::origin::{Hit, Origin, OriginSettings, Reply, Request, Response, Site, Step};
use haul::{Config, CrawlSettings, Event, Stop};
use serde_json::Value;

use crate::folder::Folder;
use crate::program::Process;
use crate::run::{Report, config, ms, on_every_engine, run, run_with};

/// A local address on which nothing listens, reserved for a server that starts later.
struct Vacant {
    address: SocketAddr,
    _socket: tokio::net::TcpSocket,
}

impl Vacant {
    fn new() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        Self {
            address,
            _socket: socket,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn pages(count: u64) -> OriginSettings {
    OriginSettings {
        pages: count,
        page_bytes: 100,
        ..OriginSettings::default()
    }
}

fn all_answered(report: &Report, count: usize) {
    assert_eq!(report.records.len(), count);
    let others: Vec<_> = report
        .records
        .iter()
        .filter(|record| record.status != Some(200))
        .collect();
    assert!(
        others.is_empty(),
        "{} of {count}: {:?}",
        others.len(),
        others[0]
    );
}

/// A crawl of this seed.
fn crawling(engine: &str, seed: &str) -> Config {
    let mut settings = config(engine, [seed]);
    settings.crawl = Some(CrawlSettings::default());
    settings.frontier.robots = Robots::Obey;
    settings
}

/// Calls back at the first pause.
fn at_first_pause(
    mut call: impl FnMut() + Send + 'static,
) -> impl FnMut(&Event<'_>) + Send + 'static {
    let mut is_over = false;
    move |event| {
        if let Event::Held { .. } = event
            && !std::mem::replace(&mut is_over, true)
        {
            call();
        }
    }
}

#[test]
fn a_server_that_refuses_connections_for_a_moment_costs_no_url() {
    on_every_engine(|engine| {
        let vacant = Vacant::new();
        let address = vacant.address;
        let urls = (0..300).map(|page| vacant.url(&format!("/page/{page}")));
        // The server starts once haul has noticed that it is down.
        let server = Arc::new(Mutex::new(None));
        let started = server.clone();
        let start = move || {
            let site = Site::new(pages(300)).unwrap();
            *started.lock().unwrap() = Some(Origin::at(address, site).unwrap());
        };
        let report = run_with(config(engine, urls), Stop::new(), at_first_pause(start));
        all_answered(&report, 300);
        let server = server.lock().unwrap();
        assert_eq!(server.as_ref().unwrap().log().requests(), 300);
    });
}

/// A site that resets connections after some pages until it is mended.
///
/// Each page links to the next two.
fn failing_site(count: usize, well: usize, mended: Arc<AtomicBool>) -> Origin {
    let requests = AtomicUsize::new(0);
    let page = move |request: &Request| {
        if requests.fetch_add(1, SeqCst) >= well && !mended.load(SeqCst) {
            return Response::Raw(vec![Step::Reset]);
        }
        let page: usize = request.path().trim_start_matches('/').parse().unwrap_or(0);
        let links = (page * 2 + 1..page * 2 + 3).filter(|page| *page < count);
        let links: String = links
            .map(|page| format!("<a href=\"/{page}\">x</a>"))
            .collect();
        Response::page(links)
    };
    Site::builder()
        .route("/robots.txt", Response::status(404))
        .fallback(Response::call(page))
        .start()
        .unwrap()
}

#[test]
fn a_server_that_resets_connections_in_the_middle_of_a_crawl_costs_no_page() {
    on_every_engine(|engine| {
        let mended = Arc::new(AtomicBool::new(false));
        let origin = failing_site(100, 20, mended.clone());
        let mend = move || mended.store(true, SeqCst);
        let settings = crawling(engine, &origin.url("/"));
        let report = run_with(settings, Stop::new(), at_first_pause(mend));
        all_answered(&report, 100);
    });
}

#[test]
fn a_robots_txt_that_fails_at_first_closes_no_host_with_many_urls() {
    on_every_engine(|engine| {
        let vacant = Vacant::new();
        let address = vacant.address;
        let urls = (0..50).map(|page| vacant.url(&format!("/page/{page}")));
        let mut settings = config(engine, urls);
        settings.frontier.robots = Robots::Obey;
        let server = Arc::new(Mutex::new(None));
        let started = server.clone();
        let start = move || {
            let site = Site::new(pages(50)).unwrap();
            *started.lock().unwrap() = Some(Origin::at(address, site).unwrap());
        };
        let report = run_with(settings, Stop::new(), at_first_pause(start));
        all_answered(&report, 50);
    });
}

#[test]
fn a_host_that_stays_down_is_given_up_with_a_reason_in_each_record_and_no_other_host_with_it() {
    on_every_engine(|engine| {
        let vacant = Vacant::new();
        let origin = Origin::start(pages(20)).unwrap();
        let dead = (0..300).map(|page| vacant.url(&format!("/{page}")));
        let alive = (0..20).map(|page| origin.url(&format!("/page/{page}")));
        let mut settings = config(engine, dead.chain(alive));
        settings.frontier.max_down = ms(50);
        let report = run(settings);
        let down = report.records[..300]
            .iter()
            .filter(|record| record.class == Some("host-down"));
        let down: Vec<_> = down.collect();
        // URLs that used up their retries before the host was paused have their own failure.
        assert!(down.len() > 280, "{}", down.len());
        for record in down {
            assert!(
                record.message.starts_with("host given up: ")
                    && record.message.ends_with("the last one: connect"),
                "{}",
                record.message
            );
        }
        assert!(
            report.records[300..]
                .iter()
                .all(|record| record.status == Some(200))
        );
        let given_up = report
            .events
            .iter()
            .filter(|event| event.starts_with("GivenUp"));
        assert_eq!(given_up.count(), 1, "{:?}", report.events);
    });
}

#[test]
fn a_host_with_a_single_dead_url_ends_after_its_tries() {
    on_every_engine(|engine| {
        let vacant = Vacant::new();
        let report = run(config(engine, [vacant.url("/")]));
        assert_eq!(report.ends(), ["connect"]);
        assert_eq!(report.only().attempts, ["connect", "connect"]);
    });
}

/// A server that returns this status once for each path, and a page from then on.
fn once_each(status: u16, header: Option<(&'static str, &'static str)>) -> Origin {
    let seen = Mutex::new(HashSet::new());
    let answer = move |request: &Request| {
        if !seen.lock().unwrap().insert(request.path().to_owned()) {
            return Response::page("well");
        }
        let mut reply = Reply::explained(status);
        if let Some((name, value)) = header {
            reply = reply.header(name, value);
        }
        reply.into()
    };
    Site::builder()
        .fallback(Response::call(answer))
        .start()
        .unwrap()
}

#[test]
fn a_hundred_urls_that_each_return_503_once_all_succeed() {
    on_every_engine(|engine| {
        let origin = once_each(503, Some(("Retry-After", "0")));
        let urls = (0..100).map(|page| origin.url(&format!("/{page}")));
        let report = run(config(engine, urls));
        all_answered(&report, 100);
        assert!(
            report
                .records
                .iter()
                .all(|record| record.attempts == ["503"])
        );
    });
}

#[test]
fn a_host_that_rejects_every_request_costs_its_urls_no_retries() {
    on_every_engine(|engine| {
        let requests = AtomicUsize::new(0);
        let answer = move |_: &Request| match requests.fetch_add(1, SeqCst) {
            0..12 => Reply::explained(429).header("Retry-After", "0").into(),
            _ => Response::page("well"),
        };
        let origin = Site::builder()
            .fallback(Response::call(answer))
            .start()
            .unwrap();
        let mut settings = config(engine, (0..3).map(|page| origin.url(&format!("/{page}"))));
        settings.frontier.per_host = 1;
        settings.frontier.retries = 1;
        all_answered(&run(settings), 3);
    });
}

#[test]
fn a_request_that_came_at_a_bad_moment_is_sent_again() {
    on_every_engine(|engine| {
        for status in [408, 425] {
            let origin = once_each(status, None);
            let report = run(config(engine, [origin.url("/")]));
            all_answered(&report, 1);
            assert_eq!(report.only().attempts, [status.to_string()]);
        }
    });
}

#[test]
fn every_url_of_a_rate_limited_server_gets_a_response() {
    on_every_engine(|engine| {
        let origin = Origin::start(OriginSettings {
            rate_limit: Some(20.0),
            ..pages(80)
        })
        .unwrap();
        let urls = (0..80).map(|page| origin.url(&format!("/page/{page}")));
        let report = run(config(engine, urls));
        all_answered(&report, 80);
    });
}

#[test]
fn retry_after_counts_with_a_500_and_with_a_redirect() {
    let second = Duration::from_secs(1);
    let gap = |hits: &[Hit]| hits[1].at.duration_since(hits[0].at);
    on_every_engine(|engine| {
        let origin = once_each(500, Some(("Retry-After", "1")));
        all_answered(&run(config(engine, [origin.url("/")])), 1);
        assert!(gap(&origin.log().all_hits()) + ms(30) >= second);

        let away = Reply::explained(302)
            .header("Location", "/there")
            .header("Retry-After", "1");
        let origin = Site::builder()
            .route("/", away)
            .fallback(Response::page("there"))
            .start()
            .unwrap();
        all_answered(&run(config(engine, [origin.url("/")])), 1);
        assert!(gap(&origin.log().all_hits()) + ms(30) >= second);
    });
}

#[test]
fn a_server_that_stays_busy_ends_the_wait_and_each_url_has_its_reason() {
    on_every_engine(|engine| {
        let origin = Site::builder()
            .fallback(Reply::explained(503).header("Retry-After", "0"))
            .start()
            .unwrap();
        let mut settings = config(engine, (0..50).map(|page| origin.url(&format!("/{page}"))));
        settings.frontier.max_down = ms(50);
        let report = run(settings);
        assert_eq!(report.records.len(), 50);
        let reason = |record: &&crate::run::Record| {
            record.status == Some(503) || record.message.ends_with("the last one: HTTP 503")
        };
        assert_eq!(report.records.iter().filter(reason).count(), 50);
        // They include the URLs that were never requested.
        assert!(
            report
                .records
                .iter()
                .any(|record| record.class == Some("host-down") && record.attempts.is_empty())
        );
    });
}

#[test]
fn after_a_pause_a_host_gets_one_request_and_not_all() {
    let requests = AtomicUsize::new(0);
    let answer = move |_: &Request| match requests.fetch_add(1, SeqCst) {
        0 => Reply::explained(503).header("Retry-After", "1").into(),
        _ => Response::page("well").after(ms(50)),
    };
    let origin = Site::builder()
        .fallback(Response::call(answer))
        .start()
        .unwrap();
    let mut settings = config(
        "async:64",
        (0..100).map(|page| origin.url(&format!("/{page}"))),
    );
    settings.frontier.per_host = 32;
    all_answered(&run(settings), 100);
    let hits = origin.log().all_hits();
    let first = hits[0].at;
    let after: Vec<_> = hits.iter().filter(|hit| hit.at - first > ms(900)).collect();
    // Each response takes 50 ms, and makes room for one more request than before.
    assert!(
        after[1].at - after[0].at >= ms(40),
        "{:?}",
        after[1].at - after[0].at
    );
    assert!(
        after[3].at - after[1].at >= ms(40),
        "{:?}",
        after[3].at - after[1].at
    );
}

fn haul(folder: &std::path::Path, words: &[&str]) -> (Option<i32>, String) {
    let output = crate::cli::haul(folder, words).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), errors)
}

fn records(folder: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("job/records.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_crawl_that_lost_pages_says_so_with_its_exit_code_and_retry_fetches_them_all_again() {
    let folder = Folder::new();
    let mended = Arc::new(AtomicBool::new(false));
    let origin = failing_site(60, 20, mended.clone());
    let seed = origin.url("/");
    let words = ["crawl", &seed, "--job", "job", "--max-host-down", "50ms"];
    let (code, stderr) = haul(folder.path(), &words);
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.contains("giving up after"), "{stderr}");
    let down = |record: &&Value| record["error"] == "host-down";
    let lost = records(folder.path());
    let lost: BTreeSet<_> = lost
        .iter()
        .filter(down)
        .map(|record| record["url"].to_string())
        .collect();
    assert!(lost.len() > 5, "{lost:?}");
    mended.store(true, SeqCst);
    let (code, stderr) = haul(folder.path(), &["retry", "job"]);
    assert_eq!(code, Some(0), "{stderr}");
    let records = records(folder.path());
    let well = records.iter().filter(|record| record["status"] == 200);
    let well: BTreeSet<_> = well.map(|record| record["url"].to_string()).collect();
    assert_eq!(well.len(), 60);
    assert!(well.is_superset(&lost));
}

#[test]
fn a_server_that_fails_now_and_then_loses_no_url_with_adaptive() {
    on_every_engine(|engine| {
        let requests = AtomicUsize::new(0);
        let answer = move |_: &Request| match requests.fetch_add(1, SeqCst) % 20 {
            7 => Response::status(503),
            _ => Response::page("well"),
        };
        let origin = Site::builder()
            .fallback(Response::call(answer))
            .start()
            .unwrap();
        let mut settings = config(engine, (0..100).map(|page| origin.url(&format!("/{page}"))));
        settings.frontier.adaptive = true;
        all_answered(&run(settings), 100);
    });
}

#[test]
fn a_host_whose_urls_each_fail_differently_is_not_considered_down() {
    on_every_engine(|engine| {
        let site = Site::builder()
            .route("/busy", Response::status(503))
            .fallback(Response::raw("not HTTP\r\n\r\n"));
        let origin = site.start().unwrap();
        let paths = ["/busy", "/1", "/2", "/3", "/4", "/5", "/6", "/7"];
        let mut settings = config(engine, paths.map(|path| origin.url(path)));
        settings.frontier.max_down = ms(1);
        let report = run(settings);
        assert!(
            report.ends().iter().all(|end| end != "host-down"),
            "{:?}",
            report.ends()
        );
    });
}

/// How often a test looks for a state before it gives up.
const LOOKS: usize = 2_000;

/// A child that is killed with the test.
struct Running(Process);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn job_and_explain_show_a_wait_with_its_reason_while_another_haul_works() {
    let folder = Folder::new();
    let origin = Site::builder()
        .route(
            "/robots.txt",
            Response::body("text/plain", "User-agent: *\nCrawl-delay: 20\n"),
        )
        .fallback(Response::page("a page"))
        .start()
        .unwrap();
    let seed = origin.url("/page");
    let words = ["crawl", &seed, "--job", "job", "-vv"];
    let mut command = crate::cli::haul(folder.path(), &words);
    let _running = Running(command.stderr(std::process::Stdio::null()).spawn().unwrap());
    let look = |words: &[&str]| {
        let output = crate::cli::haul(folder.path(), words).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // Lines are wrapped at the width of the terminal.
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let job = (0..LOOKS)
        .map(|_| look(&["job", "job"]))
        .find(|text| text.contains("waits"))
        .expect("the wait is shown");
    let reason = "its robots.txt asks for 20s between requests";
    assert!(job.contains(reason), "{job}");
    // The seed itself is shown once it is committed.
    let explanation = (0..LOOKS)
        .map(|_| look(&["explain", "job", &seed]))
        .find(|explanation| explanation.contains("waiting"))
        .expect("the seed waits");
    assert!(explanation.contains(reason), "{explanation}");
    let json: Value = serde_json::from_str(&look(&["job", "job", "--json"])).unwrap();
    assert_eq!(json["waits"]["count"], 1);
    assert!(json["waits"]["first"][0]["until"].is_u64() && json["marks"]["waits"].is_null());
}
