//! Sites that change: what a client sees of two editions, and of servers that say wrong things about them.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::SystemTime;

use haul::origin::{Lastmod, Origin, OriginSettings, Validators};
use haul::parse::simhash;

use crate::folder::Folder;
use crate::program::{Process, Program};

/// The first page that does not exist in any edition here.
const END: usize = 1_200;

/// A response: status, head, body.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut values = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        values.next().map(|(_, value)| value)
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The request headers of a client that has this response.
    fn conditions(&self) -> String {
        let asks = [
            ("If-None-Match", "etag"),
            ("If-Modified-Since", "last-modified"),
        ];
        asks.iter()
            .filter_map(|(asks, has)| Some(format!("{asks}: {}\r\n", self.header(has)?)))
            .collect()
    }
}

fn ask(address: SocketAddr, path: &str, headers: &str) -> Seen {
    // The same host for all servers, because pages have absolute links.
    ask_host(address, "a.test", path, headers)
}

fn ask_host(address: SocketAddr, host: &str, path: &str, headers: &str) -> Seen {
    let mut stream = TcpStream::connect(address).unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).unwrap();
    let end = response
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8(response[..end].to_vec()).unwrap();
    Seen {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        body: response.split_off(end + 4),
        head,
    }
}

fn get(origin: &Origin, path: &str) -> Seen {
    ask(origin.address(), path, "")
}

fn again(origin: &Origin, path: &str, seen: &Seen) -> Seen {
    ask(origin.address(), path, &seen.conditions())
}

fn serve(settings: &OriginSettings, edition: u64) -> Origin {
    Origin::start(OriginSettings {
        pages: 1_000,
        edition,
        ..settings.clone()
    })
    .unwrap()
}

fn all_pages(origin: &Origin) -> Vec<(String, Seen)> {
    let paths = (0..END).map(|number| format!("/page/{number}"));
    paths
        .map(|path| (path.clone(), get(origin, &path)))
        .collect()
}

/// The number of bits in which the texts of two pages differ.
fn distance(one: &Seen, other: &Seen) -> u32 {
    let [one, other] = [one, other].map(|seen| simhash::of_html(&seen.body).unwrap());
    (one ^ other).count_ones()
}

#[test]
fn exactly_the_churned_pages_have_another_text_and_a_client_that_asks_again_gets_only_those() {
    let settings = OriginSettings {
        churn: 0.05,
        added: 0.02,
        gone: 0.01,
        validators: Some(Validators::Both),
        ..OriginSettings::default()
    };
    let first = all_pages(&serve(&settings, 1));
    let origin = serve(&settings, 2);
    let changes = origin.site().changes_since(1);
    let mut seen = haul::origin::Changes::default();
    for (path, before) in &first {
        let after = again(&origin, path, before);
        match (before.status, after.status) {
            (200, 200) => {
                assert!(distance(before, &after) > 3, "{path}");
                for name in ["etag", "last-modified"] {
                    assert_ne!(before.header(name), after.header(name), "{path}");
                }
                seen.changed.insert(path.clone())
            }
            (404, 200) => seen.added.insert(path.clone()),
            (200, 404) => seen.gone.insert(path.clone()),
            (200, 304) => {
                let whole = get(&origin, path);
                assert_eq!(whole.body, before.body, "{path}");
                for name in ["etag", "last-modified"] {
                    assert_eq!(whole.header(name), before.header(name), "{path}");
                }
                continue;
            }
            (404, 404) => continue,
            other => panic!("{path}: {other:?}"),
        };
    }
    assert_eq!(seen, changes);
    let counts = (seen.changed.len(), seen.added.len(), seen.gone.len());
    assert_eq!(counts, (50, 20, 10)); // 5 % of the 990 pages that both have: 49.5, rounded
    assert_eq!(get(&origin, "/changes-since/1").text(), changes.to_string());
    assert_eq!(get(&origin, "/changes-since/2").status, 400);
}

