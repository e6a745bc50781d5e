//! Rewriting: the references of a page or a style sheet made to fit a copy that is read from a disk.
//!
//! Each reference that leads to what was saved becomes the path that it was saved under; every other one becomes
//! absolute, so that it leads where it led. All else stays as it was, byte for byte: what is replaced are the values of
//! attributes, and URLs in CSS. Invariant: what is put in is escaped for its place, whatever a URL says. Edge: scripts are
//! not read, and what they put together leads nowhere from a disk; of XML, pages and drawings are rewritten, and nothing else.
//!
//! A disk has no `Content-Type`. So a page that names its charset in its head alone gets a byte order mark, and becomes
//! UTF-8 where it is not; so does one whose encoding is no superset of ASCII. Style sheets in such an encoding stay as
//! they are.

mod css;
mod html;

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};

use super::charset::{self, Charset, CharsetSource};
use super::media_type::{Kind, MediaType, sniff};
use super::resolve::Resolver;
use super::scan::Markup;
use super::xml;
use crate::fingerprint::Fingerprints;
use crate::url::PageUrl;
use css::Escape;

/// What tells an HTML file's encoding before anything in it.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A document that was saved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Document<'d> {
    /// Where it came from.
    pub(crate) url: &'d PageUrl,
    /// Its `Content-Type`.
    pub(crate) content_type: Option<&'d str>,
    /// Who makes the fingerprints that [`Places`] are found by.
    pub(crate) fingerprints: Fingerprints,
    /// Whether it was rewritten before: then only what is absolute is looked at.
    pub(crate) again: bool,
}

/// Where things are: the place of a URL with this fingerprint; `None` for what was not saved.
pub(crate) type Places<'p> = &'p dyn Fn(u64) -> Option<Place>;

/// Where something was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The reference to put in: percent-encoded, and relative to the document.
    pub(crate) path: String,
    /// The fragment that a redirect on the way names, with its `#`, as it was written: the link's own gives way to
    /// it.
    pub(crate) fragment: Option<String>,
}

/// The document with its references replaced; `None` where it is to stay as it is.
pub(crate) fn rewrite(bytes: &[u8], document: Document<'_>, places: Places<'_>) -> Option<Vec<u8>> {
    let media = document.content_type.and_then(MediaType::parse);
    let kind = media.as_ref().map_or_else(|| sniff(bytes), MediaType::kind);
    let host = document.url.as_url().domain();
    let charset = charset::charset(
        bytes,
        kind.content_kind(),
        media.as_ref().and_then(MediaType::charset),
        host.and_then(|host| host.rsplit('.').next()),
    );
    let markup = match kind {
        Kind::Css if !charset.encoding.is_ascii_compatible() => return None,
        Kind::Css => {
            let mut references =
                References::new(document.url, None, charset.encoding, document, places);
            let edits = css::edits(bytes, charset.encoding, &mut references, 0, Escape::Css);
            return (!edits.0.is_empty()).then(|| edits.apply(bytes));
        }
        Kind::Html => Markup::Html,
        Kind::Xhtml => Markup::Xml,
        Kind::Xml => match xml::root(&charset::text(bytes, charset).0).as_deref() {
            Some("svg" | "html") => Markup::Xml,
            _ => return None,
        },
        _ => return None,
    };
    let (text, encoding) = readable(bytes, charset, markup);
    let edits = html::edits(markup, &text, encoding, document, places);
    let changed = !edits.0.is_empty() || matches!(text, Cow::Owned(_));
    changed.then(|| edits.apply(&text))
}

