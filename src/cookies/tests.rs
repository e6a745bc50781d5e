use http::header::{HeaderMap, HeaderValue, SET_COOKIE};

use super::Jar;
use crate::url::PageUrl;

const NOW: i64 = 1_800_000_000;

fn url(text: &str) -> PageUrl {
    PageUrl::parse(text).unwrap()
}

fn take(jar: &mut Jar, from: &str, field: &str) {
    let mut headers = HeaderMap::new();
    let value = HeaderValue::from_bytes(field.as_bytes()).unwrap();
    headers.insert(SET_COOKIE, value);
    jar.take(&url(from), &headers, NOW);
}

fn sent(jar: &mut Jar, to: &str) -> String {
    let header = jar.header(&url(to), NOW);
    header.map_or(String::new(), |value| {
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    })
}

/// Whether a cookie that one URL sets with these attributes goes to another.
#[track_caller]
fn check(from: &str, attributes: &str, to: &str, expected: bool) {
    let mut jar = Jar::for_run();
    take(&mut jar, from, &format!("a=1; {attributes}"));
    let cookie = sent(&mut jar, to);
    assert_eq!(
        cookie == "a=1",
        expected,
        "{from} {attributes} {to}: {cookie:?}"
    );
}

#[test]
fn a_cookie_goes_to_its_host_and_with_a_domain_to_those_below_it() {
    let from = "https://www.shop.example/a/b";
    for (attributes, to, expected) in [
        ("", "https://www.shop.example/a/b", true),
        ("", "https://www.shop.example:8443/a/x", true),
        ("", "https://WWW.Shop.Example/a/", true),
        ("", "https://x.www.shop.example/a/b", false),
        ("", "https://shop.example/a/b", false),
        ("Domain=shop.example", "https://shop.example/a/b", true),
        ("Domain=.Shop.EXAMPLE", "https://x.shop.example/a/b", true),
        (
            "Domain=shop.example",
            "https://otherwww.shop.example/a/b",
            true,
        ),
        ("Domain=shop.example", "https://myshop.example/a/b", false),
        (
            "Domain=www.shop.example",
            "https://x.www.shop.example/a/b",
            true,
        ),
        ("Domain=", "https://x.www.shop.example/a/b", false),
        ("Domain=", "https://www.shop.example/a/b", true),
    ] {
        check(from, attributes, to, expected);
    }
}

#[test]
fn nobody_sets_cookies_for_a_public_suffix_a_stranger_or_an_address() {
    for (from, domain, to) in [
        ("https://a.co.uk/", "co.uk", "https://b.co.uk/"),
        ("https://a.example/", "example", "https://b.example/"),
        ("https://a.example/", "example.", "https://b.example/"),
        ("https://a.example/", "b.example", "https://b.example/"),
        ("https://a.example/", "b.a.example", "https://b.a.example/"),
        ("https://a.example/", "a.example.", "https://a.example/"),
        (
            "https://me.github.io/",
            "github.io",
            "https://you.github.io/",
        ),
        ("http://a.localhost/", "localhost", "http://b.localhost/"),
        ("http://127.0.0.1/", "0.0.1", "http://127.0.0.1/"),
        ("http://1.2.3.4/", ".3.4", "http://9.2.3.4/"),
        ("http://a.1.example/", "1.2.3.4", "http://1.2.3.4/"),
        ("http://[::1]/", "::1", "http://[::1]/"),
    ] {
        check(from, &format!("Domain={domain}"), to, false);
    }
    // A host may name itself, whatever it is: then the cookie is for it alone.
    for (host, above) in [
        ("http://127.0.0.1/", "http://1.127.0.0.1.example/"),
        ("http://[::1]/", "http://[::2]/"),
        ("https://github.io/", "https://me.github.io/"),
        ("http://localhost/", "http://a.localhost/"),
    ] {
        let name = url(host).as_url().host_str().unwrap().to_owned();
        check(host, &format!("Domain={name}"), host, true);
        check(host, &format!("Domain={name}"), above, false);
    }
    // A name with a dot at its end is another host, as in browsers.
    check("https://a.example./", "", "https://a.example/", false);
    check("https://a.example/", "", "https://a.example./", false);
    check(
        "https://a.example./",
        "Domain=a.example",
        "https://a.example/",
        false,
    );
    check("https://a.example./", "", "https://a.example./", true);
}

#[test]
fn a_path_matches_whole_segments() {
    for (from, attributes, to, expected) in [
        ("/a/b", "", "/a/c", true),
        ("/a/b", "", "/a", true),
        ("/a/b", "", "/ab", false),
        ("/a/b", "", "/", false),
        ("/a", "", "/b", true),
        ("/a/b", "Path=/", "/x", true),
        ("/a/b", "Path=/x", "/x/y", true),
        ("/a/b", "Path=/x/", "/x", false),
        ("/a/b", "Path=/x", "/xy", false),
        ("/a/b", "Path=x", "/a/z", true),
        ("/a/b", "Path=/x; Path=/y", "/y", true),
    ] {
        let at = |path: &str| format!("http://h.example{path}");
        check(&at(from), attributes, &at(to), expected);
    }
}

