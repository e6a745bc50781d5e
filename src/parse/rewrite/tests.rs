//! Rewritten references, context by context.

use super::*;
use crate::url::PageUrl;
use crate::url::fingerprint::Fingerprints;

const URL: &str = "http://h.example/d/page.html?x=1";

/// Rewrites a page when `/saved`, `/d/saved` and `/d/page.html?x=1` are on disk.
fn page(html: &str) -> String {
    String::from_utf8(bytes(
        html.as_bytes(),
        Some("text/html; charset=utf-8"),
        false,
    ))
    .unwrap()
}

fn bytes(bytes: &[u8], content_type: Option<&str>, again: bool) -> Vec<u8> {
    let url = PageUrl::parse(URL).unwrap();
    let fingerprints = Fingerprints::seeded(3);
    let saved = ["/saved", "/d/saved", "/d/page.html?x=1"]
        .map(|path| fingerprints.of(&format!("http://h.example{path}")));
    let find_saved = |fingerprint: u64| {
        let at = saved.iter().position(|saved| *saved == fingerprint)?;
        Some(LocalTarget {
            path: ["../saved.html", "saved%20it.html", "page%40x=1.html"][at].to_owned(),
            fragment: None,
        })
    };
    let document = Document {
        url: &url,
        content_type,
        fingerprints,
        again,
    };
    rewrite(bytes, document, &find_saved).unwrap_or_else(|| bytes.to_vec())
}

#[test]
fn saved_targets_become_paths_and_all_others_absolute() {
    for (html, expected) in [
        ("<a href='/saved'>", "<a href='../saved.html'>"),
        ("<a href=\"saved#x\">", "<a href=\"saved%20it.html#x\">"),
        ("<a href=/saved>", "<a href=\"../saved.html\">"),
        ("<A HREF = saved >", "<A HREF = \"saved%20it.html\" >"),
        (
            "<a href='http://h.example/saved'>",
            "<a href='../saved.html'>",
        ),
        ("<a href='//h.example/saved'>", "<a href='../saved.html'>"),
        (
            "<a href='other?a=1&amp;b=2'>",
            "<a href='http://h.example/d/other?a=1&amp;b=2'>",
        ),
        (
            "<a href='http://else.example/x?a&b'>",
            "<a href='http://else.example/x?a&b'>",
        ),
        (
            "<a href='#top'><a href=''><a href><a href=>",
            "<a href='#top'><a href=''><a href><a href=>",
        ),
        ("<a href='?x=1#top'>", "<a href='page%40x=1.html#top'>"),
        (
            "<a href='mailto:a@b'><a href='javascript:x()'>",
            "<a href='mailto:a@b'><a href='javascript:x()'>",
        ),
        (
            "<img src=a.png srcset='saved 1x, /b.png 2x,/saved'>",
            "<img src=\"http://h.example/d/a.png\" srcset='saved%20it.html 1x, http://h.example/b.png 2x,../saved.html'>",
        ),
        (
            "<video poster=/saved src=/saved></video><object data=/saved>",
            "<video poster=\"../saved.html\" src=\"../saved.html\"></video><object data=\"../saved.html\">",
        ),
        (
            "<form action=/saved method=post>",
            "<form action=\"../saved.html\" method=post>",
        ),
        (
            "<meta http-equiv=refresh content='5;URL=/saved'>",
            "<meta http-equiv=refresh content='5; url=../saved.html'>",
        ),
        (
            "<svg><image xlink:href='/saved'/><a href=/saved /></svg>",
            "<svg><image xlink:href='../saved.html'/><a href=\"../saved.html\" /></svg>",
        ),
        (
            "<p style='background: url(&quot;/saved&quot;)'>",
            "<p style='background: url(&quot;../saved.html&quot;)'>",
        ),
        (
            "<style>@import '/saved'; a { b: url( x.png ) }</style>",
            "<style>@import '../saved.html'; a { b: url( http://h.example/d/x.png ) }</style>",
        ),
        (
            "<!-- <a href='/saved'> --><script>'<a href=/saved>'</script><title><a href=/saved></title>",
            "<!-- <a href='/saved'> --><script>'<a href=/saved>'</script><title><a href=/saved></title>",
        ),
        ("<a href=/saved", "<a href=/saved"),
        (
            "<p data=/saved title=/saved>",
            "<p data=/saved title=/saved>",
        ),
    ] {
        assert_eq!(page(html), expected);
    }
}

