//! The links of each element; the limits; and a comparison with html5ever's tags.

use std::borrow::Cow;

use proptest::prelude::*;

use super::{Element, LinkKind, LinkSettings, PageLinks, Refresh, links, refresh, srcset};
use crate::parse::scan::differential::{cases, soup};
use crate::parse::scan::oracle::{ByName, Event, Tree, pages, theirs};
use crate::parse::scan::utf8;

const ASSETS: LinkSettings<'_> = LinkSettings {
    styles: false,
    limit: usize::MAX,
    ..LinkSettings::ALL
};

fn all(html: &str) -> PageLinks<'_> {
    let settings = LinkSettings {
        guess: true,
        ..LinkSettings::ALL
    };
    links(html.as_bytes(), &settings, &utf8)
}

fn urls<'p>(page: &'p PageLinks<'_>) -> Vec<(&'p str, Element, LinkKind)> {
    page.links
        .iter()
        .map(|link| (&*link.url, link.element, link.kind))
        .collect()
}

#[test]
fn the_links_of_each_element_are_found() {
    use Element as E;
    use LinkKind as K;
    for (html, expected) in [
        ("<a href=' /x '>", vec![("/x", E::A, K::Page)]),
        ("<a name=x><a href>", vec![]),
        (
            "<a href=1 rel='x NEXT'><area href=2 rel=prev>",
            vec![("1", E::A, K::Next), ("2", E::Area, K::Previous)],
        ),
        (
            "<link rel=canonical href=1><link rel='ALTERNATE' href=2>",
            vec![("1", E::Link, K::Canonical), ("2", E::Link, K::Alternate)],
        ),
        (
            "<link rel='alternate stylesheet' href=1><link rel='stylesheet alternate' href=2>",
            vec![("1", E::Link, K::Asset), ("2", E::Link, K::Asset)],
        ),
        (
            "<link rel='shortcut icon' href=1><link rel=help href=2><link href=3>",
            vec![
                ("1", E::Link, K::Asset),
                ("2", E::Link, K::Related),
                ("3", E::Link, K::Related),
            ],
        ),
        (
            "<link rel=preconnect href=1><link rel=dns-prefetch href=2>",
            vec![],
        ),
        (
            "<iframe src=1></iframe><frame src=2>",
            vec![("1", E::Iframe, K::Page), ("2", E::Frame, K::Page)],
        ),
        (
            "<form action=1><form action=2 method=POST><form action=3 method=dialog><form action=4 method=odd>",
            vec![("1", E::Form, K::Page), ("4", E::Form, K::Page)],
        ),
        (
            "<img src=1 data-src=2 srcset='3 1x, 4 2x'>",
            vec![
                ("1", E::Img, K::Asset),
                ("2", E::Img, K::Asset),
                ("3", E::Img, K::Asset),
                ("4", E::Img, K::Asset),
            ],
        ),
        (
            "<image src=1><source srcset='a&amp;b 1x'>",
            vec![("1", E::Img, K::Asset), ("a&b", E::Source, K::Asset)],
        ),
        (
            "<video src=1 poster=2><audio src=3><track src=4>",
            vec![
                ("1", E::Video, K::Asset),
                ("2", E::Video, K::Asset),
                ("3", E::Audio, K::Asset),
                ("4", E::Track, K::Asset),
            ],
        ),
        (
            "<script src=1></script><embed src=2><object data=3>",
            vec![
                ("1", E::Script, K::Asset),
                ("2", E::Embed, K::Asset),
                ("3", E::Object, K::Asset),
            ],
        ),
        (
            "<input type=image src=1><input type=text src=2>",
            vec![("1", E::Input, K::Asset)],
        ),
        (
            "<meta http-equiv=Refresh content='0; url=1'>",
            vec![("1", E::MetaRefresh, K::Page)],
        ),
        (
            "<style>a{b:url(1)}</style><p style='a:url(&quot;2&quot;)'><a style='b:url(3)' href=4>",
            vec![
                ("1", E::Css, K::Asset),
                ("2", E::Css, K::Asset),
                ("3", E::Css, K::Asset),
                ("4", E::A, K::Page),
            ],
        ),
        (
            "<script>go('/1')</script>",
            vec![("/1", E::Inline, K::Guess)],
        ),
        (
            "<svg><a xlink:href=1></a><a href=2 xlink:href=3></a><image href=4 /><script href=5></script><iframe src=6></iframe></svg>",
            vec![
                ("1", E::A, K::Page),
                ("2", E::A, K::Page),
                ("4", E::Img, K::Asset),
                ("5", E::Script, K::Asset),
            ],
        ),
        (
            "<noscript><img src=1></noscript><template><a href=2></template>",
            vec![("1", E::Img, K::Asset), ("2", E::A, K::Page)],
        ),
        (
            "<!-- <a href=1> --><textarea><a href=2></textarea><noframes><a href=3></noframes>",
            vec![],
        ),
    ] {
        assert_eq!(urls(&all(html)), expected, "{html}");
    }
}

