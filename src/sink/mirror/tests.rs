//! Mirrors that are saved, interrupted and finished.

use std::fs;
use std::path::PathBuf;

use super::super::samples::{saved_from, tree};
use super::super::{Files, FilesSettings, Layout, Mark, Sink, Start};
use super::finish::relative;
use super::*;
use crate::job::Hop;
use crate::url::PageUrl;
use crate::visit::Visit;

struct Site {
    folder: tempfile::TempDir,
}

struct Session {
    files: Files,
    sink: Box<dyn Sink>,
    mirror: Mirror,
}

impl Site {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn open(&self, files: Start<'_>, list: Start<'_>) -> Session {
        let settings = FilesSettings {
            layout: Layout::Browsable,
            ..FilesSettings::folder(self.out())
        };
        let job = self.folder.path();
        let opened =
            Mirror::open(Some(&settings), Some(job), list, Fingerprints::seeded(5)).unwrap();
        let (sink, mirror) = opened.unwrap();
        let mut saving = Files::with_journal(&self.out(), files, &job.join("files")).unwrap();
        saving.set_layout(Layout::Browsable);
        Session {
            files: saving,
            sink,
            mirror,
        }
    }

    fn texts(&self) -> Vec<(String, String)> {
        tree(&self.out())
    }
}

impl Session {
    fn save(&mut self, mut visit: Visit) {
        self.files.save(&mut visit).unwrap();
        self.files.commit().unwrap();
        self.sink.write(&visit).unwrap();
    }

    fn page(&mut self, url: &str, body: &str) {
        self.save(saved_from(url, 200, body.to_owned()));
    }

    fn marks(&mut self) -> (Mark, Mark) {
        (
            self.files.checkpoint().unwrap(),
            self.sink.checkpoint().unwrap(),
        )
    }

    fn finish(self) -> u64 {
        self.files.finish().unwrap();
        self.sink.finish().unwrap();
        self.mirror.finish().unwrap().0
    }
}

#[test]
fn a_path_is_relative_to_the_file_that_names_it() {
    for (from, to, expected) in [
        ("h/a.html", "h/b.html", "b.html"),
        ("h/a/b.html", "h/c.html", "../c.html"),
        ("h/a/b.html", "g/c d/e?.html", "../../g/c%20d/e%3F.html"),
        ("h/a.html", "h/a.html", "a.html"),
        ("h/a/b", "h/a/c/d", "c/d"),
        ("top.html", "h/%2F,'.html", "h/%252F%2C%27.html"),
        ("h/a/x", "h/a", "../a"),
    ] {
        assert_eq!(relative(from, to), expected);
    }
}

#[test]
fn pages_link_to_each_other_through_redirects_and_out_of_the_copy_absolutely() {
    let site = Site::new();
    let mut session = site.open(Start::Over, Start::Over);
    session.page(
        "http://h.localhost/",
        "<a href=a><a href=/old><a href=/older><a href=gone><a href='//g.example:81/x?y'>",
    );
    let mut moved = saved_from("http://h.localhost/a", 200, "<a href=./>");
    let old = PageUrl::parse("http://h.localhost/old").unwrap();
    moved.job.hops.push(Hop::new(old, 301));
    session.save(moved);
    let mut ends = saved_from("http://h.localhost/older", 302, "");
    let headers = &mut ends.outcome.as_mut().unwrap().headers;
    headers.0.insert(
        http::header::LOCATION,
        http::HeaderValue::from_static("/old"),
    );
    session.save(ends);
    session.page("http://g.example:81/x?y", "<a href='http://h.localhost/'>");
    assert_eq!(session.finish(), 3);
    let expected = [
        (
            "g.example+81/x@y~.html",
            "<a href='../h.localhost/index.html'>",
        ),
        ("h.localhost/a~.html", "<a href=\"index.html\">"),
        (
            "h.localhost/index.html",
            "<a href=\"a~.html\"><a href=\"a~.html\"><a href=\"a~.html\"><a href=\"http://h.localhost/gone\"><a href='../g.example%2B81/x%40y~.html'>",
        ),
    ];
    assert_eq!(
        site.texts(),
        expected.map(|(name, text)| (name.to_owned(), text.to_owned()))
    );
}

#[test]
fn a_finish_that_is_interrupted_anywhere_and_repeated_has_the_same_result() {
    let expected = whole();
    // The power fails after this many files; the next hash may have been recorded already, or be torn.
    for (done, noted) in [(0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (3, 3)] {
        let site = Site::new();
        let mut session = site.open(Start::Over, Start::Over);
        fill(&mut session);
        let (files, list) = session.marks();
        let raw = site.texts();
        session.finish();
        let notes = site.folder.path().join("mirrored");
        let lines = fs::read_to_string(&notes).unwrap();
        let lines: Vec<&str> = lines.lines().collect();
        for line in &lines[done..] {
            let path = line.split_once(' ').unwrap().1;
            let text = &raw.iter().find(|(name, _)| name == path).unwrap().1;
            fs::write(site.out().join(path), text).unwrap();
        }
        fs::write(&notes, lines[..noted].join("\n") + "\n0123").unwrap();
        site.open(Start::At(&files), Start::At(&list)).finish();
        assert_eq!(site.texts(), expected, "{done} {noted}");
        // Once more, with nothing left to do.
        assert_eq!(site.open(Start::At(&files), Start::At(&list)).finish(), 0);
        assert_eq!(site.texts(), expected);
    }
}

#[test]
fn a_job_resumed_after_its_end_links_its_old_pages_to_its_new_ones() {
    let site = Site::new();
    let mut session = site.open(Start::Over, Start::Over);
    session.page("http://h.localhost/", "<a href=a><a href=#x>");
    let (files, list) = session.marks();
    session.finish();
    assert!(site.texts()[0].1.contains("http://h.localhost/a"));
    let mut session = site.open(Start::At(&files), Start::At(&list));
    session.page("http://h.localhost/a", "<a href=/>");
    session.finish();
    let texts = site.texts();
    assert_eq!(texts[1].1, "<a href=\"a~.html\"><a href=#x>");
    assert_eq!(texts[0].1, "<a href=\"index.html\">");
}

fn fill(session: &mut Session) {
    session.page("http://h.localhost/", "<a href=/a/b><link href='x.css?1'>");
    session.page("http://h.localhost/a", "<a href=/>");
    session.page("http://h.localhost/a/b", "<a href=../a>");
}

fn whole() -> Vec<(String, String)> {
    let site = Site::new();
    let mut session = site.open(Start::Over, Start::Over);
    fill(&mut session);
    session.finish();
    let texts = site.texts();
    assert_eq!(
        texts[1],
        (
            "h.localhost/a~.html".into(),
            "<a href=\"index.html\">".into()
        )
    );
    texts
}
