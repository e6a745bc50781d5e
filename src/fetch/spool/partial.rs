//! Partial downloads on disk.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::folder::{open_own, path_of, read_note, remove, resumable_path, write_note};
use crate::page::partial::Note;
use crate::url::PageUrl;

/// A partial download on disk. While this lives, nobody else writes to it or resumes it.
#[derive(Debug)]
pub(crate) struct Partial {
    pub(crate) note: Note,
    pub(crate) length: u64,
    pub(super) path: PathBuf,
    /// The locked file.
    pub(super) file: File,
}

impl Partial {
    /// The partial download of a request, if there is one that nobody else uses.
    pub(crate) fn find(folder: &Path, url: &PageUrl, request: u128) -> Option<Self> {
        let path = resumable_path(folder, request);
        // Nearly always there is none, and then this is the only cost.
        fs::symlink_metadata(&path)
            .ok()
            .filter(fs::Metadata::is_file)?;
        let file = open_own(&path).ok()?;
        file.try_lock().ok()?;
        let length = file.metadata().ok()?.len();
        let note = read_note(&path)?;
        let fits = note.url == url.as_str()
            && note.request == Note::name(request)
            && length > 0
            && length < note.total
            && note.segment.is_none()
            && !note.validator().is_empty();
        fits.then_some(Self {
            note,
            length,
            path,
            file,
        })
    }

    /// The file of a segment, with as much of it as is on disk; a new one if there is none.
    ///
    /// The last byte of a complete segment is requested again, which shows whether the body is still the same.
    ///
    /// # Errors
    /// When the file cannot be used, or another process uses it.
    pub(crate) fn of_segment(folder: &Path, note: &Note) -> io::Result<Self> {
        let path = path_of(folder, note).ok_or_else(|| io::Error::other("not a request"))?;
        let file = open_own(&path)?;
        file.try_lock()?;
        let length = match read_note(&path).as_ref() == Some(note) {
            true => file.metadata()?.len().min(note.length().saturating_sub(1)),
            false => 0,
        };
        file.set_len(length)?;
        write_note(&path, note)?;
        Ok(Self {
            note: note.clone(),
            length,
            path,
            file,
        })
    }

    /// The path of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it: the server has another body now.
    pub(crate) fn remove(self) {
        remove(&self.path);
    }
}
