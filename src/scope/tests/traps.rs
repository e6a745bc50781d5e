//! What counts as a trap, and what does not.

use super::*;

#[test]
fn growing_urls_are_skipped() {
    let mut scope = anywhere(TrapSettings::default());
    let long = |length: usize| {
        format!(
            "http://a.example/{}",
            "x".repeat(length - "http://a.example/".len())
        )
    };
    assert_eq!(class(&mut scope, &long(2000)), None);
    assert_eq!(
        scope.judge(&url(&long(2001)), Role::Page),
        Err(Skip::TooLong { limit: 2000 })
    );
    let path = |segments: usize| {
        (0..segments).fold("http://a.example".to_owned(), |url, n| {
            format!("{url}/s{n}")
        })
    };
    assert_eq!(class(&mut scope, &path(32)), None);
    assert_eq!(class(&mut scope, &path(33)), Some("growing"));
    let query = |count: usize| {
        (0..count).fold("http://a.example/?".to_owned(), |url, n| {
            format!("{url}p{n}=&")
        })
    };
    assert_eq!(class(&mut scope, &query(50)), None);
    assert_eq!(class(&mut scope, &query(51)), Some("growing"));
}

#[test]
fn each_page_is_fetched_with_one_session() {
    let mut scope = anywhere(TrapSettings::default());
    for page in 0..100 {
        let with = |session: u32| format!("http://a.example/p{page};jsessionid={session:032x}?v=1");
        assert_eq!(class(&mut scope, &with(1)), None);
        let skip = scope.judge(&url(&with(2)), Role::Page).unwrap_err();
        assert_eq!(
            skip,
            Skip::Session {
                parameter: "jsessionid".into()
            }
        );
    }
}

#[test]
fn a_calendar_ends_in_both_directions() {
    let traps = TrapSettings::default().in_year(2026);
    let mut scope = anywhere(traps);
    let month = |month: u32| {
        format!(
            "http://a.example/events/{}/{:02}/",
            month / 12,
            month % 12 + 1
        )
    };
    let ahead = (2026 * 12..)
        .take_while(|n| class(&mut scope, &month(*n)).is_none())
        .count();
    assert_eq!(ahead, 6 * 12, "to the end of 2031");
    let skip = scope.judge(&url(&month(2032 * 12)), Role::Page);
    assert_eq!(
        skip,
        Err(Skip::Calendar {
            year: 2032,
            first: 1500,
            last: 2031
        })
    );
    let back = (0..2026 * 12)
        .rev()
        .take_while(|n| class(&mut scope, &month(*n)).is_none())
        .count();
    assert_eq!(ahead + back, 5000, "the limit on dates of one page");
    let skip = scope.judge(&url(&month(1500 * 12)), Role::Page);
    assert_eq!(
        skip,
        Err(Skip::CalendarFull {
            family: "/events/*/".into(),
            limit: 5000
        })
    );
    assert_eq!(
        class(&mut scope, "http://a.example/news/2001/05/"),
        None,
        "another page has its own limit"
    );
}

#[test]
fn filters_that_multiply_end_and_pages_with_numbers_do_not() {
    let traps = TrapSettings {
        family: Some(20_000),
        ..TrapSettings::default()
    };
    let mut scope = anywhere(traps);
    // Six filters with six values each, any of them left out: 117,649 URLs of one shelf.
    let mut accepted = 0;
    for number in 0..7_u32.pow(6) {
        let chosen = (0..6).map(|filter| (filter, number / 7_u32.pow(filter) % 7));
        let query: Vec<String> = chosen
            .filter(|(_, value)| *value > 0)
            .map(|(filter, value)| format!("f{filter}={value}"))
            .collect();
        let text = format!("http://a.example/shelf?{}", query.join("&"));
        match scope.judge(&url(&text), Role::Page) {
            Ok(()) => accepted += 1,
            Err(skip) => assert_eq!(skip.class(), "combinations"),
        }
    }
    assert_eq!(
        accepted,
        1000 + 10 * 36 + 1,
        "all but the one without a filter are counted"
    );
    assert_eq!(
        class(&mut scope, "http://a.example/shelf?f0=1&f1=new"),
        None
    );
    // A forum: 15,000 threads with one to eight pages each.
    for thread in 0..15_000 {
        for page in 0..=thread % 8 {
            let text = format!(
                "http://b.example/viewtopic.php?f={}&t={thread}&start={}",
                thread % 20,
                page * 25
            );
            let skip = scope.judge(&url(&text), Role::Page).err();
            let is_full = skip
                .as_ref()
                .is_some_and(|skip| skip.class() == "family-full");
            assert!(skip.is_none() || is_full, "{skip:?}");
        }
    }
    // Another thread brings a new number, and only the limit of the family stops it.
    let text = "http://b.example/viewtopic.php?f=1&t=99999&start=0";
    let full = Skip::FamilyFull {
        family: "/viewtopic.php?f&t&start".into(),
        limit: 20_000,
    };
    assert_eq!(scope.judge(&url(text), Role::Page), Err(full));
    assert_eq!(
        class(&mut scope, "http://b.example/viewtopic.php?t=99999"),
        None,
        "another family"
    );
}

