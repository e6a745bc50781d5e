//! How a URL is fetched does not depend on the order of responses.
//!
//! The strongest claim that any page makes counts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::thread;

use haul::extract::Recipe;
use haul::origin::{Gate, Origin, Response, Site};
use haul::{Config, CrawlSettings, Event, ScopeReach, Stop};

use crate::cli::haul;
use crate::folder::Folder;
use crate::resume::pull_the_plug;
use crate::run::{ENGINES, config, ms, on_every_engine, run_with};
use crate::written::jsonl;

/// The number of pages of a random site.
const PAGES: usize = 18;
/// The number of random sites, and the number of response orders tried for each.
const SITES: u64 = 20;
const ORDERS: u64 = 10;

/// A recipe that follows links to two others, and those two.
const RECIPES: [(&str, &str); 3] = [
    (
        "list",
        "match = ['**/p*']\neach = 'html'\nfollow = [{ select = 'a.one@href', recipe = 'one' }, { select = 'a.two@href', recipe = 'two' }]\n\
         [fields]\nname = 'h1'\n",
    ),
    (
        "one",
        "match = ['**/never']\neach = 'html'\n[fields]\nname = 'h1'\n",
    ),
    (
        "two",
        "match = ['**/never']\neach = 'html'\n[fields]\nname = 'h1'\n",
    ),
];

/// A crawl from this seed, three links deep, with page assets and recipes that follow links.
fn crawling(engine: &str, seed: String) -> Config {
    let mut settings = config(engine, [seed]);
    let mut crawl = CrawlSettings::default();
    crawl.scope.depth = Some(3);
    crawl.scope.reach = ScopeReach::Path;
    settings.crawl = Some(crawl);
    settings.parse.follow.get_or_insert_default().assets = true;
    let recipes = RECIPES.map(|(name, text)| Recipe::check(text, name).unwrap());
    settings.parse.extract.recipes = recipes.into();
    settings
}

/// The last record of each URL: its pass, and a text with status, title and items.
type Records = BTreeMap<String, (u32, String)>;

/// Runs a crawl, and returns the records that count and the number of all records.
fn records(settings: Config, origin: &Origin) -> (Records, usize) {
    let records = Arc::new(Mutex::new((Records::new(), 0)));
    let taken = records.clone();
    let root = origin.url("");
    let report = run_with(settings, Stop::new(), move |event| {
        let Event::Visited(visit) = event else {
            return;
        };
        let status = visit.outcome.as_ref().map_or(0, |page| page.status);
        let items = visit
            .parsed
            .fields
            .as_ref()
            .and_then(|fields| fields.items.clone());
        let url = visit.job.url.as_str().trim_start_matches(&root).to_owned();
        let summary = format!("{status} {:?} {items:?}", visit.parsed.title);
        let mut records = taken.lock().unwrap();
        records.1 += 1;
        let before = records.0.insert(url.clone(), (visit.job.pass, summary));
        assert!(
            before
                .as_ref()
                .is_none_or(|before| before.0 < visit.job.pass),
            "{url} has two records of one pass: {before:?}"
        );
    });
    assert!(report.events.is_empty(), "{:?}", report.events);
    let records = records.lock().unwrap();
    records.clone()
}

/// A page of a random site, with links of every kind to other pages, and linked images.
fn page(number: usize, pages: usize, random: &mut fastrand::Rng) -> String {
    let mut html = format!("<title>page {number}</title><h1>page {number}</h1>");
    let links = random.usize(0..5) + if number == 0 || pages > PAGES { 3 } else { 0 };
    for _ in 0..links {
        let to = random.usize(0..pages);
        let _ = match random.u8(0..9) {
            0 => write!(html, "<object data=p{to}></object>"),
            1 => write!(html, "<a class=one href=p{to}>one</a>"),
            2 => write!(html, "<a class=two href=p{to}>two</a>"),
            3 => write!(
                html,
                "<a href=../pictures/{to}.png><img src=../pictures/{to}.png></a>"
            ),
            4 => write!(html, "<img src=p{to}>"),
            5 => write!(html, "<a href=r{to}>moved</a>"),
            6 => write!(
                html,
                "<a href=r{to} class=one>moved</a><img src=../pictures/{to}.png>"
            ),
            _ => write!(html, "<a href=p{to}>plain</a>"),
        };
    }
    html
}

