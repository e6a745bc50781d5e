//! Finds the charset of a body, and decodes the body to text.
//!
//! This cannot fail: there is always a result, and it says where it comes from. The order is that of WHATWG HTML
//! 13.2.3 for pages (byte order mark, header, `<meta>`, detection), RFC 7303 3 for XML (byte order mark, header,
//! declaration, UTF-8), and the obvious one for other text (byte order mark, header, detection).
//!
//! The prescan of the first 1024 bytes is only how a browser starts. HTML 13.2.3.5, "changing the encoding while
//! parsing", continues: the first `<meta>` that the parser itself sees overrides the prescan and any detection,
//! wherever it is in the page.
//!
//! One step differs from browsers on purpose: an undeclared body that is valid UTF-8 is UTF-8. Browsers refuse to
//! detect UTF-8, so that authors do not come to rely on it; haul only wants the right text. Pure ASCII reads the same
//! either way and is reported as UTF-8 too: that is the detector's result when UTF-8 is allowed, and needs no
//! detection. Invariant: the work is one pass over the bytes for a declaration and one for detection, with at most 16
//! KiB through the detector.

mod declaration;
mod prescan;
mod source;

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

pub(crate) use source::{Charset, CharsetSource};

/// The most bytes for the detector. It takes about 50 ns per byte, a hundred times as long as everything else here.
const DETECTOR_LIMIT: usize = 16 << 10;

/// The rules for finding a charset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ContentKind {
    /// The rules of WHATWG HTML 13.2.3.
    Html,
    /// The rules of RFC 7303 3.
    Xml,
    /// The rules for any other text.
    Text,
}

/// Finds the charset of a body.
///
/// `header_charset` is the `charset` parameter of `Content-Type`, ignored if it is not a label of the Encoding
/// standard; `top_level_domain` is the last label of the host in ASCII form, a hint for the detector.
#[must_use]
pub(crate) fn find(
    bytes: &[u8],
    content_type: ContentKind,
    header_charset: Option<&str>,
    top_level_domain: Option<&str>,
) -> Charset {
    let declared = |encoding: Option<&'static Encoding>, source| {
        encoding.map(|encoding| Charset { encoding, source })
    };
    let bom = || {
        declared(
            Encoding::for_bom(bytes).map(|(encoding, _)| encoding),
            CharsetSource::Bom,
        )
    };
    let header = || {
        let label = header_charset.and_then(|label| Encoding::for_label(label.as_bytes()));
        declared(label, CharsetSource::Header)
    };
    let in_body = || match content_type {
        ContentKind::Html => declaration::in_page(bytes)
            .or_else(|| declared(prescan::html_encoding(bytes), CharsetSource::Meta)),
        ContentKind::Xml => {
            declared(prescan::xml_encoding(bytes), CharsetSource::Declaration).or(Some(Charset {
                encoding: UTF_8,
                source: CharsetSource::Default,
            }))
        }
        ContentKind::Text => None,
    };
    bom()
        .or_else(header)
        .or_else(in_body)
        .unwrap_or_else(|| detect(bytes, top_level_domain))
}

/// Decodes a body to text, without its byte order mark.
///
/// Also returns whether anything in it was malformed (and became U+FFFD).
///
/// Valid UTF-8 is borrowed, not copied.
#[must_use]
pub(crate) fn decode(bytes: &[u8], charset: Charset) -> (Cow<'_, str>, bool) {
    charset.encoding.decode_with_bom_removal(bytes)
}

fn detect(bytes: &[u8], top_level_domain: Option<&str>) -> Charset {
    if bytes.is_empty() {
        return Charset {
            encoding: WINDOWS_1252,
            source: CharsetSource::Default,
        };
    }
    let detected = |encoding| Charset {
        encoding,
        source: CharsetSource::Detected,
    };
    let (ascii_length, valid_length) = (
        Encoding::ascii_valid_up_to(bytes),
        Encoding::utf8_valid_up_to(bytes),
    );
    // A body that a limit has cut may end within a character; it counts as UTF-8 if its other characters are.
    let is_only_cut = || {
        ascii_length < valid_length
            && str::from_utf8(&bytes[valid_length..])
                .is_err_and(|error| error.error_len().is_none())
    };
    if valid_length == bytes.len() || is_only_cut() {
        return detected(UTF_8);
    }
    // ASCII is no help to the detector, so it starts at the first other byte, with the two before it as context.
    let start = ascii_length.saturating_sub(2);
    let end = bytes.len().min(start + DETECTOR_LIMIT);
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(&bytes[start..end], end == bytes.len());
    // The detector panics if the label is not lower-case ASCII, or is more than one label.
    let domain = top_level_domain.map(|domain| domain.trim_end_matches('.').to_ascii_lowercase());
    let domain = domain.filter(|domain| domain.is_ascii() && !domain.contains('.'));
    detected(detector.guess(domain.as_deref().map(str::as_bytes), Utf8Detection::Allow))
}

