//! Replaces the references of a page.
//!
//! Which attributes contain references is in [the list](super::super::links::reference) that finds links too. Whatever
//! would keep a browser from using the copy is disabled: `<base>` is emptied; a content security policy is renamed,
//! and so are `integrity` and `crossorigin` of saved files.

use std::ops::ControlFlow;

use encoding_rs::{Encoding, UTF_8};

use super::super::links::reference::{self, Syntax};
use super::super::links::refresh;
use super::super::links::srcset;
use super::super::scan::{
    Attribute, Markup, Name, Tag, TextContext, Visitor, decode, inside_cdata, scan, scan_as,
    with_lifetime,
};
use super::css;
use super::document::{Document, Places};
use super::edits::Edits;
use super::escape::{Escape, escape_markup};
use super::references::References;

const CONTINUE: ControlFlow<()> = ControlFlow::Continue(());
/// Attributes whose checks a file on disk cannot pass.
const BARRIERS: [&str; 2] = ["integrity", "crossorigin"];
/// The longest attribute value that is considered, in bytes.
const VALUE_LIMIT: usize = 1 << 20;
/// The most nested `srcdoc` pages that are rewritten.
const NESTED_DOCUMENTS: usize = 3;

/// The replacements for a page.
pub(super) fn find_edits(
    markup: Markup,
    html: &[u8],
    encoding: &'static Encoding,
    document: Document<'_>,
    places: Places<'_>,
) -> Edits {
    let decoder = with_lifetime(|bytes| encoding.decode_without_bom_handling(bytes).0);
    let mut base = BaseFinder(None);
    scan_as(markup, html, &mut base);
    let base = base
        .0
        .map(|raw| decode(raw, TextContext::Attribute, &decoder));
    let base = base.and_then(|base| document.url.join(base.trim_ascii()).ok());
    let mut references = References::new(document.url, base.as_ref(), encoding, document, places);
    let mut editor = Editor {
        html,
        encoding,
        references: &mut references,
        edits: Edits::default(),
        nesting: 0,
    };
    scan_as(markup, html, &mut editor);
    editor.edits
}

/// Finds the first `<base href>`.
struct BaseFinder<'a>(Option<&'a [u8]>);

impl<'a> Visitor<'a> for BaseFinder<'a> {
    fn start_tag(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        if tag.name() != Name::Base || tag.is_foreign() {
            return CONTINUE;
        }
        match tag.pick(["href"]) {
            Some([Some(href)]) => {
                self.0 = Some(href);
                ControlFlow::Break(())
            }
            _ => CONTINUE,
        }
    }

    fn raw_text(&mut self, _: Name, _: &'a [u8], _: usize) -> ControlFlow<()> {
        CONTINUE
    }
}

/// Collects the replacements while a page is scanned.
struct Editor<'a, 'e, 'r> {
    html: &'a [u8],
    encoding: &'static Encoding,
    references: &'e mut References<'r>,
    edits: Edits,
    /// The number of `srcdoc` pages around this one.
    nesting: usize,
}

impl<'a> Visitor<'a> for Editor<'a, '_, '_> {
    fn start_tag(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        let before = self.edits.0.len();
        let (name, foreign) = (tag.name(), tag.is_foreign());
        let equiv = match name {
            Name::Meta if !foreign => tag.clone().pick(["http-equiv"]),
            _ => None,
        };
        let equiv = equiv.and_then(|[equiv]| equiv).unwrap_or_default();
        let mut barriers = Vec::new();
        let mut leads_to_saved = false;
        while let Some(attribute) = tag.next_attribute() {
            let is = |names: &[&str]| {
                names
                    .iter()
                    .any(|name| attribute.name.eq_ignore_ascii_case(name.as_bytes()))
            };
            if is(&BARRIERS) {
                barriers.push(attribute.name);
            } else if name == Name::Base && !foreign {
                if is(&["href"]) {
                    self.replace_value(attribute, "");
                }
            } else if let Some(row) = reference::row(name, tag.name_text(), foreign, attribute.name)
            {
                match row.syntax {
                    // A part of the same SVG image, whatever the base.
                    Syntax::Url
                        if foreign && name != Name::A && attribute.value.starts_with(b"#") => {}
                    Syntax::Url => leads_to_saved |= self.replace_url(attribute),
                    Syntax::Set => self.replace_srcset(attribute),
                    Syntax::Css => self.replace_style(attribute),
                    Syntax::Document => self.replace_document(attribute),
                }
            } else if is(&["content"]) && equiv.eq_ignore_ascii_case(b"refresh") {
                self.replace_refresh(attribute);
            } else if is(&["http-equiv"])
                && equiv
                    .to_ascii_lowercase()
                    .starts_with(b"content-security-policy")
            {
                self.rename(attribute.name);
            }
        }
        if leads_to_saved {
            barriers.into_iter().for_each(|name| self.rename(name));
        }
        if !tag.close() {
            self.edits.0.truncate(before); // the page ends inside the tag, so it does not count
        }
        CONTINUE
    }

    fn raw_text(&mut self, name: Name, text: &'a [u8], offset: usize) -> ControlFlow<()> {
        if name == Name::Style {
            let style_edits =
                css::find_edits(text, self.encoding, self.references, offset, Escape::Css);
            self.edits.0.extend(style_edits.0);
        }
        CONTINUE
    }

    fn foreign_style(&mut self, text: &'a [u8], offset: usize) -> ControlFlow<()> {
        let (content, start) = inside_cdata(text);
        let escape = match start {
            0 => Escape::CssInMarkup,
            _ => Escape::Css,
        };
        if start > 0 || memchr::memchr(b'&', text).is_none() {
            let at = offset + start;
            let style_edits = css::find_edits(content, self.encoding, self.references, at, escape);
            self.edits.0.extend(style_edits.0);
            return CONTINUE;
        }
        let encoding = self.encoding;
        let decoder = with_lifetime(|bytes| encoding.decode_without_bom_handling(bytes).0);
        let plain = decode(text, TextContext::Text, &decoder);
        let style_edits = css::find_edits(plain.as_bytes(), UTF_8, self.references, 0, Escape::Css);
        if !style_edits.0.is_empty()
            && let Ok(new) = String::from_utf8(style_edits.apply(plain.as_bytes()))
        {
            let new = self.encoding.encode(&escape_markup(&new)).0.into_owned();
            self.edits.0.push((offset, offset + text.len(), new));
        }
        CONTINUE
    }
}

