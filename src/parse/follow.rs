//! Where a page leads: from an answer to the links in it, resolved.
//!
//! What is looked into is told by the job's role and the body's type: HTML, feeds, style sheets, sitemaps. Invariant: a
//! body is scanned once, and the title falls out of the same scan. Edge: an answer of 400 and above leads nowhere: on the
//! page that says "not found", relative links lead to ever more places that are not found.

use serde::{Deserialize, Serialize};

use super::charset::{self, Charset, ContentKind};
use super::decode::DecodeLimits;
use super::gather::Gathering;
use super::links::{LinkKind, LinkSettings, css, guess, links_as};
use super::media_type::{Kind, MediaType};
use super::plan::FollowPlan;
use super::resolve::Resolver;
use super::scan::{Decoder, Markup, utf8};
use super::{feed, head, simhash, sitemap, with_lifetime, xml};
use crate::checked::{self, IDS};
use crate::found::{Found, FoundKind};
use crate::job::{Job, Role};
use crate::page::Page;
use crate::url::PageUrl;

/// The most bytes of a decoded body that are looked into; what is longer is cut there.
pub(super) const LOOKED_INTO: usize = 64 << 20;
/// The most references that are read of one page, repetitions included.
const REFERENCES: usize = 200_000;
/// The first status that is a failure.
const FAILURE: u16 = 400;

/// What is to be found in pages, so that it can be followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follow {
    /// References to other pages; without them, only what recipes name is followed.
    pub pages: bool,
    /// References to what a page is made of.
    pub assets: bool,
    /// Strings that look like URLs in scripts, also in files of their own, which are asked for then.
    pub guess: bool,
    /// The ids of pages, and the fragments of links to them.
    pub fragments: bool,
    /// The most links of one page.
    pub max_links: usize,
}

impl Default for Follow {
    fn default() -> Self {
        Self {
            pages: true,
            assets: false,
            guess: false,
            fragments: false,
            max_links: 50_000,
        }
    }
}

/// Where an HTML page at this URL leads, in UTF-8 or ASCII; `None` where it says nothing of that.
///
/// ```
/// # use haul::{PageUrl, parse};
/// let url = PageUrl::parse("http://h.example/a/b")?;
/// let found = parse::html(b"<a href='../c#d'>", &url, &parse::Follow::default()).unwrap();
/// assert_eq!(found.iter().next().unwrap().url, "http://h.example/c");
/// # Ok::<(), haul::UrlError>(())
/// ```
#[must_use]
pub fn html(bytes: &[u8], url: &PageUrl, follow: &Follow) -> Option<Box<Found>> {
    let plan = FollowPlan::of(follow.clone());
    let mut gathering = Gathering::new(follow.max_links);
    let text = Text {
        markup: Markup::Html,
        bytes,
        decoder: &utf8,
        encoding: encoding_rs::UTF_8,
        links: true,
        ids: follow.fragments,
    };
    scanned(&text, url, &plan, &mut gathering);
    gathering.finish()
}

/// What a body is looked into as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// A page, by the rules of HTML or of XML.
    Html(Markup),
    Css,
    /// A feed, a sitemap, a drawing, or XHTML that says it is XML: the first element tells.
    Xml,
    /// A script, for what looks like a URL in it.
    Script,
    Json,
    /// Whatever it says it is.
    Sitemap,
}

impl Look {
    /// How a body of this kind is looked into; `None` where it is not. Without a kind, whether it may turn out to be.
    pub(super) fn into(
        job: &Job,
        page: &Page,
        kind: Option<Kind>,
        follow: &Follow,
    ) -> Option<Self> {
        if page.status >= FAILURE || job.role == Role::External && !follow.fragments {
            return None;
        }
        match (job.role, kind) {
            (Role::Robots, _) => None,
            (Role::External, Some(Kind::Html)) => Some(Look::Html(Markup::Html)),
            (Role::External, Some(Kind::Xhtml)) => Some(Look::Html(Markup::Xml)),
            (Role::External, _) => None,
            (Role::Sitemap, _) => Some(Look::Sitemap),
            (_, Some(Kind::Css)) => follow.assets.then_some(Look::Css),
            (_, Some(Kind::Script)) => follow.guess.then_some(Look::Script),
            (Role::Asset, Some(Kind::Xml)) => follow.assets.then_some(Look::Xml),
            (Role::Asset, None) => follow.assets.then_some(Look::Css),
            (Role::Asset, _) => None,
            (Role::Page, Some(Kind::Xml | Kind::Feed)) => Some(Look::Xml),
            (Role::Page, Some(Kind::Json)) => Some(Look::Json),
            (Role::Page, Some(Kind::Html) | None) => Some(Look::Html(Markup::Html)),
            (Role::Page, Some(Kind::Xhtml)) => Some(Look::Html(Markup::Xml)),
            (Role::Page, Some(Kind::Other | Kind::Text)) => {
                // The names under which a sitemap goes that its server knows no type for.
                let path = job.url.as_url().path();
                let is_named = path.ends_with(".xml") || path.ends_with(".xml.gz");
                is_named.then_some(Look::Sitemap)
            }
        }
    }
}

/// One answer's leads, as they are gathered.
pub(super) struct Leads<'p> {
    url: &'p PageUrl,
    role: Role,
    follow: &'p FollowPlan,
    gathering: Gathering,
    simhash: Option<u64>,
}

