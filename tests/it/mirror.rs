//! Which pages and files a copy of a site contains, and where its links lead.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::folder::Folder;
use crate::folder::files;
use crate::site::{Page, haul, serve, stderr_of};

/// A copy of a site.
struct SiteCopy {
    folder: Folder,
    host: String,
    stderr: String,
}

impl SiteCopy {
    fn of(pages: &'static [Page], flags: &[&str]) -> Self {
        Self::from(pages, "/", flags)
    }

    fn from(pages: &'static [Page], seed: &str, flags: &[&str]) -> Self {
        let folder = Folder::new();
        let address = serve(pages);
        let seed = format!("http://{address}{seed}");
        let mut arguments = vec![seed.as_str(), "--mirror", "copy"];
        arguments.extend_from_slice(flags);
        let output = haul(folder.path(), &arguments);
        Self {
            folder,
            host: format!("127.0.0.1+{}", address.port()),
            stderr: stderr_of(&output),
        }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("copy").join(&self.host)
    }

    /// The files of the host, by path.
    fn names(&self) -> BTreeSet<String> {
        let root = self.root();
        let name = |file: &PathBuf| file.strip_prefix(&root).unwrap().display().to_string();
        files(&root).iter().map(name).collect()
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.root().join(name)).unwrap()
    }

    /// The file in the host's folder to which a path was saved, according to the records.
    fn saved(&self, path: &str) -> Option<String> {
        let records = fs::read_to_string(self.folder.path().join("records.jsonl")).unwrap();
        let mut records = records
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let record = records.find(|record| {
            let url = record["url"].as_str().unwrap();
            url.splitn(4, '/').nth(3) == path.strip_prefix('/')
        });
        let saved = PathBuf::from(record?["file"].as_str()?);
        let below = saved.strip_prefix(Path::new("copy").join(&self.host));
        Some(below.unwrap().display().to_string())
    }
}

const FRAGMENTS: &[Page] = &[
    (
        "/",
        "text/html",
        "<a href='/a'></a><a href='/moved'></a><a href='/moved#own'></a><a href='/plain#own'></a><a href='/twice'></a>",
    ),
    ("/a", "text/html", "<p id=there>there</p>"),
    ("/moved", "301", "/a#there"),
    ("/plain", "301", "/a"),
    ("/twice", "301", "/moved"),
];

#[test]
fn a_link_through_a_redirect_gets_the_fragment_of_the_redirect_or_keeps_its_own() {
    let copy = SiteCopy::of(FRAGMENTS, &[]);
    let index = copy.text("index.html");
    assert_eq!(
        index,
        "<a href='a~.html'></a><a href='a~.html#there'></a><a href='a~.html#there'></a>\
         <a href='a~.html#own'></a><a href='a~.html#there'></a>",
        "{}",
        copy.stderr
    );
}

const PRIVATE: &[Page] = &[
    (
        "/",
        "text/html",
        "<meta name=robots content=nofollow><link rel=stylesheet href=s.css><img src=p.png><a href=/next>",
    ),
    ("/s.css", "text/css", "a{b:url(bg.png)}"),
    ("/bg.png", "image/png", "b"),
    ("/p.png", "image/png", "p"),
    ("/next", "text/html", "next"),
];

#[test]
fn a_nofollow_page_is_saved_with_its_assets() {
    let copy = SiteCopy::of(PRIVATE, &[]);
    let expected = ["bg.png", "index.html", "p.png", "s.css"].map(str::to_owned);
    assert_eq!(copy.names(), BTreeSet::from(expected), "{}", copy.stderr);
}

const SECTIONS: &[Page] = &[
    (
        "/",
        "text/html",
        "<link rel=stylesheet href=/css/s.css><a href=/docs/a>a</a><a href=/blog/b>b</a>",
    ),
    (
        "/docs/a",
        "text/html",
        "<link rel=stylesheet href=/css/s.css><img src=/img/p.png><img src=/img/q.gif>",
    ),
    ("/blog/b", "text/html", "b"),
    ("/css/s.css", "text/css", "a{b:url(/img/bg.png)}"),
    ("/img/bg.png", "image/png", "b"),
    ("/img/p.png", "image/png", "p"),
    ("/img/q.gif", "image/gif", "q"),
];

#[test]
fn an_included_page_is_saved_with_its_assets_except_excluded_ones() {
    let copy = SiteCopy::of(SECTIONS, &["-I", "/docs/**", "-E", "*.gif"]);
    let expected = [
        "css/s.css",
        "docs/a~.html",
        "img/bg.png",
        "img/p.png",
        "index.html",
    ];
    assert_eq!(
        copy.names(),
        BTreeSet::from(expected.map(str::to_owned)),
        "{}",
        copy.stderr
    );
}

const SAME: &[Page] = &[
    (
        "/",
        "text/html",
        "<a href=/index.html>home</a><a href=/sub/index.html>sub</a>",
    ),
    (
        "/index.html",
        "text/html",
        "<a href=/index.html>home</a><a href=/sub/index.html>sub</a>",
    ),
    (
        "/sub/index.html",
        "text/html",
        "<a href=/sub/>here</a><a href=/>home</a>",
    ),
    (
        "/sub/",
        "text/html",
        "<a href=/sub/>here</a><a href=/>home</a>",
    ),
];

#[test]
fn a_page_that_is_served_under_its_folder_and_as_index_is_saved_once() {
    let copy = SiteCopy::of(SAME, &[]);
    let expected = ["index.html", "sub/index.html"].map(str::to_owned);
    assert_eq!(copy.names(), BTreeSet::from(expected), "{}", copy.stderr);
    assert_eq!(
        copy.text("index.html"),
        "<a href=\"index.html\">home</a><a href=\"sub/index.html\">sub</a>"
    );
    assert_eq!(
        copy.text("sub/index.html"),
        "<a href=\"index.html\">here</a><a href=\"../index.html\">home</a>"
    );
    for path in ["/index.html", "/sub/", "/sub/index.html"] {
        let expected = match path {
            "/index.html" => "index.html",
            _ => "sub/index.html",
        };
        assert_eq!(copy.saved(path).as_deref(), Some(expected), "{path}");
    }
}

const OTHER: &[Page] = &[
    ("/", "text/html", "<a href=/index.html>one</a>"),
    ("/index.html", "text/html", "<a href=/>two</a>"),
];

#[test]
fn a_folder_and_its_index_that_differ_are_both_saved() {
    for seed in ["/", "/index.html"] {
        let copy = SiteCopy::from(OTHER, seed, &[]);
        assert_eq!(copy.names().len(), 2, "{:?}", copy.names());
        let [first, second] = ["/", "/index.html"].map(|path| copy.saved(path).unwrap());
        assert_eq!(copy.text(&first), format!("<a href=\"{second}\">one</a>"));
        assert_eq!(copy.text(&second), format!("<a href=\"{first}\">two</a>"));
    }
}

const ENTRANCE: &[Page] = &[
    ("/", "301", "/en/start"),
    ("/en/start", "text/html", "<a href=/en/next>next</a>"),
    ("/en/next", "text/html", "<a href=/en/start>back</a>"),
];

#[test]
fn the_summary_names_the_file_that_a_mirror_begins_with() {
    let copy = SiteCopy::of(ENTRANCE, &[]);
    let file = Path::new("copy").join(&copy.host).join("en/start~.html");
    assert!(copy.folder.path().join(&file).is_file());
    let expected = format!("  mirror    starts at {}\n", file.display());
    assert!(copy.stderr.contains(&expected), "{}", copy.stderr);
}
