//! Whether a path is an archive, by a look at it.

use std::path::Path;

use super::folder;
use super::listed::List;

/// Whether this is a file, or a folder with WARC files or with a list of saved pages.
///
/// Any other folder may be one of saved pages, too: only the user knows.
pub(crate) fn is_archive(path: &Path) -> bool {
    if !path.is_dir() {
        return path.exists();
    }
    let has_files = folder::archives(path).is_ok_and(|files| !files.is_empty());
    has_files || List::open(path).is_ok_and(|list| list.is_some())
}
