//! The references of a page, replaced.
//!
//! Which attributes hold references is told by their names alone: an attribute that means nothing on its element does no
//! harm when it is absolute. What would keep a browser from reading the copy is taken out of its way: `<base>` is
//! emptied, and a content security policy, and of what is on the disk `integrity` and `crossorigin`, get another name.

use std::ops::ControlFlow;

use encoding_rs::Encoding;

use super::super::links::refresh;
use super::super::links::srcset;
use super::super::scan::{Attribute, Name, Place, Tag, Visitor, decode, scan};
use super::super::with_lifetime;
use super::{Document, Edits, Places, References, css};

const ON: ControlFlow<()> = ControlFlow::Continue(());
/// Attributes that hold a URL.
const URLS: [&str; 9] = [
    "href",
    "src",
    "data-src",
    "poster",
    "background",
    "action",
    "formaction",
    "xlink:href",
    "longdesc",
];
/// Attributes that hold many.
const SETS: [&str; 3] = ["srcset", "data-srcset", "imagesrcset"];
/// Attributes that a file cannot live up to.
const BARRIERS: [&str; 2] = ["integrity", "crossorigin"];
/// A longer value is no URL; style sheets in attributes have no more either.
const VALUE: usize = 1 << 20;

/// What is to be replaced in a page.
pub(super) fn edits(
    html: &[u8],
    encoding: &'static Encoding,
    document: Document<'_>,
    places: Places<'_>,
) -> Edits {
    let decoder = with_lifetime(|bytes| encoding.decode_without_bom_handling(bytes).0);
    let mut base = Base(None);
    scan(html, &mut base);
    let base = base.0.map(|raw| decode(raw, Place::Attribute, &decoder));
    let base = base.and_then(|base| document.url.join(base.trim_ascii()).ok());
    let references = References::new(document.url, base.as_ref(), encoding, document, places);
    let mut editor = Editor {
        html,
        encoding,
        references,
        edits: Edits::default(),
    };
    scan(html, &mut editor);
    editor.edits
}

/// Looks for the first `<base href>`.
struct Base<'a>(Option<&'a [u8]>);

impl<'a> Visitor<'a> for Base<'a> {
    fn start_tag(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        if tag.name() != Name::Base || tag.is_foreign() {
            return ON;
        }
        match tag.pick(["href"]) {
            Some([Some(href)]) => {
                self.0 = Some(href);
                ControlFlow::Break(())
            }
            _ => ON,
        }
    }

    fn raw_text(&mut self, _: Name, _: &'a [u8], _: usize) -> ControlFlow<()> {
        ON
    }
}

struct Editor<'a, 'r> {
    html: &'a [u8],
    encoding: &'static Encoding,
    references: References<'r>,
    edits: Edits,
}

impl<'a> Visitor<'a> for Editor<'a, '_> {
    fn start_tag(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        let before = self.edits.0.len();
        let (name, foreign) = (tag.name(), tag.is_foreign());
        let equiv = match name {
            Name::Meta if !foreign => tag.clone().pick(["http-equiv"]),
            _ => None,
        };
        let equiv = equiv.and_then(|[equiv]| equiv).unwrap_or_default();
        let mut barriers = Vec::new();
        let mut saved = false;
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
                    self.put(attribute, "");
                }
            } else if is(&URLS) || is(&["data"]) && name == Name::Object {
                saved |= self.reference(attribute);
            } else if is(&SETS) {
                self.set(attribute);
            } else if is(&["style"]) {
                self.style(attribute);
            } else if is(&["content"]) && equiv.eq_ignore_ascii_case(b"refresh") {
                self.refresh(attribute);
            } else if is(&["http-equiv"])
                && equiv
                    .to_ascii_lowercase()
                    .starts_with(b"content-security-policy")
            {
                self.rename(attribute.name);
            }
        }
        if saved {
            barriers.into_iter().for_each(|name| self.rename(name));
        }
        if !tag.close() {
            self.edits.0.truncate(before); // the page ends inside it: it is no tag
        }
        ON
    }

    fn raw_text(&mut self, name: Name, text: &'a [u8], offset: usize) -> ControlFlow<()> {
        if name == Name::Style {
            let found = css::edits(text, self.encoding, &mut self.references, offset);
            self.edits.0.extend(found.0);
        }
        ON
    }
}

