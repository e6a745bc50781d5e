//! Crawls, as the server's log shows them: what was requested, how often, in what order.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use haul::fetch::Override;
use haul::origin::{Gate, Origin, OriginSettings, Reply, Response, Site, SiteBuilder, Step};
use haul::scope::Pattern;
use haul::{Config, Event, JobSettings, ScopeReach, Stop};

use crate::folder::Folder;
use crate::politeness::{assert_apart, hits, on};
use crate::run::{Report, in_flight, ms, on as on_engine, on_every_engine, run, run_with, wait};

/// A crawl of these seeds, with the defaults of `haul crawl`.
fn crawling<T: Into<String>>(engine: &str, seeds: impl IntoIterator<Item = T>) -> Config {
    on_engine(engine, Config::crawl(seeds))
}

/// The same, with a job in this folder.
fn in_job(mut settings: Config, folder: &Path) -> Config {
    settings.job = Some(JobSettings {
        folder: folder.to_owned(),
        fresh: false,
        settings: [("what".to_owned(), "a test".to_owned())].into(),
        may_change: Vec::new(),
    });
    settings
}

/// A page that links to these targets.
fn linking<T: AsRef<str>>(targets: impl IntoIterator<Item = T>) -> Response {
    let link = |target: T| format!("<a href=\"{}\">there</a>\n", target.as_ref());
    Response::page(targets.into_iter().map(link).collect::<String>())
}

fn robots(text: &'static str) -> SiteBuilder {
    let robots = Response::body("text/plain", text);
    Site::builder().route("/robots.txt", robots)
}

/// The requested paths, sorted; a path that was requested twice is listed twice.
fn requested(origin: &Origin) -> Vec<String> {
    let mut paths = origin.log().paths();
    paths.retain(|path| path != "/robots.txt");
    paths.sort();
    paths
}

/// Asserts that no URL was requested twice.
fn assert_requested_once(origin: &Origin) {
    let mut urls = BTreeSet::new();
    for hit in origin.log().all_hits() {
        let url = format!("{}{}", hit.host, hit.path);
        assert!(urls.insert(url.clone()), "{url} was requested twice");
    }
}

/// The URL or the error of each record.
fn ends(report: &Report) -> BTreeSet<String> {
    report.records.iter().map(|record| record.end()).collect()
}

#[test]
fn each_page_is_requested_once_and_robots_txt_first() {
    on_every_engine(|engine| {
        let origin = Origin::start(OriginSettings {
            pages: 300,
            ..OriginSettings::default()
        })
        .unwrap();
        let report = run(crawling(engine, [origin.url("/")]));
        assert_eq!(report.records.len(), 301);
        assert_eq!(origin.log().paths()[0], "/robots.txt");
        // In addition to the pages: robots.txt, the sitemap index and its one part.
        assert_eq!(origin.log().requests(), 301 + 3);
        assert_requested_once(&origin);
    });
}

