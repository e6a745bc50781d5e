//! A file that only grows at its end, and can be cut back to a mark.
//!
//! Invariant: all that is before a mark it gave is on disk, the file's name included. Until it is asked for a mark it
//! waits for no disk. What is no plain file (a pipe, a device) can be written, and gives no mark.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::mark::{Mark, Start};
use crate::error::{Error, Result};

/// A file that only grows.
pub(super) struct GrowingFile {
    file: File,
    path: PathBuf,
    /// Where the next byte goes.
    length: u64,
    /// How much of it is on disk, its name included; `None` before it was first asked for.
    durable: Option<u64>,
    /// Whether it is a plain file.
    plain: bool,
}

impl GrowingFile {
    /// Opens a file to write after what is in it, or after its mark, or from nothing.
    ///
    /// # Errors
    /// When it cannot be opened; when it does not hold what the mark says.
    pub(super) fn open(path: &Path, append: bool, start: Start<'_>) -> Result<Self> {
        let mark = match start {
            Start::At(mark) => Some(Self::check(path, mark)?),
            Start::Fresh | Start::Over => None,
        };
        Self::cut(path, append, mark).map_err(|source| Error::output(path, source))
    }

    /// A file without a name, to be read by who writes it: it gives no mark.
    pub(super) fn unnamed(file: File, folder: &Path) -> Self {
        Self {
            file,
            path: folder.to_owned(),
            length: 0,
            durable: None,
            plain: false,
        }
    }

    /// The same file for reading, where it was opened for that too; both share one position.
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn reader(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// How long the file was at its mark.
    ///
    /// # Errors
    /// When it does not hold as much any more.
    pub(super) fn check(path: &Path, mark: &Mark) -> Result<u64> {
        let refused = |problem| Err(Error::not_as_left(path, problem));
        let Some(length) = mark.length() else {
            return refused("the job's mark of it is damaged".to_owned());
        };
        match fs::metadata(path) {
            Ok(found) if !found.is_file() => refused(format!(
                "it is not the file any more in which the job left {length} bytes: put that back"
            )),
            Ok(found) if found.len() < length => refused(format!(
                "it has {} bytes, and the job left {length} in it: somebody changed it; put it back as it was",
                found.len()
            )),
            Ok(_) => Ok(length),
            Err(error) if error.kind() == io::ErrorKind::NotFound => refused(format!(
                "it is gone, and the job left {length} bytes in it: put it back"
            )),
            Err(source) => Err(Error::output(path, source)),
        }
    }

    fn cut(path: &Path, append: bool, mark: Option<u64>) -> io::Result<Self> {
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

    /// Whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Where the next byte goes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Hands bytes to the system.
    ///
    /// # Errors
    /// When they cannot be written: then the file ends where it did before, as far as that can be had.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Err(source) = self.file.write_all(bytes) {
            // What a full disk took of it is no whole record. Where it cannot be cut off, the error says enough.
            let _ = self.cut_back(self.length);
            return Err(Error::output(&self.path, source));
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Forgets what comes after a length that it had before. Answers whether that was possible.
    pub(super) fn cut_back(&mut self, length: u64) -> bool {
        let cut = self.plain
            && self.file.set_len(length).is_ok()
            && self.file.seek(SeekFrom::Start(length)).is_ok();
        if cut {
            self.length = length;
        }
        cut
    }

    /// Waits until all of it is on disk, and says how far that is.
    ///
    /// # Errors
    /// When the disk says no, or this is no plain file.
    pub(super) fn checkpoint(&mut self) -> Result<Mark> {
        let outcome = if self.plain {
            self.sync()
        } else {
            Err(io::Error::other(
                "what is no plain file cannot be cut back after a crash; a job needs one",
            ))
        };
        outcome.map_err(|source| Error::output(&self.path, source))?;
        Ok(Mark::of_length(self.length))
    }

    /// As [`checkpoint`](Self::checkpoint); `None` for what is no plain file, and need not be synced.
    ///
    /// # Errors
    /// When the disk says no.
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

/// Makes sure that a name in its folder is on disk, and not only what it names.
///
/// # Errors
/// When the disk says no.
pub(super) fn sync_entry(path: &Path) -> io::Result<()> {
    // Where a link leads, for that is where the entry is.
    let parent = fs::canonicalize(path).map(|path| path.parent().map(File::open));
    match parent {
        Ok(None) => Ok(()),
        Ok(Some(Ok(folder))) => sync_folder(folder.sync_all()),
        // A folder that may not be read cannot be synced; who takes the file away while it is written knows it.
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

/// What came of syncing a folder: some file systems cannot, and need not.
///
/// # Errors
/// When the disk said no.
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
