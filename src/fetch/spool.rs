//! Large bodies, in files.
//!
//! A body that outgrows memory goes to a file in the spool folder. Where downloads may be resumed, the file is
//! named for its request and a note beside it keeps the validators, so that a later try, in this run or the next,
//! asks for the rest only. Invariant: a name is made of a fingerprint, never of a page's words; a file is
//! written by one download at a time (a lock says so); what is given up without a note is removed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::plan::SpoolPlan;
use crate::body::{SPOOL_PREFIX, Spool};
use crate::url::PageUrl;

/// Chunks that may wait for the disk, a download.
const CHUNKS_WAITING: usize = 32;

/// What is known of a partial download: enough to ask for the rest, or to know that it is another body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    /// The URL that it is a part of.
    pub(crate) url: String,
    /// The request that was answered with it, by its fingerprint: method, URL, headers and body.
    pub(crate) request: String,
    /// Its ETag.
    pub(crate) etag: Option<String>,
    /// Its Last-Modified date.
    pub(crate) last_modified: Option<String>,
    /// Its media type: the answer that completes it need not repeat it.
    pub(crate) content_type: Option<String>,
    /// The whole length.
    pub(crate) total: u64,
}

/// A partial download that is on disk. Nobody else writes to it or resumes it as long as this lives.
#[derive(Debug)]
pub(crate) struct Partial {
    pub(crate) note: Note,
    pub(crate) length: u64,
    path: PathBuf,
    /// Locked.
    file: File,
}

/// A file that a body is being written to.
#[derive(Debug)]
pub(crate) struct SpoolFile {
    file: File,
    path: PathBuf,
    length: u64,
    hash: Option<Sha256>,
    resumable: bool,
    finished: bool,
}

impl Note {
    /// A request's fingerprint as it is written.
    pub(crate) fn name(request: u128) -> String {
        format!("{request:032x}")
    }

    /// What `If-Range` is sent with: the ETag where it is strong, else the date.
    pub(crate) fn validator(&self) -> &str {
        let strong = self.etag.as_deref().filter(|etag| !etag.starts_with("W/"));
        strong.or(self.last_modified.as_deref()).unwrap_or_default()
    }
}

impl Partial {
    /// The partial download of a request, where there is one that nobody else is at.
    pub(crate) fn find(folder: &Path, url: &PageUrl, request: u128) -> Option<Self> {
        let path = resumable_path(folder, request);
        // Nearly always there is none, and this is all that it costs.
        fs::symlink_metadata(&path)
            .ok()
            .filter(fs::Metadata::is_file)?;
        let file = open_own(&path).ok()?;
        file.try_lock().ok()?;
        let length = file.metadata().ok()?.len();
        let note: Note = serde_json::from_slice(&fs::read(note_path(&path)).ok()?).ok()?;
        let fits = note.url == url.as_str()
            && note.request == Note::name(request)
            && length > 0
            && length < note.total
            && !note.validator().is_empty();
        fits.then_some(Self {
            note,
            length,
            path,
            file,
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Forgets it: the server has another body now.
    pub(crate) fn remove(self) {
        remove(&self.path);
    }
}

impl SpoolFile {
    /// A new file. With a note it can be resumed should the download break.
    ///
    /// # Errors
    /// What the file system said.
    pub(crate) fn create(plan: &SpoolPlan, note: Option<&Note>) -> io::Result<Self> {
        let hash = plan.digest.then(Sha256::new);
        let request = note.and_then(|note| u128::from_str_radix(&note.request, 16).ok());
        if let (Some(note), Some(request)) = (note, request) {
            let path = resumable_path(&plan.folder, request);
            let file = open_own(&path)?;
            // Another download of the same request has the name: this one does without.
            if file.try_lock().is_ok() {
                file.set_len(0)?;
                fs::write(
                    note_path(&path),
                    serde_json::to_vec(note).map_err(io::Error::other)?,
                )?;
                return Ok(Self {
                    file,
                    path,
                    length: 0,
                    hash,
                    resumable: true,
                    finished: false,
                });
            }
        }
        let file = tempfile::Builder::new()
            .prefix(SPOOL_PREFIX)
            .suffix(".tmp")
            .tempfile_in(&plan.folder)?;
        let (file, path) = file.keep().map_err(|error| error.error)?;
        Ok(Self {
            file,
            path,
            length: 0,
            hash,
            resumable: false,
            finished: false,
        })
    }

    /// Goes on with a partial download.
    ///
    /// # Errors
    /// What the file system said.
    pub(crate) fn append(plan: &SpoolPlan, partial: Partial) -> io::Result<Self> {
        let Partial {
            mut file,
            path,
            length,
            ..
        } = partial;
        let mut hash = plan.digest.then(Sha256::new);
        // Reading what is there feeds the digest and leaves the file at its end.
        let mut buffer = vec![0; 256 << 10];
        let mut read = 0;
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            read += count as u64;
            if let Some(hash) = &mut hash {
                hash.update(&buffer[..count]);
            }
        }
        if read != length {
            return Err(io::Error::other(
                "the partial download changed while it was resumed",
            ));
        }
        Ok(Self {
            file,
            path,
            length,
            hash,
            resumable: true,
            finished: false,
        })
    }

    /// # Errors
    /// What the file system said.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
        Ok(())
    }

    /// The whole body is here.
    pub(crate) fn finish(mut self) -> Spool {
        self.finished = true;
        if self.resumable {
            // A note that stays behind does no harm: its length no longer fits.
            let _ = fs::remove_file(note_path(&self.path));
        }
        let digest = self.hash.take().map(|hash| hash.finalize().into());
        Spool::adopt(std::mem::take(&mut self.path), self.length, digest)
    }
}

impl Drop for SpoolFile {
    fn drop(&mut self) {
        if !self.finished && !self.resumable {
            remove(&self.path);
        }
    }
}

/// A body on its way to a file by way of a thread that may wait for the disk.
pub(crate) struct Spooling {
    chunks: mpsc::Sender<Chunk>,
    thread: JoinHandle<io::Result<Spool>>,
}

enum Chunk {
    Bytes(Bytes),
    End,
}

impl Spooling {
    /// Starts writing to what `open` opens, on a thread of the runtime's blocking pool.
    pub(crate) fn start(open: impl FnOnce() -> io::Result<SpoolFile> + Send + 'static) -> Self {
        let (chunks, mut waiting) = mpsc::channel(CHUNKS_WAITING);
        let thread = tokio::task::spawn_blocking(move || {
            let mut file = open()?;
            while let Some(chunk) = waiting.blocking_recv() {
                match chunk {
                    Chunk::Bytes(bytes) => file.write(&bytes)?,
                    Chunk::End => return Ok(file.finish()),
                }
            }
            Err(io::Error::other("given up"))
        });
        Self { chunks, thread }
    }