#[test]
fn what_robots_txt_forbids_is_not_requested_through_a_link_a_redirect_a_sitemap_or_a_seed() {
    let rules = "User-agent: *\nDisallow: /secret\nAllow: /secret/open\nDisallow: /*.pdf$\nSitemap: /sitemap.xml\n";
    on_every_engine(|engine| {
        let sitemap = |request: &haul::origin::Request| {
            let loc = |path| format!("<url><loc>http://{}{path}</loc></url>", request.host());
            let text = format!("<urlset>{}{}</urlset>", loc("/secret/3"), loc("/listed"));
            Response::body("application/xml", text)
        };
        let links = [
            "/secret/1",
            "/hop",
            "/paper.pdf",
            "/secret/open",
            "/%73ecret/4",
            "/page",
        ];
        let origin = robots(rules)
            .route("/", linking(links))
            .route("/hop", Response::redirect(302, "/hop/on"))
            .route("/hop/on", Response::redirect(301, "/secret/2"))
            .route_with("/sitemap.xml", sitemap)
            .fallback(linking(["/secret/5", "/paper.pdf?x=.pdf"]))
            .start()
            .unwrap();
        let report = run(crawling(engine, [origin.url("/"), origin.url("/secret/6")]));
        let wanted = [
            "/",
            "/hop",
            "/hop/on",
            "/listed",
            "/page",
            "/secret/open",
            "/sitemap.xml",
        ];
        assert_eq!(requested(&origin), wanted);
        assert_eq!(origin.log().hits("/robots.txt").len(), 1);
        // Listed rows and requested pages have records. A redirect to a forbidden URL counts like a link to it.
        assert_eq!(report.row(2).class, Some("robots"));
        let records = &report.records;
        let hop = |path: &str| records.iter().find(|record| record.url.ends_with(path));
        assert_eq!(hop("/hop").unwrap().status, Some(302));
        assert_eq!(hop("/hop/on").unwrap().status, Some(301));
        assert_eq!(report.records.len(), 7);
    });
}

#[test]
fn a_resumed_crawl_fetches_robots_txt_again_and_obeys_the_new_rules() {
    on_every_engine(|engine| {
        let gate = Gate::new();
        let says = [
            "User-agent: *\nAllow: /\n",
            "User-agent: *\nDisallow: /secret\n",
        ];
        let secrets = (0..10).map(|page| format!("/secret/{page}"));
        let links = ["/held".to_owned()].into_iter().chain(secrets);
        let origin = Arc::new(
            Site::builder()
                .route(
                    "/robots.txt",
                    Response::Sequence(
                        says.map(|text| Response::body("text/plain", text)).to_vec(),
                    ),
                )
                .route("/", linking(links))
                .route("/held", Response::page("held").held(&gate))
                .fallback(Response::page("well"))
                .start()
                .unwrap(),
        );
        let folder = Folder::new();
        let mut settings = in_job(crawling(engine, [origin.url("/")]), folder.path());
        settings.frontier.per_host = 1;
        let (stop, again) = (Stop::new(), settings.clone());
        let abort = stop.abort.clone();
        let first = thread::spawn(move || run_with(settings, stop, |_| ()));
        wait(origin.log().wait_for("/held"));
        abort.cancel();
        let first = first.join().unwrap();
        assert_eq!((first.records.len(), first.outcome.waiting), (1, 11));
        gate.open();
        let second = run(again);
        assert_eq!(
            second.records.len(),
            1,
            "only the held page: the others have no record"
        );
        assert_eq!(requested(&origin), ["/", "/held", "/held"]);
        assert_eq!(origin.log().hits("/robots.txt").len(), 2);
    });
}

#[test]
fn a_failing_robots_txt_closes_its_host_and_a_missing_one_opens_it() {
    on_every_engine(|engine| {
        let origin = Site::builder()
            .route_with("/robots.txt", |request| match &*request.host_name() {
                "down.localhost" => Response::status(503),
                "cut.localhost" => Response::Raw(vec![Step::Reset]),
                "none.localhost" => Response::status(404),
                _ => Response::status(403),
            })
            .route("/", linking(["/more"]))
            .fallback(Response::page("well"))
            .start()
            .unwrap();
        let names = ["down", "cut", "none", "closed"];
        let mut settings = crawling(engine, names.map(|name| on(name, &origin, "/")));
        settings.frontier.retries = 0;
        let report = run(settings);
        let paths = |name| -> Vec<String> {
            let hits = hits(name, &origin).into_iter();
            hits.map(|hit| hit.path).collect()
        };
        assert_eq!(paths("down"), ["/robots.txt"]);
        assert_eq!(paths("cut"), ["/robots.txt"]);
        assert_eq!(paths("none"), ["/robots.txt", "/", "/more"]);
        assert_eq!(paths("closed"), ["/robots.txt", "/", "/more"]);
        assert_eq!(report.row(1).class, Some("robots-unreachable"));
        assert!(report.row(2).class.is_some());
    });
}

