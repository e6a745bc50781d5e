//! Finds a page's links, its base, its title, and its directives for robots.
//!
//! Invariant: nothing here is resolved, fetched or trusted: a [`Link`] is the text as the page wrote it, trimmed and
//! decoded as HTML; and the number and length of the links are limited, whatever the page does. What is not wanted
//! costs nothing: if only the title is wanted, the scan ends at `</title>`. URLs that scripts would construct are not
//! found.

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

/// The number of bytes searched for a title when nothing else is wanted.
const TITLE_SEARCH_LIMIT: usize = 64 * 1024;
/// The longest title that is kept, in bytes.
pub(crate) const TITLE_LIMIT: usize = 1024;
/// The longest URL text that is kept, in bytes.
pub(crate) const URL_LIMIT: usize = 8 * 1024;

/// What to find in a page. The title, the base and the directives in `meta` come with any of the links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkSettings<'s> {
    /// References to other pages: `a area iframe frame form link`, refresh.
    pub pages: bool,
    /// References to the parts of this page: images, media, scripts, style sheets.
    pub assets: bool,
    /// URLs in `style` elements and attributes, as assets.
    pub styles: bool,
    /// Guesses in the string literals of inline scripts and JSON.
    pub guess: bool,
    /// Scripts that the page loads, even if no other assets are wanted.
    pub scripts: bool,
    /// The ids that links can point to: `id` of any element and `name` of `a`.
    pub ids: bool,
    /// The most links that are kept from one page.
    pub limit: usize,
    /// The name by which a page may address this robot in `meta`, in any case; may be empty.
    pub agent: &'s str,
}

impl LinkSettings<'_> {
    /// Only the title: the scan ends as soon as it is known.
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

    /// Everything that the page refers to, but no guesses.
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

/// What was found in one page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageLinks<'a> {
    /// The text of the first HTML `title` that is not empty.
    ///
    /// White space is collapsed; at most 1 KiB.
    pub title: Option<String>,
    /// The first `<base href>`: links resolve against it, and it against the page's URL.
    pub base: Option<Cow<'a, str>>,
    /// The `lang` of the first `html` tag.
    pub language: Option<Cow<'a, str>>,
    /// The first refresh; its URL, if it has one, is also among the links.
    pub refresh: Option<Refresh<'a>>,
    /// The directives of `<meta name="robots">` and of the one with the robot's own name.
    pub directives: Directives,
    /// The links in the order of the page, duplicates included.
    pub links: Vec<Link<'a>>,
    /// The ids that links can point to, as written, including repetitions; at most 200,001.
    pub ids: Vec<Cow<'a, str>>,
    /// Whether links were left out because of the limit.
    pub more: bool,
    /// The number of references that were left out because they are longer than 8 KiB.
    pub skipped: u32,
}

impl<'a> PageLinks<'a> {
    /// The first link of a kind, for instance the canonical one.
    #[must_use]
    pub fn first(&self, kind: LinkKind) -> Option<&Link<'a>> {
        self.links.iter().find(|link| link.kind == kind)
    }
}

/// The content of a `<meta http-equiv="refresh">`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refresh<'a> {
    /// The seconds to wait.
    pub seconds: u32,
    /// The URL to go to; `None` for the page itself.
    pub url: Option<Cow<'a, str>>,
}

/// One reference in a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// The reference as written: trimmed, decoded, not resolved, never empty, at most 8 KiB.
    pub url: Cow<'a, str>,
    /// The element it was found in.
    pub element: Element,
    /// What it is for.
    pub kind: LinkKind,
    /// Whether its `rel` has the token `nofollow`.
    pub nofollow: bool,
    /// The byte offset of its tag or, inside raw text, of the reference itself.
    ///
    /// `u32::MAX` beyond 4 GiB.
    pub offset: u32,
}

/// The element that a reference was found in.
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
    /// `<source>`: the same as `<img>`.
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
    /// CSS: a `style` element or attribute, a presentation attribute of SVG or a style sheet; also `background`.
    Css,
    /// A string in an inline script.
    Inline,
}

/// What a reference is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkKind {
    /// Another page, or a document shown in this one.
    Page,
    /// A part of this page, such as an image.
    Asset,
    /// The page's own preferred URL.
    Canonical,
    /// The same content in another language, form or feed.
    Alternate,
    /// The next page of a series.
    Next,
    /// The previous page of a series.
    Previous,
    /// A `link` with any other relation.
    Related,
    /// A string that looks like a URL.
    Guess,
}

/// Finds the links and other facts of an HTML page.
///
/// `decoder` decodes references with bytes that are not ASCII.
#[must_use]
pub fn links<'a>(
    html: &'a [u8],
    settings: &LinkSettings<'_>,
    decoder: Decoder<'_>,
) -> PageLinks<'a> {
    links_as(Markup::Html, html, settings, decoder)
}

/// Like [`links`], for a document with the given rules.
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
