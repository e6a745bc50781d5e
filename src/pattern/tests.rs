//! Patterns by example, and compared with a matcher that follows the table literally.

use proptest::prelude::*;

use super::{Pattern, PatternList};
use crate::url::PageUrl;

fn matches(pattern: &str, url: &str) -> bool {
    let pattern: Pattern = pattern.parse().unwrap();
    pattern.matches(&PageUrl::parse(url).unwrap())
}

#[test]
fn globs_match_as_in_the_table() {
    for (pattern, yes, no) in [
        ("/docs/*.html", "/docs/a.html", "/docs/a/b.html"),
        ("/docs/*.html", "/docs/a.html?x=1", "/x/docs/a.html"),
        ("/docs/**.html", "/docs/a/b.html", "/docs/a/b.txt"),
        ("/docs/**/a", "/docs/a", "/docs/ba"),
        ("/docs/**/a", "/docs/x/y/a", "/docs/x/y/a/b"),
        ("/docs/", "/docs/", "/docs"),
        ("/docs/", "/docs/a/b?c=/d", "/docs2/"),
        ("*.pdf", "/a/b.pdf", "/a.pdf/b"),
        ("*.pdf", "/b.pdf?download=1", "/b?file=x/b.pdf"),
        ("*.{jpg,png}", "/a/b.png", "/a/b.gif"),
        ("{/a/,/b/}", "/b/x", "/c/x"),
        ("private/", "/x/private/y", "/x/notprivate/y"),
        ("login*", "/de/login?next=/", "/de/xlogin"),
        ("/search?q=*", "/search?q=a/b", "/search"),
        ("/search*", "/search?q=a/b", "/search/b"),
        ("*?*print=1*", "/a?x=2&print=1&y=/", "/a?print=2"),
        ("*print*", "/a/print-7?x", "/a?print"),
        ("/page-?", "/page-7", "/page-77"),
        ("/page?", "/page?", "/page/x"),
        ("/?page=?", "/?page=/", "/?page=12"),
        ("/**?sort=*", "/a/b?sort=up", "/a/b?page=1&sorted"),
        ("/**/x", "/a/b/x?c", "/a/b/xx"),
        ("/a[]=1", "/a[]=1", "/a=1"),
        ("/f?filter[]=*", "/f?filter[]=x", "/f?filter=x"),
        ("/a\\*", "/a*", "/ab"),
        ("/käse/*", "/k%c3%a4se/x", "/kase/x"),
        ("/a b", "/a%20b", "/ab"),
        ("/a%2fb", "/a%2Fb", "/a/b"),
        ("http://a.example/x/*", "/x/y", "/y/x"),
    ] {
        let url = |path: &str| format!("http://a.example{path}");
        assert!(matches(pattern, &url(yes)), "{pattern} {yes}");
        assert!(!matches(pattern, &url(no)), "{pattern} {no}");
    }
    for everything in [
        "/",
        "/**",
        "**",
        "http://A.Example",
        "*://*.example/**",
        "*://**",
    ] {
        for path in ["/", "/a/b", "//", "/a?b=/c"] {
            assert!(
                matches(everything, &format!("http://a.example{path}")),
                "{everything} {path}"
            );
        }
    }
}

#[test]
fn a_pattern_with_a_scheme_matches_only_its_host() {
    for (pattern, yes, no) in [
        (
            "https://*.example.org/**",
            "https://a.b.example.org/x/y",
            "https://example.org/x",
        ),
        (
            "https://example.org",
            "https://example.org/x?y",
            "https://example.org.evil.example/x",
        ),
        (
            "https://example.org/",
            "https://example.org/x",
            "http://example.org/x",
        ),
        (
            "*://example.org/a",
            "http://example.org/a",
            "http://evil.example/?u=://example.org/a",
        ),
        (
            "https://example.org:8443/*",
            "https://example.org:8443/x",
            "https://example.org/x",
        ),
        (
            "https://bücher.example/**",
            "https://xn--bcher-kva.example/x",
            "https://bucher.example/x",
        ),
        (
            "https://*.bücher.example:81",
            "https://a.xn--bcher-kva.example:81/x",
            "https://xn--bcher-kva.example:81/",
        ),
        (
            "https://*/admin/",
            "https://any.example/admin/x",
            "https://any.example/x/admin/",
        ),
        (
            "re:^https://[^/]+/\\d+$",
            "https://a.example/12",
            "https://a.example/x/12",
        ),
        (
            "re:(?i)\\.PDF$",
            "https://a.example/x.pdf",
            "https://a.example/x.pdf?y",
        ),
    ] {
        assert!(matches(pattern, yes), "{pattern} {yes}");
        assert!(!matches(pattern, no), "{pattern} {no}");
    }
}

