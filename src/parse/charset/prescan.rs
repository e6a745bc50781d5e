//! Finds the charset that a document declares, before it can be decoded.
//!
//! WHATWG HTML 13.2.3.2, "prescan a byte stream to determine its encoding".
//!
//! Pages are close enough to ASCII to find `<meta>` in raw bytes. Only the first 1024 bytes are read. The steps are
//! those of the standard, including where they stop: running out of bytes anywhere, even inside a tag, ends the
//! search, and then only an XML declaration counts. Invariant: every step moves forward, so the work is linear in
//! those 1024 bytes.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};
use memchr::{memchr, memmem};

/// The number of bytes that are read: the standard's own limit.
pub(super) const PRESCAN_LIMIT: usize = 1024;

/// The encoding that a `<meta>` with these attributes declares.
///
/// Its `charset` counts first, then the `content` of a `Content-Type` pragma (HTML 13.2.6.4.4).
pub(super) fn meta_encoding(
    charset: Option<&[u8]>,
    pragma: Option<&[u8]>,
    content: Option<&[u8]>,
) -> Option<&'static Encoding> {
    let is_pragma = pragma.is_some_and(|name| name.eq_ignore_ascii_case(b"content-type"));
    charset
        .and_then(Encoding::for_label)
        .or_else(|| content_charset(content.filter(|_| is_pragma)?))
        .map(effective_encoding)
}

/// The charset that an HTML document declares, by `<meta>` or else by an XML declaration.
pub(super) fn html_encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    let bytes = head(bytes);
    utf_16_declaration(bytes)
        .or_else(|| Prescanner { bytes, at: 0 }.find_meta())
        .or_else(|| xml_declaration(bytes))
}

/// The charset that an XML document declares.
pub(super) fn xml_encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    let bytes = head(bytes);
    utf_16_declaration(bytes).or_else(|| xml_declaration(bytes))
}

fn head(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(PRESCAN_LIMIT)]
}

/// Detects `<?x` with two bytes per character: an XML declaration in UTF-16 without a byte order mark.
fn utf_16_declaration(bytes: &[u8]) -> Option<&'static Encoding> {
    match bytes {
        [b'<', 0, b'?', 0, b'x', 0, ..] => Some(UTF_16LE),
        [0, b'<', 0, b'?', 0, b'x', ..] => Some(UTF_16BE),
        _ => None,
    }
}

/// The charset of an XML declaration: WHATWG "get an XML encoding".
fn xml_declaration(bytes: &[u8]) -> Option<&'static Encoding> {
    let declaration = bytes.strip_prefix(b"<?xml")?;
    let declaration = &declaration[..memchr(b'>', declaration)?];
    let after = &declaration[memmem::find(declaration, b"encoding")? + b"encoding".len()..];
    let after = skip_controls(after).strip_prefix(b"=")?;
    let (&quote, value) = skip_controls(after).split_first()?;
    if quote != b'"' && quote != b'\'' {
        return None;
    }
    let label = &value[..memchr(quote, value)?];
    if label.iter().any(|&byte| byte <= b' ') {
        return None;
    }
    // A declaration that is readable as ASCII is not in UTF-16, whatever it says.
    Encoding::for_label(label).map(not_utf_16)
}

fn skip_controls(bytes: &[u8]) -> &[u8] {
    let controls = bytes.iter().take_while(|&&byte| byte <= b' ').count();
    &bytes[controls..]
}

