//! What a page says of other pages: its links, its base, its title, and what it asks of robots.
//!
//! Invariant: nothing here is resolved, fetched or trusted: a [`Link`] is the text the page wrote, trimmed and decoded as HTML,
//! and the number and length of what is kept are bounded whatever the page does. What is not wanted costs nothing: with only the
//! title wanted, the scan ends at `</title>`. Edge: what scripts would build is not looked into.

mod collector;
pub mod css;
mod elements;
pub(in crate::parse) mod guess;
pub(in crate::parse) mod reference;
pub(in crate::parse) mod refresh;
pub(in crate::parse) mod relation;
pub(in crate::parse) mod srcset;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use crate::robots::Directives;

use crate::parse::scan::{Decoder, Markup, scan_as};
use collector::Collector;

/// How much of a page is searched for a title when nothing else is wanted, in bytes.
const TITLE_SEARCH_LIMIT: usize = 64 * 1024;
/// The longest title kept, in bytes.
pub(crate) const TITLE_LIMIT: usize = 1024;
/// The longest URL text kept, in bytes.
pub(crate) const URL_LIMIT: usize = 8 * 1024;

/// What is wanted of a page. The title, the base and the directives in `meta` come with any of the links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkSettings<'s> {
    /// References to other pages: `a area iframe frame form link`, refresh.
    pub pages: bool,
    /// References to what makes up this page: images, media, scripts, style sheets.
    pub assets: bool,
    /// URLs in `style` elements and attributes, as assets.
    pub styles: bool,
    /// Guesses in the string literals of inline scripts and JSON.
    pub guess: bool,
    /// Scripts that the page loads, also where no other assets are wanted.
    pub scripts: bool,
    /// The ids that links may lead to, in `id` of any element and `name` of `a`.
    pub ids: bool,
    /// The most links kept of one page.
    pub limit: usize,
    /// The name under which a page may address this robot in `meta`, in any case; empty where it has none.
    pub agent: &'s str,
}

impl LinkSettings<'_> {
    /// The title alone: the scan ends as soon as it is known.
    pub const TITLE: Self = LinkSettings {
        pages: false,
        assets: false,
        styles: false,
        guess: false,
        scripts: false,
        ids: false,
        limit: 50_000,
        agent: "",
    };

    /// References to other pages, for a crawl.
    pub const PAGES: Self = LinkSettings {
        pages: true,
        ..Self::TITLE
    };

    /// All that the page names; no guesses.
    pub const ALL: Self = LinkSettings {
        assets: true,
        styles: true,
        ..Self::PAGES
    };

    fn wants_links(&self) -> bool {
        self.pages || self.assets || self.styles || self.guess || self.scripts || self.ids
    }
}

impl Default for LinkSettings<'_> {
    fn default() -> Self {
        Self::PAGES
    }
}

/// What one page says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageLinks<'a> {
    /// The text of the first HTML `title` that has any, white space collapsed, at most 1 KiB.
    pub title: Option<String>,
    /// The first `<base href>`: what the links resolve against, itself resolved against the page's URL.
    pub base: Option<Cow<'a, str>>,
    /// The `lang` of the first `html` tag.
    pub language: Option<Cow<'a, str>>,
    /// The first refresh; its URL, if it has one, is also among the links.
    pub refresh: Option<Refresh<'a>>,
    /// What `<meta name="robots">` and the one of the robot's own name ask for.
    pub directives: Directives,
    /// The links in the order of the page, duplicates included.
    pub links: Vec<Link<'a>>,
    /// The ids that links may lead to, as they are, repetitions included; at most 200,001.
    pub ids: Vec<Cow<'a, str>>,
    /// Whether links were left out because of the limit.
    pub more: bool,
    /// How many references were left out because they are longer than 8 KiB.
    pub skipped: u32,
}

impl<'a> PageLinks<'a> {
    /// The first link of a kind, for instance the canonical one.
    #[must_use]
    pub fn first(&self, kind: LinkKind) -> Option<&Link<'a>> {
        self.links.iter().find(|link| link.kind == kind)
    }
}

/// `<meta http-equiv="refresh">`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refresh<'a> {
    /// The seconds to wait.
    pub seconds: u32,
    /// Where to; `None` is the page itself.
    pub url: Option<Cow<'a, str>>,
}

/// One reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// The reference as written: trimmed, decoded, not resolved, never empty, at most 8 KiB.
    pub url: Cow<'a, str>,
    /// Where it stood.
    pub element: Element,
    /// What it is for.
    pub kind: LinkKind,
    /// Whether its `rel` has the token `nofollow`.
    pub nofollow: bool,
    /// Where its tag, or inside raw text the reference, starts, in bytes; `u32::MAX` for all beyond 4 GiB.
    pub offset: u32,
}

/// Where a reference stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    /// `<a href>`, in SVG too.
    A,
    /// `<area href>`.
    Area,
    /// `<link href>`.
    Link,
    /// `<iframe src>`, `data-src`.
    Iframe,
    /// `<frame src>`.
    Frame,
    /// `<form action>` of a form that is sent with GET.
    Form,
    /// `<img>`: `src`, `srcset`, `data-src`, `data-srcset`; SVG's `<image href>`, `<use href>` and `<feImage href>`.
    Img,
    /// `<source>`: as `<img>`.
    Source,
    /// `<video>`: `src`, `poster`.
    Video,
    /// `<audio src>`.
    Audio,
    /// `<track src>`.
    Track,
    /// `<script src>`.
    Script,
    /// `<embed src>`.
    Embed,
    /// `<object data>`.
    Object,
    /// `<input type=image src>`.
    Input,
    /// `<meta http-equiv=refresh>`.
    MetaRefresh,
    /// CSS, in a `style` element, a `style` attribute, a presentation attribute of SVG or a style sheet; `background`.
    Css,
    /// A string in an inline script.
    Inline,
}

/// What a reference is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkKind {
    /// Another page, or a document shown in this one.
    Page,
    /// Something this page is made of.
    Asset,
    /// The page's own preferred URL.
    Canonical,
    /// The same content in another language, form or feed.
    Alternate,
    /// The next page of a series.
    Next,
    /// The page before in a series.
    Previous,
    /// A `link` of any other relation.
    Related,
    /// A string that looks like a URL.
    Guess,
}

/// Finds what the page says. `decoder` is asked where a reference holds bytes that are not ASCII.
#[must_use]
pub fn links<'a>(
    html: &'a [u8],
    settings: &LinkSettings<'_>,
    decoder: Decoder<'_>,
) -> PageLinks<'a> {
    links_as(Markup::Html, html, settings, decoder)
}

/// As [`links`], for a document of these rules.
#[must_use]
pub fn links_as<'a>(
    markup: Markup,
    text: &'a [u8],
    settings: &LinkSettings<'_>,
    decoder: Decoder<'_>,
) -> PageLinks<'a> {
    let text = if settings.wants_links() {
        text
    } else {
        &text[..text.len().min(TITLE_SEARCH_LIMIT)]
    };
    let mut collector = Collector::new(settings, decoder);
    scan_as(markup, text, &mut collector);
    collector.finish()
}