#[test]
fn an_invalid_pattern_is_refused_in_one_line() {
    let many = "*a".repeat(40);
    let braces = "{a,b}".repeat(10);
    let large = format!("re:{}", "(a{100}){100}".repeat(10));
    let long = "a".repeat(5000);
    for (text, problem) in [
        ("", "is empty"),
        ("re:", "no regular expression after re:"),
        ("re:(a", "unclosed group"),
        ("re:a{2,1}", "invalid repetition count range"),
        ("a{b", "a { without its }"),
        ("a}b", "a } without its {"),
        ("a\\", "ends in a \\ that escapes nothing"),
        (&many, "more than 32 wildcards"),
        (&braces, "braces stand for more than 32 patterns"),
        (&large, "needs too much memory"),
        (&long, "longer than 4096 bytes"),
        (
            "https://bü cher.example/",
            "bü cher.example is not a host name",
        ),
    ] {
        let error = text.parse::<Pattern>().unwrap_err();
        assert!(error.problem.contains(problem), "{text}: {}", error.problem);
        assert!(!error.problem.contains('\n'), "{}", error.problem);
        assert_eq!(error.pattern, text);
    }
}

#[test]
fn a_pattern_displays_as_its_text() {
    for text in ["*.pdf", "re:a|b", "/a{b,c}\\*"] {
        let pattern: Pattern = text.parse().unwrap();
        assert_eq!(pattern.to_string(), text);
        let json = serde_json::to_string(&pattern).unwrap();
        assert_eq!(serde_json::from_str::<Pattern>(&json).unwrap(), pattern);
    }
    assert!(serde_json::from_str::<Pattern>("\"re:(\"").is_err());
}

#[test]
fn the_first_of_many_matching_patterns_is_named() {
    let patterns: Vec<Pattern> = ["*.pdf", "/a/", "/a/b/", "re:c"]
        .map(|text| text.parse().unwrap())
        .into();
    let list = PatternList::new(&patterns);
    let alone = PatternList {
        set: None,
        ..PatternList::new(&patterns)
    };
    for (url, first) in [
        ("http://h.example/a/b/c", Some("/a/")),
        ("http://h.example/a/x.pdf", Some("*.pdf")),
        ("http://h.example/c", Some("re:c")),
        ("http://h.example/d", None),
    ] {
        let url = PageUrl::parse(url).unwrap();
        assert_eq!(list.first_match(&url).as_deref(), first, "{url}");
        assert_eq!(alone.first_match(&url).as_deref(), first, "{url}");
    }
    assert_eq!(
        PatternList::new(&[]).first_match(&PageUrl::placeholder()),
        None
    );
}

/// A matcher that follows the table and tries everything. `rest` is the remaining path and query.
fn matches_simply(glob: &[char], rest: &[char], in_query: bool, at_segment: bool) -> bool {
    let Some((&first, glob_rest)) = glob.split_first() else {
        return rest.is_empty() || !in_query && rest[0] == '?';
    };
    // How far a wildcard may extend: to the next slash, to the query, or to the end.
    let reach = |segment: bool| {
        let stops = |c: &char| !in_query && (*c == '?' || segment && *c == '/');
        rest.iter().position(stops).unwrap_or(rest.len())
    };
    match first {
        '*' if glob.starts_with(&['*', '*']) => {
            let after = &glob[2..];
            if let Some(after) = after.strip_prefix(&['/'][..]).filter(|_| at_segment) {
                // No directory, or several that end with a slash.
                return matches_simply(after, rest, in_query, true)
                    || (0..reach(false)).any(|at| {
                        rest[at] == '/' && matches_simply(after, &rest[at + 1..], in_query, true)
                    });
            }
            (0..=reach(false)).any(|at| matches_simply(after, &rest[at..], in_query, false))
        }
        '*' => (0..=reach(true)).any(|at| matches_simply(glob_rest, &rest[at..], in_query, false)),
        '?' => match rest.split_first() {
            Some((&c, rest)) if in_query || c != '/' => {
                matches_simply(glob_rest, rest, in_query || c == '?', false)
            }
            _ => false,
        },
        plain => match rest.split_first() {
            Some((&c, rest)) if c == plain => matches_simply(glob_rest, rest, in_query, c == '/'),
            _ => false,
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn globs_match_as_with_a_matcher_that_tries_everything(
        glob in "/[ab/*?]{0,7}[ab*?]",
        path in "/[ab/]{0,6}",
        query in "(\\?[ab/]{0,4})?",
    ) {
        let text = format!("{path}{query}");
        let url = PageUrl::parse(&format!("http://h.example{text}")).unwrap();
        let pattern: Pattern = glob.parse().unwrap();
        let glob: Vec<char> = collapse_stars(&glob).chars().collect();
        let text: Vec<char> = text.chars().collect();
        prop_assert_eq!(pattern.matches(&url), matches_simply(&glob, &text, false, false));
    }

    #[test]
    fn random_text_never_breaks_the_pattern_parser(text in "\\PC{0,40}|[*?{},/\\\\:a%é]{0,60}", path in "\\PC{0,30}") {
        if let Ok(pattern) = text.parse::<Pattern>() {
            let url = PageUrl::parse(&format!("http://h.example/{path}"));
            url.iter().for_each(|url| drop(PatternList::new(std::slice::from_ref(&pattern)).first_match(url)));
        }
    }
}

fn collapse_stars(glob: &str) -> String {
    let mut glob = glob.to_owned();
    while glob.contains("***") {
        glob = glob.replace("***", "**");
    }
    glob
}
