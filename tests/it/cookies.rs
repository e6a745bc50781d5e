//! Cookies of a run: walls are passed, sessions go on, and no cookie reaches another site or an output.

mod files;
mod sessions;

use std::sync::atomic::{AtomicUsize, Ordering};

use haul::cookies::{CookieSettings, Cookies, OwnCookies};
use haul::fetch::Override;
use haul::origin::{Hit, Origin, Reply, Request, Response, Site, SiteBuilder};
use haul::{Config, CrawlSettings, ScopeReach};
use http::HeaderValue;
use http::header::COOKIE;

use crate::folder::Folder;
use crate::run::{Report, config, on_every_engine, run, run_unsearched};

/// A redirect that sets cookies.
pub(crate) fn setting(location: &str, cookies: &[&str]) -> Response {
    let mut reply = Reply::new(302).header("Location", location.to_owned());
    for cookie in cookies {
        reply = reply.header("Set-Cookie", (*cookie).to_owned());
    }
    reply.into()
}

fn has(request: &Request, cookie: &str) -> bool {
    let cookies = request.header("cookie").unwrap_or_default();
    cookies.split("; ").any(|sent| sent == cookie)
}

/// A site that redirects whoever has no cookie to `/set`, which sets one and redirects back.
fn wall(pages: &'static str) -> SiteBuilder {
    let page = Response::call(move |request| match has(request, "seen=s3cret") {
        true => Response::page(pages),
        false => Response::redirect(302, format!("/set?to={}", request.path())),
    });
    Site::builder()
        .route("/robots.txt", Response::status(404))
        .route_with("/set", |request| {
            let to = request.query().strip_prefix("to=").unwrap().to_owned();
            setting(&to, &["seen=s3cret; Path=/; HttpOnly"])
        })
        .fallback(page)
}

fn crawl(engine: &str, url: String) -> Config {
    let crawl = Config::crawl([url]);
    let mut config = crate::run::on(engine, crawl);
    config.frontier.retries = 0;
    config
}

fn cookies(hits: &[Hit]) -> Vec<Option<&str>> {
    hits.iter().map(|hit| hit.header("cookie")).collect()
}

/// The last record of each URL, as the statuses of their paths.
fn last(report: &Report, origin: &Origin) -> Vec<(String, String)> {
    let mut last = std::collections::BTreeMap::new();
    for record in &report.records {
        let path = record
            .first_url
            .strip_prefix(origin.url("").trim_end_matches('/'));
        last.insert(path.unwrap().to_owned(), record.end());
    }
    last.into_iter().collect()
}

#[test]
fn a_crawl_passes_a_cookie_wall_and_has_the_pages_behind_it() {
    on_every_engine(|engine| {
        let origin = wall("<a href=/one>1</a><a href=/two>2</a>")
            .start()
            .unwrap();
        let report = run_unsearched(crawl(engine, origin.url("/")));
        let paths = last(&report, &origin);
        let expected = [
            ("/", "200"),
            ("/one", "200"),
            ("/set?to=/", "302"),
            ("/two", "200"),
        ];
        let expected = expected.map(|(path, end)| (path.to_owned(), end.to_owned()));
        assert_eq!(paths, expected);
        assert_eq!(origin.log().hits("/").len(), 2);
        for record in &report.records {
            // What a server sent is in its response, as received.
            let job = record.inside.0.split("outcome:").next().unwrap();
            assert!(!job.contains("s3cret"), "{job}");
        }

        // Without cookies, or with a jar for each chain, there is no way in.
        for keep in [Cookies::Ignore, Cookies::Chain] {
            let mut config = crawl(engine, origin.url("/"));
            config.cookies = CookieSettings::keep(keep);
            assert_eq!(run_unsearched(config).ends(), ["302", "302"]);
        }
    });
}

#[test]
fn a_wall_that_redirects_to_the_same_url_is_no_loop() {
    on_every_engine(|engine| {
        let origin = Site::builder()
            .route("/robots.txt", Response::status(404))
            .fallback(Response::call(|request| match has(request, "in=1") {
                true => Response::page("in"),
                false => setting(request.path(), &["in=1"]),
            }))
            .start()
            .unwrap();
        let report = run(crawl(engine, origin.url("/")));
        assert_eq!(report.ends(), ["200"]);
        let mut config = config(engine, [origin.url("/a/b"), origin.url("/c/d")]);
        assert_eq!(run(config.clone()).ends(), ["200", "200"]);
        config.cookies = CookieSettings::keep(Cookies::Ignore);
        assert_eq!(run(config).ends(), ["redirects", "redirects"]);
    });
}

