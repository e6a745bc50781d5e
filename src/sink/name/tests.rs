//! Names of files: what they preserve of a URL, what they must not, and uniqueness.

use super::*;
use crate::job::Request;
use crate::page::headers::Headers;
use crate::text::clean::acts;
use crate::url::PageUrl;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

fn job_for(url: &str) -> Job {
    Job::seed(1, PageUrl::parse(url).unwrap())
}

fn path(name: &Name) -> String {
    let file = name.files().next().unwrap();
    format!("{}/{file}", name.folders.join("/"))
}

fn name_of(url: &str, media_type: Option<&str>) -> String {
    path(&Name::of(&job_for(url), media_type, false))
}

#[test]
fn a_name_follows_the_url_and_is_readable() {
    let html = Some("text/html");
    for (url, media_type, name) in [
        ("https://example.org/", html, "example.org/index.html"),
        ("https://example.org/", None, "example.org/index.html"),
        (
            "https://example.org/x/",
            Some("application/json"),
            "example.org/x/index.json",
        ),
        ("https://example.org/a/b.css", html, "example.org/a/b.css"),
        ("https://example.org/about", html, "example.org/about~.html"),
        ("https://example.org/v1.2", html, "example.org/v1.2~.html"),
        ("https://example.org/blob", None, "example.org/blob~"),
        (
            "http://example.org:8080/x.txt",
            None,
            "example.org+8080/x.txt",
        ),
        ("http://example.org/x.txt", None, "example.org+80/x.txt"),
        ("http://a.localhost/x.txt", None, "a.localhost/x.txt"),
        ("https://127.0.0.1/x.txt", None, "127.0.0.1+443s/x.txt"),
        ("https://example.org/@ann", html, "example.org/@ann~.html"),
        (
            "https://example.org/a.php/b.js",
            None,
            "example.org/a.php~/b.js",
        ),
        (
            "https://example.org/page.html?q=x",
            None,
            "example.org/page@q=x.html",
        ),
        (
            "https://example.org/?q=a/b",
            html,
            "example.org/index@q=a%2Fb.html",
        ),
        (
            "https://example.org/caf%C3%A9.html",
            None,
            "example.org/café.html",
        ),
        (
            "https://example.org/a%20b.html",
            None,
            "example.org/a b.html",
        ),
    ] {
        assert_eq!(name_of(url, media_type), name, "{url}");
    }
}

#[test]
fn harmful_characters_stay_encoded() {
    for (path, name) in [
        (
            "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
            "%2E.%2F..%2Fetc%2Fpasswd~",
        ),
        ("..%2Fx", "%2E.%2Fx~"),
        ("..%5Cx", "%2E.%5Cx~"),
        ("a/..;/b", "a/%2E.;/b~"),
        (".htaccess", "%2Ehtaccess~"),
        ("-rf", "%2Drf~"),
        ("nul.x", "%6Eul.x"),
        ("Com1.txt", "%43om1.txt"),
        ("x.", "x.~"),
        ("x%20", "x ~"),
        ("a:b|c*d", "a%3Ab%7Cc%2Ad~"),
        ("a%00b%0Ac%1Bd", "a%00b%0Ac%1Bd~"),
        ("%E2%80%AEgpj.exe", "%E2%80%AEgpj.exe"),
        ("%FF%FE", "%FF%FE~"),
        ("100%25", "100%25~"),
    ] {
        let url = format!("https://example.org/{path}");
        assert_eq!(name_of(&url, None), format!("example.org/{name}"), "{path}");
    }
}

