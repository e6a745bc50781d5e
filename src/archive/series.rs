//! The file names of one archive: the user's name, then `pages-00001.warc.gz` and so on.

use std::path::{Path, PathBuf};

/// Suffixes that a number is inserted before.
const SUFFIXES: [&str; 4] = [".warc.gz", ".warc", ".wacz", ".gz"];
/// The most files of one archive.
const FILES: u32 = 1_000_000;

/// The file of an archive with this number; 0 is the name that the user gave.
pub(crate) fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let name = path.file_name().unwrap_or_default();
    let bytes = name.as_encoded_bytes();
    let suffix = SUFFIXES.iter().find(|suffix| {
        let from = bytes.len().checked_sub(suffix.len());
        from.is_some_and(|from| bytes[from..].eq_ignore_ascii_case(suffix.as_bytes()))
    });
    // A name that is not UTF-8 gets its number at the end.
    match (name.to_str(), suffix) {
        (Some(name), Some(suffix)) => {
            let (stem, suffix) = name.split_at(name.len() - suffix.len());
            path.with_file_name(format!("{stem}-{number:05}{suffix}"))
        }
        _ => {
            let mut name = name.to_owned();
            name.push(format!("-{number:05}"));
            path.with_file_name(name)
        }
    }
}

/// The number of the last existing file of an archive, counting on from `from` without gaps.
pub(crate) fn last(path: &Path, from: u32) -> u32 {
    let exists = |number: &u32| numbered(path, *number).is_file();
    (from + 1..FILES).take_while(exists).last().unwrap_or(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_goes_before_the_suffix_of_the_format() {
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