#[test]
fn only_what_is_wanted_is_reported() {
    let html =
        b"<a href=1><img src=2><link rel=icon href=3><p style='a:url(4)'><script>'/5'</script>";
    let pages = links(html, &LinkSettings::PAGES, &utf8);
    assert_eq!(urls(&pages), [("1", Element::A, LinkKind::Page)]);
    assert_eq!(links(html, &ASSETS, &utf8).links.len(), 3);
    assert_eq!(links(html, &LinkSettings::ALL, &utf8).links.len(), 4);
}

#[test]
fn the_first_title_outside_svg_is_the_title() {
    for (html, expected) in [
        (
            "<title> a &amp;\n\t b&notit; </title><title>c</title>",
            Some("a & b¬it;"),
        ),
        ("<svg><title>a</title></svg><title>b</title>", Some("b")),
        ("<title></title><title>b</title>", Some("b")),
        ("<title>a", Some("a")),
        ("<p>a", None),
    ] {
        assert_eq!(all(html).title.as_deref(), expected, "{html}");
        let title = links(html.as_bytes(), &LinkSettings::TITLE, &utf8).title;
        assert_eq!(title.as_deref(), expected, "{html}");
    }
    let long = format!("<title>{}</title>", "é ".repeat(2000));
    assert_eq!(all(&long).title.unwrap(), "é ".repeat(341).trim_end());
}

#[test]
fn if_only_the_title_is_wanted_only_the_head_is_searched() {
    let title = |html: &str| links(html.as_bytes(), &LinkSettings::TITLE, &utf8).title;
    assert_eq!(title("<body><title>a</title>"), None);
    let padding = " ".repeat(70_000);
    assert_eq!(title(&format!("{padding}<title>a</title>")), None);
}

#[test]
fn only_the_first_base_language_and_refresh_count() {
    let page = all(
        "<html lang=en><html lang=de><base target=x><base href=' /a&amp;b '><base href=/c>\
         <meta http-equiv=refresh content=x><meta http-equiv=refresh content='5;URL=\"d\"'><meta http-equiv=refresh content='1;e'>",
    );
    assert_eq!(page.language.as_deref(), Some("en"));
    assert_eq!(page.base.as_deref(), Some("/a&b"));
    let url = Some(Cow::Borrowed("d"));
    assert_eq!(page.refresh, Some(Refresh { seconds: 5, url }));
    assert_eq!(page.links.len(), 1);
}

