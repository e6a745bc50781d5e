//! What belongs to a crawl: by example for each rule, and by random histories for general properties.

mod history;
mod reach;
mod traps;

use super::{Pattern, Reach, Role, Scope, ScopeSettings, Skip, TrapSettings};
use crate::url::PageUrl;

fn url(text: &str) -> PageUrl {
    PageUrl::parse(text).unwrap()
}

fn scope(settings: ScopeSettings, seeds: &[&str]) -> Scope {
    let mut scope = Scope::seeded(settings, 7);
    seeds.iter().for_each(|seed| scope.anchor(&url(seed)));
    scope
}

/// A scope with unlimited reach and these traps.
fn anywhere(traps: TrapSettings) -> Scope {
    let settings = ScopeSettings {
        reach: Reach::Any,
        traps,
        ..ScopeSettings::default()
    };
    scope(settings, &[])
}

fn reaching(reach: Reach, seeds: &[&str]) -> Scope {
    scope(
        ScopeSettings {
            reach,
            ..ScopeSettings::default()
        },
        seeds,
    )
}

fn class(scope: &mut Scope, text: &str) -> Option<&'static str> {
    scope
        .judge(&url(text), Role::Page)
        .err()
        .map(|skip| skip.class())
}

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn robots_and_sitemaps_are_not_pages() {
    let settings = ScopeSettings {
        include: patterns(&["/blog/"]),
        exclude: patterns(&["/old-sitemap.xml"]),
        max_per_host: Some(1),
        ..ScopeSettings::default()
    };
    let mut scope = scope(settings, &["http://a.example/"]);
    assert_eq!(
        scope.judge(&url("http://b.example/robots.txt"), Role::Robots),
        Ok(())
    );
    assert_eq!(
        scope.judge(&url("http://a.example/sitemap.xml"), Role::Sitemap),
        Ok(())
    );
    let sitemap = |text| url(text);
    assert!(
        scope
            .judge(&sitemap("http://b.example/sitemap.xml"), Role::Sitemap)
            .is_err()
    );
    assert!(
        scope
            .judge(&sitemap("http://a.example/old-sitemap.xml"), Role::Sitemap)
            .is_err()
    );
    assert_eq!(
        class(&mut scope, "http://a.example/blog/1"),
        None,
        "only pages are counted"
    );
    assert_eq!(
        class(&mut scope, "http://a.example/blog/2"),
        Some("host-full")
    );
}

#[test]
fn a_url_must_match_an_include_pattern_and_no_exclude_pattern() {
    let settings = ScopeSettings {
        include: patterns(&["/docs/", "*.pdf"]),
        exclude: patterns(&["/docs/old/", "re:[?&]print="]),
        ..ScopeSettings::default()
    };
    let mut scope = scope(settings, &["http://a.example/"]);
    let judge = |scope: &mut Scope, path: &str| {
        scope.judge(&url(&format!("http://a.example{path}")), Role::Page)
    };
    assert_eq!(judge(&mut scope, "/docs/new"), Ok(()));
    assert_eq!(judge(&mut scope, "/x/y.pdf"), Ok(()));
    assert_eq!(judge(&mut scope, "/x"), Err(Skip::NotIncluded));
    let excluded = |pattern: &str| {
        Err(Skip::Excluded {
            pattern: pattern.into(),
        })
    };
    assert_eq!(judge(&mut scope, "/docs/old/x.pdf"), excluded("/docs/old/"));
    assert_eq!(
        judge(&mut scope, "/docs/new?print=1"),
        excluded("re:[?&]print=")
    );
}

#[test]
fn depth_is_checked_separately_from_the_url() {
    let settings = ScopeSettings {
        depth: Some(2),
        ..ScopeSettings::default()
    };
    let scope = scope(settings, &[]);
    assert_eq!(scope.is_too_deep(2), None);
    assert_eq!(scope.is_too_deep(3), Some(Skip::Depth { limit: 2 }));
    assert_eq!(
        anywhere(TrapSettings::default()).is_too_deep(u16::MAX),
        None
    );
}

#[test]
fn a_host_gets_exactly_as_many_urls_as_its_limit() {
    let settings = || ScopeSettings {
        reach: Reach::Any,
        max_per_host: Some(3),
        ..ScopeSettings::default()
    };
    let mut scope = scope(settings(), &[]);
    scope.restore(&url("http://a.example/seed"));
    assert_eq!(
        class(&mut scope, "http://a.example/aa/aa/aa/aa/"),
        Some("repeated"),
        "not counted"
    );
    assert_eq!(class(&mut scope, "http://a.example/1"), None);
    assert_eq!(
        scope.judge(&url("http://a.example/x.css"), Role::Asset),
        Ok(())
    );
    assert_eq!(
        scope.judge(&url("http://a.example/2"), Role::Page),
        Err(Skip::HostFull { limit: 3 })
    );
    for other in [
        "http://a.example:81/",
        "https://a.example/",
        "http://b.example/",
    ] {
        assert_eq!(class(&mut scope, other), None, "{other} is another host");
    }
}
