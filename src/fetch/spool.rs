//! Large bodies, in files.
//!
//! A body that is too large for memory goes to a file in the spool folder. If downloads may be resumed, the file is
//! named after its request, and a note next to it has the validators, so that a later retry, in this run or the
//! next, requests only the rest. Invariant: a file name is made of a fingerprint, never of text from a page; a file
//! is written by one download at a time (with a lock); a file that is given up without a note is removed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::plan::SpoolPlan;
use crate::page::body::{SPOOL_PREFIX, Spool};
use crate::url::PageUrl;

/// The most chunks of a download that may wait for the disk.
const CHUNKS_WAITING: usize = 32;

/// A note on a partial download: enough to request the rest, or to detect another body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    /// The URL that it is a part of.
    pub(crate) url: String,
    /// The fingerprint of its request: method, URL, headers and body.
    pub(crate) request: String,
    /// Its ETag.
    pub(crate) etag: Option<String>,
    /// Its Last-Modified date.
    pub(crate) last_modified: Option<String>,
    /// Its media type: the response that completes it need not repeat it.
    pub(crate) content_type: Option<String>,
    /// The length of the whole.
    pub(crate) total: u64,
}

/// A partial download on disk. While this lives, nobody else writes to it or resumes it.
#[derive(Debug)]
pub(crate) struct Partial {
    pub(crate) note: Note,
    pub(crate) length: u64,
    path: PathBuf,
    /// The locked file.
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
    /// The text form of a request's fingerprint.
    pub(crate) fn name(request: u128) -> String {
        format!("{request:032x}")
    }

    /// The value for `If-Range`: the ETag if it is strong, else the date.
    pub(crate) fn validator(&self) -> &str {
        let strong = self.etag.as_deref().filter(|etag| !etag.starts_with("W/"));
        strong.or(self.last_modified.as_deref()).unwrap_or_default()
    }
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

    /// The path of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it: the server has another body now.
    pub(crate) fn remove(self) {
        remove(&self.path);
    }
}

impl SpoolFile {
    /// Creates a file. With a note the download can be resumed should it break.
    ///
    /// `digest` asks for the SHA-256 of this body, whatever the plan says.
    ///
    /// # Errors
    /// Any error of the file system.
    pub(crate) fn create(plan: &SpoolPlan, note: Option<&Note>, digest: bool) -> io::Result<Self> {
        let hash = (plan.digest || digest).then(Sha256::new);
        let request = note.and_then(|note| u128::from_str_radix(&note.request, 16).ok());
        if let (Some(note), Some(request)) = (note, request) {
            let path = resumable_path(&plan.folder, request);
            let file = open_own(&path)?;
            // If another download of the same request has the name, use a temporary file.
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

    /// Continues a partial download.
    ///
    /// # Errors
    /// Any error of the file system.
    pub(crate) fn append(plan: &SpoolPlan, partial: Partial, digest: bool) -> io::Result<Self> {
        let Partial {
            mut file,
            path,
            length,
            ..
        } = partial;
        let mut hash = (plan.digest || digest).then(Sha256::new);
        // Reading the file feeds the digest, and leaves the position at its end.
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

    /// Writes the next bytes.
    ///
    /// # Errors
    /// Any error of the file system.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
        Ok(())
    }

    /// Completes the body, and removes its note.
    pub(crate) fn finish(mut self) -> Spool {
        self.finished = true;
        if self.resumable {
            // A note that stays does no harm: its length no longer fits.
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

/// A body that is written to a file by a thread that may wait for the disk.
pub(crate) struct Spooling {
    chunks: mpsc::Sender<Chunk>,
    thread: JoinHandle<io::Result<Spool>>,
}

enum Chunk {
    Bytes(Bytes),
    End,
}

impl Spooling {
    /// Starts writing to the file that `open` opens, on a thread of the runtime's blocking pool.
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

    /// Sends a chunk to the thread, and waits while the disk is behind.
    ///
    /// The reason of a failure is in [`finish`](Self::finish).
    pub(crate) async fn write(&self, bytes: Bytes) -> Result<(), ()> {
        self.chunks.send(Chunk::Bytes(bytes)).await.map_err(drop)
    }

    /// Completes the body after its last chunk.
    ///
    /// # Errors
    /// Any error of the file system.
    pub(crate) async fn finish(self) -> io::Result<Spool> {
        // If the thread is gone, the error comes from the next line.
        let _ = self.chunks.send(Chunk::End).await;
        self.thread.await.map_err(io::Error::other)?
    }

    /// Gives the body up: waits until the chunks so far are in the file, and closes it.
    pub(crate) async fn give_up(self) {
        drop(self.chunks);
        // A file that could not be written is not resumed, so its error does not matter.
        let _ = self.thread.await;
    }
}

fn resumable_path(folder: &Path, request: u128) -> PathBuf {
    // The name is as long as those of temporary files, by which the cleanup recognizes it.
    folder.join(format!("{SPOOL_PREFIX}{:016x}.part", request as u64))
}

fn note_path(path: &Path) -> PathBuf {
    path.with_extension("note")
}

/// Removes a partial download and its note.
pub(crate) fn remove(path: &Path) {
    // They may not exist, which is fine.
    let _ = fs::remove_file(path);
    let _ = fs::remove_file(note_path(path));
}

/// Opens a file of ours for reading and writing; a symbolic link is not followed.
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
        let mut first = SpoolFile::create(&plan(folder), Some(&note(7)), false).unwrap();
        first.write(b"01234").unwrap();
    }

    #[test]
    fn a_broken_download_is_found_again_and_ends_with_the_digest_of_the_whole() {
        let folder = tempfile::tempdir().unwrap();
        half(folder.path());
        let partial = Partial::find(folder.path(), &url(), 7).unwrap();
        assert_eq!(partial.length, 5);
        let mut second = SpoolFile::append(&plan(folder.path()), partial, false).unwrap();
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
        let first = SpoolFile::create(&plan, Some(&note(7)), false).unwrap();
        let second = SpoolFile::create(&plan, Some(&note(7)), false).unwrap();
        assert_ne!(first.path, second.path);
    }

    #[test]
    fn what_cannot_be_resumed_is_removed_when_it_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = SpoolFile::create(&plan(folder.path()), None, false).unwrap();
        file.write(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
