//! Link extraction in MB/s, compared with html5ever's tokenizer.
//!
//! `cargo bench --bench links [FOLDER]`
//!
//! One core, warm, best of several rounds. Runs on the pages of a folder, and on generated pages of about 20 KB with
//! about 60 links. For the generated pages it also measures links that are resolved, deduplicated and fingerprinted,
//! which is all that a crawl's loop receives.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use haul::parse::links::{LinkSettings, links};
use haul::parse::resolve::Resolver;
use haul::parse::scan::utf8;
use haul::parse::{self, FollowSettings};
use haul::{Fingerprints, PageUrl};
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, Token, TokenSink, TokenSinkResult, Tokenizer};

/// How many bytes are read: more than fits any cache, few enough to be quick.
const SAMPLE: usize = 64 << 20;

/// How often each page is read.
const ROUNDS: usize = 15;

/// Counts `a href`, the least that a sink can do.
#[derive(Default)]
struct Count(std::cell::Cell<usize>);

impl TokenSink for Count {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        if let Token::TagToken(tag) = token {
            let links = tag
                .attrs
                .iter()
                .filter(|a| matches!(&*a.name.local, "href" | "src"));
            self.0.set(self.0.get() + links.count());
        }
        TokenSinkResult::Continue
    }
}

fn pages(root: &Path) -> Vec<Vec<u8>> {
    let mut folders = vec![PathBuf::from(root)];
    let mut pages = Vec::new();
    let mut bytes = 0;
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "html") && bytes < SAMPLE {
                let page = std::fs::read(path).unwrap_or_default();
                bytes += page.len();
                pages.push(page);
            }
        }
    }
    pages
}

fn measure(what: &str, pages: &[Vec<u8>], mut work: impl FnMut(&[u8]) -> usize) {
    let bytes: usize = pages.iter().map(Vec::len).sum();
    // The best time of each page: another process may disturb one round, but hardly all of them.
    let mut best = vec![f64::MAX; pages.len()];
    let mut found = 0;
    for _ in 0..ROUNDS {
        found = 0;
        for (page, best) in pages.iter().zip(&mut best) {
            let start = Instant::now();
            found += work(page);
            *best = best.min(start.elapsed().as_secs_f64());
        }
    }
    let best: f64 = best.iter().sum();
    let speed = bytes as f64 / best / 1e6;
    let each = best * 1e6 / pages.len() as f64;
    println!("{what:32} {speed:8.0} MB/s {each:8.1} us/page {found:9} found");
}

/// Generated pages for a crawl: words, markup, and links in every spelling.
fn generated(count: usize) -> Vec<Vec<u8>> {
    const WORDS: [&str; 16] = [
        "time",
        "government",
        "of",
        "the",
        "different",
        "café",
        "naïve",
        "&amp;",
        "&mdash;",
        "“quoted”",
        "<em>marked</em>",
        "<code>x &lt; y</code>",
        "<b>bold</b>",
        "work",
        "small",
        "company",
    ];
    let mut random = fastrand::Rng::with_seed(7);
    let words = |out: &mut String, count: usize, random: &mut fastrand::Rng| {
        for _ in 0..count {
            out.push(' ');
            out.push_str(WORDS[random.usize(..WORDS.len())]);
        }
    };
    (0..count)
        .map(|number| {
            let mut out = format!(
                "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Page {number} &mdash; Site</title>\n\
                 <link rel=\"canonical\" href=\"{SITE}/site/{number}\">\n<link rel=\"stylesheet\" href=\"/static/site.css\">\n\
                 <script src=\"/static/app.js\" defer></script>\n<style>.c{{color:#333}}</style>\n</head>\n<body class=\"page\">\n\
                 <!-- <a href=\"/site/9\">no link</a> -->\n<header><a class=\"logo\" href=\"/site/0\"><img src=\"/static/logo.png\" alt=\"\"></a>\n"
            );
            for link in 0..60 {
                let to = random.usize(..20_000);
                let href = match random.usize(..12) {
                    0 => format!("/site/{to}"),
                    1 => format!("../site/{to}"),
                    2 => format!("./{to}"),
                    3 => format!("{SITE}/site/{to}"),
                    4 => format!("{to}#section-{link}"),
                    5 => format!("../site/../site/{to}"),
                    6 => format!("http://127.0.0.2:9/ext/{to}?utm_source=x&amp;ref={number}"),
                    7 if link % 3 == 0 => "mailto:someone@example.invalid".to_owned(),
                    8 if link % 3 == 0 => "#top".to_owned(),
                    _ => format!("{to}"),
                };
                out += "<section class=\"block c\"><div class=\"wrap\"><h2>";
                words(&mut out, 4, &mut random);
                out += "</h2>\n<p>";
                words(&mut out, 15, &mut random);
                out += &format!(" <a href=\"{href}\">link {link}</a> ");
                words(&mut out, 7, &mut random);
                out += ".</p></div></section>\n";
            }
            out += "<script>var x = '<a href=\"/site/8\">no link</a>';</script>\n</body>\n</html>\n";
            out.into_bytes()
        })
        .collect()
}