impl<'a> Editor<'a, '_> {
    /// Answers whether it leads to what was saved.
    fn reference(&mut self, attribute: Attribute<'a>) -> bool {
        let Some(text) = self.decoded(attribute) else {
            return false;
        };
        match self.references.replace(&text) {
            Some(new) => {
                self.put(attribute, &new.text);
                new.saved
            }
            None => false,
        }
    }

    fn set(&mut self, attribute: Attribute<'a>) {
        let Some(text) = self.decoded(attribute) else {
            return;
        };
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for url in srcset::urls(&text) {
            // Each is a piece of the text, in order.
            let Some(start) = offset_in(text.as_bytes(), url.as_bytes()) else {
                continue;
            };
            if let Some(new) = self.references.replace(url) {
                out.push_str(&text[at..start]);
                out.push_str(&new.text);
                at = start + url.len();
            }
        }
        if at > 0 {
            out.push_str(&text[at..]);
            self.put(attribute, &out);
        }
    }

    fn style(&mut self, attribute: Attribute<'a>) {
        let Some(text) = self.decoded(attribute) else {
            return;
        };
        let found = css::edits(text.as_bytes(), encoding_rs::UTF_8, &mut self.references, 0);
        if found.0.is_empty() {
            return;
        }
        if let Ok(new) = String::from_utf8(found.apply(text.as_bytes())) {
            self.put(attribute, &new);
        }
    }

    fn refresh(&mut self, attribute: Attribute<'a>) {
        let Some(text) = self.decoded(attribute) else {
            return;
        };
        let Some((seconds, Some(url))) = refresh::parse(&text) else {
            return;
        };
        if let Some(new) = self.references.replace(url) {
            self.put(attribute, &format!("{seconds}; url={}", new.text));
        }
    }

    /// The value of an attribute; `None` where there is none, or too much.
    fn decoded(&self, attribute: Attribute<'a>) -> Option<String> {
        if attribute.value.is_empty() || attribute.value.len() > VALUE {
            return None;
        }
        let encoding = self.encoding;
        let decoder = with_lifetime(|bytes| encoding.decode_without_bom_handling(bytes).0);
        Some(decode(attribute.value, Place::Attribute, &decoder).into_owned())
    }

    /// Puts a value in place of another: in the quotes that are there, or in new ones.
    fn put(&mut self, attribute: Attribute<'a>, value: &str) {
        let Some(start) = offset_in(self.html, attribute.value).filter(|start| *start > 0) else {
            return;
        };
        let mut text = String::with_capacity(value.len() + 2);
        let quoted = matches!(self.html[start - 1], b'"' | b'\'');
        if !quoted {
            text.push('"');
        }
        for character in value.chars() {
            match character {
                '&' => text.push_str("&amp;"),
                '"' => text.push_str("&quot;"),
                '\'' => text.push_str("&#39;"),
                '<' => text.push_str("&lt;"),
                '>' => text.push_str("&gt;"),
                character => text.push(character),
            }
        }
        if !quoted {
            text.push('"');
        }
        let bytes = self.encoding.encode(&text).0.into_owned();
        self.edits
            .0
            .push((start, start + attribute.value.len(), bytes));
    }

    /// Gives an attribute a name that nobody heeds.
    fn rename(&mut self, name: &'a [u8]) {
        if let Some(start) = offset_in(self.html, name) {
            self.edits.0.push((start, start, b"data-".to_vec()));
        }
    }
}

/// Where a piece of a text is in it; `None` for what is empty, which may be anywhere.
fn offset_in(text: &[u8], piece: &[u8]) -> Option<usize> {
    let at = (piece.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    (!piece.is_empty() && at + piece.len() <= text.len()).then_some(at)
}