#[cfg(test)]
mod tests {
    use encoding_rs::{
        BIG5, EUC_KR, GBK, ISO_8859_2, KOI8_R, SHIFT_JIS, UTF_16BE, UTF_16LE, WINDOWS_1251,
    };

    use super::ContentKind::{Html, Text, Xml};
    use super::*;

    fn find_charset(
        bytes: &[u8],
        kind: ContentKind,
        header: Option<&str>,
    ) -> (&'static Encoding, CharsetSource) {
        let charset = find(bytes, kind, header, None);
        (charset.encoding, charset.source)
    }

    #[test]
    fn a_byte_order_mark_overrides_everything() {
        for kind in [Html, Xml, Text] {
            for (mark, encoding) in [
                (&b"\xef\xbb\xbf"[..], UTF_8),
                (b"\xff\xfe", UTF_16LE),
                (b"\xfe\xff", UTF_16BE),
            ] {
                let body = [mark, b"<meta charset=gbk>"].concat();
                assert_eq!(
                    find_charset(&body, kind, Some("koi8-r")),
                    (encoding, CharsetSource::Bom)
                );
            }
        }
    }

    #[test]
    fn a_header_overrides_the_body_and_an_unknown_label_is_ignored() {
        let page = b"<?xml encoding='iso-8859-2'?><meta charset=gbk>";
        for kind in [Html, Xml, Text] {
            assert_eq!(
                find_charset(page, kind, Some(" KOI8-R ")),
                (KOI8_R, CharsetSource::Header)
            );
        }
        assert_eq!(
            find_charset(page, Html, Some("none")),
            (GBK, CharsetSource::Meta)
        );
        assert_eq!(
            find_charset(page, Xml, Some("none")),
            (ISO_8859_2, CharsetSource::Declaration)
        );
        assert_eq!(
            find_charset(page, Text, Some("")),
            (UTF_8, CharsetSource::Detected)
        );
    }

    #[test]
    fn a_declaration_after_the_first_1024_bytes_overrides_detection() {
        for blank in [1_000, 1_024, 5_000, 200_000] {
            let blank = " ".repeat(blank);
            for (page, expected) in [
                // A single stray byte in a UTF-8 page does not make it windows-1252.
                (format!("{blank}<meta charset=utf-8><p>é"), UTF_8),
                (
                    format!("<?xml version='1.0' encoding='gbk'?>{blank}<meta charset=koi8-r>"),
                    KOI8_R,
                ),
                (
                    format!("{blank}<meta content='a; charset=koi8-r' http-equiv=Content-Type>"),
                    KOI8_R,
                ),
                (format!("{blank}<meta charset=utf-16le>"), UTF_8),
                (
                    format!("<script>'<meta charset=gbk>'</script>{blank}<meta charset=koi8-r>"),
                    KOI8_R,
                ),
            ] {
                let mut page = page.into_bytes();
                page.push(0xe9);
                assert_eq!(
                    find(&page, Html, None, None).encoding,
                    expected,
                    "{expected:?}"
                );
                let overruled = find_charset(&page, Html, Some("gbk"));
                assert_eq!(overruled, (GBK, CharsetSource::Header));
            }
        }
    }

