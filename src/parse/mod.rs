//! Turns a fetched page into facts: decoded body, charset, title, links. Computes only; never waits for the network.
//!
//! A body arrives as it was sent. This module decodes it within limits, hashes it, converts text to UTF-8 and searches
//! it for links. It only does what a sink asked for ([`Wants`]) or the crawl needs ([`FollowSettings`]). If a hostile body
//! breaks a decoder, the record has a [fault](crate::Parsed::fault), and that counts as a failure.
//!
//! The modules that are hidden from the documentation are internals that haul's own benches and tests use. They are not part
//! of the stable interface.

pub(crate) mod charset;
mod content;
#[doc(hidden)]
pub mod decode;
#[cfg(test)]
mod differential;
mod feed;
mod follow;
mod gather;
mod head;
#[doc(hidden)]
pub mod links;
pub(crate) mod media_type;
mod plan;
#[doc(hidden)]
pub mod resolve;
pub(crate) mod rewrite;
mod robots;
#[doc(hidden)]
pub mod scan;
mod settings;
#[doc(hidden)]
pub mod simhash;
mod sitemap;
#[cfg(test)]
mod tests;
mod verify;
mod wants;
mod work;
mod xml;

use http::header;

use crate::extract;
use crate::job::{Job, Role};
use crate::page::Page;
use crate::page::checksum::Claim;
use crate::page::coding;
use crate::page::failure::FetchError;
use crate::page::memory::Memory;
use crate::visit::Parsed;
use charset::Charset;
use content::Content;
use decode::{DecodeError, DecodeLimits};
pub use follow::html;
use follow::{LinkGatherer, SearchAs};
use links::LinkSettings;
use media_type::{Kind, MediaType};
pub(crate) use plan::{LinkPlan, ParsePlan};
use scan::{Markup, with_lifetime};
pub use settings::{FollowSettings, ParseSettings};
pub use wants::Wants;
pub use work::Work;

/// Bytes of a page searched for its title when nothing else is wanted.
///
/// For a body in a file, also the bytes from which its charset is detected.
const HEAD: usize = 64 << 10;

/// The rules for an agent in a stored robots.txt; `None` if it cannot be decoded.
pub(crate) fn robots_of(page: &Page, agent: &str) -> Option<crate::robots::Rules> {
    robots::rules(page, agent, DecodeLimits::default()).0
}

/// Parses a page as far as anything needs it.
///
/// `text` says whether something other than the sinks needs the text. Decoded data takes its share of `memory`, and
/// waits until that is available.
///
/// # Errors
/// When the body does not have the checksum that it should have.
pub(crate) fn parse(
    job: &Job,
    page: &Page,
    plan: &ParsePlan,
    text: bool,
    memory: &Memory,
) -> Result<Parsed, FetchError> {
    let received = verify::received(job, page)?;
    let mut parsed = parse_body(job, page, plan, text, memory);
    // Only where a chain of redirects ends, there is the body that the user means.
    let is_hop = plan.redirects && page.target().is_some();
    let user = !is_hop && verify::decoded(job, page, &parsed)?;
    let claims = user.then_some(Claim::User).into_iter().chain(received);
    let names: Vec<_> = claims.map(Claim::name).collect();
    parsed.checked = (!names.is_empty()).then(|| names.join(", "));
    Ok(parsed)
}

