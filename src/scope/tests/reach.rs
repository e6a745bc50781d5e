//! How far a crawl reaches.

use super::*;

#[test]
fn a_crawl_reaches_as_far_as_its_setting_and_no_further() {
    let seeds = [
        "https://www.example.co.uk/docs/guide.html?x=1",
        "http://localhost:8080/a/",
    ];
    let inside: [(Reach, &[&str]); 5] = [
        (
            Reach::Page,
            &[
                "http://example.co.uk/docs/guide.html?x=1",
                "http://localhost:8080/a",
            ],
        ),
        (
            Reach::Path,
            &[
                "https://example.co.uk/docs/",
                "https://www.example.co.uk/docs/x/y?z",
                "http://localhost:8080/a/b",
            ],
        ),
        (
            Reach::Host,
            &[
                "http://example.co.uk/",
                "https://www.example.co.uk/docs",
                "https://localhost:8080/",
            ],
        ),
        (
            Reach::Domain,
            &["https://a.b.example.co.uk:99/", "http://localhost:8080/x"],
        ),
        (Reach::Any, &["ftp.example", "http://[::1]/"]),
    ];
    let outside: [(Reach, &[&str]); 4] = [
        (
            Reach::Page,
            &[
                "https://www.example.co.uk/docs/",
                "https://www.example.co.uk/docs/guide.html",
            ],
        ),
        (
            Reach::Path,
            &[
                "https://www.example.co.uk/docs",
                "https://www.example.co.uk/docs2/x",
                "https://www.example.co.uk/x/docs/y",
                "http://localhost/a/b",
            ],
        ),
        (
            Reach::Host,
            &[
                "https://docs.example.co.uk/",
                "https://www.example.co.uk:8443/",
                "http://localhost/",
                "http://localhost:8081/",
                "https://evil.example/www.example.co.uk/",
            ],
        ),
        (
            Reach::Domain,
            &[
                "https://other.co.uk/",
                "https://co.uk/",
                "https://example.co/",
                "http://sub.localhost:8080/",
                "http://localhost:81/",
            ],
        ),
    ];
    for (reach, urls) in inside {
        let mut scope = reaching(reach, &seeds);
        urls.iter()
            .for_each(|text| assert_eq!(class(&mut scope, text), None, "{reach} {text}"));
    }
    for (reach, urls) in outside {
        let mut scope = reaching(reach, &seeds);
        urls.iter().for_each(|text| {
            assert_eq!(
                scope.judge(&url(text), Role::Page),
                Err(Skip::Scope { reach }),
                "{text}"
            );
        });
    }
}

#[test]
fn a_domain_is_a_registrable_name_and_an_address_or_unknown_name_is_its_own() {
    for (seed, inside, outside) in [
        (
            "https://ann.github.io/",
            "https://www.ann.github.io/x",
            "https://bob.github.io/",
        ),
        (
            "https://a.s3.amazonaws.com/",
            "https://a.s3.amazonaws.com/b",
            "https://b.s3.amazonaws.com/",
        ),
        (
            "http://192.0.2.1/",
            "http://192.0.2.1/x",
            "http://192.0.2.2/",
        ),
        (
            "http://[2001:db8::1]:81/",
            "http://[2001:db8::1]:81/x",
            "http://[2001:db8::1]/",
        ),
        (
            "http://a.wiki.intern/",
            "http://a.wiki.intern/x",
            "http://b.wiki.intern/",
        ),
        (
            "https://example.org./",
            "https://a.example.org/",
            "https://org/",
        ),
        ("https://com/", "https://com/x", "https://example.com/"),
    ] {
        let mut scope = reaching(Reach::Domain, &[seed]);
        assert_eq!(class(&mut scope, inside), None, "{inside}");
        assert_eq!(class(&mut scope, outside), Some("scope"), "{outside}");
    }
}

#[test]
fn a_crawl_reaches_whatever_any_of_its_seeds_reaches() {
    for reach in [Reach::Path, Reach::Host, Reach::Domain] {
        let mut scope = reaching(reach, &[]);
        assert_eq!(
            class(&mut scope, "http://a.example/"),
            Some("scope"),
            "no seed, no scope"
        );
        for site in 0..20_000 {
            let depth = "x/".repeat(site % 7);
            scope.anchor(&url(&format!("http://site-{site}.com/{depth}page")));
        }
        for site in 0..20_000 {
            let depth = "x/".repeat(site % 7);
            let inside = format!("http://site-{site}.com/{depth}other/y");
            assert_eq!(class(&mut scope, &inside), None, "{inside}");
        }
        assert_eq!(class(&mut scope, "http://site-20000.com/x/"), Some("scope"));
        let above = class(&mut scope, "http://site-6.com/x/x/x/x/x/page");
        assert_eq!(above.is_some(), reach == Reach::Path);
    }
}

#[test]
fn assets_are_accepted_from_the_host_or_from_anywhere() {
    let seeds = ["http://a.example/docs/"];
    let elsewhere = url("http://cdn.example/x.css");
    let same_host = url("http://a.example/static/x.css");
    for reach in [Reach::Page, Reach::Path, Reach::Host] {
        let mut near = reaching(reach, &seeds);
        assert_eq!(near.judge(&same_host, Role::Asset), Ok(()));
        assert_eq!(
            near.judge(&elsewhere, Role::Asset),
            Err(Skip::Scope { reach: Reach::Host })
        );
        assert_eq!(
            near.judge(&same_host, Role::Page).is_ok(),
            reach == Reach::Host
        );
        let settings = ScopeSettings {
            reach,
            assets_anywhere: true,
            ..ScopeSettings::default()
        };
        let mut far = scope(settings, &seeds);
        assert_eq!(far.judge(&elsewhere, Role::Asset), Ok(()));
        assert!(far.judge(&elsewhere, Role::Page).is_err());
    }
}

#[test]
fn www_is_the_same_host_except_on_a_top_level_domain() {
    for (seed, inside, outside) in [
        (
            "http://example.org/",
            "https://www.example.org/",
            "http://www2.example.org/",
        ),
        ("http://www.com/", "https://www.com/x", "http://com/"),
        (
            "http://www.localhost/",
            "http://www.localhost/x",
            "http://localhost/",
        ),
    ] {
        let mut scope = reaching(Reach::Host, &[seed]);
        assert_eq!(class(&mut scope, inside), None, "{inside}");
        assert_eq!(class(&mut scope, outside), Some("scope"), "{outside}");
    }
}
