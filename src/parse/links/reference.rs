//! The attributes that contain references: the one list for both finding links and rewriting copies.
//!
//! Rows come from HTML 4 to 13 and SVG 2, and from what browsers load beyond the standards (`background`). An
//! attribute that only scripts use is not a reference for a browser; `data-src` and `data-srcset` are listed
//! nevertheless, since whole frameworks agree on them. Invariant: an attribute that is not listed is neither found nor
//! rewritten. A test compares the list with what Chromium requests.

use super::super::scan::Name;

/// The syntax of the references in an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::parse) enum Syntax {
    /// A single URL.
    Url,
    /// The candidates of a `srcset`.
    Set,
    /// CSS: declarations, or a single value.
    Css,
    /// An HTML document, relative to the one around it.
    Document,
}

/// The purpose of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::parse) enum Purpose {
    /// Another page, or a document shown in this one.
    Page,
    /// A part of this page, such as an image.
    Asset,
    /// Not loaded by itself, but rewritten: a form's other target, a lazy attribute of a custom element.
    Inert,
}

/// An attribute that contains references.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::parse) struct Row {
    /// The name, in lower case.
    pub(in crate::parse) name: &'static str,
    pub(in crate::parse) syntax: Syntax,
    pub(in crate::parse) purpose: Purpose,
}

/// The most rows of one element.
pub(in crate::parse) const ROWS: usize = 6;

const fn page(name: &'static str) -> Row {
    Row {
        name,
        syntax: Syntax::Url,
        purpose: Purpose::Page,
    }
}

const fn asset(name: &'static str) -> Row {
    Row {
        name,
        syntax: Syntax::Url,
        purpose: Purpose::Asset,
    }
}

const fn inert(name: &'static str) -> Row {
    Row {
        name,
        syntax: Syntax::Url,
        purpose: Purpose::Inert,
    }
}

const fn set(name: &'static str) -> Row {
    Row {
        name,
        syntax: Syntax::Set,
        purpose: Purpose::Asset,
    }
}

/// HTML elements for which `background` is an image.
const WITH_BACKGROUND: [&str; 8] = ["body", "table", "thead", "tbody", "tfoot", "tr", "td", "th"];

/// SVG attributes whose value is CSS that may contain a `url()` (SVG 2, 6.6).
const PRESENTATION: [&str; 10] = [
    "fill",
    "stroke",
    "filter",
    "clip-path",
    "mask",
    "marker",
    "marker-start",
    "marker-mid",
    "marker-end",
    "cursor",
];

/// The rows of an element that has a [`Name`].
///
/// Those of `link` are pages or assets, depending on its `rel`; that of `input` only counts for one `type`.
pub(in crate::parse) const fn rows(name: Name, is_foreign: bool) -> &'static [Row] {
    if is_foreign {
        return match name {
            Name::A => const { &[page("href"), page("xlink:href")] },
            Name::Image | Name::Script | Name::Use | Name::FeImage => {
                const { &[asset("href"), asset("xlink:href")] }
            }
            _ => &[],
        };
    }
    match name {
        Name::A | Name::Area => const { &[page("href")] },
        Name::Link => const { &[page("href"), set("imagesrcset")] },
        Name::Iframe => {
            const {
                &[
                    page("src"),
                    page("data-src"),
                    Row {
                        name: "srcdoc",
                        syntax: Syntax::Document,
                        purpose: Purpose::Page,
                    },
                    inert("longdesc"),
                ]
            }
        }
        Name::Frame => const { &[page("src"), inert("longdesc")] },
        Name::Form => const { &[page("action")] },
        Name::Button => const { &[inert("formaction")] },
        Name::Input => const { &[asset("src"), inert("formaction")] },
        Name::Img | Name::Image => {
            const {
                &[
                    asset("src"),
                    asset("data-src"),
                    set("srcset"),
                    set("data-srcset"),
                    inert("longdesc"),
                ]
            }
        }
        Name::Source => {
            const {
                &[
                    asset("src"),
                    asset("data-src"),
                    set("srcset"),
                    set("data-srcset"),
                ]
            }
        }
        Name::Video => const { &[asset("src"), asset("poster"), asset("data-src")] },
        Name::Audio => const { &[asset("src"), asset("data-src")] },
        Name::Track | Name::Script | Name::Embed => const { &[asset("src")] },
        Name::Object => const { &[asset("data")] },
        _ => &[],
    }
}

