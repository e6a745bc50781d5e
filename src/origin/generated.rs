//! A generated site: any number of realistic pages, none of them stored.
//!
//! The pages are a forest: `/` links to ten sections, and every page to ten children, so page `j` is linked from
//! page `j / 10 - 1`. Cross links, duplicates and fragments are added. Invariant: every page is reachable from `/`,
//! and the same seed, host, number and edition give the same bytes, nonces apart. Edges: `/page/07` is not `/page/7`
//! but a 404, and links to pages that have gone stay.

use std::time::SystemTime;

use super::answer::{Body, Reply, Response};
use super::calendar::modified;
use super::dice::Dice;
use super::editions::{Changes, Editions};
use super::gazette::{Gazette, Issue, LOGO, STYLE};
use super::nonces::Nonces;
use super::representation::Representation;
use super::request::Request;
use super::settings::OriginSettings;
use super::sitemap::{self, Lastmod};
use super::validators::Validators;

/// The purpose of the dice.
const FOR_SETTINGS: u64 = 23;

/// A generated site.
#[derive(Debug)]
pub(crate) struct Generated {
    gazette: Gazette,
    editions: Editions,
    /// A number that a site with other settings does not have, for the tags.
    mark: u64,
    scheme: &'static str,
    validators: Validators,
    lastmod: Lastmod,
    nonces: Nonces,
    has_nonces: bool,
}

/// The text of a path, and since when it is so.
struct Document {
    content_type: &'static str,
    text: String,
    /// The edition that changed it last, or for what is always new, the time.
    revision: u64,
    modified: SystemTime,
    nonce: Option<u64>,
}

impl Generated {
    /// A site for settings that were checked, with at least one page.
    pub(crate) fn new(settings: &OriginSettings, scheme: &'static str) -> Generated {
        let dice = Dice::new(settings.seed);
        // Pages of sites with other settings may have the same length.
        let shape = [
            settings.pages,
            settings.page_bytes as u64,
            settings.links_per_page as u64,
        ];
        let mark = shape.iter().fold(0, |mark, number| {
            dice.throw(FOR_SETTINGS, mark ^ number) >> 32
        });
        Generated {
            gazette: Gazette::new(settings),
            editions: Editions::new(settings, settings.pages),
            mark,
            scheme,
            validators: settings.validators.unwrap_or(Validators::Etag),
            lastmod: settings.lastmod,
            nonces: Nonces::new(),
            has_nonces: settings.nonces,
        }
    }

    /// The response to a request; `None` for a path that is not of this site.
    pub(crate) fn answer(&self, request: &Request) -> Option<Response> {
        let document = self.document(request)?;
        if !request.is_read_only() {
            return Some(Reply::explained(405).header("Allow", "GET, HEAD").into());
        }
        let (mark, length) = (self.mark, document.text.len());
        let version = match document.revision {
            1 => format!("{mark:x}-{length:x}"),
            revision => format!("{mark:x}-{length:x}-{revision:x}"),
        };
        let changing = self.validators == Validators::ChangingEtag;
        let nonce = document
            .nonce
            .or_else(|| changing.then(|| self.nonces.next()));
        Some(
            Representation {
                body: Body::Bytes(document.text.into()),
                content_type: document.content_type.into(),
                version,
                nonce,
                modified: Some(document.modified),
                validators: self.validators,
            }
            .reply(request)
            .into(),
        )
    }

    /// What differs between an earlier edition and this one.
    pub(crate) fn changes_since(&self, edition: u64) -> Changes {
        self.editions
            .changes_since(edition, |page| format!("/page/{page}"))
    }

