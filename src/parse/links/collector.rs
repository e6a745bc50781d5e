//! Collects the links of a page by [the list of references](super::reference): the visitor that fills a [`PageLinks`].
//!
//! Invariant: if a tag cannot contain anything wanted, its attributes are not read.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::link::URL_LIMIT;
use super::page::TITLE_LIMIT;
use super::relation::{self, Relation};
use super::{
    Directives, Element, Link, LinkKind, LinkSettings, PageLinks, Refresh, css, guess, refresh,
};
use crate::parse::scan::{Decoder, Name, Tag, TextContext, Visitor, decode, inside_cdata, utf8};
use crate::visit::checked::IDS;

/// The longest reference as written: `&amp;` takes five bytes for one.
const RAW_LIMIT: usize = 8 * URL_LIMIT;

/// Room for links that is allocated at once: most pages have fewer.
const INITIAL_LINKS: usize = 64;

/// Collects the links of one page.
pub(super) struct Collector<'a, 's> {
    pub(super) settings: &'s LinkSettings<'s>,
    pub(super) decoder: Decoder<'s>,
    pub(super) page: PageLinks<'a>,
    /// The number of `srcdoc` pages around this one.
    pub(super) nesting: usize,
}

pub(super) const CONTINUE: ControlFlow<()> = ControlFlow::Continue(());

impl<'a> Visitor<'a> for Collector<'a, '_> {
    #[inline]
    fn start_tag(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        if self.settings.ids && self.nesting == 0 {
            self.collect_ids(&mut tag.clone());
        }
        if self.settings.styles {
            if tag.is_foreign() {
                self.collect_presentation(&mut tag.clone())?;
            } else if tag.name() == Name::Other {
                return self.collect_style(tag);
            } else {
                self.collect_style(&mut tag.clone())?;
            }
        }
        if tag.is_foreign() {
            return self.collect_foreign(tag);
        }
        self.collect_element(tag)
    }

    #[cold]
    fn foreign_style(&mut self, text: &'a [u8], offset: usize) -> ControlFlow<()> {
        if !self.settings.styles {
            return CONTINUE;
        }
        let (content, start) = inside_cdata(text);
        if start > 0 || memchr::memchr(b'&', text).is_none() {
            return self.collect_css(content, offset + start);
        }
        let text = decode(text, TextContext::Text, self.decoder);
        for (url, _) in css::urls(text.as_bytes(), &utf8) {
            let url = Cow::Owned(url.trim_ascii().to_owned());
            self.add_link(url, offset, Element::Css, LinkKind::Asset, false)?;
        }
        CONTINUE
    }

    fn raw_text(&mut self, name: Name, text: &'a [u8], offset: usize) -> ControlFlow<()> {
        match name {
            Name::Title => self.read_title(text),
            Name::Style if self.settings.styles => self.collect_css(text, offset),
            Name::Script if self.settings.guess => self.collect_guesses(text, offset),
            _ => CONTINUE,
        }
    }
}

impl<'a, 's> Collector<'a, 's> {
    pub(super) fn new(settings: &'s LinkSettings<'s>, decoder: Decoder<'s>) -> Self {
        Collector {
            settings,
            decoder,
            page: PageLinks::default(),
            nesting: 0,
        }
    }

