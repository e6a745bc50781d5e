//! What a crawl produces from a site: a copy, a map of its links, and a list of broken ones.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::thread;

use haul::parse::links::{LinkSettings, css, links};
use haul::parse::scan::utf8;

use crate::folder::{Folder, files};
use crate::program::Program;

/// A page: its path and query, its content type or a status (`301`, `404`), its body.
pub(crate) type Page = (&'static str, &'static str, &'static str);

pub(crate) fn serve(pages: &'static [Page]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream, pages));
        }
    });
    address
}

fn answer(mut stream: TcpStream, pages: &[Page]) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    loop {
        let first = lines.next()?.ok()?;
        while !lines.next()?.ok()?.is_empty() {}
        let target = first.split(' ').nth(1)?.to_owned();
        let page = pages.iter().find(|(path, ..)| *path == target);
        let (status, head, body) = match page {
            None => ("404 Not Found", String::new(), ""),
            Some((_, "301", to)) => ("301 Moved", format!("Location: {to}\r\n"), ""),
            Some((_, kind, body)) => ("200 OK", format!("Content-Type: {kind}\r\n"), *body),
        };
        let length = body.len();
        let text = format!("HTTP/1.1 {status}\r\n{head}Content-Length: {length}\r\n\r\n{body}");
        stream.write_all(text.as_bytes()).ok()?;
    }
}

pub(crate) fn haul(folder: &Path, arguments: &[&str]) -> Output {
    let crawl = &["crawl", "--no-config", "-o", "records.jsonl"];
    let arguments = [crawl, arguments].concat();
    Program::new(folder, &arguments).output().unwrap()
}

