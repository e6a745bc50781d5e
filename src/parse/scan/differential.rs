//! The scanner compared with html5ever, event by event: start tags with decoded attributes, end tags, raw text.

use proptest::prelude::*;

use super::oracle::{ByName, Tree, ours, pages, theirs};

#[test]
fn hand_written_oddities_are_read_as_in_html5ever() {
    for html in [
        "<a href=x>",
        "<a href=x/>",
        "<a href = 'x' >",
        "<a href=\"x\"class=y>",
        "<a href='x'/class=y>",
        "<a/href=x>",
        "<a//href=x/ >",
        "<a =href=x>",
        "<a ==x>",
        "<a href==x>",
        "<a href= >",
        "<a href=>x",
        "<a href=\"a>b\" x='c>d'>",
        "<a \"href='>x'>",
        "<a 'x='>'>",
        "<a b\"c=\"d\">",
        "<a x=a\"b'c=d`<e>",
        "<A HREF=X hReF=y>",
        "<a href=1 href=2 HREF=3>",
        "<a\0b c\0d=e\0f>",
        "<a\rb\r\n=\r\"c\r\nd\re\">",
        "<a\x0Cb\x0Bc=d>",
        "<a b='c'",
        "<a b",
        "<a",
        "<",
        "</",
        "<!",
        "<?",
        "</>x",
        "</ a>x",
        "</a b='>'>x",
        "</a/>",
        "<1>",
        "<é>",
        "<a/ >",
        "<br/><br />",
        "<?xml version='1.0'?><a>",
        "<?><a>",
        "<!><a>",
        "<!a><a>",
        "<!doctype html><a>",
        "<!DOCTYPE html PUBLIC \"a>b\"><a>",
        "<!doctype html SYSTEM 'x'><a>",
        "<!--><a>-->",
        "<!---><a>-->",
        "<!----><a>",
        "<!-----><a>",
        "<!--a--!><a>",
        "<!----!><a>",
        "<!---!><a>-->",
        "<!--!><a>-->",
        "<!--a--!-->b<a>",
        "<!--a-- ><a>-->",
        "<!--<!--><a>",
        "<!--<!-- --><a>",
        "<!-- <!-a --!> <a>",
        "<!--a->b--><a>",
        "<!--a",
        "<!--a-",
        "<!--a--",
        "<!--a--!",
        "<!-",
        "<!-a><b>",
        "<![CDATA[><a>]]><b>",
        "<!--\0--><a>",
        "<!--a--\0><a>-->",
        "<!--a--!\0><a>-->",
        "<title>a<b>&amp;&notit;</title ><a>",
        "<title></titlex></title",
        "<title></title/><a>",
        "<TITLE>x</Title\n><a>",
        "<title>a\0b\r\nc</title>",
        "<textarea><!--</textarea>--><a>",
        "<title></title a='>'>x<b>",
        "<title><</title>",
        "<title></</title>",
        "<title></ti<</title>",
        "<title>x",
        "<style><!--</style>--><a>",
        "<style>&amp;</style>",
        "<xmp><a></xmp>",
        "<iframe><a></iframe>",
        "<noembed><a></noembed>",
        "<noframes><a></noframes>",
        "<noscript><a></noscript>",
        "<plaintext><a></plaintext>",
        "<script><a></script><b>",
        "<script><!--<script></script>--></script><b>",
        "<script><!--<script></script><a></script><b>",
        "<script><!--</script><b>",
        "<script><!--><script></script><b>",
        "<script><!---><script></script><b>",
        "<script><!--<script/--></script><b>",
        "<script><!--<scriptx></script><b>",
        "<script><!--<SCRIPT >-</sCripT\n></SCRIPT></script><b>",
        "<script><!--<script></scriptx></script></script><b>",
        "<script><!-<script></script><b>",
        "<script><!--<script></script<b></script></script><c>",
        "<script><!--x--<script>--></script><b>",
        "<script></script x='</script>'><b>",
        "<script></scrip</script><b>",
        "<script><!--<script>--><script></script><b>",
        "<script><!--<",
        "<script><!--</",
        "<script><!--<script>-",
        "<script><!--<script></",
        "<script></",
        "<script><!",
        "<script><!--",
        "<a x='&amp;&amp=&ampx&amp;x&copy&copy=1&copy1&copy;&copy &notit;&notin;&not;' y=&lt;&gt z=&#65;&#x41;&#X41&#65x&#;&#x;&#xg;&#>",
        "<a x='&#0;&#x80;&#150;&#xD800;&#x110000;&#99999999999999999999;&#13;&#xFFFF;&#1;&#x9f;&#x81;'>",
        "<a x=&>",
        "<a x='&",
        "<a x='&amp'>",
        "<a x='&'>",
        "<a x='& &;&a;&zzz;&zzz='>",
        "<a x='&NotEqualTilde;&ThickSpace;&acE;&CounterClockwiseContourIntegral;&CounterClockwiseContourIntegra'>",
        "<a x='&\r\n&amp\r\n&\0'>",
        "a<b<c<d>",
        "<<a>",
        "<a<b>",
        "<a <b>",
        "<a href=\"x\"\"y\">",
        "<a href='x' 'y'>",
        "<a b=c d>",
        "<a b =c>",
        "<a b = >",
        "<a b /=c>",
        "<plaintextx><a>",
        "<textareas><a>",
        "<noframe ><a>",
        "\u{FEFF}<a>",
        "<a\u{1}b>",
        "<title\u{1}><a></title>",
        "<abcdefgh><a>",
        "<abcdefghi><a>",
        "<textarea><a></textarea>",
    ] {
        assert_eq!(ours(html), theirs(html, ByName), "{html:?}");
    }
}

