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
    known: String,
    text: String,
}

/// What became of a plain reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quick {
    /// It is resolved.
    Done,
    /// It is no page's: another scheme.
    Elsewhere,
    /// The parser has to say.
    Ask,
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
            known: String::new(),
            text: String::new(),
        }
    }

    /// The page is written in this encoding: what its queries hold beyond ASCII is sent in it, as browsers do.
    #[must_use]
    pub fn written_in(mut self, encoding: &'static Encoding) -> Self {
        self.encoding = encoding.output_encoding();
        self
    }

    /// Where a reference leads, without its fragment, and the fingerprint of that; `None` where it is no http or https URL.
    pub fn resolve(&mut self, reference: &str) -> Option<(&str, u64)> {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        let resolved = self.append(reference, &mut text);
        self.text = text;
        resolved.then(|| (self.text.as_str(), self.fingerprints.of(&self.text)))
    }

    /// Appends where a reference leads; false, and nothing is appended, where it is no http or https URL.
    #[inline]
    pub(super) fn append(&mut self, reference: &str, out: &mut String) -> bool {
        let start = out.len();
        match self.quick(reference, out) {
            Quick::Done => true,
            Quick::Elsewhere => false,
            Quick::Ask => {
                out.truncate(start);
                self.ask(reference, out)
            }
        }
    }

    /// The fingerprint of a resolved URL.
    #[inline]
    pub(super) fn fingerprint(&self, url: &str) -> u64 {
        self.fingerprints.of(url)
    }

    #[inline]
    fn quick(&self, reference: &str, out: &mut String) -> Quick {
        let bytes = reference.as_bytes();
        let base = self.base.as_str();
        let start = out.len();
        let mut at = 0;
        let mut root = start + self.origin;
        match bytes {
            [] | [b'#', ..] => {
                out.push_str(base);
                return Quick::Done;
            }
            [b'?', ..] => out.push_str(&base[..self.path]),
            [b'/', b'/', ..] => match self.authority(bytes, 2) {
                Some(end) => {
                    out.push_str(&base[..self.scheme]);
                    out.push_str(&reference[..end]);
                    (at, root) = (end, out.len());
                }
                None => return Quick::Ask,
            },
            [b'/', ..] => out.push_str(&base[..self.origin]),
            _ => match scheme(bytes) {
                Scheme::None => out.push_str(&base[..self.folder]),
                Scheme::Other => return Quick::Elsewhere,
                Scheme::Http(from) => match self.authority(bytes, from) {
                    Some(end) => {
                        out.push_str(&reference[..end]);
                        (at, root) = (end, out.len());
                    }
                    None => return Quick::Ask,
                },
                Scheme::Odd => return Quick::Ask,
            },
        }
        let Some((end, kind)) = path(bytes, at) else {
            return Quick::Ask;
        };
        let written = &reference[at..end];
        if out.len() == root && !written.starts_with('/') {
            // Behind an authority: a path is never empty.
            out.push('/');
        }
        match kind {
            Path::Plain => out.push_str(written),
            Path::Dots if self.odd || written.contains(':') => return Quick::Ask,
            Path::Dots => push_segments(out, root, written),
        }
        let query = &bytes[end..];
        if query.first() == Some(&b'?') {
            let length = query.iter().position(|&byte| byte == b'#');
            let length = length.unwrap_or(query.len());
            let plain = |&byte: &u8| CLASS[usize::from(byte)] & QUERY != 0;
            if !query[..length].iter().all(plain) {
                return Quick::Ask;
            }
            out.push_str(&reference[end..end + length]);
        }
        Quick::Done
    }

    /// Where the authority that starts at `from` ends, if it is one that the standard leaves as it is.
    #[inline]
    fn authority(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let ends = |at: usize| matches!(bytes.get(at), None | Some(b'/' | b'?' | b'#'));
        let own = &self.base.as_str().as_bytes()[self.scheme + 2..self.origin];
        if bytes[from..].starts_with(own) && ends(from + own.len()) {
            // The scheme may be another, and the port its default.
            let same = from == 2 || bytes.starts_with(&self.base.as_str().as_bytes()[..from]);
            if same {
                return Some(from + own.len());
            }
        }
        let known = self.known.as_bytes();
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
        let named = bytes.get(label).is_some_and(u8::is_ascii_lowercase) && label < at;
        let host = &bytes[from..at];
        let encoded = hyphens > 1 && host.windows(4).any(|four| four == b"xn--");
        (named && ends(at) && !encoded).then_some(at)
    }

    /// Asks the URL parser.
    #[cold]
    fn ask(&mut self, reference: &str, out: &mut String) -> bool {
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
            self.known.clear();
            self.known.push_str(origin);
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
            let word = &bytes[..end];
            if word.eq_ignore_ascii_case(b"http") || word.eq_ignore_ascii_case(b"https") {
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
    let encoded = |at| matches!(path.get(at + 1..at + 3), Some(b"2e" | b"2E"));
    if seen & PERCENT != 0 && memchr_iter(b'%', path).any(encoded) {
        return None;
    }
    let begins = |at: usize| at == 0 || path[at - 1] == b'/';
    let dots = seen & DOT != 0 && memchr_iter(b'.', path).any(begins);
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
        let (segment, after) = rest.split_at(end.unwrap_or(rest.len()));
        match segment {
            "." => {}
            ".." => {
                let above = memrchr(b'/', &out.as_bytes()[root..out.len() - 1]);
                out.truncate(root + 1 + above.unwrap_or(0));
            }
            // The slash goes with it, if there is one.
            segment => out.push_str(&rest[..segment.len() + usize::from(!after.is_empty())]),
        }
        match after.get(1..) {
            Some(after) => rest = after,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How many pages of references the long tests try; `HAUL_CASES` says how many thousands.
    fn pages() -> usize {
        std::env::var("HAUL_CASES").map_or(6_000, |cases| 1000 * cases.parse::<usize>().unwrap())
    }

    const BASES: [&str; 14] = [
        "http://h.example/",
        "http://h.example/a/b/c.html?q=1",
        "https://h.example:8443/a//b/",
        "http://127.0.0.1:8080/site/1",
        "http://[::1]:81/x/y?z",
        "https://xn--bcher-kva.example/%7Ea/b",
        "http://h.example/a:b/c|d/e",
        "http://h.example/C:/x/y/z",
        "http://h.example//",
        "http://h.example/a/..b/.c/d...",
        "https://a.b-c.d_e/?",
        "http://h.example/a;b=c/d,e/f@g/(h)/*i*/",
        "http://0x7f.1/é/ü?ä",
        "http://h.example/a/b/c/d/e/f/g/h",
    ];

    const PIECES: &[&str] = &[
        "/",
        "/",
        "//",
        "/.",
        "/..",
        "./",
        "../",
        "..",
        ".",
        "...",
        ".a",
        "a.",
        "a",
        "B",
        "xy",
        "index.html",
        "%2e",
        "%2E",
        "%2",
        "%2f",
        "%",
        "%zz",
        "%41",
        "?",
        "?a=b&c=d",
        "=",
        "&",
        "#",
        "#top",
        ":",
        "::",
        "a:b",
        "C:",
        "c|",
        "|",
        "@",
        "u:p@",
        ";",
        ",",
        "+",
        "-",
        "_",
        "~",
        "!",
        "$",
        "'",
        "(",
        ")",
        "*",
        "[",
        "]",
        "{",
        "}",
        "^",
        "`",
        "\"",
        "<",
        ">",
        "\\",
        " ",
        "\t",
        "\n",
        "\r",
        "\0",
        "\u{1}",
        "\u{7f}",
        "é",
        "日本",
        "\u{feff}",
        "\u{2028}",
        "http:",
        "https:",
        "http://",
        "https://",
        "HTTP://",
        "hTTps:",
        "ht\ttp://",
        "http:/",
        "http:///",
        "ftp://",
        "mailto:",
        "javascript:",
        "data:,",
        "tel:",
        "1:",
        "h.example",
        "H.example",
        "other.example",
        "h.example:80",
        "h.example:443",
        ":80",
        ":443",
        ":8080",
        ":0080",
        ":65536",
        "127.0.0.1",
        "127.0.0.1:8080",
        "127.1",
        "0x7f",
        "1.2.3.4.5",
        "[::1]",
        "[::1]:81",
        "xn--",
        "xn--a",
        "xn--bcher-kva",
        "a..b",
        ".com",
        "com.",
        "-a",
        "a-",
        "bücher",
        "ß.example",
        "localhost",
        "_a._b",
        "example.0x1",
        "example.1a",
        "aa--bb.example",
        "%61.example",
        "site/1",
        "b/c.html",
    ];

    fn soup() -> String {
        (0..fastrand::usize(0..7))
            .map(|_| PIECES[fastrand::usize(0..PIECES.len())])
            .collect()
    }

    /// The reference answers as the parser does, and so do those after it.
    fn as_the_parser(base: &str, references: &[String]) {
        let base = PageUrl::parse(base).unwrap();
        let prints = Fingerprints::seeded(3);
        let mut resolver = Resolver::new(&base, prints);
        for reference in references {
            let expected = base.join(reference).ok();
            let expected = expected
                .as_ref()
                .map(|url| (url.as_str(), prints.of(url.as_str())));
            assert_eq!(
                resolver.resolve(reference),
                expected,
                "{base} {reference:?}"
            );
        }
    }

    #[test]
    fn every_soup_of_url_pieces_is_resolved_as_the_parser_does() {
        for _ in 0..pages() {
            let references: Vec<_> = (0..20).map(|_| soup()).collect();
            as_the_parser(BASES[fastrand::usize(0..BASES.len())], &references);
        }
    }

    #[test]
    fn every_way_up_and_down_is_resolved_as_the_parser_does() {
        const STEPS: &[&str] = &[
            "../", "../", "../", "..", "./", ".", "/", "a/", "b", "C:/", "c|/", "c:", ".../",
            "..a", "%2E", "?../x", "#../x",
        ];
        for _ in 0..pages() {
            let references: Vec<_> = (0..20)
                .map(|_| {
                    let steps =
                        (0..fastrand::usize(0..7)).map(|_| STEPS[fastrand::usize(0..STEPS.len())]);
                    steps.collect::<String>()
                })
                .collect();
            as_the_parser(BASES[fastrand::usize(0..BASES.len())], &references);
        }
    }

    #[test]
    fn every_host_is_resolved_as_the_parser_does() {
        const BYTES: &[u8] = b"ab.x-_09.nZ.fx-%:8@";
        for _ in 0..pages() {
            let references: Vec<_> = (0..20)
                .map(|_| {
                    let length = fastrand::usize(0..12);
                    let host =
                        (0..length).map(|_| char::from(BYTES[fastrand::usize(0..BYTES.len())]));
                    let host: String = host.collect();
                    ["http://", "https://", "//"][fastrand::usize(0..3)].to_owned() + &host
                })
                .collect();
            as_the_parser(BASES[fastrand::usize(0..BASES.len())], &references);
        }
        let long = format!("http://{}.example/", "a".repeat(300));
        let longer = format!("http://{}example/", "a.".repeat(300));
        as_the_parser(BASES[0], &[long, longer]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_text_is_resolved_as_the_parser_does(
            base in 0..BASES.len(),
            references in prop::collection::vec("[ -~\\té/.:?#%]{0,24}", 1..8),
        ) {
            as_the_parser(BASES[base], &references);
        }
    }

    #[test]
    fn every_byte_stands_in_a_path_and_a_query_as_the_parser_says() {
        for byte in 0..=255_u8 {
            let byte = char::from(byte);
            let references = [
                "",
                "/",
                "x/",
                "?",
                "/x?",
                "http://h.example/",
                "//b.example/",
                "http://b",
                "a?b#",
            ];
            let references =
                references.map(|before| [format!("{before}{byte}z"), format!("{before}{byte}")]);
            for base in BASES {
                as_the_parser(base, references.as_flattened());
            }
        }
    }

    #[test]
    fn plain_references_need_no_parser_and_other_schemes_never_reach_it() {
        let base = PageUrl::parse("http://127.0.0.1:8080/site/1?q").unwrap();
        let resolver = Resolver::new(&base, Fingerprints::default());
        let quick = |reference: &str| resolver.quick(reference, &mut String::new());
        for plain in [
            "",
            "#top",
            "?page=2",
            "/",
            "/a/b?c=d&e[]=f#g",
            "x/y.html",
            "./2",
            "../site/2",
            "../site/../site/3",
            "http://127.0.0.1:8080/site/4",
            "http://other.example",
            "https://a-b.example/c?d",
            "//cdn.example/e.js",
            "/wiki/A_(b):c,d;e=f@g!$&*+~",
            "/%C3%A9",
        ] {
            assert_eq!(quick(plain), Quick::Done, "{plain}");
        }
        for other in [
            "mailto:a@b.example?subject=c d",
            "javascript:void(0)",
            "data:,<a b>",
            "tel:+1",
            "FTP://x/",
            "about:blank",
        ] {
            assert_eq!(quick(other), Quick::Elsewhere, "{other}");
        }
    }

    #[test]
    fn an_origin_that_the_parser_left_as_it_is_is_known_from_then_on() {
        let base = PageUrl::parse("http://h.example/").unwrap();
        let mut resolver = Resolver::new(&base, Fingerprints::default());
        let quick =
            |resolver: &Resolver<'_>| resolver.quick("http://10.0.0.2:9/b", &mut String::new());
        assert_eq!(quick(&resolver), Quick::Ask);
        resolver.resolve("http://10.0.0.2:9/a").unwrap();
        assert_eq!(quick(&resolver), Quick::Done);
    }

    #[test]
    fn a_query_beyond_ascii_is_sent_in_the_encoding_of_the_page() {
        let base = PageUrl::parse("http://h.example/").unwrap();
        let resolved = |encoding| {
            let mut resolver = Resolver::new(&base, Fingerprints::default()).written_in(encoding);
            resolver.resolve("/é?q=é").unwrap().0.to_owned()
        };
        assert_eq!(resolved(UTF_8), "http://h.example/%C3%A9?q=%C3%A9");
        assert_eq!(
            resolved(encoding_rs::WINDOWS_1252),
            "http://h.example/%C3%A9?q=%E9"
        );
        // WHATWG Encoding 4.3: nothing is sent in UTF-16.
        assert_eq!(
            resolved(encoding_rs::UTF_16LE),
            "http://h.example/%C3%A9?q=%C3%A9"
        );
    }
}
