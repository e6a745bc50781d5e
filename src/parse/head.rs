//! Links and directives in the response headers: `Link`, `Refresh` and `X-Robots-Tag`.
//!
//! These apply to every kind of body, and resolve against the URL of the response; a `<base>` only counts inside the
//! page. Invariant: the work is linear in the size of the headers, which the fetch half limits, and at most [`LINKS`]
//! links are taken. A `Link` with a relation that a crawl does not follow, or about another page (`anchor`), is
//! ignored.

use std::borrow::Cow;

use http::header::{LINK, REFRESH};

use super::gather::Gathering;
use super::links::relation::{Relation, tokens};
use super::links::{Directives, refresh};
use super::resolve::Resolver;
use crate::page::headers::Headers;
use crate::visit::found::FoundKind;

/// The most links that are taken from one response's headers.
const LINKS: usize = 1000;

/// Gathers the links in the headers. With `assets`, that includes the assets they ask to load.
pub(super) fn gather(
    headers: &Headers,
    assets: bool,
    resolver: &mut Resolver<'_>,
    gathering: &mut Gathering,
) {
    let mut remaining = LINKS;
    for line in headers.0.get_all(LINK) {
        let line = String::from_utf8_lossy(line.as_bytes());
        let mut rest = &*line;
        while let Some(link) = next_link(&mut rest) {
            if remaining == 0 {
                gathering.note(|found| found.more = true);
                return;
            }
            remaining -= 1;
            let Some((kind, nofollow)) = link.kind() else {
                continue;
            };
            if (assets || kind != FoundKind::Asset)
                && gathering
                    .take(resolver, link.target.trim_ascii(), kind, nofollow)
                    .is_break()
            {
                return;
            }
        }
    }
    if let Some(value) = headers.text(REFRESH)
        && let Some((_, Some(url))) = refresh::parse(value)
        && !url.is_empty()
    {
        // This is the last link, so it does not matter if there is room for more.
        let _ = gathering.take(resolver, url.trim_ascii(), FoundKind::Page, false);
    }
}

/// What the headers ask of the robot with this name.
pub(super) fn directives(headers: &Headers, agent: &str) -> Directives {
    Directives::of_headers(headers, agent)
}

/// One link of a `Link` field (RFC 8288 3).
#[derive(Debug, PartialEq, Eq)]
struct HeadLink<'l> {
    target: &'l str,
    relation: Cow<'l, str>,
    /// Whether the link belongs to another page.
    anchored: bool,
}

impl HeadLink<'_> {
    /// What the link is for, and whether it is `nofollow`; `None` if a crawl has no use for it.
    fn kind(&self) -> Option<(FoundKind, bool)> {
        if self.anchored {
            return None;
        }
        let mut kind = None;
        let mut nofollow = false;
        for token in tokens(&self.relation) {
            kind = match (Relation::of(token), kind) {
                (Relation::Host, _) => return None,
                (Relation::Nofollow, kind) => {
                    nofollow = true;
                    kind
                }
                (Relation::Asset, _) | (_, Some(FoundKind::Asset)) => Some(FoundKind::Asset),
                (Relation::Canonical, _) => Some(FoundKind::Canonical),
                (Relation::Alternate, _) => Some(FoundKind::Alternate),
                (Relation::Next | Relation::Previous, _) => Some(FoundKind::Page),
                (Relation::Other, kind) => match token.to_ascii_lowercase().as_str() {
                    "first" | "last" | "up" => Some(FoundKind::Page),
                    _ => kind,
                },
            };
        }
        kind.map(|kind| (kind, nofollow))
    }
}

/// Reads the next link of a field value and advances `rest` past it (RFC 8288 B.2).
///
/// Anything that is not a link is skipped.
fn next_link<'l>(rest: &mut &'l str) -> Option<HeadLink<'l>> {
    let after = &rest[rest.find('<')? + 1..];
    let (target, mut after) = after.split_once('>')?;
    let mut relation = None;
    let mut anchored = false;
    loop {
        after = after.trim_start_matches([' ', '\t', ';']);
        let end = after
            .find(['=', ';', ',', ' ', '\t'])
            .unwrap_or(after.len());
        let (name, tail) = after.split_at(end);
        let tail = tail.trim_start_matches([' ', '\t']);
        let (value, tail) = match tail.strip_prefix('=') {
            Some(value) => value_of(value.trim_start_matches([' ', '\t'])),
            None => (Cow::Borrowed(""), tail),
        };
        // Only the first `rel` counts (3.3).
        if name.eq_ignore_ascii_case("rel") && relation.is_none() {
            relation = Some(value);
        } else if name.eq_ignore_ascii_case("anchor") {
            anchored = true;
        }
        after = tail;
        if after.is_empty() || after.starts_with(',') {
            break;
        }
    }
    *rest = after;
    Some(HeadLink {
        target,
        relation: relation.unwrap_or_default(),
        anchored,
    })
}