#[test]
fn pages_that_meet_a_wall_at_the_same_time_are_all_fetched_behind_it() {
    on_every_engine(|engine| {
        // Its wall forgets where somebody came from, and needs two cookies.
        let gate = haul::origin::Gate::new();
        let open = gate.clone();
        let arrived = AtomicUsize::new(0);
        let page = move |request: &Request| match (has(request, "a=1"), has(request, "b=1")) {
            (true, true) => Response::page("<title>in</title>"),
            (true, false) => Response::redirect(302, "/second"),
            _ => {
                // All of them are requested before any is answered, if the engine has room for them.
                if arrived.fetch_add(1, Ordering::SeqCst) + 1 >= 4 {
                    open.open();
                }
                Response::redirect(302, "/first").held(&open)
            }
        };
        if crate::run::in_flight(engine) < 4 {
            gate.open();
        }
        let origin = Site::builder()
            .route("/robots.txt", Response::status(404))
            .route("/first", setting("/home", &["a=1"]))
            .route("/second", setting("/home", &["b=1"]))
            .route("/home", Response::page("home"))
            .fallback(Response::call(page))
            .start()
            .unwrap();
        let mut config = crawl(engine, origin.url("/1"));
        let seeds = (1..=8).map(|page| origin.url(&format!("/{page}")));
        config.seeds = Config::urls(seeds).seeds;
        config.frontier.per_host = 4;
        let ends = last(&run(config), &origin);
        let pages = ends
            .iter()
            .filter(|(path, end)| path.len() == 2 && end == "200");
        assert_eq!(pages.count(), 8, "{ends:?}");
        assert!(origin.log().requests() < 50, "{}", origin.log().requests());
    });
}

#[test]
fn a_site_that_sets_another_cookie_each_time_is_not_fetched_without_end() {
    on_every_engine(|engine| {
        let count = AtomicUsize::new(0);
        let origin = Site::builder()
            .route("/robots.txt", Response::status(404))
            .fallback(Response::call(move |request| {
                let other = if request.path() == "/a" { "/b" } else { "/a" };
                let number = count.fetch_add(1, Ordering::SeqCst);
                setting(other, &[&format!("n{number}={number}; Path=/")])
            }))
            .start()
            .unwrap();
        let report = run(crawl(engine, origin.url("/a")));
        assert!(report.ends().iter().all(|end| end == "302"));
        assert!(origin.log().requests() <= 9, "{}", origin.log().requests());
    });
}

#[test]
fn in_a_list_a_cookie_stays_in_its_chain_through_retries_unless_the_run_keeps_cookies() {
    on_every_engine(|engine| {
        let site = || {
            let requests = AtomicUsize::new(0);
            Site::builder()
                .route("/login", setting("/flaky", &["id=1; Path=/", "other=2"]))
                .route_with("/flaky", move |_| {
                    match requests.fetch_add(1, Ordering::SeqCst) % 2 {
                        0 => Reply::new(500).header("Set-Cookie", "late=3").into(),
                        _ => setting("/end", &["id=9; Path=/"]),
                    }
                })
                .fallback(Response::page("end"))
                .start()
                .unwrap()
        };
        let origin = site();
        let mut settings = config(
            engine,
            ["/login", "/plain", "/end?last"].map(|path| origin.url(path)),
        );
        settings.frontier.per_host = 1;
        let report = run(settings.clone());
        assert_eq!(report.ends(), ["200"; 3]);
        let log = origin.log();
        assert_eq!(
            cookies(&log.hits("/flaky")),
            [Some("id=1; other=2"), Some("id=1; other=2; late=3")]
        );
        let ends = log.hits("/end");
        let mut ends = cookies(&ends);
        ends.sort_unstable();
        assert_eq!(ends, [None, Some("id=9; other=2; late=3")]);
        assert_eq!(cookies(&log.hits("/plain")), [None]);

        let origin = site();
        let urls = ["/login", "/plain"].map(|path| origin.url(path));
        settings.seeds = Config::urls(urls).seeds;
        settings.cookies = CookieSettings::keep(Cookies::Run);
        assert_eq!(run(settings).ends(), ["200"; 2]);
        let more = config(engine, [origin.url("/plain")]);
        assert_eq!(run(more).ends(), ["200"]);
        let plain = origin.log().hits("/plain");
        assert!(cookies(&plain[..1])[0].is_some_and(|cookies| cookies.contains("other=2")));
        assert_eq!(
            plain[1].header("cookie"),
            None,
            "another run starts without cookies"
        );
    });
}

/// A run in which all names lead to an origin.
fn with_names(mut config: Config, origin: &Origin) -> Config {
    let everywhere = format!("*:{}:127.0.0.1", origin.address().port());
    config.fetch.resolve = vec![Override::parse(&everywhere).unwrap()];
    config
}