#[test]
fn the_crawl_delay_of_a_host_is_kept_from_start_to_start() {
    on_every_engine(|engine| {
        let origin = robots("User-agent: *\nCrawl-delay: 0.12\n")
            .route("/", linking((0..5).map(|page| format!("/{page}"))))
            .fallback(Response::page("well").after(ms(20)))
            .start()
            .unwrap();
        let report = run(crawling(engine, [on("slow", &origin, "/")]));
        assert_eq!(report.records.len(), 6);
        let hits = hits("slow", &origin);
        assert_apart(&hits[1..], ms(120));
        assert!(
            hits[6].at.duration_since(hits[1].at) < ms(120) * 8,
            "and not much longer"
        );
    });
}

#[test]
fn no_host_has_more_in_flight_than_it_may() {
    on_every_engine(|engine| {
        let origin = Origin::start(OriginSettings {
            pages: 60,
            latency: ms(5),
            ..OriginSettings::default()
        })
        .unwrap();
        let mut settings = crawling(engine, ["a", "b"].map(|name| on(name, &origin, "/")));
        settings.frontier.per_host = 3;
        let report = run(settings);
        assert_eq!(report.records.len(), 122);
        for name in ["a", "b"] {
            let host = format!("{name}.localhost:{}", origin.address().port());
            let most = origin.log().max_in_flight(&host);
            assert!(most <= 3, "{most} on {host}");
            if in_flight(engine) >= 16 {
                assert_eq!(most, 3, "what is allowed is used");
            }
        }
        assert_requested_once(&origin);
    });
}

/// A site with pages of every kind.
fn mixed() -> Origin {
    robots("User-agent: *\nDisallow: /page/5\n")
        .settings(OriginSettings {
            pages: 3000,
            page_bytes: 2 << 10,
            ..OriginSettings::default()
        })
        .route("/page/2", Response::redirect(302, "/page/2000"))
        .route("/page/3", Response::redirect(302, "/page/7"))
        .route("/page/4", Response::redirect(302, "/page/5"))
        .route("/page/11", Response::status(404))
        .route("/page/12", Response::status(410))
        .route("/page/13", Response::Raw(vec![Step::Reset]))
        .route(
            "/page/14",
            Response::Sequence(vec![Response::status(500), linking(["/page/99"])]),
        )
        .start()
        .unwrap()
}

#[test]
fn a_limit_of_records_is_exact_whatever_is_in_flight() {
    on_every_engine(|engine| {
        for limit in [1, 37, 500] {
            let origin = mixed();
            let mut settings = crawling(engine, [origin.url("/")]);
            settings.frontier.max_records = Some(limit);
            settings.frontier.per_host = 0;
            let report = run(settings);
            assert_eq!(report.records.len() as u64, limit);
            if limit == 500 {
                assert!(ends(&report).len() >= 4, "{:?}", ends(&report));
            }
        }
    });
}

#[test]
fn a_limit_of_records_holds_for_all_sessions_of_a_job_together() {
    on_every_engine(|engine| {
        let (origin, folder) = (mixed(), Folder::new());
        let mut settings = in_job(crawling(engine, [origin.url("/")]), folder.path());
        settings.frontier.max_records = Some(500);
        settings.frontier.per_host = 0;
        let mut urls = BTreeSet::new();
        let mut records = 0;
        for session in 1..=5_usize {
            let stop = Stop::new();
            let abort = stop.abort.clone();
            let mut left = 90 * session;
            let report = run_with(settings.clone(), stop, move |event| {
                if let Event::Visited(_) = event {
                    left = left.saturating_sub(1);
                    if left == 0 {
                        abort.cancel();
                    }
                }
            });
            records += report.records.len();
            urls.extend(report.records.into_iter().map(|record| record.first_url));
        }
        assert_eq!((records, urls.len()), (500, 500));
    });
}