#[test]
fn meta_and_rel_have_directives_for_robots() {
    let says = |html| {
        let directives = links(str::as_bytes(html), &LinkSettings::TITLE, &utf8).directives;
        (directives.noindex, directives.nofollow)
    };
    assert_eq!(
        says("<meta name=ROBOTS content='NoIndex,follow'>"),
        (true, false)
    );
    assert_eq!(
        says("<meta name=googlebot content='max-snippet:1, nofollow'>"),
        (false, false)
    );
    assert_eq!(says("<meta name=robots content=n&#111;ne>"), (true, true));
    assert_eq!(says("<meta name=robot content=none>"), (false, false));
    assert_eq!(says("<meta name='' content=none>"), (false, false));
    let own = LinkSettings {
        agent: "haul",
        ..LinkSettings::TITLE
    };
    let own = links(b"<meta name=Haul content=nofollow>", &own, &utf8).directives;
    assert!(own.nofollow && !own.noindex);
    let page =
        all("<a href=1 rel='ugc NoFollow'><a href=2 rel=nofollows><form action=3 rel=nofollow>");
    let nofollow: Vec<_> = page.links.iter().map(|link| link.nofollow).collect();
    assert_eq!(nofollow, [true, false, true]);
}

#[test]
fn the_number_and_length_of_links_are_limited() {
    let settings = LinkSettings {
        limit: 2,
        ..LinkSettings::PAGES
    };
    let page = links(b"<a href=1><a href=2>", &settings, &utf8);
    assert_eq!((page.links.len(), page.more), (2, false));
    let page = links(b"<a href=1><a href=2><a href=3>", &settings, &utf8);
    assert_eq!((page.links.len(), page.more), (2, true));

    for (length, count) in [(8192, 1), (8193, 0), (100_000, 0)] {
        let html = format!("<a href='{}'>", "a".repeat(length));
        let page = all(&html);
        assert_eq!(
            (page.links.len(), page.skipped as usize),
            (count, 1 - count),
            "{length}"
        );
    }
    let html = format!("<a href='{}'>", "&amp;".repeat(8192));
    assert_eq!(all(&html).links[0].url.len(), 8192);
}

#[test]
fn each_link_has_its_offset() {
    let page = all("ab<a href=1>\n<style>\n url(2)</style><script>'/3'</script>");
    let offsets: Vec<_> = page.links.iter().map(|link| link.offset).collect();
    assert_eq!(offsets, [2, 26, 45]);
}

#[test]
fn plain_references_are_borrowed_from_the_page() {
    let page = all("<a href='/a'><a href=' /é '><img srcset='x 1x'><style>url(y)</style>");
    assert!(
        page.links
            .iter()
            .all(|link| matches!(link.url, Cow::Borrowed(_)))
    );
}

#[test]
fn other_encodings_are_decoded_by_the_caller() {
    fn latin(bytes: &[u8]) -> Cow<'_, str> {
        Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect())
    }
    let page = links(
        b"<title>\xE9</title><a href='/\xE9&amp;'>",
        &LinkSettings::PAGES,
        &latin,
    );
    assert_eq!(page.title.as_deref(), Some("é"));
    assert_eq!(page.links[0].url, "/é&");
}

// Comparison link by link.

