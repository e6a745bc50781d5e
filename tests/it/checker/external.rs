//! Links that leave the crawl: each is checked with one request and not followed.

use std::collections::BTreeSet;

use haul::origin::{Gate, Origin, Response, Site, Step};

use super::{broken, haul, linking, records, requests, rows, stderr_of};
use crate::folder::Folder;
use crate::program::Program;
use crate::run::wait;

/// Another site, which the crawled one links to.
fn other_site() -> Origin {
    let head_is_refused = |request: &haul::origin::Request| match request.method() {
        "HEAD" => Response::status(405),
        _ => Response::page("<a href=/never>"),
    };
    let site = Site::builder()
        .route(
            "/robots.txt",
            Response::body("text/plain", "User-agent: *\nDisallow: /"),
        )
        .route("/fine", Response::page("<a href=/never>"))
        .route_with("/headless", head_is_refused)
        .route("/moved", Response::redirect(301, "/fine"))
        .route("/moved-away", Response::redirect(302, "/gone-too"))
        .route("/skipped", Response::page(""));
    Origin::of(site.build().unwrap()).unwrap()
}

/// A site that links to another one.
fn site_with_external_links(other: &Origin) -> Origin {
    let [fine, headless, gone, moved, away, skipped] = [
        "/fine",
        "/headless",
        "/gone",
        "/moved",
        "/moved-away",
        "/skipped",
    ]
    .map(|path| other.url(path));
    let site = Site::builder()
        .route("/", linking(&["/deep", &fine, &headless, &gone, &moved]))
        .route(
            "/deep",
            linking(&[&gone, &fine, &format!("{fine}#there"), &away, &skipped]),
        );
    Origin::of(site.build().unwrap()).unwrap()
}

#[test]
fn a_link_that_leaves_the_crawl_is_requested_once_and_not_followed() {
    let other = other_site();
    let origin = site_with_external_links(&other);
    let folder = Folder::new();
    let seed = origin.url("/");
    let flags = [
        "crawl",
        &seed,
        "--external",
        "--fail-on-broken",
        "--broken",
        "broken.csv",
        "--exclude",
        "/skipped",
        "-H",
        "X-Key: mine",
    ];
    let checked = haul(folder.path(), &flags);
    assert_eq!(checked.status.code(), Some(3), "{}", stderr_of(&checked));
    let expected = [
        "GET /gone",
        "GET /gone-too",
        "GET /headless",
        "HEAD /fine",
        "HEAD /fine",
        "HEAD /gone",
        "HEAD /gone-too",
        "HEAD /headless",
        "HEAD /moved",
        "HEAD /moved-away",
    ];
    let mut requested = requests(&other);
    // If the target of a redirect was already requested, it is not requested again.
    if requested.iter().filter(|hit| *hit == "HEAD /fine").count() == 1 {
        requested.insert(3, "HEAD /fine".into());
    }
    assert_eq!(requested, expected, "{}", stderr_of(&checked));
    let gone =
        |path: &str, holder: &str| broken(&other.url(path), "http-4xx", "404", origin.url(holder));
    let expected = [
        gone("/gone", "/"),
        gone("/gone", "/deep"),
        gone("/moved-away", "/deep"),
    ];
    assert_eq!(
        rows(&folder.path().join("broken.csv")),
        BTreeSet::from(expected)
    );
    let hits = other.log().all_hits();
    assert!(
        hits.iter().all(|hit| hit.header("x-key").is_none()),
        "a page linked to that host, the user did not name it"
    );
    assert!(origin.log().all_hits()[0].header("x-key").is_some());
    for record in records(folder.path()) {
        let url = record["url"].as_str().unwrap();
        let outside = url.starts_with(&other.url("/"));
        assert_eq!(record["external"] == true, outside, "{record}");
        assert!(!outside || record["links"].is_null(), "{record}");
    }
}