#[test]
fn cookies_of_one_site_never_go_to_another_whatever_it_tries() {
    on_every_engine(|engine| {
        // Each host sets cookies for all of the others, and links and redirects to them.
        let hosts = [
            "www.one.example",
            "shop.one.example",
            "two.example",
            "three.co.uk",
            "four.co.uk",
            "127.0.0.1",
        ];
        let origin = Site::builder()
            .route("/robots.txt", Response::status(404))
            .route_with("/away", move |request| {
                let port = request.host().rsplit(':').next().unwrap().to_owned();
                Response::redirect(302, format!("http://two.example:{port}/there"))
            })
            .fallback(Response::call(move |request| {
                let (name, host) = (request.host_name(), request.host().into_owned());
                let port = host.rsplit(':').next().unwrap();
                let mut page = "<a href=/away>away</a>".to_owned();
                let mut reply = Reply::new(200).header("Content-Type", "text/html");
                let own = format!("own={name}; Path=/");
                reply = reply.header("Set-Cookie", own);
                for other in hosts
                    .iter()
                    .chain(&["one.example", "example", "co.uk", "uk", "0.0.1"])
                {
                    page += &format!("<a href='http://{other}:{port}/page'>x</a>");
                    reply = reply.header(
                        "Set-Cookie",
                        format!("for-{other}={name}; Path=/; Domain={other}"),
                    );
                }
                reply.body(page).into()
            }))
            .start()
            .unwrap();
        let port = origin.address().port();
        let mut config = crawl(engine, format!("http://www.one.example:{port}/"));
        let seeds = hosts.map(|host| format!("http://{host}:{port}/"));
        config.seeds = Config::urls(seeds).seeds;
        config.crawl = Some(CrawlSettings::default());
        config.crawl.as_mut().unwrap().scope.reach = ScopeReach::Any;
        run(with_names(config, &origin));
        let site = |name: &str| match name {
            _ if name.ends_with("one.example") => "one.example".to_owned(),
            other => other.to_owned(),
        };
        let mut shared = 0;
        for hit in origin.log().all_hits() {
            let Some(cookies) = hit.header("cookie") else {
                continue;
            };
            let host = hit
                .header("host")
                .unwrap()
                .split(':')
                .next()
                .unwrap()
                .to_owned();
            for cookie in cookies.split("; ") {
                let (name, from) = cookie.split_once('=').unwrap();
                assert_eq!(site(from), site(&host), "{cookie} was sent to {host}");
                if from != host {
                    let for_all =
                        ["for-one.example"].contains(&name) || name == format!("for-{host}");
                    assert!(for_all, "{cookie} was sent to {host}");
                    shared += 1;
                }
            }
        }
        assert!(
            shared > 0,
            "two hosts of one site share what is set for both"
        );
    });
}

#[test]
fn the_users_own_cookies_are_sent_together_with_others_or_instead_of_them() {
    on_every_engine(|engine| {
        let stranger = Site::builder()
            .fallback(Response::page("stranger"))
            .start()
            .unwrap();
        let away = stranger.url("/");
        let origin = Site::builder()
            .route("/start", setting("/next", &["jar=1; Path=/"]))
            .route("/next", setting(&away, &["more=2; Path=/"]))
            .start()
            .unwrap();
        let mut settings = config(engine, [origin.url("/start")]);
        settings
            .fetch
            .headers
            .0
            .insert(COOKIE, HeaderValue::from_static("own=3"));
        for (own, next) in [
            (OwnCookies::Add, "jar=1; own=3"),
            (OwnCookies::Replace, "own=3"),
        ] {
            settings.cookies.own = own;
            origin.log().clear();
            assert_eq!(run(settings.clone()).ends(), ["200"]);
            assert_eq!(cookies(&origin.log().hits("/start")), [Some("own=3")]);
            assert_eq!(cookies(&origin.log().hits("/next")), [Some(next)]);
        }
        // Cookies ignore ports, so the other server on this address gets those of the jar, as from a browser.
        assert_eq!(
            cookies(&stranger.log().all_hits()),
            [Some("jar=1; more=2"), Some("jar=1; more=2")]
        );
    });
}

#[test]
fn pages_of_an_archive_set_no_cookies() {
    let folder = Folder::with_secrets_in(&["pages.warc"]);
    let origin = wall("behind").start().unwrap();
    let url = origin.url("/");
    let fetched = ["fetch", &url, "-o", "pages.warc", "-q"];
    assert_eq!(crate::cli::run(folder.path(), &fetched).0, Some(0));
    let requests = origin.log().requests();
    let stored = ["crawl", &url, "--from", "pages.warc", "--job", "job"];
    let (_, _, stderr) = crate::cli::run(folder.path(), &stored);
    assert_eq!(origin.log().requests(), requests, "{stderr}");
}
