//! Sitemaps: the pages that a site lists itself (sitemaps.org, protocol 0.9).
//!
//! A list of pages or of other sitemaps in XML, or one URL per line; gzipped or not, whatever the name says.
//! Invariant: at most [`BYTES`] uncompressed and [`URLS`] pages are read, which are the protocol's own limits; `more`
//! is set if a sitemap has more, or is cut off. Which hosts a sitemap may list pages of is not checked here: the scope
//! does that.

use std::borrow::Cow;
use std::io::Read;
use std::ops::ControlFlow;

use super::decode::{self, DecodeLimits};
use super::gather::Gathering;
use super::resolve::Resolver;
use super::xml::{Piece, Xml};
use crate::url::PageUrl;
use crate::visit::found::FoundKind;

/// The most bytes of a sitemap, uncompressed.
pub(super) const BYTES: usize = 50 << 20;
/// The most pages or sitemaps that one sitemap lists.
const URLS: usize = 50_000;
/// The most links of one sitemap, including images and translations.
pub(super) const LINKS: usize = 4 * URLS;
/// Bytes decompressed at a time.
const CHUNK: usize = 64 << 10;

/// The role of an element in a sitemap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SitemapElement {
    /// A `url` or `sitemap`, or an image or video in one, with the kind of its `loc`.
    Entry(FoundKind),
    /// Contains a URL.
    Location(FoundKind),
    Other,
}

/// Reads an XML sitemap. With `assets`, including its images.
pub(super) fn xml(
    text: &str,
    assets: bool,
    resolver: &mut Resolver<'_>,
    gathering: &mut Gathering,
) {
    let mut xml = Xml::new(text);
    let mut open_elements: Vec<SitemapElement> = Vec::new();
    let mut location = String::new();
    let mut count = 0;
    for piece in &mut xml {
        match piece {
            Piece::Open(element) => {
                let (prefix, name) = element.name();
                let parent = open_elements
                    .last()
                    .copied()
                    .unwrap_or(SitemapElement::Other);
                let element_kind = element_kind(prefix, name, parent);
                if let SitemapElement::Location(_) = element_kind {
                    location.clear();
                }
                let is_translation =
                    name == "link" && parent == SitemapElement::Entry(FoundKind::Page);
                if let (true, Some(url)) = (is_translation, element.attribute("href")) {
                    let flow =
                        gathering.take(resolver, url.trim_ascii(), FoundKind::Alternate, false);
                    if flow.is_break() {
                        return;
                    }
                }
                open_elements.push(element_kind);
            }
            Piece::Text(text) => {
                if let Some(SitemapElement::Location(_)) = open_elements.last()
                    && location.len() <= PageUrl::LONGEST
                {
                    location.push_str(&text);
                }
            }
            Piece::Close => {
                if let Some(SitemapElement::Location(kind)) = open_elements.pop()
                    && (assets || kind != FoundKind::Asset)
                {
                    count += usize::from(kind != FoundKind::Asset);
                    if count > URLS {
                        gathering.note(|found| found.more = true);
                        return;
                    }
                    if !location.trim_ascii().is_empty()
                        && gathering
                            .take(resolver, location.trim_ascii(), kind, false)
                            .is_break()
                    {
                        return;
                    }
                }
            }
        }
    }
    if xml.is_broken() {
        gathering.note(|found| found.more = true);
    }
}

fn element_kind(prefix: Option<&str>, name: &str, parent: SitemapElement) -> SitemapElement {
    match (name, parent) {
        // With any prefix: some sitemaps use one for the protocol's own elements.
        ("loc", SitemapElement::Entry(kind)) => SitemapElement::Location(kind),
        ("url", _) => SitemapElement::Entry(FoundKind::Page),
        ("sitemap", _) => SitemapElement::Entry(FoundKind::Sitemap),
        ("image", SitemapElement::Entry(FoundKind::Page)) if prefix.is_some() => {
            SitemapElement::Entry(FoundKind::Asset)
        }
        ("video", SitemapElement::Entry(FoundKind::Page)) if prefix.is_some() => {
            SitemapElement::Entry(FoundKind::Asset)
        }
        (
            "content_loc" | "thumbnail_loc" | "player_loc",
            SitemapElement::Entry(FoundKind::Asset),
        ) => SitemapElement::Location(FoundKind::Asset),
        _ => SitemapElement::Other,
    }
}

