//! A folder that files are saved to, walked step by step and never through a link.
//!
//! Every step opens one name relative to the folder before it, so a link that somebody planted, or puts there while
//! we look, is an error and not a way out. Whoever has the folder open holds a shared lock on it: what a killed run left
//! behind is removed only by one that is alone there.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::growing::sync_folder;
use super::names::Found;
use crate::body::SPOOL_PREFIX;

const FOLDER_FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// A folder, open.
#[derive(Debug)]
pub(super) struct Folder {
    root: OwnedFd,
    /// What the system lets new files be: read and write for all, less what the user masks.
    mode: Mode,
    /// Whether names that differ in case, or in how an accent is written, are the same here.
    folds: bool,
}

impl Folder {
    /// Opens a folder, makes it where there is none, and proves that files can be written there.
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if fs::metadata(path).is_ok_and(|found| !found.is_dir()) {
            let problem = "it is a file, and a folder is needed";
            return Err(io::Error::new(io::ErrorKind::NotADirectory, problem));
        }
        fs::create_dir_all(path)?;
        let root = rustix::fs::openat(CWD, path, FOLDER_FLAGS, Mode::empty())?;
        let (file, name) = create_new(root.as_fd(), "-\u{E9}.tmp")?;
        let mode = rustix::fs::fstat(&file)?.st_mode;
        let same = |other: String| rustix::fs::statat(&root, other, AtFlags::SYMLINK_NOFOLLOW);
        let folds =
            same(name.to_uppercase()).is_ok() || same(name.replace('\u{E9}', "e\u{301}")).is_ok();
        rustix::fs::unlinkat(&root, &name, AtFlags::empty())?;
        share_lock(&root);
        Ok(Self {
            root,
            mode: Mode::from_raw_mode(mode & 0o777),
            folds,
        })
    }

    /// Whether names that differ in case, or in how an accent is written, are the same here: as on macOS and Windows.
    pub(super) fn folds(&self) -> bool {
        self.folds
    }

    /// What lies under a path. Only the last part of it is looked at without following links.
    pub(super) fn look(&self, path: &str) -> Found {
        match rustix::fs::statat(&self.root, path, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => Found::File,
                FileType::Directory => Found::Folder,
                _ => Found::Other,
            },
            Err(Errno::NOENT) => Found::Nothing,
            Err(_) => Found::Other,
        }
    }

    /// Opens a folder below, and makes what is missing on the way; `grew` hears each folder that got a new one.
    ///
    /// # Errors
    /// What the system said: a link on the way is `ELOOP` or `ENOTDIR`.
    pub(super) fn enter(&self, path: &str, mut grew: impl FnMut(&str)) -> io::Result<OwnedFd> {
        let mut folder = self.root.try_clone()?;
        let mut so_far = 0;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            let flags = FOLDER_FLAGS | OFlags::NOFOLLOW;
            folder = match rustix::fs::openat(&folder, part, flags, Mode::empty()) {
                Err(Errno::NOENT) => {
                    match rustix::fs::mkdirat(&folder, part, Mode::from_raw_mode(0o777)) {
                        // Another run may be making the same folders.
                        Ok(()) | Err(Errno::EXIST) => grew(&path[..so_far]),
                        Err(error) => return Err(error.into()),
                    }
                    rustix::fs::openat(&folder, part, flags, Mode::empty())?
                }
                opened => opened?,
            };
            so_far += part.len() + usize::from(so_far > 0);
        }
        Ok(folder)
    }

    /// Runs this where no other run has the folder open.
    ///
    /// # Errors
    /// Its own.
    pub(super) fn alone(&self, act: impl FnOnce(&Self) -> io::Result<()>) -> io::Result<()> {
        // Where locks are not known nobody can be sure to be alone.
        let alone = rustix::fs::flock(&self.root, FlockOperation::NonBlockingLockExclusive);
        let outcome = alone.map_or(Ok(()), |()| act(self));
        share_lock(&self.root);
        outcome
    }

    /// Reads a plain file below; `None` where it is gone, is none, or is longer than `limit`.
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn read(&self, path: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Some(folder) = self.find(parent)? else {
            return Ok(None);
        };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file: File = match rustix::fs::openat(&folder, name, flags, Mode::empty()) {
            Err(Errno::NOENT | Errno::LOOP) => return Ok(None),
            opened => opened?.into(),
        };
        let found = file.metadata()?;
        if !found.is_file() || found.len() > limit {
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity(found.len() as usize);
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Writes what a file below is to hold beside it.
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn stage(&self, path: &str, bytes: &[u8]) -> io::Result<Staged> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let folder = self.enter(parent, |_| {})?;
        let (mut file, temporary) = temporary(folder.as_fd())?;
        file.write_all(bytes)?;
        Ok(Staged {
            folder,
            file,
            temporary,
            name: name.to_owned(),
        })
    }

    /// Removes files from a folder below, for good; what is no plain file, and what is gone, is let be.
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn remove<'a>(
        &self,
        path: &str,
        names: impl IntoIterator<Item = &'a str>,
    ) -> io::Result<()> {
        let Some(folder) = self.find(path)? else {
            return Ok(());
        };
        for name in names {
            remove(&folder, name)?;
        }
        sync_folder(rustix::fs::fsync(&folder).map_err(io::Error::from))
    }

    /// Removes the temporary files that killed runs left in a folder below. Parts of downloads stay: they are resumed.
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn sweep(&self, path: &str) -> io::Result<()> {
        let Some(folder) = self.find(path)? else {
            return Ok(());
        };
        for entry in Dir::read_from(&folder)? {
            let entry = entry?;
            if let Some(name) = entry.file_name().to_str().ok().filter(|name| is_left(name)) {
                remove(&folder, name)?;
            }
        }
        Ok(())
    }

    /// Removes a folder below, and those around it, as far as they are empty.
    pub(super) fn prune(&self, path: &str) {
        let mut path = path;
        while !path.is_empty() {
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            let Ok(Some(folder)) = self.find(parent) else {
                return;
            };
            if rustix::fs::unlinkat(&folder, name, AtFlags::REMOVEDIR).is_err() {
                return;
            }
            path = parent;
        }
    }

    /// Opens a folder below, where there is one.
    fn find(&self, path: &str) -> io::Result<Option<OwnedFd>> {
        let mut folder = self.root.try_clone()?;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            let flags = FOLDER_FLAGS | OFlags::NOFOLLOW;
            folder = match rustix::fs::openat(&folder, part, flags, Mode::empty()) {
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
                opened => opened?,
            };
        }
        Ok(Some(folder))
    }

    /// Makes a file that came from elsewhere as readable as one that was made here.
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn share(&self, file: &File) -> io::Result<()> {
        Ok(rustix::fs::fchmod(file, self.mode)?)
    }
}

