//! A charset, and where it comes from.

use encoding_rs::Encoding;

/// Where a charset comes from, strongest source first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CharsetSource {
    /// A byte order mark at the start of the body.
    Bom,
    /// The `charset` parameter of the `Content-Type` header.
    Header,
    /// A `<meta>` in the first 1024 bytes, or an XML declaration there in an HTML page.
    Meta,
    /// A `<meta>` further down, which not every browser looks for.
    LateMeta,
    /// An XML declaration.
    Declaration,
    /// The bytes themselves.
    Detected,
    /// Nothing: the default.
    Default,
}

/// A charset, and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Charset {
    /// The encoding of the WHATWG Encoding standard.
    pub encoding: &'static Encoding,
    /// Where the charset comes from.
    pub source: CharsetSource,
}