#[test]
fn hostile_urls_cannot_escape_their_context() {
    for (html, expected) in [
        (
            "<a href=\"x'><script>\">",
            "<a href=\"http://h.example/d/x&#39;%3E%3Cscript%3E\">",
        ),
        (
            "<a href='/saved#&quot;&gt;&apos;<b>'>",
            "<a href='../saved.html#%22%3E%27%3Cb%3E'>",
        ),
        (
            "<style>a{b:url(\"/saved#)</style>\")}",
            "<style>a{b:url(\"../saved.html#%29</style>\")}",
        ),
        (
            "<style>a{b:url('x\\27 y(')}</style>",
            "<style>a{b:url('http://h.example/d/x\\'y\\(')}</style>",
        ),
        (
            "<img srcset='/a,b 1x'>",
            "<img srcset='http://h.example/a,b 1x'>",
        ),
    ] {
        assert_eq!(page(html), expected, "{html}");
    }
}

#[test]
fn whatever_would_keep_a_browser_from_using_the_copy_is_disabled() {
    for (html, expected) in [
        (
            "<base href=/saved target=x><a href=saved>",
            "<base href=\"\" target=x><a href=\"../saved.html\">",
        ),
        (
            "<a href=saved><base href='/d/e/'><a href='#x'>",
            "<a href=\"http://h.example/d/e/saved\"><base href=''><a href='http://h.example/d/e/#x'>",
        ),
        (
            "<script src=/saved integrity='sha256-x' crossorigin></script>",
            "<script src=\"../saved.html\" data-integrity='sha256-x' data-crossorigin></script>",
        ),
        (
            "<script src=/x integrity='sha256-x'></script>",
            "<script src=\"http://h.example/x\" integrity='sha256-x'></script>",
        ),
        (
            "<meta http-equiv=Content-Security-Policy content=\"default-src 'self'\">",
            "<meta data-http-equiv=Content-Security-Policy content=\"default-src 'self'\">",
        ),
    ] {
        assert_eq!(page(html), expected);
    }
}

#[test]
fn rewriting_again_changes_only_absolute_references() {
    let once = page("<a href=saved><a href=/other><base href='/q/'><link href='/saved'>");
    let again = bytes(once.as_bytes(), Some("text/html"), true);
    assert_eq!(String::from_utf8(again).unwrap(), once);
    let later = bytes(
        b"<a href='http://h.example/saved'><a href='saved'>",
        Some("text/html"),
        true,
    );
    assert_eq!(later, b"<a href='../saved.html'><a href='saved'>");
}

#[test]
fn a_page_whose_charset_was_in_the_headers_reads_the_same_from_disk() {
    let link = "<a href=/saved>é</a>";
    let expected = "\u{FEFF}<a href=\"../saved.html\">é</a>".as_bytes();
    assert_eq!(
        bytes(link.as_bytes(), Some("text/html; charset=utf-8"), false),
        expected
    );
    let latin: Vec<u8> = link.chars().map(|c| c as u8).collect();
    assert_eq!(
        bytes(&latin, Some("text/html; charset=iso-8859-1"), false),
        expected
    );
    let wide: Vec<u8> = "\u{FEFF}"
        .encode_utf16()
        .chain(link.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(bytes(&wide, Some("text/html"), false), expected);
    // A page that declares its charset itself keeps it.
    let declared = [b"<meta charset=windows-1252>".as_slice(), &latin].concat();
    let rewritten = bytes(&declared, Some("text/html"), false);
    assert!(rewritten.ends_with(b"<a href=\"../saved.html\">\xE9</a>"));
    // Not every browser looks for a late declaration: a byte order mark works for all.
    let late = [
        " ".repeat(2_000).as_bytes(),
        b"<meta charset=windows-1252>",
        &latin,
    ]
    .concat();
    let marked = bytes(&late, Some("text/html"), false);
    assert!(marked.starts_with("\u{FEFF}".as_bytes()) && marked.ends_with("é</a>".as_bytes()));
}

#[test]
fn style_sheets_are_rewritten_and_other_types_stay() {
    let css = b"@import url(/saved);a{b:url(\"x.png\")}/* url(/saved) */";
    let expected =
        b"@import url(../saved.html);a{b:url(\"http://h.example/d/x.png\")}/* url(/saved) */";
    assert_eq!(bytes(css, Some("text/css"), false), expected);
    let script = b"'<a href=/saved>'";
    assert_eq!(bytes(script, Some("text/javascript"), false), script);
}
