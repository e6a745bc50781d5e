//! Finds the links in a response and resolves them.
//!
//! The job's role and the body's type decide how a body is searched: as HTML, a feed, a style sheet, a sitemap.
//! Invariant: a body is scanned once, and the same scan finds the title. Responses of 400 and above yield no links: on
//! a "not found" page, relative links lead to ever more URLs that do not exist.

use super::charset::{self, Charset, ContentKind};
use super::decode::DecodeLimits;
use super::gather::Gathering;
use super::links::{LinkKind, LinkSettings, css, guess, links_as};
use super::media_type::{Kind, MediaType};
use super::plan::{AGENT, LinkPlan};
use super::resolve::Resolver;
use super::scan::{Decoder, Markup, utf8, with_lifetime};
use super::settings::FollowSettings;
use super::{feed, head, simhash, sitemap, xml};
use crate::job::{Job, Role};
use crate::page::Page;
use crate::url::PageUrl;
use crate::visit::checked::{self, IDS};
use crate::visit::found::{FoundKind, FoundLinks};

/// The most bytes of a decoded body that are searched; anything longer is cut there.
pub(super) const SEARCHED: usize = 64 << 20;
/// The most references read from one page, including repetitions.
const REFERENCES: usize = 200_000;
/// The first status that is a failure.
const FAILURE: u16 = 400;

/// The links of an HTML page at this URL; `None` if there is nothing to report.
///
/// The page must be in UTF-8 or ASCII.
///
/// ```
/// # use haul::{PageUrl, parse};
/// let url = PageUrl::parse("http://h.example/a/b")?;
/// let found = parse::html(b"<a href='../c#d'>", &url, &parse::FollowSettings::default()).unwrap();
/// assert_eq!(found.iter().next().unwrap().url, "http://h.example/c");
/// # Ok::<(), haul::UrlError>(())
/// ```
#[must_use]
pub fn html(bytes: &[u8], url: &PageUrl, follow: &FollowSettings) -> Option<Box<FoundLinks>> {
    let plan = LinkPlan::of(follow.clone());
    let mut gathering = Gathering::new(follow.max_links);
    let text = Text {
        markup: Markup::Html,
        bytes,
        decoder: &utf8,
        encoding: encoding_rs::UTF_8,
        links: true,
        ids: follow.fragments,
    };
    scan(&text, url, &plan, AGENT, &mut gathering);
    gathering.finish()
}

/// How a body is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SearchAs {
    /// As a page, by the rules of HTML or XML.
    Html(Markup),
    Css,
    /// As a feed, a sitemap, an SVG image, or XHTML served as XML: the first element decides.
    Xml,
    /// As a script, for strings that look like URLs.
    Script,
    Json,
    /// As whatever sitemap format it turns out to be.
    Sitemap,
}

impl SearchAs {
    /// How to search a body of this kind; `None` if it is not searched.
    ///
    /// For an unknown kind (`None`), whether it may turn out to be worth searching.
    pub(super) fn choose(
        job: &Job,
        page: &Page,
        kind: Option<Kind>,
        follow: &FollowSettings,
    ) -> Option<Self> {
        if page.status >= FAILURE || job.role == Role::External && !follow.fragments {
            return None;
        }
        match (job.role, kind) {
            (Role::Robots | Role::Segment, _) => None,
            (Role::External, Some(Kind::Html)) => Some(SearchAs::Html(Markup::Html)),
            (Role::External, Some(Kind::Xhtml)) => Some(SearchAs::Html(Markup::Xml)),
            (Role::External, _) => None,
            (Role::Sitemap, _) => Some(SearchAs::Sitemap),
            (_, Some(Kind::Css)) => follow.assets.then_some(SearchAs::Css),
            (_, Some(Kind::Script)) => follow.guess.then_some(SearchAs::Script),
            (Role::Asset, Some(Kind::Xml)) => follow.assets.then_some(SearchAs::Xml),
            (Role::Asset, None) => follow.assets.then_some(SearchAs::Css),
            (Role::Asset, _) => None,
            (Role::Page, Some(Kind::Xml | Kind::Feed)) => Some(SearchAs::Xml),
            (Role::Page, Some(Kind::Json)) => Some(SearchAs::Json),
            (Role::Page, Some(Kind::Html) | None) => Some(SearchAs::Html(Markup::Html)),
            (Role::Page, Some(Kind::Xhtml)) => Some(SearchAs::Html(Markup::Xml)),
            (Role::Page, Some(Kind::Other | Kind::Text)) => {
                // Names that sitemaps have on servers that know no media type for them.
                let path = job.url.as_url().path();
                let is_named = path.ends_with(".xml") || path.ends_with(".xml.gz");
                is_named.then_some(SearchAs::Sitemap)
            }
        }
    }
}

