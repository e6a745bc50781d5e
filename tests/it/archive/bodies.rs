//! Other programs and haul itself read from an archive the bodies that were served.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use haul::archive::Archive;

use super::{archived, run_strangers};
use crate::folder::Folder;
use crate::resume::{audit, generated, pull_the_plug, site};
use crate::tools;

#[test]
fn other_programs_read_from_an_archive_what_was_served() {
    let Some(python) = tools::python("archive") else {
        return;
    };
    for name in ["pages.warc", "pages.warc.gz", "pages.wacz"] {
        let (folder, path, origin) = archived(name);
        let below = folder.path().join("served").display().to_string();
        assert_eq!(
            run_strangers(&python, "bodies", &path, &[&below]).trim(),
            "9",
            "{name}"
        );
        // The lines before that are pywb's own log.
        let output = run_strangers(&python, "replay", &path, &[&below, &origin]);
        assert!(output.trim().ends_with("replayed"), "{name}: {output}");
        if name == "pages.wacz" {
            let output = run_strangers(&python, "package", &path, &[]);
            for title in ["Plain", "Packed", "Twice", "a b c"] {
                assert!(
                    output.lines().any(|line| line == title),
                    "{title}: {output}"
                );
            }
        } else {
            run_strangers(&python, "check", &path, &[]);
            let index = run_strangers(&python, "index", &path, &[]);
            let urls: BTreeSet<&str> = index
                .lines()
                .map(|line| line.split_once(' ').unwrap().1)
                .collect();
            assert_eq!(urls.len(), 9, "{index}");
        }
    }
}

/// Reads an archive with haul, and compares each body with what was served.
///
/// Returns the number of bodies.
fn read(archive: &Path, served: &Path) -> usize {
    let mut names = BTreeSet::new();
    for stored in Archive::open(archive).unwrap() {
        let stored = stored.unwrap();
        if stored.truncated {
            continue;
        }
        let name = stored
            .url
            .as_url()
            .path()
            .trim_start_matches('/')
            .to_owned();
        let bytes = fs::read(served.join(&name))
            .or_else(|_| fs::read(served.join(format!("{name}.coded"))));
        assert!(
            stored.page.body.head(usize::MAX).unwrap() == bytes.unwrap(),
            "{name}"
        );
        names.insert(name);
    }
    names.len()
}

#[test]
fn haul_reads_from_its_archives_what_was_served() {
    for name in ["pages.warc", "pages.warc.gz", "pages.wacz"] {
        let (folder, path, _) = archived(name);
        assert_eq!(read(&path, &folder.path().join("served")), 9, "{name}");
    }
}

#[test]
fn haul_reads_a_package_that_another_program_made() {
    let Some(python) = tools::python("archive") else {
        return;
    };
    let (folder, path, _) = archived("pages.warc.gz");
    let package = folder.path().join("made.wacz");
    run_strangers(&python, "wrap", &path, &[&package.display().to_string()]);
    assert_eq!(read(&package, &folder.path().join("served")), 9);
}

#[test]
fn an_archive_of_a_crawl_that_is_killed_has_each_response_once() {
    for (seed, name) in [(1, "pages.warc"), (2, "pages.warc.gz"), (3, "pages.wacz")] {
        let origin = generated(600);
        let folder = Folder::new();
        let start = origin.url("/");
        let words = ["crawl", &start, "--job", "job", "-q", "-o", name];
        let kills = pull_the_plug(folder.path(), seed, &words);
        let path = folder.path().join(name);
        println!("{name}: killed {kills} times");
        let urls = Archive::open(&path)
            .unwrap()
            .map(|stored| stored.unwrap().url.to_string());
        audit(urls, &site(&origin, 600));
        let Some(python) = tools::python("archive") else {
            continue;
        };
        let urls = run_strangers(&python, "urls", &path, &[]);
        audit(urls.lines().map(str::to_owned), &site(&origin, 600));
        match name {
            "pages.wacz" => drop(run_strangers(&python, "package", &path, &[])),
            _ => drop(run_strangers(&python, "check", &path, &[])),
        }
    }
}