#[test]
fn a_page_that_is_too_small_for_text_changes_too() {
    let settings = OriginSettings {
        churn: 1.0,
        page_bytes: 0,
        ..OriginSettings::default()
    };
    let (first, second, third) = (
        serve(&settings, 1),
        serve(&settings, 2),
        serve(&settings, 3),
    );
    for number in 0..100 {
        let path = format!("/page/{number}");
        let (one, two, three) = (get(&first, &path), get(&second, &path), get(&third, &path));
        assert!(one.text().matches("<p>").count() < two.text().matches("<p>").count());
        assert_ne!(
            simhash::of_html(&two.body),
            simhash::of_html(&three.body),
            "{path}"
        );
    }
}

#[test]
fn without_churn_an_edition_changes_nothing() {
    let settings = OriginSettings::default();
    let (first, ninth) = (serve(&settings, 1), serve(&settings, 9));
    for path in [
        "/",
        "/page/0",
        "/page/999",
        "/sitemap.xml",
        "/sitemap-0.xml",
    ] {
        assert_eq!(
            again(&ninth, path, &get(&first, path)).status,
            304,
            "{path}"
        );
    }
    assert_eq!(
        ninth.site().changes_since(1),
        haul::origin::Changes::default()
    );
    assert_eq!(get(&first, "/changes-since/1").status, 404);
}

#[test]
fn a_page_with_nonces_has_other_bytes_each_time_and_always_the_same_text() {
    let nonces = |validators| OriginSettings {
        nonces: true,
        validators,
        ..OriginSettings::default()
    };
    let (one, other) = (serve(&nonces(None), 1), serve(&nonces(None), 1));
    let mut bodies = BTreeSet::new();
    for path in ["/", "/page/7"] {
        let first = get(&one, path);
        for origin in [&one, &other] {
            let second = again(origin, path, &first);
            assert_eq!((second.status, second.body.len()), (200, first.body.len()));
            assert_ne!(
                second.header("etag"),
                first.header("etag"),
                "a strong tag is of the bytes"
            );
            assert_eq!(
                simhash::of_html(&second.body),
                simhash::of_html(&first.body)
            );
            bodies.insert(second.body);
        }
        bodies.insert(first.body);
    }
    assert_eq!(bodies.len(), 6);
    let weak = serve(&nonces(Some(Validators::WeakEtag)), 1);
    let page = get(&weak, "/page/7");
    assert_eq!(again(&weak, "/page/7", &page).status, 304);
    assert_eq!(
        again(&weak, "/static/site.css", &get(&weak, "/static/site.css")).status,
        304
    );
}

#[test]
fn a_lastmod_is_as_true_as_its_setting_says() {
    let sitemap = |lastmod, edition| {
        let settings = OriginSettings {
            churn: 0.05,
            lastmod,
            ..OriginSettings::default()
        };
        let origin = serve(&settings, edition);
        let changes = origin.site().changes_since(1);
        let text = get(&origin, "/sitemap-0.xml").text();
        let entries = text.lines().filter_map(|line| {
            let (_, rest) = line.split_once("a.test")?;
            let (path, rest) = rest.split_once("</loc>")?;
            let lastmod = rest
                .strip_prefix("<lastmod>")
                .and_then(|rest| rest.split('<').next());
            Some((path.to_owned(), lastmod.map(str::to_owned)))
        });
        (entries.collect::<Vec<_>>(), changes.changed)
    };
    let changed = |lastmod| {
        let ((before, _), (after, churned)) = (sitemap(lastmod, 1), sitemap(lastmod, 2));
        assert_eq!((before.len(), churned.len()), (1_000, 50));
        let pairs = before.into_iter().zip(after);
        let differing = pairs.filter(|(before, after)| before != after);
        let differing: BTreeSet<String> = differing.map(|(_, (path, _))| path).collect();
        (differing, churned)
    };
    let (differing, churned) = changed(Lastmod::Truthful);
    assert_eq!(differing, churned);
    assert_eq!(changed(Lastmod::NeverChanges).0, BTreeSet::new());
    assert_eq!(sitemap(Lastmod::None, 2).0[7], ("/page/7".to_owned(), None));
    let before = httpdate::fmt_http_date(SystemTime::now());
    let (now, _) = sitemap(Lastmod::AlwaysNow, 1);
    let year = before.split(' ').nth(3).unwrap();
    assert!(
        now.iter()
            .all(|(_, lastmod)| lastmod.as_ref().unwrap().starts_with(year))
    );
    assert_eq!(
        now.iter()
            .map(|(_, lastmod)| lastmod)
            .collect::<BTreeSet<_>>()
            .len(),
        1
    );
}

