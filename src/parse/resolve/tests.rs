//! Compares the fast path with the URL parser: millions of references must resolve the same in both.

use proptest::prelude::*;

use super::*;

/// The number of pages of references in the long tests; `HAUL_CASES` sets it in thousands.
fn pages() -> usize {
    std::env::var("HAUL_CASES").map_or(6_000, |cases| 1000 * cases.parse::<usize>().unwrap())
}

const BASES: [&str; 14] = [
    "http://h.example/",
    "http://h.example/a/b/c.html?q=1",
    "https://h.example:8443/a//b/",
    "http://127.0.0.1:8080/site/1",
    "http://[::1]:81/x/y?z",
    "https://xn--bcher-kva.example/%7Ea/b",
    "http://h.example/a:b/c|d/e",
    "http://h.example/C:/x/y/z",
    "http://h.example//",
    "http://h.example/a/..b/.c/d...",
    "https://a.b-c.d_e/?",
    "http://h.example/a;b=c/d,e/f@g/(h)/*i*/",
    "http://0x7f.1/é/ü?ä",
    "http://h.example/a/b/c/d/e/f/g/h",
];

const PIECES: &[&str] = &[
    "/",
    "/",
    "//",
    "/.",
    "/..",
    "./",
    "../",
    "..",
    ".",
    "...",
    ".a",
    "a.",
    "a",
    "B",
    "xy",
    "index.html",
    "%2e",
    "%2E",
    "%2",
    "%2f",
    "%",
    "%zz",
    "%41",
    "?",
    "?a=b&c=d",
    "=",
    "&",
    "#",
    "#top",
    ":",
    "::",
    "a:b",
    "C:",
    "c|",
    "|",
    "@",
    "u:p@",
    ";",
    ",",
    "+",
    "-",
    "_",
    "~",
    "!",
    "$",
    "'",
    "(",
    ")",
    "*",
    "[",
    "]",
    "{",
    "}",
    "^",
    "`",
    "\"",
    "<",
    ">",
    "\\",
    " ",
    "\t",
    "\n",
    "\r",
    "\0",
    "\u{1}",
    "\u{7f}",
    "é",
    "日本",
    "\u{feff}",
    "\u{2028}",
    "http:",
    "https:",
    "http://",
    "https://",
    "HTTP://",
    "hTTps:",
    "ht\ttp://",
    "http:/",
    "http:///",
    "ftp://",
    "mailto:",
    "javascript:",
    "data:,",
    "tel:",
    "1:",
    "h.example",
    "H.example",
    "other.example",
    "h.example:80",
    "h.example:443",
    ":80",
    ":443",
    ":8080",
    ":0080",
    ":65536",
    "127.0.0.1",
    "127.0.0.1:8080",
    "127.1",
    "0x7f",
    "1.2.3.4.5",
    "[::1]",
    "[::1]:81",
    "xn--",
    "xn--a",
    "xn--bcher-kva",
    "a..b",
    ".com",
    "com.",
    "-a",
    "a-",
    "bücher",
    "ß.example",
    "localhost",
    "_a._b",
    "example.0x1",
    "example.1a",
    "aa--bb.example",
    "%61.example",
    "site/1",
    "b/c.html",
];

fn soup() -> String {
    (0..fastrand::usize(0..7))
        .map(|_| PIECES[fastrand::usize(0..PIECES.len())])
        .collect()
}

/// Checks that each of these references resolves as the URL parser does it.
fn assert_same_as_parser(base: &str, references: &[String]) {
    let base = PageUrl::parse(base).unwrap();
    let prints = Fingerprints::seeded(3);
    let mut resolver = Resolver::new(&base, prints);
    for reference in references {
        let expected = base.join(reference).ok();
        let expected = expected
            .as_ref()
            .map(|url| (url.as_str(), prints.of(url.as_str())));
        assert_eq!(
            resolver.resolve(reference),
            expected,
            "{base} {reference:?}"
        );
    }
}

#[test]
fn random_url_pieces_resolve_as_with_the_parser() {
    for _ in 0..pages() {
        let references: Vec<_> = (0..20).map(|_| soup()).collect();
        assert_same_as_parser(BASES[fastrand::usize(0..BASES.len())], &references);
    }
}

#[test]
fn random_relative_paths_resolve_as_with_the_parser() {
    const STEPS: &[&str] = &[
        "../", "../", "../", "..", "./", ".", "/", "a/", "b", "C:/", "c|/", "c:", ".../", "..a",
        "%2E", "?../x", "#../x",
    ];
    for _ in 0..pages() {
        let references: Vec<_> = (0..20)
            .map(|_| {
                let steps =
                    (0..fastrand::usize(0..7)).map(|_| STEPS[fastrand::usize(0..STEPS.len())]);
                steps.collect::<String>()
            })
            .collect();
        assert_same_as_parser(BASES[fastrand::usize(0..BASES.len())], &references);
    }
}

