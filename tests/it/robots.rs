//! Requests that have no records: robots.txt, in crawls and lists, and sitemaps.
//!
//! A robots.txt that cannot be read forbids its host, a sitemap that cannot be read is reported, and neither can keep
//! a crawl going forever.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use haul::frontier::Robots;
use haul::origin::{Origin, Reply, Request, Response, Site};
use haul::{Config, CrawlSettings};

use crate::cli;
use crate::folder::Folder;
use crate::politeness::{assert_apart, on};
use crate::run::{Report, config, ms, on_every_engine, run};

fn crawling(engine: &str, seed: &str) -> Config {
    let mut settings = config(engine, [seed]);
    settings.crawl = Some(CrawlSettings::default());
    settings.frontier.robots = Robots::Obey;
    settings
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn coded(coding: &'static str, body: Vec<u8>) -> Response {
    let reply = Reply::new(200).header("Content-Type", "text/plain");
    reply.header("Content-Encoding", coding).body(body).into()
}

/// A site with this robots.txt and pages that link to each other.
fn site(robots: Response) -> Origin {
    Site::builder()
        .route("/robots.txt", robots)
        .fallback(Response::page("<a href=/secret/1>x</a><a href=/open>x</a>"))
        .start()
        .unwrap()
}

fn unread(report: &Report) -> Vec<&String> {
    let unread = |event: &&String| event.starts_with("Unread");
    report.events.iter().filter(unread).collect()
}

const RULES: &str = "User-agent: *\nDisallow: /secret\n";

#[test]
fn a_robots_txt_that_cannot_be_decoded_forbids_the_whole_host() {
    on_every_engine(|engine| {
        let half = packed(RULES);
        let mut damaged = packed(RULES);
        damaged[0] = 0;
        for robots in [
            coded("gzip", RULES.into()),
            coded("x-unheard-of", packed(RULES)),
            coded("bzip2", RULES.into()),
            coded("gzip", half[..12].to_vec()),
            coded("gzip", damaged),
            coded("br", packed(RULES)),
            coded("zstd", b"zstd".to_vec()),
        ] {
            let origin = site(robots);
            let report = run(crawling(engine, &origin.url("/")));
            assert_eq!(report.ends(), ["robots-unreachable"]);
            assert_eq!(origin.log().paths(), ["/robots.txt"]);
            assert_eq!(unread(&report).len(), 1, "{:?}", report.events);
        }
    });
}

#[test]
fn the_rules_that_were_decoded_before_the_damage_count() {
    on_every_engine(|engine| {
        let text = format!("{RULES}# {}\n", "long ".repeat(2000));
        let whole = packed(&text);
        let origin = site(coded("gzip", whole[..whole.len() - 1000].to_vec()));
        let report = run(crawling(engine, &origin.url("/")));
        assert_eq!(report.ends(), ["200", "200"]);
        let mut paths = origin.log().paths();
        paths.sort();
        assert_eq!(paths, ["/", "/open", "/robots.txt"]);
        assert_eq!(unread(&report).len(), 1);
    });
}

#[test]
fn a_failing_robots_txt_is_a_failure_of_every_url_that_it_blocks() {
    on_every_engine(|engine| {
        let origin = site(Response::status(500));
        let report = run(crawling(engine, &origin.url("/")));
        assert_eq!(report.ends(), ["robots-unreachable"]);
        assert!(report.only().message.ends_with("HTTP 500"));
        assert_eq!(report.outcome.tally.failed, 1);
    });
}

#[test]
fn a_sitemap_that_could_not_be_read_is_reported_and_counted() {
    on_every_engine(|engine| {
        let map = "<urlset><url><loc>/listed</loc></url></urlset>";
        let map = |request: &Request| {
            let text = map.replace("/listed", &format!("http://{}/listed", request.host()));
            Response::body("application/xml", text)
        };
        let robots =
            "Sitemap: /good.xml\nSitemap: /gone.xml\nSitemap: /soft.xml\nSitemap: /damaged.xml\n";
        let origin = Site::builder()
            .route("/robots.txt", Response::body("text/plain", robots))
            .route("/", Response::page("home"))
            .route("/listed", Response::page("listed"))
            .route_with("/good.xml", map)
            .route("/soft.xml", Response::page("<h1>Not found</h1>"))
            .route("/damaged.xml", coded("gzip", b"no gzip".to_vec()))
            .start()
            .unwrap();
        let report = run(crawling(engine, &origin.url("/")));
        assert_eq!(report.ends(), ["200", "200"]);
        let tally = &report.outcome.tally;
        assert_eq!((tally.sitemaps, tally.sitemaps_failed), (1, 3));
        let events = unread(&report);
        for name in ["gone", "soft", "damaged"] {
            assert!(
                events.iter().any(|event| event.contains(name)),
                "{events:?}"
            );
        }
    });
}

/// A sitemap index with these sitemaps.
fn index(request: &Request, names: impl Iterator<Item = String>) -> Response {
    let host = request.host().into_owned();
    let entry = |name| format!("<sitemap><loc>http://{host}{name}</loc></sitemap>");
    let text: String = names.map(entry).collect();
    Response::body(
        "application/xml",
        format!("<sitemapindex>{text}</sitemapindex>"),
    )
}

/// A site whose sitemaps each list N more sitemaps, and whose pages have no links.
fn endless(each: usize) -> Origin {
    let next = move |request: &Request| {
        if !request.path().ends_with(".xml") {
            return Response::page("a page");
        }
        let path = request.path().trim_end_matches(".xml").to_owned();
        index(
            request,
            (0..each).map(|number| format!("{path}-{number}.xml")),
        )
    };
    Site::builder()
        .route(
            "/robots.txt",
            Response::body("text/plain", "Sitemap: /s.xml\n"),
        )
        .fallback(Response::call(next))
        .start()
        .unwrap()
}

#[test]
fn an_endless_chain_of_sitemaps_comes_to_an_end() {
    on_every_engine(|engine| {
        let origin = endless(1);
        let report = run(crawling(engine, &origin.url("/")));
        assert_eq!(report.ends(), ["200"]);
        // The robots.txt, the page, the sitemap in robots.txt and three that follow from it.
        assert_eq!(origin.log().requests(), 2 + 4);
        assert_eq!(report.outcome.tally.passed_over["sitemaps"], 1);
    });
}

#[test]
fn sitemaps_of_a_crawl_with_a_limit_are_not_many_more_than_its_records() {
    let origin = endless(150);
    let mut settings = crawling("async:16", &origin.url("/"));
    settings.frontier.max_records = Some(20);
    let report = run(settings);
    assert_eq!(report.ends(), ["200"]);
    assert_eq!(origin.log().requests(), 2 + 20 + 100);
    origin.log().clear();
    let mut settings = crawling("async:16", &origin.url("/"));
    settings.crawl.as_mut().unwrap().scope.max_per_host = Some(7);
    run(settings);
    assert_eq!(origin.log().requests(), 2 + 7 + 100);
}

#[test]
fn a_run_that_has_all_its_records_requests_no_more_sitemaps() {
    let origin = endless(150);
    let mut settings = crawling("async:16", &origin.url("/"));
    settings.frontier.max_records = Some(1);
    settings.frontier.per_host = 1;
    run(settings);
    assert!(origin.log().requests() <= 4, "{:?}", origin.log().paths());
}

#[test]
fn a_crawl_delay_is_kept_no_longer_than_the_settings_allow() {
    on_every_engine(|engine| {
        for paths in ["1000000000", "86400", "99999999999999999999"] {
            let text = format!("User-agent: *\nCrawl-delay: {paths}\n");
            let origin = site(Response::body("text/plain", text));
            let mut settings = crawling(engine, &origin.url("/"));
            settings.frontier.max_crawl_delay = ms(50);
            let report = run(settings);
            assert_eq!(report.ends(), ["200"; 3]);
            let events = report
                .events
                .iter()
                .filter(|event| event.starts_with("Slowed"));
            assert_eq!(events.count(), 1, "{:?}", report.events);
        }
    });
    assert_eq!(
        Config::urls(["http://h.example/"]).frontier.max_crawl_delay,
        Duration::from_secs(30)
    );
}

/// A list of these paths that obeys robots.txt.
fn listing(engine: &str, origin: &Origin, paths: &[&str]) -> Config {
    let mut settings = config(engine, paths.iter().map(|path| origin.url(path)));
    settings.frontier.robots = Robots::Obey;
    settings
}

#[test]
fn a_list_obeys_the_rules_for_haul_on_each_host_and_after_redirects() {
    on_every_engine(|engine| {
        let text = "User-agent: haul\nDisallow: /secret\nUser-agent: *\nDisallow: /\n";
        let origin = Site::builder()
            .route("/robots.txt", Response::body("text/plain", text))
            .route("/moved", Reply::new(302).header("Location", "/secret/2"))
            .fallback(Response::page("a page"))
            .start()
            .unwrap();
        let paths = ["/secret/1", "/open", "/moved", "/robots.txt"];
        let mut settings = listing(engine, &origin, &paths);
        settings.seeds = haul::seeds::SeedSettings::urls(
            paths
                .iter()
                .map(|path| origin.url(path))
                .chain([on("other", &origin, "/secret/3")]),
        );
        let report = run(settings);
        assert_eq!(report.ends(), ["robots", "200", "robots", "200", "robots"]);
        assert!(report.row(1).message.ends_with("Disallow: /secret"));
        assert_eq!(report.row(3).hops, [(origin.url("/moved"), 302)]);
        let mut paths = origin.log().paths();
        paths.sort();
        assert_eq!(
            paths,
            [
                "/moved",
                "/open",
                "/robots.txt",
                "/robots.txt",
                "/robots.txt"
            ]
        );
        let tally = &report.outcome.tally;
        assert_eq!((tally.skipped, tally.failed, tally.robots), (3, 0, 2));
    });
}

#[test]
fn a_list_that_keeps_no_bodies_still_reads_a_large_robots_txt() {
    on_every_engine(|engine| {
        let text = format!("{RULES}{}", "# a long comment\n".repeat(100_000));
        let origin = site(Response::body("text/plain", text));
        let mut settings = listing(engine, &origin, &["/secret", "/open"]);
        settings.parse.wants = haul::parse::Wants::NOTHING;
        assert_eq!(run(settings).ends(), ["robots", "200"]);
    });
}

#[test]
fn a_list_keeps_the_crawl_delay() {
    on_every_engine(|engine| {
        let text = "User-agent: *\nCrawl-delay: 0.1\n";
        let origin = site(Response::body("text/plain", text));
        let report = run(listing(engine, &origin, &["/1", "/2"]));
        assert_eq!(report.ends(), ["200"; 2]);
        assert!(
            report
                .events
                .iter()
                .any(|event| event.starts_with("Slowed"))
        );
        assert_apart(&origin.log().all_hits()[..2], ms(100));
    });
}

#[test]
fn a_list_without_the_flag_never_asks_for_robots_txt_and_with_it_skips_count_as_in_crawls() {
    let folder = Folder::new();
    let fetch = |origin: &Origin, flags: &[&str]| {
        origin.log().clear();
        let urls = [origin.url("/open"), origin.url("/secret")];
        let arguments: Vec<&str> = ["fetch", "-o", "out.jsonl"]
            .into_iter()
            .chain(flags.iter().copied())
            .chain(urls.iter().map(String::as_str))
            .collect();
        let (code, _, stderr) = cli::run(folder.path(), &arguments);
        let asked = origin.log().paths().contains(&"/robots.txt".to_owned());
        (code.unwrap(), asked, stderr)
    };
    let rules = site(Response::body("text/plain", RULES));
    let (code, asked, stderr) = fetch(&rules, &[]);
    assert_eq!((code, asked), (0, false), "{stderr}");
    let (code, asked, stderr) = fetch(&rules, &["--robots"]);
    assert_eq!((code, asked), (0, true), "{stderr}");
    assert!(stderr.contains("1 skipped, 1 robots.txt"), "{stderr}");
    let records = std::fs::read_to_string(folder.path().join("out.jsonl")).unwrap();
    assert!(records.contains("\"error\":\"robots\""), "{records}");
    std::fs::write(folder.path().join("haul.toml"), "robots = true\n").unwrap();
    let (code, asked, _) = fetch(&rules, &["--config", "haul.toml"]);
    assert_eq!((code, asked), (0, true));

    let (code, _, stderr) = fetch(
        &site(Response::status(503)),
        &["--robots", "--retries", "0"],
    );
    assert_eq!(code, 4, "{stderr}");
    assert!(stderr.contains("robots-unreachable"), "{stderr}");
}