/// A random site from one seed, with response delays from another.
///
/// Each delay is at least `least` milliseconds.
fn site(seed: u64, order: u64, pages: usize, least: u64) -> Origin {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut late = fastrand::Rng::with_seed(seed << 32 | order);
    let mut wait = move || ms(least + late.u64(0..4) * late.u64(0..4));
    let mut site = Site::builder().route("/robots.txt", Response::status(404));
    for number in 0..pages {
        let answer = Response::page(page(number, pages, &mut random)).after(wait());
        site = site.route(&format!("/site/p{number}"), answer);
        let to = random.usize(0..pages);
        let moved = Response::redirect(302, format!("/site/p{to}")).after(wait());
        site = site.route(&format!("/site/r{number}"), moved);
        let picture = Response::body("image/png", "no picture").after(wait());
        site = site.route(&format!("/pictures/{number}.png"), picture);
    }
    site.start().unwrap()
}

#[test]
fn the_set_of_records_does_not_depend_on_the_order_of_responses() {
    let (seeds, raised) = (Mutex::new(0..SITES), Mutex::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(seed) = seeds.lock().unwrap().next() else {
                        return;
                    };
                    let mut first = None;
                    for order in 0..ORDERS {
                        let origin = site(seed, order, PAGES, 0);
                        let engine = ENGINES[(order as usize) % 5];
                        let (records, count) =
                            records(crawling(engine, origin.url("/site/p0")), &origin);
                        *raised.lock().unwrap() += count - records.len();
                        let records: BTreeMap<_, _> = records
                            .into_iter()
                            .map(|(url, (_, records))| (url, records))
                            .collect();
                        let expected = first.get_or_insert_with(|| records.clone());
                        assert_eq!(*expected, records, "site {seed}, order {order}, {engine}");
                    }
                }
            });
        }
    });
    let raised = raised.into_inner().unwrap();
    assert!(
        raised > 0,
        "every order was like the first: nothing was tested"
    );
}

/// Runs a crawl and opens the gate once this page has its record.
fn opened_by(settings: Config, gate: &Gate, page: &'static str) -> Vec<(String, u32, String)> {
    let gate = gate.clone();
    let records = Arc::new(Mutex::new(Vec::new()));
    let taken = records.clone();
    run_with(settings, Stop::new(), move |event| {
        if let Event::Visited(visit) = event {
            let path = visit.job.url.as_url().path().to_owned();
            let items = visit
                .parsed
                .fields
                .as_ref()
                .and_then(|fields| fields.items.clone());
            if path == page {
                gate.open();
            }
            let record = (path, visit.job.pass, items.unwrap_or_default());
            taken.lock().unwrap().push(record);
        }
    });
    records.lock().unwrap().clone()
}

/// A shop whose home page links to its best seller.
///
/// Its product list, behind a gate, leads there by a recipe.
fn shop(gate: &Gate) -> Origin {
    Site::builder()
        .route("/robots.txt", Response::status(404))
        .route(
            "/p",
            Response::page("<h1>home</h1><a href=/best>best</a><a href=/plist>all</a>"),
        )
        .route("/best", Response::page("<h1>best</h1><a href=/p>home</a>"))
        .route(
            "/plist",
            Response::page("<h1>list</h1><a class=one href=/best>best</a>").held(gate),
        )
        .start()
        .unwrap()
}

/// A crawl of that shop.
fn shop_crawl(engine: &str, shop: &Origin) -> Config {
    let mut settings = crawling(engine, shop.url("/p"));
    settings.crawl.as_mut().unwrap().scope.reach = ScopeReach::Host;
    settings
}