#[test]
fn a_chain_of_a_thousand_pages_ends_with_and_without_a_job() {
    on_every_engine(|engine| {
        for is_stored in [false, true] {
            let next = |request: &haul::origin::Request| match request.path()[1..].parse() {
                Ok(1000) => Response::page("the end"),
                Ok(page) => linking([format!("/{}", page + 1_u32)]),
                Err(_) => Response::status(404),
            };
            let origin = Site::builder()
                .fallback(Response::call(next))
                .start()
                .unwrap();
            let folder = Folder::new();
            let mut settings = crawling(engine, [origin.url("/1")]);
            if is_stored {
                settings = in_job(settings, folder.path());
            }
            let report = run(settings);
            assert_eq!(report.records.len(), 1000);
            assert!(report.ends().iter().all(|end| end == "200"));
            assert_eq!(origin.log().requests(), 1001);
        }
    });
}

#[test]
fn other_hosts_continue_while_a_slow_one_does_not_respond() {
    on_every_engine(|engine| {
        let (hosts, pages) = match engine {
            "sequential" => return, // it waits for each response before it sends the next request
            "async:64" => (2000, 2),
            _ => (50, 20),
        };
        // The slow host responds after the last page of the others: a crawl that waits for it never ends.
        let (gate, others) = (Gate::new(), Arc::new(AtomicUsize::new(0)));
        let answer = {
            let gate = gate.clone();
            move |request: &haul::origin::Request| {
                if request.host_name() == "slow.localhost" {
                    return Response::page("at last").held(&gate);
                }
                if others.fetch_add(1, Ordering::SeqCst) + 1 == hosts * pages {
                    gate.open();
                }
                let next = 1 + request.path()[1..].parse().unwrap_or(0_usize);
                linking((next < pages).then(|| format!("/{next}")))
            }
        };
        let origin = Site::builder()
            .route("/robots.txt", Response::status(404))
            .fallback(Response::call(answer))
            .start()
            .unwrap();
        let slow = (0..100).map(|page| on("slow", &origin, &format!("/{page}")));
        let fast = (0..hosts).map(|host| on(&format!("h{host}"), &origin, "/"));
        let mut settings = crawling(engine, slow.chain(fast));
        settings.frontier.per_host = 2;
        let report = run(settings);
        assert_eq!(report.records.len(), 100 + hosts * pages);
        let hits = origin.log().all_hits();
        let of_slow = hits.iter().filter(|hit| hit.host.starts_with("slow."));
        assert_eq!(of_slow.count(), 101);
        assert_requested_once(&origin);
    });
}

#[test]
fn a_page_that_is_also_the_target_of_a_redirect_is_not_requested_twice() {
    on_every_engine(|engine| {
        let origin = Site::builder()
            .route("/start", Response::redirect(301, "/"))
            .route("/", linking(["/a", "/b", "/c", "/d", "/loop", "/b?again"]))
            .route("/a", Response::redirect(302, "/b"))
            .route("/c", Response::redirect(302, "/a"))
            .route("/d", Response::redirect(302, "/e"))
            .route("/b", linking(["/a", "/c", "/e", "/", "/start"]))
            .route("/loop", Response::redirect(302, "/pool"))
            .route("/pool", Response::redirect(302, "/d"))
            .fallback(Response::page("well"))
            .start()
            .unwrap();
        let report = run(crawling(engine, [origin.url("/start")]));
        assert_requested_once(&origin);
        let wanted = [
            "/", "/a", "/b", "/b?again", "/c", "/d", "/e", "/loop", "/pool", "/start",
        ];
        assert_eq!(requested(&origin), wanted);
        // A redirect to a page with its own record gets a record too.
        assert!(ends(&report).contains("302"), "{:?}", report.records);
        let finals: Vec<_> = report.records.iter().map(|record| &record.url).collect();
        assert_eq!(finals.len(), finals.iter().collect::<BTreeSet<_>>().len());
    });
}