/// The effective encoding of a `<meta>`.
///
/// A tag that is readable as ASCII is in neither UTF-16 nor a private character set.
fn effective_encoding(encoding: &'static Encoding) -> &'static Encoding {
    if encoding == X_USER_DEFINED {
        WINDOWS_1252
    } else {
        not_utf_16(encoding)
    }
}

fn not_utf_16(encoding: &'static Encoding) -> &'static Encoding {
    if encoding == UTF_16LE || encoding == UTF_16BE {
        UTF_8
    } else {
        encoding
    }
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

/// A position in the bytes.
///
/// `None` from any method means that the bytes have run out, which ends the whole search.
struct Prescanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// An attribute: its raw name and value, compared case-insensitively.
struct Attribute<'a> {
    name: &'a [u8],
    value: &'a [u8],
}

impl<'a> Prescanner<'a> {
    fn find_meta(&mut self) -> Option<&'static Encoding> {
        loop {
            self.at += memchr(b'<', self.bytes.get(self.at..)?)?;
            let rest = &self.bytes[self.at..];
            if rest.starts_with(b"<!--") {
                // The opening dashes of a comment may close it too: `<!-->`.
                self.at += 2 + memmem::find(&rest[2..], b"-->")? + 3;
                continue;
            }
            let named_meta = rest
                .get(1..5)
                .is_some_and(|name| name.eq_ignore_ascii_case(b"meta"));
            if named_meta
                && rest
                    .get(5)
                    .is_some_and(|&byte| is_space(byte) || byte == b'/')
            {
                self.at += 5;
                if let Some(encoding) = self.read_meta()? {
                    return Some(encoding);
                }
            } else if matches!(rest, [b'<', b'/', letter, ..] | [b'<', letter, ..] if letter.is_ascii_alphabetic())
            {
                self.at += rest
                    .iter()
                    .position(|&byte| is_space(byte) || byte == b'>')?;
                while self.next_attribute()?.is_some() {}
            } else if matches!(rest, [b'<', b'!' | b'/' | b'?', ..]) {
                self.at += memchr(b'>', rest)?;
            }
            self.at += 1;
        }
    }

    /// The charset of one `<meta>`, if it declares a valid one.
    fn read_meta(&mut self) -> Option<Option<&'static Encoding>> {
        let (mut seen_pragma, mut seen_content, mut seen_charset) = (false, false, false);
        let mut is_pragma = false;
        let mut needs_pragma = None;
        // The outer `None`: nothing is declared. The inner: the declared value is not an encoding.
        let mut charset: Option<Option<&'static Encoding>> = None;
        while let Some(Attribute { name, value }) = self.next_attribute()? {
            // Of two attributes with the same name, the first counts.
            let is_first = |seen: &mut bool| !std::mem::replace(seen, true);
            if name.eq_ignore_ascii_case(b"http-equiv") && is_first(&mut seen_pragma) {
                is_pragma = value.eq_ignore_ascii_case(b"content-type");
            } else if name.eq_ignore_ascii_case(b"content") && is_first(&mut seen_content) {
                if charset.is_none()
                    && let Some(encoding) = content_charset(value)
                {
                    charset = Some(Some(encoding));
                    needs_pragma = Some(true);
                }
            } else if name.eq_ignore_ascii_case(b"charset") && is_first(&mut seen_charset) {
                charset = Some(Encoding::for_label(value));
                needs_pragma = Some(false);
            }
        }
        Some(match needs_pragma {
            None => None,
            Some(true) if !is_pragma => None,
            Some(_) => charset.flatten().map(effective_encoding),
        })
    }

    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip(&mut self, skipped: impl Fn(u8) -> bool) -> Option<u8> {
        while skipped(self.byte()?) {
            self.at += 1;
        }
        self.byte()
    }

    /// WHATWG "get an attribute"; the inner `None` at the end of the tag.
    fn next_attribute(&mut self) -> Option<Option<Attribute<'a>>> {
        if self.skip(|byte| is_space(byte) || byte == b'/')? == b'>' {
            return Some(None);
        }
        let start = self.at;
        // A `=` may start a name, but not be inside it.
        self.at += usize::from(self.byte()? == b'=');
        let after_name =
            self.skip(|byte| !is_space(byte) && !matches!(byte, b'/' | b'>' | b'='))?;
        let name = &self.bytes[start..self.at];
        let no_value = Some(Some(Attribute { name, value: b"" }));
        if matches!(after_name, b'/' | b'>') || self.skip(is_space)? != b'=' {
            return no_value;
        }
        self.at += 1;
        let value = match self.skip(is_space)? {
            quote @ (b'"' | b'\'') => {
                self.at += 1;
                let start = self.at;
                self.skip(|byte| byte != quote)?;
                self.at += 1;
                &self.bytes[start..self.at - 1]
            }
            b'>' => return no_value,
            _ => {
                let start = self.at;
                self.skip(|byte| !is_space(byte) && byte != b'>')?;
                &self.bytes[start..self.at]
            }
        };
        Some(Some(Attribute { name, value }))
    }
}