#[test]
fn what_pages_and_sitemaps_say_agrees() {
    let settings = OriginSettings {
        churn: 0.2,
        lastmod: Lastmod::Truthful,
        validators: Some(Validators::LastModified),
        ..OriginSettings::default()
    };
    let origin = serve(&settings, 3);
    let sitemap = get(&origin, "/sitemap-0.xml").text();
    for number in 0..100 {
        let page = get(&origin, &format!("/page/{number}"));
        let entry = sitemap
            .split(&format!("/page/{number}</loc><lastmod>"))
            .nth(1)
            .unwrap();
        let day = &entry[..10];
        assert!(
            page.text().contains(&format!("<time datetime=\"{day}\">")),
            "{number}"
        );
        let modified = httpdate::parse_http_date(page.header("last-modified").unwrap()).unwrap();
        let lastmod: jiff::Timestamp = entry[..20].parse().unwrap();
        assert_eq!(SystemTime::from(lastmod), modified, "{number}");
    }
}

/// A folder of pages, a hundred of them and twenty of another host, and a file.
fn folder() -> Folder {
    let folder = Folder::new();
    let host = folder.path().join("hosts/shop.localhost");
    std::fs::create_dir_all(&host).unwrap();
    let text = "The quick brown fox jumps over the lazy dog and then it sleeps until noon. ";
    for number in 0..120 {
        let place = if number < 100 { folder.path() } else { &host };
        let next = number + 1;
        let page = format!(
            "<!DOCTYPE html><title>Page {number}</title><p>{}</p><a href=\"{next}.html\">Next &amp; last</a>",
            text.repeat(20)
        );
        std::fs::write(place.join(format!("{number}.html")), page).unwrap();
    }
    std::fs::write(folder.path().join("data.txt"), "The quick brown fox").unwrap();
    folder
}

#[test]
fn exactly_the_churned_files_of_a_folder_have_another_text_and_the_same_links() {
    let folder = folder();
    let serve = |edition| {
        Origin::start(OriginSettings {
            folder: Some(folder.path().to_owned()),
            churn: 0.05,
            edition,
            ..OriginSettings::default()
        })
        .unwrap()
    };
    let (first, second) = (serve(1), serve(2));
    let changes = second.site().changes_since(1);
    assert_eq!(
        (
            changes.changed.len(),
            changes.added.len(),
            changes.gone.len()
        ),
        (6, 0, 0)
    );
    let mut changed = BTreeSet::new();
    for number in 0..120 {
        let (host, name) = match number {
            0..100 => ("a.test", format!("/{number}.html")),
            _ => ("shop.localhost", format!("//shop.localhost/{number}.html")),
        };
        let path = format!("/{number}.html");
        let before = ask_host(first.address(), host, &path, "");
        let after = ask_host(second.address(), host, &path, &before.conditions());
        if after.status == 304 {
            let whole = ask_host(second.address(), host, &path, "");
            assert_eq!(whole.body, before.body);
            continue;
        }
        assert!(distance(&before, &after) > 3, "{name}");
        let link = format!("<a href=\"{}.html\">", number + 1);
        assert!(
            after.text().contains(&link) && after.text().contains("&amp;"),
            "{name}"
        );
        for header in ["etag", "last-modified"] {
            assert_ne!(before.header(header), after.header(header), "{name}");
        }
        changed.insert(name);
    }
    assert_eq!(changed, changes.changed);
    let file = get(&first, "/data.txt");
    assert_eq!(again(&second, "/data.txt", &file).status, 304);
}

