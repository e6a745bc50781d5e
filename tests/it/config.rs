//! Settings that a program makes for a run apply everywhere, and the run does not change them.

use haul::frontier::Robots;
use haul::origin::{Origin, Response, Site};
use haul::parse::FollowSettings;
use haul::sink::{FilesSettings, Layout};
use haul::{Config, External, ScopeReach, SimilarPages};

use crate::folder::Folder;
use crate::run::{on, outcome, run};

/// The paths that a crawl requests from a site, sorted.
fn requested(origin: &Origin, seeds: &[&str], change: impl FnOnce(&mut Config)) -> Vec<String> {
    let seeds = seeds.iter().map(|seed| origin.url(seed));
    let mut config = on("async:1", Config::crawl(seeds));
    change(&mut config);
    run(config);
    let mut paths = origin.log().paths();
    paths.retain(|path| path != "/robots.txt");
    paths.sort();
    paths
}

/// The crawl settings within a configuration.
fn crawl(config: &mut Config) -> &mut haul::CrawlSettings {
    config.crawl.as_mut().unwrap()
}

fn site(page: &str) -> Origin {
    let site = Site::builder().route("/", Response::page(page.to_owned()));
    site.fallback(Response::page("well")).start().unwrap()
}

#[test]
fn a_run_leaves_its_settings_as_they_are_and_they_can_be_run_again() {
    let origin = site("<a href=/linked></a><img src=/picture>");
    let mut config = on("async:4", Config::crawl([origin.url("/")]));
    crawl(&mut config).similar = SimilarPages::Report;
    config.frontier.adaptive = true;
    config.frontier.per_host = 0;
    let original = config.clone();
    for _ in 0..2 {
        assert_eq!(outcome(config.clone()).unwrap().tally.visited, 2);
        assert_eq!(config, original);
    }
}

#[test]
fn similar_pages_are_skipped_with_a_single_setting() {
    let text: String = (0..400)
        .map(|word| format!("<p>word{word} of a long text"))
        .collect();
    let paths = |similar| {
        let origin = Site::builder()
            .route("/one", Response::page(text.clone()))
            .route(
                "/two",
                Response::page(text.clone() + "<a href=/further></a>"),
            )
            .fallback(Response::page("well"))
            .start()
            .unwrap();
        requested(&origin, &["/one", "/two"], |config| {
            crawl(config).similar = similar;
        })
    };
    assert_eq!(paths(SimilarPages::Skip), ["/one", "/two"]);
    assert_eq!(paths(SimilarPages::Ignore), ["/further", "/one", "/two"]);
}

#[test]
fn nofollow_is_obeyed_whenever_robots_txt_is() {
    let paths = |robots| {
        let origin = site("<a href=/open></a><a rel=nofollow href=/shut></a>");
        requested(&origin, &["/"], |config| config.frontier.robots = robots)
    };
    assert_eq!(paths(Robots::Obey), ["/", "/open"]);
    assert_eq!(paths(Robots::Ignore), ["/", "/open", "/shut"]);
}

#[test]
fn assets_that_may_come_from_anywhere_are_requested() {
    let elsewhere = site("x");
    let host = elsewhere.url("/picture").replace("127.0.0.1", "localhost");
    let origin = site(&format!("<img src={host}>"));
    requested(&origin, &["/"], |config| {
        crawl(config).scope.reach = ScopeReach::Host;
        crawl(config).scope.assets_anywhere = true;
    });
    assert_eq!(elsewhere.log().hits("/picture").len(), 1);
}

#[test]
fn a_copy_to_browse_contains_the_assets_of_its_pages() {
    let (origin, folder) = (site("<img src=/picture>"), Folder::new());
    let paths = requested(&origin, &["/"], |config| {
        config.files = Some(FilesSettings {
            layout: Layout::Browsable,
            ..FilesSettings::folder(folder.path().join("copy"))
        });
    });
    assert_eq!(paths, ["/", "/picture"]);
}

#[test]
fn fragments_are_checked_on_pages_out_of_scope_too() {
    let elsewhere = site("x");
    let link = elsewhere.url("/page").replace("127.0.0.1", "localhost");
    let method = |fragments| {
        let origin = site(&format!("<a href={link}#there></a>"));
        requested(&origin, &["/"], |config| {
            crawl(config).external = External::Check;
            config.parse.follow = Some(FollowSettings {
                fragments,
                ..FollowSettings::default()
            });
        });
        let hits = elsewhere.log().hits("/page");
        hits.last().unwrap().method.clone()
    };
    assert_eq!((method(false), method(true)), ("HEAD".into(), "GET".into()));
}