/// WHATWG "extracting a character encoding from a meta element".
fn content_charset(mut content: &[u8]) -> Option<&'static Encoding> {
    const NAME: &[u8] = b"charset";
    let value = loop {
        let at = content
            .windows(NAME.len())
            .position(|window| window.eq_ignore_ascii_case(NAME))?;
        content = content[at + NAME.len()..].trim_ascii_start();
        if let Some(value) = content.strip_prefix(b"=") {
            break value.trim_ascii_start();
        }
    };
    let label = match value.split_first()? {
        (&quote @ (b'"' | b'\''), rest) => &rest[..memchr(quote, rest)?],
        _ => value.split(|&byte| is_space(byte) || byte == b';').next()?,
    };
    Encoding::for_label(label)
}

#[cfg(test)]
mod tests {
    use encoding_rs::{GBK, ISO_8859_2, KOI8_R, SHIFT_JIS};

    use super::*;

    #[test]
    fn a_meta_tag_is_found_as_in_the_standard() {
        for (page, expected) in [
            ("<meta charset=shift_jis>", Some(SHIFT_JIS)),
            (
                "<!doctype html><html><head><META CHARSET='Shift_JIS'/>",
                Some(SHIFT_JIS),
            ),
            ("<meta/charset=\"gbk\">", Some(GBK)),
            ("<meta\ncharset = gb2312 >", Some(GBK)),
            (
                "<meta http-equiv=Content-Type content='text/html; charset=koi8-r'>",
                Some(KOI8_R),
            ),
            (
                "<meta content='text/html; charset=koi8-r' http-equiv=Content-Type>",
                Some(KOI8_R),
            ),
            ("<meta content='text/html; charset=koi8-r'>", None),
            (
                "<meta http-equiv=refresh content='text/html; charset=koi8-r'>",
                None,
            ),
            (
                "<meta http-equiv=content-type content='charset charset = \"koi8-r\"'>",
                Some(KOI8_R),
            ),
            (
                "<meta http-equiv=content-type content='charset=\"koi8-r'>",
                None,
            ),
            (
                "<meta http-equiv=content-type content='charset=koi8-r;x'>",
                Some(KOI8_R),
            ),
            ("<meta http-equiv=content-type content='charset='>", None),
            (
                "<meta http-equiv=content-type charset=gbk content='charset=koi8-r'>",
                Some(GBK),
            ),
            ("<meta charset=gbk charset=koi8-r>", Some(GBK)),
            ("<meta charset=nonsense><meta charset=gbk>", Some(GBK)),
            (
                "<meta charset=nonsense content='charset=gbk' http-equiv=content-type>",
                None,
            ),
            ("<meta charset=utf-16le>", Some(UTF_8)),
            ("<meta charset=x-user-defined>", Some(WINDOWS_1252)),
            ("<meta charset=' gbk '>", Some(GBK)),
            ("<metacharset=gbk>", None),
            ("<meta name=charset value=gbk>", None),
            ("<meta =charset=gbk charset=koi8-r>", Some(KOI8_R)),
            ("<meta charset><meta charset=gbk>", Some(GBK)),
            ("<meta charset=><meta charset=gbk>", Some(GBK)),
        ] {
            assert_eq!(html_encoding(page.as_bytes()), expected, "{page}");
        }
    }