#[test]
fn a_crawl_stays_within_its_scope_its_patterns_and_its_depth() {
    use ScopeReach::{Any, Domain, Host, Page, Path};
    // Both are below co.uk, which is a public suffix: they are different sites.
    const ALL: [&str; 5] = [
        "www.site.co.uk /docs/",
        "www.site.co.uk /docs/one",
        "www.site.co.uk /blog/two",
        "shop.site.co.uk /docs/three",
        "other.co.uk /docs/four",
    ];
    let wanted: [(ScopeReach, &str, &str, &[usize]); 8] = [
        (Page, "", "", &[0]),
        (Path, "", "", &[0, 1]),
        (Host, "", "", &[0, 1, 2]),
        (Domain, "", "", &[0, 1, 2, 3]),
        (Any, "", "", &[0, 1, 2, 3, 4]),
        (Any, "/docs/**", "", &[0, 1, 3, 4]),
        (Any, "", "re:/(one|three)$", &[0, 2, 4]),
        (Any, "/docs/**", "*://other.co.uk**", &[0, 1, 3]),
    ];
    on_every_engine(|engine| {
        let origin = Site::builder()
            .route_with("/docs/", |request| {
                let host = request.host().into_owned();
                let port = host.rsplit_once(':').map_or("80", |(_, port)| port);
                let shop = format!("http://shop.site.co.uk:{port}/docs/three");
                let other = format!("http://other.co.uk:{port}/docs/four");
                linking(["one", "/blog/two", &shop, &other])
            })
            .fallback(Response::page("well"))
            .start()
            .unwrap();
        let port = origin.address().port();
        let names = ["www.site.co.uk", "shop.site.co.uk", "other.co.uk"];
        let here = names.map(|name| Override::parse(&format!("{name}:{port}:127.0.0.1")).unwrap());
        for (reach, include, exclude, places) in wanted {
            origin.log().clear();
            let mut settings = crawling(engine, [format!("http://www.site.co.uk:{port}/docs/")]);
            settings.fetch.resolve = here.to_vec();
            let scope = &mut settings.crawl.as_mut().unwrap().scope;
            scope.reach = reach;
            let patterns = |text: &str| -> Vec<Pattern> {
                let texts = text.split_whitespace();
                texts.map(|text| text.parse().unwrap()).collect()
            };
            (scope.include, scope.exclude) = (patterns(include), patterns(exclude));
            run(settings);
            let mut requested: Vec<String> = origin
                .log()
                .all_hits()
                .into_iter()
                .filter(|hit| hit.path != "/robots.txt")
                .map(|hit| format!("{} {}", hit.host.split(':').next().unwrap(), hit.path))
                .collect();
            requested.sort();
            let mut all: Vec<_> = places.iter().map(|place| ALL[*place]).collect();
            all.sort_unstable();
            assert_eq!(requested, all, "{reach:?} {include:?} {exclude:?}");
        }
    });
}

#[test]
fn a_depth_is_counted_in_links_from_the_seed() {
    on_every_engine(|engine| {
        let origin = Site::builder()
            .route("/", linking(["/1"]))
            .route("/1", linking(["/2", "/1/side"]))
            .route("/2", linking(["/3"]))
            .route("/3", Reply::new(200))
            .fallback(Response::page("well"))
            .start()
            .unwrap();
        for (depth, wanted) in [
            (0, &["/"][..]),
            (1, &["/", "/1"]),
            (2, &["/", "/1", "/1/side", "/2"]),
            (9, &["/", "/1", "/1/side", "/2", "/3"]),
        ] {
            origin.log().clear();
            let mut settings = crawling(engine, [origin.url("/")]);
            settings.crawl.as_mut().unwrap().scope.depth = Some(depth);
            run(settings);
            assert_eq!(requested(&origin), wanted, "depth {depth}");
        }
    });
}