impl<'p> Leads<'p> {
    /// Begins with what the head says.
    pub(super) fn of(job: &'p Job, page: &'p Page, follow: &'p FollowPlan) -> Self {
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
        // A sitemap is often sent with "noindex": that is about the sitemap, and nobody would index it.
        if matches!(job.role, Role::Page | Role::Asset) {
            let said = head::directives(&page.headers, &follow.agent);
            gathering.note(|found| {
                found.noindex = said.noindex;
                found.nofollow = said.nofollow;
            });
        }
        if follow.wanted.fragments {
            gathering.take_fragments();
        }
        Self {
            url: &job.url,
            role: job.role,
            follow,
            gathering,
            simhash: None,
        }
    }

    /// There is more of the body than could be looked into.
    pub(super) fn more(&mut self) {
        self.gathering.note(|found| found.more = true);
    }

    /// What was found, `None` where there is nothing to tell, and the fingerprint of the text, where pages are compared.
    pub(super) fn finish(self) -> (Option<Box<Found>>, Option<u64>) {
        (self.gathering.finish(), self.simhash)
    }

    /// An HTML page. Answers its title. Encodings that are no superset of ASCII are read as text first.
    pub(super) fn html(
        &mut self,
        markup: Markup,
        bytes: &[u8],
        charset: Charset,
    ) -> Option<String> {
        let encoding = charset.encoding;
        if !encoding.is_ascii_compatible() {
            let text = charset::text(bytes, charset).0;
            return self.scanned(markup, text.as_bytes(), &utf8, encoding, true);
        }
        let decoder = with_lifetime(|bytes| encoding.decode_without_bom_handling(bytes).0);
        self.scanned(markup, bytes, &decoder, encoding, true)
    }

    /// Scans a page, and takes its fingerprint where pages are compared. `ids` says whether links may lead to its ids: those of a
    /// drawing mean what the drawing's language says.
    fn scanned(
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
            // Of what leaves the crawl only the ids are wanted.
            links: self.role != Role::External,
            ids: ids && self.follow.wanted.fragments,
        };
        scanned(&document, self.url, self.follow, &mut self.gathering)
    }

    /// A script: what looks like a URL in it is relative to its own. In a browser it would be to the page that loads it, which is not known
    /// here.
    pub(super) fn script(&mut self, bytes: &[u8]) {
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

    /// A style sheet.
    pub(super) fn css(&mut self, bytes: &[u8], charset: Charset) {
        let text = charset::text(bytes, charset).0;
        let mut resolver = self.resolver().written_in(charset.encoding);
        for (url, _) in css::urls(text.as_bytes(), &utf8) {
            let flow =
                self.gathering
                    .take(&mut resolver, url.trim_ascii(), FoundKind::Asset, false);
            if flow.is_break() {
                return;
            }
        }
    }

    /// XML of some kind. As a part of a page, only a drawing has parts of its own.
    pub(super) fn xml(&mut self, bytes: &[u8], charset: Charset, role: Role) {
        let text = charset::text(bytes, charset).0;
        let fingerprints = self.follow.fingerprints;
        let assets = self.follow.wanted.assets;
        match xml::root(&text).as_deref() {
            Some("svg") => {
                self.scanned(Markup::Xml, text.as_bytes(), &utf8, charset.encoding, false);
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
                self.scanned(Markup::Xml, text.as_bytes(), &utf8, charset.encoding, true);
            }
            _ => {}
        }
    }

    /// JSON, where it is a feed.
    pub(super) fn json(&mut self, bytes: &[u8], charset: Charset) {
        if feed::is_json(bytes) {
            let text = charset::text(bytes, charset).0;
            let mut resolver = self.resolver();
            feed::json(
                &text,
                self.follow.wanted.assets,
                &mut resolver,
                &mut self.gathering,
            );
        } else if self.follow.wanted.guess {
            self.script(bytes);
        }
    }

    /// What is asked for as a sitemap, or is packed as one: XML, or lines.
    pub(super) fn sitemap(
        &mut self,
        bytes: &[u8],
        media: Option<&MediaType<'_>>,
        role: Role,
        limits: &DecodeLimits,
    ) {
        let (bytes, more) = sitemap::unpacked(bytes, limits);
        let declared = media.and_then(MediaType::charset);
        let charset = charset::charset(&bytes, ContentKind::Xml, declared, None);
        let text = charset::text(&bytes, charset).0;
        if text.trim_ascii_start().starts_with('<') {
            self.xml(text.as_bytes(), UTF_8, role);
        } else if role == Role::Sitemap {
            self.gathering.allow(sitemap::LINKS);
            let mut resolver = self.resolver();
            sitemap::lines(&text, &mut resolver, &mut self.gathering);
        }
        if more {
            self.more();
        }
    }

    fn resolver(&self) -> Resolver<'p> {
        Resolver::new(self.url, self.follow.fingerprints)
    }
}

/// Text that is decoded already.
const UTF_8: Charset = Charset {
    encoding: encoding_rs::UTF_8,
    source: charset::CharsetSource::Default,
};

/// A page to be scanned.
struct Text<'t> {
    markup: Markup,
    bytes: &'t [u8],
    decoder: Decoder<'t>,
    encoding: &'static encoding_rs::Encoding,
    /// Whether its links are wanted.
    links: bool,
    /// Whether its ids are.
    ids: bool,
}

/// Scans a page once: takes in its links, and answers its title.
fn scanned(
    text: &Text<'_>,
    url: &PageUrl,
    follow: &FollowPlan,
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
        agent: &follow.agent,
    };
    let page = links_as(text.markup, text.bytes, &settings, text.decoder);
    // A base that is no page's is none: the links still are relative to something.
    let base = page.base.as_ref().and_then(|base| url.join(base).ok());
    let mut resolver =
        Resolver::new(base.as_ref().unwrap_or(url), follow.fingerprints).written_in(text.encoding);
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
