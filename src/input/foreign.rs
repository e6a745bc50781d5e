//! Recognizes files that are not lists by their first bytes.
//!
//! Refuses them with advice on what to do.

/// Magic numbers, each with what the file is and what to do about it.
const KNOWN: [(&[u8], &str); 17] = [
    (
        b"PK\x03\x04",
        "a ZIP file (as .xlsx, .ods and .zip are), not a list: save the sheet as CSV, or unpack it",
    ),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old Office file (as .xls is), not a list: save the sheet as CSV",
    ),
    (
        b"%PDF-",
        "a PDF document, not a list: copy the URLs into a text file",
    ),
    (
        b"SQLite format 3\0",
        "a SQLite database, not a list: haul retry fetches the failures of one that haul wrote; \
         sqlite3 FILE 'SELECT url FROM pages' | haul fetch - fetches its URLs",
    ),
    (
        b"PAR1",
        "a Parquet file, which cannot be read from a pipe: give its name",
    ),
    (
        b"BZh",
        "packed with bzip2: only gzip and zstd are unpacked here; bzcat FILE | haul fetch - reads it",
    ),
    (
        b"\xfd7zXZ\0",
        "packed with xz: only gzip and zstd are unpacked here; xzcat FILE | haul fetch - reads it",
    ),
    (
        b"\x04\x22\x4d\x18",
        "packed with lz4: only gzip and zstd are unpacked here; lz4 -dc FILE | haul fetch - reads it",
    ),
    (
        b"LZIP",
        "packed with lzip: only gzip and zstd are unpacked here; lzip -dc FILE | haul fetch - reads it",
    ),
    (
        b"7z\xbc\xaf\x27\x1c",
        "a 7-Zip archive, not a list: unpack it",
    ),
    (b"Rar!\x1a\x07", "a RAR archive, not a list: unpack it"),
    (b"\x7fELF", "a program, not a list"),
    (b"\x89PNG\r\n", "an image, not a list"),
    (b"GIF8", "an image, not a list"),
    (b"\xff\xd8\xff", "an image, not a list"),
    (
        b"{\\rtf",
        "an RTF document, not a list: save it as plain text",
    ),
    (
        b"bplist00",
        "a binary property list, not a list of URLs: copy the URLs into a text file",
    ),
];

/// The magic number of a web archive.
const ARCHIVE: &[u8] = b"WARC/";
/// The position and the bytes by which a tar archive is recognized.
const TAR: (usize, &[u8]) = (257, b"ustar");
/// How many control characters make a file binary: at least N, and one in M bytes.
const CONTROLS: (usize, usize) = (8, 50);

/// Why an input is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is a web archive.
    Archive,
    /// It is something else that is not a list.
    NoList(&'static str),
}

/// Whether an input that starts like this is a file or a stream of Arrow.
pub(super) fn is_arrow(head: &[u8]) -> bool {
    // A stream begins with a message: a marker, and a length that is neither zero nor huge.
    let is_stream = head.starts_with(&[0xFF; 4])
        && head
            .get(4..8)
            .is_some_and(|length| length != [0; 4] && length[3] == 0);
    head.starts_with(b"ARROW1") || is_stream
}

/// What is wrong with an input that starts like this; `None` if it may be a list.
pub(super) fn refusal(head: &[u8]) -> Option<Refusal> {
    match head.starts_with(ARCHIVE) {
        true => Some(Refusal::Archive),
        false => problem(head).map(Refusal::NoList),
    }
}

fn problem(head: &[u8]) -> Option<&'static str> {
    if let Some((_, what)) = KNOWN.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some(what);
    }
    let (at, magic) = TAR;
    if head.get(at..).is_some_and(|rest| rest.starts_with(magic)) {
        return Some("a tar archive, not a list: unpack it");
    }
    let controls = head.iter().filter(|byte| is_control(**byte)).count();
    let (least, share) = CONTROLS;
    (controls >= least && controls * share >= head.len())
        .then_some("a binary file, not a list: lists are text, CSV, TSV or JSON Lines")
}

/// Whether a control character never occurs in text; white space and escape do.
fn is_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x08 | 0x0b | 0x0c | 0x1b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_any_encoding_may_be_a_list_and_binary_data_may_not() {
        for text in [
            &b""[..],
            b"http://a.example/\n",
            b"\xff\xfe\xe9 caf\xe9;http://a.example/",
            b"http://a.example/1\n\0\0\0\nhttp://a.example/2",
            b"PK is how it begins",
            "имя;url\nодин;http://a.example/".as_bytes(),
        ] {
            assert_eq!(refusal(text), None, "{}", text.escape_ascii());
        }
        let mut random = fastrand::Rng::with_seed(7);
        let noise: Vec<u8> = (0..4096).map(|_| random.u8(..)).collect();
        assert!(refusal(&noise).is_some());
        assert_eq!(refusal(b"WARC/1.1\r\n"), Some(Refusal::Archive));
        assert!(problem(b"PK\x03\x04\x14\0").unwrap().contains("CSV"));
    }
}