#[test]
fn a_page_found_by_a_plain_link_is_read_by_the_recipe_that_leads_there_later() {
    on_every_engine(|engine| {
        let gate = Gate::new();
        let origin = shop(&gate);
        let settings = shop_crawl(engine, &origin);
        let records = opened_by(settings, &gate, "/best");
        let best: Vec<_> = records
            .iter()
            .filter(|(path, ..)| path == "/best")
            .collect();
        let (last, before) = best.split_last().unwrap();
        assert_eq!(last.2, r#"{"one":[{"name":"best"}]}"#, "{records:?}");
        assert!(before.len() == 1 && before[0].1 < last.1, "{records:?}");
        assert_eq!(
            records.len(),
            4,
            "nothing else is requested again: {records:?}"
        );
    });
}

#[test]
fn a_run_that_has_its_records_requests_nothing_again() {
    on_every_engine(|engine| {
        let gate = Gate::new();
        let origin = shop(&gate);
        let mut settings = shop_crawl(engine, &origin);
        settings.frontier.max_records = Some(3);
        let records = opened_by(settings, &gate, "/best");
        assert_eq!(
            (records.len(), origin.log().hits("/best").len()),
            (3, 1),
            "{records:?}"
        );
    });
}

#[test]
fn a_page_found_by_a_long_path_is_followed_as_deep_as_a_later_short_path_allows() {
    for engine in &ENGINES[1..] {
        let gate = Gate::new();
        let link = |to: &str| Response::page(format!("<a href={to}>on</a>"));
        let origin = Site::builder()
            .route("/robots.txt", Response::status(404))
            .route(
                "/",
                Response::page("<a href=/long>long</a><a href=/short>short</a>"),
            )
            .route("/long", link("/longer"))
            .route("/longer", link("/page"))
            .route("/short", link("/page").held(&gate))
            .route("/page", link("/end"))
            .route("/end", link("/too/far"))
            .start()
            .unwrap();
        let records = opened_by(crawling(engine, origin.url("/")), &gate, "/page");
        let mut paths: Vec<_> = records.iter().map(|(path, ..)| path.as_str()).collect();
        paths.sort_unstable();
        // The page is read again for its links, but still has only one record.
        assert_eq!(
            paths,
            ["/", "/end", "/long", "/longer", "/page", "/short"],
            "{engine}"
        );
        assert_eq!(origin.log().hits("/page").len(), 2, "{engine}");
    }
}

#[test]
fn a_url_that_is_a_link_and_an_asset_counts_as_both() {
    on_every_engine(|engine| {
        let origin = Site::builder()
            .route("/robots.txt", Response::status(404))
            .route(
                "/site/",
                Response::page(
                    "<a href=/big.png><img src=/big.png></a><object data=doc></object>\
                     <a href=later>later</a><a href=/site/small.png>small</a>",
                ),
            )
            .route(
                "/site/later",
                Response::page("<a href=doc>doc</a><img src=small.png>"),
            )
            .route("/site/doc", Response::page("<a href=end>end</a>"))
            .route("/site/end", Response::page("the end"))
            .fallback(Response::body("image/png", "no picture"))
            .start()
            .unwrap();
        let records = opened_by(crawling(engine, origin.url("/site/")), &Gate::new(), "");
        let paths: BTreeSet<_> = records.iter().map(|(path, ..)| path.as_str()).collect();
        let wanted = [
            "/big.png",
            "/site/",
            "/site/doc",
            "/site/end",
            "/site/later",
            "/site/small.png",
        ];
        assert_eq!(paths, BTreeSet::from(wanted));
        assert_eq!(
            origin.log().hits("/site/small.png").len(),
            1,
            "an image has no links"
        );
    });
}

#[test]
fn a_crawl_that_is_killed_again_and_again_ends_with_the_same_records() {
    let mut kills = 0;
    for (seed, engine) in [(1, "async:64"), (2, "processes:2x8"), (3, "threads:8")] {
        let folder = Folder::new();
        let folder = folder.path();
        for (name, text) in RECIPES {
            std::fs::write(folder.join(format!("{name}.toml")), text).unwrap();
        }
        let origin = site(seed + 100, 0, 250, 12);
        let start = origin.url("/site/p0");
        let words = |output: &'static str, job: &'static str, engine: &'static str| {
            [
                "crawl",
                "-q",
                "-d",
                "7",
                "--scope",
                "path",
                "--assets",
                "--recipe",
                "list.toml",
                "--recipe",
                "one.toml",
                "--recipe",
                "two.toml",
                "-o",
                output,
                "--job",
                job,
                "--engine",
                engine,
            ]
        };
        let of = |output: &str| {
            let mut records = BTreeMap::new();
            for record in jsonl(&folder.join(output)) {
                let url = record["url"].as_str().unwrap().to_owned();
                let pass = record["pass"].as_u64().unwrap_or_default();
                let outcome = (pass, [record["status"].clone(), record["items"].clone()]);
                let before = records.insert(url.clone(), outcome);
                assert!(
                    before.is_none_or(|before| before.0 < pass),
                    "{url} in {output}"
                );
            }
            let outcome = |(url, (_, outcome))| (url, outcome);
            records.into_iter().map(outcome).collect::<BTreeMap<_, _>>()
        };
        let killed = [&words("killed.jsonl", "killed", engine)[..], &[&start]].concat();
        kills += pull_the_plug(folder, seed, &killed);
        let calm = [&words("calm.jsonl", "calm", "async:8")[..], &[&start]].concat();
        assert!(haul(folder, &calm).status().unwrap().success());
        let (killed, calm) = (of("killed.jsonl"), of("calm.jsonl"));
        assert!(calm.len() > 100, "{}", calm.len());
        assert_eq!(killed, calm, "{engine}");
    }
    assert!(kills > 1, "it was hardly ever killed");
}