pub(crate) fn stderr_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Every relative reference in a copy, with its file. Asserts that each leads to a file.
fn relative_links(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut all = Vec::new();
    for file in files(folder) {
        let bytes = fs::read(&file).unwrap();
        let references: Vec<String> = match file.extension().and_then(|suffix| suffix.to_str()) {
            Some("html") => {
                let page = links(&bytes, &LinkSettings::ALL, &utf8);
                assert!(
                    page.base.is_none_or(|base| base.is_empty()),
                    "{}",
                    file.display()
                );
                page.links.iter().map(|link| link.url.to_string()).collect()
            }
            Some("css") => css::urls(&bytes, &utf8)
                .map(|(url, _)| url.into_owned())
                .collect(),
            _ => continue,
        };
        for link in references {
            let path = link.split('#').next().unwrap();
            let elsewhere = path
                .split_once(':')
                .is_some_and(|(scheme, _)| !scheme.contains('/'));
            if path.is_empty() || elsewhere {
                continue;
            }
            assert!(
                !path.starts_with('/') && !path.contains('?'),
                "{link} in {}",
                file.display()
            );
            let target = file.parent().unwrap().join(decoded(path));
            assert!(
                target.is_file(),
                "{link} in {} leads nowhere",
                file.display()
            );
            let inside = fs::canonicalize(&target).unwrap();
            assert!(inside.starts_with(fs::canonicalize(folder).unwrap()));
            all.push((file.clone(), link));
        }
    }
    all
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        match (byte, after) {
            (b'%', [high, low, after @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = after;
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn every_relative_link_of_a_copy_of_two_hosts_leads_to_a_file_of_it() {
    let folder = Folder::new();
    let site = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/site");
    let output = haul(
        folder.path(),
        &[
            "http://shop.localhost/",
            "http://journal.localhost/",
            "--serve",
            site,
            "--mirror",
            "copy",
            "--retries",
            "0",
        ],
    );
    let copy = folder.path().join("copy");
    let links = relative_links(&copy);
    let pages = files(&copy).len();
    assert!(
        pages > 60 && links.len() > 5 * pages,
        "{pages} {}\n{}",
        links.len(),
        stderr_of(&output)
    );
    let across = links.iter().filter(|(file, link)| {
        file.starts_with(copy.join("shop.localhost")) && link.contains("journal.localhost/")
    });
    assert!(across.count() > 0, "one host leads to the other");
    let records = fs::read_to_string(folder.path().join("records.jsonl")).unwrap();
    for line in records.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        if let Some(saved) = record["file"].as_str() {
            assert!(folder.path().join(saved).is_file(), "{saved}");
        }
    }
}

const NASTY: &[Page] = &[
    (
        "/",
        "text/html",
        "<base href='/x/'><a href='/a'><a href='/a/b'><a href='/A'><a href='/q?x=1&amp;y=/../z'><a href='/%2f%2e%2e%2fetc'>\
        <a href='/a%5cb'><a href='../..//%00'><a href='/CON'><a href='/.git/config'><a href='/moved#there'><a href='/gone'>\
        <a href='/bin'><a href='/bin/sh'><a href='/style.php?v=1'><link rel=stylesheet href='/style.php?v=1'><a href='/semi;colon,comma'>\
        <a href='/ä ö'><a href='rel'><a href='http://elsewhere.example/'>",
    ),
    ("/a", "text/html", "<a href=/>"),
    ("/A", "text/html", "<a href=a/b>"),
    ("/a/b", "text/html", "<a href=../a><a href='./'>"),
    ("/a/", "text/html", "<a href=b>"),
    ("/q?x=1&y=/../z", "text/html", "<a href='?x=1&y=/../z#top'>"),
    ("/%2f%2e%2e%2fetc", "text/html", "<a href=/>"),
    ("/a%5cb", "text/html", "<a href=/>"),
    ("/%00", "text/html", "<a href=/>"),
    ("//%00", "text/html", "<a href=/>"),
    ("/CON", "text/html", "<a href=/>"),
    ("/.git/config", "text/plain", "x"),
    ("/moved", "301", "/a/b?no"),
    ("/a/b?no", "text/html", "<a href=b>"),
    ("/bin", "application/octet-stream", "x"),
    ("/bin/sh", "application/octet-stream", "x"),
    (
        "/style.php?v=1",
        "text/css",
        "@import 'other.css';a{b:url(img(1).png)}",
    ),
    ("/other.css", "text/css", "a{b:url('/a')}"),
    (
        "/semi;colon,comma",
        "text/html",
        "<img srcset='/semi;colon,comma 1x, /bin 2x'>",
    ),
    ("/%C3%A4%20%C3%B6", "text/html", "<a href='/%c3%a4 %C3%B6'>"),
    ("/x/rel", "text/html", "<a href='/'>"),
];

#[test]
fn a_copy_of_a_site_with_nasty_names_is_whole_and_stays_in_its_folder() {
    let address = serve(NASTY);
    let folder = Folder::new();
    let output = haul(
        folder.path(),
        &[
            &format!("http://{address}/"),
            "--mirror",
            "copy",
            "--follow-traps",
        ],
    );
    let copy = folder.path().join("copy");
    let links = relative_links(&copy);
    let saved: BTreeSet<String> = files(&copy)
        .iter()
        .map(|file| file.strip_prefix(&copy).unwrap().display().to_string())
        .collect();
    assert!(saved.len() >= 18, "{saved:#?}\n{}", stderr_of(&output));
    let index = copy
        .join(format!("127.0.0.1+{}", address.port()))
        .join("index.html");
    let from_index = links.iter().filter(|(file, _)| *file == index).count();
    let text = fs::read_to_string(&index).unwrap();
    assert!(from_index >= 17, "{from_index} of them in {text}");
    assert!(
        text.contains(&format!("href='http://{address}/gone'")),
        "{text}"
    );
    let names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

const BROKEN: &[Page] = &[
    (
        "/",
        "text/html",
        "<a href=/one><a href=/two><a href=/moved>",
    ),
    ("/one", "text/html", "<a href=/dead><a href=/two>"),
    ("/two", "text/html", "<a href=/dead><a href=/>"),
    ("/moved", "301", "/also-dead"),
];

#[test]
fn a_link_checker_names_the_page_with_a_broken_link_and_exits_with_3() {
    let address = serve(BROKEN);
    let url = |path: &str| format!("http://{address}{path}");
    let folder = Folder::new();
    let plain = haul(folder.path(), &[&url("/")]);
    assert_eq!(plain.status.code(), Some(0), "{}", stderr_of(&plain));
    assert!(
        stderr_of(&plain).contains(&format!("404  {}\n      on  ", url("/dead"))),
        "{}",
        stderr_of(&plain)
    );

    let checked = haul(
        folder.path(),
        &[
            &url("/"),
            "--fail-on-broken",
            "--broken",
            "broken.csv",
            "--graph",
            "graph.csv",
        ],
    );
    assert_eq!(checked.status.code(), Some(3), "{}", stderr_of(&checked));
    let rows = |name: &str| -> BTreeSet<Vec<String>> {
        let mut reader = csv::Reader::from_path(folder.path().join(name)).unwrap();
        let row = |row: csv::StringRecord| row.iter().map(str::to_owned).collect();
        reader
            .records()
            .map(|record| row(record.unwrap()))
            .collect()
    };
    let broken =
        |dead: &str, holder: &str| vec![url(dead), "http-4xx".into(), "404".into(), url(holder)];
    let expected = [
        broken("/dead", "/one"),
        broken("/dead", "/two"),
        broken("/moved", "/"),
        broken("/also-dead", "/moved"),
    ];
    assert_eq!(rows("broken.csv"), BTreeSet::from(expected));
    let edge =
        |from: &str, to: &str, kind: &str| vec![url(from), url(to), kind.into(), "false".into()];
    let expected = [
        edge("/", "/one", "page"),
        edge("/", "/two", "page"),
        edge("/", "/moved", "page"),
        edge("/one", "/dead", "page"),
        edge("/one", "/two", "page"),
        edge("/two", "/dead", "page"),
        edge("/two", "/", "page"),
        edge("/moved", "/also-dead", "redirect"),
    ];
    assert_eq!(rows("graph.csv"), BTreeSet::from(expected));

    let fine = haul(
        folder.path(),
        &[&url("/two"), "--fail-on-broken", "-d", "0"],
    );
    assert_eq!(fine.status.code(), Some(0), "{}", stderr_of(&fine));
    let dead = haul(folder.path(), &[&url("/dead"), "--fail-on-broken"]);
    assert_eq!(dead.status.code(), Some(4), "{}", stderr_of(&dead));
}

#[test]
fn the_allowed_share_of_failures_counts_every_page_of_a_crawl() {
    let address = serve(BROKEN);
    let url = format!("http://{address}/");
    let folder = Folder::new();
    // Two of six fail: the target of /moved, and /dead.
    for (flags, code) in [
        (&[][..], 0),
        (&["--max-failed", "50%"], 0),
        (&["--max-failed", "33%"], 3),
        (&["--max-failed", "0%"], 3),
        (&["--fail-on-broken"], 3),
        (&["--fail-on-broken", "--max-failed", "50%"], 0),
        (&["--fail-on-broken", "--max-failed", "33%"], 3),
    ] {
        let mut arguments = vec![url.as_str()];
        arguments.extend_from_slice(flags);
        let output = haul(folder.path(), &arguments);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{flags:?}: {}",
            stderr_of(&output)
        );
    }
}