    fn document(&self, request: &Request) -> Option<Document> {
        const HTML: &str = "text/html; charset=utf-8";
        const XML: &str = "application/xml";
        let path = request.path();
        let nonce = || self.has_nonces.then(|| self.nonces.next());
        if let Some(number) = path.strip_prefix("/page/") {
            let number = numbered(number, self.editions.end())?;
            let edition = self.editions.last_change(number)?;
            let nonce = nonce();
            let issue = Issue {
                number,
                edition,
                nonce,
                base: &self.base(request),
            };
            return Some(Document {
                content_type: HTML,
                text: self
                    .gazette
                    .page(issue, self.editions.added_children(Some(number))),
                revision: edition,
                modified: modified(number, edition),
                nonce,
            });
        }
        let since = |revision| {
            move |content_type, text| Document {
                content_type,
                text,
                revision,
                modified: modified(0, revision),
                nonce: None,
            }
        };
        let always = since(1);
        Some(match path {
            "/" => {
                let nonce = nonce();
                let front = self
                    .gazette
                    .front(nonce, self.editions.added_children(None));
                Document {
                    nonce,
                    ..since(self.editions.last_listing())(HTML, front)
                }
            }
            "/robots.txt" => {
                let base = self.base(request);
                always(
                    "text/plain; charset=utf-8",
                    format!("User-agent: *\nAllow: /\n\nSitemap: {base}/sitemap.xml\n"),
                )
            }
            "/sitemap.xml" => {
                let parts = self.editions.end().div_ceil(sitemap::PART);
                let index = sitemap::index(&self.base(request), parts);
                since(self.editions.last_listing())(XML, index)
            }
            "/static/site.css" => always("text/css", STYLE.to_owned()),
            "/static/logo.svg" => always("image/svg+xml", LOGO.to_owned()),
            _ => {
                let part = path.strip_prefix("/sitemap-")?.strip_suffix(".xml")?;
                let part = numbered(part, self.editions.end().div_ceil(sitemap::PART))?;
                self.sitemap_part(part, &self.base(request))
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

    /// The sitemap of some of the pages.
    fn sitemap_part(&self, part: u64, base: &str) -> Document {
        let now = SystemTime::now();
        let numbers = part * sitemap::PART..((part + 1) * sitemap::PART).min(self.editions.end());
        let pages = numbers.filter_map(|number| {
            let edition = self.editions.last_change(number)?;
            let lastmod = match self.lastmod {
                Lastmod::None => None,
                Lastmod::Truthful => Some(modified(number, edition)),
                Lastmod::AlwaysNow => Some(now),
                Lastmod::NeverChanges => {
                    Some(modified(number, self.editions.first_edition(number)))
                }
            };
            Some((number, lastmod))
        });
        let text = sitemap::part(base, pages);
        let edition = match self.lastmod {
            Lastmod::Truthful => self.editions.current(),
            _ => self.editions.last_listing(),
        };
        let (revision, modified) = match self.lastmod {
            Lastmod::AlwaysNow => (seconds(now), now),
            _ => (edition, modified(0, edition)),
        };
        Document {
            content_type: "application/xml",
            text,
            revision,
            modified,
            nonce: None,
        }
    }
}

fn seconds(moment: SystemTime) -> u64 {
    moment
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// A number below `end`, if it is written in the usual way.
fn numbered(text: &str, end: u64) -> Option<u64> {
    let plain =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|&number| plain && number < end)
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
        let head = format!("GET {path} HTTP/1.1\r\nHost: a.test:81\r\n\r\n");
        site.document(&Request::of(&head))
            .map(|document| document.text)
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
            let page = text_of(site, &format!("/page/{number}"));
            for next in page.as_deref().map(linked).unwrap_or_default() {
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
                let site = Generated::new(&settings, "http");
                assert_eq!(reachable(&site), (0..pages).collect());
                assert!(text_of(&site, &format!("/page/{pages}")).is_none());
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
                let path = format!("/page/{number}");
                let page = text_of(&site, &path).unwrap();
                assert!(
                    page.len().abs_diff(page_bytes) < page_bytes / 10,
                    "{} instead of {page_bytes}",
                    page.len()
                );
                assert_eq!(Some(page), text_of(&site, &path));
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
            let settings = OriginSettings {
                pages: 9,
                seed,
                ..OriginSettings::default()
            };
            text_of(&Generated::new(&settings, "http"), "/page/1")
        };
        assert_ne!(other(1), other(2));
    }

    #[test]
    fn in_later_editions_every_page_that_did_not_go_is_reachable_and_in_the_sitemap() {
        for pages in [5, 234] {
            let settings = OriginSettings {
                pages,
                edition: 3,
                churn: 0.1,
                added: 0.3,
                gone: 0.1,
                ..OriginSettings::default()
            };
            let site = Generated::new(&settings, "http");
            let changes = site.changes_since(1);
            let path = |number| format!("/page/{number}");
            let here = |number| text_of(&site, &path(number)).is_some();
            let expected: BTreeSet<u64> = (0..pages * 2).filter(|number| here(*number)).collect();
            let linked = reachable(&site);
            assert!(linked.is_superset(&expected), "{expected:?}\n{linked:?}");
            let dead: BTreeSet<String> = linked.difference(&expected).copied().map(path).collect();
            assert!(dead.is_subset(&changes.gone), "{dead:?}");
            let sitemap = text_of(&site, "/sitemap-0.xml").unwrap();
            let listed = sitemap.split("<loc>http://a.test:81/page/").skip(1);
            let listed = listed.map(|rest| rest.split('<').next().unwrap().parse().unwrap());
            assert_eq!(listed.collect::<BTreeSet<u64>>(), expected);
            assert!(!expected.is_disjoint(&(pages..pages * 2).collect()));
        }
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
