//! The example programs, each run against a practice server.

use haul::origin::{Origin, OriginSettings, Response, Site};

use crate::folder::Folder;
use crate::program::PATH;
use crate::run::wait;

#[allow(dead_code)]
#[path = "../../examples/compare.rs"]
mod compare;
#[allow(dead_code)]
#[path = "../../examples/scrape.rs"]
mod scrape;
#[allow(dead_code)]
#[path = "../../examples/stream.rs"]
mod stream;
#[allow(dead_code)]
#[path = "../../examples/titles.rs"]
mod titles;

#[test]
fn a_list_is_a_stream_of_its_pages() {
    let site = Origin::start(OriginSettings {
        pages: 5,
        ..OriginSettings::default()
    })
    .unwrap();
    let pages = (0..5).map(|page| site.url(&format!("/page/{page}")));
    let urls = pages.chain([site.url("/nowhere")]).collect();
    assert_eq!(wait(stream::titles(urls)).unwrap(), 5);
}

#[test]
fn a_crawl_stores_titles_with_a_custom_sink() {
    let site = Origin::start(OriginSettings {
        pages: 20,
        ..OriginSettings::default()
    })
    .unwrap();
    let folder = Folder::new();
    let file = folder.path().join("titles.sqlite");
    let seed = site.url("/");
    let crawl = titles::crawl(&seed, file.to_str().unwrap().to_owned());
    assert_eq!(wait(crawl).unwrap().tally.visited, 21);
    let database = rusqlite::Connection::open(file).unwrap();
    let count = "SELECT count(*) FROM titles WHERE title <> ''";
    assert_eq!(
        database.query_row(count, [], |row| row.get::<_, i64>(0)),
        Ok(21)
    );
}

#[test]
fn a_recipe_reads_the_items_of_each_page() {
    let page = Response::page("<h2>Saw</h2><b>12,50 €</b>");
    let site = Site::builder().fallback(page).start().unwrap();
    let recipe = "[fields]\nname = 'h2'\nprice = { select = 'b', type = 'number' }\n";
    let items = wait(scrape::items(recipe, vec![site.url("/saw")])).unwrap();
    assert_eq!(items, [r#"{"recipe":[{"name":"Saw","price":12.5}]}"#]);
    let wrong = wait(scrape::items("[fields]\nname = 'h2['\n", Vec::new()));
    assert!(wrong.unwrap_err().to_string().contains("line 2"));
}

#[test]
fn two_engines_are_compared_and_one_request_at_a_time_is_slower() {
    let engines = ["sequential", "async"].map(str::to_owned);
    let program = PATH.into();
    let lines = compare::standings(&engines, Some(program)).unwrap();
    assert!(lines[0].starts_with("sequential takes "), "{lines:?}");
    assert_eq!(lines[1], "async has the best median");
}