/// Splits a token or a quoted string from what follows it.
fn value_of(text: &str) -> (Cow<'_, str>, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].into(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value.into(), &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value.into(), "")
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;
    use crate::url::PageUrl;
    use crate::url::fingerprint::Fingerprints;

    fn headers(fields: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::default();
        for (name, value) in fields {
            let name = HeaderName::try_from(*name).unwrap();
            headers
                .0
                .append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn gathered(fields: &[(&str, &str)], assets: bool) -> Vec<(String, FoundKind, bool)> {
        let url = PageUrl::parse("http://h.example/a/b").unwrap();
        let mut resolver = Resolver::new(&url, Fingerprints::default());
        let mut gathering = Gathering::new(usize::MAX);
        gather(&headers(fields), assets, &mut resolver, &mut gathering);
        let links = gathering.finish().unwrap_or_default();
        links
            .iter()
            .map(|link| {
                (
                    link.url.replace("http://h.example", ""),
                    link.kind,
                    link.nofollow,
                )
            })
            .collect()
    }

    #[test]
    fn header_links_are_read_as_rfc_8288_specifies() {
        use FoundKind as K;
        for (value, expected) in [
            ("<c>; rel=canonical", vec![("/a/c", K::Canonical, false)]),
            (
                " < /x > ; title=\"a,b;<z>\" ; REL=\"Next nofollow\" ",
                vec![("/x", K::Page, true)],
            ),
            (
                "</1>;rel=prev,</2>; rel = \"alternate\"; hreflang=de , </3>;rel=last",
                vec![
                    ("/1", K::Page, false),
                    ("/2", K::Alternate, false),
                    ("/3", K::Page, false),
                ],
            ),
            (
                "</1>;rel=\"a\\\"b\";rel=next,</2>;rel=\"ne\\xt\"",
                vec![("/2", K::Page, false)],
            ),
            (
                "</s.css>; rel=preload; as=style, </t>; rel=stylesheet",
                vec![("/s.css", K::Asset, false), ("/t", K::Asset, false)],
            ),
            (
                "<//cdn.example>; rel=preconnect, </h>; rel=dns-prefetch",
                vec![],
            ),
            (
                "</o>; rel=next; anchor=\"/other\", </p>; rel=hub, </q>, </r>;rel",
                vec![],
            ),
            (
                "junk, <>; rel=up; junk=, =;= , <mailto:a@b>; rel=next, </x",
                vec![("/a/b", K::Page, false)],
            ),
            ("</x>; rel=\"next", vec![("/x", K::Page, false)]),
        ] {
            let links = gathered(&[("link", value)], true);
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(url, kind, nofollow)| (url.to_owned(), kind, nofollow))
                .collect();
            assert_eq!(links, expected, "{value}");
        }
    }

    #[test]
    fn a_refresh_is_a_page_link_and_assets_are_taken_only_if_wanted() {
        let fields = [
            ("link", "</s.css>; rel=preload"),
            ("refresh", "5; url=/next"),
            ("link", "</2>; rel=next"),
        ];
        let urls: Vec<_> = gathered(&fields, false)
            .into_iter()
            .map(|(url, ..)| url)
            .collect();
        assert_eq!(urls, ["/2", "/next"]);
    }

    #[test]
    fn the_number_of_header_links_is_limited() {
        let many: String = (0..2 * LINKS).map(|n| format!("<{n}>;rel=next,")).collect();
        assert_eq!(gathered(&[("link", &many)], false).len(), LINKS);
    }

    #[test]
    fn random_link_pieces_never_panic_or_loop_forever() {
        const PIECES: &[&str] = &[
            "<", ">", ";", ",", "=", "\"", "\\", " ", "\t", "rel", "anchor", "next", "/x", "é",
        ];
        for _ in 0..100_000 {
            let soup: String = (0..fastrand::usize(0..12))
                .map(|_| PIECES[fastrand::usize(0..PIECES.len())])
                .collect();
            let mut rest = &*soup;
            while next_link(&mut rest).is_some() {}
        }
    }

    #[test]
    fn directives_apply_to_everyone_or_to_the_named_robot() {
        let says = |fields: &[&str]| {
            let fields: Vec<_> = fields
                .iter()
                .map(|value| ("x-robots-tag", *value))
                .collect();
            let directives = directives(&headers(&fields), "haul");
            (directives.noindex, directives.nofollow)
        };
        assert_eq!(says(&[]), (false, false));
        assert_eq!(says(&["NoIndex"]), (true, false));
        assert_eq!(says(&["noarchive, nofollow", "noindex"]), (true, true));
        assert_eq!(says(&["none"]), (true, true));
        assert_eq!(says(&["otherbot: none"]), (false, false));
        assert_eq!(
            says(&["otherbot: noindex", "Haul : nofollow"]),
            (false, true)
        );
        assert_eq!(
            says(&["unavailable_after: 25 Jun 2010 15:00:00 PST"]),
            (false, false)
        );
        assert_eq!(says(&["nofollow, max-snippet: 20"]), (false, true));
    }
}
