//! Secrets that the user attaches to a request are sent only to the user's origin.
//!
//! They are never printed.

use haul::fetch::FetchSettings;
use haul::origin::{Hit, Origin, Response, Site};
use haul::{Config, CrawlSettings, ScopeReach};
use http::{HeaderName, HeaderValue};

use crate::folder::Folder;
use crate::leaks::SECRET;
use crate::run::{config, on_every_engine, run};

const CARRIERS: [&str; 3] = ["authorization", "cookie", "x-api-key"];

fn attach(settings: &mut FetchSettings, names: &[&'static str]) {
    for name in names {
        let value = HeaderValue::from_static("s3cret-of-the-user");
        settings
            .headers
            .0
            .insert(HeaderName::from_static(name), value);
    }
}

fn carries(hit: &Hit) -> bool {
    // Basic authentication encodes it in base64, so any such header counts.
    CARRIERS.iter().any(|name| hit.header(name).is_some())
        || hit.headers.iter().any(|(_, value)| value.contains(SECRET))
}

/// Asserts that a server received nothing that the user attached.
fn received_nothing(stranger: &Origin) {
    let hits = stranger.log().all_hits();
    let leaked: Vec<_> = hits.into_iter().filter(carries).collect();
    assert!(leaked.is_empty(), "{leaked:?}");
}

/// A server that redirects to another one with each status, and that other server.
fn pair() -> (Origin, Origin) {
    let stranger = Site::builder()
        .fallback(Response::page("stranger"))
        .start()
        .unwrap();
    let mut home = Site::builder().fallback(Response::page("home"));
    for status in [301, 302, 303, 307, 308] {
        home = home.route(
            &format!("/away/{status}"),
            Response::redirect(status, stranger.url("/")),
        );
        home = home.route(
            &format!("/stay/{status}"),
            Response::redirect(status, "/end"),
        );
    }
    (home.start().unwrap(), stranger)
}

fn away_and_stay(home: &Origin) -> Vec<String> {
    let paths = [301, 302, 303, 307, 308]
        .map(|status| [format!("/away/{status}"), format!("/stay/{status}")]);
    paths.iter().flatten().map(|path| home.url(path)).collect()
}

#[test]
fn headers_of_the_user_stay_with_the_origin_that_the_user_named() {
    on_every_engine(|engine| {
        let (home, stranger) = pair();
        let mut settings = config(engine, away_and_stay(&home));
        attach(&mut settings.fetch, &CARRIERS);
        let report = run(settings);
        assert_eq!(report.ends(), ["200"; 10]);
        assert!(home.log().all_hits().iter().all(carries));
        assert_eq!(stranger.log().requests(), 5);
        received_nothing(&stranger);
    });
}

#[test]
fn headers_of_the_user_do_not_follow_the_links_of_a_crawl_to_other_origins() {
    on_every_engine(|engine| {
        let stranger = Site::builder()
            .route("/next", Response::redirect(302, "/end"))
            .fallback(Response::page("<a href=/more>more</a>"))
            .start()
            .unwrap();
        let links = ["/link", "/moved"].map(|path| format!("<a href={path}>there</a>"));
        let away = stranger.url("/linked");
        let page = format!(
            "{}<a href={away}><img src={}>",
            links.concat(),
            stranger.url("/picture")
        );
        let home = Site::builder()
            .route("/moved", Response::redirect(301, stranger.url("/next")))
            .fallback(Response::page(page))
            .start()
            .unwrap();
        let mut settings = config(engine, [home.url("/")]);
        let mut crawl = CrawlSettings::default();
        crawl.scope.reach = ScopeReach::Any;
        settings.crawl = Some(crawl);
        settings.parse.follow.get_or_insert_default().assets = true;
        attach(&mut settings.fetch, &CARRIERS);
        run(settings);
        assert!(home.log().all_hits().iter().all(carries));
        for path in ["/linked", "/picture", "/next", "/end", "/more"] {
            assert_eq!(stranger.log().hits(path).len(), 1, "{path}");
        }
        received_nothing(&stranger);
    });
}

#[test]
fn a_secret_in_a_url_is_sent_only_to_its_host_and_never_shown() {
    on_every_engine(|engine| {
        let (home, stranger) = pair();
        let urls = away_and_stay(&home)
            .into_iter()
            .chain([
                "ht!tp://ann:s3cret@nowhere/".into(),
                "ftp://ann:s3cret@host/".into(),
            ])
            .map(|url| url.replace("http://127", "http://ann:s3cret@127"));
        let report = run(config(engine, urls));
        assert_eq!(report.ends()[..10], ["200"; 10]);
        let basic = Some("Basic YW5uOnMzY3JldA==");
        assert!(
            home.log()
                .all_hits()
                .iter()
                .all(|hit| hit.header("authorization") == basic)
        );
        assert!(!stranger.log().all_hits().iter().any(carries));
    });
}

#[test]
fn a_password_in_a_line_that_is_not_a_url_is_recorded_nowhere() {
    let folder = Folder::with_secrets_in(&["list.txt"]);
    let lines = [
        "ann:s3cret@host/",
        r"http:\\ann:s3cret@",
        "http://ann:s3cret/x@h/",
        "http://ann:s3cret@h:99999/",
        "ht!tp://ann:s3cret@h/",
        "ann:s3cret%40host/",
        "ftp://ann:s3/s3cret@h/",
        "//ann:s3cret@h/",
        "http://ann:s3cret @h/",
    ];
    std::fs::write(folder.path().join("list.txt"), lines.join("\n")).unwrap();
    let line = [
        "list.txt",
        "-o",
        "out.jsonl",
        "-o",
        "out.csv",
        "-o",
        "out.sqlite",
        "--job",
        "job",
        "-vv",
    ];
    let (code, _, stderr) = crate::cli::run(folder.path(), &line);
    assert!(code.is_some_and(|code| code != 0), "{stderr}");
    let records = std::fs::read_to_string(folder.path().join("out.jsonl")).unwrap();
    assert_eq!(records.lines().count(), lines.len());
    for line in lines {
        for arguments in [
            &["fetch", line][..],
            &["select", line, "h1"],
            &["-b", SECRET, "http://h/"],
        ] {
            crate::cli::run(folder.path(), arguments);
        }
    }
}

#[test]
fn a_body_sent_to_another_origin_keeps_the_headers_that_describe_it_and_no_secret() {
    on_every_engine(|engine| {
        let (home, stranger) = pair();
        let mut settings = config(
            engine,
            [307, 308, 303].map(|status| home.url(&format!("/away/{status}"))),
        );
        settings.fetch.method = http::Method::POST;
        settings.fetch.body = Some("a=1".into());
        attach(&mut settings.fetch, &CARRIERS);
        for (name, value) in [("content-type", "text/x-own"), ("content-language", "de")] {
            let value = HeaderValue::from_static(value);
            settings
                .fetch
                .headers
                .0
                .insert(HeaderName::from_static(name), value);
        }
        assert_eq!(run(settings).ends(), ["200"; 3]);
        let hits = stranger.log().all_hits();
        let posts: Vec<_> = hits.iter().filter(|hit| hit.method == "POST").collect();
        assert_eq!(posts.len(), 2);
        for hit in &posts {
            assert_eq!(hit.header("content-type"), Some("text/x-own"));
            assert_eq!(hit.header("content-language"), Some("de"));
            assert_eq!(hit.header("content-length"), Some("3"));
        }
        let get = hits.iter().find(|hit| hit.method == "GET").unwrap();
        assert_eq!(
            (get.header("content-type"), get.header("content-language")),
            (None, None)
        );
        assert!(!hits.iter().any(carries), "{hits:?}");
    });
}

#[test]
fn the_headers_of_one_line_are_not_sent_for_another() {
    on_every_engine(|engine| {
        let (home, stranger) = pair();
        let folder = Folder::with_secrets_in(&["list.jsonl"]);
        let list = folder.path().join("list.jsonl");
        let lines: String = away_and_stay(&home)
            .iter()
            .map(|url| format!("{{\"url\":\"{url}\",\"headers\":{{\"X-Api-Key\":\"s3cret\"}}}}\n"))
            .collect();
        std::fs::write(&list, lines).unwrap();
        let report = run(crate::run::on(
            engine,
            Config::new(haul::seeds::SeedSettings::of(vec![
                haul::seeds::SeedSource::File(list),
            ])),
        ));
        assert_eq!(report.ends(), ["200"; 10]);
        assert!(home.log().all_hits().iter().all(carries));
        assert!(!stranger.log().all_hits().iter().any(carries));
    });
}

#[test]
fn a_secret_that_a_page_puts_into_a_redirect_is_dropped() {
    on_every_engine(|engine| {
        let stranger = Site::builder()
            .fallback(Response::page("stranger"))
            .start()
            .unwrap();
        let target = stranger.url("/").replace("http://", "http://ann:s3cret@");
        let home = Site::builder()
            .route("/away", Response::redirect(302, target))
            .start()
            .unwrap();
        let report = run(config(engine, [home.url("/away")]));
        assert_eq!(report.ends(), ["200"]);
        assert!(!stranger.log().all_hits().iter().any(carries));
    });
}