fn parse_body(job: &Job, page: &Page, plan: &ParsePlan, text: bool, memory: &Memory) -> Parsed {
    let content_type = page.headers.text(header::CONTENT_TYPE);
    let media = content_type.and_then(MediaType::parse);
    let mut parsed = Parsed {
        media_type: media.as_ref().map(|media| media.essence().to_owned()),
        accepted: plan.accept.contains(page.status),
        ..Parsed::default()
    };
    let encodings = page.headers.0.get_all(header::CONTENT_ENCODING);
    parsed.note = encodings
        .iter()
        .find_map(|line| coding::note(line.as_bytes()));
    let encoded = page.is_encoded();
    if !encoded {
        parsed.decoded_bytes = Some(page.body.len());
    }
    let is_redirect = plan.redirects && page.target().is_some();
    if job.role == Role::Robots && !is_redirect && page.status < 300 {
        let (rules, fault) = robots::rules(page, &plan.agent, plan.limits);
        (parsed.rules, parsed.fault) = (rules.map(Box::new), fault);
        return parsed;
    }
    let reads = plan.reads_bodies() || job.checksum().is_some();
    if !reads || is_redirect {
        return parsed;
    }
    let parser = PageParser::new(job, page, media, plan, text);
    let mut links = parser
        .follow
        .map(|follow| LinkGatherer::of(job, page, follow, &plan.agent));
    if parser.wants_body() {
        let reading = parser.reading(plan);
        let mut share = memory.take(content::max_memory(page, encoded, &reading));
        match content::read(page, encoded, &reading) {
            Ok(content) => {
                share.shrink_to(content.size(parser.wants.text));
                parsed.held = share;
                parser.read(content, links.as_mut(), &mut parsed, memory);
            }
            Err(error) => {
                parsed.ends_early = matches!(error, DecodeError::Truncated { .. });
                parsed.fault = Some(error.to_string());
            }
        }
    }
    if let Some(links) = links {
        (parsed.found, parsed.simhash) = links.finish();
    }
    parsed
}

/// Whether an XML document is an XHTML page.
pub(crate) fn is_xhtml(text: &str) -> bool {
    xml::root_name(text).as_deref() == Some("html")
}

/// A page to parse, and what is wanted from it.
struct PageParser<'q> {
    job: &'q Job,
    page: &'q Page,
    media: Option<MediaType<'q>>,
    wants: Wants,
    limits: DecodeLimits,
    follow: Option<&'q LinkPlan>,
    work: &'q Work,
}

impl<'q> PageParser<'q> {
    fn new(
        job: &'q Job,
        page: &'q Page,
        media: Option<MediaType<'q>>,
        plan: &'q ParsePlan,
        text: bool,
    ) -> Self {
        let mut limits = plan.limits;
        if job.role == Role::Sitemap {
            limits.decoded = limits.decoded.max(sitemap::BYTES as u64);
        }
        // No record is written for these, so no sink wants a digest or text. External links are only checked for
        // existence.
        let (mut wants, work) = match job.role {
            Role::Page | Role::Asset => (plan.wants, &plan.work),
            Role::Robots | Role::Sitemap | Role::External | Role::Segment => {
                (Wants::NOTHING, &Work::None)
            }
        };
        wants.text |= work.reads_text() || text;
        wants.digest |= job.checksum().is_some();
        Self {
            job,
            page,
            media,
            wants,
            limits,
            follow: plan.follow.as_ref(),
            work,
        }
    }

    /// How to search a body of this kind for links.
    ///
    /// For an unknown kind (`None`), whether to search it at all.
    fn search_as(&self, kind: Option<Kind>) -> Option<SearchAs> {
        SearchAs::choose(self.job, self.page, kind, &self.follow?.wanted)
    }

    fn wants_body(&self) -> bool {
        let kind = self.media.as_ref().map(MediaType::kind);
        self.wants.reads() || !self.work.is_none() || self.search_as(kind).is_some()
    }