#[test]
fn of_urls_that_share_a_plain_name_at_most_one_gets_it() {
    let groups: [&[&str]; 10] = [
        &[
            "https://h.example/",
            "https://h.example/index.html",
            "https://h.example/index",
            "https://h.example/?",
        ],
        &[
            "https://h.example/a",
            "https://h.example/a.html",
            "https://h.example/a?",
            "https://h.example/a~.html",
        ],
        &[
            "https://h.example/a",
            "http://h.example/a",
            "http://h.example:443/a",
            "https://h.example:80/a",
        ],
        &["http://h.example:81/a", "https://h.example:81/a"],
        &[
            "https://h.example/a@b",
            "https://h.example/a?b",
            "https://h.example/a%40b",
            "https://h.example/a@?b",
        ],
        &[
            "https://h.example/a:b",
            "https://h.example/a%3Ab",
            "https://h.example/a%253Ab",
        ],
        &[
            "https://h.example/?q=/",
            "https://h.example/?q=%2F",
            "https://h.example/index@q=%252F.html",
        ],
        &["https://h.example/a//b", "https://h.example/a/_/b"],
        &[
            "https://h.example/a/b",
            "https://h.example/a",
            "https://h.example/a/",
            "https://h.example/a~/b",
        ],
        &[
            "https://h.example/a.js/b.js",
            "https://h.example/a.js~/b.js",
            "https://h.example/a.js",
        ],
    ];
    for media_type in [None, Some("text/html")] {
        for group in groups {
            let names: Vec<_> = group.iter().map(|url| name_of(url, media_type)).collect();
            assert_eq!(
                names.iter().collect::<HashSet<_>>().len(),
                group.len(),
                "{names:#?}"
            );
            for name in &names {
                let inside = format!("{name}/");
                assert!(
                    !names.iter().any(|other| other.starts_with(&inside)),
                    "{names:#?}"
                );
            }
        }
    }
}

#[test]
fn the_request_of_a_row_is_reflected_in_the_name() {
    let of = |request: Request| {
        let mut job = job_for("https://h.example/api.json");
        job.request = Some(Arc::new(request));
        path(&Name::of(&job, None, false))
    };
    let body = |body: &'static str| Request {
        method: Some(http::Method::POST),
        body: Some(body.into()),
        ..Request::default()
    };
    let mut names: Vec<_> = ["1", "2", "3"].map(body).into_iter().map(of).collect();
    let mut headers = http::HeaderMap::new();
    headers.insert("accept", http::HeaderValue::from_static("text/csv"));
    names.push(of(Request {
        headers,
        ..Request::default()
    }));
    names.push(of(Request {
        method: Some(http::Method::POST),
        ..Request::default()
    }));
    for name in &names {
        assert!(
            name.starts_with("h.example/api~") && name.len() == "h.example/api~.json".len() + 16,
            "{name}"
        );
    }
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), 5);
    assert_eq!(of(body("1")), names[0]);
    let columns = vec![("shop".into(), 7.into())];
    assert_eq!(
        of(Request {
            columns,
            ..Request::default()
        }),
        "h.example/api.json"
    );
}

#[test]
fn a_hash_separates_names_that_differ_only_in_case_or_accents() {
    let of = |url: &str| path(&Name::of(&job_for(url), None, true)).to_lowercase();
    let urls = [
        "https://h.example/a.png",
        "https://h.example/A.png",
        "https://h.example/a.PNG",
        "https://h.example/caf%C3%A9.png",
        "https://h.example/cafe%CC%81.png",
    ];
    let names: HashSet<_> = urls.iter().map(|url| of(url)).collect();
    assert_eq!(names.len(), urls.len(), "{names:#?}");
    assert!(names.contains("h.example/a.png"));
    assert!(
        !names.iter().any(|name| name.contains("café.png")),
        "{names:#?}"
    );
}

#[test]
fn a_long_segment_keeps_its_extension_and_a_long_query_is_hashed() {
    let long = format!("https://example.org/{}.html", "é".repeat(300));
    let other = format!("https://example.org/{}x.html", "é".repeat(299));
    let file = Name::of(&job_for(&long), None, false).file(0);
    assert!(file.len() <= SEGMENT && file.ends_with(".html"));
    assert_ne!(file, Name::of(&job_for(&other), None, false).file(0));
    let query = format!("https://example.org/p.php?{}", "q".repeat(1000));
    assert_eq!(name_of(&query, None).len(), "example.org/p@.php".len() + 32);
}

#[test]
fn a_deep_path_stays_within_32_levels() {
    let deep = |last: &str| {
        name_of(
            &format!("https://example.org/{}{last}", "a/".repeat(5000)),
            None,
        )
    };
    assert_eq!(deep("x.txt").split('/').count(), 32);
    assert_ne!(deep("b/x.txt"), deep("x.txt"));
}