#[test]
fn foreign_content_is_read_as_in_a_browser() {
    for html in [
        "<svg><![CDATA[><a>]]><b></svg>",
        "<svg><![CDATA[><a>]] ]>]]]]><g></svg>",
        "<svg/><![CDATA[><a>]]><b>",
        "<math><![CDATA[><a>]]></math><![CDATA[><a>]]>",
        "<svg><title><a></title></svg><title><a></title>",
        "<svg><style><a></style></svg><style><a></style>",
        "<svg><script><a></script></svg>",
        "<svg><textarea><g></textarea></svg>",
        "<svg><p><style><a></style>",
        "<svg><g><g></g></g></svg><style><a></style>",
        "<svg><svg></svg><style><g></style></svg><style><g></style>",
        "<svg><foreignObject><style><g></style><![CDATA[><g>]]></foreignObject><style><g></style></svg>",
        "<svg><foreignObject><![CDATA[><g>]]></foreignObject></svg>",
        "<svg><desc><style><g></style></desc></svg>",
        "<svg><title><style><g></style></title><style><g></style></svg>",
        "<svg><foreignObject><svg><style><g></style></svg></foreignObject></svg>",
        "<svg><foreignObject/><style><g></style></svg>",
        "<svg><font color=x><style><g></style>",
        "<svg><font><style><g></style></font></svg>",
        "<svg></p><style><g></style>",
        "<svg></br><style><g></style>",
        "<math><mi><style><g></style></mi><style><g></style></math>",
        "<math><annotation-xml encoding='text/html'><style><g></style></annotation-xml></math>",
        "<math><annotation-xml><style><g></style></annotation-xml></math>",
        "<div><svg></div><style><g></style>",
        "<svg><table><style><g></style></table>",
        "<SVG><![CDATA[x]]></SVG ><![CDATA[><g>]]>",
        "<select><style><g></style><title><g></title><textarea><g></textarea></select><xmp><g></xmp>",
        "<p><svg><path d='M0 0'/></svg><a href=x><title>&amp;</title>",
    ] {
        assert_eq!(ours(html), theirs(html, Tree::oracle()), "{html:?}");
    }
}

/// Known differences between the model of foreign content and the tree.
///
/// This keeps the docs true.
#[test]
fn the_documented_approximations_do_differ() {
    for html in [
        // The tree builder drops what may not be in or after a `frameset`; the scanner reports it as written.
        "<frameset><style><g></style>",
        "<frameset></frameset><title><g></title>",
        // The end tag of an outer element that is not in the list closes the svg.
        "<a><svg></a><style><g></style>",
        "<svg><foreignObject><div></svg></div><![CDATA[><g>]]>",
        // A void element inside an integration point makes the point current again.
        "<svg><foreignObject><br><![CDATA[><g>]]></foreignObject></svg>",
        // The tree builder ignores an end tag with a break-out name that closes nothing.
        "<svg></div><style><g></style></svg>",
    ] {
        assert_ne!(ours(html), theirs(html, Tree::oracle()), "{html:?}");
    }
}