#[test]
fn files_have_nonces_and_the_validators_that_the_settings_ask_for() {
    let folder = folder();
    let serve = |nonces, validators| {
        Origin::start(OriginSettings {
            folder: Some(folder.path().to_owned()),
            nonces,
            validators,
            ..OriginSettings::default()
        })
        .unwrap()
    };
    let origin = serve(true, None);
    let first = get(&origin, "/7.html");
    let second = ask(origin.address(), "/7.html", &first.conditions());
    assert_eq!((second.status, second.body.len()), (200, first.body.len()));
    assert_ne!(second.body, first.body);
    assert_eq!(
        simhash::of_html(&second.body),
        simhash::of_html(&first.body)
    );
    assert_eq!(
        again(&origin, "/data.txt", &get(&origin, "/data.txt")).status,
        304
    );

    let origin = serve(false, Some(Validators::ChangingEtag));
    let first = get(&origin, "/data.txt");
    let second = again(&origin, "/data.txt", &first);
    assert_eq!((second.status, &second.body), (200, &first.body));
    assert_ne!(second.header("etag"), first.header("etag"));
    let origin = serve(false, Some(Validators::None));
    assert_eq!(get(&origin, "/7.html").conditions(), "");
}

/// `haul serve` on a free port, until it is dropped.
struct Server(Process, SocketAddr);

impl Server {
    fn start(arguments: &[&str]) -> Server {
        let line = [&["serve", "--port", "0"], arguments].concat();
        let mut child = Program::new(Path::new("."), &line).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .trim()
            .trim_start_matches("http://")
            .trim_end_matches('/');
        Server(child, address.parse().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_flags_of_serve_do_what_the_settings_do() {
    let first = Server::start(&["--pages", "200", "--validators", "both", "--churn", "10%"]);
    let flags = [
        "--pages",
        "200",
        "--validators",
        "both",
        "--churn",
        "10%",
        "--edition",
        "2",
    ];
    let more = [
        "--added",
        "1%",
        "--gone",
        "2%",
        "--lastmod",
        "truthful",
        "--nonces",
    ];
    let second = Server::start(&[&flags[..], &more[..]].concat());
    let listed = ask(second.1, "/changes-since/1", "").text();
    let count = |kind: &str| listed.lines().filter(|line| line.starts_with(kind)).count();
    assert_eq!(
        (count("changed "), count("added "), count("gone ")),
        (20, 2, 4)
    );
    let changed = listed
        .lines()
        .next()
        .unwrap()
        .trim_start_matches("changed ");
    let (before, after) = (ask(first.1, changed, ""), ask(second.1, changed, ""));
    assert!(distance(&before, &after) > 3);
    assert!(
        after
            .header("last-modified")
            .unwrap()
            .ends_with("2026 00:00:00 GMT")
    );
    assert!(after.text().contains("csrf-token"));
    assert!(
        ask(second.1, "/sitemap-0.xml", "")
            .text()
            .contains("<lastmod>2026-01-01T00:00:00Z<")
    );
}

#[test]
fn flags_that_are_out_of_bounds_are_refused() {
    for (flag, value, says) in [
        ("--churn", "105%", "not between 0% and 100%"),
        ("--churn", "5", "5%"),
        ("--gone", "-1%", "not between 0% and 100%"),
        (
            "--edition",
            "0",
            "--edition is out of bounds: from 1 to 1,000",
        ),
        (
            "--edition",
            "1001",
            "--edition is out of bounds: from 1 to 1,000",
        ),
        ("--lastmod", "yesterday", "never-changes"),
        ("--validators", "odd", "weak-etag"),
    ] {
        let flagged = format!("{flag}={value}");
        let line = ["serve", "--port", "0", "--pages", "10", &flagged];
        let output = Program::new(Path::new("."), &line).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(
            message.contains(says) && message.contains(flag),
            "{message}"
        );
    }
}
