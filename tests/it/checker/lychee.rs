//! The broken links that haul reports, compared with those that lychee reports on the same two sites.

use std::collections::BTreeSet;

use super::{haul, rows, told};

/// What lychee said of two sites, with the commands that made it.
const LYCHEE: &str = include_str!("lychee.json");

/// A broken link, and the page that holds it.
type Held = (String, String);

/// A URL of lychee's runs, as it is called here.
fn called_here(url: &str) -> String {
    [
        ("http://127.0.0.1:8191", "http://site.localhost"),
        ("http://127.0.0.2:8191", "http://other.localhost"),
        ("http://127.0.0.11:8194", "http://shop.localhost"),
        ("http://127.0.0.12:8194", "http://journal.localhost"),
        // One file, which a site has under two names.
        ("/index.html", "/"),
    ]
    .iter()
    .fold(url.to_owned(), |url, (there, here)| {
        url.replace(there, here)
    })
}

/// What lychee found on a site.
fn found_by_lychee(site: &str) -> BTreeSet<Held> {
    let lychee: serde_json::Value = serde_json::from_str(LYCHEE).unwrap();
    let mut found = BTreeSet::new();
    for (holder, errors) in lychee[site]["error_map"].as_object().unwrap() {
        for error in errors.as_array().unwrap() {
            let url = match error["url"].as_str().unwrap() {
                // What is no URL stands in the message alone.
                "error:" => "http://exa mple/",
                url => url,
            };
            found.insert((called_here(url), called_here(holder)));
        }
    }
    found
}

/// What haul finds on a site that it serves, from these seeds.
fn found_here(site: &str, seeds: &[&str]) -> BTreeSet<Held> {
    let folder = tempfile::tempdir().unwrap();
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
    assert_eq!(checked.status.code(), Some(3), "{}", told(&checked));
    rows(&folder.path().join("broken.csv"))
        .iter()
        .map(|row| (called_here(&row[0]), called_here(&row[3])))
        .collect()
}

/// The URLs that are in the first set alone.
fn alone<'s>(these: &'s BTreeSet<Held>, those: &'s BTreeSet<Held>) -> BTreeSet<&'s str> {
    let alone = these.difference(those);
    alone.map(|(url, _)| url.as_str()).collect()
}

#[test]
fn all_that_lychee_finds_on_a_site_with_planted_faults_is_found_here_too() {
    let theirs = found_by_lychee("planted");
    let ours = found_here("link-checker", &["http://site.localhost/"]);
    assert_eq!(theirs.len(), 20);
    assert_eq!(alone(&theirs, &ours), BTreeSet::new());
    let expected = [
        "htps://127.0.0.1/",
        "http://site.localhost/missing-background.png",
        "http://site.localhost/missing.js",
        // The end of a redirect, which the redirect holds: lychee names the link to the redirect alone, as haul does too.
        "http://site.localhost/nowhere.html",
    ];
    assert_eq!(alone(&ours, &theirs), BTreeSet::from(expected));
}

#[test]
fn on_the_practice_site_only_what_lychee_reads_otherwise_is_found_by_it_alone() {
    let theirs = found_by_lychee("site");
    let seeds = ["http://shop.localhost/", "http://journal.localhost/"];
    let ours = found_here("site", &seeds);
    assert_eq!(theirs.len(), 28);
    let expected = [
        // It does not heed <base href="/">.
        "http://journal.localhost/letters/letters/bielsko.html",
        "http://journal.localhost/letters/letters/eskilstuna.html",
        "http://journal.localhost/letters/letters/remscheid.html",
        "http://journal.localhost/letters/letters/thiers.html",
        // Of two href of one tag the first counts; it joins them.
        "http://shop.localhost/products/mortise-chisel-8.html/ignored.html",
        // A redirect to a name that lychee could not resolve here: nothing is wrong with it.
        "http://shop.localhost/blog/",
    ];
    assert_eq!(alone(&theirs, &ours), BTreeSet::from(expected));
    assert_eq!(alone(&ours, &theirs), BTreeSet::new());
}
