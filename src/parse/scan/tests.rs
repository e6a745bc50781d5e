//! Hostile input: the scanner ends on any input, in linear time.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Markup, Name, Tag, TextContext, Visitor, decode, scan, utf8};
use crate::parse::links::{Element, LinkKind, LinkSettings, links, links_as};

const ALL_LINKS: LinkSettings = LinkSettings {
    guess: true,
    scripts: false,
    limit: usize::MAX,
    ..LinkSettings::ALL
};

/// Hostile inputs: a prefix, and the unit that is repeated after it.
const HOSTILE: &[(&str, &str)] = &[
    ("", "<"),
    ("", "</"),
    ("", "<!"),
    ("", "<!-"),
    ("", "<!--"),
    ("", "<!-->"),
    ("", "<!--->"),
    ("<!--", "-"),
    ("<!--", "->"),
    ("<!--", "--!"),
    ("<!--", ">"),
    ("<!--", "<!--"),
    ("<!", "-"),
    ("", "<a"),
    ("", "<a "),
    ("", "<a>"),
    ("", "<a href"),
    ("", "<a href="),
    ("", "<a href=\""),
    ("", "<a href='x'"),
    ("<a ", "="),
    ("<a ", "/"),
    ("<a ", "a "),
    ("<a ", "a='b'"),
    ("<a ", "a=b "),
    ("<a ", "href=x "),
    ("<a ", "\""),
    ("<", "a"),
    ("<a href='", "&"),
    ("<a href='", "&a"),
    ("<a href='", "&amp"),
    ("<a href='", "&#"),
    ("<a href='", "&#x"),
    ("<a href='&#", "9"),
    ("<a href='&", "a"),
    ("<a href='", "&CounterClockwiseContourIntegra"),
    ("<a href='", "\0"),
    ("<a href='", "\r"),
    ("<a href='", "&#1;"),
    ("", "<a href='&amp;'>"),
    ("", "<a rel=nofollow href=x>"),
    ("<script>", "</script"),
    ("<script>", "</script "),
    ("<script>", "<!--"),
    ("<script><!--", "<script>"),
    ("<script><!--", "-"),
    ("<script><!--", "<script></script>"),
    ("<script><!--", "<"),
    ("<script>", "<!-->"),
    ("", "<script>"),
    ("", "<script></script>"),
    ("<title>", "</title"),
    ("<title>", "<"),
    ("<title>", "&"),
    ("<title>", " a"),
    ("", "<title>"),
    ("", "<title></title>"),
    ("<style>", "url("),
    ("<style>", "url(a"),
    ("<style>", "url(\\"),
    ("<style>", "/*"),
    ("<style>", "@import"),
    ("<style>", "@import/**/"),
    ("<style>", "\""),
    ("<style>", "'\n"),
    ("<style>", "url(a "),
    ("<style>", "\\"),
    ("<style>", "a\\"),
    ("<style>", "u\\72"),
    ("<style>", "image-set("),
    ("<svg>", "<style>"),
    ("<svg>", "<path fill='url("),
    ("<iframe srcdoc='", "&lt;"),
    ("", "<iframe srcdoc='<p>'>"),
    ("<svg><style>", "&amp;"),
    ("<style>", "@namespace"),
    ("", "<p style='url('>"),
    ("<p style='", "url("),
    ("<img srcset='", ","),
    ("<img srcset='", "a "),
    ("<img srcset='", "a,"),
    ("<img srcset='", "a ("),
    ("<img srcset='&amp;", "a, "),
    ("<img srcset='", "a 1x,"),
    ("<script>", "'/"),
    ("<script>", "'/a"),
    ("<script>", "'/\\/"),
    ("<script>", "\"'`"),
    ("<script>'/", "a"),
    ("<script>'", "\\u002f"),
    ("", "<meta http-equiv=refresh content='x'>"),
    ("<meta http-equiv=refresh content='0;url=", " "),
    ("<meta http-equiv=refresh content='", "1"),
    ("<meta name=robots content='", "none,"),
    ("", "<svg>"),
    ("", "<svg><foreignObject>"),
    ("<svg>", "<font "),
    ("<svg>", "<font>"),
    ("<svg>", "<![CDATA["),
    ("<svg><![CDATA[", "]]"),
    ("<svg>", "</svg"),
    ("", "<math><mi>"),
    ("<svg>", "<title>"),
    ("<svg>", "</p>"),
    ("", "<annotation-xml "),
    ("<math>", "<annotation-xml encoding=x>"),
    ("", "<base href=x>"),
    ("", "<plaintext>"),
    ("\u{FEFF}", "é"),
];

