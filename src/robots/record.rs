//! Reads the lines of a robots.txt as records.
//!
//! Invariant: every line is read and none stops the reading (RFC 9309 2.3.1.5); lines that are not records are
//! skipped.

use std::borrow::Cow;
use std::iter;

/// The number of bytes that are read: the minimum that RFC 9309 2.5 requires.
pub(super) const LONGEST: usize = 500 * 1024;

/// A line with a known name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'t> {
    pub(super) kind: RecordKind,
    /// The value, trimmed and without a comment.
    pub(super) value: &'t [u8],
}

/// The kind of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecordKind {
    /// `User-agent`: a name.
    Agent,
    /// `Allow`: a path.
    Allow,
    /// `Disallow`: a path.
    Disallow,
    /// `Crawl-delay`: a number.
    Delay,
    /// `Sitemap`: a URL.
    Sitemap,
}

/// The names of records, in lower case, without separators between their letters.
const NAMES: [(&[u8], RecordKind); 14] = [
    (b"useragent", RecordKind::Agent),
    (b"useragents", RecordKind::Agent),
    (b"allow", RecordKind::Allow),
    (b"allowed", RecordKind::Allow),
    (b"disallow", RecordKind::Disallow),
    (b"disallowed", RecordKind::Disallow),
    (b"dissallow", RecordKind::Disallow),
    (b"dissalow", RecordKind::Disallow),
    (b"disalow", RecordKind::Disallow),
    (b"diasllow", RecordKind::Disallow),
    (b"disallaw", RecordKind::Disallow),
    (b"crawldelay", RecordKind::Delay),
    (b"sitemap", RecordKind::Sitemap),
    (b"sitemaps", RecordKind::Sitemap),
];

/// The text of a robots.txt, up to the size limit and without its byte order mark.
///
/// UTF-16 with a mark is converted to UTF-8. Half a mark does no harm: [`kind_of`] ignores it.
pub(super) fn decode_text(bytes: &[u8]) -> Cow<'_, [u8]> {
    let bytes = within_limit(bytes);
    let decoded = match bytes {
        [0xFF, 0xFE, rest @ ..] => encoding_rs::UTF_16LE.decode_without_bom_handling(rest).0,
        [0xFE, 0xFF, rest @ ..] => encoding_rs::UTF_16BE.decode_without_bom_handling(rest).0,
        [0xEF, 0xBB, 0xBF, rest @ ..] => return rest.into(),
        _ => return bytes.into(),
    };
    Cow::Owned(decoded.into_owned().into_bytes())
}

/// The records, each with the number of its line, from 1.
pub(super) fn records(text: &[u8]) -> impl Iterator<Item = (u32, Record<'_>)> {
    (1..)
        .zip(lines(text))
        .filter_map(|(number, line)| Some((number, parse_record(line)?)))
}

/// The first [`LONGEST`] bytes, without a line that would be cut there.
fn within_limit(bytes: &[u8]) -> &[u8] {
    let Some((read, [next, ..])) = bytes.split_at_checked(LONGEST) else {
        return bytes;
    };
    if matches!(next, b'\r' | b'\n') {
        return read;
    }
    let end = memchr::memrchr2(b'\r', b'\n', read).map_or(0, |at| at + 1);
    &read[..end]
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    iter::from_fn(move || {
        let text = rest?;
        let Some(end) = memchr::memchr2(b'\r', b'\n', text) else {
            rest = None;
            return Some(text);
        };
        let ending = if text[end..].starts_with(b"\r\n") {
            2
        } else {
            1
        };
        rest = Some(&text[end + ending..]);
        Some(&text[..end])
    })
}

fn parse_record(line: &[u8]) -> Option<Record<'_>> {
    let line = &line[..memchr::memchr(b'#', line).unwrap_or(line.len())];
    let line = trim(line);
    if let Some(colon) = memchr::memchr(b':', line)
        && let Some(kind) = kind_of(&line[..colon])
    {
        let value = trim(&line[colon + 1..]);
        return Some(Record { kind, value });
    }
    // "Disallow /private/": without a colon, two words are a record, more are prose.
    let space = memchr::memchr2(b' ', b'\t', line)?;
    let value = trim(&line[space..]);
    if memchr::memchr2(b' ', b'\t', value).is_some() {
        return None;
    }
    kind_of(&line[..space]).map(|kind| Record { kind, value })
}

/// The kind of record with this name, ignoring case and separators between letters.
///
/// Separators are those in `user agent` and `site-map`, a byte order mark, a no-break space.
fn kind_of(name: &[u8]) -> Option<RecordKind> {
    let mut letters = [0; 10];
    let mut length = 0;
    for &b in name {
        if matches!(b, b' ' | b'\t' | b'-' | b'_' | 0x80..) {
            continue;
        }
        *letters.get_mut(length)? = b.to_ascii_lowercase();
        length += 1;
    }
    let letters = &letters[..length];
    let (_, kind) = NAMES.iter().find(|(name, _)| *name == letters)?;
    Some(*kind)
}