    /// Hands a chunk over; waits while the disk is behind. A file that failed says why in [`finish`](Self::finish).
    pub(crate) async fn write(&self, bytes: Bytes) -> Result<(), ()> {
        self.chunks.send(Chunk::Bytes(bytes)).await.map_err(drop)
    }

    /// The whole body was handed over.
    ///
    /// # Errors
    /// What the file system said.
    pub(crate) async fn finish(self) -> io::Result<Spool> {
        // A thread that is gone answers below.
        let _ = self.chunks.send(Chunk::End).await;
        self.thread.await.map_err(io::Error::other)?
    }

    /// There will be no more: waits until what was handed over is in the file, and the file let go.
    pub(crate) async fn give_up(self) {
        drop(self.chunks);
        // A file that could not be written is not resumed, and that is all there is to it.
        let _ = self.thread.await;
    }
}

fn resumable_path(folder: &Path, request: u128) -> PathBuf {
    // The name has the width that names of temporary files have: a sweep of the folder knows them by it.
    folder.join(format!("{SPOOL_PREFIX}{:016x}.part", request as u64))
}

fn note_path(path: &Path) -> PathBuf {
    path.with_extension("note")
}

/// Removes a partial download and its note.
pub(crate) fn remove(path: &Path) {
    // Not there is as good as removed.
    let _ = fs::remove_file(path);
    let _ = fs::remove_file(note_path(path));
}

/// Opens a file of our own name for reading and writing; a link planted there is not followed.
fn open_own(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let no_follow = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .custom_flags(no_follow)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(folder: &Path) -> SpoolPlan {
        SpoolPlan {
            folder: folder.to_owned(),
            resume: true,
            digest: true,
            keep: true,
        }
    }

    fn url() -> PageUrl {
        PageUrl::parse("http://a.example/../../x").unwrap()
    }

    fn note(request: u128) -> Note {
        Note {
            url: url().to_string(),
            request: Note::name(request),
            etag: Some("\"v1\"".into()),
            last_modified: None,
            content_type: None,
            total: 10,
        }
    }

    fn half(folder: &Path) {
        let mut first = SpoolFile::create(&plan(folder), Some(&note(7))).unwrap();
        first.write(b"01234").unwrap();
    }

    #[test]
    fn a_broken_download_is_found_again_and_ends_with_the_digest_of_the_whole() {
        let folder = tempfile::tempdir().unwrap();
        half(folder.path());
        let partial = Partial::find(folder.path(), &url(), 7).unwrap();
        assert_eq!(partial.length, 5);
        let mut second = SpoolFile::append(&plan(folder.path()), partial).unwrap();
        second.write(b"56789").unwrap();
        let spool = second.finish();
        assert_eq!(fs::read(spool.path()).unwrap(), b"0123456789");
        assert_eq!(spool.digest.unwrap()[..], Sha256::digest(b"0123456789")[..]);
        drop(spool);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_part_is_found_by_its_request_alone_and_by_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        half(folder.path());
        assert!(Partial::find(folder.path(), &url(), 8).is_none());
        // The same name, another request.
        assert!(Partial::find(folder.path(), &url(), 7 + (1 << 64)).is_none());
        let first = Partial::find(folder.path(), &url(), 7);
        assert!(first.is_some() && Partial::find(folder.path(), &url(), 7).is_none());
        drop(first);
        assert!(Partial::find(folder.path(), &url(), 7).is_some());
    }

    #[test]
    fn two_downloads_of_one_request_do_not_write_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(folder.path());
        let first = SpoolFile::create(&plan, Some(&note(7))).unwrap();
        let second = SpoolFile::create(&plan, Some(&note(7))).unwrap();
        assert_ne!(first.path, second.path);
    }

    #[test]
    fn what_cannot_be_resumed_is_removed_when_it_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = SpoolFile::create(&plan(folder.path()), None).unwrap();
        file.write(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
