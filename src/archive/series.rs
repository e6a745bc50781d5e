//! The files of one archive: as the user named it, then numbered, `pages.warc.gz`, `pages-00001.warc.gz`, ….

use std::path::{Path, PathBuf};

/// Ends that a number goes before.
const ENDS: [&str; 4] = [".warc.gz", ".warc", ".wacz", ".gz"];
/// Files of one archive at most.
const FILES: u32 = 1_000_000;

/// The file of an archive that has this number; 0 is as the user named it.
pub(crate) fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let name = path.file_name().unwrap_or_default();
    let bytes = name.as_encoded_bytes();
    let end = ENDS.iter().find(|end| {
        let from = bytes.len().checked_sub(end.len());
        from.is_some_and(|from| bytes[from..].eq_ignore_ascii_case(end.as_bytes()))
    });
    // What is no UTF-8 has its number at its end.
    match (name.to_str(), end) {
        (Some(name), Some(end)) => {
            let (stem, end) = name.split_at(name.len() - end.len());
            path.with_file_name(format!("{stem}-{number:05}{end}"))
        }
        _ => {
            let mut name = name.to_owned();
            name.push(format!("-{number:05}"));
            path.with_file_name(name)
        }
    }
}

/// The number of the last file of an archive that is there, counted on from a number without a gap.
pub(crate) fn last(path: &Path, from: u32) -> u32 {
    let is_there = |number: &u32| numbered(path, *number).is_file();
    (from + 1..FILES)
        .take_while(is_there)
        .last()
        .unwrap_or(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_goes_before_the_end_that_tells_the_format() {
        for (name, expected) in [
            ("out/pages.warc.gz", "out/pages-00007.warc.gz"),
            ("pages.WARC", "pages-00007.WARC"),
            ("a.b.gz", "a.b-00007.gz"),
            ("pages", "pages-00007"),
            (".warc", "-00007.warc"),
        ] {
            assert_eq!(numbered(Path::new(name), 7), Path::new(expected));
            assert_eq!(numbered(Path::new(name), 0), Path::new(name));
        }
    }
}
