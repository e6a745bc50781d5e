//! The links of whole responses: what is searched, for which role, and what is not.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderName, HeaderValue};

use super::*;
use crate::page::body::{Body, Spool};
use crate::url::PageUrl;
use crate::url::fingerprint::Fingerprints;
use crate::visit::found::FoundLinks;

/// A response to one job.
struct Response {
    job: Job,
    page: Page,
    plan: ParsePlan,
}

/// A 200 response at `http://h.example/a/b`, with links followed and the title wanted.
fn response(content_type: &str, body: impl Into<Bytes>) -> Response {
    let page = Page::plain(200, Body::Memory(body.into()));
    let plan = ParsePlan {
        wants: Wants {
            title: true,
            ..Wants::NOTHING
        },
        follow: Some(LinkPlan {
            fingerprints: Fingerprints::seeded(5),
            ..LinkPlan::of(FollowSettings {
                assets: true,
                ..FollowSettings::default()
            })
        }),
        ..ParsePlan::of(&ParseSettings::default())
    };
    let url = PageUrl::parse("http://h.example/a/b").unwrap();
    let response = Response {
        job: Job::seed(1, url),
        page,
        plan,
    };
    response.header("content-type", content_type)
}

impl Response {
    fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).unwrap();
        self.page
            .headers
            .0
            .append(HeaderName::from_static(name), value);
        self
    }

    fn role(mut self, role: Role) -> Self {
        self.job.role = role;
        self
    }

    fn status(mut self, status: u16) -> Self {
        self.page.status = status;
        self
    }

    fn at(mut self, url: &str) -> Self {
        self.job.url = PageUrl::parse(url).unwrap();
        self
    }

    /// Moves the body to a file.
    fn spooled(mut self) -> Self {
        let Body::Memory(bytes) = &self.page.body else {
            return self;
        };
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let (_, path) = file.keep().unwrap();
        self.page.body = Body::Spooled(Spool::adopt(path, bytes.len() as u64, None));
        self
    }

    fn parsed(&self) -> Parsed {
        let memory = Memory::new(u64::MAX);
        parse(&self.job, &self.page, &self.plan, false, &memory).unwrap()
    }

    fn found(&self) -> FoundLinks {
        self.parsed().found.map(|found| *found).unwrap_or_default()
    }

    /// The links in a short notation, and `more` if links were left out.
    fn links_in_short(&self) -> Vec<String> {
        let found = self.found();
        let links = found.iter().map(|link| {
            let url = link.url.strip_prefix("http://h.example");
            format!("{} {}", link.kind.as_str(), url.unwrap_or(link.url))
        });
        links.chain(found.more.then(|| "more".to_owned())).collect()
    }
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const PAGE: &str = "<!DOCTYPE html><title>t</title><link rel=canonical href=/c><link rel=stylesheet href=/s.css>\
    <a href='d#x'>d</a><a href=/c rel=nofollow></a><img src=e.png><style>a{b:url(/f)}</style><form action=/g></form>";

#[test]
fn a_page_is_scanned_for_its_title_and_links() {
    let page = response("text/html", PAGE);
    let parsed = page.parsed();
    assert_eq!(parsed.title.as_deref(), Some("t"));
    let all = [
        "page /c",
        "asset /s.css",
        "page /a/d",
        "asset /a/e.png",
        "asset /f",
        "page /g",
    ];
    assert_eq!(page.links_in_short(), all);
    for link in parsed.found.unwrap().iter() {
        assert_eq!(link.fingerprint, Fingerprints::seeded(5).of(link.url));
        assert!(!link.nofollow, "only one of the two references is nofollow");
    }
    let mut page = response("application/xhtml+xml", PAGE);
    page.plan.follow.as_mut().unwrap().wanted.assets = false;
    page.plan.wants = Wants::NOTHING;
    assert_eq!(page.links_in_short(), ["page /c", "page /a/d", "page /g"]);
    assert_eq!(page.parsed().title, None);
}

#[test]
fn if_nothing_is_followed_no_links_are_collected() {
    let mut page = response("text/html", PAGE).header("link", "</x>; rel=next");
    page.plan.follow = None;
    let parsed = page.parsed();
    assert!(parsed.found.is_none() && parsed.title.is_some());
    assert!(page.plan.reads_bodies());
    page.plan.wants = Wants::NOTHING;
    assert!(!page.plan.reads_bodies());
    page.plan.follow = Some(LinkPlan::of(FollowSettings::default()));
    assert!(page.plan.reads_bodies());
}

