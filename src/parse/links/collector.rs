//! Which attribute of which element is a link: the visitor that fills a [`PageLinks`].
//!
//! Invariant: a tag that cannot hold anything wanted is left at its name, without a look at its attributes. Edge: in `svg` and `math`
//! only `a`, `image` and `script` hold links, by `href` or `xlink:href`.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::relation::{self, Relation};
use super::{
    Directives, Element, Link, LinkKind, LinkSettings, PageLinks, Refresh, TITLE_LIMIT, URL_LIMIT,
    css, guess, refresh, srcset,
};
use crate::parse::scan::{Decoder, Name, Place, Tag, Visitor, decode};

/// How much longer than the limit a reference may be as written: `&amp;` is five bytes for one.
const WRITTEN_LIMIT: usize = 8 * URL_LIMIT;

/// Links of a page that there is room for at once: most pages have fewer.
const USUAL: usize = 64;

/// Gathers one page's links.
pub(super) struct Collector<'a, 's> {
    settings: &'s LinkSettings<'s>,
    decoder: Decoder<'s>,
    page: PageLinks<'a>,
}

const ON: ControlFlow<()> = ControlFlow::Continue(());

impl<'a> Visitor<'a> for Collector<'a, '_> {
    #[inline]
    fn start_tag(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        if tag.name() == Name::Other {
            return if self.settings.styles {
                self.style(tag)
            } else {
                ON
            };
        }
        if self.settings.styles {
            self.style(&mut tag.clone())?;
        }
        if tag.is_foreign() {
            return self.foreign(tag);
        }
        self.element(tag)
    }

    fn raw_text(&mut self, name: Name, text: &'a [u8], offset: usize) -> ControlFlow<()> {
        match name {
            Name::Title => self.title(text),
            Name::Style if self.settings.styles => self.css(text, offset),
            Name::Script if self.settings.guess => self.guess(text, offset),
            _ => ON,
        }
    }
}

impl<'a, 's> Collector<'a, 's> {
    pub(super) fn new(settings: &'s LinkSettings<'s>, decoder: Decoder<'s>) -> Self {
        Collector {
            settings,
            decoder,
            page: PageLinks::default(),
        }
    }

