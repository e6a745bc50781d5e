//! Page in, facts out: decoding, charset, title, and where the page leads. Computes; never waits for a network.
//!
//! A body arrives as it was sent. Here it is decoded within bounds, hashed, read as text where it is text, and looked
//! through. Nothing is done that no sink asked for ([`Wants`]) and no crawl needs ([`Follow`]). What a hostile body does to a decoder is a
//! [fault](crate::Parsed::fault) in the record, and a failure that counts.

pub(crate) mod charset;
mod content;
pub mod decode;
#[cfg(test)]
mod differential;
mod feed;
mod follow;
mod gather;
mod head;
pub mod links;
pub(crate) mod media_type;
mod plan;
pub mod resolve;
pub(crate) mod rewrite;
mod robots;
pub mod scan;
pub mod simhash;
mod sitemap;
#[cfg(test)]
mod tests;
mod work;
mod xml;

use std::borrow::Cow;

use http::header;
use serde::{Deserialize, Serialize};

use crate::coding;
use crate::extract::{self, ExtractSettings};
use crate::job::{Job, Role};
use crate::memory::Memory;
use crate::page::Page;
use crate::size::ByteSize;
use crate::statuses::Statuses;
use crate::visit::Parsed;
use charset::Charset;
use content::Content;
use decode::{DecodeError, DecodeLimits};
pub use follow::{Follow, html};
use follow::{Leads, Look};
use links::LinkSettings;
use media_type::{Kind, MediaType};
pub(crate) use plan::{FollowPlan, ParsePlan};
use scan::Markup;
pub use work::Work;

/// How far into a page a title is looked for when nothing else is wanted; of a body in a file, its charset too.
const HEAD: usize = 64 << 10;

/// What the sinks of a run ask the parse half for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wants {
    /// The SHA-256 of the decoded body.
    pub digest: bool,
    /// The title of HTML pages, and the charset of texts.
    pub title: bool,
    /// The decoded text of texts.
    pub text: bool,
    /// The decoded bytes.
    pub content: bool,
    /// The bytes as received, to the end: nothing is read of them, and nobody takes them away.
    pub raw: bool,
}

/// What is read out of a page, and within which bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParseSettings {
    /// What is asked for, beside what the sinks ask for.
    pub wants: Wants,
    /// Bounds on decoding.
    pub limits: DecodeLimits,
    /// What is to be found in pages; a crawl looks for links in any case.
    pub follow: Option<Follow>,
    /// The typed fields that are read out of a page's text, by whoever has the text.
    pub extract: ExtractSettings,
    /// Work put on each page besides, to measure with.
    pub work: Work,
    /// Statuses of 400 and above that are no failure.
    pub accept: Statuses,
    /// About how much memory all decoded pages may take together; a page waits for its share before it is decoded.
    pub memory: ByteSize,
}

impl Wants {
    /// Nothing at all: bodies are counted.
    pub const NOTHING: Self = Self {
        digest: false,
        title: false,
        text: false,
        content: false,
        raw: false,
    };

    /// Whether anything is asked for.
    pub fn any(self) -> bool {
        self != Self::NOTHING
    }

    /// Whether anything is asked for that only a decoded body answers.
    pub fn reads(self) -> bool {
        Self { raw: false, ..self }.any()
    }

    /// What either asks for.
    pub fn and(self, other: Self) -> Self {
        Self {
            digest: self.digest || other.digest,
            title: self.title || other.title,
            text: self.text || other.text,
            content: self.content || other.content,
            raw: self.raw || other.raw,
        }
    }
}

impl Default for ParseSettings {
    fn default() -> Self {
        let wants = Wants {
            digest: true,
            title: true,
            ..Wants::NOTHING
        };
        Self {
            wants,
            limits: DecodeLimits::default(),
            follow: None,
            extract: ExtractSettings::default(),
            work: Work::None,
            accept: Statuses::default(),
            memory: ByteSize::mib(256),
        }
    }
}

/// Reads a page, as far as anyone asked. `text` says whether somebody has a use for its text beside the sinks. What it decodes
/// takes a share of the memory, and waits for it.
pub(crate) fn parse(
    job: &Job,
    page: &Page,
    plan: &ParsePlan,
    text: bool,
    memory: &Memory,
) -> Parsed {
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
        let agent = plan.follow.as_ref().map_or("*", |follow| &follow.agent);
        let (rules, fault) = robots::rules(page, agent, plan.limits);
        (parsed.rules, parsed.fault) = (rules.map(Box::new), fault);
        return parsed;
    }
    if !plan.reads_bodies() || is_redirect {
        return parsed;
    }
    let question = Question::new(job, page, media, plan, text);
    let mut leads = question.follow.map(|follow| Leads::of(job, page, follow));
    if question.wants_body() {
        let reading = question.reading(plan);
        let mut held = memory.take(content::most(page, encoded, &reading));
        match content::read(page, encoded, &reading) {
            Ok(content) => {
                held.shrink_to(content.size(question.wants.text));
                parsed.held = held;
                question.answer(content, leads.as_mut(), &mut parsed, memory);
            }
            Err(error) => {
                parsed.ends_early = matches!(error, DecodeError::Truncated { .. });
                parsed.fault = Some(error.to_string());
            }
        }
    }
    if let Some(leads) = leads {
        (parsed.found, parsed.simhash) = leads.finish();
    }
    parsed
}

