//! A generated site: any number of realistic pages, none of them stored.
//!
//! The pages are a forest: `/` links to ten sections, and every page to ten children, so page `j` is linked from
//! page `j / 10 - 1`. Cross links, duplicates and fragments are added. Invariant: every page is reachable from `/`,
//! and the same seed, host and number give the same bytes. Edge: `/page/07` is not `/page/7` but a 404.

use std::fmt::Write;

use super::answer::{Body, Reply, Response};
use super::dice::Dice;
use super::prose::Prose;
use super::representation::Representation;
use super::request::Request;
use super::settings::OriginSettings;
use super::validators::Validators;

/// The number of children of a page, and of the front page.
const CHILDREN: u64 = 10;

/// The number of sections that every page links to.
const NAMED_SECTIONS: u64 = 4;

/// The most URLs in a sitemap (sitemaps.org).
const SITEMAP_PART: u64 = 50_000;

/// The purposes of the dice.
const FOR_TEXT: u64 = 21;
const FOR_LINK: u64 = 22;

const STYLE: &str = "body{max-width:42rem;margin:auto;padding:1rem;font:1rem/1.5 serif;color:#222}\n\
    header img{height:2rem}nav ul{display:flex;gap:1rem;list-style:none;padding:0}\nfooter{border-top:1px solid #ccc}\n";

const LOGO: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 16\"><circle cx=\"8\" cy=\"8\" r=\"7\" fill=\"#246\"/>\
    <path d=\"M4 9h8M8 4v8\" stroke=\"#fff\" stroke-width=\"2\"/></svg>\n";

const FOOTER: &str = "</article></main><footer><p>Printed for practice. <a href=\"/\">Front page</a> \
    <a href=\"/sitemap.xml\">Sitemap</a></p></footer></body></html>\n";

/// A generated site.
#[derive(Debug)]
pub(crate) struct Generated {
    pages: u64,
    page_bytes: usize,
    links: u64,
    seed: u64,
    dice: Dice,
    prose: Prose,
    scheme: &'static str,
    header: String,
}

impl Generated {
    /// A site for settings that were checked, with at least one page.
    pub(crate) fn new(settings: &OriginSettings, scheme: &'static str) -> Generated {
        let dice = Dice::new(settings.seed);
        let prose = Prose::new(dice);
        let mut header = String::from(
            "<link rel=\"stylesheet\" href=\"/static/site.css\"></head><body><header><a href=\"/\">\
             <img src=\"/static/logo.svg\" alt=\"The Practice Gazette\"></a><nav><ul>",
        );
        for section in 0..settings.pages.min(NAMED_SECTIONS) {
            let _ = write!(
                header,
                "<li><a href=\"/page/{section}\">Section {section}</a></li>"
            ); // writing to memory cannot fail
        }
        header.push_str("</ul></nav></header>\n<main><article>");
        let links = settings.links_per_page as u64;
        Generated {
            pages: settings.pages,
            page_bytes: settings.page_bytes,
            links,
            seed: settings.seed,
            dice,
            prose,
            scheme,
            header,
        }
    }

    /// The response to a request; `None` for a path that is not of this site.
    pub(crate) fn answer(&self, request: &Request) -> Option<Response> {
        let (content_type, text) = self.text(request)?;
        if !request.is_read_only() {
            return Some(Reply::explained(405).header("Allow", "GET, HEAD").into());
        }
        let version = format!("{:x}-{:x}", self.seed, text.len());
        let body = Body::Bytes(text.into());
        Some(
            Representation {
                body,
                content_type: content_type.into(),
                version,
                nonce: None,
                modified: None,
                validators: Validators::Etag,
            }
            .reply(request)
            .into(),
        )
    }

    fn text(&self, request: &Request) -> Option<(&'static str, String)> {
        const HTML: &str = "text/html; charset=utf-8";
        const XML: &str = "application/xml";
        let path = request.path();
        if let Some(number) = path.strip_prefix("/page/") {
            return Some((
                HTML,
                self.page(numbered(number, self.pages)?, &self.base(request)),
            ));
        }
        Some(match path {
            "/" => (HTML, self.front()),
            "/robots.txt" => {
                let base = self.base(request);
                (
                    "text/plain; charset=utf-8",
                    format!("User-agent: *\nAllow: /\n\nSitemap: {base}/sitemap.xml\n"),
                )
            }
            "/sitemap.xml" => (XML, self.sitemap_index(&self.base(request))),
            "/static/site.css" => ("text/css", STYLE.to_owned()),
            "/static/logo.svg" => ("image/svg+xml", LOGO.to_owned()),
            _ => {
                let part = path.strip_prefix("/sitemap-")?.strip_suffix(".xml")?;
                (
                    XML,
                    self.sitemap_part(
                        numbered(part, self.pages.div_ceil(SITEMAP_PART))?,
                        &self.base(request),
                    ),
                )
            }
        })
    }

