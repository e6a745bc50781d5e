//! Whole pages through the reader.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Metadata;
use crate::extract::PageFormat;
use crate::extract::base::Base;
use crate::extract::limits::Limits;
use crate::extract::tree;
use crate::extract::watched_tree::Notes;
use crate::url::PageUrl;

/// More than any page here takes, in any build, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn read(html: &str) -> Metadata {
    let started = Instant::now();
    let url = PageUrl::parse("https://site.example/dir/page").unwrap();
    let tree = tree::build(html, PageFormat::Html, &Limits::default(), Notes::default()).unwrap();
    let base = Base::new(&url, tree.base.as_deref(), encoding_rs::UTF_8);
    let metadata = super::read(&tree, &base);
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    metadata
}

fn json(html: &str) -> Value {
    serde_json::to_value(read(html)).unwrap()
}

/// Reads a hostile page, whose record must be bounded and say what is missing.
fn hostile(html: &str, fault: &str) -> Metadata {
    let metadata = read(html);
    let text = serde_json::to_string(&metadata).unwrap();
    assert!(text.len() < 16 << 20, "{} bytes", text.len());
    serde_json::from_str::<Value>(&text).unwrap();
    let is_reported = metadata.faults.iter().any(|line| line.contains(fault));
    assert!(is_reported, "{fault}: {:?}", metadata.faults);
    metadata
}

#[test]
fn a_page_without_metadata_yields_an_empty_object() {
    assert_eq!(json("<p>text"), json!({}));
}

#[test]
fn elements_take_precedence_over_cards() {
    let head = "<title> A\n title </title><meta name=description content=' A  text '>\
        <link rel=canonical href=/c><html lang=de>";
    let cards = "<meta property=og:title content=O><meta property=og:description content=O>\
        <meta property=og:url content=/o><meta property=og:locale content=de_CH><meta name=twitter:title content=T>";
    let named = |page: String| {
        let read = read(&page);
        [read.title, read.description, read.canonical, read.language].map(Option::unwrap)
    };
    let site = "https://site.example";
    let whole = ["A title", "A text", &format!("{site}/c"), "de"].map(str::to_owned);
    assert_eq!(named(format!("{cards}{head}")), whole);
    let second = ["O", "O", &format!("{site}/o"), "de-CH"].map(str::to_owned);
    assert_eq!(named(cards.to_owned()), second);
}

#[test]
fn the_publication_date_is_that_of_the_most_trusted_source() {
    let sources = [
        "<meta property=article:published_time content=2026-01-01>",
        "<script type=application/ld+json>{\"@type\":\"NewsArticle\",\"datePublished\":\"2026-01-02\"}</script>",
        "<div itemscope><meta itemprop=datePublished content=2026-01-03></div>",
        "<time pubdate datetime=2026-01-04></time>",
        "<meta name=DC.Date content=2026-01-05>",
        "<script type=application/ld+json>{\"@type\":\"WebPage\",\"datePublished\":\"2026-01-06\"}</script>",
        "<time class=published>7 January 2026</time>",
    ];
    for first in 0..sources.len() {
        let page: String = sources[first..].iter().rev().copied().collect();
        let date = format!("2026-01-0{}", first + 1);
        assert_eq!(read(&page).published, Some(date), "{page}");
    }
    // What a comment says about itself is not about the page.
    for other in [
        "<script type=application/ld+json>{\"@type\":\"Comment\",\"datePublished\":\"2026-01-02\",\"author\":\"x\"}</script>",
        "<div itemscope itemtype=https://schema.org/Review><b itemprop=author>x</b><meta itemprop=datePublished content=2026-01-03></div>",
        "<div itemscope><p itemprop=review itemscope><meta itemprop=datePublished content=2026-01-03></div>",
    ] {
        let read = read(other);
        assert_eq!((read.published, read.authors), (None, vec![]), "{other}");
    }
}