#[test]
fn a_family_is_a_set_of_names_in_any_order() {
    let traps = TrapSettings {
        family: Some(2),
        ..TrapSettings::default()
    };
    let mut scope = anywhere(traps);
    assert_eq!(class(&mut scope, "http://a.example/x?a=1&b=2"), None);
    assert_eq!(class(&mut scope, "http://a.example/x?b=3&a=4&b=5"), None);
    assert_eq!(
        class(&mut scope, "http://a.example/x?&a=6&&b"),
        None,
        "a value without a name"
    );
    assert_eq!(
        class(&mut scope, "http://a.example/x?a=6&b=1"),
        Some("family-full")
    );
    for other in [
        "http://a.example/x?a=1",
        "http://a.example/y?a=1&b=2",
        "http://b.example/x?a=1&b=2",
    ] {
        assert_eq!(class(&mut scope, other), None, "{other}");
    }
}

#[test]
fn urls_of_real_sites_are_accepted() {
    let mut scope = anywhere(TrapSettings::default().in_year(2026));
    for text in [
        "https://www.nytimes.com/1912/04/16/archives/titanic-sinks.html",
        "https://www.nytimes.com/sitemap/1851/09/18/",
        "https://forum.example/viewtopic.php?f=3&t=4521&start=25",
        "https://forum.example/thread/4521/12",
        "https://shop.example/de_DE/c/saws?color=red&size=l&sort=price-asc&page=2",
        "https://www.example.org/index.php?option=com_content&view=article&id=42&Itemid=7&lang=en",
        "https://en.wikipedia.org/w/index.php?title=Saw&action=history&offset=20190517123456%7C897",
        "https://git.example/linux/tree/drivers/net/ethernet/intel/ice/ice_main.c?h=v6.1&id=0123456789abcdef0123456789abcdef01234567",
        "https://tiles.example/0/0/0.png",
        "https://maps.example/@52.5,13.4,12z/data=!3m1!4b1!4m6!3m5!1s0x47a8:0x31!8m2!3d52.5!4d13.4",
        "https://registry.example/CAS/7732-18-5",
        "https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/util/concurrent/atomic/AtomicLong.html",
        "https://rfc.example/rfc/rfc9309.txt",
        "https://news.ycombinator.com/item?id=20310517",
        "https://www.example.org/conference/2031/05/call-for-papers",
        "https://shop.example/p/4521-12",
        "https://example.org/jobs/all/all/all/",
        "https://web.archive.org/web/20010203040506/http://example.com/",
        "https://www.bbc.com/news/world-europe-20310517",
    ] {
        assert_eq!(class(&mut scope, text), None, "{text}");
    }
}

#[test]
fn a_hostile_site_that_makes_up_families_takes_limited_memory() {
    let mut scope = anywhere(TrapSettings::default());
    let mut largest = 0;
    for number in 0..1_100_000 {
        let text =
            format!("http://a.example/{number:x}/2001/05/?n{number}=v&sid={number:032x}a1b2c3");
        // When the tables are full, URLs share counters, and a limit of one is reached early for some.
        let verdict = class(&mut scope, &text);
        assert!(matches!(verdict, None | Some("session")), "{verdict:?}");
        if number % 100_000 == 0 {
            largest = largest.max(scope.traps.bytes());
        }
    }
    assert!(largest <= 104 << 20, "{} MiB", largest >> 20);
}
