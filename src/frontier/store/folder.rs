//! The folder of a job: its lock, its database, and the number of commits in it.
//!
//! Invariant: while a [`JobFolder`] is alive no other process works on the job. The counter is written after each
//! commit, so a database with fewer commits than the counter has lost some: to a database, a log whose tail is
//! damaged looks like one whose tail was never written.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use crate::error::{Error, Result};
use crate::run::lock;

/// The content of a job's lock file, which marks the folder as a job's.
const LOCK: &[u8] = b"haul\n";
/// The files of a job, apart from its outputs.
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

/// The folder of a job, locked.
#[derive(Debug)]
pub(crate) struct JobFolder {
    path: PathBuf,
    /// Locked for as long as this value lives.
    _lock: File,
}

/// The counter of commits.
#[derive(Debug)]
pub(super) struct Counter {
    file: File,
    path: PathBuf,
}

impl JobFolder {
    /// Locks the folder, and creates it if it does not exist.
    ///
    /// # Errors
    /// When it cannot be created, or another process has locked it.
    pub(crate) fn lock(path: &Path) -> Result<Self> {
        // The requests of a list may contain secrets: only the user may look inside.
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|source| Error::output(path, source))?;
        job_exists(path)?;
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
                // From now on the folder is recognized as ours, whatever else is in it.
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

    /// The path of the folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of its database.
    pub(crate) fn database(&self) -> PathBuf {
        database(&self.path)
    }

    /// Whether there is a job in it.
    pub(crate) fn has_job(&self) -> bool {
        self.database().exists()
    }

    /// Removes the job: its database, its log and its counter.
    ///
    /// The sinks empty their own outputs.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub(crate) fn clear(&self) -> Result<()> {
        remove_database(&self.database())?;
        remove(&counter(&self.path))
    }

    /// The path under which to create a database; leftovers of an earlier attempt are removed.
    ///
    /// # Errors
    /// When those cannot be removed.
    pub(super) fn draft(&self) -> Result<PathBuf> {
        let draft = self.path.join("frontier.db.new");
        remove_database(&draft)?;
        Ok(draft)
    }

    /// Renames a database that is complete: from here on there is a job.
    ///
    /// # Errors
    /// When it cannot be renamed.
    pub(super) fn publish(&self, draft: &Path) -> Result<()> {
        let database = self.database();
        remove_database(&database)?; // an old log without its database would be taken for the log of this one
        std::fs::rename(draft, &database)
            .and_then(|()| File::open(&self.path)?.sync_all())
            .map_err(|source| Error::output(database, source))
    }
}

/// Fails unless a folder is a job's, or may become one.
///
/// The outputs of a job are emptied when it starts, and a user's own folder may have files of the same names.
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
                    "there is no job in it, and it is not empty (it contains {}): name a new folder",
                    Path::new(&name).display()
                ),
            ));
        }
    }
    Ok(())
}

/// Removes a database; its log goes last, because nothing reads a log on its own.
fn remove_database(path: &Path) -> Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let mut path = path.as_os_str().to_owned();
        path.push(suffix);
        remove(Path::new(&path))?;
    }
    Ok(())
}

/// Whether there is a job in a folder.
///
/// # Errors
/// When permission to look is denied: that does not mean that there is none.
pub(super) fn job_exists(folder: &Path) -> Result<bool> {
    match database(folder).try_exists() {
        Ok(is_there) => Ok(is_there),
        // If the folder is really a file, it has no job in it.
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Ok(false),
        Err(source) => Err(Error::Unreadable {
            path: folder.to_owned(),
            source,
        }),
    }
}

/// Why a counter cannot be read: it is missing or damaged, or permission is denied.
fn unreadable_counter(path: &Path, source: std::io::Error) -> Error {
    match source.kind() {
        std::io::ErrorKind::PermissionDenied => Error::Unreadable {
            path: path.to_owned(),
            source,
        },
        _ => damaged(path),
    }
}

/// The path of the database of a job in this folder.
pub(crate) fn database(folder: &Path) -> PathBuf {
    folder.join("frontier.db")
}

/// The path of the counter of commits of a job in this folder.
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
    /// Creates the counter of a new job, at 0.
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

    /// Opens the counter of an existing job, and returns its value too.
    pub(super) fn open(folder: &Path) -> Result<(Self, u64)> {
        let path = counter(folder);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|source| unreadable_counter(&path, source))?;
        let count = read_count(&file, &path)?;
        Ok((Self { file, path }, count))
    }

    /// Reads the counter of an existing job without opening it for writing.
    pub(super) fn read(folder: &Path) -> Result<u64> {
        let path = counter(folder);
        let file = File::open(&path).map_err(|source| unreadable_counter(&path, source))?;
        read_count(&file, &path)
    }

    /// Writes the number of commits that are on disk.
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

fn read_count(file: &File, path: &Path) -> Result<u64> {
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
