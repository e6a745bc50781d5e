//! Where the files of a dataset are.
//!
//! A reader that is pointed at a folder takes every file below it for a part of one table. So each table is a folder of its
//! own, the pages in the one that the user named, and those of the items beside it; what is not a part is in a hidden folder
//! beside them. Datasets that haul wrote before have all of it in one folder, and stay so.

use std::path::{Path, PathBuf};

/// The table of the pages.
const PAGES: &str = "pages";

/// How the files of a dataset are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// `out.parquet` has the parts of the pages, `out.product.parquet` those of the items of `product`.
    Beside,
    /// `out.parquet` has a folder for each table.
    Within,
}

impl Layout {
    /// The number that its note begins with.
    pub(super) const fn version(self) -> u32 {
        match self {
            Self::Within => 1,
            Self::Beside => 2,
        }
    }

    /// The folder of a table.
    pub(super) fn table(self, dataset: &Path, name: &str) -> PathBuf {
        match self {
            Self::Within => dataset.join(name),
            Self::Beside if name == PAGES => dataset.to_owned(),
            Self::Beside => {
                let (stem, end) = split(dataset);
                dataset.with_file_name(format!("{stem}.{name}{end}"))
            }
        }
    }

    /// The folder of what is no part.
    pub(super) fn aside(self, dataset: &Path) -> PathBuf {
        match self {
            Self::Within => dataset.to_owned(),
            Self::Beside => {
                let (stem, end) = split(dataset);
                dataset.with_file_name(format!(".{stem}{end}"))
            }
        }
    }

    /// The file that says that the dataset is ours.
    pub(super) fn note(self, dataset: &Path) -> PathBuf {
        self.aside(dataset).join(match self {
            Self::Within => "_haul.json",
            Self::Beside => "haul.json",
        })
    }
}

/// A folder's name before its suffix, and the suffix that folders of tables have.
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
