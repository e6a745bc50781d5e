//! Where whole answers lead: what is looked into, for which role, and what is not.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderName, HeaderValue};

use super::*;
use crate::body::{Body, Spool};
use crate::fingerprint::Fingerprints;
use crate::found::Found;
use crate::headers::Headers;
use crate::page::{HttpVersion, Timing};
use crate::url::PageUrl;

/// One answer to one job.
struct Answer {
    job: Job,
    page: Page,
    plan: ParsePlan,
}

/// An answer of 200 at `http://h.example/a/b`, whose links are followed, and of which the title is wanted.
fn answer(content_type: &str, body: impl Into<Bytes>) -> Answer {
    let page = Page {
        status: 200,
        version: HttpVersion::Http11,
        headers: Headers::default(),
        body: Body::Memory(body.into()),
        wire_bytes: 0,
        remote: None,
        timing: Timing::default(),
    };
    let plan = ParsePlan {
        wants: Wants {
            title: true,
            ..Wants::NOTHING
        },
        follow: Some(FollowPlan {
            fingerprints: Fingerprints::seeded(5),
            ..FollowPlan::of(Follow {
                assets: true,
                ..Follow::default()
            })
        }),
        ..ParsePlan::of(&ParseSettings::default())
    };
    let url = PageUrl::parse("http://h.example/a/b").unwrap();
    let answer = Answer {
        job: Job::seed(1, url),
        page,
        plan,
    };
    answer.header("content-type", content_type)
}

impl Answer {
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

