//! Which rules match, and which of several decides.

use proptest::prelude::*;

use super::{allowed_by, rules};
use crate::robots::{Judgement, Rules};

#[test]
fn the_longest_rule_decides_and_allow_among_equals() {
    let example = "Allow: /example/page/\nDisallow: /example/page/disallowed.gif";
    let gif = "/example/page/disallowed.gif";
    assert_eq!(
        allowed_by(example, &["/example/page/a.gif", gif]),
        ["/example/page/a.gif"]
    );
    let page = ["/x/page.html"];
    assert_eq!(
        allowed_by("Disallow: /x/page.html\nAllow: /x/", &page),
        [""; 0]
    );
    assert_eq!(
        allowed_by(
            "Allow: /x/page.html\nDisallow: /x/",
            &["/x/page.html", "/x/"]
        ),
        page
    );
    assert_eq!(
        allowed_by("Disallow: /x\nAllow: /x/", &["/x", "/x/"]),
        ["/x/"]
    );
    for equal in [
        "Disallow: /\nAllow: /",
        "Allow: /x/\nDisallow: /x/",
        "Disallow: /x/p\nAllow: /*/p",
        "Disallow: /%78\nAllow: /x",
    ] {
        assert_eq!(allowed_by(equal, &page), page, "{equal}");
    }
    let targets = ["/page", "/page.html", "/page.htm"];
    assert_eq!(
        allowed_by("Allow: /page\nDisallow: /*.html", &targets),
        ["/page", "/page.htm"]
    );
    assert_eq!(
        allowed_by("Allow: /page.\nDisallow: /*.htm", &targets),
        targets
    );
    assert_eq!(
        allowed_by(
            "Allow: /x/page.\nDisallow: /*.html",
            &["/x/page.html", "/x/y.html"]
        ),
        page
    );
    assert_eq!(
        allowed_by("Allow: /$\nDisallow: /", &["/", "/page.html", "/?"]),
        ["/"]
    );
    // "*" and "$" count like other octets.
    assert_eq!(
        allowed_by("Disallow: /fish\nAllow: /fish*", &["/fish"]),
        ["/fish"]
    );
    assert_eq!(
        allowed_by("Allow: /fish\nDisallow: /fish$", &["/fish", "/fishes"]),
        ["/fishes"]
    );
}

#[test]
fn rules_match_from_the_first_octet_and_case_sensitively() {
    let fish = [
        "/fish",
        "/fish.html",
        "/fish/salmon.html",
        "/fishheads",
        "/fish.html?id=anything",
        "/fish?id=anything",
    ];
    let others = ["/Fish.asp", "/catfish", "/?id=fish", "/desert/fish"];
    let both = [&fish[..], &others[..]].concat();
    for rule in [
        "Allow: /fish",
        "Allow: /fish*",
        "Allow: /fi*sh",
        "Allow: /f*i*s*h*",
    ] {
        assert_eq!(
            allowed_by(&format!("Disallow: /\n{rule}"), &both),
            fish,
            "{rule}"
        );
    }
    let folder = [
        "/fish",
        "/fish/",
        "/fish/?id=a",
        "/fish.html",
        "/Fish/",
        "/animals/fish/",
    ];
    assert_eq!(
        allowed_by("Disallow: /fish/", &folder),
        ["/fish", "/fish.html", "/Fish/", "/animals/fish/"]
    );
}

