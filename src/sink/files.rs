//! Bodies saved to files, each under a name made from its final URL, or from the name that the server gave it.
//!
//! A body is written to a temporary file in the same folder and renamed when it is complete and on disk, so a name
//! never shows half a file. Small files are synced in batches: one wait for many costs half of waiting for each.
//! Invariant: after [`commit`](Files::commit) every path that [`save`](Files::save) recorded exists. Error pages and
//! pages without a body are not saved; a body that could not be decoded is saved as received. A job has a
//! [journal](super::journal) of the names, so that files saved after its mark can be removed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use rustix::fs::{AtFlags, CWD};
use rustix::io::Errno;

use super::folder::{OutputFolder, temporary};
use super::growing::{sync_entry, sync_folder};
use super::journal::{EarlierNames, Journal};
use super::mark::{Mark, Start};
use super::name::{self, Name};
use super::names::Names;
use super::{Layout, Modified};
use crate::error::{Error, Result};
use crate::job::Role;
use crate::page::Page;
use crate::page::body::{Body, Spool};
use crate::visit::Visit;

/// The number of files synced in one batch; each needs two file descriptors.
const BATCH: usize = 32;
/// The largest page that is compared with another of the same name, in bytes.
const MAX_COMPARED: u64 = 8 << 20;
/// The most folders that may have unsynced entries.
const MAX_DIRTY_FOLDERS: usize = 1024;

/// A folder that bodies are saved to.
pub struct Files {
    /// As the user named it.
    path: PathBuf,
    folder: OutputFolder,
    names: Names,
    layout: Layout,
    modified: Modified,
    /// Whether another sink reads the bodies later, so that they must stay in their visits.
    shared: bool,
    waiting: Vec<StagedBody>,
    /// Subfolders with new entries since they were last synced.
    dirty: BTreeSet<String>,
    journal: Option<Journal>,
    /// Whether the folder's own directory entry is on disk.
    entered: bool,
}

/// A complete body that is not yet renamed.
struct StagedBody {
    file: File,
    body: BodyFile,
    /// The open folder that the name belongs in.
    folder: Arc<OwnedFd>,
    name: String,
    path: PathBuf,
}

enum BodyFile {
    /// A temporary file in the same folder.
    Temporary(Temporary),
    /// The file that the download was written to.
    Spool(Spool),
}

/// A temporary file; removed on drop.
struct Temporary {
    folder: Arc<OwnedFd>,
    name: String,
}

impl Files {
    /// Opens the folder, and creates it if it does not exist.
    ///
    /// # Errors
    /// When it cannot be created or written.
    pub fn open(folder: &Path) -> Result<Self> {
        Ok(Self {
            path: folder.to_owned(),
            folder: OutputFolder::open(folder).map_err(|source| Error::output(folder, source))?,
            names: Names::new(),
            layout: Layout::AsSent,
            modified: Modified::WhenSaved,
            shared: false,
            waiting: Vec::with_capacity(BATCH),
            dirty: BTreeSet::new(),
            journal: None,
            entered: false,
        })
    }

    /// Opens the folder for a job, with the job's journal of the names.
    ///
    /// Starting at a mark or with [`Start::Over`] removes the files saved after it, and the temporary files that the
    /// killed session left behind, unless another run is saving to the folder.
    ///
    /// # Errors
    /// As [`open`](Self::open), and when the journal does not match the mark.
    pub fn with_journal(folder: &Path, start: Start<'_>, journal: &Path) -> Result<Self> {
        // A journal that does not match the mark is refused before anything is changed.
        let earlier = EarlierNames::read(journal, start)?;
        let mut files = Self::open(folder)?;
        if start != Start::Fresh {
            let removed = files.remove(&earlier.late);
            removed.map_err(|source| Error::output(folder, source))?;
        }
        files.journal = Some(Journal::open(journal, start, &earlier.names)?);
        files.names = earlier.names;
        Ok(files)
    }

    /// Sets how names are made, before the first one is.
    pub(super) fn set_layout(&mut self, layout: Layout) {
        self.layout = layout;
    }