    /// The body in a file.
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
        parse(&self.job, &self.page, &self.plan, false, &memory)
    }

    fn found(&self) -> Found {
        self.parsed().found.map(|found| *found).unwrap_or_default()
    }

    /// The links in short.
    fn told(&self) -> Vec<String> {
        let found = self.found();
        let links = found.iter().map(|link| {
            let url = link.url.strip_prefix("http://h.example");
            format!("{} {}", link.kind.as_str(), url.unwrap_or(link.url))
        });
        links.chain(found.more.then(|| "more".to_owned())).collect()
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const PAGE: &str = "<!DOCTYPE html><title>t</title><link rel=canonical href=/c><link rel=stylesheet href=/s.css>\
    <a href='d#x'>d</a><a href=/c rel=nofollow></a><img src=e.png><style>a{b:url(/f)}</style><form action=/g></form>";

#[test]
fn a_page_is_scanned_for_its_title_and_its_links() {
    let page = answer("text/html", PAGE);
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
    assert_eq!(page.told(), all);
    for link in parsed.found.unwrap().iter() {
        assert_eq!(link.fingerprint, Fingerprints::seeded(5).of(link.url));
        assert!(!link.nofollow, "the canonical link may be followed");
    }
    let mut page = answer("application/xhtml+xml", PAGE);
    page.plan.follow.as_mut().unwrap().wanted.assets = false;
    page.plan.wants = Wants::NOTHING;
    assert_eq!(page.told(), ["page /c", "page /a/d", "page /g"]);
    assert_eq!(page.parsed().title, None);
}

#[test]
fn where_nothing_is_followed_nothing_is_found() {
    let mut page = answer("text/html", PAGE).header("link", "</x>; rel=next");
    page.plan.follow = None;
    let parsed = page.parsed();
    assert!(parsed.found.is_none() && parsed.title.is_some());
    assert!(page.plan.reads_bodies());
    page.plan.wants = Wants::NOTHING;
    assert!(!page.plan.reads_bodies());
    page.plan.follow = Some(FollowPlan::of(Follow::default()));
    assert!(page.plan.reads_bodies());
}

#[test]
fn the_plan_crosses_a_pipe() {
    let plan = answer("text/html", PAGE).plan;
    let bytes = postcard::to_stdvec(&plan).unwrap();
    assert_eq!(postcard::from_bytes::<ParsePlan>(&bytes).unwrap(), plan);
}

#[test]
fn a_body_in_a_file_is_read_to_its_end() {
    let page = format!("<title>t</title>{}<a href=/end>", " ".repeat(3 << 20));
    let plain = answer("text/html", page.clone()).spooled();
    assert_eq!(
        (plain.told(), plain.parsed().title.as_deref()),
        (vec!["page /end".to_owned()], Some("t"))
    );
    let mut encoded = answer("text/html", packed(page.as_bytes()))
        .header("content-encoding", "gzip")
        .spooled();
    encoded.plan.limits.ratio = 5000;
    assert_eq!(encoded.told(), ["page /end"]);
    encoded.plan.wants.text = true;
    assert_eq!(
        encoded.parsed().text.map(|text| text.len()),
        Some(page.len())
    );
}

#[test]
fn what_is_longer_than_is_looked_into_is_cut_there() {
    let mut page = Vec::from("<a href=/start>");
    page.resize(follow::LOOKED_INTO, b' ');
    page.extend_from_slice(b"<a href=/end>");
    assert_eq!(
        answer("text/html", page.clone()).told(),
        ["page /start", "more"]
    );
    assert_eq!(
        answer("text/html", page).spooled().told(),
        ["page /start", "more"]
    );
}

#[test]
fn a_page_in_any_encoding_is_read_and_its_queries_stay_in_it() {
    let utf_16: Vec<u8> = "\u{feff}<title>é</title><a href='/é?é'>"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let page = answer("text/html", utf_16);
    assert_eq!(page.told(), ["page /%C3%A9?%C3%A9"]);
    assert_eq!(page.parsed().title.as_deref(), Some("é"));
    let latin = answer(
        "text/html; charset=iso-8859-1",
        &b"<a href='/\xe9?\xe9'>"[..],
    );
    assert_eq!(latin.told(), ["page /%C3%A9?%E9"]);
}

#[test]
fn a_charset_declared_anywhere_in_a_page_is_that_of_its_text_title_and_links() {
    for blank in [1_100, 70_000, 3 << 20] {
        let mut page = b"<title>\xc3\xa9</title><a href='/?\xc3\xa9'>".to_vec();
        page.resize(page.len() + blank, b' ');
        page.extend(b"<meta charset=utf-8>\xe9");
        let mut memory = answer("text/html", page.clone());
        memory.plan.wants.text = true;
        let mut file = answer("text/html", page).spooled();
        file.plan.wants.text = true;
        for answer in [memory, file] {
            assert_eq!(answer.told(), ["page /?%C3%A9"], "{blank}");
            let parsed = answer.parsed();
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
fn a_page_whose_only_accent_comes_late_is_in_the_charset_of_that_accent() {
    let mut page = vec![b' '; 70_000];
    page.extend(b"caf\xe9");
    let mut page = answer("text/html", page);
    page.plan.wants.text = true;
    let parsed = page.parsed();
    assert_eq!(parsed.charset.as_deref(), Some("windows-1252"));
    assert!(parsed.text.unwrap().ends_with("café"));
}

#[test]
fn a_page_has_a_fingerprint_of_its_text_where_pages_are_compared() {
    let words: String = (0..60).map(|word| format!("word{word} ")).collect();
    let text = format!("<title>t</title><p>{words}</p><a href=/x>x</a>");
    let compared = |content_type, body: Vec<u8>| {
        let mut page = answer(content_type, body);
        page.plan.follow.as_mut().unwrap().similar = true;
        page
    };
    let simhash = |page: &Answer| page.parsed().simhash;
    let page = compared("text/html", text.clone().into_bytes());
    assert!(simhash(&page).is_some());
    let utf_16 = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let same = compared("text/html; charset=utf-16be", utf_16);
    assert_eq!(simhash(&same), simhash(&page));
    assert_eq!(simhash(&page.status(404)), None);
    assert_eq!(simhash(&answer("text/html", text.clone())), None);
    assert_eq!(simhash(&compared("text/css", text.into_bytes())), None);
}

#[test]
fn the_base_of_a_page_is_where_its_links_start() {
    for (base, expected) in [
        ("/x/y", "/x/z"),
        ("c/", "/a/c/z"),
        ("https://other.example/q", "https://other.example/z"),
        ("javascript:x", "/a/z"),
        ("http://", "/a/z"),
    ] {
        // Before its base or after it: a link is resolved when it is followed.
        let page = answer(
            "text/html",
            format!("<a href=z><base href='{base}'><base href=/no>"),
        );
        assert_eq!(page.told(), [format!("page {expected}")], "{base}");
    }
}

#[test]
fn the_head_speaks_for_every_body() {
    let document = answer("application/pdf", "%PDF-1.7")
        .header("link", "</c>; rel=canonical, </a/b.css>; rel=preload")
        .header("x-robots-tag", "otherbot: noindex")
        .header("x-robots-tag", "haul: nofollow")
        .header("refresh", "1; url=next");
    assert_eq!(
        document.told(),
        ["canonical /c", "asset /a/b.css", "page /a/next"]
    );
    let found = document.found();
    assert_eq!((found.nofollow, found.noindex), (true, false));
    let map = answer("application/xml", MAP).header("x-robots-tag", "none");
    let map = map.role(Role::Sitemap).found();
    assert!(!map.noindex && !map.nofollow && map.len() == 1);
    // A link of the head is not relative to the base of the page.
    let page = answer(
        "text/html",
        "<base href=/x/><a href=y><meta name=Haul content=noindex>",
    )
    .header("link", "<y>; rel=next");
    assert_eq!(page.told(), ["page /a/y", "page /x/y"]);
    assert!(page.found().noindex);
}

#[test]
fn an_answer_that_says_nothing_of_links_has_nothing_found() {
    for page in [
        answer("text/html", "<p>"),
        answer("image/png", "\u{89}PNG"),
        answer("text/plain", "<a href=/x>"),
    ] {
        assert!(page.parsed().found.is_none());
    }
}

#[test]
fn failures_and_redirects_lead_nowhere() {
    assert!(
        answer("text/html", PAGE)
            .status(404)
            .parsed()
            .found
            .is_none()
    );
    let redirect = answer("text/html", PAGE)
        .status(301)
        .header("location", "/x");
    assert!(redirect.parsed().found.is_none());
    let gone = answer("text/html", PAGE)
        .status(410)
        .header("link", "</x>; rel=next");
    assert!(gone.parsed().found.is_none() && gone.parsed().title.is_some());
}

const CSS: &str = "@import 'i.css'; a{b:url(/c)}";
const MAP: &str = "<urlset><url><loc>http://h.example/1</loc></url></urlset>";
const RSS: &str = "<rss><channel><item><link>/2</link></item></channel></rss>";

#[test]
fn each_type_is_looked_into_as_what_it_is() {
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
            answer(content_type, body).told(),
            expected,
            "{content_type} {body}"
        );
    }
}

#[test]
fn a_role_says_what_is_looked_into() {
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
        let told = answer(content_type, body).role(role).told();
        assert_eq!(told, expected, "{role:?} {content_type}");
    }
    let mut sheet = answer("text/css", CSS);
    sheet.plan.follow.as_mut().unwrap().wanted.assets = false;
    assert_eq!(sheet.told(), [""; 0]);
}

#[test]
fn a_packed_sitemap_is_known_by_its_bytes_and_as_a_page_by_its_name() {
    let map = packed(MAP.as_bytes());
    let asked = answer("application/gzip", map.clone()).role(Role::Sitemap);
    assert_eq!(asked.told(), ["page /1"]);
    let named = answer("application/gzip", map.clone()).at("http://h.example/map.xml.gz");
    assert_eq!(named.told(), ["page /1"]);
    assert_eq!(answer("application/gzip", map.clone()).told(), [""; 0]);
    // Packed twice, by the site and by the server.
    let twice = answer("application/xml", packed(&map))
        .role(Role::Sitemap)
        .header("content-encoding", "gzip");
    assert_eq!(twice.told(), ["page /1"]);
    let asked = answer("text/plain", packed(b"http://h.example/7\n")).role(Role::Sitemap);
    assert_eq!(asked.told(), ["page /7"]);
}

#[test]
fn guesses_are_made_only_where_they_are_asked_for() {
    let mut page = answer(
        "text/html",
        "<a href=/1 rel=nofollow><script>go('/1', '/2')</script>",
    );
    assert_eq!(page.told(), ["page /1"]);
    page.plan.follow.as_mut().unwrap().wanted.guess = true;
    assert_eq!(page.told(), ["page /1", "guess /2"]);
    assert!(
        page.found().iter().next().unwrap().nofollow,
        "a guess allows nothing"
    );
    // Script files are asked for then, and looked into.
    let mut page = answer("text/html", "<script src=/s.js></script><img src=/i>");
    let mut script =
        answer("text/javascript", "go('/3', 'http:\\/\\/h.example\\/4')").role(Role::Asset);
    for answer in [&mut page, &mut script] {
        let follow = &mut answer.plan.follow.as_mut().unwrap().wanted;
        (follow.assets, follow.guess) = (false, false);
        assert_eq!(answer.told(), [""; 0]);
        answer.plan.follow.as_mut().unwrap().wanted.guess = true;
    }
    assert_eq!(page.told(), ["asset /s.js"]);
    assert_eq!(script.told(), ["guess /3", "guess /4"]);
}

#[test]
fn what_has_no_record_has_no_digest_and_no_title() {
    for role in [Role::Robots, Role::Sitemap] {
        let mut page = answer("text/html", PAGE).role(role);
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
