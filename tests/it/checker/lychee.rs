//! The broken links that haul reports on two sites, compared with those that lychee reports.

use std::collections::BTreeSet;

use super::{haul, rows, stderr_of};

use crate::folder::Folder;

/// lychee's results for two sites, with the commands that produced them.
const LYCHEE: &str = include_str!("lychee.json");

/// A broken link, and the page that contains it.
type BrokenLink = (String, String);

/// Translates a URL of lychee's runs into the one that haul sees.
fn translated(url: &str) -> String {
    [
        ("http://127.0.0.1:8191", "http://site.localhost"),
        ("http://127.0.0.2:8191", "http://other.localhost"),
        ("http://127.0.0.11:8194", "http://shop.localhost"),
        ("http://127.0.0.12:8194", "http://journal.localhost"),
        // The same file under two names.
        ("/index.html", "/"),
    ]
    .iter()
    .fold(url.to_owned(), |url, (there, here)| {
        url.replace(there, here)
    })
}

/// The broken links that lychee reports on a site.
fn found_by_lychee(site: &str) -> BTreeSet<BrokenLink> {
    let lychee: serde_json::Value = serde_json::from_str(LYCHEE).unwrap();
    let mut links = BTreeSet::new();
    for (holder, errors) in lychee[site]["error_map"].as_object().unwrap() {
        for error in errors.as_array().unwrap() {
            let url = match error["url"].as_str().unwrap() {
                // For an invalid URL, lychee has the text in its message only.
                "error:" => "http://exa mple/",
                url => url,
            };
            links.insert((translated(url), translated(holder)));
        }
    }
    links
}

/// The broken links that haul reports on a site that it serves, from these seeds.
fn found_by_haul(site: &str, seeds: &[&str]) -> BTreeSet<BrokenLink> {
    let folder = Folder::new();
    let site = format!("{}/fixtures/{site}", env!("CARGO_MANIFEST_DIR"));
    let flags = [
        "--serve",
        &site,
        "--assets",
        "--external",
        "--fragments",
        "--fail-on-broken",
        "--broken",
        "broken.csv",
        "--retries",
        "0",
    ];
    let checked = haul(folder.path(), &[&["crawl"][..], seeds, &flags].concat());
    assert_eq!(checked.status.code(), Some(3), "{}", stderr_of(&checked));
    rows(&folder.path().join("broken.csv"))
        .iter()
        .map(|row| (translated(&row[0]), translated(&row[3])))
        .collect()
}

/// The URLs that are only in the first set.
fn only_in_first<'s>(
    these: &'s BTreeSet<BrokenLink>,
    those: &'s BTreeSet<BrokenLink>,
) -> BTreeSet<&'s str> {
    let difference = these.difference(those);
    difference.map(|(url, _)| url.as_str()).collect()
}

#[test]
fn haul_finds_everything_that_lychee_finds_on_a_site_with_planted_faults() {
    let theirs = found_by_lychee("planted");
    let ours = found_by_haul("link-checker", &["http://site.localhost/"]);
    assert_eq!(theirs.len(), 20);
    assert_eq!(only_in_first(&theirs, &ours), BTreeSet::new());
    let expected = [
        "htps://127.0.0.1/",
        "http://site.localhost/missing-background.png",
        "http://site.localhost/missing.js",
        // The target of a redirect, reported under the redirect: lychee reports only the link to the redirect, which
        // haul reports too.
        "http://site.localhost/nowhere.html",
    ];
    assert_eq!(only_in_first(&ours, &theirs), BTreeSet::from(expected));
}

#[test]
fn on_the_practice_site_lychee_finds_more_only_where_it_reads_links_differently() {
    let theirs = found_by_lychee("site");
    let seeds = ["http://shop.localhost/", "http://journal.localhost/"];
    let ours = found_by_haul("site", &seeds);
    assert_eq!(theirs.len(), 28);
    let expected = [
        // lychee ignores <base href="/">.
        "http://journal.localhost/letters/letters/bielsko.html",
        "http://journal.localhost/letters/letters/eskilstuna.html",
        "http://journal.localhost/letters/letters/remscheid.html",
        "http://journal.localhost/letters/letters/thiers.html",
        // A tag has two href attributes: the first one counts, but lychee joins them.
        "http://shop.localhost/products/mortise-chisel-8.html/ignored.html",
        // A redirect to a host name that lychee could not resolve here; the link is fine.
        "http://shop.localhost/blog/",
    ];
    assert_eq!(only_in_first(&theirs, &ours), BTreeSet::from(expected));
    assert_eq!(only_in_first(&ours, &theirs), BTreeSet::new());
}