/// The row of an attribute that contains references on any element: `style`, `background`, and those of SVG.
pub(in crate::parse) fn common_row(
    element: &[u8],
    is_foreign: bool,
    attribute: &[u8],
) -> Option<Row> {
    let is = |name: &str| attribute.eq_ignore_ascii_case(name.as_bytes());
    let css = |name| Row {
        name,
        syntax: Syntax::Css,
        purpose: Purpose::Asset,
    };
    if is("style") {
        return Some(css("style"));
    }
    if is_foreign {
        let name = PRESENTATION.into_iter().find(|name| is(name));
        return name.map(css);
    }
    if is("background") {
        let mut elements = WITH_BACKGROUND.iter();
        let has_background = elements.any(|name| element.eq_ignore_ascii_case(name.as_bytes()));
        return Some(if has_background {
            asset("background")
        } else {
            inert("background")
        });
    }
    None
}

/// The row of any attribute of an element.
///
/// Names that mean a URL on any element, including custom elements, are inert.
pub(in crate::parse) fn row(
    name: Name,
    element: &[u8],
    is_foreign: bool,
    attribute: &[u8],
) -> Option<Row> {
    const ANYWHERE: [Row; 7] = [
        inert("href"),
        inert("src"),
        inert("poster"),
        inert("action"),
        inert("data-src"),
        inert("xlink:href"),
        Row {
            name: "srcset",
            syntax: Syntax::Set,
            purpose: Purpose::Inert,
        },
    ];
    rows(name, is_foreign)
        .iter()
        .find(|row| attribute.eq_ignore_ascii_case(row.name.as_bytes()))
        .copied()
        .or_else(|| common_row(element, is_foreign, attribute))
        .or_else(|| {
            ANYWHERE
                .into_iter()
                .find(|row| attribute.eq_ignore_ascii_case(row.name.as_bytes()))
        })
}

#[cfg(test)]
mod tests {
    use super::super::super::rewrite::{Document, LocalTarget, rewrite};
    use super::super::super::scan::utf8;
    use super::super::{LinkSettings, links};
    use super::*;
    use crate::url::PageUrl;
    use crate::url::fingerprint::Fingerprints;

    const HTML: [(Name, &str); 16] = [
        (Name::A, "a"),
        (Name::Area, "area"),
        (Name::Link, "link rel=stylesheet"),
        (Name::Iframe, "iframe"),
        (Name::Frame, "frame"),
        (Name::Form, "form"),
        (Name::Button, "button"),
        (Name::Input, "input type=image"),
        (Name::Img, "img"),
        (Name::Image, "image"),
        (Name::Source, "source"),
        (Name::Video, "video"),
        (Name::Audio, "audio"),
        (Name::Track, "track"),
        (Name::Embed, "embed"),
        (Name::Object, "object"),
    ];
    const SVG: [(Name, &str); 5] = [
        (Name::A, "a"),
        (Name::Image, "image"),
        (Name::Script, "script"),
        (Name::Use, "use"),
        (Name::FeImage, "feImage"),
    ];

    fn find(html: &str) -> Vec<String> {
        let page = links(html.as_bytes(), &LinkSettings::ALL, &utf8);
        page.links.iter().map(|link| link.url.to_string()).collect()
    }

    fn rewritten(html: &str) -> String {
        let url = PageUrl::parse("http://h.example/").unwrap();
        let document = Document {
            url: &url,
            content_type: Some("text/html; charset=utf-8"),
            fingerprints: Fingerprints::default(),
            again: false,
        };
        let saved = LocalTarget {
            path: "SAVED".to_owned(),
            fragment: None,
        };
        let new = rewrite(html.as_bytes(), document, &|_| Some(saved.clone()));
        new.map_or_else(|| html.to_owned(), |new| String::from_utf8(new).unwrap())
    }

