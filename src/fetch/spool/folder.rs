//! The names and notes of partial downloads in their folder.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::page::body::SPOOL_PREFIX;
use crate::page::partial::Note;

pub(super) fn resumable_path(folder: &Path, request: u128) -> PathBuf {
    // The name is as long as those of temporary files, by which the cleanup recognizes it.
    folder.join(format!("{SPOOL_PREFIX}{:016x}.part", request as u64))
}

/// The path of the file that a note is about.
pub(super) fn path_of(folder: &Path, note: &Note) -> Option<PathBuf> {
    Some(resumable_path(folder, note.key()?))
}

pub(super) fn note_path(path: &Path) -> PathBuf {
    path.with_extension("note")
}

pub(super) fn read_note(path: &Path) -> Option<Note> {
    serde_json::from_slice(&fs::read(note_path(path)).ok()?).ok()
}

pub(super) fn write_note(path: &Path, note: &Note) -> io::Result<()> {
    let note = serde_json::to_vec(note).map_err(io::Error::other)?;
    fs::write(note_path(path), note)
}

/// Opens a segment that is complete.
pub(super) fn open_segment(folder: &Path, note: &Note) -> io::Result<(PathBuf, File)> {
    let path = path_of(folder, note).ok_or_else(|| io::Error::other("not a request"))?;
    let file = open_own(&path)?;
    file.try_lock()?;
    let is_complete = file.metadata()?.len() == note.length();
    match is_complete && read_note(&path).as_ref() == Some(note) {
        true => Ok((path, file)),
        false => Err(io::Error::other("a segment is no longer complete")),
    }
}

/// Removes the files of segments that are not to be joined.
pub(crate) fn remove_segments(folder: &Path, notes: &[Note]) {
    for path in notes.iter().filter_map(|note| path_of(folder, note)) {
        remove(&path);
    }
}

/// Removes a partial download and its note.
pub(crate) fn remove(path: &Path) {
    // They may not exist, which is fine.
    let _ = fs::remove_file(path);
    let _ = fs::remove_file(note_path(path));
}

/// Opens a file of ours for reading and writing; a symbolic link is not followed.
pub(super) fn open_own(path: &Path) -> io::Result<File> {
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