    #[test]
    fn text_that_the_parser_does_not_see_as_a_meta_tag_declares_nothing() {
        let blank = " ".repeat(2_000);
        for inside in [
            "<!-- {} -->",
            "<script>{}</script>",
            "<title>{}</title>",
            "<svg>{}</svg>",
            "<a title='{}'>",
        ] {
            let page = blank.clone() + &inside.replace("{}", "<meta/charset=gbk />");
            let page = [page.as_bytes(), b"caf\xe9"].concat();
            let expected = match inside.contains("svg") {
                // `meta` is one of the tags that end foreign content, so it belongs to HTML.
                true => (GBK, CharsetSource::LateMeta),
                false => (WINDOWS_1252, CharsetSource::Detected),
            };
            assert_eq!(find_charset(&page, Html, None), expected, "{inside}");
        }
        let cut = [blank.as_bytes(), b"caf\xe9<meta charset=gbk"].concat();
        assert_eq!(find_charset(&cut, Html, None).1, CharsetSource::Detected);
    }

    #[test]
    fn xml_without_a_declaration_is_utf_8_whatever_its_bytes() {
        assert_eq!(
            find_charset(b"<a>\xe9</a>", Xml, None),
            (UTF_8, CharsetSource::Default)
        );
    }

    #[test]
    fn an_empty_page_is_windows_1252() {
        assert_eq!(
            find_charset(b"", Html, None),
            (WINDOWS_1252, CharsetSource::Default)
        );
    }

    #[test]
    fn undeclared_ascii_and_utf_8_are_utf_8_even_with_the_last_character_cut() {
        let text = "naïve café";
        for bytes in [
            &b"plain"[..],
            text.as_bytes(),
            &text.as_bytes()[..text.len() - 1],
        ] {
            for kind in [Html, Text] {
                assert_eq!(
                    find_charset(bytes, kind, None),
                    (UTF_8, CharsetSource::Detected)
                );
            }
        }
        assert_eq!(
            find_charset(b"caf\xe9", Html, None),
            (WINDOWS_1252, CharsetSource::Detected)
        );
    }

    #[test]
    fn legacy_text_is_detected_even_after_a_lot_of_ascii() {
        for (plain, encoding) in [
            (
                "Съешь же ещё этих мягких французских булок, да выпей чаю",
                WINDOWS_1251,
            ),
            (
                "いろはにほへと ちりぬるを わかよたれそ つねならむ",
                SHIFT_JIS,
            ),
            (
                "天地玄黃 宇宙洪荒 日月盈昃 辰宿列張 寒來暑往 秋收冬藏",
                BIG5,
            ),
            (
                "키스의 고유조건은 입술끼리 만나야 하고 특별한 기술은 필요치 않다",
                EUC_KR,
            ),
        ] {
            let legacy = encoding.encode(plain).0;
            for ascii in [0, 5, 200_000] {
                let page = [&b" ".repeat(ascii)[..], &legacy].concat();
                let detected = find(&page, Html, None, None);
                assert_eq!(
                    (detected.encoding, detected.source),
                    (encoding, CharsetSource::Detected),
                    "{plain}"
                );
                assert_eq!(
                    decode(&page, detected),
                    (format!("{}{plain}", " ".repeat(ascii)).into(), false)
                );
            }
        }
    }

    #[test]
    fn any_top_level_domain_is_a_hint_and_never_a_panic() {
        let accented = b"caf\xe9";
        for domain in [
            "fr", "FR", "com.", "co.uk", "", ".", "рф", "xn--p1ai", "1", "::1]",
        ] {
            let detected = find(accented, Html, None, Some(domain));
            assert_eq!(detected.source, CharsetSource::Detected, "{domain}");
        }
        assert_eq!(find(accented, Html, None, None).encoding, WINDOWS_1252);
        let ambiguous = b"\xc4\xe3";
        assert_eq!(
            find(ambiguous, Html, None, Some("de")).encoding,
            WINDOWS_1252
        );
        assert_eq!(find(ambiguous, Html, None, Some("CN")).encoding, GBK);
    }

    #[test]
    fn text_has_no_byte_order_mark_is_borrowed_if_possible_and_reports_damage() {
        let read = |bytes: &'static [u8]| decode(bytes, find(bytes, Text, Some("utf-8"), None));
        let (plain, damaged) = read("\u{feff}é".as_bytes());
        assert!(matches!(plain, Cow::Borrowed("é")) && !damaged);
        assert_eq!(read(b"\xff\xfea\0\xe9\0"), ("aé".into(), false));
        assert_eq!(read(b"a\xffb"), ("a\u{fffd}b".into(), true));
    }
}