#[test]
fn a_secure_cookie_needs_tls_or_this_machine() {
    let (https, http) = ("https://h.example/", "http://h.example/");
    check(https, "Secure", https, true);
    check(https, "Secure", http, false);
    check(http, "Secure", https, false);
    check(https, "", http, true);
    for own in [
        "http://localhost/",
        "http://a.localhost:8080/",
        "http://127.0.0.2/",
        "http://[::1]/",
    ] {
        check(own, "Secure", own, true);
    }
    check(
        "http://127.0.0.1.example/",
        "Secure",
        "http://127.0.0.1.example/",
        false,
    );

    // Without TLS nobody replaces or hides a secure cookie.
    let mut jar = Jar::for_run();
    take(
        &mut jar,
        "https://h.example/",
        "a=safe; Secure; Path=/x; Domain=h.example",
    );
    take(&mut jar, "http://h.example/", "a=forged; Path=/x");
    take(
        &mut jar,
        "http://w.h.example/",
        "a=forged; Path=/x/y; Domain=h.example",
    );
    take(&mut jar, "http://h.example/", "a=other; Path=/");
    assert_eq!(sent(&mut jar, "https://h.example/x/y"), "a=safe; a=other");
}

#[test]
fn names_with_a_prefix_keep_its_promise() {
    let from = "https://h.example/";
    for (field, kept) in [
        ("__Secure-a=1", false),
        ("__Secure-a=1; Secure", true),
        ("__secure-A=1", false),
        ("__Host-a=1; Secure", false),
        ("__Host-a=1; Secure; Path=/", true),
        ("__Host-a=1; Path=/", false),
        ("__HOST-a=1; Secure; Path=/; Domain=h.example", false),
        ("__Host-a=1; Secure; Path=/x", false),
        ("=__Host-a=1; Secure; Path=/", false),
        ("__Secure-a", false),
        ("plain", true),
        ("=", false),
        ("", false),
        ("a=", true),
    ] {
        let mut jar = Jar::for_run();
        take(&mut jar, from, field);
        assert_eq!(!sent(&mut jar, from).is_empty(), kept, "{field}");
    }
    let mut jar = Jar::for_run();
    take(&mut jar, from, "plain");
    assert_eq!(sent(&mut jar, from), "plain");
}

#[test]
fn max_age_wins_over_expires_and_a_date_in_the_past_removes() {
    let from = "http://h.example/";
    for (attributes, kept) in [
        ("Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT", true),
        ("Max-Age=0; Expires=Fri, 01 Jan 2100 00:00:00 GMT", false),
        ("Max-Age=-1", false),
        ("Max-Age=99999999999999999999", true),
        ("Max-Age=soon", true),
        ("Expires=Thu, 01 Jan 1970 00:00:00 GMT", false),
        ("Expires=Fri, 01 Jan 2100 00:00:00 GMT", true),
        ("Expires=never", true),
    ] {
        let mut jar = Jar::for_run();
        take(&mut jar, from, "a=0");
        take(&mut jar, from, &format!("a=1; {attributes}"));
        let cookie = sent(&mut jar, from);
        assert_eq!(cookie, if kept { "a=1" } else { "" }, "{attributes}");
    }
    let mut jar = Jar::for_run();
    take(&mut jar, from, "a=1; Max-Age=99999999999");
    let days = |count: i64| NOW + count * 86_400;
    assert!(jar.header(&url(from), days(399)).is_some());
    assert!(jar.header(&url(from), days(401)).is_none());
}

#[test]
fn what_is_too_long_or_has_control_characters_is_refused() {
    let from = "http://h.example/";
    for (field, kept) in [
        (format!("a={}", "x".repeat(4095)), true),
        (format!("a={}", "x".repeat(4096)), false),
        (format!("a=1; Path=/{}", "x".repeat(2000)), true),
        ("a=1\t2".to_owned(), true),
    ] {
        let mut jar = Jar::for_run();
        take(&mut jar, from, &field);
        assert_eq!(!sent(&mut jar, from).is_empty(), kept, "{}", field.len());
    }
    let parse = |field: &[u8]| super::cookie::Cookie::parse(field, &url(from), NOW);
    for byte in (0..32).chain([127]).filter(|byte| *byte != 9) {
        assert!(parse(&[b'a', b'=', byte]).is_none(), "{byte}");
        assert!(parse(&[b'a', b'=', b'1', b';', b'x', byte]).is_none());
    }
    assert!(parse("a=\u{e4}".as_bytes()).is_some());
}