#[test]
fn stars_and_dollars_match_as_in_the_standard() {
    let php = [
        "/index.php",
        "/filename.php",
        "/folder/filename.php",
        "/folder/filename.php?parameters",
        "/folder/any.php.file.html",
        "/filename.php/",
        "/index?f=filename.php/",
        "/php/",
        "/",
        "/windows.PHP",
        "/filename.php5",
        "/index?php",
    ];
    assert_eq!(
        allowed_by("Disallow: /\nAllow: /*.php", &php),
        [&php[..7], &php[10..11]].concat()
    );
    assert_eq!(allowed_by("Disallow: /\nAllow: /*.php$", &php), php[..3]);
    assert_eq!(
        allowed_by(
            "Disallow: /\nAllow: /fish*.php",
            &[
                "/fish.php",
                "/fishheads/catfish.php?parameters",
                "/Fish.PHP",
                "/fish.asp"
            ]
        ),
        ["/fish.php", "/fishheads/catfish.php?parameters"]
    );
    assert_eq!(
        allowed_by(
            "Disallow: /foo/bar$",
            &["/foo/bar", "/foo/bar/", "/foo/bar/qux", "/foo/bar?"]
        )
        .len(),
        3
    );
    assert_eq!(
        allowed_by(
            "Disallow: /foo/*/qux",
            &["/foo/qux", "/foo//qux", "/foo/a/b/quxx"]
        ),
        ["/foo/qux"]
    );
    // The tail must not overlap the parts before it, and is matched at the very end.
    assert_eq!(
        allowed_by("Disallow: /a*aa$", &["/a", "/aa", "/aaa", "/aab", "/aabaa"]),
        ["/a", "/aa", "/aab"]
    );
    for everything in ["/", "*", "/*", "**", "*$", "/*$", "/***", "*/"] {
        assert_eq!(
            allowed_by(
                &format!("Disallow: {everything}"),
                &["/", "/a", "/?b", "/a/b$*"]
            ),
            [""; 0],
            "{everything}"
        );
    }
    for nothing in [
        "",
        "$",
        "a",
        "a/",
        "http://example.org/",
        "?",
        "/$*",
        "#/",
        "\\",
        "^/",
    ] {
        assert_eq!(
            allowed_by(&format!("Disallow: {nothing}"), &["/", "/a", "/?b"]).len(),
            3,
            "{nothing}"
        );
    }
}

#[test]
fn octets_compare_equal_however_they_are_encoded() {
    // The examples of RFC 9309 2.2.2 and 2.2.3, in both directions, and similar ones.
    for (rule, target) in [
        ("/foo/bar?baz=quz", "/foo/bar?baz=quz"),
        (
            "/foo/bar?baz=https://foo.bar",
            "/foo/bar?baz=https%3A%2F%2Ffoo.bar",
        ),
        (
            "/foo/bar?baz=https://foo.bar",
            "/foo/bar?baz=https://foo.bar",
        ),
        ("/foo/bar/ツ", "/foo/bar/%E3%83%84"),
        ("/foo/bar/ツ", "/foo/bar/%e3%83%84"),
        ("/foo/bar/baz", "/foo/bar/%62%61%7A"),
        ("/path/file-with-a-%2A.html", "/path/file-with-a-*.html"),
        ("/path/foo-%24", "/path/foo-$"),
        ("/a b", "/a%20b"),
        ("/{a}|b^", "/%7Ba%7D%7Cb%5E"),
        ("/?filter[0]=a", "/?filter%5B0%5D=a"),
        ("/it's_(all)", "/it%27s_%28all%29"),
        ("/*?u=/a", "/x?u=%2Fa"),
        ("/*/a", "/x?u=%2Fa"),
        ("/*%2Fa", "/x?u=%2Fa"),
        ("/a%", "/a%zz"),
    ] {
        assert_eq!(
            allowed_by(&format!("Disallow: {rule}"), &[target]),
            [""; 0],
            "{rule} {target}"
        );
        let is_symmetric =
            !rule.contains('*') && !target.contains(['*', '$', '%']) || rule == "/foo/bar/baz";
        if is_symmetric {
            assert_eq!(
                allowed_by(&format!("Disallow: {target}"), &[rule]),
                [""; 0],
                "{target} {rule}"
            );
        }
    }
    // The form in which the longest rule matches decides.
    assert_eq!(
        allowed_by("Disallow: /*%2Fab\nAllow: /*/a", &["/x?u=%2Fab"]),
        [""; 0]
    );
    for (rule, target) in [
        ("/a%2Fb", "/a/b"),
        ("/a/b", "/a%2Fb"),
        ("/a?b", "/a%3Fb"),
        ("/?a%26b", "/?a&b"),
        ("/?a=b", "/?a%3Db"),
        ("/a%25", "/a%"),
        ("/a%2A", "/aa"),
        ("/a%24", "/a"),
        ("/%61", "/A"),
    ] {
        assert_eq!(
            allowed_by(&format!("Disallow: {rule}"), &[target]),
            [target],
            "{rule}"
        );
    }
}