    /// A value of each syntax, with one reference to `/x`.
    fn value(syntax: Syntax) -> &'static str {
        match syntax {
            Syntax::Url => "/x",
            Syntax::Set => "/x 2x",
            Syntax::Css => "a:url(/x)",
            Syntax::Document => "&lt;a href=/x>",
        }
    }

    #[test]
    fn listed_attributes_are_found_and_rewritten() {
        let mut pages = Vec::new();
        for (name, tag) in HTML {
            assert!(rows(name, false).len() <= ROWS);
            for row in rows(name, false) {
                let page = format!("<{tag} {}='{}'>", row.name, value(row.syntax));
                pages.push((page, *row));
            }
        }
        for (name, tag) in SVG {
            for row in rows(name, true) {
                let page = format!("<svg><{tag} {}='{}'/></svg>", row.name, value(row.syntax));
                pages.push((page, *row));
            }
        }
        for (tag, attribute, row) in [
            (
                "x-y",
                "style",
                Row {
                    name: "style",
                    syntax: Syntax::Css,
                    purpose: Purpose::Asset,
                },
            ),
            ("td", "background", asset("background")),
            ("x-y", "background", inert("background")),
            ("x-y", "src", inert("src")),
        ] {
            let page = format!("<{tag} {attribute}='{}'>", value(row.syntax));
            pages.push((page, row));
        }
        for name in PRESENTATION {
            let row = common_row(b"path", true, name.as_bytes()).unwrap();
            pages.push((format!("<svg><path {name}='url(/x)'/></svg>"), row));
        }
        for (page, row) in pages {
            let expected = match row.purpose {
                Purpose::Inert => Vec::new(),
                Purpose::Page | Purpose::Asset => vec!["/x".to_owned()],
            };
            assert_eq!(find(&page), expected, "{page}");
            let copy = rewritten(&page);
            assert!(
                copy.contains("SAVED") && !copy.contains("/x "),
                "{page}: {copy}"
            );
        }
    }

    #[test]
    fn unlisted_attributes_are_neither_found_nor_rewritten() {
        for page in [
            "<p cite='/x'><a name='/x' data-href='/x' title='url(/x)'>",
            "<path fill='url(/x)'>",
            "<svg><path cite='url(/x)' d='/x'/></svg>",
            "<svg><use href='#x'/><path fill='url(#x)'/></svg>",
            "<i style='background:url(#x)'>",
        ] {
            assert_eq!(find(page), [""; 0], "{page}");
            assert_eq!(rewritten(page), page);
        }
    }

    #[test]
    fn nested_pages_and_style_sheets_are_read_and_rewritten() {
        for (page, expected, copy) in [
            (
                "<iframe srcdoc='<img src=/x?a&amp;amp;b><iframe srcdoc=\"&amp;lt;a href=/y>\">'>",
                vec!["/x?a&b", "/y"],
                "<iframe srcdoc='&lt;img src=&quot;SAVED&quot;&gt;&lt;iframe srcdoc=&quot;\
                    &amp;lt;a href=&amp;quot;SAVED&amp;quot;&amp;gt;&quot;&gt;'>",
            ),
            (
                "<svg><style>a{b:url('/x?a&amp;b')}</style></svg>",
                vec!["/x?a&b"],
                "<svg><style>a{b:url(&#39;SAVED&#39;)}</style></svg>",
            ),
            (
                "<svg><style><![CDATA[a{b:url(/x?a&b)}]]></style><style>i{b:url(/y)}</style></svg>",
                vec!["/x?a&b", "/y"],
                "<svg><style><![CDATA[a{b:url(SAVED)}]]></style><style>i{b:url(SAVED)}</style></svg>",
            ),
        ] {
            assert_eq!(find(page), expected, "{page}");
            assert_eq!(rewritten(page), copy, "{page}");
        }
        let many = "<svg>".to_owned() + &"<style>".repeat(50_000);
        assert_eq!(find(&many), [""; 0], "in linear time");
    }
}