/// Whether a document of XML is a page.
pub(crate) fn is_xhtml(text: &str) -> bool {
    xml::root(text).as_deref() == Some("html")
}

/// One answer, and what is asked of it.
struct Question<'q> {
    job: &'q Job,
    page: &'q Page,
    media: Option<MediaType<'q>>,
    wants: Wants,
    limits: DecodeLimits,
    follow: Option<&'q FollowPlan>,
    work: &'q Work,
}

impl<'q> Question<'q> {
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
        // What has no record has nobody who asks for a digest or a text, and of another site it is only asked whether it is there.
        let (mut wants, work) = match job.role {
            Role::Page | Role::Asset => (plan.wants, &plan.work),
            Role::Robots | Role::Sitemap | Role::External => (Wants::NOTHING, &Work::None),
        };
        wants.text |= work.reads_text() || text;
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

    /// How a body of this kind is looked into; of an unknown kind, whether it may be.
    fn look(&self, kind: Option<Kind>) -> Option<Look> {
        Look::into(self.job, self.page, kind, &self.follow?.wanted)
    }

    fn wants_body(&self) -> bool {
        let kind = self.media.as_ref().map(MediaType::kind);
        self.wants.reads() || !self.work.is_none() || self.look(kind).is_some()
    }

    fn reading<'s>(&self, plan: &'s ParsePlan) -> content::Reading<'s> {
        let kind = self.media.as_ref().map(MediaType::kind);
        let head = match self.look(kind) {
            Some(_) => follow::LOOKED_INTO,
            None => HEAD,
        };
        content::Reading {
            wants: self.wants,
            limits: self.limits,
            folder: &plan.folder,
            head,
        }
    }

    fn answer(
        &self,
        content: Content,
        leads: Option<&mut Leads<'_>>,
        parsed: &mut Parsed,
        memory: &Memory,
    ) {
        parsed.decoded_bytes = Some(content.length);
        parsed.digest = content.digest;
        let media = self.media.as_ref();
        let kind = media.map_or_else(|| media_type::sniff(&content.head), MediaType::kind);
        let look = leads.and_then(|leads| Some((self.look(Some(kind))?, leads)));
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
            // With all of the body at hand, all of it is looked at: a declaration may come late.
            let whole = (self.wants.text && textual)
                .then(|| content.whole())
                .flatten();
            let charset = self.charset(kind, whole.as_deref().unwrap_or(&content.head));
            let title = match look {
                Some((look, leads)) => self.lead(look, leads, &content, charset),
                None if self.wants.title => match kind {
                    Kind::Html => title(Markup::Html, &content.head, charset),
                    Kind::Xhtml => title(Markup::Xml, &content.head, charset),
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
            parsed.text = whole.map(|bytes| charset::text(&bytes, charset).0.into_owned());
        }
        let worked_on = parsed.text.as_deref().filter(|_| self.work.reads_text());
        let _tree = memory.tree(worked_on.map_or(0, extract::weight));
        parsed.work = self.work.on(&content.head, parsed.text.as_deref());
        parsed.content = content.body.filter(|_| self.wants.content);
    }

    /// Takes in where the body leads; answers its title, where it has one.
    fn lead(
        &self,
        look: Look,
        leads: &mut Leads<'_>,
        content: &Content,
        charset: Charset,
    ) -> Option<String> {
        let bytes = &content.head[..content.head.len().min(follow::LOOKED_INTO)];
        if (bytes.len() as u64) < content.length {
            leads.more();
        }
        match look {
            // A sitemap or a feed is what it is, whatever its type says.
            Look::Html(Markup::Html) if xml::opens_a_list(bytes) => {
                leads.sitemap(bytes, self.media.as_ref(), self.job.role, &self.limits);
            }
            Look::Html(markup) => return leads.html(markup, bytes, charset),
            Look::Script => leads.script(bytes),
            Look::Css => leads.css(bytes, charset),
            Look::Xml => leads.xml(bytes, charset, self.job.role),
            Look::Json => leads.json(bytes, charset),
            Look::Sitemap => {
                leads.sitemap(bytes, self.media.as_ref(), self.job.role, &self.limits);
            }
        }
        None
    }

    fn charset(&self, kind: Kind, body: &[u8]) -> Charset {
        let host = self
            .page
            .remote
            .is_some()
            .then(|| self.job.url.as_url().domain())
            .flatten();
        let top_level = host.and_then(|host| host.rsplit('.').next());
        charset::charset(
            body,
            kind.content_kind(),
            self.media.as_ref().and_then(MediaType::charset),
            top_level,
        )
    }
}

/// The title of an HTML page. Encodings that are no superset of ASCII are read as text first.
fn title(markup: Markup, bytes: &[u8], charset: Charset) -> Option<String> {
    let head = &bytes[..bytes.len().min(HEAD)];
    let settings = &LinkSettings::TITLE;
    if !charset.encoding.is_ascii_compatible() {
        let text = charset::text(head, charset).0;
        return links::links_as(markup, text.as_bytes(), settings, &scan::utf8).title;
    }
    let encoding = charset.encoding;
    let decoder = with_lifetime(|bytes| encoding.decode_without_bom_handling(bytes).0);
    links::links_as(markup, head, settings, &decoder).title
}

/// Tells the compiler that what comes out lives as long as what went in.
fn with_lifetime<F: for<'b> Fn(&'b [u8]) -> Cow<'b, str>>(decoder: F) -> F {
    decoder
}