#[test]
fn bytes_that_are_not_text_work_as_octets() {
    let rules = Rules::parse(
        b"\xFF\nUser-agent: haul\nDisallow: /caf\xE9\nDisallow: /\xFF\x01*\xC3$",
        "haul",
    );
    let judge = |target| rules.judge(target).rule.map(|rule| rule.to_string());
    assert_eq!(judge("/caf%e9s").as_deref(), Some("Disallow: /caf%E9"));
    assert_eq!(
        judge("/%ff%01a%c3").as_deref(),
        Some("Disallow: /%FF%01*%C3$")
    );
    assert_eq!(judge("/caf%c3%a9"), None);
}

#[test]
fn no_pattern_is_slow() {
    // A backtracking matcher would take longer for these than the sun will shine.
    let target = format!("/{}", "a".repeat(16 * 1024));
    for (pattern, matches) in [
        ("/*a".repeat(60), false),
        (format!("{}b", "*a".repeat(4000)), false),
        (format!("{}$", "*aa".repeat(2000)), true),
        ("*".repeat(400_000), true),
    ] {
        let judgement = rules(&format!("User-agent: *\nDisallow: {pattern}")).allows(&target);
        assert_eq!(judgement, !matches, "{}", &pattern[..8]);
    }
}

#[test]
fn targets_that_would_take_too_long_to_judge_are_forbidden() {
    let mut rng = fastrand::Rng::with_seed(1);
    let lines: String = (0..25_000)
        .map(|_| format!("Disallow:*{:012x}\n", rng.u64(0..1 << 48)))
        .collect();
    let rules = rules(&format!("User-agent: *\n{lines}"));
    let mut target = String::from("/");
    target.extend((0..16 * 1024).map(|_| char::from(b"0123456789abcdef"[rng.usize(0..16)])));
    assert_eq!(
        rules.judge(&target),
        Judgement {
            allowed: false,
            rule: None
        }
    );
    // It takes both: neither such a URL nor such a file alone is enough.
    assert!(rules.allows(&target[..120]) && rules.allows(&"/a".repeat(8 * 1024)));
    assert!(self::rules(&format!("User-agent: *\n{}", &lines[..2300])).allows(&target));
    // A rule found before that still counts.
    let with_match = format!("User-agent: *\nAllow: {}\n{lines}", &target[..20]);
    assert!(self::rules(&with_match).allows(&target));
}

/// The simplest matcher by the standard: tracks which prefixes of the target the pattern can match.
pub(super) fn reference(pattern: &[u8], target: &[u8]) -> bool {
    let mut ends = vec![false; target.len() + 1];
    ends[0] = true;
    for (at, &octet) in pattern.iter().enumerate() {
        if octet == b'$' && at + 1 == pattern.len() {
            return ends[target.len()];
        }
        let mut next = vec![false; target.len() + 1];
        for end in 0..=target.len() {
            if octet == b'*' {
                next[end] = ends[..=end].contains(&true);
            } else if end > 0 {
                next[end] = ends[end - 1] && target[end - 1] == octet;
            }
        }
        ends = next;
    }
    ends.contains(&true)
}

proptest! {
    #[test]
    fn the_table_decides_as_if_it_checked_every_rule(
        patterns in prop::collection::vec((any::<bool>(), "[/*][ab*/]{0,6}[$]?"), 0..12),
        target in "/[ab/]{0,10}",
    ) {
        let name = |allow| if allow { "Allow" } else { "Disallow" };
        let lines: String = patterns.iter().map(|(allow, pattern)| format!("{}: {pattern}\n", name(*allow))).collect();
        let rules = rules(&format!("User-agent: *\n{lines}"));
        let best = patterns
            .iter()
            .filter(|(_, pattern)| reference(pattern.as_bytes(), target.as_bytes()))
            .map(|(allow, pattern)| (pattern.len(), *allow))
            .max();
        let judgement = rules.judge(&target);
        prop_assert_eq!(judgement.rule.map(|rule| (rule.path.len(), rule.allow)), best);
        prop_assert_eq!(judgement.allowed, best.is_none_or(|(_, allow)| allow));
    }
}