    /// Sets which modification time files get, before the first one is saved.
    pub(super) fn set_modified(&mut self, modified: Modified) {
        self.modified = modified;
    }

    /// Leaves bodies in their visits, for another sink that reads them after this one.
    pub(super) fn leave_bodies(&mut self) {
        self.shared = true;
    }

    /// Saves the body of a visit, and sets its path in the visit.
    ///
    /// The file has its name after [`commit`](Self::commit).
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&mut self, visit: &mut Visit) -> Result<()> {
        let body = take_body(visit, self.shared);
        let Some(body) = body.map_err(|source| Error::output(&self.path, source))? else {
            return Ok(());
        };
        let job = &visit.job;
        let page = visit.outcome.as_ref().ok();
        let media_type = visit.parsed.media_type.as_deref();
        let mut name = Name::of(job, media_type, self.folder.folds());
        if self.layout == Layout::NamedByServer
            && let Some(given) = page.and_then(|page| name::given_name(&page.headers))
        {
            name = name.given(&given, self.folder.folds());
        }
        if self.layout == Layout::Browsable {
            name = name.browsable(media_type);
            if let Some(twin) = name::twin(job, media_type) {
                name = name.shared_with(&twin, media_type, self.folder.folds());
                let assigned = self
                    .names
                    .given_to(&twin, &name, |path| self.folder.file_kind(path));
                if let Some(path) = assigned
                    && self.has_content(&path, &body)?
                {
                    visit.parsed.saved = Some(self.path.join(path));
                    return Ok(());
                }
            }
        }
        let flat = || name.flat();
        let file_kind = |path: &str| self.folder.file_kind(path);
        let claimed = self.names.claim(job, &name, file_kind).unwrap_or_else(flat);
        let entered = match self.enter(&claimed) {
            Err(error) if is_blocked(&error) => {
                let flat = flat();
                self.enter(&flat).map(|folder| (flat, folder))
            }
            entered => entered.map(|folder| (claimed, folder)),
        };
        let (relative, folder) = entered.map_err(|source| Error::output(&self.path, source))?;
        if let Some(journal) = &mut self.journal {
            journal.note(self.names.owner(job), &relative)?;
        }
        let path = self.path.join(&relative);
        let modified = page.filter(|_| self.modified == Modified::AsServerSays);
        let modified = modified.and_then(|page| page.last_modified(SystemTime::now()));
        let staged = self
            .stage(body, folder, &relative, &path)
            .and_then(|staged| {
                modified.map_or(Ok(()), |modified| staged.file.set_modified(modified))?;
                Ok(staged)
            });
        let staged = staged.map_err(|source| Error::output(&path, source))?;
        self.waiting.push(staged);
        visit.parsed.saved = Some(path);
        if self.waiting.len() >= BATCH {
            self.commit()?;
        }
        Ok(())
    }

    /// Whether a saved file has exactly these bytes.
    ///
    /// Pages larger than [`MAX_COMPARED`] are not compared.
    fn has_content(&mut self, path: &str, body: &Body) -> Result<bool> {
        let length = body.len();
        if length > MAX_COMPARED {
            return Ok(false);
        }
        let named = self.path.join(path);
        if self.waiting.iter().any(|waiting| waiting.path == named) {
            self.commit()?;
        }
        let failed = |source| Error::output(&named, source);
        let saved = self.folder.read(path, length).map_err(failed)?;
        let bytes = body.head(length as usize).map_err(failed)?;
        Ok(saved.is_some_and(|saved| saved == bytes))
    }

    /// Syncs every waiting body to disk and renames it.
    ///
    /// # Errors
    /// When one cannot be written: a full disk may be reported only now.
    pub fn commit(&mut self) -> Result<()> {
        for waiting in &self.waiting {
            start_writing(&waiting.file);
        }
        for waiting in &self.waiting {
            let synced = waiting.file.sync_all();
            synced.map_err(|source| Error::output(&waiting.path, source))?;
        }
        for waiting in self.waiting.drain(..) {
            let path = waiting.path.clone();
            waiting
                .rename()
                .map_err(|source| Error::output(path, source))?;
        }
        if self.dirty.len() > MAX_DIRTY_FOLDERS {
            self.sync_folders()?;
        }
        Ok(())
    }

    /// Does the same as [`commit`](Self::commit), and syncs the names to disk too.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn flush(&mut self) -> Result<()> {
        self.commit()?;
        self.sync_folders()
    }

    /// Does the same as [`flush`](Self::flush), and returns the mark of the journal of names.
    ///
    /// # Errors
    /// As [`commit`](Self::commit), and when there is no journal.
    pub fn checkpoint(&mut self) -> Result<Mark> {
        self.flush()?;
        if !self.entered {
            // Its parent folders may be new too.
            let synced = self.path.ancestors().try_for_each(sync_entry);
            synced.map_err(|source| Error::output(&self.path, source))?;
            self.entered = true;
        }
        match &mut self.journal {
            Some(journal) => journal.checkpoint(),
            None => {
                let problem = io::Error::other("files cannot be taken back without a journal");
                Err(Error::output(&self.path, problem))
            }
        }
    }

    /// Flushes everything and ends. Returns the mark if there is a journal.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn finish(mut self) -> Result<Option<Mark>> {
        match self.journal {
            Some(_) => self.checkpoint().map(Some),
            None => self.flush().map(|()| None),
        }
    }

    /// Leaves everything as if the process had been killed.
    #[cfg(test)]
    pub(super) fn abandon(mut self) {
        for waiting in self.waiting.drain(..) {
            match waiting.body {
                BodyFile::Temporary(mut temporary) => temporary.name.clear(),
                BodyFile::Spool(spool) => drop(spool.keep()),
            }
        }
    }

    /// Removes the files that a killed session saved after its mark, and its temporary files.
    fn remove(&self, late: &BTreeSet<String>) -> io::Result<()> {
        let mut by_folder = BTreeMap::<&str, Vec<&str>>::new();
        for path in late {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            by_folder.entry(folder).or_default().push(name);
        }
        for (folder, names) in &by_folder {
            self.folder.remove(folder, names.iter().copied())?;
        }
        self.folder.if_alone(|root| {
            // Temporary files of this sink are next to the names; downloads are in the root folder.
            by_folder.keys().try_for_each(|folder| root.sweep(folder))?;
            root.sweep("")
        })?;
        // Innermost first, so that parent folders are empty by the time they are checked.
        by_folder
            .keys()
            .rev()
            .for_each(|folder| self.folder.prune(folder));
        Ok(())
    }

    fn enter(&mut self, relative: &str) -> io::Result<OwnedFd> {
        let parent = relative.rsplit_once('/').map_or("", |(parent, _)| parent);
        let dirty = &mut self.dirty;
        let folder = self.folder.enter(parent, |grown| {
            dirty.insert(grown.to_owned());
        })?;
        if !self.dirty.contains(parent) {
            self.dirty.insert(parent.to_owned());
        }
        Ok(folder)
    }

    /// Writes a body's bytes to a file that only has to be renamed.
    fn stage(
        &self,
        body: Body,
        folder: OwnedFd,
        relative: &str,
        path: &Path,
    ) -> io::Result<StagedBody> {
        let name = relative.rsplit('/').next().unwrap_or(relative).to_owned();
        let folder = Arc::new(folder);
        let (file, body) = match body {
            Body::Memory(bytes) => {
                let (mut file, temporary) = Temporary::create(&folder)?;
                file.write_all(&bytes)?;
                (file, BodyFile::Temporary(temporary))
            }
            Body::Spooled(spool) if is_on_same_file_system(&spool, &folder) => {
                let file = File::open(spool.path())?;
                self.folder.set_mode(&file)?;
                (file, BodyFile::Spool(spool))
            }
            Body::Spooled(spool) => {
                let (mut file, temporary) = Temporary::create(&folder)?;
                io::copy(&mut File::open(spool.path())?, &mut file)?;
                (file, BodyFile::Temporary(temporary))
            }
            Body::Dropped(_) => return Err(io::Error::other("the body was not stored")),
        };
        Ok(StagedBody {
            file,
            body,
            folder,
            name,
            path: path.to_owned(),
        })
    }

    fn sync_folders(&mut self) -> Result<()> {
        for folder in std::mem::take(&mut self.dirty) {
            let synced = self
                .folder
                .enter(&folder, |_| {})
                .and_then(|open| sync_folder(rustix::fs::fsync(&open).map_err(io::Error::from)));
            match synced {
                // Somebody replaced the folder with something else: the files saved there are no longer ours.
                Err(error) if is_blocked(&error) => {}
                synced => {
                    synced.map_err(|source| Error::output(self.path.join(&folder), source))?;
                }
            }
        }
        Ok(())
    }
}