#[test]
fn the_plan_survives_serialization() {
    let plan = response("text/html", PAGE).plan;
    let bytes = postcard::to_stdvec(&plan).unwrap();
    assert_eq!(postcard::from_bytes::<ParsePlan>(&bytes).unwrap(), plan);
}

#[test]
fn a_body_in_a_file_is_searched_to_its_end() {
    let page = format!("<title>t</title>{}<a href=/end>", " ".repeat(3 << 20));
    let plain = response("text/html", page.clone()).spooled();
    assert_eq!(
        (plain.links_in_short(), plain.parsed().title.as_deref()),
        (vec!["page /end".to_owned()], Some("t"))
    );
    let mut encoded = response("text/html", gzipped(page.as_bytes()))
        .header("content-encoding", "gzip")
        .spooled();
    encoded.plan.limits.ratio = 5000;
    assert_eq!(encoded.links_in_short(), ["page /end"]);
    encoded.plan.wants.text = true;
    assert_eq!(
        encoded.parsed().text.map(|text| text.len()),
        Some(page.len())
    );
}

#[test]
fn a_body_longer_than_the_limit_is_searched_up_to_the_limit() {
    let mut page = Vec::from("<a href=/start>");
    page.resize(follow::SEARCHED, b' ');
    page.extend_from_slice(b"<a href=/end>");
    assert_eq!(
        response("text/html", page.clone()).links_in_short(),
        ["page /start", "more"]
    );
    assert_eq!(
        response("text/html", page).spooled().links_in_short(),
        ["page /start", "more"]
    );
}

#[test]
fn a_page_in_any_encoding_is_read_and_its_queries_keep_the_encoding() {
    let utf_16: Vec<u8> = "\u{feff}<title>é</title><a href='/é?é'>"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let page = response("text/html", utf_16);
    assert_eq!(page.links_in_short(), ["page /%C3%A9?%C3%A9"]);
    assert_eq!(page.parsed().title.as_deref(), Some("é"));
    let latin = response(
        "text/html; charset=iso-8859-1",
        &b"<a href='/\xe9?\xe9'>"[..],
    );
    assert_eq!(latin.links_in_short(), ["page /%C3%A9?%E9"]);
}

#[test]
fn a_charset_declared_anywhere_in_a_page_applies_to_its_text_title_and_links() {
    for blank in [1_100, 70_000, 3 << 20] {
        let mut page = b"<title>\xc3\xa9</title><a href='/?\xc3\xa9'>".to_vec();
        page.resize(page.len() + blank, b' ');
        page.extend(b"<meta charset=utf-8>\xe9");
        let mut memory = response("text/html", page.clone());
        memory.plan.wants.text = true;
        let mut file = response("text/html", page).spooled();
        file.plan.wants.text = true;
        for response in [memory, file] {
            assert_eq!(response.links_in_short(), ["page /?%C3%A9"], "{blank}");
            let parsed = response.parsed();
            assert_eq!(parsed.charset.as_deref(), Some("UTF-8"));
            assert_eq!(parsed.title.as_deref(), Some("é"));
            assert!(
                parsed
                    .text
                    .unwrap()
                    .ends_with("<meta charset=utf-8>\u{fffd}")
            );
        }
    }
}

#[test]
fn the_charset_is_detected_even_if_the_only_accent_comes_late() {
    let mut page = vec![b' '; 70_000];
    page.extend(b"caf\xe9");
    let mut page = response("text/html", page);
    page.plan.wants.text = true;
    let parsed = page.parsed();
    assert_eq!(parsed.charset.as_deref(), Some("windows-1252"));
    assert!(parsed.text.unwrap().ends_with("café"));
}

