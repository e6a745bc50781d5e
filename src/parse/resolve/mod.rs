//! From a reference as a page writes it to the URL it means, as fast as it can be done without being wrong.
//!
//! Most references are plain: a path, a query, a host in lower case, no byte that the URL standard would rewrite. Those
//! are put behind the right piece of the page's own URL, dots resolved on the way; every other one goes to the URL
//! parser. Invariant: the text is that of [`PageUrl::join`], for every reference and every base; `tests` try millions.
//! Edge: what is not http or https is told by its scheme alone, and never reaches the parser.

use encoding_rs::{Encoding, UTF_8};
use memchr::{memchr_iter, memrchr};

use crate::fingerprint::Fingerprints;
use crate::url::PageUrl;

/// A byte that a path keeps as it is.
const PATH: u8 = 1;
/// A byte that a query keeps as it is.
const QUERY: u8 = 2;
/// A byte of a host that needs no mapping.
const HOST: u8 = 4;
/// A byte of a scheme.
const SCHEME: u8 = 8;
/// A byte that ends a path.
const END: u8 = 16;
/// A byte that may begin `.` or `..`.
const DOT: u8 = 32;
/// A byte that may begin such a dot in another spelling.
const PERCENT: u8 = 64;

/// Bytes by which most resolved references are longer than their base, at most.
const USUAL: usize = 96;

/// What each byte may be part of. Narrower than the URL standard's sets: what is missing is the parser's to judge.
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
    /// How much of the base's text is its scheme with `:`, its origin, its folder with the last `/`, and all but its query.
    scheme: usize,
    origin: usize,
    folder: usize,
    path: usize,
    /// Whether the base's folder has a byte that the parser treats in its own way when it goes up.
    odd: bool,
    /// An origin that the parser has once left as it was written: the last one.
    known_origin: String,
    text: String,
}

/// What became of a plain reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resolution {
    /// It is resolved.
    Done,
    /// It is no page's: another scheme.
    Elsewhere,
    /// The parser has to say.
    NeedsParser,
}

impl<'b> Resolver<'b> {
    /// Resolves against this URL, and makes these fingerprints.
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

    /// The page is written in this encoding: what its queries hold beyond ASCII is sent in it, as browsers do.
    #[must_use]
    pub fn written_in(mut self, encoding: &'static Encoding) -> Self {
        self.encoding = encoding.output_encoding();
        self
    }

    /// What references are relative to.
    pub(crate) fn base(&self) -> &PageUrl {
        self.base
    }

    /// Who makes the fingerprints.
    pub(crate) fn fingerprints(&self) -> Fingerprints {
        self.fingerprints
    }

    /// Where a reference leads, without its fragment, and the fingerprint of that; `None` where it is no http or https URL.
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

    /// Writes where a plain reference leads to an empty text.
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
            [b'/', b'/', ..] => match self.authority(bytes, 2) {
                Some(end) => {
                    out.push_str(&base[..self.scheme]);
                    out.push_str(&reference[..end]);
                    (at, root) = (end, out.len());
                }
                None => return Resolution::NeedsParser,
            },
            [b'/', ..] => out.push_str(&base[..self.origin]),
            _ => match scheme(bytes) {
                Scheme::None => out.push_str(&base[..self.folder]),
                Scheme::Other => return Resolution::Elsewhere,
                Scheme::Http(from) => match self.authority(bytes, from) {
                    Some(end) => {
                        out.push_str(&reference[..end]);
                        (at, root) = (end, out.len());
                    }
                    None => return Resolution::NeedsParser,
                },
                Scheme::Odd => return Resolution::NeedsParser,
            },
        }
        let Some((end, kind)) = path(bytes, at) else {
            return Resolution::NeedsParser;
        };
        let written = &reference[at..end];
        if out.len() == root && !written.starts_with('/') {
            // Behind an authority: a path is never empty.
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

    /// Where the authority that starts at `from` ends, if it is one that the standard leaves as it is.
    #[inline]
    fn authority(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let ends = |at: usize| matches!(bytes.get(at), None | Some(b'/' | b'?' | b'#'));
        let own = &self.base.as_str().as_bytes()[self.scheme + 2..self.origin];
        if bytes[from..].starts_with(own) && ends(from + own.len()) {
            // The scheme may be another, and the port its default.
            let is_same_scheme =
                from == 2 || bytes.starts_with(&self.base.as_str().as_bytes()[..from]);
            if is_same_scheme {
                return Some(from + own.len());
            }
        }
        let known = self.known_origin.as_bytes();
        if from > 2 && !known.is_empty() && bytes.starts_with(known) && ends(known.len()) {
            return Some(known.len());
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
        // A last label that starts with a digit may be an address, one that is empty ends in a dot, and "xn--" is checked by IDNA.
        let is_named = bytes.get(label).is_some_and(u8::is_ascii_lowercase) && label < at;
        let host = &bytes[from..at];
        let is_encoded = hyphens > 1 && host.windows(4).any(|four| four == b"xn--");
        (is_named && ends(at) && !is_encoded).then_some(at)
    }

    /// Writes what the URL parser says to an empty text.
    #[cold]
    fn resolve_with_parser(&mut self, reference: &str, out: &mut String) -> bool {
        let joined = if self.encoding == UTF_8 || reference.is_ascii() {
            self.base.join(reference)
        } else {
            self.base.join_from(reference, self.encoding)
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

/// How a reference begins that is no path from the root and no query.
enum Scheme {
    /// With no scheme.
    None,
    /// With `http://` or `https://`; the authority starts there.
    Http(usize),
    /// With another way to write one of these two.
    Odd,
    /// With another scheme.
    Other,
}

#[inline]
fn scheme(bytes: &[u8]) -> Scheme {
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
        // A tab or a line end is taken out of a URL wherever it is, also out of its scheme.
        _ => Scheme::None,
    }
}

/// What a plain path is made of.
enum Path {
    /// Nothing to resolve.
    Plain,
    /// A segment that starts with a dot.
    Dots,
}

/// Where the path that starts at `from` ends; `None` where it holds what the standard would rewrite.
#[inline]
fn path(bytes: &[u8], from: usize) -> Option<(usize, Path)> {
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
    // "%2e" is a dot.
    let is_encoded_dot = |at| matches!(path.get(at + 1..at + 3), Some(b"2e" | b"2E"));
    if seen & PERCENT != 0 && memchr_iter(b'%', path).any(is_encoded_dot) {
        return None;
    }
    let starts_segment = |at: usize| at == 0 || path[at - 1] == b'/';
    let dots = seen & DOT != 0 && memchr_iter(b'.', path).any(starts_segment);
    Some((at, if dots { Path::Dots } else { Path::Plain }))
}

/// Appends a path to a text that ends in `/`, or to an origin where the path starts with one, and resolves `.` and `..`.
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
            // The slash goes with it, if there is one.
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
