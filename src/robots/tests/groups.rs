//! Which agents rules and delays apply to.

use super::{allowed, allowed_by, rules};
use crate::robots::Rules;

const SIMPLE_EXAMPLE: &str = "
            User-Agent: *
            Disallow: *.gif$
            Disallow: /example/
            Allow: /publications/

            User-Agent: foobot
            Disallow:/
            Allow:/example/page.html
            Allow:/example/allowed.gif

            User-Agent: barbot
            User-Agent: bazbot
            Disallow: /example/page.html

            User-Agent: quxbot

            EOF
";

#[test]
fn the_simple_example_of_the_standard_gives_its_results() {
    let targets = [
        "/",
        "/example/",
        "/example/page.html",
        "/example/allowed.gif",
        "/a.gif",
        "/a.gif?x",
        "/publications/",
        "/publications/a.gif",
    ];
    let allowed = |agent: &str| -> Vec<&str> {
        let rules = Rules::parse(SIMPLE_EXAMPLE.as_bytes(), agent);
        targets
            .into_iter()
            .filter(|target| rules.allows(target))
            .collect()
    };
    // The longer rule decides about /publications/a.gif.
    assert_eq!(
        allowed("haul"),
        ["/", "/a.gif?x", "/publications/", "/publications/a.gif"]
    );
    assert_eq!(
        allowed("foobot"),
        ["/example/page.html", "/example/allowed.gif"]
    );
    for agent in ["barbot", "BazBot"] {
        assert_eq!(allowed(agent).len(), targets.len() - 1);
        assert!(!allowed(agent).contains(&"/example/page.html"));
    }
    assert_eq!(allowed("quxbot"), targets);
}

#[test]
fn groups_for_one_agent_are_merged_and_others_are_ignored() {
    let text = "allow: /foo/bar/\n\nuser-agent: haul\ndisallow: /\nallow: /x/\nuser-agent: barbot\ndisallow: /\nallow: /y/\n\n\n\
        allow: /w/\nuser-agent: bazbot\n\nuser-agent: HAUL\nallow: /z/\ndisallow: /\n";
    let targets = ["/w/a", "/x/b", "/y/c", "/z/d", "/foo/bar/"];
    let allowed = |agent: &str| -> Vec<&str> {
        let rules = Rules::parse(text.as_bytes(), agent);
        targets
            .into_iter()
            .filter(|target| rules.allows(target))
            .collect()
    };
    assert_eq!(allowed("haul"), ["/x/b", "/z/d"]);
    assert_eq!(allowed("barbot"), ["/w/a", "/y/c"]);
    assert_eq!(allowed("bazbot"), ["/z/d"]);
    assert_eq!(allowed("quxbot"), targets);
}

#[test]
fn the_group_for_everyone_counts_only_if_none_names_the_agent() {
    let everyone = "User-agent: *\nDisallow: /x/\n";
    assert_eq!(allowed(everyone, &["/x/", "/y/"]), ["/y/"]);
    for ours in [
        "User-agent: haul\nDisallow: /y/\n",
        "User-agent: haul/2.0\nDisallow: /y/",
        "user-agent HAUL\ndisallow /y/",
        "User-agent: other\nUser-agent: haul bot\n\n# more\nDisallow: /y/",
    ] {
        let orders = [format!("{everyone}{ours}"), format!("{ours}\n{everyone}")];
        for text in orders {
            assert_eq!(allowed(&text, &["/x/", "/y/"]), ["/x/"], "{text}");
        }
    }
    // An empty group allows everything, wherever it is.
    assert_eq!(
        allowed(&format!("{everyone}User-agent: haul\n"), &["/x/"]),
        ["/x/"]
    );
    assert_eq!(
        allowed(
            &format!("User-agent: haul\nDisallow:\n{everyone}"),
            &["/x/"]
        ),
        ["/x/"]
    );
    for other in [
        "User-agent: haul2",
        "User-agent: haulier",
        "User-agent:",
        "User-agent: *bot",
        "User-agent: not-haul",
    ] {
        assert_eq!(
            allowed(
                &format!("{other}\nDisallow: /y/\n{everyone}"),
                &["/x/", "/y/"]
            ),
            ["/y/"],
            "{other}"
        );
    }
    for everyone in ["User-agent: *", "User-agent: * all", "User-agent *"] {
        assert_eq!(
            allowed(&format!("{everyone}\nDisallow: /x/"), &["/x/"]),
            [""; 0],
            "{everyone}"
        );
    }
}

#[test]
fn only_a_rule_ends_a_list_of_agents() {
    for between in [
        "",
        "\n\n",
        "# comment\n",
        "Sitemap: http://a/\n",
        "Crawl-delay: 3\n",
        "Host: a\n",
        "nonsense\n",
        "Noindex: /z\n",
    ] {
        let text = format!("User-agent: haul\n{between}User-agent: other\nDisallow: /x\n");
        assert_eq!(allowed(&text, &["/x"]), [""; 0], "{between:?}");
    }
    for between in ["Disallow:\n", "Allow: /z\n", "Disallow: no-path\n"] {
        let text = format!("User-agent: haul\n{between}User-agent: other\nDisallow: /x\n");
        assert_eq!(allowed(&text, &["/x"]), ["/x"], "{between:?}");
    }
    // Nor do these end the rules.
    assert_eq!(
        allowed_by(
            "Disallow: /x\n\nSitemap: http://a/\nCrawl-delay: 3\nDisallow: /y",
            &["/x", "/y"]
        ),
        [""; 0]
    );
}

#[test]
fn a_crawl_delay_applies_to_the_names_above_it() {
    let delay = |text: &str| rules(text).crawl_delay().map(|delay| delay.as_secs_f64());
    for (number, seconds) in [
        ("1", Some(1.0)),
        ("0.5", Some(0.5)),
        (".25", Some(0.25)),
        ("2s", Some(2.0)),
        ("0", Some(0.0)),
        ("10 # s", Some(10.0)),
        ("3600", Some(3600.0)),
        ("3601", Some(3600.0)),
        ("99999999999999999999999", Some(3600.0)),
        ("", None),
        ("-1", None),
        ("1e3", None),
        ("inf", None),
        ("NaN", None),
        ("1.2.3", None),
        (".", None),
        ("soon", None),
        ("s", None),
    ] {
        assert_eq!(
            delay(&format!("User-agent: *\nCrawl-delay: {number}")),
            seconds,
            "{number:?}"
        );
    }
    assert_eq!(
        delay("User-agent: *\nDisallow: /x\nCrawl-delay: 2\nDisallow: /y\nCrawl-delay: 1"),
        Some(2.0)
    );
    assert_eq!(
        delay("User-agent: *\nCrawl-delay: 2\nUser-agent: haul\nDisallow: /x"),
        None
    );
    assert_eq!(
        delay("User-agent: haul\nCrawl-delay: 2\nUser-agent: other\nCrawl-delay: 9"),
        Some(2.0)
    );
    assert_eq!(
        delay("User-agent: haul\nSitemap: /\n\nUser-agent: other\nCrawl-delay: 9"),
        Some(9.0)
    );
    assert_eq!(delay("User-agent: other\nCrawl-delay: 9"), None);
    // A delay above all names is for everyone.
    assert_eq!(
        delay("Crawl-delay: 4\nUser-agent: haul\nDisallow:"),
        Some(4.0)
    );
    assert_eq!(Rules::allow_all().crawl_delay(), None);
}