    #[test]
    fn text_that_only_looks_like_a_meta_tag_is_skipped() {
        for (page, expected) in [
            (
                "<!-- <meta charset=gbk> --><meta charset=koi8-r>",
                Some(KOI8_R),
            ),
            ("<!--><meta charset=gbk>", Some(GBK)),
            ("<!---><meta charset=gbk>", Some(GBK)),
            ("<!-- <meta charset=gbk>", None),
            (
                "<a title='<meta charset=gbk>'><meta charset=koi8-r>",
                Some(KOI8_R),
            ),
            ("<a title=\"<meta charset=gbk>", None),
            (
                "</p title='<meta charset=gbk>'><meta charset=koi8-r>",
                Some(KOI8_R),
            ),
            (
                "<?php '<meta charset=gbk'><meta charset=koi8-r>",
                Some(KOI8_R),
            ),
            ("<!x <meta charset=gbk><meta charset=koi8-r>", Some(KOI8_R)),
            ("<script>'<meta charset=gbk>'</script>", Some(GBK)),
            ("< meta charset=gbk>", None),
            ("<<meta charset=gbk>", Some(GBK)),
            ("<a<meta charset=gbk>", None),
        ] {
            assert_eq!(html_encoding(page.as_bytes()), expected, "{page}");
        }
    }

    #[test]
    fn only_the_first_1024_bytes_count_and_the_tag_must_end_there() {
        let meta = "<meta charset=gbk>";
        let page = |blank: usize| format!("{}{meta}", " ".repeat(blank));
        assert_eq!(
            html_encoding(page(PRESCAN_LIMIT - meta.len()).as_bytes()),
            Some(GBK)
        );
        assert_eq!(
            html_encoding(page(PRESCAN_LIMIT - meta.len() + 1).as_bytes()),
            None
        );
    }

    #[test]
    fn an_xml_declaration_is_read_but_a_meta_tag_overrides_it() {
        for (page, expected) in [
            (
                "<?xml version='1.0' encoding='iso-8859-2'?><html>",
                Some(ISO_8859_2),
            ),
            ("<?xml encoding \t=\n \"iso-8859-2\">", Some(ISO_8859_2)),
            ("<?xml encoding='utf-16'?>", Some(UTF_8)),
            ("<?xml encoding=gbk?>", None),
            ("<?xml encoding='gbk '?>", None),
            ("<?xml encoding='gbk", None),
            ("<?xml version='1.0'?> encoding='gbk'", None),
            (" <?xml encoding='gbk'?>", None),
        ] {
            assert_eq!(xml_encoding(page.as_bytes()), expected, "{page}");
            assert_eq!(html_encoding(page.as_bytes()), expected, "{page}");
        }
        let both = b"<?xml encoding='gbk'?><meta charset=koi8-r>";
        assert_eq!(
            (html_encoding(both), xml_encoding(both)),
            (Some(KOI8_R), Some(GBK))
        );
        assert_eq!(html_encoding(b"<\0?\0x\0m\0"), Some(UTF_16LE));
        assert_eq!(xml_encoding(b"\0<\0?\0x\0m"), Some(UTF_16BE));
    }

    #[test]
    fn random_bytes_never_loop_forever() {
        let mut state = 1_u32;
        let pieces: [&[u8]; 15] = [
            b"<", b">", b"meta", b" ", b"=", b"'", b"\"", b"/", b"<!--", b"-->", b"charset",
            b"content", b"gbk", b"\0", b"?",
        ];
        for _ in 0..20_000 {
            let mut page = Vec::new();
            while page.len() < 60 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                page.extend_from_slice(pieces[(state >> 16) as usize % pieces.len()]);
            }
            html_encoding(&page);
            xml_encoding(&page);
        }
    }
}