    /// The site's URL as the client sees it. A `Host` that no URL could have is not repeated.
    fn base(&self, request: &Request) -> String {
        let host = request.host();
        let sane = !host.is_empty()
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte));
        format!(
            "{}://{}",
            self.scheme,
            if sane { &host } else { "localhost" }
        )
    }

    fn front(&self) -> String {
        let mut page = String::with_capacity(4 << 10);
        page.push_str(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>The Practice Gazette</title>\
             <meta name=\"description\" content=\"Pages to practise on.\">",
        );
        page.push_str(&self.header);
        page.push_str("<h1>The Practice Gazette</h1>\n<p>");
        page.push_str(self.prose.paragraph(self.dice.throw(FOR_TEXT, 0)));
        page.push_str("</p>\n<ul class=\"sections\">");
        for section in 0..self.pages.min(CHILDREN) {
            self.link(&mut page, "/page/", section);
        }
        page.push_str("</ul>");
        page.push_str(FOOTER);
        page
    }

    fn page(&self, number: u64, base: &str) -> String {
        let mut page = String::with_capacity(self.page_bytes + (3 << 10));
        let text = |place: u64| {
            self.prose
                .paragraph(self.dice.throw(FOR_TEXT, number * 64 + place))
        };
        page.push_str("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
        self.prose.write_title(number, &mut page);
        page.push_str(" | The Practice Gazette</title><meta name=\"description\" content=\"");
        page.push_str(cut(text(0), 150));
        // Writing to memory cannot fail, so the results are ignored, here and below.
        let _ = write!(
            page,
            "\"><link rel=\"canonical\" href=\"{base}/page/{number}\">"
        );
        page.push_str(&self.header);
        page.push_str("<h1>");
        self.prose.write_title(number, &mut page);
        let (month, day) = (1 + number % 12, 1 + number % 28);
        let _ = write!(
            page,
            "</h1>\n<p class=\"byline\"><time datetime=\"2025-{month:02}-{day:02}\">2025-{month:02}-{day:02}</time></p>\n"
        );

        let mut links = String::with_capacity(1 << 10);
        self.push_links(&mut links, number, base);
        let mut place = 1;
        while page.len() + links.len() + FOOTER.len() < self.page_bytes {
            if place == 3 {
                let _ = write!(
                    page,
                    "<h2 id=\"figure\">A figure</h2><figure><img src=\"/static/logo.svg\" alt=\"Figure {number}\">"
                );
                page.push_str("<figcaption>As it was found.</figcaption></figure>\n");
            }
            let room = self
                .page_bytes
                .saturating_sub(page.len() + links.len() + FOOTER.len() + 8)
                .max(1);
            page.push_str("<p>");
            page.push_str(cut(text(place), room));
            page.push_str("</p>\n");
            place += 1;
        }
        page.push_str(&links);
        page.push_str(FOOTER);
        page
    }

    /// Writes the children, then the cross links, in every spelling that a page may use.
    fn push_links(&self, links: &mut String, number: u64, base: &str) {
        links.push_str("<ul class=\"related\">");
        let first = (number + 1).saturating_mul(CHILDREN);
        for child in first.min(self.pages)..(first + CHILDREN).min(self.pages) {
            self.link(links, "", child);
        }
        for place in 0..self.links {
            let other = self
                .dice
                .below(FOR_LINK, number * 16_384 + place, self.pages);
            match place % 5 {
                0 => self.link(links, "/page/", other),
                1 => self.link(links, "../page/", other),
                2 => {
                    let _ = write!(
                        links,
                        "<li><a href=\"{base}/page/{other}\">Elsewhere</a></li>"
                    );
                }
                3 => {
                    let _ = write!(
                        links,
                        "<li><a href='/page/{other}#figure'>The figure of {other}</a></li>"
                    );
                }
                _ => {
                    let again = self.dice.below(FOR_LINK, number * 16_384, self.pages); // the first cross link again
                    self.link(links, "/page/", again);
                }
            }
        }
        links.push_str("</ul>");
    }

    fn link(&self, page: &mut String, before: &str, number: u64) {
        let _ = write!(
            page,
            "<li><a href=\"{before}{number}\">Page {number}</a></li>"
        );
    }

    fn sitemap_index(&self, base: &str) -> String {
        let mut index = String::from(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<sitemapindex xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n",
        );
        for part in 0..self.pages.div_ceil(SITEMAP_PART) {
            let _ = writeln!(
                index,
                "<sitemap><loc>{base}/sitemap-{part}.xml</loc></sitemap>"
            );
        }
        index.push_str("</sitemapindex>\n");
        index
    }

    fn sitemap_part(&self, part: u64, base: &str) -> String {
        let mut addresses = String::from(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n",
        );
        for number in part * SITEMAP_PART..((part + 1) * SITEMAP_PART).min(self.pages) {
            let _ = writeln!(addresses, "<url><loc>{base}/page/{number}</loc></url>");
        }
        addresses.push_str("</urlset>\n");
        addresses
    }
}

