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
mod document;
mod edits;
mod escape;
mod html;
mod references;

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};

use super::charset::{self, Charset, CharsetSource};
use super::media_type::{Kind, MediaType, sniff};
use super::scan::Markup;
use super::xml;
pub(crate) use document::{Document, LocalTarget, Places};
use escape::Escape;
use references::References;

/// Marks an HTML file as UTF-8, before anything in it is read.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

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

#[cfg(test)]
mod tests;
