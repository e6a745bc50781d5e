//! Resolves the references in a page to URLs, as fast as correctness allows.
//!
//! Most references are simple: a path, a query, a lower-case host, no byte that the URL standard would rewrite. Those
//! are appended to the right part of the page's own URL, with dots resolved on the way; all others go to the URL
//! parser. Invariant: the result equals that of [`PageUrl::join`] for every reference and every base; `tests` tries
//! millions. References that are not http or https are recognised by their scheme alone, and never reach the parser.

use encoding_rs::{Encoding, UTF_8};
use memchr::{memchr_iter, memrchr};

use crate::url::PageUrl;
use crate::url::fingerprint::Fingerprints;

/// A byte that stays as it is in a path.
const PATH: u8 = 1;
/// A byte that stays as it is in a query.
const QUERY: u8 = 2;
/// A byte that stays as it is in a host.
const HOST: u8 = 4;
/// A byte that may be part of a scheme.
const SCHEME: u8 = 8;
/// A byte that ends a path.
const END: u8 = 16;
/// A byte that may start a `.` or `..` segment.
const DOT: u8 = 32;
/// A byte that may start a percent-encoded dot.
const PERCENT: u8 = 64;

/// The capacity to reserve beyond the base's length: enough for most resolved references.
const USUAL: usize = 96;

/// What each byte may be part of. Narrower than the URL standard's sets: the parser decides about the rest.
static CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let c = byte as u8;
        class[byte] = match c {
            b'a'..=b'z' | b'0'..=b'9' => PATH | QUERY | HOST | SCHEME,
            b'A'..=b'Z' => PATH | QUERY | SCHEME,
            b'-' => PATH | QUERY | HOST | SCHEME,
            b'.' => PATH | QUERY | HOST | SCHEME | DOT,
            b'+' => PATH | QUERY | SCHEME,
            b'_' => PATH | QUERY | HOST,
            b'/' | b'~' | b'!' | b'$' | b'&' | b'(' | b')' | b'*' | b',' | b';' | b'=' | b':'
            | b'@' => PATH | QUERY,
            b'%' => PATH | QUERY | PERCENT,
            b'[' | b']' | b'|' => QUERY,
            b'?' => QUERY | END,
            b'#' => END,
            _ => 0,
        };
        byte += 1;
    }
    class
};

/// Resolves the references of one page.
pub struct Resolver<'b> {
    base: &'b PageUrl,
    fingerprints: Fingerprints,
    encoding: &'static Encoding,
    /// Lengths of prefixes of the base's text.
    ///
    /// Up to the scheme's `:`, the origin, the folder with its last `/`, and everything before the query.
    scheme: usize,
    origin: usize,
    folder: usize,
    path: usize,
    /// Whether the base's folder has a byte that the parser treats specially with `..`.
    odd: bool,
    /// The last origin that the parser left exactly as written.
    known_origin: String,
    text: String,
}

/// The result of the fast path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resolution {
    /// The reference is resolved.
    Done,
    /// The reference has another scheme, so it does not lead to a page.
    Elsewhere,
    /// The parser must decide.
    NeedsParser,
}

impl<'b> Resolver<'b> {
    /// A resolver against this base URL that computes fingerprints with `fingerprints`.
    #[must_use]
    pub fn new(base: &'b PageUrl, fingerprints: Fingerprints) -> Self {
        let text = base.as_str();
        let path = text.find('?').unwrap_or(text.len());
        let origin = base.origin_text().len();
        let folder = text[..path].rfind('/').map_or(path, |slash| slash + 1);
        Self {
            base,
            fingerprints,
            encoding: UTF_8,
            scheme: text.find("//").unwrap_or(0),
            origin,
            folder,
            path,
            odd: text[origin..folder].contains([':', '|']),
            known_origin: String::new(),
            text: String::with_capacity(text.len() + USUAL),
        }
    }

    /// Sets the encoding of the page.
    ///
    /// Non-ASCII characters in queries are sent in it, as browsers do.
    #[must_use]
    pub fn with_encoding(mut self, encoding: &'static Encoding) -> Self {
        self.encoding = encoding.output_encoding();
        self
    }

    /// The URL that references are relative to.
    pub(crate) fn base(&self) -> &PageUrl {
        self.base
    }

