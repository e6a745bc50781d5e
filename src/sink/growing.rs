//! An append-only file that can be cut back to a mark.
//!
//! Invariant: everything before a mark is on disk, the file's name included. Nothing waits for the disk until a mark
//! is requested. Anything other than a plain file (a pipe, a device) can be written, but has no marks.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::mark::{Mark, Start};
use crate::error::{Error, Result};

/// A file that is only appended to.
pub(super) struct GrowingFile {
    file: File,
    path: PathBuf,
    /// Position of the next byte.
    length: u64,
    /// The length that is on disk, the file's name included; `None` before the first sync.
    durable: Option<u64>,
    /// Whether it is a plain file.
    plain: bool,
}

impl GrowingFile {
    /// Opens a file: at its mark, at its end to append, or emptied.
    ///
    /// # Errors
    /// When it cannot be opened, or does not match its mark.
    pub(super) fn open(path: &Path, append: bool, start: Start<'_>) -> Result<Self> {
        let mark = match start {
            Start::At(mark) => Some(Self::check(path, mark)?),
            Start::Fresh | Start::Over => None,
        };
        Self::open_at(path, append, mark).map_err(|source| Error::output(path, source))
    }

    /// Wraps an unnamed file, which its writer reads back: it has no marks.
    pub(super) fn unnamed(file: File, folder: &Path) -> Self {
        Self {
            file,
            path: folder.to_owned(),
            length: 0,
            durable: None,
            plain: false,
        }
    }

    /// Returns a handle to read the file, if it was opened for that; both share one position.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn reader(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Returns the length of the file at its mark.
    ///
    /// # Errors
    /// When the file is shorter than that or gone.
    pub(super) fn check(path: &Path, mark: &Mark) -> Result<u64> {
        let refused = |problem| Err(Error::not_as_left(path, problem));
        let Some(length) = mark.length() else {
            return refused("the job's mark of it is damaged".to_owned());
        };
        match fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => refused(format!(
                "it is not the file any more in which the job left {length} bytes: put that back"
            )),
            Ok(metadata) if metadata.len() < length => refused(format!(
                "it has {} bytes, and the job left {length} in it: somebody changed it; put it back as it was",
                metadata.len()
            )),
            Ok(_) => Ok(length),
            Err(error) if error.kind() == io::ErrorKind::NotFound => refused(format!(
                "it is gone, and the job left {length} bytes in it: put it back"
            )),
            Err(source) => Err(Error::output(path, source)),
        }
    }

    fn open_at(path: &Path, append: bool, mark: Option<u64>) -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .write(true)
            .append(append)
            .create(mark.is_none())
            .truncate(mark.is_none() && !append)
            .open(path)?;
        if let Some(length) = mark {
            file.set_len(length)?;
            file.seek(SeekFrom::Start(length))?;
        }
        let metadata = file.metadata()?;
        Ok(Self {
            length: metadata.len(),
            plain: metadata.is_file(),
            durable: None,
            path: path.to_owned(),
            file,
        })
    }

    /// Whether the file is empty.
    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Position of the next byte.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Passes bytes to the system.
    ///
    /// # Errors
    /// When they cannot be written: the file is then cut back to its previous length, if possible.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Err(source) = self.file.write_all(bytes) {
            // The part that a full disk still accepted is not a whole record. If cutting it off fails too, one error
            // is enough.
            let _ = self.cut_back(self.length);
            return Err(Error::output(&self.path, source));
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Cuts the file back to an earlier length. Returns whether that was possible.
    pub(super) fn cut_back(&mut self, length: u64) -> bool {
        let is_cut = self.plain
            && self.file.set_len(length).is_ok()
            && self.file.seek(SeekFrom::Start(length)).is_ok();
        if is_cut {
            self.length = length;
        }
        is_cut
    }

    /// Waits until the whole file is on disk, and returns its mark.
    ///
    /// # Errors
    /// When the disk fails, or this is not a plain file.
    pub(super) fn checkpoint(&mut self) -> Result<Mark> {
        let outcome = if self.plain {
            self.sync()
        } else {
            Err(io::Error::other(
                "only a plain file can be cut back after a crash, as a job requires",
            ))
        };
        outcome.map_err(|source| Error::output(&self.path, source))?;
        Ok(Mark::of_length(self.length))
    }

    /// Does the same as [`checkpoint`](Self::checkpoint).
    ///
    /// `None` if this is not a plain file, which needs no sync.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn finish(mut self) -> Result<Option<Mark>> {
        self.plain.then(|| self.checkpoint()).transpose()
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.durable != Some(self.length) {
            self.file.sync_data()?;
        }
        if self.durable.is_none() {
            sync_entry(&self.path)?;
        }
        self.durable = Some(self.length);
        Ok(())
    }
}

/// Syncs the directory entry of a path to disk, not only the content.
///
/// # Errors
/// When the disk fails.
pub(super) fn sync_entry(path: &Path) -> io::Result<()> {
    // Links are resolved: the entry is where the target is.
    let parent = fs::canonicalize(path).map(|path| path.parent().map(File::open));
    match parent {
        Ok(None) => Ok(()),
        Ok(Some(Ok(folder))) => sync_folder(folder.sync_all()),
        // A folder without read permission cannot be synced; whoever removed the file meanwhile knows that.
        Ok(Some(Err(error))) | Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound
            ) =>
        {
            Ok(())
        }
        Ok(Some(Err(error))) | Err(error) => Err(error),
    }
}

/// Accepts the errors of file systems that cannot sync folders, and need not.
///
/// # Errors
/// When the disk failed.
pub(super) fn sync_folder(synced: io::Result<()>) -> io::Result<()> {
    match synced {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        synced => synced,
    }
}