/// A number below `end`, if it is written in the usual way.
fn numbered(text: &str, end: u64) -> Option<u64> {
    let plain =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|&number| plain && number < end)
}

/// The start of an ASCII text, up to a space if there is one.
fn cut(text: &str, room: usize) -> &str {
    if text.len() <= room {
        return text;
    }
    let start = &text[..room];
    start.rfind(' ').map_or(start, |space| &start[..space])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn site(pages: u64) -> Generated {
        Generated::new(
            &OriginSettings {
                pages,
                ..OriginSettings::default()
            },
            "http",
        )
    }

    fn text_of(site: &Generated, path: &str) -> Option<String> {
        site.text(&Request::of(&format!(
            "GET {path} HTTP/1.1\r\nHost: a.test:81\r\n\r\n"
        )))
        .map(|(_, text)| text)
    }

    /// The pages that a page links to; every spelling ends in the number, apart from fragments.
    fn linked(page: &str) -> BTreeSet<u64> {
        let targets = page
            .split("<a href=")
            .skip(1)
            .filter_map(|rest| rest[1..].split(['"', '\'']).next());
        let bare = targets.map(|target| target.split('#').next().unwrap().to_owned());
        bare.filter_map(|target| target.rsplit('/').next().unwrap().parse().ok())
            .collect()
    }

    /// All pages that can be reached from the front page.
    fn reachable(site: &Generated) -> BTreeSet<u64> {
        let mut seen = linked(&text_of(site, "/").unwrap());
        let mut waiting: Vec<u64> = seen.iter().copied().collect();
        while let Some(number) = waiting.pop() {
            for next in linked(&text_of(site, &format!("/page/{number}")).unwrap()) {
                if seen.insert(next) {
                    waiting.push(next);
                }
            }
        }
        seen
    }

    #[test]
    fn every_page_is_reachable_from_the_front_page_and_no_link_is_dead() {
        for pages in [1, 9, 10, 11, 1234] {
            for links_per_page in [0, 8] {
                let settings = OriginSettings {
                    pages,
                    links_per_page,
                    ..OriginSettings::default()
                };
                assert_eq!(
                    reachable(&Generated::new(&settings, "http")),
                    (0..pages).collect()
                );
            }
        }
    }

    #[test]
    fn pages_have_about_the_requested_size_and_never_change() {
        for page_bytes in [4 << 10, 6 << 10, 40 << 10] {
            let site = Generated::new(
                &OriginSettings {
                    pages: 5000,
                    page_bytes,
                    ..OriginSettings::default()
                },
                "http",
            );
            for number in 0..100 {
                let page = site.page(number, "http://a");
                assert!(
                    page.len().abs_diff(page_bytes) < page_bytes / 10,
                    "{} instead of {page_bytes}",
                    page.len()
                );
                assert_eq!(page, site.page(number, "http://a"));
            }
        }
    }

    #[test]
    fn a_page_has_every_kind_of_link_and_text() {
        let page = text_of(&site(5000), "/page/7").unwrap();
        for part in [
            "href=\"80\"",
            "href=\"/page/",
            "href=\"../page/",
            "href=\"http://a.test:81/page/",
            "#figure'",
            "<h1>",
            "<figure>",
            "name=\"description\"",
        ] {
            assert!(page.contains(part), "{part} is missing in {page}");
        }
        let other = |seed| {
            Generated::new(
                &OriginSettings {
                    pages: 9,
                    seed,
                    ..OriginSettings::default()
                },
                "http",
            )
            .page(1, "")
        };
        assert_ne!(other(1), other(2));
    }

    #[test]
    fn the_sitemap_lists_every_page_once_in_parts_of_fifty_thousand() {
        let site = site(120_001);
        let robots = text_of(&site, "/robots.txt").unwrap();
        assert!(
            robots.contains("Sitemap: http://a.test:81/sitemap.xml"),
            "{robots}"
        );
        assert_eq!(
            text_of(&site, "/sitemap.xml")
                .unwrap()
                .matches("<sitemap>")
                .count(),
            3
        );
        let counts = [0, 1, 2].map(|part| {
            text_of(&site, &format!("/sitemap-{part}.xml"))
                .unwrap()
                .matches("<loc>")
                .count()
        });
        assert_eq!(counts, [50_000, 50_000, 20_001]);
        for path in [
            "/sitemap-3.xml",
            "/page/120001",
            "/page/07",
            "/page/",
            "/page/+1",
            "/other",
        ] {
            assert!(text_of(&site, path).is_none(), "{path}");
        }
    }
}