/// The bytes of a page as a browser reads them without a header, and their encoding.
fn readable(bytes: &[u8], charset: Charset, markup: Markup) -> (Cow<'_, [u8]>, &'static Encoding) {
    let Charset { encoding, source } = charset;
    // A `<meta>` that comes late is not found by every browser: such a page gets a byte order mark.
    let is_declared = matches!(source, CharsetSource::Bom | CharsetSource::Meta);
    // What browsers detect without a header they detect on a disk too, but UTF-8.
    let is_detectable =
        matches!(source, CharsetSource::Detected | CharsetSource::Default) && encoding != UTF_8;
    // XML says it in its declaration, or is UTF-8.
    let is_xml_default = markup == Markup::Xml
        && matches!(source, CharsetSource::Declaration | CharsetSource::Default);
    if encoding.is_ascii_compatible()
        && (is_declared || is_detectable || is_xml_default || bytes.is_ascii())
    {
        return (Cow::Borrowed(bytes), encoding);
    }
    let text = charset::text(bytes, charset).0;
    (
        Cow::Owned([BYTE_ORDER_MARK, text.as_bytes()].concat()),
        UTF_8,
    )
}

/// What is to be replaced, each with its range.
#[derive(Default)]
struct Edits(Vec<(usize, usize, Vec<u8>)>);

impl Edits {
    fn apply(mut self, bytes: &[u8]) -> Vec<u8> {
        self.0.sort_by_key(|(start, end, _)| (*start, *end));
        let mut output = Vec::with_capacity(bytes.len() + bytes.len() / 8);
        let mut copied = 0;
        for (start, end, new) in self.0 {
            // Nothing overlaps; if it did, the first would count.
            if start < copied || end > bytes.len() {
                continue;
            }
            output.extend_from_slice(&bytes[copied..start]);
            output.extend_from_slice(&new);
            copied = end;
        }
        out.extend_from_slice(&bytes[at..]);
        out
    }
}

/// The references of one document.
struct References<'r> {
    resolver: Resolver<'r>,
    places: Places<'r>,
    again: bool,
    /// Whether a `<base>` made `#x` and nothing at all lead elsewhere.
    base_differs: bool,
}

/// What becomes of a reference.
struct Replacement {
    text: String,
    /// Whether it leads to what was saved.
    saved: bool,
}

impl<'r> References<'r> {
    fn new(
        url: &'r PageUrl,
        base: Option<&'r PageUrl>,
        encoding: &'static Encoding,
        document: Document<'_>,
        places: Places<'r>,
    ) -> Self {
        let base_url = base.unwrap_or(url);
        Self {
            resolver: Resolver::new(base_url, document.fingerprints).written_in(encoding),
            places,
            again: document.again,
            base_differs: base_url != url,
        }
    }

    /// What is to stand instead of a reference; `None` where it stays.
    fn replace(&mut self, reference: &str) -> Option<Replacement> {
        let reference = reference.trim_ascii();
        let is_absolute = is_absolute(reference);
        if self.again && !is_absolute {
            return None;
        }
        if (reference.is_empty() || reference.starts_with('#')) && !self.base_differs {
            return None;
        }
        let (url, fingerprint) = self.resolver.resolve(reference)?;
        let own_fragment = reference.find('#').map(|at| fragment(&reference[at..]));
        match (self.places)(fingerprint) {
            Some(place) => {
                let redirect_fragment = place.fragment.as_deref().map(fragment);
                Some(Replacement {
                    text: place.path + &redirect_fragment.or(own_fragment).unwrap_or_default(),
                    saved: true,
                })
            }
            None if is_absolute => None,
            None => Some(Replacement {
                text: url.to_owned() + &own_fragment.unwrap_or_default(),
                saved: false,
            }),
        }
    }
}

fn is_absolute(reference: &str) -> bool {
    let has_scheme = |scheme: &str| {
        reference
            .get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    has_scheme("http:") || has_scheme("https:")
}

/// A fragment that is safe in every place: what the URL standard would encode in it is encoded, and quotes are.
fn fragment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            ' ' | '"' | '<' | '>' | '`' | '\'' | '\\' | '(' | ')' | '\0'..='\x1F' | '\x7F' => {
                encoded.push_str(&format!("%{:02X}", character as u32));
            }
            character => encoded.push(character),
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