#[test]
fn a_name_may_be_wrapped_and_a_meta_may_list_several() {
    let json = |author: &str| {
        format!(
            "<script type=application/ld+json>{{\"@type\":\"Article\",\"author\":{author}}}</script>"
        )
    };
    for (html, authors) in [
        (json(r#"{"name":{"name":"X"}}"#), &["X"][..]),
        (json(r#"{"@type":"Person","name":["X","Y"]}"#), &["X"]),
        (json(r#"{"name":{"@value":"X","@language":"en"}}"#), &["X"]),
        (json(r#"{"@list":[{"name":"X"},["Y"]]}"#), &["X", "Y"]),
        (
            json(r#"[{"name":{"@type":"Person","name":{"name":"X"}}}, "Y"]"#),
            &["X", "Y"],
        ),
        (json(r#"{"name":{"a":"X"}}"#), &[]),
        (
            json(r#"{"name":{"name":{"name":{"name":{"name":{"name":"X"}}}}}}"#),
            &[],
        ),
        (
            "<meta name=authors content='Ann A.'>".to_owned(),
            &["Ann A."],
        ),
        (
            "<meta name=Authors content='Ann A.; Bob B.;'>".to_owned(),
            &["Ann A.", "Bob B."],
        ),
        (
            "<div itemscope itemtype=https://schema.org/Article><div itemprop=author itemscope>\
                <div itemprop=name itemscope><b itemprop=name>X</b></div></div></div>"
                .to_owned(),
            &["X"],
        ),
    ] {
        assert_eq!(read(&html).authors, authors, "{html}");
    }
}

#[test]
fn authors_are_found_by_name_and_by_reference() {
    let graph = r##"<script type="application/ld+json">{"@context":"https://schema.org","@graph":[
        {"@type":"Article","author":[{"@id":"#ida"},{"@type":"Person","name":"Bo"},"Cy","Bo",{"@id":"#nobody"}]},
        {"@type":"Person","@id":"#ida","name":"Ida"}]}</script><meta name=author content=cms>"##;
    assert_eq!(read(graph).authors, ["Ida", "Bo", "Cy"]);
    let meta = "<meta name=author content=' Ada  A '><meta property=article:author content=https://x.example/><meta name=author content=Bo>";
    assert_eq!(read(meta).authors, ["Ada A", "Bo"]);
    let item = "<div itemscope><p itemprop=author itemscope><b itemprop=name>Ida</b></p><p itemprop=author>Bo</p></div>";
    assert_eq!(read(item).authors, ["Ida", "Bo"]);
}

#[test]
fn links_are_absolute_and_invalid_ones_are_reported() {
    let read = read(
        "<base href=//cdn.example/x/><link rel='alternate' type='Application/RSS+XML; charset=x' href=feed title=' A  feed '>\
        <link rel=alternate type=application/json href=api><link rel='alternate stylesheet' title=x href=y.css>\
        <link rel=alternate hreflang=de href=de><link rel='SHORTCUT ICON' href=i.ico sizes=16x16>\
        <link rel=icon href=data:image/png;base64,AA><link rel=icon href=''><link rel=canonical href='http://['>\
        <link rel=canonical href=javascript:x>",
    );
    assert_eq!(read.feeds.len(), 1);
    assert_eq!(read.feeds[0].url, "https://cdn.example/x/feed");
    assert_eq!(read.feeds[0].title.as_deref(), Some("A feed"));
    assert_eq!(read.feeds[0].r#type, "application/rss+xml");
    assert_eq!(read.alternates.len(), 1);
    assert_eq!(read.alternates[0].language, "de");
    assert_eq!(read.icons.len(), 1);
    assert_eq!(
        (read.icons[0].rel.as_str(), read.icons[0].sizes.as_deref()),
        ("icon", Some("16x16"))
    );
    assert_eq!(read.canonical, None);
    assert_eq!(
        read.faults,
        ["canonical: \"http://[\" is not a URL: invalid IPv6 address"]
    );
}

#[test]
fn a_graph_is_split_if_nothing_gets_lost() {
    let objects = |block: &str| {
        let read = read(&format!(
            "<script type=application/ld+json>{block}</script>"
        ));
        let texts = read.json_ld.iter().map(|object| object.as_str().to_owned());
        (texts.collect::<Vec<_>>(), read.faults)
    };
    let (opened, faults) =
        objects(r#"{"@graph":[{"a":1},{},{"@context":"own"},7],"@context":"c"}"#);
    assert_eq!(
        opened,
        [
            r#"{"@context":"c","a":1}"#,
            r#"{"@context":"c"}"#,
            r#"{"@context":"own"}"#
        ]
    );
    assert_eq!(
        faults,
        ["JSON-LD block 1 contains something that is not an object"]
    );
    for kept in [
        r#"{"@id":"g","@graph":[{"a":1}]}"#.to_owned(),
        r#"{"@graph":{"a":1}}"#.to_owned(),
        format!(
            r#"{{"@context":"{}","@graph":[{{"a":1}}]}}"#,
            "c".repeat(300)
        ),
    ] {
        assert_eq!(objects(&kept), (vec![kept], vec![]));
    }
}

#[test]
fn json_ld_that_some_parsers_cannot_read_is_refused() {
    let block = |text: &str| format!("<script type=application/ld+json>{text}</script>");
    hostile(
        &block(&"[".repeat(100_000)),
        "JSON-LD block 1: it is nested more than 64 deep",
    );
    hostile(&block(&"{\"a\":".repeat(100_000)), "more than 64 deep");
    hostile(
        &block("{\"a\":1e999}"),
        "JSON-LD block 1 is not JSON: number out of range",
    );
    hostile(&block("{\"a\":NaN}"), "not JSON");
    let deep = format!("{}1{}", "{\"a\":".repeat(64), "}".repeat(64));
    assert_eq!(read(&block(&deep)).json_ld.len(), 1);
    let half = read(&block(r#"{"a":"\ud800"}"#));
    assert_eq!(half.json_ld[0].as_str(), "{\"a\":\"\u{fffd}\"}");
    assert_eq!(
        half.faults,
        ["JSON-LD block 1 is not JSON and was repaired: an unpaired surrogate"]
    );
}

#[test]
fn large_amounts_of_json_ld_are_bounded() {
    let block = |text: &str| format!("<script type=application/ld+json>{text}</script>");
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(50 << 20));
    hostile(
        &block(&long),
        "JSON-LD block 1 has 52428808 bytes, and at most 2097152 are read",
    );
    let many = format!("[{}{{}}]", "{},".repeat(600_000));
    let read = hostile(&block(&many), "more than 10000 objects of JSON-LD");
    assert_eq!(read.json_ld.len(), 10_000);
    let context = "c".repeat(200);
    let graph = format!(
        "{{\"@context\":\"{context}\",\"@graph\":[{}{{}}]}}",
        "{},".repeat(600_000)
    );
    hostile(&block(&graph), "more than 10000 objects of JSON-LD");
    let blocks = block(&format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20))).repeat(50);
    let read = hostile(&blocks, "more than 4194304 bytes of metadata");
    assert_eq!(read.json_ld.len(), 3);
    let broken = hostile(&block("{").repeat(100_000), "JSON-LD block 1 is not JSON");
    assert_eq!(broken.faults.len(), 20);
    assert_eq!(broken.faults[19], "99981 more");
    // Each marker searches for an end that is not there.
    hostile(&block(&"<!-- x\n".repeat(250_000)), "not JSON");
    hostile(&block(&"<!--\n ".repeat(250_000)), "not JSON");
}

#[test]
fn huge_numbers_of_elements_of_each_kind_are_bounded() {
    let million = "<meta property=og:image content=x>".repeat(1_000_000);
    let metadata = hostile(&million, "more than 1000 properties of OpenGraph");
    assert_eq!(metadata.open_graph.properties.len(), 1_000);
    let many = |element: &str| element.repeat(200_000);
    hostile(
        &many("<meta name=twitter:x content=x>"),
        "more than 1000 properties of Twitter cards",
    );
    hostile(&many("<link rel=icon href=x>"), "more than 1000 icons");
    hostile(&many("<p itemscope>"), "more than 20000 items");
    hostile(&many("<p itemprop=a itemscope>"), "more than 20000 items");
    assert_eq!(
        read(&many("<time pubdate datetime=x></time>")).published,
        None
    );
    assert_eq!(read(&many("<meta name=author content=x>")).authors, ["x"]);
    let long = format!("<meta property=og:title content='{}'>", "ü".repeat(1 << 20));
    let metadata = hostile(&long, "og:title: cut after 65536 bytes");
    assert_eq!(metadata.open_graph.properties[0].1.len(), 65_536);
    hostile(&long.repeat(30), "cut after");
    let text = format!(
        "<div itemscope><p itemprop='a b c'>{}",
        "word ".repeat(1 << 20)
    );
    hostile(&text, "microdata: cut after 65536 bytes");
}

#[test]
fn items_that_multiply_are_bounded() {
    // Each refers twice to the next: 2 to the power of 40 values.
    let doubling: String = (0..40)
        .map(|n| format!("<i id=a{n} itemprop=x itemscope itemref='a{m} b{m}'></i><i id=b{n} itemprop=x itemscope itemref='a{m} b{m}'></i>", m = n + 1))
        .collect();
    hostile(
        &format!("<div itemscope itemref='a0 b0'></div>{doubling}"),
        "nested more than 16 deep",
    );
    let circle = "<div itemscope itemref=a></div><div id=a itemprop=x itemscope itemref=b></div>\
        <div id=b itemprop=x itemscope itemref=a></div>";
    hostile(circle, "microdata: an item refers to itself");
    // 10,000 items that all refer to 10,000 values.
    let values = "<b itemprop=v>x</b>".repeat(10_000);
    let all = format!(
        "<div id=all>{values}</div>{}",
        "<p itemscope itemref=all></p>".repeat(10_000)
    );
    hostile(&all, "more than 4194304 bytes of metadata");
    // The same without values: it only uses up steps.
    let all = all.replace(" itemprop=v", "");
    hostile(&all, "microdata: more than 8000000 steps");
    // Values in values: the innermost text is in all of them.
    let nested = format!(
        "<div itemscope>{}{}",
        "<b itemprop=v>".repeat(400),
        "x".repeat(60_000)
    );
    hostile(&nested, "bytes of metadata");
    // One value under a hundred names.
    let names: String = (0..100).map(|n| format!("n{n} ")).collect();
    hostile(
        &format!(
            "<div itemscope><p itemprop='{names}'>{}",
            "x".repeat(60_000)
        ),
        "bytes of metadata",
    );
    let names: String = (0..1_000_000).map(|n| format!("n{n} ")).collect();
    let read = read(&format!("<div itemscope><p itemprop='{names}'>x"));
    assert_eq!(read.microdata[0].properties.len(), 100);
}
