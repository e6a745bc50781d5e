//! Collects the references of an element by [the list of attributes](super::reference).
//!
//! Invariant: the row of an attribute decides what it refers to; for `a`, `link`, `form` and `input`, one more
//! attribute (`rel`, `method`, `type`) counts too. The `base` of a `srcdoc` page is ignored.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::collector::{CONTINUE, Collector};
use super::reference::{self, Purpose, ROWS, Row, Syntax};
use super::relation::{self, Relation};
use super::{Element, LinkKind, LinkSettings, css, srcset};
use crate::parse::scan::{Name, Tag, TextContext, decode, scan, utf8};

/// The most nested `srcdoc` pages that are searched.
const NESTED_DOCUMENTS: usize = 3;

impl<'a> Collector<'a, '_> {
    /// Collects the references of an HTML element.
    pub(super) fn collect_element(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        let LinkSettings { pages, assets, .. } = *self.settings;
        match tag.name() {
            Name::A if pages => self.collect_anchor(tag, Element::A),
            Name::Area if pages => self.collect_anchor(tag, Element::Area),
            Name::Link if pages || assets => self.collect_link(tag),
            Name::Iframe if pages || assets => self.collect_rows(tag, Element::Iframe),
            Name::Frame if pages => self.collect_rows(tag, Element::Frame),
            Name::Form if pages => self.collect_form(tag),
            Name::Img | Name::Image if assets => self.collect_rows(tag, Element::Img),
            Name::Source if assets => self.collect_rows(tag, Element::Source),
            Name::Video if assets => self.collect_rows(tag, Element::Video),
            Name::Audio if assets => self.collect_rows(tag, Element::Audio),
            Name::Track if assets => self.collect_rows(tag, Element::Track),
            Name::Script if assets || self.settings.scripts => {
                self.collect_rows(tag, Element::Script)
            }
            Name::Embed if assets => self.collect_rows(tag, Element::Embed),
            Name::Object if assets => self.collect_rows(tag, Element::Object),
            Name::Input if assets => self.collect_input(tag),
            Name::Base => {
                if let Some([Some(href)]) = tag.pick(["href"])
                    && self.page.base.is_none()
                {
                    self.page.base = self.decode_reference(href);
                }
                CONTINUE
            }
            Name::Meta => self.read_meta(tag),
            Name::Html => {
                if let Some([Some(language)]) = tag.pick(["lang"])
                    && self.page.language.is_none()
                {
                    self.page.language = self.decode_reference(language);
                }
                CONTINUE
            }
            Name::Body if !self.settings.wants_links() => ControlFlow::Break(()),
            _ => CONTINUE,
        }
    }

    #[cold]
    pub(super) fn collect_foreign(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        let LinkSettings { pages, assets, .. } = *self.settings;
        let element = match tag.name() {
            Name::A if pages => Element::A,
            Name::Image | Name::Use | Name::FeImage if assets => Element::Img,
            Name::Script if assets || self.settings.scripts => Element::Script,
            _ => return CONTINUE,
        };
        let Some((values, [rel])) = self.pick_rows(tag, ["rel"]) else {
            return CONTINUE;
        };
        // SVG 2, 16.1.1: "href" wins over the older name.
        let first = values.into_iter().flatten().next();
        match first {
            // A "use" of a part of the page itself loads nothing.
            Some((row, url)) if !(row.purpose == Purpose::Asset && url.starts_with(b"#")) => {
                let kind = match row.purpose {
                    Purpose::Page => LinkKind::Page,
                    Purpose::Asset | Purpose::Inert => LinkKind::Asset,
                };
                let nofollow = rel.is_some_and(|rel| self.is_nofollow(rel));
                self.push(tag, url, element, kind, nofollow)
            }
            _ => CONTINUE,
        }
    }

    /// Picks the values of an element's row attributes, in row order, and of `more` attributes.
    ///
    /// `None` if the input ends inside the tag.
    #[inline]
    #[expect(clippy::type_complexity, reason = "a list of pairs, and a list")]
    fn pick_rows<const N: usize>(
        &self,
        tag: &mut Tag<'a>,
        more: [&str; N],
    ) -> Option<([Option<(Row, &'a [u8])>; ROWS], [Option<&'a [u8]>; N])> {
        let rows = reference::rows(tag.name(), tag.is_foreign());
        let mut values = [None; ROWS];
        let mut others = [None; N];
        while let Some(attribute) = tag.next_attribute() {
            let is = |name: &str| attribute.name.eq_ignore_ascii_case(name.as_bytes());
            // Of two attributes with the same name, the first counts.
            if let Some(at) = rows.iter().position(|row| is(row.name)) {
                values[at].get_or_insert((rows[at], attribute.value));
            } else if let Some(at) = more.iter().position(|name| is(name)) {
                others[at].get_or_insert(attribute.value);
            }
        }
        tag.close().then_some((values, others))
    }

    /// Collects the references of an element that needs nothing but its rows.
    fn collect_rows(&mut self, tag: &mut Tag<'a>, element: Element) -> ControlFlow<()> {
        let Some((values, [])) = self.pick_rows(tag, []) else {
            return CONTINUE;
        };
        for (row, value) in values.into_iter().flatten() {
            self.add_references(tag, row, value, element)?;
        }
        CONTINUE
    }

    /// Collects the references in one attribute, according to its row.
    fn add_references(
        &mut self,
        tag: &Tag<'a>,
        row: Row,
        value: &'a [u8],
        element: Element,
    ) -> ControlFlow<()> {
        let LinkSettings { pages, assets, .. } = *self.settings;
        let (kind, is_wanted) = match row.purpose {
            Purpose::Page => (LinkKind::Page, pages),
            Purpose::Asset => (
                LinkKind::Asset,
                assets || element == Element::Script && self.settings.scripts,
            ),
            Purpose::Inert => return CONTINUE,
        };
        match row.syntax {
            Syntax::Url if is_wanted => self.push(tag, value, element, kind, false),
            Syntax::Set if is_wanted => self.collect_srcset(tag, value, element),
            Syntax::Document => self.collect_document(tag, value),
            Syntax::Url | Syntax::Set | Syntax::Css => CONTINUE,
        }
    }

    /// Collects the links of a page in an attribute.
    #[cold]
    fn collect_document(&mut self, tag: &Tag<'a>, value: &'a [u8]) -> ControlFlow<()> {
        if self.nesting >= NESTED_DOCUMENTS {
            return CONTINUE;
        }
        let text = decode(value, TextContext::Attribute, self.decoder);
        let mut inner = Collector::new(self.settings, &utf8);
        inner.nesting = self.nesting + 1;
        scan(text.as_bytes(), &mut inner);
        self.page.more |= inner.page.more;
        self.page.skipped = self.page.skipped.saturating_add(inner.page.skipped);
        for link in inner.page.links {
            let url = Cow::Owned(link.url.into_owned());
            self.add_link(url, tag.offset(), link.element, link.kind, link.nofollow)?;
        }
        CONTINUE
    }

    fn collect_anchor(&mut self, tag: &mut Tag<'a>, element: Element) -> ControlFlow<()> {
        let Some([Some(href), rel]) = tag.pick(["href", "rel"]) else {
            return CONTINUE;
        };
        let mut kind = LinkKind::Page;
        let mut nofollow = false;
        let rel = rel.map(|rel| self.decode_value(rel));
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

    fn collect_link(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        let Some((values, [rel])) = self.pick_rows(tag, ["rel"]) else {
            return CONTINUE;
        };
        let mut kind = LinkKind::Related;
        let mut nofollow = false;
        let rel = rel.map(|rel| self.decode_value(rel));
        for token in rel.iter().flat_map(|rel| relation::tokens(rel)) {
            kind = match (Relation::of(token), kind) {
                // A host to look up or connect to, not a document.
                (Relation::Host, _) => return CONTINUE,
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
        let is_wanted = match kind {
            LinkKind::Asset => self.settings.assets,
            _ => self.settings.pages,
        };
        for (row, value) in values.into_iter().flatten() {
            match row.syntax {
                Syntax::Url if is_wanted => self.push(tag, value, Element::Link, kind, nofollow)?,
                Syntax::Set if kind == LinkKind::Asset && is_wanted => {
                    self.collect_srcset(tag, value, Element::Link)?;
                }
                _ => {}
            }
        }
        CONTINUE
    }

    fn collect_form(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        let Some([Some(action), method, rel]) = tag.pick(["action", "method", "rel"]) else {
            return CONTINUE;
        };
        // Any method other than these two means GET.
        let is_post_or_dialog = method.is_some_and(|method| {
            let method = self.decode_value(method);
            method.eq_ignore_ascii_case("post") || method.eq_ignore_ascii_case("dialog")
        });
        if is_post_or_dialog {
            return CONTINUE;
        }
        let nofollow = rel.is_some_and(|rel| self.is_nofollow(rel));
        self.push(tag, action, Element::Form, LinkKind::Page, nofollow)
    }

    fn collect_input(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        match self.pick_rows(tag, ["type"]) {
            Some((values, [Some(kind)]))
                if self.decode_value(kind).eq_ignore_ascii_case("image") =>
            {
                for (row, value) in values.into_iter().flatten() {
                    self.add_references(tag, row, value, Element::Input)?;
                }
                CONTINUE
            }
            _ => CONTINUE,
        }
    }

    /// Collects the candidates of a `srcset`.
    fn collect_srcset(
        &mut self,
        tag: &Tag<'a>,
        value: &'a [u8],
        element: Element,
    ) -> ControlFlow<()> {
        match decode(value, TextContext::Attribute, self.decoder) {
            Cow::Borrowed(text) => {
                for url in srcset::urls(text) {
                    self.add_link(url.into(), tag.offset(), element, LinkKind::Asset, false)?;
                }
            }
            Cow::Owned(text) => {
                for url in srcset::urls(&text) {
                    let url = Cow::Owned(url.to_owned());
                    self.add_link(url, tag.offset(), element, LinkKind::Asset, false)?;
                }
            }
        }
        CONTINUE
    }

    #[inline]
    pub(super) fn collect_style(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        match tag.pick(["style", "background"]) {
            Some([None, None]) | None => CONTINUE,
            Some([style, background]) => {
                for (name, value) in [("style", style), ("background", background)] {
                    if let Some(value) = value {
                        self.add_common(tag, name.as_bytes(), value)?;
                    }
                }
                CONTINUE
            }
        }
    }

    /// Collects the references in attributes that any SVG element may have.
    #[cold]
    pub(super) fn collect_presentation(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        let before = self.page.links.len();
        while let Some(attribute) = tag.next_attribute() {
            self.add_common(tag, attribute.name, attribute.value)?;
        }
        if !tag.close() {
            self.page.links.truncate(before); // the page ends inside the tag, so it does not count
        }
        CONTINUE
    }

    #[cold]
    fn add_common(&mut self, tag: &Tag<'a>, name: &[u8], value: &'a [u8]) -> ControlFlow<()> {
        match reference::common_row(tag.name_text(), tag.is_foreign(), name) {
            Some(row) if row.syntax == Syntax::Css => self.collect_inline_style(tag, value),
            Some(row) if row.purpose == Purpose::Asset => {
                self.push(tag, value, Element::Css, LinkKind::Asset, false)
            }
            _ => CONTINUE,
        }
    }

    #[cold]
    fn collect_inline_style(&mut self, tag: &Tag<'a>, value: &'a [u8]) -> ControlFlow<()> {
        // Without a parenthesis there is no function; an encoded parenthesis starts with "&".
        if memchr::memchr2(b'(', b'&', value).is_none() {
            return CONTINUE;
        }
        let text = decode(value, TextContext::Attribute, self.decoder);
        for (url, _) in css::urls(text.as_bytes(), &utf8) {
            let url = Cow::Owned(url.trim_ascii().to_owned());
            self.add_link(url, tag.offset(), Element::Css, LinkKind::Asset, false)?;
        }
        CONTINUE
    }
}