/// The origin of the generated pages.
const SITE: &str = "http://127.0.0.1:8080";

/// Measures resolving a page's links for a crawl, compared with scanning alone.
fn measure_crawl(pages: &[Vec<u8>], url: &str) {
    let url = PageUrl::parse(url).expect("it is a URL");
    let (follow, fingerprints) = (FollowSettings::default(), Fingerprints::seeded(1));
    measure("scan", pages, |page| {
        links(page, &LinkSettings::PAGES, &utf8).links.len()
    });
    measure("scan, resolve", pages, |page| {
        let mut resolver = Resolver::new(&url, fingerprints);
        let page = links(page, &LinkSettings::PAGES, &utf8);
        let resolved = page
            .links
            .iter()
            .filter(|link| resolver.resolve(&link.url).is_some());
        resolved.count()
    });
    measure("scan, join by the URL parser", pages, |page| {
        let page = links(page, &LinkSettings::PAGES, &utf8);
        let joined = page
            .links
            .iter()
            .filter_map(|link| url.join(&link.url).ok());
        joined
            .map(|url| fingerprints.of(url.as_str()))
            .fold(0, |count, print| count + usize::from(print > 0))
    });
    measure("scan, resolve, each once", pages, |page| {
        parse::html(page, &url, &follow).map_or(0, |found| found.len())
    });
}

fn main() {
    let root = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'))
        .unwrap_or_else(|| "/usr/share/doc".to_owned());
    let pages = pages(Path::new(&root));
    let bytes: usize = pages.iter().map(Vec::len).sum();
    println!(
        "{} pages, {} bytes, {} a page",
        pages.len(),
        bytes,
        bytes / pages.len().max(1)
    );
    let guess = LinkSettings {
        guess: true,
        ..LinkSettings::ALL
    };
    let assets = LinkSettings {
        styles: false,
        ..LinkSettings::ALL
    };
    for (what, settings) in [
        ("pages", LinkSettings::PAGES),
        ("pages and assets", assets),
        ("all, styles too", LinkSettings::ALL),
        ("all and guesses", guess),
        ("title", LinkSettings::TITLE),
    ] {
        measure(what, &pages, |page| {
            links(page, &settings, &utf8).links.len()
        });
    }
    measure_crawl(&pages, "http://docs.example/doc/package/page.html");
    measure("simhash of the text, with the scan", &pages, |page| {
        usize::from(haul::parse::simhash::of_html(page).is_some())
    });
    measure("memchr for '<' alone", &pages, |page| {
        memchr::memchr_iter(b'<', page).fold(0, |count, at| count + usize::from(at > 0))
    });
    measure("html5ever's tokenizer", &pages, |page| {
        let tokenizer = Tokenizer::new(Count::default(), Default::default());
        let input = BufferQueue::default();
        input.push_back(StrTendril::from_slice(&String::from_utf8_lossy(page)));
        let _ = tokenizer.feed(&input);
        tokenizer.end();
        tokenizer.sink.0.get()
    });
    let pages = generated(500);
    let bytes: usize = pages.iter().map(Vec::len).sum();
    println!(
        "{} generated pages, {} a page",
        pages.len(),
        bytes / pages.len()
    );
    measure_crawl(&pages, &format!("{SITE}/site/1"));
}