/// Random concatenations of pieces that tokenizers trip over.
pub(crate) fn soup(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => proptest::sample::select(pieces).prop_map(str::to_owned),
        1 => proptest::char::any().prop_map(String::from),
        1 => "[a-z <>\"'=/&;!-]{0,3}",
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

const PIECES: &[&str] = &[
    "<",
    ">",
    "</",
    "/>",
    "/",
    "=",
    "\"",
    "'",
    " ",
    "\n",
    "\r",
    "\r\n",
    "\t",
    "\x0C",
    "\0",
    "-",
    "--",
    "-->",
    "--!>",
    "!",
    "<!",
    "<!-",
    "<!--",
    "<!-->",
    "<!--->",
    "?",
    "<?",
    "a",
    "x",
    "é",
    "\u{FEFF}",
    "<a ",
    "<a href=",
    "<A HREF=\"",
    "href='",
    "</a>",
    "<img src=",
    "<br/>",
    "<p>",
    "</p>",
    "<div class=\"",
    "<!doctype html>",
    "<!DOCTYPE",
    "<![CDATA[",
    "]]>",
    "]",
    "<script>",
    "<script ",
    "</script>",
    "</script ",
    "</SCRIPT>",
    "<script",
    "</script",
    "script",
    "<title>",
    "</title>",
    "</title",
    "title",
    "<style>",
    "</style>",
    "<textarea>",
    "</textarea>",
    "<textarea",
    "<xmp>",
    "</xmp>",
    "<iframe src=x>",
    "</iframe>",
    "<noembed>",
    "</noembed>",
    "<noframes>",
    "</noframes>",
    "<noscript>",
    "</noscript>",
    "<plaintext",
    "&",
    "&amp;",
    "&amp",
    "&copy",
    "&not",
    "&notin",
    "&notin;",
    "&#",
    "&#x",
    "&#65",
    "&#x80;",
    ";",
    "&lt;",
    "&#0;",
    "#",
    "&a",
    "&acE;",
    "amp;",
    "http://x/?a=1&b=2",
    "<base href=",
    "<meta content='0;url=",
];

/// Well-formed bits of foreign content mixed with HTML, so that the tree matches the model.
const FOREIGN: &[&str] = &[
    "<svg>",
    "</svg>",
    "<svg/>",
    "<math>",
    "</math>",
    "<g>",
    "</g>",
    "<path/>",
    "<foreignObject>",
    "</foreignObject>",
    "<desc>",
    "</desc>",
    "<title>",
    "</title>",
    "<style>",
    "</style>",
    "<script>",
    "</script>",
    "<![CDATA[",
    "]]>",
    "<p>",
    "</p>",
    "<div>",
    "</div>",
    "<mi>",
    "</mi>",
    "text",
    "<!--",
    "-->",
    "<br>",
    "<img>",
    "<font color=a>",
    "<font>",
    "<annotation-xml encoding='text/html'>",
    "</annotation-xml>",
];

pub(crate) fn cases(default: u32) -> u32 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(default)
}

#[test]
fn tag_soup_is_read_as_in_html5ever() {
    let config = ProptestConfig {
        cases: cases(4_000),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(html in soup(PIECES))| {
        prop_assert_eq!(ours(&html), theirs(&html, ByName), "{:?}", html);
    });
}

#[test]
fn tag_soup_is_read_as_in_the_tree_builder() {
    let config = ProptestConfig {
        cases: cases(4_000),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(html in soup(PIECES))| {
        // Starts like most pages: outside `frameset`, only foreign content needs a tree.
        let html = format!("<!doctype html><body>{html}");
        prop_assert_eq!(ours(&html), theirs(&html, Tree::oracle()), "{:?}", html);
    });
}

/// Pieces for scripts, whose states take long to reach.
const SCRIPT: &[&str] = &[
    "<!--",
    "<!-",
    "-->",
    "--",
    "-",
    ">",
    "<",
    "/",
    "!",
    " ",
    "\n",
    "\0",
    "<script",
    "<script>",
    "<script ",
    "<SCRIPT/",
    "</script",
    "</script>",
    "</script ",
    "</Script\t",
    "<scriptx",
    "</scrip",
    "script",
    "a",
    "<a href=x>",
    "<a>",
];

#[test]
fn scripts_end_where_they_do_in_html5ever() {
    let config = ProptestConfig {
        cases: cases(4_000),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(script in soup(SCRIPT))| {
        let html = format!("<script><!--{script}");
        prop_assert_eq!(ours(&html), theirs(&html, ByName), "{:?}", html);
    });
}

#[test]
fn broken_foreign_content_is_seldom_misread() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = proptest::collection::vec(proptest::sample::select(FOREIGN), 0..12)
        .prop_map(|pieces| format!("<body>{}", pieces.concat()));
    let total = cases(4_000);
    let wrong = (0..total)
        .filter(|_| {
            let html = strategy.new_tree(&mut runner).unwrap().current();
            ours(&html) != theirs(&html, Tree::oracle())
        })
        .count();
    assert!(wrong * 200 < total as usize, "{wrong} of {total}");
}

#[test]
fn real_pages_are_read_as_in_the_tree_builder() {
    for path in pages() {
        let Ok(bytes) = std::fs::read(&path) else {
            continue;
        };
        let html = String::from_utf8_lossy(&bytes);
        let (ours, theirs) = (ours(&html), theirs(&html, Tree::oracle()));
        let matching = ours.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
        assert!(
            ours == theirs,
            "{}: {:?} is not {:?}",
            path.display(),
            ours.get(matching),
            theirs.get(matching)
        );
    }
}