/// The links of one response, while they are gathered.
pub(super) struct LinkGatherer<'p> {
    url: &'p PageUrl,
    role: Role,
    follow: &'p LinkPlan,
    agent: &'p str,
    gathering: Gathering,
    simhash: Option<u64>,
}

impl<'p> LinkGatherer<'p> {
    /// Starts with the links in the response headers.
    pub(super) fn of(job: &'p Job, page: &'p Page, follow: &'p LinkPlan, agent: &'p str) -> Self {
        let mut gathering = Gathering::new(follow.wanted.max_links);
        if job.role == Role::Page && page.status < FAILURE {
            let mut resolver = Resolver::new(&job.url, follow.fingerprints);
            head::gather(
                &page.headers,
                follow.wanted.assets,
                &mut resolver,
                &mut gathering,
            );
        }
        // Sitemaps are often sent with "noindex". That is about the sitemap itself, which nobody would index.
        if matches!(job.role, Role::Page | Role::Asset) {
            let directives = head::directives(&page.headers, agent);
            gathering.note(|found| {
                found.noindex = directives.noindex;
                found.nofollow = directives.nofollow;
            });
        }
        if follow.wanted.fragments {
            gathering.take_fragments();
        }
        Self {
            url: &job.url,
            role: job.role,
            follow,
            agent,
            gathering,
            simhash: None,
        }
    }

    /// Notes that the body is longer than what was searched.
    pub(super) fn note_more(&mut self) {
        self.gathering.note(|found| found.more = true);
    }

    /// What was found, if anything, and the fingerprint of the text, if pages are compared.
    pub(super) fn finish(self) -> (Option<Box<FoundLinks>>, Option<u64>) {
        (self.gathering.finish(), self.simhash)
    }

    /// Collects the links of an HTML page, and returns its title.
    ///
    /// Encodings that are not ASCII-compatible are converted to UTF-8 first.
    pub(super) fn gather_html(
        &mut self,
        markup: Markup,
        bytes: &[u8],
        charset: Charset,
    ) -> Option<String> {
        let encoding = charset.encoding;
        if !encoding.is_ascii_compatible() {
            let text = charset::decode(bytes, charset).0;
            return self.scan(markup, text.as_bytes(), &utf8, encoding, true);
        }
        let decoder = with_lifetime(|bytes| encoding.decode_without_bom_handling(bytes).0);
        self.scan(markup, bytes, &decoder, encoding, true)
    }

    /// Scans a page, and computes its fingerprint if pages are compared.
    ///
    /// `ids` says whether links can point to its ids. In an SVG image, ids mean something else.
    fn scan(
        &mut self,
        markup: Markup,
        bytes: &[u8],
        decoder: Decoder<'_>,
        encoding: &'static encoding_rs::Encoding,
        ids: bool,
    ) -> Option<String> {
        if self.follow.similar {
            self.simhash = simhash::of_page(markup, bytes);
        }
        let document = Text {
            markup,
            bytes,
            decoder,
            encoding,
            // From an external page, only the ids are wanted.
            links: self.role != Role::External,
            ids: ids && self.follow.wanted.fragments,
        };
        scan(
            &document,
            self.url,
            self.follow,
            self.agent,
            &mut self.gathering,
        )
    }

    /// Collects what looks like a URL in a script.
    ///
    /// Such URLs are resolved against the script's own URL. A browser would resolve them against the page that loads
    /// it, which is not known here.
    pub(super) fn gather_script(&mut self, bytes: &[u8]) {
        let mut resolver = self.resolver();
        for (url, _) in guess::urls(bytes).take(REFERENCES) {
            let flow = self
                .gathering
                .take(&mut resolver, &url, FoundKind::Guess, false);
            if flow.is_break() {
                return;
            }
        }
    }

    /// Collects the URLs in a style sheet.
    pub(super) fn gather_css(&mut self, bytes: &[u8], charset: Charset) {
        let text = charset::decode(bytes, charset).0;
        let mut resolver = self.resolver().with_encoding(charset.encoding);
        for (url, _) in css::urls(text.as_bytes(), &utf8) {
            let flow =
                self.gathering
                    .take(&mut resolver, url.trim_ascii(), FoundKind::Asset, false);
            if flow.is_break() {
                return;
            }
        }
    }