    /// Computes the fingerprints.
    pub(crate) fn fingerprints(&self) -> Fingerprints {
        self.fingerprints
    }

    /// The URL of a reference, without its fragment, and its fingerprint.
    ///
    /// `None` if it is not an http or https URL.
    #[inline]
    pub fn resolve(&mut self, reference: &str) -> Option<(&str, u64)> {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        let is_resolved = match self.resolve_simple(reference, &mut text) {
            Resolution::Done => true,
            Resolution::Elsewhere => false,
            Resolution::NeedsParser => {
                text.clear();
                self.resolve_with_parser(reference, &mut text)
            }
        };
        self.text = text;
        is_resolved.then(|| (self.text.as_str(), self.fingerprints.of(&self.text)))
    }

    /// Resolves a simple reference into an empty string.
    #[inline]
    fn resolve_simple(&self, reference: &str, out: &mut String) -> Resolution {
        let bytes = reference.as_bytes();
        let base = self.base.as_str();
        let mut at = 0;
        let mut root = self.origin;
        match bytes {
            [] | [b'#', ..] => {
                out.push_str(base);
                return Resolution::Done;
            }
            [b'?', ..] => out.push_str(&base[..self.path]),
            [b'/', b'/', ..] => match self.authority_end(bytes, 2) {
                Some(end) => {
                    out.push_str(&base[..self.scheme]);
                    out.push_str(&reference[..end]);
                    (at, root) = (end, out.len());
                }
                None => return Resolution::NeedsParser,
            },
            [b'/', ..] => out.push_str(&base[..self.origin]),
            _ => match scheme_of(bytes) {
                Scheme::None => out.push_str(&base[..self.folder]),
                Scheme::Other => return Resolution::Elsewhere,
                Scheme::Http(from) => match self.authority_end(bytes, from) {
                    Some(end) => {
                        out.push_str(&reference[..end]);
                        (at, root) = (end, out.len());
                    }
                    None => return Resolution::NeedsParser,
                },
                Scheme::Odd => return Resolution::NeedsParser,
            },
        }
        let Some((end, kind)) = scan_path(bytes, at) else {
            return Resolution::NeedsParser;
        };
        let written = &reference[at..end];
        if out.len() == root && !written.starts_with('/') {
            // After an authority, a path is never empty.
            out.push('/');
        }
        match kind {
            Path::Plain => out.push_str(written),
            Path::Dots if self.odd || written.contains(':') => return Resolution::NeedsParser,
            Path::Dots => push_segments(out, root, written),
        }
        let query = &bytes[end..];
        if query.first() == Some(&b'?') {
            let length = query.iter().position(|&byte| byte == b'#');
            let length = length.unwrap_or(query.len());
            let plain = |&byte: &u8| CLASS[usize::from(byte)] & QUERY != 0;
            if !query[..length].iter().all(plain) {
                return Resolution::NeedsParser;
            }
            out.push_str(&reference[end..end + length]);
        }
        Resolution::Done
    }

    /// The end of the authority that starts at `from`.
    ///
    /// `None` unless the standard leaves it as it is.
    #[inline]
    fn authority_end(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let ends = |at: usize| matches!(bytes.get(at), None | Some(b'/' | b'?' | b'#'));
        let own = &self.base.as_str().as_bytes()[self.scheme + 2..self.origin];
        if bytes[from..].starts_with(own) && ends(from + own.len()) {
            // The scheme may differ, and the port may then be the default of that scheme.
            let is_same_scheme =
                from == 2 || bytes.starts_with(&self.base.as_str().as_bytes()[..from]);
            if is_same_scheme {
                return Some(from + own.len());
            }
        }
        let known_origin = self.known_origin.as_bytes();
        if from > 2
            && !known_origin.is_empty()
            && bytes.starts_with(known_origin)
            && ends(known_origin.len())
        {
            return Some(known_origin.len());
        }
        let mut at = from;
        let mut label = from;
        let mut hyphens = 0;
        while let Some(&byte) = bytes.get(at)
            && CLASS[usize::from(byte)] & HOST != 0
        {
            at += 1;
            hyphens += usize::from(byte == b'-');
            if byte == b'.' {
                label = at;
            }
        }
        // A last label that starts with a digit may be an IP address, an empty one means a trailing dot, and IDNA
        // checks "xn--".
        let is_named = bytes.get(label).is_some_and(u8::is_ascii_lowercase) && label < at;
        let host = &bytes[from..at];
        let is_encoded = hyphens > 1 && host.windows(4).any(|four| four == b"xn--");
        (is_named && ends(at) && !is_encoded).then_some(at)
    }

