//! The report about a few visits that are made up.

use std::path::PathBuf;

use super::super::samples::saved_from;
use super::super::{Mark, Start};
use super::Holders;
use crate::url::PageUrl;
use crate::url::fingerprint::Fingerprints;
use crate::visit::Visit;
use crate::visit::broken::Broken;
use crate::visit::found::{FoundKind, FoundLink, FoundLinks};

const SEED: u64 = 7;

fn at(path: &str) -> String {
    format!("http://h.example{path}")
}

fn page(path: &str, links: &[&str]) -> Visit {
    let mut visit = saved_from(&at(path), 200, "");
    let mut found = FoundLinks::default();
    for link in links {
        found.push(FoundLink {
            url: &at(link),
            fingerprint: Fingerprints::seeded(SEED).of(&at(link)),
            kind: FoundKind::Page,
            is_part: false,
            nofollow: false,
            led: false,
            recipe: None,
        });
    }
    visit.parsed.found = Some(Box::new(found));
    visit
}

fn dead(path: &str, status: u16) -> Visit {
    saved_from(&at(path), status, "")
}

fn moved(path: &str, to: &str) -> Visit {
    let mut visit = saved_from(&at(path), 302, "");
    let headers = &mut visit.outcome.as_mut().unwrap().headers;
    headers.0.insert(
        http::header::LOCATION,
        http::HeaderValue::from_str(to).unwrap(),
    );
    visit
}

/// Each broken path, with its class and the pages that link to it.
fn report(broken: &Broken) -> Vec<(String, String, Vec<String>)> {
    let path = |url: &String| url.trim_start_matches("http://h.example").to_owned();
    broken
        .urls
        .iter()
        .map(|url| {
            (
                path(&url.url),
                url.class.clone(),
                url.holders.iter().map(path).collect(),
            )
        })
        .collect()
}

fn report_of(visits: &[Visit]) -> Broken {
    let (mut sink, holders) =
        Holders::open(None, Start::Fresh, Fingerprints::seeded(SEED)).unwrap();
    visits.iter().for_each(|visit| sink.write(visit).unwrap());
    sink.finish().unwrap();
    holders.report(None, None).unwrap()
}

#[test]
fn a_broken_link_is_reported_whether_its_page_came_before_or_after_the_failure() {
    let broken = report_of(&[
        page("/a", &["/x", "/b"]),
        dead("/x", 404),
        page("/b", &["/x", "/a"]),
        dead("/y", 500),
    ]);
    assert!(broken.complete && broken.count == 2);
    let expected = [
        ("/x", "http-4xx", vec!["/a", "/b"]),
        ("/y", "http-5xx", vec![]),
    ];
    let expected = expected.map(|(url, class, holders)| {
        (
            url.into(),
            class.into(),
            holders.into_iter().map(str::to_owned).collect(),
        )
    });
    assert_eq!(report(&broken), expected);
    assert_eq!(broken.urls[0].status, Some(404));
}

#[test]
fn a_redirect_to_a_broken_url_is_broken_however_long_the_chain() {
    let broken = report_of(&[
        moved("/one", "/two"),
        page("/a", &["/one"]),
        moved("/two", "/x"),
        dead("/x", 410),
        moved("/fine", "/a"),
    ]);
    let all: Vec<_> = report(&broken)
        .into_iter()
        .map(|(url, _, holders)| (url, holders))
        .collect();
    let linked_from = |holder: &str| vec![holder.to_owned()];
    assert_eq!(
        all,
        [
            ("/one".to_owned(), linked_from("/a")),
            ("/two".to_owned(), linked_from("/one")),
            ("/x".to_owned(), linked_from("/two"))
        ]
    );
    let mut chain = dead("/end", 404);
    chain.job.hops = ["/first", "/second"]
        .map(|path| crate::job::Hop::new(PageUrl::parse(&at(path)).unwrap(), 301))
        .to_vec();
    let broken = report_of(&[
        page("/a", &["/first"]),
        page("/b", &["/second"]),
        page("/c", &["/end"]),
        chain,
    ]);
    assert_eq!((broken.count, broken.urls[0].held), (1, 3));
    assert_eq!(broken.urls[0].url, at("/first"));
}

#[test]
fn a_url_that_failed_but_was_fetched_later_is_not_broken() {
    assert_eq!(
        report_of(&[dead("/x", 503), page("/a", &["/x"]), page("/x", &[])]).count,
        0
    );
    assert_eq!(report_of(&[page("/x", &["/x"]), dead("/x", 503)]).count, 1);
}