#[test]
fn a_jar_is_bounded_and_evicts_the_expired_and_then_the_least_recently_used() {
    let mut jar = Jar::for_run();
    for number in 0..180 {
        take(
            &mut jar,
            "http://h.example/",
            &format!("c{number}=1; Path=/{number}"),
        );
    }
    assert_eq!(sent(&mut jar, "http://h.example/0"), "c0=1");
    take(&mut jar, "http://w.h.example/", "late=1; Path=/");
    assert_eq!(sent(&mut jar, "http://h.example/0"), "c0=1");
    assert_eq!(sent(&mut jar, "http://h.example/1"), "");
    assert_eq!(sent(&mut jar, "http://h.example/2"), "c2=1");

    let mut jar = Jar::for_run();
    for number in 0..10_000 {
        take(&mut jar, &format!("http://h{number}.example/"), "a=1");
        sent(&mut jar, "http://h5.example/");
    }
    for (number, kept) in [
        (5, true),
        (6, false),
        (6999, false),
        (7200, true),
        (9999, true),
    ] {
        let cookie = sent(&mut jar, &format!("http://h{number}.example/"));
        assert_eq!(cookie == "a=1", kept, "{number}");
    }
    let stored = jar.changes(NOW).unwrap();
    assert!((2850..=3000).contains(&stored.as_array().unwrap().len()));

    let mut jar = Jar::for_run();
    let long = "x".repeat(4000);
    for number in 0..3000 {
        take(
            &mut jar,
            &format!("http://h{number}.example/"),
            &format!("a={long}"),
        );
    }
    let stored = jar.changes(NOW).unwrap();
    assert!((900..1050).contains(&stored.as_array().unwrap().len()));

    // The expired ones go first, although they were used last.
    let mut jar = Jar::for_run();
    for number in 0..180 {
        let life = if number < 100 { 10_000 } else { 10 };
        let field = format!("c{number}=1; Max-Age={life}");
        take(&mut jar, "http://h.example/", &field);
    }
    let (mut headers, late) = (HeaderMap::new(), NOW + 100);
    headers.insert(SET_COOKIE, HeaderValue::from_static("late=1"));
    jar.take(&url("http://h.example/"), &headers, late);
    assert_eq!(jar.changes(late).unwrap().as_array().unwrap().len(), 101);
}

#[test]
fn a_header_is_never_longer_than_servers_accept() {
    let mut jar = Jar::for_run();
    for number in 0..100 {
        let value = "x".repeat(1000);
        take(&mut jar, "http://h.example/", &format!("c{number}={value}"));
    }
    let cookie = sent(&mut jar, "http://h.example/");
    assert!((7000..=8192).contains(&cookie.len()), "{}", cookie.len());
    assert!(cookie.starts_with("c0="));
}

#[test]
fn longer_paths_come_first_and_then_older_cookies() {
    let mut jar = Jar::for_run();
    for field in ["a=1; Path=/", "b=1; Path=/x", "c=1; Path=/", "a=2; Path=/"] {
        take(&mut jar, "http://h.example/", field);
    }
    assert_eq!(sent(&mut jar, "http://h.example/x"), "b=1; a=2; c=1");
}

#[test]
fn a_stored_jar_is_the_same_when_it_is_restored_and_is_stored_only_when_it_changed() {
    let mut jar = Jar::for_run();
    assert_eq!(jar.changes(NOW), None);
    for field in [
        "a=1; Path=/; Domain=h.example; Max-Age=100",
        "b=\u{e4}; HttpOnly",
        "__Host-c=1; Secure; Path=/",
        "old=1; Max-Age=5",
    ] {
        take(&mut jar, "https://h.example/", field);
    }
    let stored = jar.changes(NOW + 10).unwrap();
    assert_eq!(jar.changes(NOW), None);
    take(
        &mut jar,
        "https://h.example/",
        "a=1; Path=/; Domain=h.example; Max-Age=110",
    );
    assert_eq!(jar.changes(NOW), None, "it expires only a little later");
    take(
        &mut jar,
        "https://h.example/",
        "a=2; Path=/; Domain=h.example; Max-Age=100",
    );
    assert!(jar.changes(NOW).is_some());
    let mut restored = Jar::for_run();
    restored.restore(stored, NOW);
    assert_eq!(restored.changes(NOW), None);
    assert_eq!(
        sent(&mut restored, "https://h.example/"),
        "a=1; b=\u{e4}; __Host-c=1"
    );
    assert_eq!(sent(&mut restored, "http://w.h.example/"), "a=1");
}

#[test]
fn debug_output_has_no_cookie() {
    let mut jar = Jar::for_run();
    take(&mut jar, "https://h.example/", "n4me=s3cret");
    let header = jar.header(&url("https://h.example/"), NOW);
    let cookie = super::cookie::Cookie::parse(b"n4me=s3cret", &url("https://h.example/"), NOW);
    let debug = format!("{jar:?} {header:?} {cookie:?}");
    assert!(
        !debug.contains("s3cret") && !debug.contains("n4me"),
        "{debug}"
    );
}