    /// Collects the links of an XML document of any kind. Among assets, only SVG images have parts of their own.
    pub(super) fn gather_xml(&mut self, bytes: &[u8], charset: Charset, role: Role) {
        let text = charset::decode(bytes, charset).0;
        let fingerprints = self.follow.fingerprints;
        let assets = self.follow.wanted.assets;
        match xml::root_name(&text).as_deref() {
            Some("svg") => {
                self.scan(Markup::Xml, text.as_bytes(), &utf8, charset.encoding, false);
            }
            _ if role == Role::Asset => {}
            Some("rss" | "RDF" | "feed") => {
                feed::xml(&text, self.url, fingerprints, assets, &mut self.gathering);
            }
            Some("urlset" | "sitemapindex") => {
                self.gathering.allow(sitemap::LINKS);
                let mut resolver = self.resolver();
                sitemap::xml(&text, assets, &mut resolver, &mut self.gathering);
            }
            Some("html") => {
                self.scan(Markup::Xml, text.as_bytes(), &utf8, charset.encoding, true);
            }
            _ => {}
        }
    }

    /// Collects the links of a JSON feed. Other JSON is searched like a script if that is wanted.
    pub(super) fn gather_json(&mut self, bytes: &[u8], charset: Charset) {
        if feed::is_json(bytes) {
            let text = charset::decode(bytes, charset).0;
            let mut resolver = self.resolver();
            feed::json(
                &text,
                self.follow.wanted.assets,
                &mut resolver,
                &mut self.gathering,
            );
        } else if self.follow.wanted.guess {
            self.gather_script(bytes);
        }
    }

    /// Collects the URLs of a sitemap, which may be compressed: XML or one URL per line.
    pub(super) fn gather_sitemap(
        &mut self,
        bytes: &[u8],
        media: Option<&MediaType<'_>>,
        role: Role,
        limits: &DecodeLimits,
    ) {
        let (bytes, more) = sitemap::decompress(bytes, limits);
        let declared = media.and_then(MediaType::charset);
        let charset = charset::find(&bytes, ContentKind::Xml, declared, None);
        let text = charset::decode(&bytes, charset).0;
        if text.trim_ascii_start().starts_with('<') {
            self.gather_xml(text.as_bytes(), UTF_8, role);
        } else if role == Role::Sitemap {
            self.gathering.allow(sitemap::LINKS);
            let mut resolver = self.resolver();
            sitemap::lines(&text, &mut resolver, &mut self.gathering);
        }
        if more {
            self.note_more();
        }
    }

    fn resolver(&self) -> Resolver<'p> {
        Resolver::new(self.url, self.follow.fingerprints)
    }
}

/// The charset of text that is already decoded.
const UTF_8: Charset = Charset {
    encoding: encoding_rs::UTF_8,
    source: charset::CharsetSource::Default,
};

/// A page to scan.
struct Text<'t> {
    markup: Markup,
    bytes: &'t [u8],
    decoder: Decoder<'t>,
    encoding: &'static encoding_rs::Encoding,
    /// Whether its links are wanted.
    links: bool,
    /// Whether its ids are wanted.
    ids: bool,
}

/// Scans a page once: collects its links and returns its title.
fn scan(
    text: &Text<'_>,
    url: &PageUrl,
    follow: &LinkPlan,
    agent: &str,
    gathering: &mut Gathering,
) -> Option<String> {
    let wanted = &follow.wanted;
    let links = text.links;
    let is_cut = gathering.is_cut();
    let settings = LinkSettings {
        pages: links && wanted.pages,
        assets: links && wanted.assets,
        styles: links && wanted.assets,
        guess: links && wanted.guess,
        scripts: links && wanted.guess,
        ids: text.ids,
        limit: REFERENCES,
        agent,
    };
    let page = links_as(text.markup, text.bytes, &settings, text.decoder);
    // An invalid base is ignored, so that the links still resolve against something.
    let base = page.base.as_ref().and_then(|base| url.join(base).ok());
    let mut resolver = Resolver::new(base.as_ref().unwrap_or(url), follow.fingerprints)
        .with_encoding(text.encoding);
    for link in &page.links {
        let kind = match link.kind {
            LinkKind::Page | LinkKind::Next | LinkKind::Previous | LinkKind::Related => {
                FoundKind::Page
            }
            LinkKind::Asset => FoundKind::Asset,
            LinkKind::Canonical => FoundKind::Canonical,
            LinkKind::Alternate => FoundKind::Alternate,
            LinkKind::Guess => FoundKind::Guess,
        };
        if gathering
            .take(&mut resolver, &link.url, kind, link.nofollow)
            .is_break()
        {
            break;
        }
    }
    let is_whole = !is_cut && !page.more && page.ids.len() <= IDS;
    let ids = (text.ids && is_whole).then(|| {
        let ids = page
            .ids
            .iter()
            .map(|id| checked::id(id, follow.fingerprints));
        ids.collect()
    });
    gathering.note(|found| {
        found.checked.finish(ids);
        found.noindex |= page.directives.noindex;
        found.nofollow |= page.directives.nofollow;
        found.more |= page.more || page.skipped > 0;
    });
    page.title
}