#[test]
fn random_hosts_resolve_as_with_the_parser() {
    const BYTES: &[u8] = b"ab.x-_09.nZ.fx-%:8@";
    for _ in 0..pages() {
        let references: Vec<_> = (0..20)
            .map(|_| {
                let length = fastrand::usize(0..12);
                let host = (0..length).map(|_| char::from(BYTES[fastrand::usize(0..BYTES.len())]));
                let host: String = host.collect();
                ["http://", "https://", "//"][fastrand::usize(0..3)].to_owned() + &host
            })
            .collect();
        assert_same_as_parser(BASES[fastrand::usize(0..BASES.len())], &references);
    }
    let long = format!("http://{}.example/", "a".repeat(300));
    let longer = format!("http://{}example/", "a.".repeat(300));
    assert_same_as_parser(BASES[0], &[long, longer]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_text_resolves_as_with_the_parser(
        base in 0..BASES.len(),
        references in prop::collection::vec("[ -~\\té/.:?#%]{0,24}", 1..8),
    ) {
        assert_same_as_parser(BASES[base], &references);
    }
}

#[test]
fn every_byte_in_a_path_or_query_resolves_as_with_the_parser() {
    for byte in 0..=255_u8 {
        let byte = char::from(byte);
        let references = [
            "",
            "/",
            "x/",
            "?",
            "/x?",
            "http://h.example/",
            "//b.example/",
            "http://b",
            "a?b#",
        ];
        let references =
            references.map(|before| [format!("{before}{byte}z"), format!("{before}{byte}")]);
        for base in BASES {
            assert_same_as_parser(base, references.as_flattened());
        }
    }
}

#[test]
fn simple_references_need_no_parser_and_other_schemes_never_reach_it() {
    let base = PageUrl::parse("http://127.0.0.1:8080/site/1?q").unwrap();
    let resolver = Resolver::new(&base, Fingerprints::default());
    let resolve_simple = |reference: &str| resolver.resolve_simple(reference, &mut String::new());
    for plain in [
        "",
        "#top",
        "?page=2",
        "/",
        "/a/b?c=d&e[]=f#g",
        "x/y.html",
        "./2",
        "../site/2",
        "../site/../site/3",
        "http://127.0.0.1:8080/site/4",
        "http://other.example",
        "https://a-b.example/c?d",
        "//cdn.example/e.js",
        "/wiki/A_(b):c,d;e=f@g!$&*+~",
        "/%C3%A9",
    ] {
        assert_eq!(resolve_simple(plain), Resolution::Done, "{plain}");
    }
    for other in [
        "mailto:a@b.example?subject=c d",
        "javascript:void(0)",
        "data:,<a b>",
        "tel:+1",
        "FTP://x/",
        "about:blank",
    ] {
        assert_eq!(resolve_simple(other), Resolution::Elsewhere, "{other}");
    }
}

#[test]
fn an_origin_that_the_parser_left_unchanged_needs_no_parser_again() {
    let base = PageUrl::parse("http://h.example/").unwrap();
    let mut resolver = Resolver::new(&base, Fingerprints::default());
    let resolve_simple = |resolver: &Resolver<'_>| {
        resolver.resolve_simple("http://10.0.0.2:9/b", &mut String::new())
    };
    assert_eq!(resolve_simple(&resolver), Resolution::NeedsParser);
    resolver.resolve("http://10.0.0.2:9/a").unwrap();
    assert_eq!(resolve_simple(&resolver), Resolution::Done);
}

#[test]
fn non_ascii_queries_are_sent_in_the_page_s_encoding() {
    let base = PageUrl::parse("http://h.example/").unwrap();
    let resolved = |encoding| {
        let mut resolver = Resolver::new(&base, Fingerprints::default()).with_encoding(encoding);
        resolver.resolve("/é?q=é").unwrap().0.to_owned()
    };
    assert_eq!(resolved(UTF_8), "http://h.example/%C3%A9?q=%C3%A9");
    assert_eq!(
        resolved(encoding_rs::WINDOWS_1252),
        "http://h.example/%C3%A9?q=%E9"
    );
    // WHATWG Encoding 4.3: nothing is sent in UTF-16.
    assert_eq!(
        resolved(encoding_rs::UTF_16LE),
        "http://h.example/%C3%A9?q=%C3%A9"
    );
}
