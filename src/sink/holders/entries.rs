//! The entries of a run, which can be read from the start any number of times.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::path::PathBuf;

use super::entry::{EntryKind, LinkEntry, read};
use crate::error::{Error, Result};

/// The number of bytes read at a time.
const BUFFER: usize = 1 << 18;

/// The entries of a run.
pub(super) struct Entries {
    file: BufReader<File>,
    path: PathBuf,
}

impl Entries {
    /// The entries in this file; the path is for messages.
    pub(super) fn of(file: File, path: PathBuf) -> Self {
        Self {
            file: BufReader::with_capacity(BUFFER, file),
            path,
        }
    }

    /// Calls `take` with every entry, and with the URL of the last page before it.
    ///
    /// Entries about a page follow the page.
    ///
    /// # Errors
    /// If the file cannot be read, or `take` fails.
    pub(super) fn each(
        &mut self,
        mut take: impl FnMut(&mut LinkEntry, &str) -> Result<()>,
    ) -> Result<()> {
        let unreadable = |source| Error::output(&self.path, source);
        self.file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        let mut entry = LinkEntry::default();
        let mut bytes = Vec::new();
        let mut page = String::new();
        while read(&mut self.file, &mut entry, &mut bytes).map_err(unreadable)? {
            if entry.kind == EntryKind::Page {
                page.clear();
                page.push_str(&entry.url);
            }
            take(&mut entry, &page)?;
        }
        Ok(())
    }
}