/// Trims white space and control characters: octets that the grammar does not allow there.
fn trim(text: &[u8]) -> &[u8] {
    let is_blank = |b: &u8| *b <= b' ' || *b == 0x7F;
    let start = text.iter().position(|b| !is_blank(b)).unwrap_or(text.len());
    let end = text
        .iter()
        .rposition(|b| !is_blank(b))
        .map_or(start, |at| at + 1);
    &text[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<(u32, String)> {
        let text = decode_text(bytes);
        records(&text)
            .map(|(line, Record { kind, value })| {
                let value = String::from_utf8_lossy(value);
                (line, format!("{kind:?} {value}").to_lowercase())
            })
            .collect()
    }

    fn one(line: &str) -> String {
        all(line.as_bytes())
            .pop()
            .map_or_else(String::new, |(_, text)| text)
    }

    #[test]
    fn every_kind_of_line_end_ends_one_line() {
        let text = "User-Agent: foo|Allow: /some/path|User-Agent: bar|||Disallow: /|";
        for end in ["\n", "\r\n", "\r"] {
            let lines: Vec<_> = all(text.replace('|', end).as_bytes())
                .iter()
                .map(|(line, _)| *line)
                .collect();
            assert_eq!(lines, [1, 2, 3, 6], "{end:?}");
        }
        let mixed =
            all(b"User-Agent: foo\nAllow: /some/path\r\nUser-Agent: bar\n\r\n\nDisallow: /");
        assert_eq!(mixed.last().unwrap().0, 6);
        assert_eq!(all(b"Allow: /\n\rAllow: /").last().unwrap().0, 3);
    }

    #[test]
    fn white_space_comments_and_case_are_ignored() {
        for line in [
            "disallow:/a",
            " \t DISALLOW \t:\t /a \t",
            "DisAllow: /a#comment",
            "Disallow: /a # a # b",
            "Disallow: /a\0\u{7f}",
            "Disallow\u{a0}: /a",
            "\u{feff}Disallow: /a",
            "\u{feff} Disallow /a",
        ] {
            assert_eq!(one(line), "disallow /a", "{line:?}");
        }
        assert_eq!(one("# Disallow: /a"), "");
        assert_eq!(one("Disallow:"), "disallow ");
        assert_eq!(one("Disallow: # all"), "disallow ");
    }

    #[test]
    fn common_misspellings_are_understood_but_prose_is_not() {
        for line in [
            "dissallow: /a",
            "dissalow: /a",
            "disalow: /a",
            "diasllow: /a",
            "disallaw: /a",
            "Disallow /a",
            "disallow\t/a",
            "dis-allow: /a",
            "Disallowed: /a",
        ] {
            assert_eq!(one(line), "disallow /a", "{line:?}");
        }
        for line in [
            "useragent: a",
            "User Agent: a",
            "user_agent: a",
            "User-agent a",
            "User-agents: a",
        ] {
            assert_eq!(one(line), "agent a", "{line:?}");
        }
        for line in [
            "site-map: http://a/",
            "Sitemap http://a/",
            "site map: http://a/",
            "sitemaps:http://a/",
        ] {
            assert_eq!(one(line), "sitemap http://a/", "{line:?}");
        }
        for line in [
            "crawl-delay: 1",
            "CrawlDelay: 1",
            "crawl delay: 1",
            "Crawl-delay 1",
        ] {
            assert_eq!(one(line), "delay 1", "{line:?}");
        }
        assert_eq!(one("Disallow /a:b"), "disallow /a:b");
        for line in [
            "disallow /a /b",
            "Disallow",
            "/a",
            ": /a",
            "Disallow-not: /a",
            "<html>",
            "Allowance: /a",
            "Host: a",
            "a disallow: /a",
            "Disallow/a",
            "no disallow /a",
        ] {
            assert_eq!(one(line), "", "{line:?}");
        }
    }

    #[test]
    fn byte_order_marks_are_skipped_and_utf_16_is_read() {
        for mark in [&b"\xEF\xBB\xBF"[..], b"\xEF\xBB", b"\xEF", b""] {
            let text = [mark, b"User-Agent: foo\nAllow: /"].concat();
            assert_eq!(all(&text).len(), 2, "{mark:?}");
        }
        assert_eq!(all(b"\xEF\x11\xBFUser-Agent: foo\nAllow: /").len(), 1);
        let units: Vec<u16> = "\u{feff}Disallow: /é\r\n".encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        assert_eq!(all(&little), [(1, "disallow /é".to_owned())]);
        assert_eq!(all(&big), all(&little));
    }

    #[test]
    fn nothing_beyond_the_limit_is_read_nor_half_a_line() {
        let filled = |tail: &str, cut: usize| {
            let mut text = vec![b'#'; LONGEST - cut - 1];
            text.push(b'\n');
            text.extend_from_slice(tail.as_bytes());
            all(&text)
        };
        let tail = "Allow: /public\nDisallow: /";
        assert_eq!(filled(tail, tail.len()).len(), 2);
        assert_eq!(filled(tail, tail.len() - 1).len(), 1);
        assert_eq!(filled(tail, 15).len(), 1);
        assert_eq!(filled(tail, 14).len(), 1);
        // "Allow: /" is how half of "Allow: /public" reads, and it would open the whole site.
        assert_eq!(filled(tail, 8).len(), 0);
        assert_eq!(all(&[b'a'; LONGEST + 1]), []);
    }
}