    /// Resolves a reference with the URL parser into an empty string. Returns whether it succeeded.
    #[cold]
    fn resolve_with_parser(&mut self, reference: &str, out: &mut String) -> bool {
        let joined = if self.encoding == UTF_8 || reference.is_ascii() {
            self.base.join(reference)
        } else {
            self.base.join_with_encoding(reference, self.encoding)
        };
        let Ok(url) = joined else {
            return false;
        };
        let origin = url.origin_text();
        let rest = reference.strip_prefix(origin);
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#'])) {
            self.known_origin.clear();
            self.known_origin.push_str(origin);
        }
        out.push_str(url.as_str());
        true
    }
}

/// How a reference starts that is neither an absolute path nor a query.
enum Scheme {
    /// With no scheme.
    None,
    /// With `http://` or `https://`; the authority starts at this index.
    Http(usize),
    /// With `http:` or `https:` in another spelling.
    Odd,
    /// With another scheme.
    Other,
}

#[inline]
fn scheme_of(bytes: &[u8]) -> Scheme {
    if bytes.first() == Some(&b'h') {
        if bytes.starts_with(b"https://") {
            return Scheme::Http(8);
        }
        if bytes.starts_with(b"http://") {
            return Scheme::Http(7);
        }
    }
    let end = bytes
        .iter()
        .position(|&byte| CLASS[usize::from(byte)] & SCHEME == 0);
    match end {
        // A scheme starts with a letter.
        Some(end) if bytes[end] == b':' && bytes[0].is_ascii_alphabetic() => {
            let scheme = &bytes[..end];
            if scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https") {
                Scheme::Odd
            } else {
                Scheme::Other
            }
        }
        // Tabs and line ends are removed from anywhere in a URL, including its scheme.
        _ => Scheme::None,
    }
}

/// What a simple path contains.
enum Path {
    /// Nothing to resolve.
    Plain,
    /// At least one segment that starts with a dot.
    Dots,
}

/// The end of the path that starts at `from`.
///
/// `None` if it contains something that the standard would rewrite.
#[inline]
fn scan_path(bytes: &[u8], from: usize) -> Option<(usize, Path)> {
    let mut seen = 0;
    let mut at = from;
    while let Some(&byte) = bytes.get(at) {
        let class = CLASS[usize::from(byte)];
        if class & PATH == 0 {
            if class & END == 0 {
                return None;
            }
            break;
        }
        seen |= class;
        at += 1;
    }
    let path = &bytes[from..at];
    // "%2e" counts as a dot.
    let is_encoded_dot = |at| matches!(path.get(at + 1..at + 3), Some(b"2e" | b"2E"));
    if seen & PERCENT != 0 && memchr_iter(b'%', path).any(is_encoded_dot) {
        return None;
    }
    let starts_segment = |at: usize| at == 0 || path[at - 1] == b'/';
    let dots = seen & DOT != 0 && memchr_iter(b'.', path).any(starts_segment);
    Some((at, if dots { Path::Dots } else { Path::Plain }))
}

/// Appends a path to a text that ends in `/`, or to an origin if the path starts with `/`.
///
/// Resolves `.` and `..`.
fn push_segments(out: &mut String, root: usize, path: &str) {
    let mut rest = path;
    if out.len() == root {
        out.push('/');
        rest = path.strip_prefix('/').unwrap_or(path);
    }
    loop {
        let end = rest.bytes().position(|byte| byte == b'/');
        let (segment, tail) = rest.split_at(end.unwrap_or(rest.len()));
        match segment {
            "." => {}
            ".." => {
                let above = memrchr(b'/', &out.as_bytes()[root..out.len() - 1]);
                out.truncate(root + 1 + above.unwrap_or(0));
            }
            // Includes the slash after the segment, if there is one.
            segment => out.push_str(&rest[..segment.len() + usize::from(!tail.is_empty())]),
        }
        match tail.get(1..) {
            Some(tail) => rest = tail,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests;
