//! Properties of every history, and of every URL.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::scope::CalendarSettings;

/// Settings with which every rule takes effect within a few URLs.
fn tight_settings() -> ScopeSettings {
    ScopeSettings {
        reach: Reach::Host,
        include: patterns(&["/**"]),
        exclude: patterns(&["x.pdf/"]),
        max_per_host: Some(90),
        traps: TrapSettings {
            length: Some(60),
            segments: Some(5),
            parameters: Some(3),
            repeats: Some(3),
            calendar: Some(CalendarSettings {
                first_year: 2000,
                last_year: 2031,
                dates: 2,
            }),
            sessions: Some(1),
            family: Some(12),
            combinations: Some(1),
        },
        ..ScopeSettings::default()
    }
}

/// A random URL; many of them have pieces in common, for one rule or another.
fn random_url(random: &mut fastrand::Rng) -> String {
    const HOSTS: [&str; 4] = [
        "http://a.example",
        "http://www.a.example",
        "https://b.example",
        "http://c.example",
    ];
    const WORDS: [&str; 12] = [
        "aa",
        "bb",
        "2031",
        "2032",
        "05",
        "12",
        "x.pdf",
        "events",
        "news",
        "2001-02-03",
        "p;jsessionid=1",
        "(S(abc))",
    ];
    const PAIRS: [&str; 10] = [
        "a=1",
        "a=2",
        "b=1",
        "b=2",
        "x",
        "year=2001&month=2",
        "year=2099&month=3",
        "sid=0123456789abcdef",
        "sid=fedcba9876543210",
        "date=20010203",
    ];
    let mut pick = |list: &[&'static str]| list[random.usize(..list.len())];
    let mut text = pick(&HOSTS).to_owned();
    // Half of them are one search page.
    let is_search = pick(&["yes", "no"]) == "yes";
    let segments: usize = if is_search {
        0
    } else {
        pick(&["0", "1", "2", "3", "4", "6"]).parse().unwrap()
    };
    (0..segments).for_each(|_| text = format!("{text}/{}", pick(&WORDS)));
    text += "/";
    let count: usize = pick(&["0", "1", "2", "3", "4"]).parse().unwrap();
    for number in 0..count {
        let pair = if is_search {
            pick(&PAIRS[..5])
        } else {
            pick(&PAIRS)
        };
        text = format!("{text}{}{pair}", if number == 0 { "?" } else { "&" });
    }
    text
}

#[test]
fn a_resumed_crawl_decides_like_one_that_was_never_stopped() {
    let mut random = fastrand::Rng::with_seed(11);
    let mut classes = BTreeSet::new();
    for _ in 0..200 {
        let seeds = ["http://a.example/", "https://b.example/"];
        let mut uninterrupted = scope(tight_settings(), &seeds);
        let mut accepted = Vec::new();
        let before: Vec<_> = (0..random.usize(..800))
            .map(|_| url(&random_url(&mut random)))
            .collect();
        accepted.extend(
            before
                .iter()
                .filter(|url| uninterrupted.judge(url, Role::Page).is_ok()),
        );
        // Another process, another hash seed; the store returns the accepted URLs in its own order.
        random.shuffle(&mut accepted);
        let mut resumed = Scope::seeded(tight_settings(), random.u64(..));
        seeds.iter().for_each(|seed| resumed.anchor(&url(seed)));
        accepted.into_iter().for_each(|url| resumed.restore(url));
        for _ in 0..60 {
            let next = url(&random_url(&mut random));
            let decision = uninterrupted.judge(&next, Role::Page);
            assert_eq!(decision, resumed.judge(&next, Role::Page), "{next}");
            classes.extend(decision.err().map(|skip| skip.class()));
        }
    }
    let expected = [
        "calendar",
        "combinations",
        "excluded",
        "family-full",
        "growing",
        "host-full",
        "repeated",
        "scope",
        "session",
        "too-long",
    ];
    let missing: Vec<_> = expected
        .iter()
        .filter(|class| !classes.contains(**class))
        .collect();
    assert!(missing.is_empty(), "never seen: {missing:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_url_breaks_a_rule_and_none_is_rejected_without_one(
        path in "(/(\\PC{0,8}|[0-9]{1,9}|[a-z;=()%0-9-]{0,12})){0,40}",
        query in "(\\?(\\PC{0,20}|([a-z_]{0,9}=?[0-9a-fW-]{0,40}&?){0,60}))?",
        seed in "/[a-z/]{0,9}",
    ) {
        let Ok(url) = PageUrl::parse(&format!("http://a.example{path}{query}")) else { return Ok(()) };
        for reach in Reach::ALL {
            for traps in [TrapSettings::default(), tight_settings().traps, TrapSettings::OFF] {
                let mut scope = scope(ScopeSettings { reach, traps, ..tight_settings() }, &[&format!("http://a.example{seed}")]);
                let first = scope.judge(&url, Role::Page);
                if let Err(skip) = first {
                    prop_assert!(skip.to_string().len() < 400);
                    // A rejected URL left no trace.
                    prop_assert_eq!(scope.judge(&url, Role::Page), Err(skip));
                }
                scope.restore(&url);
            }
        }
        let mut open = anywhere(TrapSettings::OFF);
        prop_assert_eq!(open.judge(&url, Role::Page), Ok(()));
    }
}
