//! The names in `Content-Encoding`: which are real codings, and which mean nothing.
//!
//! Servers put character sets and other words there (`utf-8`, `none`, `binary`), and browsers, wget and urllib3 use
//! such a body as it is. So does haul, with a note in the record. Names of real codings are different: a body with a
//! coding that cannot be decoded is not the page.

/// The names of codings: those of the IANA registry, and formats that are sent under their own names.
const CODINGS: [&str; 26] = [
    "gzip",
    "br",
    "deflate",
    "zstd",
    "x-gzip",
    "x-deflate",
    "compress",
    "x-compress",
    "aes128gcm",
    "dcb",
    "dcz",
    "exi",
    "pack200-gzip",
    "sdch",
    "brotli",
    "zlib",
    "bzip2",
    "x-bzip2",
    "lzma",
    "x-lzma",
    "xz",
    "x-xz",
    "lz4",
    "snappy",
    "zip",
    "x-zip",
];

/// The number of characters of a name that a message repeats.
const NAME_LIMIT: usize = 32;

/// Whether a name in `Content-Encoding` means that there is nothing to decode.
pub(crate) fn is_none(name: &[u8]) -> bool {
    !CODINGS
        .iter()
        .any(|coding| coding.as_bytes().eq_ignore_ascii_case(name))
}

/// A note about the first name that is ignored although it is not `identity`.
///
/// `None` if there is no such name.
pub(crate) fn note(names: &[u8]) -> Option<String> {
    let name = names
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .find(|name| {
            !name.is_empty() && !name.eq_ignore_ascii_case(b"identity") && is_none(name)
        })?;
    let name = shown(&String::from_utf8_lossy(name));
    Some(format!(
        "\"{name}\" in Content-Encoding is not a coding and was ignored"
    ))
}

/// The name of a coding for use in a message: escaped and cut.
pub(crate) fn shown(name: &str) -> String {
    name.chars()
        .take(NAME_LIMIT)
        .flat_map(char::escape_default)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_not_codings_are_ignored_and_noted() {
        for name in [
            "identity",
            "utf-8",
            "None",
            "binary",
            "ISO-8859-1",
            "",
            "8bit",
        ] {
            assert!(is_none(name.as_bytes()), "{name}");
        }
        for name in ["GZIP", "br", "compress", "exi", "xz"] {
            assert!(!is_none(name.as_bytes()), "{name}");
        }
        assert_eq!(note(b"gzip, identity,"), None);
        let message = note(b"gzip, UTF-8").unwrap();
        assert!(
            message.starts_with("\"UTF-8\" in Content-Encoding"),
            "{message}"
        );
        let long = note(&[b"\x1b]8;;", "x".repeat(9000).as_bytes()].concat()).unwrap();
        assert!(long.len() < 120 && !long.contains('\u{1b}'), "{long}");
    }
}