/// Reads a sitemap with one URL per line.
///
/// Lines that are not absolute URLs are ignored.
pub(super) fn lines(text: &str, resolver: &mut Resolver<'_>, gathering: &mut Gathering) {
    let lines = text.lines().map(str::trim_ascii);
    let urls = lines.filter(|line| {
        ["http://", "https://"].iter().any(|scheme| {
            let start = line.get(..scheme.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        })
    });
    for (count, url) in urls.enumerate() {
        if count >= URLS {
            gathering.note(|found| found.more = true);
            return;
        }
        if let ControlFlow::Break(()) = gathering.take(resolver, url, FoundKind::Page, false) {
            return;
        }
    }
}

/// Whether bytes are compressed with gzip (RFC 1952 2.3.1).
pub(super) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x1f\x8b\x08")
}

/// Decompresses a sitemap if needed, up to the limit.
///
/// Also returns whether it has more data, or is damaged.
pub(super) fn decompress<'b>(bytes: &'b [u8], limits: &DecodeLimits) -> (Cow<'b, [u8]>, bool) {
    if !is_gzip(bytes) {
        let beginning = &bytes[..bytes.len().min(BYTES)];
        return (beginning.into(), beginning.len() < bytes.len());
    }
    let limits = DecodeLimits {
        decoded: u64::MAX,
        ..*limits
    };
    let decoder =
        decode::codings("gzip").and_then(|gzip| decode::Decoder::new(bytes, gzip, limits));
    let Ok(mut decoder) = decoder else {
        return (Cow::Borrowed(&[]), true);
    };
    let mut all = Vec::new();
    let mut chunk = vec![0; CHUNK];
    let more = loop {
        match decoder.read(&mut chunk) {
            Ok(0) => break false,
            Ok(count) if all.len() + count > BYTES => {
                all.extend_from_slice(&chunk[..BYTES - all.len()]);
                break true;
            }
            Ok(count) => all.extend_from_slice(&chunk[..count]),
            Err(_) => break true,
        }
    };
    (all.into(), more)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::url::fingerprint::Fingerprints;
    use crate::visit::found::FoundLinks;

    fn gathered(read: impl FnOnce(&mut Resolver<'_>, &mut Gathering)) -> Box<FoundLinks> {
        let url = PageUrl::parse("http://h.example/sitemap.xml").unwrap();
        let mut resolver = Resolver::new(&url, Fingerprints::default());
        let mut gathering = Gathering::new(LINKS);
        read(&mut resolver, &mut gathering);
        gathering.finish().unwrap_or_default()
    }

    /// The links in a short notation, and `more` if links were left out.
    fn links_in_short(text: &str, assets: bool) -> Vec<String> {
        let gathered_links = gathered(|resolver, gathering| xml(text, assets, resolver, gathering));
        let links = gathered_links.iter().map(|link| {
            let url = link
                .url
                .strip_prefix("http://h.example")
                .unwrap_or(link.url);
            format!("{} {url}", link.kind.as_str())
        });
        links
            .chain(gathered_links.more.then(|| "more".to_owned()))
            .collect()
    }

    #[test]
    fn pages_translations_and_images_are_distinguished() {
        let map = "<?xml version='1.0'?><urlset xmlns='x' xmlns:image='i' xmlns:xhtml='h' xmlns:video='v'>
            <url><loc>\n http://h.example/a?b=1&amp;c=2 \n</loc><lastmod>2026-01-01</lastmod>
            <xhtml:link rel='alternate' hreflang='de' href='/de/a'/>
            <image:image><image:loc><![CDATA[/a.png]]></image:loc><image:license>/l</image:license></image:image>
            <video:video><video:thumbnail_loc>/t.png</video:thumbnail_loc></video:video></url>
            <url><loc>/b</loc><loc/></url></urlset>";
        let pages = ["page /a?b=1&c=2", "alternate /de/a", "page /b"];
        assert_eq!(links_in_short(map, false), pages);
        let all = [
            "page /a?b=1&c=2",
            "alternate /de/a",
            "asset /a.png",
            "asset /t.png",
            "page /b",
        ];
        assert_eq!(links_in_short(map, true), all);
    }

    #[test]
    fn an_index_lists_sitemaps_and_prefixes_do_not_matter() {
        let index = "<sm:sitemapindex xmlns:sm='x'><sm:sitemap><sm:loc>/1.xml.gz</sm:loc></sm:sitemap></sm:sitemapindex>";
        assert_eq!(links_in_short(index, false), ["sitemap /1.xml.gz"]);
        assert_eq!(
            links_in_short("<urlset><loc>/no-entry</loc></urlset>", false),
            [""; 0]
        );
    }

    #[test]
    fn urls_before_the_damage_count_and_more_is_set() {
        for damage in ["", "<url><loc>/c", "<url><loc>/c</lo", "<url><!--", "<<<"] {
            let map =
                format!("<urlset><url><loc>/a</loc></url><url><loc>/b?x=1&y=2</loc></url>{damage}");
            assert_eq!(
                links_in_short(&map, false),
                ["page /a", "page /b?x=1&y=2", "more"],
                "{damage}"
            );
        }
    }

    #[test]
    fn urls_beyond_the_protocol_s_limits_are_ignored() {
        let urls: String = (0..=URLS)
            .map(|n| format!("<url><loc>/{n}</loc></url>"))
            .collect();
        let links = links_in_short(&format!("<urlset>{urls}</urlset>"), false);
        assert_eq!(
            (links.len(), links.last().unwrap().as_str()),
            (URLS + 1, "more")
        );
        // A page repeated endlessly is limited too.
        let links = links_in_short(
            &format!(
                "<urlset>{}</urlset>",
                "<url><loc>/</loc></url>".repeat(URLS + 1)
            ),
            false,
        );
        assert_eq!(links, ["page /", "more"]);
        let translation = "<xhtml:link href='/{}'/>";
        let many: String = (0..=LINKS)
            .map(|n| translation.replace("{}", &n.to_string()))
            .collect();
        let links = links_in_short(&format!("<urlset><url>{many}</url></urlset>"), false);
        assert_eq!(
            (links.len(), links.last().unwrap().as_str()),
            (LINKS + 1, "more")
        );
        let long = format!(
            "<urlset><url><loc>/{}</loc></url></urlset>",
            "a".repeat(1 << 20)
        );
        assert_eq!(links_in_short(&long, false), ["more"]);
    }

    #[test]
    fn a_text_sitemap_has_one_url_per_line() {
        let list = "http://h.example/a\r\n\n  HTTPS://h.example/b \n# no\n/c\nftp://h.example/d\nhttp://\nhttp://h.example/é";
        let gathered_links = gathered(|resolver, gathering| lines(list, resolver, gathering));
        let urls: Vec<_> = gathered_links.iter().map(|link| link.url).collect();
        assert_eq!(
            urls,
            [
                "http://h.example/a",
                "https://h.example/b",
                "http://h.example/%C3%A9"
            ]
        );
        let long: String = (0..=URLS)
            .map(|n| format!("http://h.example/{n}\n"))
            .collect();
        let gathered_links = gathered(|resolver, gathering| lines(&long, resolver, gathering));
        assert_eq!((gathered_links.len(), gathered_links.more), (URLS, true));
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_is_recognised_by_its_bytes_and_data_before_damage_is_kept() {
        let limits = DecodeLimits::default();
        assert_eq!(
            decompress(b"<urlset>", &limits),
            (b"<urlset>"[..].into(), false)
        );
        let text: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let compressed = gzip(&text);
        assert_eq!(
            decompress(&compressed, &limits),
            (text.clone().into(), false)
        );
        let (part, more) = decompress(&compressed[..compressed.len() / 2], &limits);
        assert!(more && part.len() > 1000 && text.starts_with(&part));
    }

    #[test]
    fn a_sitemap_is_decompressed_only_up_to_the_limit() {
        let limits = DecodeLimits {
            ratio: 2000,
            ..DecodeLimits::default()
        };
        let bomb = gzip(&vec![b' '; BYTES + 1]);
        let (bytes, more) = decompress(&bomb, &limits);
        assert_eq!((bytes.len(), more), (BYTES, true));
        let plain = vec![b' '; BYTES + 1];
        let (bytes, more) = decompress(&plain, &limits);
        assert_eq!((bytes.len(), more), (BYTES, true));
        // The ratio limit catches a bomb too.
        let (bytes, more) = decompress(&bomb, &DecodeLimits::default());
        assert!(more && bytes.len() < BYTES);
    }
}
