//! The folder of a job: its lock, its database, and how many commits that must hold.
//!
//! Invariant: while a [`Folder`] is alive no other process works on the job. The counter is written after each commit, so
//! a database that holds fewer commits than it says has lost some: a log whose tail is damaged looks to a
//! database like one that was never written.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use crate::error::{Error, Result};
use crate::lock;

/// What a job's lock says: a folder with it is a job's.
const LOCK: &[u8] = b"haul\n";
/// The files of a job beside its outputs.
pub(crate) const JOB_FILES: [&str; 8] = [
    "lock",
    "commits",
    "frontier.db",
    "frontier.db-wal",
    "frontier.db-shm",
    "frontier.db.new",
    "frontier.db.new-wal",
    "frontier.db.new-shm",
];

/// A job's folder, locked.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Held for as long as the folder is.
    _lock: File,
}

/// The counter of commits.
#[derive(Debug)]
pub(super) struct Counter {
    file: File,
    path: PathBuf,
}

impl Folder {
    /// Makes the folder where it is not there, and locks it.
    ///
    /// # Errors
    /// When it cannot be made, or another process has it.
    pub(crate) fn lock(path: &Path) -> Result<Self> {
        // What a list says of its requests may be secret: only the user may look inside.
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|source| Error::output(path, source))?;
        is_there(path)?;
        check_is_ours(path)?;
        let lock_path = path.join("lock");
        let mut lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(|source| Error::output(&lock_path, source))?;
        match lock::lock(&lock) {
            Ok(true) => {
                // From now on the folder is known for ours, whatever else is in it.
                lock.write_all(LOCK)
                    .map_err(|source| Error::output(&lock_path, source))?;
                Ok(Self {
                    path: path.to_owned(),
                    _lock: lock,
                })
            }
            Ok(false) => Err(Error::Locked {
                path: path.to_owned(),
            }),
            Err(source) => Err(Error::output(&lock_path, source)),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The database in it.
    pub(crate) fn database(&self) -> PathBuf {
        database(&self.path)
    }

    /// Whether a job lives in it.
    pub(crate) fn has_job(&self) -> bool {
        self.database().exists()
    }

    /// Forgets the job: its database, its log and its counter. The outputs are the sinks' to empty.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub(crate) fn clear(&self) -> Result<()> {
        remove_database(&self.database())?;
        remove(&counter(&self.path))
    }

    /// Where a database is begun; what an earlier beginning left there is gone.
    ///
    /// # Errors
    /// When that cannot be removed.
    pub(super) fn draft(&self) -> Result<PathBuf> {
        let draft = self.path.join("frontier.db.new");
        remove_database(&draft)?;
        Ok(draft)
    }

    /// A database that was begun is whole: from here on there is a job.
    ///
    /// # Errors
    /// When it cannot be renamed.
    pub(super) fn publish(&self, draft: &Path) -> Result<()> {
        let database = self.database();
        remove_database(&database)?; // a log without its database would be taken for a log of this one
        std::fs::rename(draft, &database)
            .and_then(|()| File::open(&self.path)?.sync_all())
            .map_err(|source| Error::output(database, source))
    }
}

/// Makes sure that a folder is a job's, or may become one: the outputs of a job are emptied when it begins, and a folder
/// of somebody's own may have files of the same names.
fn check_is_ours(path: &Path) -> Result<()> {
    let marked = std::fs::read(path.join("lock")).is_ok_and(|lock| lock.starts_with(LOCK));
    if marked || database(path).exists() {
        return Ok(());
    }
    let unreadable = |source| Error::output(path, source);
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        if !JOB_FILES.iter().any(|own| name == *own) {
            return Err(Error::store(
                path,
                format!(
                    "no job is in it, and it is not empty ({} is there): name a new folder",
                    Path::new(&name).display()
                ),
            ));
        }
    }
    Ok(())
}

/// Removes a database; its log goes last, as nothing reads that without it.
fn remove_database(path: &Path) -> Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let mut path = path.as_os_str().to_owned();
        path.push(suffix);
        remove(Path::new(&path))?;
    }
    Ok(())
}

/// Whether a job lives in a folder.
///
/// # Errors
/// When nobody may look: that is not to say that there is none.
pub(super) fn is_there(folder: &Path) -> Result<bool> {
    match database(folder).try_exists() {
        Ok(is_there) => Ok(is_there),
        // A file where a folder should be has no job in it.
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Ok(false),
        Err(source) => Err(Error::Unreadable {
            path: folder.to_owned(),
            source,
        }),
    }
}

/// Why a counter cannot be read: it is missing or damaged, or nobody may look.
fn unread(path: &Path, source: std::io::Error) -> Error {
    match source.kind() {
        std::io::ErrorKind::PermissionDenied => Error::Unreadable {
            path: path.to_owned(),
            source,
        },
        _ => damaged(path),
    }
}

/// The database of a job in this folder.
pub(crate) fn database(folder: &Path) -> PathBuf {
    folder.join("frontier.db")
}

/// The counter of commits of a job in this folder.
pub(super) fn counter(folder: &Path) -> PathBuf {
    folder.join("commits")
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::output(path, error))
        }
        _ => Ok(()),
    }
}

impl Counter {
    /// A counter of a new job, at 0.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        let path = counter(folder);
        let file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|source| Error::output(&path, source))?;
        let mut counter = Self { file, path };
        counter.set(0)?;
        Ok(counter)
    }

    /// The counter of a job that is there, and what it says.
    pub(super) fn open(folder: &Path) -> Result<(Self, u64)> {
        let path = counter(folder);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|source| unread(&path, source))?;
        let count = counted(&file, &path)?;
        Ok((Self { file, path }, count))
    }

    /// What the counter of a job that is there says; nothing is opened for writing.
    pub(super) fn read(folder: &Path) -> Result<u64> {
        let path = counter(folder);
        let file = File::open(&path).map_err(|source| unread(&path, source))?;
        counted(&file, &path)
    }

    /// Notes that so many commits are on disk.
    pub(super) fn set(&mut self, count: u64) -> Result<()> {
        let count = count.to_le_bytes();
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&count);
        bytes[8..].copy_from_slice(&xxh3_64(&count).to_le_bytes());
        self.file
            .write_all_at(&bytes, 0)
            .and_then(|()| self.file.flush())
            .map_err(|source| Error::output(&self.path, source))
    }
}

fn counted(file: &File, path: &Path) -> Result<u64> {
    let mut bytes = [0; 16];
    file.read_exact_at(&mut bytes, 0)
        .map_err(|_| damaged(path))?;
    let (count, sum) = bytes.split_at(8);
    if xxh3_64(count).to_le_bytes() != sum {
        return Err(damaged(path));
    }
    let count = count.try_into().map_err(|_| damaged(path))?;
    Ok(u64::from_le_bytes(count))
}

fn damaged(path: &Path) -> Error {
    Error::damaged(
        path,
        "the counter of commits is damaged or missing; nothing was changed",
    )
}