impl StagedBody {
    /// Renames the body to its name, replacing an existing file or link.
    fn rename(self) -> io::Result<()> {
        match self.body {
            BodyFile::Temporary(temporary) => temporary.rename(&self.name),
            BodyFile::Spool(spool) => {
                rustix::fs::renameat(CWD, spool.path(), &self.folder, &*self.name)?;
                spool.keep();
                Ok(())
            }
        }
    }
}

impl Temporary {
    fn create(folder: &Arc<OwnedFd>) -> io::Result<(File, Self)> {
        let (file, name) = temporary(folder.as_fd())?;
        let folder = Arc::clone(folder);
        Ok((file, Self { folder, name }))
    }

    fn rename(mut self, name: &str) -> io::Result<()> {
        rustix::fs::renameat(&self.folder, &self.name, &self.folder, name)?;
        self.name.clear();
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.name.is_empty() {
            // A file that is already gone is fine.
            let _ = rustix::fs::unlinkat(&self.folder, &self.name, AtFlags::empty());
        }
    }
}

/// Takes the body to save out of a visit, decoded if possible.
///
/// If bodies are shared, the visit keeps its own.
fn take_body(visit: &mut Visit, shared: bool) -> io::Result<Option<Body>> {
    let Ok(page) = &mut visit.outcome else {
        return Ok(None);
    };
    if visit.job.role == Role::External {
        return Ok(None); // it was only checked for existence
    }
    // 204 and 205 have no body; an existing file of that name stays.
    let compared = visit.parsed.compared.as_deref();
    let is_unchanged = compared.is_some_and(|compared| compared.is_unchanged);
    let is_good = is_unchanged || matches!(page.status, 200..=203 | 206..=299);
    if !is_good || is_head_only(page) {
        return Ok(None);
    }
    let body = match visit.parsed.content.take() {
        Some(decoded) => decoded,
        // A body that cannot be decoded is saved as received, and the record says so.
        None if page.is_encoded() && visit.parsed.fault.is_none() => return Ok(None),
        None => match &page.body {
            Body::Memory(bytes) => Body::Memory(Bytes::clone(bytes)),
            Body::Spooled(spool) if shared => Body::Spooled(spool.twin()?),
            Body::Spooled(_) => {
                let length = page.body.len();
                std::mem::replace(&mut page.body, Body::Dropped(length))
            }
            Body::Dropped(_) => return Ok(None),
        },
    };
    Ok(Some(body))
}

/// Whether a response announces a body and has none, as the response to `HEAD` does.
fn is_head_only(page: &Page) -> bool {
    let announced = page.headers.text(http::header::CONTENT_LENGTH);
    page.body.is_empty() && announced.is_some_and(|length| length.trim() != "0")
}

/// Whether a file can be renamed into a folder: both are on the same file system.
fn is_on_same_file_system(spool: &Spool, folder: &OwnedFd) -> bool {
    match (rustix::fs::stat(spool.path()), rustix::fs::fstat(folder)) {
        (Ok(file), Ok(folder)) => file.st_dev == folder.st_dev,
        _ => false,
    }
}

/// Whether a name is blocked by a link or file in its path, or is too long; another may work.
fn is_blocked(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(
        errno,
        Some(Errno::LOOP | Errno::NOTDIR | Errno::EXIST | Errno::NAMETOOLONG)
    )
}

/// Starts writing to disk, so that the files of a batch are written in parallel.
fn start_writing(file: &File) {
    #[cfg(target_os = "linux")]
    {
        // Only a hint: errors are reported by the sync that follows.
        let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}