#[test]
fn pages_have_a_text_fingerprint_if_pages_are_compared() {
    let words: String = (0..60).map(|word| format!("word{word} ")).collect();
    let text = format!("<title>t</title><p>{words}</p><a href=/x>x</a>");
    let compared = |content_type, body: Vec<u8>| {
        let mut page = response(content_type, body);
        page.plan.follow.as_mut().unwrap().similar = true;
        page
    };
    let simhash = |page: &Response| page.parsed().simhash;
    let page = compared("text/html", text.clone().into_bytes());
    assert!(simhash(&page).is_some());
    let utf_16 = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let same = compared("text/html; charset=utf-16be", utf_16);
    assert_eq!(simhash(&same), simhash(&page));
    assert_eq!(simhash(&page.status(404)), None);
    assert_eq!(simhash(&response("text/html", text.clone())), None);
    assert_eq!(simhash(&compared("text/css", text.into_bytes())), None);
}

#[test]
fn links_resolve_against_the_base_of_the_page() {
    for (base, expected) in [
        ("/x/y", "/x/z"),
        ("c/", "/a/c/z"),
        ("https://other.example/q", "https://other.example/z"),
        ("javascript:x", "/a/z"),
        ("http://", "/a/z"),
    ] {
        // It does not matter if the base comes before or after the link: links are resolved at the end.
        let page = response(
            "text/html",
            format!("<a href=z><base href='{base}'><base href=/no>"),
        );
        assert_eq!(
            page.links_in_short(),
            [format!("page {expected}")],
            "{base}"
        );
    }
}

#[test]
fn header_links_and_directives_apply_to_every_body() {
    let document = response("application/pdf", "%PDF-1.7")
        .header("link", "</c>; rel=canonical, </a/b.css>; rel=preload")
        .header("x-robots-tag", "otherbot: noindex")
        .header("x-robots-tag", "haul: nofollow")
        .header("refresh", "1; url=next");
    assert_eq!(
        document.links_in_short(),
        ["canonical /c", "asset /a/b.css", "page /a/next"]
    );
    let found = document.found();
    assert_eq!((found.nofollow, found.noindex), (true, false));
    let map = response("application/xml", MAP).header("x-robots-tag", "none");
    let map = map.role(Role::Sitemap).found();
    assert!(!map.noindex && !map.nofollow && map.len() == 1);
    // A link in the headers is not relative to the base of the page.
    let page = response(
        "text/html",
        "<base href=/x/><a href=y><meta name=Haul content=noindex>",
    )
    .header("link", "<y>; rel=next");
    assert_eq!(page.links_in_short(), ["page /a/y", "page /x/y"]);
    assert!(page.found().noindex);
}

#[test]
fn a_response_without_links_or_directives_has_nothing_to_report() {
    for page in [
        response("text/html", "<p>"),
        response("image/png", "\u{89}PNG"),
        response("text/plain", "<a href=/x>"),
    ] {
        assert!(page.parsed().found.is_none());
    }
}

#[test]
fn failures_and_redirects_yield_no_links() {
    assert!(
        response("text/html", PAGE)
            .status(404)
            .parsed()
            .found
            .is_none()
    );
    let redirect = response("text/html", PAGE)
        .status(301)
        .header("location", "/x");
    assert!(redirect.parsed().found.is_none());
    let gone = response("text/html", PAGE)
        .status(410)
        .header("link", "</x>; rel=next");
    assert!(gone.parsed().found.is_none() && gone.parsed().title.is_some());
}

const CSS: &str = "@import 'i.css'; a{b:url(/c)}";
const MAP: &str = "<urlset><url><loc>http://h.example/1</loc></url></urlset>";
const RSS: &str = "<rss><channel><item><link>/2</link></item></channel></rss>";

