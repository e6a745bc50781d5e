//! Rewrites the references in a page or style sheet for a copy that is read from disk.
//!
//! A reference to something that was saved becomes the path of the saved file; every other reference becomes absolute,
//! so that it still leads to the same place. Everything else stays as it was, byte for byte: only attribute values and
//! URLs in CSS are replaced. Invariant: inserted text is escaped for its context, whatever a URL contains. Scripts are
//! not read, so URLs that they construct do not work from a disk. Of XML documents, only pages and SVG images are
//! rewritten.
//!
//! Files on disk have no `Content-Type`. So a page whose charset was only in the response headers gets a byte order
//! mark, and is converted to UTF-8 if needed; so does one in an encoding that is not ASCII-compatible. Style sheets in
//! such an encoding stay as they are.

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

/// Marks an HTML file as UTF-8, before anything in it is read.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A document that was saved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Document<'d> {
    /// The URL it came from.
    pub(crate) url: &'d PageUrl,
    /// Its `Content-Type`.
    pub(crate) content_type: Option<&'d str>,
    /// Computes the fingerprints that [`Places`] looks up.
    pub(crate) fingerprints: Fingerprints,
    /// Whether it was rewritten before; if so, only absolute references are considered.
    pub(crate) again: bool,
}

/// Looks up where the URL with this fingerprint was saved; `None` if it was not.
pub(crate) type Places<'p> = &'p dyn Fn(u64) -> Option<Place>;

/// Where a page or asset was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The reference to insert: percent-encoded, and relative to the document.
    pub(crate) path: String,
    /// The fragment from a redirect on the way, with its `#`, as it was written. It replaces the link's own fragment.
    pub(crate) fragment: Option<String>,
}

/// The document with its references replaced; `None` if nothing changes.
pub(crate) fn rewrite(bytes: &[u8], document: Document<'_>, places: Places<'_>) -> Option<Vec<u8>> {
    let media = document.content_type.and_then(MediaType::parse);
    let kind = media.as_ref().map_or_else(|| sniff(bytes), MediaType::kind);
    let host = document.url.as_url().domain();
    let charset = charset::find(
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
            let edits = css::find_edits(bytes, charset.encoding, &mut references, 0, Escape::Css);
            return (!edits.0.is_empty()).then(|| edits.apply(bytes));
        }
        Kind::Html => Markup::Html,
        Kind::Xhtml => Markup::Xml,
        Kind::Xml => match xml::root_name(&charset::decode(bytes, charset).0).as_deref() {
            Some("svg" | "html") => Markup::Xml,
            _ => return None,
        },
        _ => return None,
    };
    let (text, encoding) = make_readable(bytes, charset, markup);
    let edits = html::find_edits(markup, &text, encoding, document, places);
    let changed = !edits.0.is_empty() || matches!(text, Cow::Owned(_));
    changed.then(|| edits.apply(&text))
}

/// The page in a form that browsers can read without headers, and its encoding.
fn make_readable(
    bytes: &[u8],
    charset: Charset,
    markup: Markup,
) -> (Cow<'_, [u8]>, &'static Encoding) {
    let Charset { encoding, source } = charset;
    // Not every browser finds a late `<meta>`: such a page gets a byte order mark.
    let is_declared = matches!(source, CharsetSource::Bom | CharsetSource::Meta);
    // Except for UTF-8, browsers detect on disk whatever they detect without a header.
    let is_detectable =
        matches!(source, CharsetSource::Detected | CharsetSource::Default) && encoding != UTF_8;
    // XML has its encoding in its declaration, or is UTF-8.
    let is_xml_default = markup == Markup::Xml
        && matches!(source, CharsetSource::Declaration | CharsetSource::Default);
    if encoding.is_ascii_compatible()
        && (is_declared || is_detectable || is_xml_default || bytes.is_ascii())
    {
        return (Cow::Borrowed(bytes), encoding);
    }
    let text = charset::decode(bytes, charset).0;
    (
        Cow::Owned([BYTE_ORDER_MARK, text.as_bytes()].concat()),
        UTF_8,
    )
}

/// The replacements, each with the byte range it replaces.
#[derive(Default)]
struct Edits(Vec<(usize, usize, Vec<u8>)>);

impl Edits {
    fn apply(mut self, bytes: &[u8]) -> Vec<u8> {
        self.0.sort_by_key(|(start, end, _)| (*start, *end));
        let mut output = Vec::with_capacity(bytes.len() + bytes.len() / 8);
        let mut copied = 0;
        for (start, end, new) in self.0 {
            // Replacements do not overlap; if they did, the first would win.
            if start < copied || end > bytes.len() {
                continue;
            }
            output.extend_from_slice(&bytes[copied..start]);
            output.extend_from_slice(&new);
            copied = end;
        }
        output.extend_from_slice(&bytes[copied..]);
        output
    }
}

/// Replaces the references of one document.
struct References<'r> {
    resolver: Resolver<'r>,
    places: Places<'r>,
    again: bool,
    /// Whether a `<base>` makes `#x` and empty references lead to another page.
    base_differs: bool,
}

/// The replacement of a reference.
struct Replacement {
    text: String,
    /// Whether it leads to a saved file.
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

    /// The replacement for a reference; `None` if it stays.
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
        let own_fragment = reference
            .find('#')
            .map(|at| escape_fragment(&reference[at..]));
        match (self.places)(fingerprint) {
            Some(place) => {
                let redirect_fragment = place.fragment.as_deref().map(escape_fragment);
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

/// Escapes a fragment so that it is safe in every context.
///
/// Encodes quotes and everything that the URL standard would encode.
fn escape_fragment(text: &str) -> String {
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