impl<'a> Editor<'a, '_, '_> {
    /// Replaces a URL. Returns whether it leads to a saved file.
    fn replace_url(&mut self, attribute: Attribute<'a>) -> bool {
        let Some(text) = self.decode_value(attribute) else {
            return false;
        };
        match self.references.replace(&text) {
            Some(new) => {
                self.replace_value(attribute, &new.text);
                new.saved
            }
            None => false,
        }
    }

    fn replace_srcset(&mut self, attribute: Attribute<'a>) {
        let Some(text) = self.decode_value(attribute) else {
            return;
        };
        let mut output = String::with_capacity(text.len());
        let mut copied = 0;
        for url in srcset::urls(&text) {
            // Each is a slice of the text, in order.
            let Some(start) = offset_in(text.as_bytes(), url.as_bytes()) else {
                continue;
            };
            if let Some(new) = self.references.replace(url) {
                output.push_str(&text[copied..start]);
                output.push_str(&new.text);
                copied = start + url.len();
            }
        }
        if copied > 0 {
            output.push_str(&text[copied..]);
            self.replace_value(attribute, &output);
        }
    }

    fn replace_style(&mut self, attribute: Attribute<'a>) {
        let Some(text) = self.decode_value(attribute) else {
            return;
        };
        let style_edits = css::find_edits(text.as_bytes(), UTF_8, self.references, 0, Escape::Css);
        if style_edits.0.is_empty() {
            return;
        }
        if let Ok(new) = String::from_utf8(style_edits.apply(text.as_bytes())) {
            self.replace_value(attribute, &new);
        }
    }

    /// Replaces the references of a page in an attribute.
    ///
    /// They are relative to the base of the page around it.
    fn replace_document(&mut self, attribute: Attribute<'a>) {
        if self.nesting >= NESTED_DOCUMENTS {
            return;
        }
        let Some(text) = self.decode_value(attribute) else {
            return;
        };
        let mut inner = Editor {
            html: text.as_bytes(),
            encoding: UTF_8,
            references: &mut *self.references,
            edits: Edits::default(),
            nesting: self.nesting + 1,
        };
        scan(text.as_bytes(), &mut inner);
        let edits = inner.edits;
        if !edits.0.is_empty()
            && let Ok(new) = String::from_utf8(edits.apply(text.as_bytes()))
        {
            self.replace_value(attribute, &new);
        }
    }

    fn replace_refresh(&mut self, attribute: Attribute<'a>) {
        let Some(text) = self.decode_value(attribute) else {
            return;
        };
        let Some((seconds, Some(url))) = refresh::parse(&text) else {
            return;
        };
        if let Some(new) = self.references.replace(url) {
            self.replace_value(attribute, &format!("{seconds}; url={}", new.text));
        }
    }

    /// The value of an attribute; `None` if it is empty or too long.
    fn decode_value(&self, attribute: Attribute<'a>) -> Option<String> {
        if attribute.value.is_empty() || attribute.value.len() > VALUE_LIMIT {
            return None;
        }
        let encoding = self.encoding;
        let decoder = with_lifetime(|bytes| encoding.decode_without_bom_handling(bytes).0);
        Some(decode(attribute.value, TextContext::Attribute, &decoder).into_owned())
    }

    /// Replaces an attribute's value, within its quotes or with new ones.
    fn replace_value(&mut self, attribute: Attribute<'a>, value: &str) {
        let Some(start) = offset_in(self.html, attribute.value).filter(|start| *start > 0) else {
            return;
        };
        let mut text = String::with_capacity(value.len() + 2);
        let quoted = matches!(self.html[start - 1], b'"' | b'\'');
        if !quoted {
            text.push('"');
        }
        text.push_str(&escape_markup(value));
        if !quoted {
            text.push('"');
        }
        let bytes = self.encoding.encode(&text).0.into_owned();
        self.edits
            .0
            .push((start, start + attribute.value.len(), bytes));
    }

    /// Renames an attribute, so that browsers ignore it.
    fn rename(&mut self, name: &'a [u8]) {
        if let Some(start) = offset_in(self.html, name) {
            self.edits.0.push((start, start, b"data-".to_vec()));
        }
    }
}

/// The offset of a slice in a text; `None` if it is empty, as it could be anywhere.
fn offset_in(text: &[u8], piece: &[u8]) -> Option<usize> {
    let at = (piece.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    (!piece.is_empty() && at + piece.len() <= text.len()).then_some(at)
}