/// The links according to html5ever's tags, read the simple way: no slices, no laziness, no speed.
fn expected(events: &[Event]) -> Vec<(String, bool)> {
    let mut links = Vec::new();
    let mut has_refresh = false;
    for event in events {
        let Event::Start(tag, attributes) = event else {
            continue;
        };
        let value = |name: &str| {
            let attribute = attributes.iter().find(|(key, _)| key == name);
            attribute.map(|(_, value)| value.as_str())
        };
        let has = |name: &str, token: &str| {
            value(name).is_some_and(|value| {
                value
                    .split_ascii_whitespace()
                    .any(|one| one.eq_ignore_ascii_case(token))
            })
        };
        let nofollow =
            has("rel", "nofollow") && matches!(tag.as_str(), "a" | "area" | "link" | "form");
        let names: &[&str] = match tag.as_str() {
            // Nobody writes these outside SVG.
            "a" | "image" | "script" | "use" | "feimage" if value("xlink:href").is_some() => {
                &[if value("href").is_some() {
                    "href"
                } else {
                    "xlink:href"
                }]
            }
            "link" if has("rel", "preconnect") || has("rel", "dns-prefetch") => &[],
            "form"
                if ["post", "dialog"].iter().any(|method| {
                    value("method").is_some_and(|value| value.eq_ignore_ascii_case(method))
                }) =>
            {
                &[]
            }
            "input" if !value("type").is_some_and(|kind| kind.eq_ignore_ascii_case("image")) => &[],
            "a" | "area" | "link" => &["href"],
            "form" => &["action"],
            "img" | "image" | "iframe" | "source" | "audio" => &["src", "data-src"],
            "video" => &["src", "poster", "data-src"],
            "object" => &["data"],
            "frame" | "track" | "script" | "embed" | "input" => &["src"],
            _ => &[],
        };
        for value in names.iter().filter_map(|name| value(name)) {
            // A part of the page itself.
            if !(matches!(tag.as_str(), "use" | "feimage") && value.starts_with('#')) {
                links.push((value.to_owned(), nofollow));
            }
        }
        let sets: &[&str] = match tag.as_str() {
            "img" | "image" | "source" => &["srcset", "data-srcset"],
            "link" if has("rel", "preload") => &["imagesrcset"],
            _ => &[],
        };
        for value in sets.iter().filter_map(|name| value(name)) {
            links.extend(srcset::urls(value).map(|url| (url.to_owned(), false)));
        }
        if tag == "meta"
            && value("http-equiv").is_some_and(|name| name.eq_ignore_ascii_case("refresh"))
            && !has_refresh
            && let Some((_, url)) = value("content").and_then(refresh::parse)
        {
            has_refresh = true;
            links.extend(url.map(|url| (url.to_owned(), false)));
        }
    }
    links.retain_mut(|(url, _)| {
        *url = url.trim_ascii().to_owned();
        !url.is_empty() && url.len() <= super::link::URL_LIMIT
    });
    links
}

fn find(html: &str) -> Vec<(String, bool)> {
    links(html.as_bytes(), &ASSETS, &utf8)
        .links
        .into_iter()
        .map(|link| (link.url.into_owned(), link.nofollow))
        .collect()
}

const PIECES: &[&str] = &[
    "<a ",
    "<area ",
    "<link ",
    "<iframe ",
    "</iframe>",
    "<frame ",
    "<form ",
    "<img ",
    "<image ",
    "<source ",
    "<video ",
    "<audio ",
    "<track ",
    "<script ",
    "</script>",
    "<embed ",
    "<object ",
    "<input ",
    "<meta ",
    "<p ",
    "<IMG ",
    "href=",
    "HREF=\"",
    "src=",
    "src='",
    "srcset='",
    "data-srcset='",
    "imagesrcset='",
    "rel=preload ",
    "data-src=",
    "poster=",
    "data=",
    "action=",
    "method=post ",
    "method=GET ",
    "type=image ",
    "rel=nofollow ",
    "rel='",
    "rel=\"next nofollow\"",
    "rel=n&#111;follow ",
    "rel=preconnect ",
    "rel=canonical ",
    "http-equiv=refresh ",
    "content='",
    "0;url=",
    "5; ",
    ">",
    "/>",
    "'",
    "\"",
    " ",
    "\n",
    "\r\n",
    "\0",
    "/",
    "=",
    ",",
    " 1x, ",
    "(",
    ")",
    "&amp;",
    "&",
    "&copy",
    "x.html",
    "/a?b=1&c=2",
    "http://é/",
    "#f",
    "<!--",
    "-->",
    "<title>",
    "</title>",
    "<style>",
    "</style>",
    "<textarea>",
    "</textarea>",
];

#[test]
fn tag_soup_has_the_links_that_html5ever_finds() {
    let config = ProptestConfig {
        cases: cases(4_000),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(html in soup(PIECES))| {
        prop_assert_eq!(find(&html), expected(&theirs(&html, ByName)), "{:?}", html);
    });
}

#[test]
fn real_pages_have_the_links_that_html5ever_finds() {
    for path in pages() {
        let bytes = std::fs::read(&path).unwrap();
        let html = String::from_utf8_lossy(&bytes);
        let expected = expected(&theirs(&html, Tree::oracle()));
        assert!(find(&html) == expected, "{}", path.display());
    }
}
