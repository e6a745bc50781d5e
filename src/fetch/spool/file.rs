//! A file that a body is being written to.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::folder::{note_path, open_own, open_segment, path_of, remove, write_note};
use super::partial::Partial;
use crate::fetch::plan::SpoolPlan;
use crate::page::body::{SPOOL_PREFIX, Spool};
use crate::page::partial::Note;

/// A file that a body is being written to.
#[derive(Debug)]
pub(crate) struct SpoolFile {
    file: File,
    path: PathBuf,
    length: u64,
    hash: Option<Sha256>,
    stays: Stays,
    finished: bool,
}

/// Whether a file stays in the folder when it is no longer written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stays {
    /// Only if it is complete; then it is the body.
    Complete,
    /// Also if it is partial: with its note, it can be continued.
    Partial,
    /// In any case with its note: it is joined with others.
    Segment,
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
        let resumable = note.and_then(|note| Some((note, path_of(&plan.folder, note)?)));
        if let Some((note, path)) = resumable {
            let file = open_own(&path)?;
            // If another download of the same request has the name, use a temporary file.
            if file.try_lock().is_ok() {
                file.set_len(0)?;
                write_note(&path, note)?;
                return Ok(Self {
                    file,
                    path,
                    length: 0,
                    hash,
                    stays: Stays::Partial,
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
            stays: Stays::Complete,
            finished: false,
        })
    }

    /// Continues a partial download.
    ///
    /// # Errors
    /// Any error of the file system.
    pub(crate) fn append(plan: &SpoolPlan, partial: Partial, digest: bool) -> io::Result<Self> {
        let Partial {
            note,
            mut file,
            path,
            length,
        } = partial;
        let stays = match note.segment {
            Some(_) => Stays::Segment,
            None => Stays::Partial,
        };
        let mut hash = (plan.digest || digest).then(Sha256::new);
        let read = match hash.as_mut().filter(|_| stays == Stays::Partial) {
            // Reading the file feeds the digest, and leaves the position at its end.
            Some(hash) => copy(&mut file, &mut io::sink(), hash)?,
            None => file.seek(SeekFrom::End(0))?,
        };
        if read != length {
            return Err(io::Error::other(
                "the partial download changed while it was resumed",
            ));
        }
        Ok(Self {
            file,
            path,
            length,
            hash: hash.filter(|_| stays == Stays::Partial),
            stays,
            finished: false,
        })
    }

    /// Joins the segments of a body, in this order, and removes their files.
    ///
    /// # Errors
    /// When one of them is not complete, or any error of the file system.
    pub(crate) fn join(plan: &SpoolPlan, notes: &[Note], digest: bool) -> io::Result<Self> {
        let mut segments = notes.iter().map(|note| open_segment(&plan.folder, note));
        let (path, mut file) = segments
            .next()
            .unwrap_or_else(|| Err(io::Error::other("a body without segments")))?;
        let mut hash = (plan.digest || digest).then(Sha256::new);
        let mut length = match &mut hash {
            Some(hash) => copy(&mut file, &mut io::sink(), hash)?,
            None => file.seek(SeekFrom::End(0))?,
        };
        for segment in segments {
            let (path, mut segment) = segment?;
            length += match &mut hash {
                Some(hash) => copy(&mut segment, &mut file, hash)?,
                // The kernel copies it.
                None => io::copy(&mut segment, &mut file)?,
            };
            remove(&path);
        }
        Ok(Self {
            file,
            path,
            length,
            hash,
            stays: Stays::Partial,
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

    /// Completes the body, and removes its note; `None` for a segment, which stays.
    pub(crate) fn finish(mut self) -> Option<Spool> {
        self.finished = true;
        match self.stays {
            Stays::Segment => return None,
            // A note that stays does no harm: its length no longer fits.
            Stays::Partial => drop(fs::remove_file(note_path(&self.path))),
            Stays::Complete => {}
        }
        let digest = self.hash.take().map(|hash| hash.finalize().into());
        let path = std::mem::take(&mut self.path);
        Some(Spool::adopt(path, self.length, digest))
    }
}

impl Drop for SpoolFile {
    fn drop(&mut self) {
        if !self.finished && self.stays == Stays::Complete {
            remove(&self.path);
        }
    }
}

/// Copies the rest of a file, and adds its bytes to a digest.
fn copy(from: &mut File, to: &mut impl Write, hash: &mut Sha256) -> io::Result<u64> {
    let mut buffer = vec![0; 256 << 10];
    let mut copied = 0;
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(copied);
        }
        to.write_all(&buffer[..count])?;
        hash.update(&buffer[..count]);
        copied += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::url::PageUrl;

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
            segment: None,
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
        let spool = second.finish().unwrap();
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
