//! Pages that would demand unbounded time or memory.

use std::time::{Duration, Instant};

use super::*;

/// More than any page here takes, in any build, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn refused(html: &str) -> Option<String> {
    let started = Instant::now();
    let extractor = selecting(&[
        "a[]=a",
        "t=title",
        "html=body::html",
        "last=b:last-of-type i",
    ]);
    let refused = read(&extractor, html, PageFormat::Html).fields.refused;
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    refused
}

#[test]
fn a_page_of_nested_elements_is_refused_before_its_tree_is_built() {
    for tag in [
        "div",
        "b",
        "ul><li",
        "table><tr><td",
        "svg><g",
        "template",
        "font size=1",
    ] {
        let deep = format!("<{tag}>").repeat(100_000);
        let why = refused(&deep).unwrap_or_default();
        assert!(why.contains("more than 512 deep"), "{tag}: {why:?}");
    }
    // Each has a different attribute, so that they are reopened in every paragraph.
    let formatting: String = (0..400).map(|n| format!("<b id={n}>")).collect();
    let many = format!("<p>{formatting}</p>{}", "<p>x".repeat(100_000));
    let why = refused(&many).unwrap_or_default();
    assert!(why.contains("more than 3145728 elements"), "{why}");
}

#[test]
fn a_page_as_deep_as_browsers_go_is_read() {
    // html and body are two of the 512 levels.
    let deep = "<div>".repeat(510);
    assert_eq!(refused(&deep), None);
    assert!(refused(&format!("{deep}<i>")).is_some());
    // The tree is too deep for a moment within one piece, but not at its end.
    let moment = format!("{}{}<u>x", "<i>".repeat(520), "</i>".repeat(520));
    assert!(refused(&moment).is_some());
}

#[test]
fn a_tag_with_endless_attributes_is_refused() {
    let names: String = (0..200_000).map(|n| format!(" a{n}")).collect();
    let why = refused(&format!("<p>x<div{names}>")).unwrap_or_default();
    assert!(why.contains("more than 10000 attributes"), "{why}");
    // Attributes of a second html tag are added to the first, as long as there are not too many.
    let again: String = (0..20_000).map(|n| format!("<html a{n}>")).collect();
    let (json, _) = select(&["a=html@a10000", "b=html@a10001"], &again);
    assert_eq!(json, r#"{"a":"","b":null}"#);
    // A picture in an attribute is one attribute, and a comment is not one.
    let picture = "A/b+".repeat(1 << 20);
    assert_eq!(refused(&format!("<img src=\"data:{picture}\">")), None);
    let comment = "a word and ".repeat(200_000);
    assert_eq!(refused(&format!("<!-- {comment} -->")), None);
}

#[test]
fn a_million_links_are_read_in_time() {
    let links = "<a href=x>y</a>".repeat(1_000_000);
    let started = Instant::now();
    let extractor = selecting(&["a[]=a@href|url", "n=a:nth-child(1000)", "z=.none ~ a"]);
    let fields = read(&extractor, &links, PageFormat::Html).fields;
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    assert_eq!(fields.refused, None);
    let whys: Vec<_> = fields.misses.iter().map(|miss| miss.why.as_str()).collect();
    assert_eq!(
        whys,
        [
            "more than 100000 values",
            "a selector with ~ is not tried where more than 4000 elements are siblings"
        ]
    );
}

#[test]
fn pages_that_are_too_long_are_refused_and_values_are_bounded() {
    let mut settings = ExtractSettings {
        fields: vec![
            "a=p".parse().unwrap(),
            "b=p|replace:x/xxxxxxxxxx|replace:x/xxxxxxxxxx"
                .parse()
                .unwrap(),
        ],
        ..ExtractSettings::default()
    };
    settings.limits.page_bytes = 1000;
    settings.limits.value_bytes = 100;
    let extractor = Extractor::compile(&settings).unwrap();
    let long = format!("<p>{}", "x".repeat(500));
    let fields = read(&extractor, &long, PageFormat::Html).fields;
    assert_eq!(
        fields.misses[0].why,
        "500 bytes, where a value has at most 100"
    );
    let grows = read(&extractor, "<p>xxxxxxxxx", PageFormat::Html).fields;
    assert!(
        grows.misses[0].why.contains("longer than the 100 bytes"),
        "{grows:?}"
    );
    let refused = read(&extractor, &long.repeat(3), PageFormat::Html)
        .fields
        .refused;
    assert!(refused.unwrap().contains("1509 bytes"));
}
