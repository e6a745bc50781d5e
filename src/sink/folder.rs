//! A folder that files are saved to, walked one component at a time and never through a link.
//!
//! Each component is opened relative to its parent, so a link that somebody planted, even while we walk, is an error
//! and not a way out. Every run that has the folder open has a shared lock on it: leftovers of a killed run are
//! removed only by a run that is alone there.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::growing::sync_folder;
use super::names::PathKind;
use crate::page::body::SPOOL_PREFIX;

const FOLDER_FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// An open folder that files are saved to.
#[derive(Debug)]
pub(super) struct OutputFolder {
    root: OwnedFd,
    /// The permissions of new files: read and write for all, minus the user's umask.
    mode: Mode,
    /// Whether names that differ only in case, or in how an accent is encoded, are the same file.
    folds: bool,
}

impl OutputFolder {
    /// Opens a folder, creating it if needed, and checks that files can be written there.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if fs::metadata(path).is_ok_and(|metadata| !metadata.is_dir()) {
            let problem = "it is a file, but a folder is needed";
            return Err(io::Error::new(io::ErrorKind::NotADirectory, problem));
        }
        fs::create_dir_all(path)?;
        let root = rustix::fs::openat(CWD, path, FOLDER_FLAGS, Mode::empty())?;
        let (file, name) = create_new(root.as_fd(), "-\u{E9}.tmp")?;
        let mode = rustix::fs::fstat(&file)?.st_mode;
        let exists = |other: String| rustix::fs::statat(&root, other, AtFlags::SYMLINK_NOFOLLOW);
        let folds = exists(name.to_uppercase()).is_ok()
            || exists(name.replace('\u{E9}', "e\u{301}")).is_ok();
        rustix::fs::unlinkat(&root, &name, AtFlags::empty())?;
        share_lock(&root);
        Ok(Self {
            root,
            mode: Mode::from_raw_mode(mode & 0o777),
            folds,
        })
    }

    /// Whether names that differ only in case or accent encoding are the same file.
    ///
    /// They are on macOS and Windows.
    pub(super) fn folds(&self) -> bool {
        self.folds
    }

    /// Returns what kind of file a path is, without following a link in its last component.
    pub(super) fn file_kind(&self, path: &str) -> PathKind {
        match rustix::fs::statat(&self.root, path, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => PathKind::File,
                FileType::Directory => PathKind::OutputFolder,
                _ => PathKind::Other,
            },
            Err(Errno::NOENT) => PathKind::Missing,
            Err(_) => PathKind::Other,
        }
    }

    /// Opens a subfolder, creating missing folders.
    ///
    /// Calls `grew` with each folder that got a new entry.
    ///
    /// # Errors
    /// When the system refuses: a link in the path is `ELOOP` or `ENOTDIR`.
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

    /// Calls `act` if no other run has the folder open.
    ///
    /// # Errors
    /// The errors of `act`.
    pub(super) fn if_alone(&self, act: impl FnOnce(&Self) -> io::Result<()>) -> io::Result<()> {
        // Without support for locks, no run can be sure to be alone.
        let locked = rustix::fs::flock(&self.root, FlockOperation::NonBlockingLockExclusive);
        let outcome = locked.map_or(Ok(()), |()| act(self));
        share_lock(&self.root);
        outcome
    }

    /// Reads a plain file in the folder, if it is not longer than `limit`.
    ///
    /// `None` if it is longer, missing, or not a plain file.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn read(&self, path: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Some(folder) = self.open_existing(parent)? else {
            return Ok(None);
        };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file: File = match rustix::fs::openat(&folder, name, flags, Mode::empty()) {
            Err(Errno::NOENT | Errno::LOOP) => return Ok(None),
            opened => opened?.into(),
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() > limit {
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity(metadata.len() as usize);
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Writes the new content of a file to a temporary file next to it.
    ///
    /// # Errors
    /// When the system refuses.
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

    /// Removes plain files from a subfolder durably; ignores missing files and anything else.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn remove<'a>(
        &self,
        path: &str,
        names: impl IntoIterator<Item = &'a str>,
    ) -> io::Result<()> {
        let Some(folder) = self.open_existing(path)? else {
            return Ok(());
        };
        for name in names {
            remove(&folder, name)?;
        }
        sync_folder(rustix::fs::fsync(&folder).map_err(io::Error::from))
    }

    /// Removes the temporary files that killed runs left in a subfolder.
    ///
    /// Partial downloads stay, to be resumed.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn sweep(&self, path: &str) -> io::Result<()> {
        let Some(folder) = self.open_existing(path)? else {
            return Ok(());
        };
        for entry in Dir::read_from(&folder)? {
            let entry = entry?;
            if let Some(name) = entry
                .file_name()
                .to_str()
                .ok()
                .filter(|name| is_temporary(name))
            {
                remove(&folder, name)?;
            }
        }
        Ok(())
    }

    /// Removes a subfolder and its parents as long as they are empty.
    pub(super) fn prune(&self, path: &str) {
        let mut path = path;
        while !path.is_empty() {
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            let Ok(Some(folder)) = self.open_existing(parent) else {
                return;
            };
            if rustix::fs::unlinkat(&folder, name, AtFlags::REMOVEDIR).is_err() {
                return;
            }
            path = parent;
        }
    }

    /// Opens a subfolder if it exists.
    fn open_existing(&self, path: &str) -> io::Result<Option<OwnedFd>> {
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

    /// Gives a file that was created elsewhere the permissions of one created here.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn set_mode(&self, file: &File) -> io::Result<()> {
        Ok(rustix::fs::fchmod(file, self.mode)?)
    }
}

/// The new content of a file, in a temporary file next to it.
pub(super) struct Staged {
    folder: OwnedFd,
    file: File,
    temporary: String,
    name: String,
}

impl Staged {
    /// Waits until the content is on disk.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Renames the temporary file to its final name.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn rename(self) -> io::Result<()> {
        Ok(rustix::fs::renameat(
            &self.folder,
            &self.temporary,
            &self.folder,
            &self.name,
        )?)
    }
}

/// Creates a temporary file in a folder.
///
/// # Errors
/// When the system refuses.
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

/// Takes the shared lock that shows other runs this one is here, if locks are supported.
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

/// Whether a name is that of a temporary file of haul's, which should not outlive its run.
///
/// That is `.haul-` followed by six letters or digits, as `tempfile` names files, or by anything that ends in `.tmp`.
fn is_temporary(name: &str) -> bool {
    name.strip_prefix(SPOOL_PREFIX).is_some_and(|rest| {
        rest.ends_with(".tmp")
            || rest.len() == 6 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}
