//! The location of a dataset's files.
//!
//! A reader that is pointed at a folder treats every file below it as a part of one table. So each table has a
//! folder of its own: the pages are in the one that the user named, and the items' tables in folders next to it;
//! files that are not parts are in a hidden folder next to them. Datasets of earlier versions of haul have
//! everything in one folder, and stay that way.

use std::path::{Path, PathBuf};

/// The table of the pages.
const PAGES: &str = "pages";

/// The way in which the files of a dataset are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Tables are next to each other: `out.parquet` for pages, `out.product.parquet` for items.
    Beside,
    /// Tables are folders inside `out.parquet`.
    Within,
}

impl Layout {
    /// The version number in its note.
    pub(crate) const fn version(self) -> u32 {
        match self {
            Self::Within => 1,
            Self::Beside => 2,
        }
    }

    /// The folder of a table.
    pub(crate) fn table(self, dataset: &Path, name: &str) -> PathBuf {
        match self {
            Self::Within => dataset.join(name),
            Self::Beside if name == PAGES => dataset.to_owned(),
            Self::Beside => {
                let (stem, end) = split(dataset);
                dataset.with_file_name(format!("{stem}.{name}{end}"))
            }
        }
    }

    /// The folder of files that are not parts.
    pub(crate) fn aside(self, dataset: &Path) -> PathBuf {
        match self {
            Self::Within => dataset.to_owned(),
            Self::Beside => {
                let (stem, end) = split(dataset);
                dataset.with_file_name(format!(".{stem}{end}"))
            }
        }
    }

    /// The file that marks the dataset as an output of haul.
    pub(crate) fn note(self, dataset: &Path) -> PathBuf {
        self.aside(dataset).join(match self {
            Self::Within => "_haul.json",
            Self::Beside => "haul.json",
        })
    }
}

/// A folder's name without its suffix, and the suffix for the folders of tables.
fn split(dataset: &Path) -> (String, &'static str) {
    const END: &str = ".parquet";
    let name = dataset.file_name().unwrap_or_default().to_string_lossy();
    let at = name.len().saturating_sub(END.len());
    let has_end = name
        .get(at..)
        .is_some_and(|end| end.eq_ignore_ascii_case(END));
    let stem = if has_end { &name[..at] } else { &name };
    (stem.to_owned(), END)
}