/// What a file is to hold, beside it.
pub(super) struct Staged {
    folder: OwnedFd,
    file: File,
    temporary: String,
    name: String,
}

impl Staged {
    /// Waits until it is on disk.
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Gives it its place.
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn rename(self) -> io::Result<()> {
        Ok(rustix::fs::renameat(
            &self.folder,
            &self.temporary,
            &self.folder,
            &self.name,
        )?)
    }
}

/// A new file of our own name in a folder.
///
/// # Errors
/// What the system said.
pub(super) fn temporary(folder: BorrowedFd<'_>) -> io::Result<(File, String)> {
    create_new(folder, ".tmp")
}

fn create_new(folder: BorrowedFd<'_>, end: &str) -> io::Result<(File, String)> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    loop {
        let name = format!("{SPOOL_PREFIX}{:016x}{end}", fastrand::u64(..));
        match rustix::fs::openat(folder, &name, flags, Mode::from_raw_mode(0o666)) {
            Ok(file) => return Ok((file.into(), name)),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Tells other runs that this one is here. Where locks are not known it cannot.
fn share_lock(folder: &OwnedFd) {
    let _ = rustix::fs::flock(folder, FlockOperation::NonBlockingLockShared);
}

fn remove(folder: &OwnedFd, name: &str) -> io::Result<()> {
    match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => {
            Ok(rustix::fs::unlinkat(folder, name, AtFlags::empty())?)
        }
        Ok(_) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether a name is one of ours for a file that should not outlive its run: `.haul-` and six letters or digits, as the
/// library for temporary files makes it, or anything that ends in `.tmp`.
fn is_left(name: &str) -> bool {
    name.strip_prefix(SPOOL_PREFIX).is_some_and(|rest| {
        rest.ends_with(".tmp")
            || rest.len() == 6 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}