fn time(page: &[u8]) -> Duration {
    let start = Instant::now();
    let page_links = links(page, &ALL_LINKS, &utf8);
    let taken = start.elapsed();
    assert!(page_links.links.len() <= page.len());
    taken
}

/// Sixteen times the input must take less than sixty-four times as long.
///
/// Quadratic work would take 256 times as long.
#[test]
fn no_input_takes_more_than_linear_time() {
    const SMALL: usize = 16 * 1024;
    // An attribute or a text that never ends is never decoded, so each input is tried with an ending as well.
    for ((before, unit), after) in HOSTILE
        .iter()
        .flat_map(|hostile| ["", "'></script></style></title>"].map(|after| (hostile, after)))
    {
        let page = |size: usize| {
            let middle = unit.repeat(size / unit.len());
            format!("{before}{middle}{after}").into_bytes()
        };
        let (small, large) = (page(SMALL), page(16 * SMALL));
        // Other processes can only make a try slower, so one fast try is enough.
        let is_linear = (0..20).any(|_| {
            let small = time(&small)
                .max(time(&small))
                .max(Duration::from_micros(20));
            time(&large) < small * 64
        });
        assert!(is_linear, "{before}{unit}{unit}…{after} is not linear");
    }
}

#[test]
fn a_tag_needs_its_closing_bracket() {
    for page in [
        "<a href=x",
        "<a href='x>",
        "<a href='x'",
        "<a href=x/",
        "<a href",
        "<title",
        "<a href=\"x></a>",
    ] {
        assert!(
            links(page.as_bytes(), &ALL_LINKS, &utf8).links.is_empty(),
            "{page}"
        );
    }
}

/// Breaks at the n-th tag.
struct BreakingVisitor(usize);

impl<'a> Visitor<'a> for BreakingVisitor {
    fn start_tag(&mut self, _: &mut Tag<'a>) -> ControlFlow<()> {
        self.0 -= 1;
        if self.0 == 0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn raw_text(&mut self, _: Name, _: &'a [u8], _: usize) -> ControlFlow<()> {
        panic!("called after it broke")
    }
}

#[test]
fn a_visitor_that_breaks_is_not_called_again() {
    let mut visitor = BreakingVisitor(2);
    scan(b"<a><title>x</title>", &mut visitor);
    assert_eq!(visitor.0, 0);
}

#[test]
fn a_tag_has_its_offset_and_knows_how_it_ended() {
    struct TagRecorder(Vec<(usize, bool, Vec<u8>)>);
    impl<'a> Visitor<'a> for TagRecorder {
        fn start_tag(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
            assert!(tag.close());
            self.0.push((
                tag.offset(),
                tag.is_self_closing(),
                tag.name_text().to_vec(),
            ));
            ControlFlow::Continue(())
        }
        fn raw_text(&mut self, _: Name, _: &'a [u8], _: usize) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }
    }
    let mut recorder = TagRecorder(Vec::new());
    scan(b"x<br/><IMG src=a/><b / ><i/></i/>", &mut recorder);
    let expected: Vec<(usize, bool, Vec<u8>)> = vec![
        (1, true, b"br".into()),
        (6, false, b"IMG".into()),
        (18, false, b"b".into()),
        (24, true, b"i".into()),
    ];
    assert_eq!(recorder.0, expected);
}

#[test]
fn text_that_needs_no_decoding_is_borrowed() {
    use std::borrow::Cow;
    assert!(matches!(
        decode("/é?a=1".as_bytes(), TextContext::Attribute, &utf8),
        Cow::Borrowed("/é?a=1")
    ));
    assert_eq!(decode(b"a\xFF&lt;", TextContext::Text, &utf8), "a\u{FFFD}<");
    assert_eq!(decode(b"&copy=1", TextContext::Attribute, &utf8), "&copy=1");
    assert_eq!(decode(b"&copy=1", TextContext::Text, &utf8), "\u{A9}=1");
}

/// Collects the pieces of text with their offsets.
#[derive(Default)]
struct Texts<'a>(Vec<(&'a [u8], usize)>);

impl<'a> Visitor<'a> for Texts<'a> {
    fn start_tag(&mut self, _: &mut Tag<'a>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn raw_text(&mut self, _: Name, _: &'a [u8], _: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn text(&mut self, text: &'a [u8], offset: usize) -> ControlFlow<()> {
        self.0.push((text, offset));
        ControlFlow::Continue(())
    }
}

fn texts(html: &str) -> Vec<(&str, usize)> {
    let mut texts = Texts::default();
    scan(html.as_bytes(), &mut texts);
    let text = |(text, offset)| (std::str::from_utf8(text).unwrap(), offset);
    texts.0.into_iter().map(text).collect()
}