    fn reading<'s>(&self, plan: &'s ParsePlan) -> content::Reading<'s> {
        let kind = self.media.as_ref().map(MediaType::kind);
        let head = match self.search_as(kind) {
            Some(_) => follow::SEARCHED,
            None => HEAD,
        };
        content::Reading {
            wants: self.wants,
            limits: self.limits,
            folder: &plan.folder,
            head,
        }
    }

    fn read(
        &self,
        content: Content,
        links: Option<&mut LinkGatherer<'_>>,
        parsed: &mut Parsed,
        memory: &Memory,
    ) {
        parsed.decoded_bytes = Some(content.length);
        parsed.digest = content.digest;
        let media = self.media.as_ref();
        let kind = media.map_or_else(|| media_type::sniff(&content.head), MediaType::kind);
        let look = links.and_then(|links| Some((self.search_as(Some(kind))?, links)));
        let textual = matches!(
            kind,
            Kind::Html
                | Kind::Xhtml
                | Kind::Xml
                | Kind::Feed
                | Kind::Json
                | Kind::Css
                | Kind::Script
                | Kind::Text
        );
        let described = textual && (self.wants.title || self.wants.text);
        if !content.head.is_empty() && (described || look.is_some()) {
            // If the whole body is available, search all of it: the charset declaration may come late.
            let whole = (self.wants.text && textual)
                .then(|| content.whole())
                .flatten();
            let charset = self.find_charset(kind, whole.as_deref().unwrap_or(&content.head));
            let title = match look {
                Some((look, links)) => self.collect_links(look, links, &content, charset),
                None if self.wants.title => match kind {
                    Kind::Html => find_title(Markup::Html, &content.head, charset),
                    Kind::Xhtml => find_title(Markup::Xml, &content.head, charset),
                    _ => None,
                },
                None => None,
            };
            if described {
                parsed.charset = Some(charset.encoding.name().to_owned());
            }
            if self.wants.title {
                parsed.title = title;
            }
            parsed.text = whole.map(|bytes| charset::decode(&bytes, charset).0.into_owned());
        }
        let worked_text = parsed.text.as_deref().filter(|_| self.work.reads_text());
        let _tree = memory.tree(worked_text.map_or(0, extract::weight));
        parsed.work = self.work.run_on(&content.head, parsed.text.as_deref());
        parsed.content = content.body.filter(|_| self.wants.content);
    }

    /// Collects the links in the body, and returns the title if there is one.
    fn collect_links(
        &self,
        look: SearchAs,
        links: &mut LinkGatherer<'_>,
        content: &Content,
        charset: Charset,
    ) -> Option<String> {
        let bytes = &content.head[..content.head.len().min(follow::SEARCHED)];
        if (bytes.len() as u64) < content.length {
            links.note_more();
        }
        match look {
            // The content decides what is a sitemap or a feed, whatever its media type says.
            SearchAs::Html(Markup::Html) if xml::opens_a_list(bytes) => {
                links.gather_sitemap(bytes, self.media.as_ref(), self.job.role, &self.limits);
            }
            SearchAs::Html(markup) => return links.gather_html(markup, bytes, charset),
            SearchAs::Script => links.gather_script(bytes),
            SearchAs::Css => links.gather_css(bytes, charset),
            SearchAs::Xml => links.gather_xml(bytes, charset, self.job.role),
            SearchAs::Json => links.gather_json(bytes, charset),
            SearchAs::Sitemap => {
                links.gather_sitemap(bytes, self.media.as_ref(), self.job.role, &self.limits);
            }
        }
        None
    }

    fn find_charset(&self, kind: Kind, body: &[u8]) -> Charset {
        let host = self
            .page
            .remote
            .is_some()
            .then(|| self.job.url.as_url().domain())
            .flatten();
        let top_level = host.and_then(|host| host.rsplit('.').next());
        charset::find(
            body,
            kind.content_kind(),
            self.media.as_ref().and_then(MediaType::charset),
            top_level,
        )
    }
}

/// The title of an HTML page. Encodings that are not ASCII-compatible are converted to UTF-8 first.
fn find_title(markup: Markup, bytes: &[u8], charset: Charset) -> Option<String> {
    let head = &bytes[..bytes.len().min(HEAD)];
    let settings = &LinkSettings::TITLE;
    if !charset.encoding.is_ascii_compatible() {
        let text = charset::decode(head, charset).0;
        return links::links_as(markup, text.as_bytes(), settings, &scan::utf8).title;
    }
    let encoding = charset.encoding;
    let decoder = with_lifetime(|bytes| encoding.decode_without_bom_handling(bytes).0);
    links::links_as(markup, head, settings, &decoder).title
}