#[test]
fn five_linking_pages_are_named_and_all_are_counted_and_in_the_csv() {
    let mut visits: Vec<Visit> = (0..12).map(|n| page(&format!("/{n}"), &["/x,1"])).collect();
    visits.push(dead("/x,1", 404));
    visits.extend((0..60).map(|n| dead(&format!("/dead/{n}"), 404)));
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("broken.csv");
    let (mut sink, holders) =
        Holders::open(None, Start::Fresh, Fingerprints::seeded(SEED)).unwrap();
    visits.iter().for_each(|visit| sink.write(visit).unwrap());
    sink.finish().unwrap();
    let broken = holders.report(Some(&csv), None).unwrap();
    assert_eq!((broken.count, broken.urls.len()), (61, 50));
    assert_eq!((broken.urls[0].holders.len(), broken.urls[0].held), (5, 12));
    let rows: Vec<Vec<String>> = csv::Reader::from_path(&csv)
        .unwrap()
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect();
    assert_eq!(rows.len(), 12 + 60);
    assert_eq!(rows[3], [&at("/x,1"), "http-4xx", "404", &at("/3")]);
    assert_eq!(rows[71], [&at("/dead/59"), "http-4xx", "404", ""]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_killed_job_has_the_links_before_its_mark_and_none_twice() {
    let folder = tempfile::tempdir().unwrap();
    let open =
        |start| Holders::open(Some(folder.path()), start, Fingerprints::seeded(SEED)).unwrap();
    let (mut sink, _) = open(Start::Over);
    sink.write(&page("/a", &["/x"])).unwrap();
    let mark = sink.checkpoint().unwrap();
    sink.write(&page("/b", &["/x"])).unwrap();
    drop(sink.checkpoint().unwrap());
    std::mem::forget(sink);
    let torn: PathBuf = folder.path().join(Holders::NAME);
    let mut file = std::fs::OpenOptions::new().append(true).open(torn).unwrap();
    std::io::Write::write_all(&mut file, b"p\0").unwrap();
    let mark: Mark = serde_json::from_str(&serde_json::to_string(&mark).unwrap()).unwrap();
    let (mut sink, holders) = open(Start::At(&mark));
    sink.write(&page("/b", &["/x"])).unwrap();
    sink.write(&dead("/x", 404)).unwrap();
    sink.finish().unwrap();
    let broken = holders.report(None, None).unwrap();
    assert_eq!(report(&broken)[0].2, ["/a", "/b"]);
}

/// A page with these ids and links to these fragments.
fn page_with_ids(path: &str, ids: &[&str], places: &[&str]) -> Visit {
    let fingerprints = Fingerprints::seeded(SEED);
    let mut visit = page(path, &[]);
    let checked = &mut visit.parsed.found.as_mut().unwrap().checked;
    for place in places {
        let url = at(place.split('#').next().unwrap());
        checked.add_target((&url, fingerprints.of(&url)), place, fingerprints);
    }
    let ids = ids
        .iter()
        .map(|id| crate::visit::checked::id(id, fingerprints));
    checked.finish(Some(ids.collect()));
    visit
}

#[test]
fn missing_fragments_are_found_however_few_links_fit_in_memory() {
    let names: Vec<String> = (0..40).map(|number| format!("/{number}")).collect();
    let of = |number: usize| names[number % names.len()].as_str();
    let visits = (0..40).map(|number| {
        let there = format!("{}#here", of(number + 7));
        let lost = format!("{}#lost-{number}", of(number * 3));
        page_with_ids(of(number), &["here"], &[&there, &lost, &there])
    });
    let (mut sink, holders) =
        Holders::open(None, Start::Fresh, Fingerprints::seeded(SEED)).unwrap();
    visits.for_each(|visit| sink.write(&visit).unwrap());
    sink.write(&moved("/old", "/3")).unwrap();
    sink.write(&page_with_ids(
        "/last",
        &[],
        &["/old#here", "/old#gone", "/unasked#x"],
    ))
    .unwrap();
    sink.finish().unwrap();
    let fingerprints = holders.fingerprints;
    let mut entries = super::Entries::of(holders.file, holders.path);
    let moves = super::Redirects::find(&mut entries, fingerprints).unwrap();
    let mut missing = |in_memory| {
        super::fragments::missing(&mut entries, &moves, fingerprints, Some(in_memory)).unwrap()
    };
    let whole = missing(1000);
    assert_eq!(
        whole.len(),
        41,
        "one of each page, and one behind a redirect"
    );
    assert_eq!(missing(1), whole);
    assert_eq!(missing(7), whole);
}