#[test]
fn a_given_name_is_as_safe_as_one_of_a_url() {
    let of = |given: &str| {
        let mut headers = Headers::default();
        let value = format!("attachment; filename=\"{given}\"");
        let value = http::HeaderValue::from_str(&value).unwrap();
        headers.0.insert(http::header::CONTENT_DISPOSITION, value);
        let name = Name::of(&job_for("https://h.example/a/b.php?c"), None, false);
        path(&name.given(&given_name(&headers).unwrap(), false))
    };
    for (given, file) in [
        ("report.pdf", "report.pdf"),
        ("README", "README"),
        ("a.tar.gz", "a.tar.gz"),
        ("../../x", "x"),
        (".htaccess", "%2Ehtaccess"),
        ("-rf", "%2Drf"),
        ("nul.txt", "%6Eul.txt"),
        ("COM1", "%43OM1"),
        ("x. .", "x. %2E"),
    ] {
        assert_eq!(of(given), format!("h.example/a/{file}"), "{given}");
    }
    let long = of(&("é".repeat(5000) + ".pdf"));
    assert!(long.len() <= "h.example/a/".len() + SEGMENT && long.ends_with(".pdf"));
    assert_ne!(long, of(&("é".repeat(5001) + ".pdf")));
    // It never looks like the name of another request with its hash.
    let marked = of("report~01234567.pdf");
    assert!(
        marked.starts_with("h.example/a/report~01234567~"),
        "{marked}"
    );
}

/// Checks that nothing in a name can harm anybody.
fn check_safe(name: &Name) -> Result<(), TestCaseError> {
    let mut bytes = 0;
    for part in name
        .folders
        .iter()
        .chain(&name.files().collect::<Vec<_>>()[..1])
    {
        bytes += part.len() + 1;
        prop_assert!(!part.is_empty() && part.len() <= SEGMENT, "{part:?}");
        prop_assert!(
            !part.starts_with(['.', '-', ' ']) && !part.ends_with(['.', ' ']),
            "{part:?}"
        );
        prop_assert!(
            !part.contains(['/', '\\', ':', '\0']) && !part.chars().any(acts),
            "{part:?}"
        );
        prop_assert!(!is_device(part), "{part:?}");
    }
    prop_assert!(bytes <= 1500 - 33 && name.folders.len() < 32);
    Ok(())
}

proptest! {
    #[test]
    fn no_url_has_an_unsafe_name(
        path in "(/|%2[eEfF]|%5c|%00|%7f|\\.|-|~|[a-zA-Z0-9 ]|\\PC|%[0-9a-f]{2}|con|nul){0,400}",
        query in "\\PC{0,200}",
    ) {
        let Ok(url) = PageUrl::parse(&format!("http://h.example/{path}?{query}")) else { return Ok(()) };
        let name = Name::of(&Job::seed(1, url), Some("text/html"), false);
        check_safe(&name)?;
    }

    #[test]
    fn no_server_gives_an_unsafe_name(
        value in "(attachment)?; ?filename(\\*=UTF-8'')?=?\"?(\\.\\.|/|%2[eEfF]|%5c|%00|%7f|\\.|-|~|[a-zA-Z0-9 ]|\\PC|%[0-9a-f]{2}|con|nul){0,400}\"?",
    ) {
        let mut headers = Headers::default();
        let Ok(value) = http::HeaderValue::from_bytes(value.as_bytes()) else { return Ok(()) };
        headers.0.insert(http::header::CONTENT_DISPOSITION, value);
        let Some(given) = given_name(&headers) else { return Ok(()) };
        let name = Name::of(&job_for("https://h.example/a/b.php?c"), None, false).given(&given, false);
        check_safe(&name)?;
    }

    #[test]
    fn no_two_urls_of_any_list_share_a_name(
        urls in prop::collection::vec("(h|h.example|localhost)(:81)?/([aA@~.%_-]|a.html|index|%41|%2f|%40|/){0,6}([?][a~@%&]{0,2})?", 2..40),
        html in any::<bool>(),
    ) {
        let mut owners = HashMap::new();
        for url in urls.iter().flat_map(|url| ["http", "https"].map(|scheme| format!("{scheme}://{url}"))) {
            let Ok(url) = PageUrl::parse(&url) else { continue };
            let job = Job::seed(1, url);
            let name = path(&Name::of(&job, html.then_some("text/html"), false));
            let of = job.fingerprint(crate::url::fingerprint::Fingerprints::seeded(1));
            prop_assert_eq!(*owners.entry(name.clone()).or_insert(of), of, "{}", name);
        }
        for name in owners.keys() {
            for (at, _) in name.match_indices('/') {
                prop_assert!(!owners.contains_key(&name[..at]), "{}", name);
            }
        }
    }
}