    pub(super) fn finish(self) -> PageLinks<'a> {
        self.page
    }

    /// The elements of HTML.
    fn element(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        let LinkSettings { pages, assets, .. } = *self.settings;
        match tag.name() {
            Name::A if pages => self.anchor(tag, Element::A),
            Name::Area if pages => self.anchor(tag, Element::Area),
            Name::Link if pages || assets => self.link(tag),
            Name::Iframe if pages => self.page(tag, Element::Iframe),
            Name::Frame if pages => self.page(tag, Element::Frame),
            Name::Form if pages => self.form(tag),
            Name::Img | Name::Image if assets => self.image(tag),
            Name::Source if assets => self.assets(tag, Element::Source, ["src"], "srcset"),
            Name::Video if assets => self.assets(tag, Element::Video, ["src", "poster"], ""),
            Name::Audio if assets => self.assets(tag, Element::Audio, ["src"], ""),
            Name::Track if assets => self.assets(tag, Element::Track, ["src"], ""),
            Name::Script if assets => self.assets(tag, Element::Script, ["src"], ""),
            Name::Embed if assets => self.assets(tag, Element::Embed, ["src"], ""),
            Name::Object if assets => self.assets(tag, Element::Object, ["data"], ""),
            Name::Input if assets => self.input(tag),
            Name::Base => {
                if let Some([Some(href)]) = tag.pick(["href"])
                    && self.page.base.is_none()
                {
                    self.page.base = self.reference(href);
                }
                ON
            }
            Name::Meta => self.meta(tag),
            Name::Html => {
                if let Some([Some(language)]) = tag.pick(["lang"])
                    && self.page.language.is_none()
                {
                    self.page.language = self.reference(language);
                }
                ON
            }
            Name::Body if !self.settings.wants_links() => ControlFlow::Break(()),
            _ => ON,
        }
    }

    #[cold]
    fn foreign(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        let (element, kind) = match tag.name() {
            Name::A if self.settings.pages => (Element::A, LinkKind::Page),
            Name::Image if self.settings.assets => (Element::Img, LinkKind::Asset),
            Name::Script if self.settings.assets => (Element::Script, LinkKind::Asset),
            _ => return ON,
        };
        // SVG 2, 16.1.1: "href" wins over the older name.
        match tag.pick(["href", "xlink:href", "rel"]) {
            Some([Some(url), _, rel] | [None, Some(url), rel]) => {
                let nofollow = rel.is_some_and(|rel| self.is_nofollow(rel));
                self.push(tag, url, element, kind, nofollow)
            }
            _ => ON,
        }
    }

    fn anchor(&mut self, tag: &mut Tag<'a>, element: Element) -> ControlFlow<()> {
        let Some([Some(href), rel]) = tag.pick(["href", "rel"]) else {
            return ON;
        };
        let mut kind = LinkKind::Page;
        let mut nofollow = false;
        let rel = rel.map(|rel| self.word(rel));
        for token in rel.iter().flat_map(|rel| relation::tokens(rel)) {
            match Relation::of(token) {
                Relation::Nofollow => nofollow = true,
                Relation::Next => kind = LinkKind::Next,
                Relation::Previous => kind = LinkKind::Previous,
                _ => {}
            }
        }
        self.push(tag, href, element, kind, nofollow)
    }

    fn link(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        let Some([Some(href), rel]) = tag.pick(["href", "rel"]) else {
            return ON;
        };
        let mut kind = LinkKind::Related;
        let mut nofollow = false;
        let rel = rel.map(|rel| self.word(rel));
        for token in rel.iter().flat_map(|rel| relation::tokens(rel)) {
            kind = match (Relation::of(token), kind) {
                // A host to be looked up or connected to: no document.
                (Relation::Host, _) => return ON,
                (Relation::Nofollow, kind) => {
                    nofollow = true;
                    kind
                }
                // "alternate stylesheet" is a style sheet, in either order.
                (Relation::Asset, _) => LinkKind::Asset,
                (_, LinkKind::Asset) => LinkKind::Asset,
                (Relation::Canonical, _) => LinkKind::Canonical,
                (Relation::Alternate, _) => LinkKind::Alternate,
                (Relation::Next, _) => LinkKind::Next,
                (Relation::Previous, _) => LinkKind::Previous,
                (Relation::Other, kind) => kind,
            };
        }
        let wanted = match kind {
            LinkKind::Asset => self.settings.assets,
            _ => self.settings.pages,
        };
        if wanted {
            self.push(tag, href, Element::Link, kind, nofollow)
        } else {
            ON
        }
    }

    fn page(&mut self, tag: &mut Tag<'a>, element: Element) -> ControlFlow<()> {
        match tag.pick(["src"]) {
            Some([Some(src)]) => self.push(tag, src, element, LinkKind::Page, false),
            _ => ON,
        }
    }

    fn form(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        let Some([Some(action), method, rel]) = tag.pick(["action", "method", "rel"]) else {
            return ON;
        };
        // Any word but these two means GET.
        let posts = method.is_some_and(|method| {
            let method = self.word(method);
            method.eq_ignore_ascii_case("post") || method.eq_ignore_ascii_case("dialog")
        });
        if posts {
            return ON;
        }
        let nofollow = rel.is_some_and(|rel| self.is_nofollow(rel));
        self.push(tag, action, Element::Form, LinkKind::Page, nofollow)
    }

    fn image(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        self.assets(tag, Element::Img, ["src", "data-src"], "srcset")
    }

    fn input(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        match tag.pick(["type", "src"]) {
            Some([Some(kind), Some(src)]) if self.word(kind).eq_ignore_ascii_case("image") => {
                self.push(tag, src, Element::Input, LinkKind::Asset, false)
            }
            _ => ON,
        }
    }

    /// The elements that show something: one URL in each of `names`, many in `set`.
    fn assets<const N: usize>(
        &mut self,
        tag: &mut Tag<'a>,
        element: Element,
        names: [&str; N],
        set: &str,
    ) -> ControlFlow<()> {
        let mut again = tag.clone();
        let Some(values) = tag.pick(names) else {
            return ON;
        };
        for value in values.into_iter().flatten() {
            self.push(tag, value, element, LinkKind::Asset, false)?;
        }
        if let (false, Some([Some(value)])) = (set.is_empty(), again.pick([set])) {
            match decode(value, Place::Attribute, self.decoder) {
                Cow::Borrowed(text) => {
                    for url in srcset::urls(text) {
                        self.keep(url.into(), tag.offset(), element, LinkKind::Asset, false)?;
                    }
                }
                Cow::Owned(text) => {
                    for url in srcset::urls(&text) {
                        let url = Cow::Owned(url.to_owned());
                        self.keep(url, tag.offset(), element, LinkKind::Asset, false)?;
                    }
                }
            }
        }
        ON
    }

    fn meta(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        let picked = tag.pick(["http-equiv", "name", "content"]);
        let Some([http_equiv, name, Some(content)]) = picked else {
            return ON;
        };
        if name.is_some_and(|name| {
            let name = self.word(name);
            ["robots", self.settings.agent]
                .iter()
                .any(|known| !known.is_empty() && name.eq_ignore_ascii_case(known))
        }) {
            self.directives(content);
        }
        if http_equiv.is_some_and(|name| self.word(name).eq_ignore_ascii_case("refresh")) {
            return self.refresh(tag, content);
        }
        ON
    }

    #[cold]
    fn directives(&mut self, content: &[u8]) {
        let content = self.word(content);
        let said = Directives::of_content(&content);
        self.page.directives = self.page.directives.and(said);
    }

    #[cold]
    fn refresh(&mut self, tag: &Tag<'a>, content: &'a [u8]) -> ControlFlow<()> {
        if self.page.refresh.is_some() || content.len() > WRITTEN_LIMIT {
            return ON;
        }
        let content = decode(content, Place::Attribute, self.decoder);
        let Some((seconds, url)) = refresh::parse(&content) else {
            return ON;
        };
        let url: Option<Cow<'a, str>> = url.map(|url| url.trim_ascii().to_owned().into());
        let url = url.filter(|url| !url.is_empty() && url.len() <= URL_LIMIT);
        self.page.refresh = Some(Refresh {
            seconds,
            url: url.clone(),
        });
        match url {
            Some(url) if self.settings.pages => {
                let element = Element::MetaRefresh;
                self.keep(url, tag.offset(), element, LinkKind::Page, false)
            }
            _ => ON,
        }
    }

    #[cold]
    fn title(&mut self, text: &'a [u8]) -> ControlFlow<()> {
        if self.page.title.is_none() {
            // References only shrink; what is far beyond the limit need not be decoded.
            let text = &text[..text.len().min(WRITTEN_LIMIT)];
            let text = decode(text, Place::Text, self.decoder);
            let mut title = String::new();
            for word in text.split_ascii_whitespace() {
                if !title.is_empty() {
                    title.push(' ');
                }
                title.push_str(word);
                if title.len() > TITLE_LIMIT {
                    title.truncate(title.floor_char_boundary(TITLE_LIMIT));
                    title.truncate(title.trim_ascii_end().len());
                    break;
                }
            }
            self.page.title = Some(title).filter(|title| !title.is_empty());
        }
        if self.settings.wants_links() || self.page.title.is_none() {
            ON
        } else {
            ControlFlow::Break(())
        }
    }

    #[inline]
    fn style(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        match tag.pick(["style"]) {
            Some([Some(value)]) => self.inline_style(tag, value),
            _ => ON,
        }
    }

    #[cold]
    fn inline_style(&mut self, tag: &Tag<'a>, value: &'a [u8]) -> ControlFlow<()> {
        // Without a parenthesis there is no url(), and the reference to one starts with "&".
        if memchr::memchr2(b'(', b'&', value).is_none() {
            return ON;
        }
        let text = decode(value, Place::Attribute, self.decoder);
        for (url, _) in css::urls(text.as_bytes(), &crate::parse::scan::utf8) {
            let url = Cow::Owned(url.trim_ascii().to_owned());
            self.keep(url, tag.offset(), Element::Css, LinkKind::Asset, false)?;
        }
        ON
    }

    fn css(&mut self, text: &'a [u8], offset: usize) -> ControlFlow<()> {
        for (url, at) in css::urls(text, self.decoder) {
            self.keep(
                trimmed(url),
                offset + at,
                Element::Css,
                LinkKind::Asset,
                false,
            )?;
        }
        ON
    }

    fn guess(&mut self, text: &'a [u8], offset: usize) -> ControlFlow<()> {
        for (url, at) in guess::urls(text) {
            self.keep(url, offset + at, Element::Inline, LinkKind::Guess, false)?;
        }
        ON
    }

    #[inline]
    fn push(
        &mut self,
        tag: &Tag<'a>,
        raw: &'a [u8],
        element: Element,
        kind: LinkKind,
        nofollow: bool,
    ) -> ControlFlow<()> {
        match self.reference(raw) {
            Some(url) => self.keep(url, tag.offset(), element, kind, nofollow),
            None => {
                self.page.skipped = self.page.skipped.saturating_add(1);
                ON
            }
        }
    }

    /// Keeps one link, within the bounds.
    #[inline]
    fn keep(
        &mut self,
        url: Cow<'a, str>,
        offset: usize,
        element: Element,
        kind: LinkKind,
        nofollow: bool,
    ) -> ControlFlow<()> {
        if url.is_empty() {
            return ON;
        }
        if url.len() > URL_LIMIT {
            self.page.skipped = self.page.skipped.saturating_add(1);
            return ON;
        }
        if self.page.links.len() >= self.settings.limit {
            self.page.more = true;
            return ControlFlow::Break(());
        }
        if self.page.links.capacity() == 0 {
            self.page.links.reserve(USUAL);
        }
        self.page.links.push(Link {
            url,
            element,
            kind,
            nofollow,
            offset: u32::try_from(offset).unwrap_or(u32::MAX),
        });
        ON
    }

    /// The text of a value that is compared and not kept.
    #[inline]
    fn word<'b>(&self, raw: &'b [u8]) -> Cow<'b, str> {
        decode(raw, Place::Attribute, self.decoder)
    }

    fn is_nofollow(&self, rel: &[u8]) -> bool {
        relation::tokens(&self.word(rel)).any(|token| Relation::of(token) == Relation::Nofollow)
    }

    /// The text of a reference; `None` where it is too long.
    #[inline]
    fn reference(&self, raw: &'a [u8]) -> Option<Cow<'a, str>> {
        if raw.len() > WRITTEN_LIMIT {
            return None;
        }
        let text = trimmed(decode(raw, Place::Attribute, self.decoder));
        (text.len() <= URL_LIMIT).then_some(text)
    }
}

#[inline]
fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_ascii()),
        Cow::Owned(text) => match text.trim_ascii() {
            inner if inner.len() == text.len() => Cow::Owned(text),
            inner => Cow::Owned(inner.to_owned()),
        },
    }
}