    pub(super) fn finish(self) -> PageLinks<'a> {
        self.page
    }

    pub(super) fn read_meta(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        let picked = tag.pick(["http-equiv", "name", "content"]);
        let Some([http_equiv, name, Some(content)]) = picked else {
            return CONTINUE;
        };
        if name.is_some_and(|name| {
            let name = self.decode_value(name);
            ["robots", self.settings.agent]
                .iter()
                .any(|candidate| !candidate.is_empty() && name.eq_ignore_ascii_case(candidate))
        }) {
            self.read_directives(content);
        }
        if http_equiv.is_some_and(|name| self.decode_value(name).eq_ignore_ascii_case("refresh")) {
            return self.read_refresh(tag, content);
        }
        CONTINUE
    }

    /// Collects the ids of an element.
    ///
    /// One more than the limit is kept, so that too many can be told from just enough.
    fn collect_ids(&mut self, tag: &mut Tag<'a>) {
        let is_anchor = tag.name() == Name::A && !tag.is_foreign();
        let Some([id, name]) = tag.pick(["id", "name"]) else {
            return;
        };
        for raw in id.into_iter().chain(name.filter(|_| is_anchor)) {
            if !raw.is_empty() && self.page.ids.len() <= IDS {
                let text = decode(raw, TextContext::Attribute, self.decoder);
                self.page.ids.push(text);
            }
        }
    }

    #[cold]
    fn read_directives(&mut self, content: &[u8]) {
        let content = self.decode_value(content);
        let directives = Directives::of_content(&content);
        self.page.directives = self.page.directives.and(directives);
    }

    #[cold]
    fn read_refresh(&mut self, tag: &Tag<'a>, content: &'a [u8]) -> ControlFlow<()> {
        if self.page.refresh.is_some() || content.len() > RAW_LIMIT {
            return CONTINUE;
        }
        let content = decode(content, TextContext::Attribute, self.decoder);
        let Some((seconds, url)) = refresh::parse(&content) else {
            return CONTINUE;
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
                self.add_link(url, tag.offset(), element, LinkKind::Page, false)
            }
            _ => CONTINUE,
        }
    }

    #[cold]
    fn read_title(&mut self, text: &'a [u8]) -> ControlFlow<()> {
        if self.page.title.is_none() {
            // Decoding only shortens text, so what is far beyond the limit need not be decoded.
            let text = &text[..text.len().min(RAW_LIMIT)];
            let text = decode(text, TextContext::Text, self.decoder);
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
            CONTINUE
        } else {
            ControlFlow::Break(())
        }
    }

    pub(super) fn collect_css(&mut self, text: &'a [u8], offset: usize) -> ControlFlow<()> {
        for (url, at) in css::urls(text, self.decoder) {
            self.add_link(trim(url), offset + at, Element::Css, LinkKind::Asset, false)?;
        }
        CONTINUE
    }

    fn collect_guesses(&mut self, text: &'a [u8], offset: usize) -> ControlFlow<()> {
        for (url, at) in guess::urls(text) {
            self.add_link(url, offset + at, Element::Inline, LinkKind::Guess, false)?;
        }
        CONTINUE
    }

    #[inline]
    pub(super) fn push(
        &mut self,
        tag: &Tag<'a>,
        raw: &'a [u8],
        element: Element,
        kind: LinkKind,
        nofollow: bool,
    ) -> ControlFlow<()> {
        match self.decode_reference(raw) {
            Some(url) => self.add_link(url, tag.offset(), element, kind, nofollow),
            None => {
                self.page.skipped = self.page.skipped.saturating_add(1);
                CONTINUE
            }
        }
    }

    /// Adds a link, within the limits.
    #[inline]
    pub(super) fn add_link(
        &mut self,
        url: Cow<'a, str>,
        offset: usize,
        element: Element,
        kind: LinkKind,
        nofollow: bool,
    ) -> ControlFlow<()> {
        if url.is_empty() {
            return CONTINUE;
        }
        if url.len() > URL_LIMIT {
            self.page.skipped = self.page.skipped.saturating_add(1);
            return CONTINUE;
        }
        if self.page.links.len() >= self.settings.limit {
            self.page.more = true;
            return ControlFlow::Break(());
        }
        if self.page.links.capacity() == 0 {
            self.page.links.reserve(INITIAL_LINKS);
        }
        self.page.links.push(Link {
            url,
            element,
            kind,
            nofollow,
            offset: u32::try_from(offset).unwrap_or(u32::MAX),
        });
        CONTINUE
    }

    /// The text of a value that is only compared.
    #[inline]
    pub(super) fn decode_value<'b>(&self, raw: &'b [u8]) -> Cow<'b, str> {
        decode(raw, TextContext::Attribute, self.decoder)
    }

    pub(super) fn is_nofollow(&self, rel: &[u8]) -> bool {
        relation::tokens(&self.decode_value(rel))
            .any(|token| Relation::of(token) == Relation::Nofollow)
    }

    /// The text of a reference; `None` if it is too long.
    #[inline]
    pub(super) fn decode_reference(&self, raw: &'a [u8]) -> Option<Cow<'a, str>> {
        if raw.len() > RAW_LIMIT {
            return None;
        }
        let text = trim(decode(raw, TextContext::Attribute, self.decoder));
        (text.len() <= URL_LIMIT).then_some(text)
    }
}

#[inline]
fn trim(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_ascii()),
        Cow::Owned(text) => match text.trim_ascii() {
            inner if inner.len() == text.len() => Cow::Owned(text),
            inner => Cow::Owned(inner.to_owned()),
        },
    }
}
