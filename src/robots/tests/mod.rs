//! Whole files: the examples of RFC 9309, the cases in Google's own tests, and hostile ones.

mod case;
mod groups;
mod matching;
mod peers;

use proptest::prelude::*;

use super::*;

fn rules(text: &str) -> Rules {
    Rules::parse(text.as_bytes(), "haul")
}

/// The targets that this file allows.
fn allowed<'t>(text: &str, targets: &[&'t str]) -> Vec<&'t str> {
    let rules = rules(text);
    targets
        .iter()
        .copied()
        .filter(|target| rules.allows(target))
        .collect()
}

/// The targets that these rules allow.
fn allowed_by<'t>(lines: &str, targets: &[&'t str]) -> Vec<&'t str> {
    allowed(&format!("User-agent: haul\n{lines}"), targets)
}

#[test]
fn a_judgement_names_the_rule_and_its_line() {
    let rules = rules(
        "# us\r\n\r\nUser-agent: *\r\nDisallow: /a/%7ejoe # no\r\nAllow: /a/*/caf\u{e9}$\r\n",
    );
    let judge = |target| {
        let judgement = rules.judge(target);
        (
            judgement.allowed,
            judgement.rule.map(|rule| (rule.to_string(), rule.line)),
        )
    };
    assert_eq!(
        judge("/a/~joe/x"),
        (false, Some(("Disallow: /a/%7ejoe".to_owned(), 4)))
    );
    assert_eq!(
        judge("/a/~joe/caf%C3%A9"),
        (true, Some(("Allow: /a/*/caf\u{e9}$".to_owned(), 5)))
    );
    assert_eq!(judge("/b"), (true, None));
    // Of two rules that mean the same, the first is named.
    let twice = self::rules("User-agent: *\nDisallow: /a\nDisallow: /%61");
    assert_eq!(twice.judge("/a").rule.map(|rule| rule.line), Some(2));
}

#[test]
fn the_robots_txt_itself_is_always_allowed() {
    for rules in [
        rules("User-agent: *\nDisallow: /robots.txt\nDisallow: /"),
        Rules::disallow_all(),
    ] {
        let judgement = rules.judge("/robots.txt");
        assert_eq!(
            judgement,
            Judgement {
                allowed: true,
                rule: None
            }
        );
        assert!(
            !rules.allows("/robots.txt/")
                && !rules.allows("/ROBOTS.txt")
                && !rules.allows("/robots.txt?a")
        );
    }
}

#[test]
fn a_missing_file_allows_everything_and_an_unreachable_one_nothing() {
    let targets = ["/", "/a?b", ""];
    assert!(
        targets
            .iter()
            .all(|target| Rules::allow_all().allows(target))
    );
    assert!(
        targets
            .iter()
            .all(|target| !Rules::disallow_all().allows(target))
    );
    assert_eq!(
        Rules::disallow_all().judge("/a"),
        Judgement {
            allowed: false,
            rule: None
        }
    );
    for empty in [
        "",
        "\u{feff}",
        "\r\n",
        "<!DOCTYPE html><title>404</title>",
        "User-agent: haul",
        "Disallow: /",
    ] {
        assert_eq!(allowed(empty, &targets), targets, "{empty}");
    }
    assert!(
        targets
            .iter()
            .all(|target| !rules("User-agent: *\nDisallow: /").allows(target))
    );
}

#[test]
fn sitemaps_are_for_everyone_and_limited() {
    let text = "Sitemap: https://a/1.xml # one\nUser-agent: other\nDisallow: /\nsite-map:\thttps://a/2.xml\nSitemap:\n";
    assert_eq!(
        rules(text).sitemaps(),
        ["https://a/1.xml", "https://a/2.xml"]
    );
    let many = "Sitemap: /a\n".repeat(Rules::MOST_SITEMAPS + 1);
    assert_eq!(rules(&many).sitemaps().len(), Rules::MOST_SITEMAPS);
    for (length, expected) in [(Rules::LONGEST_SITEMAP, 1), (Rules::LONGEST_SITEMAP + 1, 0)] {
        assert_eq!(
            rules(&format!("Sitemap: {}", "a".repeat(length)))
                .sitemaps()
                .len(),
            expected
        );
    }
}

#[test]
fn rules_survive_serialization() {
    let text = "User-agent: *\nDisallow: /a*b$\nAllow: /caf\u{e9}\nDisallow: /%7ea\nCrawl-delay: 1.5\nSitemap: https://a/\n";
    for rules in [rules(text), Rules::allow_all(), Rules::disallow_all()] {
        let bytes = postcard::to_stdvec(&rules).unwrap();
        assert_eq!(postcard::from_bytes::<Rules>(&bytes).unwrap(), rules);
        let json = serde_json::to_string(&rules).unwrap();
        assert_eq!(serde_json::from_str::<Rules>(&json).unwrap(), rules);
    }
}

proptest! {
    #[test]
    fn random_bytes_are_parsed_and_judged_consistently(bytes: Vec<u8>, target in ".{0,40}", agent in ".{0,8}") {
        let rules = Rules::parse(&bytes, &agent);
        let again = Rules::parse(&bytes, &agent);
        prop_assert_eq!(again.judge(&target), rules.judge(&target));
        prop_assert_eq!(again, rules);
    }

    #[test]
    fn random_lines_are_parsed_and_survive_serialization(
        lines in prop::collection::vec(
            ("(user-agent|Disallow|allow|sitemap|crawl-delay)[: ]{0,2}", "(haul|\\*|/)?[/*$%a-f0-9é?=\u{1}\u{feff}]{0,12}", "[\r\n]{1,2}"), 0..30),
        target in "/[/a-f%?]{0,12}",
    ) {
        let text: String = lines.iter().map(|(name, value, end)| format!("{name}{value}{end}")).collect();
        let rules = rules(&text);
        let bytes = postcard::to_stdvec(&rules).unwrap();
        let again: Rules = postcard::from_bytes(&bytes).unwrap();
        prop_assert_eq!(again.judge(&target), rules.judge(&target));
        prop_assert_eq!(again, rules);
    }

    #[test]
    fn disallow_alone_forbids_everything(target in "/.{0,40}") {
        prop_assume!(target != "/robots.txt");
        prop_assert!(!rules("User-agent: *\nDisallow: /").allows(&target));
    }
}