#[test]
fn each_media_type_is_searched_by_its_own_rules() {
    for (content_type, body, expected) in [
        ("text/css", CSS, vec!["asset /a/i.css", "asset /c"]),
        ("application/rss+xml", RSS, vec!["page /2"]),
        ("text/xml", RSS, vec!["page /2"]),
        ("application/xml", MAP, vec!["page /1"]),
        (
            "application/xml",
            "<html xmlns='x'><a href='/3'/></html>",
            vec!["page /3"],
        ),
        (
            "application/xml",
            "<project><url>/4</url></project>",
            vec![],
        ),
        (
            "application/feed+json",
            r#"{"version":"https://jsonfeed.org/version/1","items":[{"url":"/5"}]}"#,
            vec!["page /5"],
        ),
        ("application/json", r#"{"items":[{"url":"/6"}]}"#, vec![]),
        ("text/plain", "http://h.example/7", vec![]),
        ("", "<!doctype html><a href=/8>", vec!["page /8"]),
        (
            "",
            "<?xml version='1.0'?><rss><channel><link>/9</link></channel></rss>",
            vec!["page /9"],
        ),
    ] {
        assert_eq!(
            response(content_type, body).links_in_short(),
            expected,
            "{content_type} {body}"
        );
    }
}

#[test]
fn the_role_decides_what_is_searched() {
    for (role, content_type, body, expected) in [
        (
            Role::Asset,
            "text/css",
            CSS,
            vec!["asset /a/i.css", "asset /c"],
        ),
        (Role::Asset, "text/html", PAGE, vec![]),
        (Role::Asset, "application/xml", MAP, vec![]),
        (Role::Robots, "text/html", PAGE, vec![]),
        (Role::Sitemap, "text/html", MAP, vec!["page /1"]),
        (
            Role::Sitemap,
            "application/octet-stream",
            RSS,
            vec!["page /2"],
        ),
        (
            Role::Sitemap,
            "text/plain",
            "http://h.example/7\nx",
            vec!["page /7"],
        ),
        (
            Role::Sitemap,
            "text/html",
            "<!doctype html><p>not found<a href=/x>",
            vec![],
        ),
    ] {
        let links_in_short = response(content_type, body).role(role).links_in_short();
        assert_eq!(links_in_short, expected, "{role:?} {content_type}");
    }
    let mut sheet = response("text/css", CSS);
    sheet.plan.follow.as_mut().unwrap().wanted.assets = false;
    assert_eq!(sheet.links_in_short(), [""; 0]);
}

#[test]
fn a_compressed_sitemap_is_recognised_by_its_bytes_and_as_a_page_by_its_name() {
    let map = gzipped(MAP.as_bytes());
    let asked = response("application/gzip", map.clone()).role(Role::Sitemap);
    assert_eq!(asked.links_in_short(), ["page /1"]);
    let named = response("application/gzip", map.clone()).at("http://h.example/map.xml.gz");
    assert_eq!(named.links_in_short(), ["page /1"]);
    assert_eq!(
        response("application/gzip", map.clone()).links_in_short(),
        [""; 0]
    );
    // Compressed twice: by the site and by the server.
    let twice = response("application/xml", gzipped(&map))
        .role(Role::Sitemap)
        .header("content-encoding", "gzip");
    assert_eq!(twice.links_in_short(), ["page /1"]);
    let asked = response("text/plain", gzipped(b"http://h.example/7\n")).role(Role::Sitemap);
    assert_eq!(asked.links_in_short(), ["page /7"]);
}

#[test]
fn guesses_are_made_only_on_request() {
    let mut page = response(
        "text/html",
        "<a href=/1 rel=nofollow><script>go('/1', '/2')</script>",
    );
    assert_eq!(page.links_in_short(), ["page /1"]);
    page.plan.follow.as_mut().unwrap().wanted.guess = true;
    assert_eq!(page.links_in_short(), ["page /1", "guess /2"]);
    assert!(
        page.found().iter().next().unwrap().nofollow,
        "a guess does not override nofollow"
    );
    // Script files are then fetched too, and searched.
    let mut page = response("text/html", "<script src=/s.js></script><img src=/i>");
    let mut script =
        response("text/javascript", "go('/3', 'http:\\/\\/h.example\\/4')").role(Role::Asset);
    for response in [&mut page, &mut script] {
        let follow = &mut response.plan.follow.as_mut().unwrap().wanted;
        (follow.assets, follow.guess) = (false, false);
        assert_eq!(response.links_in_short(), [""; 0]);
        response.plan.follow.as_mut().unwrap().wanted.guess = true;
    }
    assert_eq!(page.links_in_short(), ["asset /s.js"]);
    assert_eq!(script.links_in_short(), ["guess /3", "guess /4"]);
}

#[test]
fn jobs_without_a_record_get_no_digest_and_no_title() {
    for role in [Role::Robots, Role::Sitemap] {
        let mut page = response("text/html", PAGE).role(role);
        page.plan.wants = Wants {
            digest: true,
            title: true,
            text: true,
            content: true,
            raw: false,
        };
        let parsed = page.parsed();
        assert!(parsed.digest.is_none() && parsed.title.is_none() && parsed.text.is_none());
        assert_eq!(parsed.decoded_bytes, Some(PAGE.len() as u64));
    }
}