#[test]
fn links_that_leave_the_crawl_count_towards_its_limits_and_survive_its_process() {
    let other = other_site();
    let origin = site_with_external_links(&other);
    let folder = Folder::new();
    let seed = origin.url("/");
    let run = |limit: &str| {
        let flags = [
            "crawl",
            &seed,
            "--external",
            "--job",
            "job",
            "--allow-changes",
            "-n",
            limit,
        ];
        haul(folder.path(), &flags)
    };
    let stopped = run("2");
    assert_eq!(records(folder.path()).len(), 2, "{}", stderr_of(&stopped));
    let all = run("100");
    let urls: BTreeSet<_> = records(folder.path())
        .iter()
        .map(|record| record["url"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(urls.len(), records(folder.path()).len(), "each once");
    assert!(
        urls.contains(&other.url("/skipped")),
        "{urls:?} {}",
        stderr_of(&all)
    );
    let requested = requests(&other);
    assert!(requested.contains(&"HEAD /skipped".into()), "{requested:?}");
    assert!(
        !requested
            .iter()
            .any(|hit| hit.contains("/never") || hit.contains("robots")),
        "{requested:?}"
    );

    let few = ["crawl", &seed, "--external", "--max-per-host", "2"];
    haul(folder.path(), &few);
    let here =
        |record: &&serde_json::Value| record["url"].as_str().unwrap().starts_with(&other.url("/"));
    assert_eq!(records(folder.path()).iter().filter(here).count(), 2);
}

#[test]
fn a_server_that_rejects_head_in_any_way_gets_a_get_request() {
    let statuses = [400, 403, 404, 405, 500, 501];
    let refusing = |answer: Response| {
        move |request: &haul::origin::Request| match request.method() {
            "HEAD" => answer.clone(),
            _ => Response::page("here it is"),
        }
    };
    let mut site =
        Site::builder().route_with("/closes", refusing(Response::Raw(vec![Step::Close])));
    for status in statuses {
        site = site.route_with(&format!("/{status}"), refusing(Response::status(status)));
    }
    let other = Origin::of(site.build().unwrap()).unwrap();
    let mut links: Vec<String> = statuses
        .iter()
        .map(|status| other.url(&format!("/{status}")))
        .collect();
    links.push(other.url("/closes"));
    let links: Vec<&str> = links.iter().map(String::as_str).collect();
    let origin = Origin::of(Site::builder().route("/", linking(&links)).build().unwrap()).unwrap();
    let folder = Folder::new();
    let flags = [
        "crawl",
        &origin.url("/"),
        "--external",
        "--fail-on-broken",
        "--retries",
        "0",
    ];
    let checked = haul(folder.path(), &flags);
    assert_eq!(checked.status.code(), Some(0), "{}", stderr_of(&checked));
    let records = records(folder.path());
    let external: Vec<_> = records
        .iter()
        .filter(|record| record["external"] == true)
        .collect();
    assert_eq!(external.len(), links.len());
    for record in external {
        assert_eq!(
            (&record["status"], &record["method"]),
            (&200.into(), &"GET".into())
        );
        assert_eq!(record["attempts"].as_array().unwrap().len(), 1, "{record}");
    }
}

#[test]
fn an_external_link_has_one_record_even_if_the_run_is_killed() {
    let gate = Gate::new();
    let site = Site::builder()
        .route("/slow", Response::page("<a href=/never>").held(&gate))
        .route("/fine", Response::page("<a href=/never>"));
    let other = Origin::of(site.build().unwrap()).unwrap();
    let links = [other.url("/slow"), other.url("/fine")];
    let site = Site::builder().route("/", linking(&links.each_ref().map(String::as_str)));
    let origin = Origin::of(site.build().unwrap()).unwrap();
    let folder = Folder::new();
    let flags = ["crawl", &origin.url("/"), "--external", "--job", "job"];
    let more = ["--no-config", "-q", "-o", "records.jsonl"];
    let line = [&flags[..], &more].concat();
    let mut killed = Program::new(folder.path(), &line).spawn().unwrap();
    wait(other.log().wait_for("/slow"));
    killed.kill().unwrap();
    killed.wait().unwrap();
    gate.open();
    let resumed = haul(folder.path(), &flags);
    assert_eq!(resumed.status.code(), Some(0), "{}", stderr_of(&resumed));
    let mut urls: Vec<_> = records(folder.path())
        .iter()
        .map(|record| record["url"].as_str().unwrap().to_owned())
        .collect();
    urls.sort();
    let mut expected = vec![origin.url("/"), other.url("/slow"), other.url("/fine")];
    expected.sort();
    assert_eq!(urls, expected);
    let hits = other.log().all_hits();
    assert!(
        hits.iter().all(|hit| hit.method == "HEAD"),
        "{:?}",
        requests(&other)
    );
}

#[test]
fn fragments_are_checked_on_external_pages_whose_links_are_not_followed() {
    let site = Site::builder().route(
        "/page",
        Response::page("<p id=there><a href=/never#x>x</a>"),
    );
    let other = Origin::of(site.build().unwrap()).unwrap();
    let page = other.url("/page");
    let links = [format!("{page}#there"), format!("{page}#nowhere")];
    let site = Site::builder().route("/", linking(&links.each_ref().map(String::as_str)));
    let origin = Origin::of(site.build().unwrap()).unwrap();
    let folder = Folder::new();
    let seed = origin.url("/");
    for engine in ["async", "blocking", "processes"] {
        let flags = [
            "crawl",
            &seed,
            "--external",
            "--fragments",
            "--broken",
            "broken.csv",
            "--engine",
            engine,
        ];
        let checked = haul(folder.path(), &flags);
        assert_eq!(checked.status.code(), Some(0), "{}", stderr_of(&checked));
        let expected = broken(&links[1], "fragment", "200", seed.clone());
        assert_eq!(
            rows(&folder.path().join("broken.csv")),
            BTreeSet::from([expected])
        );
    }
    assert_eq!(requests(&other), ["GET /page"; 3]);
}