/// Pieces that texts and their ends consist of, without raw text and character references.
const TEXT: &[&str] = &[
    "<a b=c>",
    "</a>",
    "<",
    "</",
    ">",
    "<!-- - -->",
    "<!--",
    "--",
    "<!doctype x>",
    "<?p>",
    "</>",
    "</ ",
    " x ",
    "<3",
    "é",
    "!",
    "?",
    "\n",
    "'",
    "=",
];

#[test]
fn text_between_tags_is_reported_separately_from_raw_text() {
    for (html, expected) in [
        ("", &[][..]),
        ("plain", &[("plain", 0)]),
        ("a<b>c</b>d", &[("a", 0), ("c", 4), ("d", 9)]),
        ("1 < 2 <3<p>4 <", &[("1 < 2 <3", 0), ("4 <", 11)]),
        (
            "a<!-- b -->c<?d?>e</ f>g",
            &[("a", 0), ("c", 11), ("e", 17), ("g", 23)],
        ),
        ("<title>a</title>b<script>c</script>", &[("b", 16)]),
        ("a</", &[("a</", 0)]),
        ("a<b c", &[("a", 0)]),
    ] {
        assert_eq!(texts(html), expected, "{html}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(page in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = links(&page, &ALL_LINKS, &utf8);
    }

    #[test]
    fn text_is_the_same_as_in_html5ever(
        pieces in proptest::collection::vec(proptest::sample::select(TEXT), 0..40),
    ) {
        let soup = pieces.concat();
        let actual: String = texts(&soup).into_iter().map(|(text, _)| text).collect();
        prop_assert_eq!(actual, super::oracle::text(&soup));
    }

    #[test]
    fn markup_in_broken_encodings_never_panics(
        soup in super::differential::soup(&["<a href=", "<style>", "url(", "\\", "'", "\"", "<script>", ">", "<img srcset=", "&", "<svg>", "é", "/", "@import "]),
        at in any::<proptest::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut page = soup.into_bytes();
        if !page.is_empty() {
            let at = at.index(page.len());
            page[at] = byte;
        }
        let _ = links(&page, &ALL_LINKS, &utf8);
    }
}

#[test]
fn xml_is_scanned_by_its_own_rules() {
    use Element as E;
    use LinkKind as K;
    let read = |text| {
        let settings = LinkSettings {
            guess: true,
            ..LinkSettings::ALL
        };
        links_as(Markup::Xml, str::as_bytes(text), &settings, &utf8)
    };
    for (text, title, expected) in [
        (
            "<script src='1'/><a href='2'/>",
            None,
            vec![("1", E::Script, K::Asset), ("2", E::A, K::Page)],
        ),
        (
            "<title/><style/><textarea/><iframe src='1'/><xmp/><noembed/><plaintext/><a href='2'/>",
            None,
            vec![("1", E::Iframe, K::Page), ("2", E::A, K::Page)],
        ),
        (
            "<?x '>' ?><!DOCTYPE html [<!ENTITY e '<a href=\"9\"/>'>]><title>a &amp; b</title><textarea><a href='1'/></textarea>",
            Some("a & b"),
            vec![("1", E::A, K::Page)],
        ),
        (
            "<title><![CDATA[a & b]]></title><!-- <a href='8'/> --!> <a href='9'/> --><p><![CDATA[<a href='9'/>]]><a href='1'/></p>",
            Some("a & b"),
            vec![("1", E::A, K::Page)],
        ),
        (
            "<style>a { b: url(1?a&amp;b) }</style><style><![CDATA[ a { b: url(2) } </style> ]]></style><script>'/3'</script>",
            None,
            vec![
                ("1?a&b", E::Css, K::Asset),
                ("2", E::Css, K::Asset),
                ("/3", E::Inline, K::Guess),
            ],
        ),
        (
            "<svg><p><image href='1'/></p></svg><image src='2'/>",
            None,
            vec![("1", E::Img, K::Asset), ("2", E::Img, K::Asset)],
        ),
        ("<title", None, vec![]),
        ("<!DOCTYPE [", None, vec![]),
        ("<![CDATA[", None, vec![]),
        ("<style>", None, vec![]),
    ] {
        let page = read(text);
        assert_eq!(
            (
                page.title.as_deref(),
                page.links
                    .iter()
                    .map(|link| (&*link.url, link.element, link.kind))
                    .collect::<Vec<_>>()
            ),
            (title, expected),
            "{text}"
        );
    }
}
